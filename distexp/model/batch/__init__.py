"""Batches: many requests handed over at once and answered within a day, at half the price.

In come requests; out go bodies of batches, their states and, row by row, responses or failures.
Each provider is a module with one class; what is in flight is remembered by `distexp.cache`.
"""
