"""What an evaluation found for one study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from distexp.evaluation.baselines import BASELINES, RAW
from distexp.evaluation.comparison import Comparison
from distexp.evaluation.group_scores import GroupScore, Spread
from distexp.evaluation.refits import Refit
from distexp.evaluation.scores import Score
from distexp.evaluation.topics import NewTopics
from distexp.metrics.distance import Scores
from distexp.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an evaluation found for one model, elicitation and prompt."""

    scores: tuple[Score, ...] = ()
    as_fitted: tuple[Score, ...] = ()
    """What a card states, with intervals that take the fits as they are: a calibrator that is
    shipped learnt from these questions and no others."""
    per_case: dict[str, Scores] = field(default_factory=dict)
    """For each calibrator and the ceiling, the distances of each case, of shape (n_cases,); NaN
    for a case that was never held out."""
    calibrated: dict[str, FloatArray] = field(default_factory=dict)
    """For each calibrator, shape (n_cases, max_options): the mean of its predictions over the
    splits that held the case's question out; NaN for a case that was never held out."""
    scopes: dict[str, str] = field(default_factory=dict)
    """For each calibrator, how it tells groups of people apart."""
    n_train: int = 0
    """Questions trained on: the fewest of all splits."""
    comparisons: tuple[Comparison, ...] = ()
    """Of the calibrators with the uncalibrated prediction, the training mean and each other."""
    leading: str = RAW
    """The method whose comparisons are primary: the first calibrator that asks the model."""
    ignoring: frozenset[str] = frozenset()
    """Calibrators whose predictions do not depend on the model."""
    warnings: tuple[str, ...] = ()
    """What makes a fit suspect: the model ignored, few examples, extrapolation."""
    trials: dict[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    """For each calibrator that was tuned, what was tried; see `distexp.tuning.trials`."""
    n_splits: int = 0
    group_scores: tuple[GroupScore, ...] = ()
    """The distance of each group of people; empty without shape and tasks, as is the next."""
    spreads: tuple[Spread, ...] = ()
    """How far apart the groups of each attribute are."""
    refits: tuple[Refit, ...] = ()
    """What leaving each group of questions out of the fits does to each method."""
    new_topics: NewTopics | None = None
    """The scores with each battery held out as a whole; None where that was not asked for."""
    size: str = ""
    """Of a large study, how often calibrators were fitted and what makes that fewer times."""
    note: str = ""
    """Why there are no scores."""

    @property
    def has_blind(self) -> bool:
        """Whether something beside the baselines was scored from which the model is withheld."""
        return bool(self.ignoring - BASELINES.keys())

    def __repr__(self) -> str:
        return f"Result({len(self.scores)} scores of {', '.join(self.per_case)}{self.note})"
