"""What a run leaves and says: tables, sentences, figures, and the forecast of a plan.

In come results; out go text and files. Words and figures may change here without asking next
door; the columns of written tables may not, for `distexp.view` reads those of earlier runs.
"""
