"""What a run leaves and says: tables, sentences, figures and the forecast of a plan.

In come results; out go files and text. Words, tables and figures may change here; the schemas of written tables are read by
`distexp.view` and by earlier versions.
"""
