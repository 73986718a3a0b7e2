"""What is compared with what: declared before there is an answer, and not chosen by any score.

What is asked first is whether the leading calibrator, the first in the list that asks the model,
is closer than the uncalibrated prediction and than the training mean. These two are the primary
family. Every other calibrator's two are a family of their own, and pairs of calibrators are not
adjusted: all of these are secondary, and no p-value hangs on what else is in the list.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from distexp.evaluation.baselines import BASELINES, RAW
from distexp.evaluation.suspicions import IGNORING
from distexp.protocols import Calibrator
from distexp.types import BoolArray, Design, IntArray

PRIMARY, SECONDARY = "primary", "secondary"


def pairs(calibrators: Sequence[str], references: Sequence[str]) -> list[tuple[str, str]]:
    """Return what is worth comparing: calibrators with the references, and all with each other.

    Examples
    --------
    >>> pairs(["ridge"], ["identity", "train_mean"])
    [('ridge', 'identity'), ('ridge', 'train_mean'), ('identity', 'train_mean')]
    """
    with_references = [(name, other) for name in calibrators for other in references]
    return [*with_references, *combinations(calibrators, 2), *combinations(references, 2)]


def families(
    pairs: Sequence[tuple[str, str]], references: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """Return what each pair is adjusted together with: a name of its family.

    Examples
    --------
    >>> families([("ridge", "identity"), ("ridge", "train_mean"), ("ridge", "lasso")],
    ...          ["identity", "train_mean"])
    (('ridge',), ('ridge',), ('ridge', 'lasso'))
    """
    return tuple(
        (method,) if other in references and method not in references else (method, other)
        for method, other in pairs
    )


def leading(methods: Mapping[str, Calibrator], calibrators: Sequence[str]) -> str:
    """Return the first of the calibrators that asks the model; else the uncalibrated prediction.

    Verdicts are about it first, and it is chosen by nobody's scores.
    """
    asking = (
        name
        for name in calibrators
        if name not in BASELINES and not isinstance(methods[name], IGNORING)
    )
    return next(asking, RAW)


def least_p(n_signs: int, n_flips: int) -> float:
    """Return the least p-value that so many signs, or so many flips, can give.

    Examples
    --------
    >>> least_p(6, 10_000)
    0.03125
    """
    n_exact = 2 ** (n_signs - 1)
    return 1 / n_exact if n_exact <= n_flips else 1 / (n_flips + 1)


def too_few(
    design: Design,
    judged: IntArray,
    tested: BoolArray,
    calibrators: Mapping[str, Calibrator],
    n_flips: int,
    confidence: float,
) -> str | None:
    """Say that a study can give no verdict; see `too_few_signs`.

    Parameters
    ----------
    design : Design of n_cases cases
    judged : ndarray of shape (n_cases,)
        See `distexp.evaluation.units.Units.judged`.
    tested : ndarray of shape (n_cases,)
        Whether a case is in the test questions of any split.
    calibrators, n_flips, confidence
        As in `compare`.
    """
    scaled = tested & ~np.isnan(design.ordinals[:, 0])
    rows = scaled if scaled.any() else tested
    signs, questions = (len(np.unique(codes[rows])) for codes in (judged, design.question))
    n_calibrators = len([name for name in calibrators if name not in BASELINES])
    what = "questions" if signs == questions else "batteries or questions that stand alone"
    if signs == questions and rows.sum() < tested.sum():
        what = "questions with a scale"
    return too_few_signs(signs, n_flips, confidence, n_calibrators, what)


def too_few_signs(
    n_signs: int, n_flips: int, confidence: float, n_calibrators: int, what: str = "questions"
) -> str | None:
    """Say that no verdict is possible, whatever the answers, and how many questions would do.

    Parameters
    ----------
    n_signs : int
        Questions of the leading metric, or batteries that are judged as a whole.
    n_flips, confidence
        As in `compare`.
    n_calibrators : int
        With none the primary family is one comparison, else two.
    what : str
        What has a sign.
    """
    n_first = 2 if n_calibrators else 1
    alpha = 1 - confidence
    if n_first * least_p(n_signs, n_flips) < alpha:
        return None
    p = min(n_first * least_p(n_signs, n_flips), 1.0)
    of_what = what if n_signs > 1 else re.sub(r"^questions", "question", what)
    said = (
        f"No verdict is possible with {n_signs} {of_what}: the least p-value that they can "
        f"give is {p:.2g}, adjusted for {n_first} comparison{'s' * (n_first > 1)}, and a verdict "
        f"needs less than {alpha:.2g}."
    )
    enough = next(
        (n for n in range(n_signs + 1, 64) if n_first * least_p(n, n_flips) < alpha), None
    )
    if enough is None:
        return f"{said} Raise evaluation.n_flips."
    return f"{said} {enough} {what} would do."
