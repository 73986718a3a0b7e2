"""Out-of-sample scores of calibrators, beside their baselines and the human ceiling.

Every number is made on questions that the calibrator did not see. A case's score is the mean
over the splits that held its question out; a score is the mean over cases; its interval comes
from resampling whole questions, because the groups of one question are not independent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from distexp.calibrator.base import cross_predict, degenerate, uniform
from distexp.calibrator.baseline import Identity, TrainMean, Uniform
from distexp.checks import check_int, check_number, parameter_error
from distexp.errors import ConfigError
from distexp.metrics import Scores, sampling_ceiling, scaled_ordinals, score
from distexp.protocols import Calibrator
from distexp.scoring import CEILING, RAW, REFERENCE, Score, score_methods
from distexp.splits import Split, check_split_params, question_splits
from distexp.types import (
    BoolArray,
    Case,
    Condition,
    Design,
    Estimate,
    FloatArray,
    IntArray,
    Reading,
    Study,
)

UNREADABLE = ("leave_out", "uniform")
BASELINES: dict[str, type[Identity] | type[Uniform] | type[TrainMean]] = {
    RAW: Identity,
    "uniform": Uniform,
    REFERENCE: TrainMean,
}
"""Always scored, under these names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an evaluation found for one model, elicitation and prompt."""

    scores: tuple[Score, ...] = ()
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
    warnings: tuple[str, ...] = ()
    """Calibrators whose predictions do not depend on the model."""
    note: str = ""
    """Why there are no scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How calibrators are trained and scored.

    Parameters
    ----------
    n_splits : int
        Repeated splits by question.
    test_size : float
        Share of the questions held out in a split, in (0, 1).
    seed : int
        Of splits, bootstrap and ceiling.
    n_train : int, optional
        At most so many of a split's training questions are trained on, drawn at random; more of
        them include the fewer. None trains on all.
    n_bootstrap : int
        Resamples of the questions behind each interval.
    n_ceiling_draws : int
        Resamples of the respondents behind the human ceiling.
    confidence : float
        Coverage of the intervals, in (0, 1).
    unreadable : {"leave_out", "uniform"}
        What becomes of a case whose estimate could not be read. It is counted either way;
        `uniform` scores it as an even guess, as some of the literature does.
    """

    n_splits: int = 50
    test_size: float = 0.2
    seed: int = 0
    n_train: int | None = None
    n_bootstrap: int = 2000
    n_ceiling_draws: int = 200
    confidence: float = 0.95
    unreadable: str = "leave_out"

    def __post_init__(self) -> None:
        check_split_params(self.n_splits, self.test_size, self.seed)
        if self.n_train is not None:
            check_int("evaluation", "n_train", self.n_train, minimum=1)
        check_int("evaluation", "n_bootstrap", self.n_bootstrap, minimum=1)
        check_int("evaluation", "n_ceiling_draws", self.n_ceiling_draws, minimum=1)
        check_number(
            "evaluation",
            "confidence",
            self.confidence,
            low=0,
            high=1,
            low_open=True,
            high_open=True,
        )

        if self.unreadable not in UNREADABLE:
            raise parameter_error(
                "evaluation", "unreadable", f"one of {', '.join(UNREADABLE)}", self.unreadable
            )

    def splits(self, cases: Sequence[Case]) -> list[Split]:
        """Split `cases` by question.

        Raises
        ------
        DatasetError
            If there are too few questions.
        """
        return question_splits(_question_codes(cases), self.n_splits, self.test_size, self.seed)

    def check(self, cases: Sequence[Case], calibrators: Mapping[str, Calibrator]) -> None:
        """Fit every calibrator once, as if the model were right, before anything is paid for.

        Raises
        ------
        ConfigError
            If a calibrator has a wrong setting or name, or cannot be fitted.
        DatasetError
            If there are too few questions.
        """
        perfect = [
            Estimate(reading=Reading(distribution=case.human), n_replies=0, n_unreadable=0)
            for case in cases
        ]
        condition = Condition(dataset="", model="", elicitation="", prompt="")
        study = Study(condition=condition, cases=tuple(cases), estimates=tuple(perfect))
        design, human, readable = design_of(study)
        split, *_ = self._splits_of(study, design, readable)
        for name, calibrator in calibrators.items():
            if name == CEILING or not isinstance(calibrator, BASELINES.get(name, object)):
                msg = f"The name {name!r} stands for something else in the tables. Choose another."
                raise ConfigError(msg)
            calibrator.check_params()
            try:
                cross_fit(calibrator, design, human, [split])
            except (ValueError, TypeError) as exc:
                reason = " ".join(str(exc).split())
                msg = f"Calibrator {name} cannot be fitted to {split.train.sum()} cases: {reason}"
                raise ConfigError(msg) from exc

    def run(self, study: Study, calibrators: Mapping[str, Calibrator]) -> Result:
        """Train `calibrators` and the baselines on each split, and score them.

        Parameters
        ----------
        study : Study
            All of its questions are split, so that studies of the same questions share splits;
            cases without a readable estimate are then left out of training and test, or are
            taken for uniform, as `unreadable` says. Questions that prompts showed are trained on
            and never tested.
        calibrators : mapping of str to Calibrator
            `identity`, `uniform` and `train_mean` are always added.

        Returns
        -------
        Result
            Without scores, and with a note, where too few estimates could be read.

        Raises
        ------
        DatasetError
            If there are too few questions.
        """
        design, human, readable = design_of(study)
        if self.unreadable == "uniform":
            design.predicted[~readable] = uniform(design)[~readable]
            readable = np.ones_like(readable)
        splits = self._splits_of(study, design, readable)
        if not all(split.train.any() for split in splits) or not any(
            split.test.any() for split in splits
        ):
            return Result(
                note=f"Only {readable.sum()} of {len(readable)} estimates could be read: too few "
                "to train and test on. The replies are in unreadable.parquet."
            )
        methods: dict[str, Calibrator] = {RAW: Identity(), **calibrators}
        methods |= {name: made() for name, made in BASELINES.items() if name not in methods}
        held_out = {
            name: cross_fit(method, design, human, splits) for name, method in methods.items()
        }
        per_case = {
            name: Scores(*map(_mean_over_splits, score(p, human, design.ordinals, design.mask)))
            for name, p in held_out.items()
        }
        per_case[CEILING] = self._ceiling(study, design, human)
        return Result(
            scores=tuple(
                score_methods(
                    per_case,
                    design,
                    n_bootstrap=self.n_bootstrap,
                    seed=self.seed,
                    confidence=self.confidence,
                )
            ),
            per_case=per_case,
            calibrated={name: _mean_over_splits(p) for name, p in held_out.items()},
            scopes={name: method.scope for name, method in methods.items()},
            n_train=min(len(np.unique(design.question[split.train])) for split in splits),
            warnings=tuple(
                f"{name} {reason}"
                for name, method in methods.items()
                if not isinstance(method, Uniform | TrainMean)  # these ignore the model by design
                and (reason := degenerate(design, held_out[name]))
            ),
        )

    def _splits_of(self, study: Study, design: Design, readable: BoolArray) -> list[Split]:
        """Return the splits, without what cannot be read and what must not be tested."""
        shown = np.array([case.question.question_id in study.shown for case in study.cases])
        splits = []
        for number, split in enumerate(self.splits(study.cases)):
            train = (split.train | shown) & readable
            if self.n_train is not None:
                order = np.random.default_rng([self.seed, 2, number]).permutation(
                    np.unique(design.question[train])
                )
                train &= np.isin(design.question, order[: self.n_train])
            splits.append(Split(train=train, test=split.test & ~shown & readable))
        return splits

    def _ceiling(self, study: Study, design: Design, human: FloatArray) -> Scores:
        """Return the ceiling of each case; NaN where the number of respondents is not known."""
        n = np.array([case.n_respondents or np.nan for case in study.cases])
        known = np.isfinite(n)
        drawn = sampling_ceiling(
            human[known],
            n[known],
            design.ordinals[known],
            design.mask[known],
            self.n_ceiling_draws,
            np.random.default_rng([self.seed, 1]),
        )
        scores = Scores(*(np.full(len(n), np.nan) for _ in Scores._fields))
        for values, of_known in zip(scores, drawn, strict=True):
            values[known] = of_known
        return scores


def design_of(study: Study) -> tuple[Design, FloatArray, BoolArray]:
    """Lay a study out as arrays.

    Returns
    -------
    Design of n_cases cases
        What a calibrator may know; the predictions of unreadable estimates are 0.
    ndarray of shape (n_cases, max_options)
        The human distributions, padded with 0.
    ndarray of shape (n_cases,)
        True where the estimate could be read.
    """
    cases = study.cases
    n_options = np.array([len(case.question.options) for case in cases])
    shape = len(cases), int(n_options.max())
    predicted, human, ordinals = np.zeros(shape), np.zeros(shape), np.full(shape, np.nan)
    for row, (case, estimate) in enumerate(zip(cases, study.estimates, strict=True)):
        if estimate.reading is not None:
            predicted[row, : n_options[row]] = estimate.reading.distribution.probabilities
        human[row, : n_options[row]] = case.human.probabilities
        scaled = scaled_ordinals(case.question.ordinals)
        if scaled is not None:
            ordinals[row, : n_options[row]] = scaled
    design = Design(
        predicted=predicted,
        n_options=n_options,
        ordinals=ordinals,
        question=_question_codes(cases),
        group=_codes([f"{case.group.attribute}\n{case.group.value}" for case in cases]),
    )
    return design, human, np.array([e.reading is not None for e in study.estimates])


def cross_fit(
    calibrator: Calibrator, design: Design, human: FloatArray, splits: Sequence[Split]
) -> FloatArray:
    """Fit on each split's training cases and predict its test cases.

    Returns
    -------
    ndarray of shape (n_splits, n_cases, max_options)
        NaN where a case was in training.
    """
    train = np.array([split.train for split in splits])
    test = np.array([split.test for split in splits])
    used = (train | test).any(axis=0)
    predictions = np.full((len(splits), *human.shape), np.nan)
    predictions[:, used] = cross_predict(
        calibrator, design.take(used), human[used], train[:, used], test[:, used]
    )
    return predictions


def _mean_over_splits(values: FloatArray) -> FloatArray:
    """Average over the first axis, leaving NaN out; NaN where there is nothing else."""
    tested = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        means: FloatArray = np.where(tested, values, 0.0).sum(axis=0) / tested.sum(axis=0)
    return means


def _codes(names: Sequence[str]) -> IntArray:
    """Give each different name its place in the alphabet, whatever order they come in."""
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)


def _question_codes(cases: Sequence[Case]) -> IntArray:
    return _codes([case.question.question_id for case in cases])
