"""A few people's answers joined with an estimate, and how many people to ask of what.

In come shares, counts and files of answers; out go estimates with intervals, what a model was
worth in respondents, and numbers of people to ask. Nothing here knows a card or asks a model. How
worth is learnt may change; what it means, the weight of a Dirichlet prior, may not: cards hold it.
"""
