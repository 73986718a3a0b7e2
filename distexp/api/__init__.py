"""distexp from Python: the parts of the command line as functions, the same numbers and errors.

In come names and settings as in `conf/`; out come objects with short representations whose tables
are Polars frames. `distexp` exposes them lazily, so that importing it costs nothing:

>>> import distexp as dx
>>> survey = dx.survey("gss2018", attributes=["sex"])
>>> survey
gss2018: 24 questions, 2 groups, 48 cases
"""
