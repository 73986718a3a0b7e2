"""From estimates to scores: splits by question, held-out predictions, intervals, comparisons.

In comes a study and its calibrators; out goes a `Result`. How splits are drawn and intervals made
may change here without asking next door; what a score is called may not (`distexp.metrics`).
"""

from distexp.evaluation.evaluation import Evaluation, Result

__all__ = ["Evaluation", "Result"]
