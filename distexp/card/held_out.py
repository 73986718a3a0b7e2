"""Predictions that were made without a question or its battery, and what they are worth."""

import numpy as np

from distexp.calibrator.baseline import TrainMean
from distexp.card.prior import Prior
from distexp.evaluation.baselines import BASELINES, REFERENCE
from distexp.evaluation.evaluation import Evaluation, Result
from distexp.evaluation.fits import cross_fit
from distexp.evaluation.measures import mean_over_splits
from distexp.evaluation.splits import Split
from distexp.protocols import Calibrator
from distexp.types import BoolArray, Design, FloatArray, IntArray, Study

MOST_FOLDS = 20
"""Times that a calibrator is fitted without some batteries."""


def without_battery(
    calibrator: Calibrator,
    study: Study,
    X: Design,
    y: FloatArray,
    readable: BoolArray,
    weight: FloatArray | None,
) -> tuple[FloatArray, IntArray] | None:
    """Predict the questions of each battery from those of the others.

    Where there are more than `MOST_FOLDS` batteries several are held out together.

    Returns
    -------
    (ndarray of shape (n_cases, max_options), ndarray of shape (n_cases,)), or None
        The predictions, NaN for a question without a battery; and a number for each battery.
        None where there are no two.
    """
    names = [case.question.battery for case in study.cases]
    batteries = sorted(
        {name for name, there in zip(names, readable, strict=True) if name and there}
    )
    if len(batteries) < 2:
        return None
    known = {name: place for place, name in enumerate(batteries)}
    battery = np.array([-1 if name is None else known.get(name, -1) for name in names])
    of_case = np.where(battery < 0, -1, battery % MOST_FOLDS)
    splits = [
        Split(train=readable & (of_case != one), test=readable & (of_case == one))
        for one in range(min(len(batteries), MOST_FOLDS))
    ]
    return mean_over_splits(cross_fit(calibrator, X, y, splits, weight)), battery


def prior_of(
    name: str,
    study: Study,
    result: Result,
    evaluation: Evaluation,
    X: Design,
    y: FloatArray,
    tested: BoolArray,
    elsewhere: tuple[FloatArray, IntArray] | None,
) -> Prior:
    """Learn what the held-out predictions of a run are worth in respondents.

    Those that never ask the model, `blind` and means beside the baselines, are what a run has.
    """
    without = None
    ignoring = sorted(result.ignoring - BASELINES.keys() - {name})
    if elsewhere is not None:
        readable = ~np.isnan(elsewhere[0][:, 0])
        means = without_battery(TrainMean(), study, X, y, readable, None)
        without = None if means is None else (elsewhere[0], means[0], elsewhere[1])
    return Prior.fitted(
        (result.calibrated[name], result.calibrated[REFERENCE]),
        X,
        y,
        tested,
        groups=[(case.group.attribute, case.group.value) for case in study.cases],
        n_respondents=np.array([case.n_respondents or np.nan for case in study.cases]),
        blind=[result.calibrated[one] for one in ignoring],
        elsewhere=without,
        seed=evaluation.seed,
        confidence=evaluation.confidence,
    )
