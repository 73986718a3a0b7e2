"""Tables and figures that answer one question over one or many runs.

In come the tables that runs left, of this version or an earlier one; out go a table, a figure and
sentences. A view is a class and a YAML file.
"""
