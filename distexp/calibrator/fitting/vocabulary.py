"""What the features of a boundary are made of, and how much each is penalised."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from distexp.types import Design, IntArray

PENALTIES = {
    "baseline": (2.0, 0.6, 0.6),
    "own_baseline": (1.0,),
    "level": (0.1,),
    "deviation": (0.1,),
    "own_slope": (1.0,),
    "mean": (0.3, 0.3, 1.0, 1.0),
    "own_mean": (1.0,),
    "neighbours": (0.1, 0.1),
    "bent": (0.5, 5.0),
    "spread": (1.0, 1.0),
    "inputs": (0.05,),
    "groups": (3.0, 3.0, 3.0),
    "axes": (0.1,),
    "scales": (4.0,),
}
"""Relative penalties of the coefficients, by block of features: small for what every survey needs,
larger the more special a feature is, and for the baselines large enough that one question does not
set them. A block with one number has it for all of its features; `axes` stand in the blocks of
the groups. That of `inputs` is for each of them: times their number, so that the weights of many
are expected to differ from their plain mean by no more in all than those of few."""

VARIABLES = (
    "one", "level", "deviation", "mean_level", "mean_deviation", "before", "after", "bent",
    "logit", "spread",
)  # fmt: skip
"""What the features of a boundary are made of; two of each stacked input follow. Level, before,
after, bent and logit are less what the uniform distribution has."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the features name. The scales' features stand last."""

    sizes: list[int]
    """Numbers of options that have baselines and slopes of their own."""
    groups: list[int]
    """Groups of people that have effects of their own; empty if pooled."""
    scales: list[int]
    """Answer scales that several questions share, which have a shift and a tilt of their own."""
    n_inputs: int
    """Stacked inputs; 0 where there is a single prediction."""
    n_axes: int = 0
    """Main directions of the groups' deviations to which each group answers in its own way."""

    @classmethod
    def of(cls, X: Design, *, by_group: bool, n_axes: int = 0) -> Self:
        """Return what occurs in `X`."""
        return cls(
            sizes=np.unique(X.n_options).tolist(),
            groups=np.unique(X.group).tolist() if by_group else [],
            scales=[] if X.scale is None else _shared(X.scale, X.question),
            n_inputs=0 if X.inputs is None else X.inputs.shape[1],
            n_axes=n_axes if by_group else 0,
        )

    @property
    def n_own(self) -> int:
        """Number of features of each group: shift, tilt, slope of its deviation, and the axes."""
        return len(PENALTIES["groups"]) + self.n_axes


def _shared(scale: IntArray, question: IntArray) -> list[int]:
    """Return the answer scales that more than one question has."""
    of_question = np.unique(np.column_stack([scale, question]), axis=0)[:, 0]
    scales, n_questions = np.unique(of_question, return_counts=True)
    shared: list[int] = scales[n_questions > 1].tolist()
    return shared
