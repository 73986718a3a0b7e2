"""Main directions of the groups' deviations, and where questions stand along them."""

from dataclasses import replace

import numpy as np

from distexp.calibrator.fitting.boundaries import Boundaries
from distexp.calibrator.fitting.panels import Panel
from distexp.types import BoolArray, FloatArray

LEAST = 1e-6
"""An axis is none where the mean square of shares along it, or its ratio to that of the first, is
not above."""


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
    question, n_places = boundaries.question[boundaries.case], boundaries.deviations.shape[1]
    first = np.unique(question * n_places + boundaries.index, return_index=True)[1]
    n_asked = np.bincount(boundaries.question[train], minlength=len(boundaries.scale))
    weight = n_asked[question[first]] * boundaries.width[first]
    points = boundaries.deviations[question[first], boundaries.index[first]]
    squares, directions = np.linalg.eigh((points * weight[:, None]).T @ points)
    least = LEAST * max(float(squares.max(initial=0.0)), float(weight.sum()))
    kept = np.where(squares > least, directions, 0.0)[:, ::-1][:, : names.n_axes]
    return np.pad(kept, ((0, 0), (0, names.n_axes - kept.shape[1])))


def along(boundaries: Boundaries, axes: FloatArray) -> list[Panel]:
    """Return the boundaries' panels with each question's place along the axes filled in."""
    n_axes = axes.shape[1]
    if not n_axes:
        return boundaries.panels
    panels = []
    for panel in boundaries.panels:
        places = boundaries.deviations[panel.question, : len(panel.tilt)] @ axes
        core, own = (np.pad(one, ((0, 0), (0, n_axes), (0, 0))) for one in (panel.core, panel.own))
        own[:, -n_axes:, -n_axes:] = np.eye(n_axes)
        variables = np.concatenate([panel.variables, places], axis=2)
        panels.append(replace(panel, variables=variables, core=core, own=own))
    return panels
