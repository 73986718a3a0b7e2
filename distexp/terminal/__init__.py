"""What stands on a terminal: tables and texts of a given width, and one line about what goes on.

In come texts, which are made visible here, whoever wrote them; out goes plain text, or what rich
makes of it where a terminal shows colours (`NO_COLOR` turns them off). Nothing here prints but
the line about what goes on, on standard error.
"""
