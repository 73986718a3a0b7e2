"""From measures per case to scores: values with their intervals and what they rest on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from distexp.draws import CEILING, RAW, REFERENCE, Draws
from distexp.measures import Frame, Measures
from distexp.resampling import interval
from distexp.types import BoolArray

__all__ = (
    "CEILING", "METRICS", "RAW", "REFERENCE", "SMALLER_IS_BETTER", "Score", "score_methods",
)  # fmt: skip

METRICS = (
    "w1", "alignment", "w1_reduction", "alignment_gain", "gap_closed", "w1_skill", "worst_group",
    "tv", "kl", "entropy_ratio", "peak_ratio", "option_correlation", "respondents",
    "modal_accuracy", "mean_error", "group_ranking", "population_error",
)  # fmt: skip
"""In the order of the tables; `docs/methods.md` defines them."""
SMALLER_IS_BETTER = frozenset({"w1", "tv", "kl", "mean_error", "population_error"})
"""Of the others more is better, but for the ratios, which are best at 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One number with its interval; NaN where it is not defined."""

    calibrator: str
    metric: str
    detail: str | None = None
    """Of `worst_group`, which one it is."""
    value: float
    low: float
    high: float
    n_questions: int
    """That the number rests on; so are the next two."""
    n_groups: int
    n_respondents: float
    """Summed over the questions and groups, effective numbers where answers are weighted; NaN
    where one is unknown."""


def score_methods(
    measures: Mapping[str, Measures],
    frame: Frame,
    *,
    n_bootstrap: int,
    seed: int,
    confidence: float,
) -> Iterator[Score]:
    """Average the measures of each method over cases, and compare the methods.

    Parameters
    ----------
    measures : mapping of str to Measures
        By calibrator; `RAW`, `REFERENCE` and `CEILING` among them. Cases that were never tested
        are NaN in `RAW`, and count for no method.
    frame : Frame of n_cases cases
    n_bootstrap : int
        Resamples of the questions; the same ones for every method and metric.
    seed : int
        Of the resamples.
    confidence : float
        Coverage of the percentile intervals, in (0, 1).
    """
    draws = Draws(measures, frame, n_bootstrap, seed)
    counted: dict[bytes, tuple[int, int, float]] = {}
    for name in measures:
        drawn = draws.of(name)
        for metric in (m for m in METRICS if m in drawn):
            cases = drawn[metric].cases
            key = cases.tobytes()
            if key not in counted:  # most numbers rest on the same cases
                counted[key] = _counts(frame, cases)
            n_questions, n_groups, n_respondents = counted[key]
            value, low, high = interval(drawn[metric].draws, confidence)
            yield Score(
                calibrator=name,
                metric=metric,
                detail=drawn[metric].detail,
                value=value,
                low=low,
                high=high,
                n_questions=n_questions,
                n_groups=n_groups,
                n_respondents=n_respondents,
            )


def _counts(frame: Frame, cases: BoolArray) -> tuple[int, int, float]:
    """Count questions, groups and respondents; each question of a group once."""
    question, group = frame.design.question[cases], frame.design.group[cases]
    _, first = np.unique(question * len(frame.groups) + group, return_index=True)
    n_respondents = float(frame.n_respondents[cases][first].sum())  # NaN if one is
    return len(np.unique(question)), len(np.unique(group)), n_respondents
