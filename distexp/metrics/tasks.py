"""What predictions are used for: favourite answers, mean opinions, order of groups, population.

Groups of people are compared within a *cell*: the groups of one attribute that answered one
question. Arrays over options are padded as in `distexp.types.Design`.
"""

from typing import NamedTuple

import numpy as np

from distexp.metrics.distance import wasserstein
from distexp.metrics.options import counted, largest, total
from distexp.metrics.ties import EQUAL
from distexp.types import BoolArray, FloatArray, IntArray


class Tasks(NamedTuple):
    """How well predictions serve. The first two are of shape (n_cases,)."""

    modal: FloatArray
    """Whether the favourite answer is right, in [0, 1]."""
    mean_error: FloatArray
    """Absolute error of the mean opinion, in units of the scale; NaN for nominal questions."""
    ranking: FloatArray
    """Shape (n_cells,): Kendall's tau-b of the groups' mean opinions, in [-1, 1]; NaN for nominal
    questions and where people of all groups think alike."""
    population: FloatArray
    """Shape (n_cells,): Wasserstein-1 distance of the groups taken together; NaN for nominal
    questions and where a weight is unknown."""
    spread: FloatArray
    """Shape (n_cells,): standard deviation of the groups' mean opinions as predicted; NaN for
    nominal questions."""
    human_spread: FloatArray
    """Shape (n_cells,): that of people, likewise."""


def tasks(
    predicted: FloatArray,
    human: FloatArray,
    ordinals: FloatArray,
    cell: IntArray,
    weight: FloatArray,
) -> tuple[Tasks, IntArray]:
    """Put predictions to the uses that surveys are put to.

    Parameters
    ----------
    predicted, human, ordinals : ndarray of shape (n_cases, max_options)
        As in `distexp.metrics.distance.wasserstein`.
    cell : ndarray of shape (n_cases,)
        Equal numbers mark the groups of one attribute that answered one question.
    weight : ndarray of shape (n_cases,)
        What a group weighs in its population, in any unit; NaN where that is not known.

    Returns
    -------
    Tasks
    ndarray of shape (n_cells,)
        The cells of two or more groups, ascending.
    """
    opinion, human_opinion = mean_opinion(predicted, ordinals), mean_opinion(human, ordinals)
    cells, first, code, size = np.unique(
        cell, return_index=True, return_inverse=True, return_counts=True
    )
    several = size > 1
    side_by_side = [
        _side_by_side(positions, code, size)[several] for positions in (opinion, human_opinion)
    ]
    spread, human_spread = map(_spread, side_by_side)
    whole, human_whole = (_whole(shares, code, weight) for shares in (predicted, human))
    served = Tasks(
        modal=modal_right(predicted, human),
        mean_error=np.abs(opinion - human_opinion),
        ranking=rank_correlation(*side_by_side),
        population=wasserstein(whole, human_whole, ordinals[first])[several],
        spread=spread,
        human_spread=human_spread,
    )
    return served, cells[several]


def modal_right(predicted: FloatArray, human: FloatArray) -> FloatArray:
    """Return whether the option predicted as most chosen is the most chosen one.

    Where options tie, one of those predicted as most chosen is drawn and any of those most chosen
    is right: the chance of it is returned. An even prediction so scores what guessing would.

    Parameters
    ----------
    predicted, human : ndarray of shape (n_cases, max_options)

    Returns
    -------
    ndarray of shape (n_cases,)
        In [0, 1].

    Examples
    --------
    >>> modal_right(np.array([[0.4, 0.4, 0.2]]), np.array([[0.1, 0.6, 0.3]]))
    array([0.5])
    """
    guess, truth = (_modal(shares) for shares in (predicted, human))
    chance: FloatArray = (counted(guess & truth) / counted(guess))[..., 0]
    return chance


def mean_opinion(shares: FloatArray, ordinals: FloatArray) -> FloatArray:
    """Return the mean position on the scale, in [0, 1]; NaN for nominal questions.

    Parameters
    ----------
    shares, ordinals : ndarray of shape (n_cases, max_options)

    Returns
    -------
    ndarray of shape (n_cases,)
    """
    nominal = np.isnan(ordinals[..., 0])  # the first option is never padding
    position: FloatArray = total(shares * np.where(np.isnan(ordinals), 0.0, ordinals))
    return np.where(nominal, np.nan, position)


def rank_correlation(predicted: FloatArray, human: FloatArray) -> FloatArray:
    """Return Kendall's tau-b of each row.

    A prediction in which all tie says nothing about the order and scores 0, the mean of an order
    at random, so that all predictions are judged by the same rows.

    Parameters
    ----------
    predicted, human : ndarray of shape (n_rows, n_groups)
        NaN where a group is missing, in both.

    Returns
    -------
    ndarray of shape (n_rows,)
        In [-1, 1]; NaN where all of `human` tie.

    References
    ----------
    Kendall 1945, The treatment of ties in ranking problems.

    Examples
    --------
    >>> rank_correlation(np.array([[0.1, 0.2, 0.3]]), np.array([[0.1, 0.3, 0.2]])).round(3)
    array([0.333])
    """
    concord, n_predicted, n_human = np.zeros((3, len(human)))
    for lag in range(1, human.shape[1]):  # all pairs at once would be groups squared
        x, y = (
            _order(positions[:, lag:] - positions[:, :-lag]) for positions in (predicted, human)
        )
        concord += (x * y).sum(axis=1)
        n_predicted += (x != 0).sum(axis=1)
        n_human += (y != 0).sum(axis=1)
    told = np.where(n_predicted > 0, n_predicted, 1.0)  # where nothing is told, 0 over anything
    tau: FloatArray = concord / np.sqrt(np.where(n_human > 0, n_human, np.nan) * told)
    return tau


def _modal(shares: FloatArray) -> BoolArray:
    modal: BoolArray = shares >= largest(shares)[..., None] - EQUAL
    return modal


def _order(differences: FloatArray) -> FloatArray:
    """Return 1, 0 or -1 for each difference; 0 for NaN."""
    return np.sign(np.where(np.abs(differences) > EQUAL, differences, 0.0))


def _side_by_side(values: FloatArray, code: IntArray, size: IntArray) -> FloatArray:
    """Return the values of each cell as a row, of shape (n_cells, max_size), padded with NaN."""
    order = np.argsort(code, kind="stable")
    place = np.arange(len(code)) - np.repeat(np.cumsum(size) - size, size)
    rows = np.full((len(size), size.max(initial=1)), np.nan)
    rows[code[order], place] = values[order]
    return rows


def _spread(positions: FloatArray) -> FloatArray:
    """Return the standard deviation of each row, NaN left out; NaN where there is nothing else."""
    there = ~np.isnan(positions)
    n = np.where(there.any(axis=1), there.sum(axis=1), np.nan)
    known = np.where(there, positions, 0.0)
    apart = np.where(there, known - (known.sum(axis=1) / n)[:, None], 0.0)
    spread: FloatArray = np.sqrt((apart**2).sum(axis=1) / n)
    return spread


def _whole(shares: FloatArray, code: IntArray, weight: FloatArray) -> FloatArray:
    """Return the weighted mean of the shares of each cell, of shape (n_cells, max_options)."""
    total = np.bincount(code, weight)
    total = np.where(total > 0, total, np.nan)  # a margin may leave all groups of a cell out
    return np.column_stack([np.bincount(code, weight * column) / total for column in shares.T])
