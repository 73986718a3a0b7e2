"""What can be found out about a cache: totals, faults, differences and why an answer is missing."""
