"""Surveys: questions, groups and human answers, one module a source.

In come files, or data that travel with the package; out goes a `Survey`. A dataset is a class
with `load` and a YAML file; what several share lies in `distexp.dataset.files`.
"""
