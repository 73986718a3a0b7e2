"""How calibrators are trained and scored: the settings, and what follows from them alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from distexp.calibrator.fitting.base import uniform
from distexp.checks import check_bool, check_int, check_number, parameter_error
from distexp.evaluation.bootstrap import Bootstrap
from distexp.evaluation.declared import too_few
from distexp.evaluation.jackknife import Jackknife, groups_of
from distexp.evaluation.layout import design_of, respondent_weights
from distexp.evaluation.splits import Split, check_split_params
from distexp.evaluation.units import HOLD_OUTS, Units, together
from distexp.protocols import Calibrator
from distexp.types import BoolArray, Case, Design, FloatArray, IntArray, Study

UNREADABLE = ("leave_out", "uniform")
WEIGHTS = ("equal", "respondents")
INTERVALS = ("jackknife", "bootstrap")

MOST_DRAWS = 1_000_000
"""Of a bootstrap, of ceilings and of flips: more would take the memory of any machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How calibrators are trained and scored.

    Parameters
    ----------
    n_splits : int
        Repeated splits by question; by battery or dataset, splits at most.
    test_size : float
        Share of the questions held out in a split, in (0, 1).
    seed : int
        Of splits, bootstrap and ceiling.
    hold_out : {"auto", "question", "battery", "dataset"}
        What is tested is held out by question, with those that are worded alike; by battery,
        each once as a whole; or by dataset, likewise. `auto` is by question and, where questions
        name two batteries, by battery too; see `Result.new_topics`. Calibrators choose inside
        the training questions by the same. With `battery`, batteries are proposed where none are
        named, and questions without one are trained on and never tested.
    n_train : int, optional
        At most so many of a split's training questions are trained on, drawn at random; more of
        them include the fewer. None trains on all.
    intervals : {"jackknife", "bootstrap"}
        How intervals are made: by leaving out groups of questions with the calibrators fitted
        again and quantiles of t, or by redrawing questions with fits as they are, which is
        quicker and covers too little.
    n_bootstrap : int
        Resamples of the questions behind each interval of the bootstrap.
    n_ceiling_draws : int
        Resamples of the respondents behind the human ceiling.
    confidence : float
        Coverage of the intervals, in (0, 1).
    unreadable : {"leave_out", "uniform"}
        What becomes of a case whose estimate could not be read. It is counted either way;
        `uniform` scores it as an even guess, as some of the literature does.
    weights : {"equal", "respondents"}
        What a training case weighs: as much as any other, or as many people as answered it, over
        the mean of all. Scores weigh all cases alike either way.
    n_flips : int
        Sign flips by question behind each p-value.
    equivalence : float, optional
        Where the interval of the skill lies within this of 0, the report says that the model adds
        nothing that matters, e.g. 0.05. None leaves that open.
    extras : bool
        Whether to measure shape, tasks and the worth in respondents too, compare the methods and
        look for suspect fits. Distances and gains are the same without, and sooner there.
    """

    n_splits: int = 50
    test_size: float = 0.2
    seed: int = 0
    hold_out: str = "auto"
    n_train: int | None = None
    intervals: str = "jackknife"
    n_bootstrap: int = 2000
    n_ceiling_draws: int = 200
    confidence: float = 0.95
    unreadable: str = "leave_out"
    weights: str = "equal"
    n_flips: int = 10_000
    equivalence: float | None = None
    extras: bool = True

    def __post_init__(self) -> None:
        check_split_params(self.n_splits, self.test_size, self.seed)
        if self.n_train is not None:
            check_int("evaluation", "n_train", self.n_train, minimum=1)
        check_int("evaluation", "n_bootstrap", self.n_bootstrap, minimum=1, maximum=MOST_DRAWS)
        check_int(
            "evaluation", "n_ceiling_draws", self.n_ceiling_draws, minimum=1, maximum=MOST_DRAWS
        )
        check_number(
            "evaluation",
            "confidence",
            self.confidence,
            low=0,
            high=1,
            low_open=True,
            high_open=True,
        )
        check_int("evaluation", "n_flips", self.n_flips, minimum=1, maximum=MOST_DRAWS)
        if self.equivalence is not None:
            check_number(
                "evaluation", "equivalence", self.equivalence, low=0, high=1, low_open=True
            )
        check_bool("evaluation", "extras", self.extras)
        for parameter, known in (
            ("unreadable", UNREADABLE), ("weights", WEIGHTS), ("hold_out", HOLD_OUTS),
            ("intervals", INTERVALS),
        ):  # fmt: skip
            if (value := getattr(self, parameter)) not in known:
                raise parameter_error("evaluation", parameter, f"one of {', '.join(known)}", value)

    def splits(self, cases: Sequence[Case]) -> list[Split]:
        """Split `cases` as `hold_out` says.

        Raises
        ------
        DatasetError
            If there are too few questions or batteries.
        """
        return self.units(cases).splits(self.n_splits, self.test_size, self.seed)

    def arranged(self, studies: Sequence[Study]) -> list[Study]:
        """Return the studies to run: by dataset, those that were asked alike put together.

        Raises
        ------
        ConfigError
            If that is to be by dataset and no two surveys were asked about alike.
        """
        return together(studies) if self.hold_out == "dataset" else list(studies)

    def units(self, cases: Sequence[Case]) -> Units:
        """Return what is held out together; with `auto`, of the first of its evaluations."""
        by_question = self.hold_out in ("auto", "question")
        return Units.by_question(cases) if by_question else Units.by_battery(cases)

    def laid_out(self, study: Study) -> tuple[Design, FloatArray, BoolArray]:
        """Lay a study out as `layout.design_of` does, unreadable estimates as set here."""
        design, human, readable = design_of(study)
        if self.unreadable == "uniform":
            guessed = ~readable & [
                estimate.status == "parse_error" for estimate in study.estimates
            ]
            design.predicted[guessed] = uniform(design)[guessed]
            design.stacked[guessed] = design.predicted[guessed][:, None]
            readable = readable | guessed
        return design, human, readable

    def weight_of(self, study: Study) -> FloatArray | None:
        """Return what each case weighs in training, 1 on average; None where all are equal."""
        if self.weights == "equal":
            return None
        return respondent_weights(study)

    def splits_of(
        self, study: Study, design: Design, readable: BoolArray, units: Units
    ) -> list[Split]:
        """Return the splits, without what cannot be read and what must not be tested."""
        shown = np.array([case.question.question_id in study.shown for case in study.cases])
        untested = units.untested(shown)
        splits = []
        drawn = units.splits(self.n_splits, self.test_size, self.seed)
        for number, split in enumerate(drawn):
            test = split.test & ~untested
            train = ~(test | np.isin(units.twin, units.twin[test])) & readable
            if self.n_train is not None:
                order = np.random.default_rng([self.seed, 2, number]).permutation(
                    np.unique(design.question[train])
                )
                train &= np.isin(design.question, order[: self.n_train])
            splits.append(Split(train=train, test=test & readable))
        return splits

    def resampling(
        self, unit: IntArray, splits: Sequence[Split], cluster: IntArray | None = None
    ) -> Jackknife | Bootstrap:
        """Return how questions, or batteries, are redrawn for the intervals.

        Clusters, of shape (n_cases,), are left out or redrawn as a whole where they are given.
        """
        if self.intervals == "jackknife":
            return Jackknife(*groups_of(unit, splits, cluster))
        tested = np.any([split.test for split in splits], axis=0)
        whole = None if cluster is None else cluster[tested]
        return Bootstrap(unit[tested], self.n_bootstrap, self.seed, whole)

    def too_few(
        self,
        design: Design,
        units: Units,
        splits: Sequence[Split],
        calibrators: Mapping[str, Calibrator],
    ) -> str | None:
        """Say that there are too few questions for a verdict; None without `extras`, too."""
        if not self.extras:
            return None
        tested = np.any([split.test for split in splits], axis=0)
        return too_few(design, units.judged, tested, calibrators, self.n_flips, self.confidence)
