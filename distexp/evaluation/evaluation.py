"""Out-of-sample scores of calibrators, beside their baselines and the human ceiling.

Every number is made on questions that the calibrator did not see. A case's score is the mean
over the splits that held its question out; a score is the mean over cases; its interval comes
from resampling whole questions, because the groups of one question are not independent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from distexp.calibrator.blind import Blind
from distexp.calibrator.fitting.base import uniform
from distexp.checks import check_bool, check_int, check_number, parameter_error
from distexp.evaluation.baselines import BASELINES, CEILING, RAW, REFERENCE
from distexp.evaluation.bootstrap import Bootstrap
from distexp.evaluation.comparison import Comparison, compare
from distexp.evaluation.declared import leading, pairs, too_few
from distexp.evaluation.fits import check_fits, cross_fit
from distexp.evaluation.jackknife import Jackknife, groups_of
from distexp.evaluation.layout import (
    Frame,
    answered,
    design_of,
    frame_of,
    perfect,
    respondent_weights,
)
from distexp.evaluation.measures import Measures, ceiling, mean_over_splits, measure
from distexp.evaluation.refits import shifts
from distexp.evaluation.result import Result
from distexp.evaluation.scores import score_methods
from distexp.evaluation.splits import Split, check_split_params
from distexp.evaluation.suspicions import IGNORING, degenerate, suspicions
from distexp.evaluation.topics import NewTopics, of_new_topics
from distexp.evaluation.units import HOLD_OUTS, Units, named, together
from distexp.metrics.names import METRIC
from distexp.protocols import Calibrator, Searching
from distexp.types import (
    BoolArray,
    Case,
    Condition,
    Design,
    FloatArray,
    IntArray,
    Study,
)

__all__ = ("BASELINES", "Evaluation", "Result", "cross_fit", "design_of")

UNREADABLE = ("leave_out", "uniform")
WEIGHTS = ("equal", "respondents")
INTERVALS = ("jackknife", "bootstrap")

MOST_DRAWS = 1_000_000
"""Of a bootstrap, of ceilings and of flips: more would take the memory of any machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
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

    def check(self, cases: Sequence[Case], calibrators: Mapping[str, Calibrator]) -> str | None:
        """Fit every calibrator once, as if the model were right, before anything is paid for.

        Returns
        -------
        str or None
            What no answer can change: that there are too few questions for a verdict.

        Raises
        ------
        ConfigError
            If a calibrator has a wrong setting or name, or cannot be fitted.
        DatasetError
            If there are too few questions.
        """
        cases = [case for case in cases if case.human is not None]
        condition = Condition(dataset="", model="", elicitation="", prompt="")
        study = Study(condition=condition, cases=tuple(cases), estimates=perfect(cases))
        design, human, readable = design_of(study)
        split, *_ = self._splits_of(study, design, readable, self.units(cases))
        check_fits(calibrators, design, human, split, self.weight_of(study))
        return self.too_few(design, calibrators)

    def run(self, study: Study, calibrators: Mapping[str, Calibrator]) -> Result:
        """Train `calibrators` and the baselines on each split, and score them.

        Parameters
        ----------
        study : Study
            All of its questions are split, so that studies of the same questions share splits;
            cases without a readable estimate are then left out of training and test, or are
            taken for uniform, as `unreadable` says; what was not asked is left out. Questions
            that prompts showed are trained on and never tested. Open cases are left out first:
            the arrays of the result are of the others.
        calibrators : mapping of str to Calibrator
            `identity`, `uniform` and `train_mean` are always added.

        Returns
        -------
        Result
            Without scores, and with a note, where too few estimates could be read.

        Raises
        ------
        ConfigError
            If `weights` needs a number of respondents that is unknown.
        DatasetError
            If there are too few questions.
        """
        study = answered(study)
        design, human, readable = self.laid_out(study)
        units = self.units(study.cases)
        if not units.plain:
            design = replace(design, unit=units.inner)
        splits = self._splits_of(study, design, readable, units)
        if not all(split.train.any() for split in splits) or not any(
            split.test.any() for split in splits
        ):
            return Result(
                note=f"Only {readable.sum()} of {len(readable)} estimates could be read: too few "
                "to train and test on. The replies are in unreadable.parquet."
            )
        weight = self.weight_of(study)
        methods: dict[str, Calibrator] = {RAW: BASELINES[RAW](), **calibrators}
        methods |= {name: made() for name, made in BASELINES.items() if name not in methods}
        frame = frame_of(study, design, human)
        measures, calibrated, ignored = {}, {}, {}
        for name, method in methods.items():  # one at a time: splits times cases times options
            predicted = cross_fit(method, design, human, splits, weight)
            measures[name] = measure(predicted, frame, extras=self.extras)
            calibrated[name] = mean_over_splits(predicted)
            if self.extras and not isinstance(method, IGNORING):
                ignored[name] = degenerate(design, predicted)
            del predicted
        measures[CEILING] = ceiling(
            frame,
            np.any([split.test for split in splits], axis=0),
            n_draws=self.n_ceiling_draws,
            seed=self.seed,
            extras=self.extras,
        )
        unit = design.question if units.plain else units.redrawn
        resampling = self._resampling(unit, splits)
        moved, unfit = shifts(methods, frame, splits, resampling, weight, unit, extras=self.extras)
        scores, as_fitted = (
            score_methods(
                measures, frame, resampling, of_fits,
                confidence=self.confidence, unit=unit, blind=_blind(methods),
            )
            for of_fits in (moved, {})
        )  # fmt: skip
        result = Result(
            scores=tuple(scores),
            as_fitted=tuple(score for score in as_fitted if METRIC[score.metric].on_card),
            per_case={name: of_method.distances for name, of_method in measures.items()},
            calibrated=calibrated,
            scopes={name: method.scope for name, method in methods.items()},
            n_train=min(len(np.unique(design.question[split.train])) for split in splits),
            n_splits=len(splits),
            comparisons=self._comparisons(
                measures, unit, methods, tuple(calibrators), resampling, moved
            ),
            leading=leading(methods, tuple(calibrators)),
            ignoring=frozenset(
                name for name, method in methods.items() if isinstance(method, IGNORING)
            ),
            trials={
                name: method.trials_
                for name, method in methods.items()
                if isinstance(method, Searching)
            },
            warnings=(
                *filter(None, [self.too_few(design, calibrators)]),
                *(suspicions(methods, ignored, design, splits) if self.extras else ()),
                *unfit,
            ),
        )
        return replace(result, new_topics=self._new_topics(study, methods, frame, readable))

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

    def _splits_of(
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

    def _resampling(self, unit: IntArray, splits: Sequence[Split]) -> Jackknife | Bootstrap:
        """Return how questions, or batteries, are redrawn for the intervals."""
        if self.intervals == "jackknife":
            return Jackknife(*groups_of(unit, splits))
        tested = np.any([split.test for split in splits], axis=0)
        return Bootstrap(unit[tested], self.n_bootstrap, self.seed)

    def too_few(self, design: Design, calibrators: Mapping[str, Calibrator]) -> str | None:
        """Say that there are too few questions for a verdict; None without `extras`, too."""
        if not self.extras:
            return None
        return too_few(design, calibrators, self.n_flips, self.confidence)

    def _new_topics(
        self, study: Study, methods: Mapping[str, Calibrator], frame: Frame, readable: BoolArray
    ) -> NewTopics | None:
        """Score the methods with each battery held out, where that is to be said too."""
        if self.hold_out != "auto" or len(set(named(study.cases).values())) < 2:
            return None
        units = Units.by_battery(study.cases)
        splits = self._splits_of(study, frame.design, readable, units)
        return of_new_topics(
            methods,
            frame,
            units,
            splits,
            self.weight_of(study),
            partial(self._resampling, units.redrawn),
            seed=self.seed,
            confidence=self.confidence,
            blind=_blind(methods),
        )

    def _comparisons(
        self,
        measures: Mapping[str, Measures],
        unit: IntArray,
        methods: Mapping[str, Calibrator],
        calibrators: Sequence[str],
        resampling: Jackknife | Bootstrap,
        moved: Mapping[str, Measures],
    ) -> tuple[Comparison, ...]:
        """Compare the calibrators with raw, the training mean and each other."""
        if not self.extras:
            return ()
        others = [name for name in calibrators if name not in BASELINES]
        return compare(
            {name: measures[name] for name in (*others, RAW, REFERENCE)},
            unit,
            pairs(others, (RAW, REFERENCE)),
            resampling=resampling,
            shifts=moved,
            references=(RAW, REFERENCE),
            leading=leading(methods, calibrators),
            n_flips=self.n_flips,
            seed=self.seed,
            confidence=self.confidence,
        )


def _blind(methods: Mapping[str, Calibrator]) -> tuple[str, ...]:
    """Return the calibrators from which the model's answers are withheld."""
    return tuple(name for name, method in methods.items() if isinstance(method, Blind))
