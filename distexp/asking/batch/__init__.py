"""Requests answered in batches: handed over, remembered, waited for, collected, paid once.

In come requests of models; out goes the same `Outcome` as of calls made one by one.
"""
