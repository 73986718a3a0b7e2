"""What can be found out about a cache: totals, faults, differences, and why an answer is missing.

In comes a cache; out go findings. Nothing here changes an answer.
"""
