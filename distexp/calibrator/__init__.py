"""Corrections of predicted distributions, learned on other questions: one module a kind.

In comes a `Design` with human distributions of training cases; out go distributions of any case.
A calibrator is a class with `check_params`, `fit` and `predict`, and a YAML file; what several
share lies in `distexp.calibrator.fitting`. Cards name these classes: their addresses stay.
"""
