"""Splits into training and test questions: repeated by question, once over by battery."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distexp.checks import check_int, parameter_error
from distexp.errors import DatasetError
from distexp.types import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Which cases are trained on and which are tested."""

    train: NDArray[np.bool_]
    """Shape (n_cases,)."""
    test: NDArray[np.bool_]
    """Shape (n_cases,); no case of it, and of what it is held out with, is in `train`."""


def check_split_params(n_splits: int, test_size: float, seed: int) -> None:
    """Raise `ConfigError` unless `question_splits` can work with these settings."""
    check_int("evaluation", "n_splits", n_splits, minimum=1, maximum=10_000)
    check_int("evaluation", "seed", seed, minimum=0)
    if not isinstance(test_size, float) or not 0 < test_size < 1:
        raise parameter_error("evaluation", "test_size", "a float in (0, 1)", test_size)


def question_splits(question: IntArray, n_splits: int, test_size: float, seed: int) -> list[Split]:
    """Split cases by question, so that no question is trained on for one group and tested on.

    Random permutations of the questions are laid end to end and cut into test sets. At every
    point two questions differ by at most one in how often they were tested, and with
    ``n_splits >= 1 / test_size`` each is tested at least once. Independent shuffles would leave a
    question untested with probability ``(1 - test_size) ** n_splits`` and weigh the others
    unequally, which adds variance to the score.

    Parameters
    ----------
    question : ndarray of shape (n_cases,)
        Equal numbers mark the same question. The splits depend on the set of numbers, not on the
        order of the cases.
    n_splits : int
        At least 1.
    test_size : float
        Share of the questions to test on, in (0, 1), rounded up to whole questions; at least one
        question is left to train on.
    seed : int
        Non-negative seed of the permutations.

    Raises
    ------
    ConfigError
        If a setting is out of range.
    DatasetError
        If there are fewer than two questions.
    """
    check_split_params(n_splits, test_size, seed)
    questions = np.unique(question)
    if len(questions) < 2:
        msg = (
            "Splitting into training and test questions needs at least 2 questions. "
            f"The dataset holds {len(questions)}: select more questions."
        )
        raise DatasetError(msg)
    # The inner rounding undoes float error: 0.07 * 100 is 7.000000000000001.
    n_test = min(math.ceil(round(test_size * len(questions), 9)), len(questions) - 1)
    blocks = _blocks(questions, n_splits, n_test, np.random.default_rng(seed))
    masks = (np.isin(question, block) for block in blocks)
    return [Split(train=~test, test=test) for test in masks]


def unit_splits(unit: IntArray, twin: IntArray, most: int, seed: int) -> list[Split]:
    """Hold each unit out once, as a whole.

    Parameters
    ----------
    unit : ndarray of shape (n_cases,)
        Equal numbers mark cases that are held out together. Those of -1 are trained on and never
        tested.
    twin : ndarray of shape (n_cases,)
        Equal numbers mark the same question: what is the same as a tested one is trained on in no
        unit.
    most : int
        Splits at most; where there are more units several are held out together.
    seed : int
        Of which ones these are.

    Raises
    ------
    DatasetError
        If there are fewer than two units.
    """
    units = np.unique(unit[unit >= 0])
    if len(units) < 2:
        msg = (
            "Holding batteries out as a whole needs at least 2 of them. "
            f"The questions are of {len(units)}: name more, as `battery` of the questions, or set "
            "evaluation.hold_out=question."
        )
        raise DatasetError(msg)
    if len(units) > most:
        units = np.random.default_rng([seed, 4]).permutation(units)
    splits = []
    for number in range(min(len(units), most)):
        test = np.isin(unit, units[number::most])
        splits.append(Split(train=~(test | np.isin(twin, twin[test])), test=test))
    return splits


def _blocks(
    questions: IntArray, n_splits: int, n_test: int, rng: np.random.Generator
) -> Iterator[IntArray]:
    """Cut successive permutations into blocks; what one leaves over opens the next block."""
    queue = questions[:0]
    for _ in range(n_splits):
        if len(queue) < n_test:
            permutation = rng.permutation(questions)
            # Without the left-over questions here, a block could hold one of them twice.
            fresh = permutation[~np.isin(permutation, queue)][: n_test - len(queue)]
            block = np.concatenate([queue, fresh])
            queue = permutation[~np.isin(permutation, fresh)]
        else:
            block, queue = queue[:n_test], queue[n_test:]
        yield block
