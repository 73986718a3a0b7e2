"""Main directions of the groups' deviations, and where questions stand along them."""

from dataclasses import replace

import numpy as np

from distexp.calibrator.fitting.boundaries import Boundaries
from distexp.calibrator.fitting.panels import Panel
from distexp.metrics.ties import cut
from distexp.types import BoolArray, FloatArray

LEAST = 1e-6
"""An axis is none where the mean square of shares along it, or its ratio to that of the first, is
not above; and where the next one differs by no more, as rounding would choose between them."""


def axes_of(boundaries: Boundaries, train: BoolArray) -> FloatArray:
    """Return the main directions of the groups' deviations in a training set of cases.

    What the model says of all groups at one boundary, less their question's level, is a point;
    those of the training questions have principal axes through 0. Human answers play no part.

    Returns
    -------
    ndarray of shape (n_groups, n_axes)
        Orthogonal, of length 1; 0 where there is no direction left.
    """
    names = boundaries.vocabulary
    if not names.n_axes:
        return np.zeros((len(names.groups), 0))
    question, width, points = boundaries.points
    n_asked = np.bincount(boundaries.question[train], minlength=len(boundaries.scale))
    weight = n_asked[question] * width
    squares, directions = np.linalg.eigh((points * weight[:, None]).T @ points)
    least = LEAST * max(float(squares.max(initial=0.0)), float(weight.sum()))
    n_kept = cut(squares, names.n_axes, least)
    kept = np.where(squares > least, directions, 0.0)[:, ::-1][:, :n_kept]
    axes = np.zeros((len(names.groups), names.n_axes))
    axes[:, : kept.shape[1]] = kept
    return axes


def along(boundaries: Boundaries, axes: FloatArray) -> list[Panel]:
    """Return the boundaries' panels with each question's place along the axes filled in."""
    if not axes.shape[1]:
        return boundaries.panels
    panels = []
    for panel in boundaries.widened:
        places = boundaries.deviations[:, : len(panel.tilt)] @ axes
        variables = np.concatenate([panel.variables, places[panel.question]], axis=2)
        panels.append(replace(panel, variables=variables))
    return panels
