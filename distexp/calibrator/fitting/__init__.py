"""What calibrators are made of: features, bases, losses, solvers. No user chooses any of it.

In come arrays and designs; out go coefficients and predictions. It may change as long as
predictions stay what they are.
"""
