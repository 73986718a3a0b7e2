"""How survey files are read: columns, codes, codebooks, respondents, cells. Nothing here is chosen by a user."""
