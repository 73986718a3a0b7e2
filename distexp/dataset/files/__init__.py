"""How survey files are read: columns, codes, codebooks, respondents, cells.

In come paths and codebooks; out go columns, cells, and errors that name file, column and value.
What a file holds is data and never executed.
"""
