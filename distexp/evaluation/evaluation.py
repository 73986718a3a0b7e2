"""Out-of-sample scores of calibrators, beside their baselines and the human ceiling.

Every number is made on questions that the calibrator did not see. A case's score is the mean
over the splits that held its question out; a score is the mean over cases; its interval comes
from resampling whole questions, because the groups of one question are not independent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from distexp.calibrator.baseline import Identity, Uniform
from distexp.calibrator.blind import Blind
from distexp.evaluation.baselines import BASELINES, CEILING, RAW, REFERENCE
from distexp.evaluation.bootstrap import Bootstrap
from distexp.evaluation.comparison import Comparison, compare
from distexp.evaluation.declared import leading, pairs
from distexp.evaluation.duration import lengthy, sized
from distexp.evaluation.fits import check_fits, cross_fit, one_thread
from distexp.evaluation.group_scores import ByGroup
from distexp.evaluation.jackknife import Jackknife
from distexp.evaluation.layout import (
    Frame,
    answered,
    design_of,
    frame_of,
    perfect,
)
from distexp.evaluation.measures import Measures, ceiling, mean_over_splits, measure
from distexp.evaluation.refits import Refit, count_refits, refit_means, refitted, shifts
from distexp.evaluation.result import Result
from distexp.evaluation.scores import METRICS, ON_CARD, score_methods
from distexp.evaluation.settings import Settings
from distexp.evaluation.suspicions import IGNORING, degenerate, suspicions
from distexp.evaluation.topics import NewTopics, of_new_topics
from distexp.evaluation.units import Units, named
from distexp.protocols import Calibrator, Searching, rehearsal_of
from distexp.types import (
    BoolArray,
    Case,
    Condition,
    IntArray,
    Study,
)

__all__ = ("BASELINES", "Evaluation", "Result", "cross_fit", "design_of")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation(Settings):
    """Trains calibrators and scores them, as its settings say; these are its parameters."""

    @one_thread()
    def check(self, cases: Sequence[Case], calibrators: Mapping[str, Calibrator]) -> str | None:
        """Fit every calibrator once, as if the model were right, before anything is paid for.

        Returns
        -------
        str or None
            What no answer can change: that there are too few questions for a verdict, and that the
            analysis takes long.

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
        units = self.units(cases)
        splits = self.splits_of(study, design, readable, units)
        unit = design.question if units.plain else units.redrawn
        resampling = self.resampling(unit, splits, units.clusters)
        again = refitted(splits, resampling, units.judged, design.ordinals)
        n_refits = count_refits([splits[number] for number in again], resampling, unit)
        weight = self.weight_of(study)
        efforts = check_fits(calibrators, design, human, splits, weight, n_refits)
        notes = (
            self.too_few(design, units, splits, calibrators),
            lengthy(efforts, len(splits), n_refits),
        )
        return " ".join(filter(None, notes)) or None

    @one_thread()
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
        splits = self.splits_of(study, design, readable, units)
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
        unit = design.question if units.plain else units.redrawn
        resampling = self.resampling(unit, splits, units.clusters)
        again = refitted(splits, resampling, units.judged, design.ordinals)
        chosen = [splits[number] for number in again]
        measures, calibrated, ignored, fitted = {}, {}, {}, {}
        for name, method in methods.items():  # one at a time: splits times cases times options
            predicted = cross_fit(method, design, human, splits, weight)
            measures[name] = measure(predicted, frame, extras=self.extras)
            calibrated[name] = mean_over_splits(predicted)
            if rehearsal_of(method) is method:
                fitted[name] = [predicted[number, splits[number].test] for number in again]
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
        moved, unfit = shifts(
            methods, frame, chosen, resampling, weight, unit, extras=self.extras, fitted=fitted
        )  # fmt: skip
        scores, as_fitted = (
            score_methods(
                measures, frame, resampling, of_fits,
                confidence=self.confidence, unit=unit, blind=_blind(methods), metrics=metrics,
            )
            for of_fits, metrics in ((moved, METRICS), ({}, ON_CARD))
        )  # fmt: skip
        by_group = ByGroup(
            measures=measures, cases=study.cases, frame=frame, resampling=resampling,
            shifts=moved, unit=unit, confidence=self.confidence,
        )  # fmt: skip
        result = Result(
            scores=tuple(scores),
            group_scores=tuple(by_group.scores() if self.extras else ()),
            spreads=tuple(by_group.spreads() if self.extras else ()),
            refits=self._refits(
                study.cases, methods, frame, resampling, moved, unit, units.judged
            ),
            as_fitted=tuple(as_fitted),
            per_case={name: of_method.distances for name, of_method in measures.items()},
            calibrated=calibrated,
            scopes={name: method.scope for name, method in methods.items()},
            n_train=min(len(np.unique(design.question[split.train])) for split in splits),
            n_splits=len(splits),
            size=sized(
                calibrators,
                max(int(split.train.sum()) for split in splits),
                len(splits),
                count_refits(chosen, resampling, unit),
            ),
            comparisons=self._comparisons(
                measures, unit, units.judged, methods, tuple(calibrators), resampling, moved
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
                *filter(None, [self.too_few(design, units, splits, calibrators)]),
                *(suspicions(methods, ignored, design, splits) if self.extras else ()),
                *unfit,
            ),
        )
        return replace(result, new_topics=self._new_topics(study, methods, frame, readable))

    def _new_topics(
        self, study: Study, methods: Mapping[str, Calibrator], frame: Frame, readable: BoolArray
    ) -> NewTopics | None:
        """Score the methods with each battery held out, where that is to be said too."""
        if self.hold_out != "auto" or len(set(named(study.cases).values())) < 2:
            return None
        units = Units.by_battery(study.cases)
        splits = self.splits_of(study, frame.design, readable, units)
        return of_new_topics(
            methods,
            frame,
            units,
            splits,
            self.weight_of(study),
            partial(self.resampling, units.redrawn),
            seed=self.seed,
            confidence=self.confidence,
            blind=_blind(methods),
        )

    def _refits(
        self,
        cases: Sequence[Case],
        methods: Mapping[str, Calibrator],
        frame: Frame,
        resampling: Jackknife | Bootstrap,
        moved: Mapping[str, Measures],
        unit: IntArray,
        judged: IntArray,
    ) -> tuple[Refit, ...]:
        """Return what is kept of the refits, if any were made."""
        if isinstance(resampling, Bootstrap):
            return ()
        learns = {name: not isinstance(of, Identity | Uniform) for name, of in methods.items()}
        learns[CEILING] = False
        ids = [case.question.question_id for case in cases]
        return tuple(refit_means(learns, frame, ids, resampling, moved, unit, judged))

    def _comparisons(
        self,
        measures: Mapping[str, Measures],
        unit: IntArray,
        judged: IntArray,
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
            judged=judged,
            n_flips=self.n_flips,
            seed=self.seed,
            confidence=self.confidence,
        )


def _blind(methods: Mapping[str, Calibrator]) -> tuple[str, ...]:
    """Return the calibrators from which the model's answers are withheld."""
    return tuple(name for name, method in methods.items() if isinstance(method, Blind))
