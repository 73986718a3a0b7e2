"""From estimates to scores: splits by question, out-of-sample predictions, intervals and comparisons.

In comes a study and its calibrators; out goes a `Result`. How splits are drawn and intervals made may change here; what a score
is called may not (`distexp.metrics`).
"""
