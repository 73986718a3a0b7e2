"""Search for the settings of calibrators, inside the training questions.

In comes a space of settings and what each loses; out go trials, the same for the same seed. It
knows nothing of calibrators.
"""
