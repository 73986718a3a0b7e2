"""Fitted scikit-learn regressors as plain arrays, and what they predict, without scikit-learn."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from distexp.errors import ConfigError
from distexp.types import FloatArray, IntArray

N_TRIED = 256
"""Points at which an exported regressor is compared with the one that it was made from."""
REPRODUCED = 1e-12
"""Largest difference there, relative to the largest prediction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """Predicts ``X @ coef.T + intercept``.

    Parameters
    ----------
    coef : ndarray of shape (n_features,) or (n_targets, n_features)
    intercept : ndarray of shape () or (n_targets,)
    """

    coef: FloatArray
    intercept: FloatArray

    def __post_init__(self) -> None:
        if self.coef.ndim not in (1, 2) or self.intercept.shape not in ((), self.coef.shape[:-1]):
            raise _shape_error(self, coef=self.coef.shape, intercept=self.intercept.shape)

    def predict(self, X: FloatArray) -> FloatArray:
        """Return predictions of shape (n_samples,) or (n_samples, n_targets)."""
        predicted: FloatArray = X @ self.coef.T + self.intercept
        return predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """Predicts the sum or the mean of the leaves that a sample falls into, one of each tree.

    The nodes of all trees are in one list, children after their parents.

    Parameters
    ----------
    roots : ndarray of shape (n_trees,)
        Places of the first nodes.
    feature : ndarray of shape (n_nodes,)
        Feature that a node asks about.
    threshold : ndarray of shape (n_nodes,)
        Samples at or below it go left.
    left, right : ndarray of shape (n_nodes,)
        Places of the children; -1 at a leaf.
    value : ndarray of shape (n_nodes,) or (n_nodes, n_targets)
        What a leaf adds.
    base : ndarray of shape () or (n_targets,)
        Added to the sum.
    mean : bool
        Whether the sum over the trees is divided by their number.
    single : bool
        Whether features are rounded to single precision first, as scikit-learn's trees do.
    """

    roots: IntArray
    feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    value: FloatArray
    base: FloatArray
    mean: bool
    single: bool

    def __post_init__(self) -> None:
        n = len(self.value)
        per_node = (self.feature, self.threshold, self.left, self.right)
        shapes_fit = (
            self.roots.ndim == 1
            and len(self.roots) > 0
            and all(of_nodes.shape == (n,) for of_nodes in per_node)
            and self.base.shape in ((), self.value.shape[1:])
        )
        if not shapes_fit:
            shapes = {name: getattr(self, name).shape for name in ("roots", "feature", "value")}
            raise _shape_error(self, **shapes)
        inner = self.left >= 0
        children, parents = np.r_[self.left[inner], self.right[inner]], np.flatnonzero(inner)
        ordered = (children > np.r_[parents, parents]).all() and (children < n).all()
        if not ordered or self.roots.min() < 0 or self.roots.max() >= n or self.feature.min() < 0:
            msg = "The nodes of the trees do not make up trees. Fit the calibrator again."
            raise ConfigError(msg)

    def predict(self, X: FloatArray) -> FloatArray:
        """Return predictions of shape (n_samples,) or (n_samples, n_targets)."""
        features = X.astype(np.float32) if self.single else X
        samples = np.arange(len(X))
        total = np.zeros((len(X), *self.value.shape[1:]))
        for root in self.roots:
            node = np.full(len(X), root)
            while (inner := self.left[node] >= 0).any():
                below = features[samples, self.feature[node]] <= self.threshold[node]
                node = np.where(inner, np.where(below, self.left[node], self.right[node]), node)
            total += self.value[node]
        predicted: FloatArray = self.base + total / (len(self.roots) if self.mean else 1)
        return predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class Monotone:
    """Interpolates between points, and is constant outside of them: an isotonic regression.

    Parameters
    ----------
    x, y : ndarray of shape (n_points,)
        `x` does not decrease.
    """

    x: FloatArray
    y: FloatArray

    def __post_init__(self) -> None:
        if self.x.ndim != 1 or not len(self.x) or self.x.shape != self.y.shape:
            raise _shape_error(self, x=self.x.shape, y=self.y.shape)

    def predict(self, X: FloatArray) -> FloatArray:
        """Return predictions of shape (n_samples,); `X` may be a column."""
        predicted: FloatArray = np.interp(X.reshape(len(X)), self.x, self.y)
        return predicted


Exported = Linear | Trees | Monotone


def exported(regressor: Any) -> Exported:
    """Return a fitted scikit-learn regressor as arrays.

    What comes out is compared with the regressor at `N_TRIED` points in the unit cube, where
    shares lie.

    Raises
    ------
    ConfigError
        If its kind is not known here, or it predicts otherwise than the arrays say.
    """
    name = type(regressor).__name__
    export = _kind_of(regressor)
    made = None if export is None else export(regressor)
    if made is None:
        msg = (
            f"A fitted {name} cannot be written as arrays. Linear models, trees, forests, "
            "gradient boosting of numeric features and clipping isotonic regression can."
        )
        raise ConfigError(msg)
    tried = np.random.default_rng(0).random((N_TRIED, getattr(regressor, "n_features_in_", 1)))
    wanted = regressor.predict(tried)
    found = made.predict(tried)
    tolerance = REPRODUCED * max(1.0, float(np.abs(wanted).max()))
    if found.shape != wanted.shape or np.abs(found - wanted).max() > tolerance:
        msg = f"A fitted {name} does not predict what its arrays say: it cannot be written."
        raise ConfigError(msg)
    return made


def _kind_of(regressor: Any) -> Callable[[Any], Exported | None] | None:
    """Return how a regressor is exported; None if it cannot be."""
    from sklearn import ensemble, isotonic, tree

    kinds: dict[type, Callable[[Any], Exported | None]] = {
        tree.DecisionTreeRegressor: lambda one: _forest([one]),
        ensemble.RandomForestRegressor: lambda forest: _forest(forest.estimators_),
        ensemble.ExtraTreesRegressor: lambda forest: _forest(forest.estimators_),
        ensemble.GradientBoostingRegressor: _boosting,
        ensemble.HistGradientBoostingRegressor: _histogram_boosting,
        isotonic.IsotonicRegression: _monotone,
    }
    for kind, export in kinds.items():
        if isinstance(regressor, kind):
            return export
    return _linear if hasattr(regressor, "coef_") and hasattr(regressor, "intercept_") else None


def _linear(model: Any) -> Linear:
    coef, intercept = np.array(model.coef_), np.array(model.intercept_, dtype=float)
    one_target = coef.ndim == 1 and intercept.size == 1
    return Linear(coef=coef, intercept=intercept.reshape(()) if one_target else intercept)


def _forest(trees: Any, scale: float = 1.0, base: float | None = None) -> Trees:
    """Export scikit-learn's trees; their mean, or `base` and the sum of them times `scale`."""
    parts = [one.tree_ for one in trees]
    values = [part.value[:, :, 0] for part in parts]
    one_target = values[0].shape[1] == 1
    return _joined(
        feature=[np.maximum(part.feature, 0) for part in parts],
        threshold=[part.threshold for part in parts],
        left=[part.children_left for part in parts],
        right=[part.children_right for part in parts],
        value=[scale * (value[:, 0] if one_target else value) for value in values],
        base=0.0 if base is None else base,
        mean=base is None,
        single=True,
    )


def _boosting(model: Any) -> Trees:
    base = float(np.ravel(model.init_.predict(np.zeros((1, model.n_features_in_))))[0])
    return _forest(model.estimators_[:, 0], scale=model.learning_rate, base=base)


def _histogram_boosting(model: Any) -> Trees:
    nodes = [predictors[0].nodes for predictors in model._predictors]
    if any(of_tree["is_categorical"].any() for of_tree in nodes):
        msg = "Splits on categories cannot be written as arrays: leave out categorical_features."
        raise ConfigError(msg)
    left, right = (
        [np.where(of["is_leaf"], -1, of[side].astype(np.int64)) for of in nodes]
        for side in ("left", "right")
    )
    return _joined(
        feature=[of_tree["feature_idx"] for of_tree in nodes],
        threshold=[of_tree["num_threshold"] for of_tree in nodes],
        left=left,
        right=right,
        value=[of_tree["value"] for of_tree in nodes],
        base=float(np.ravel(model._baseline_prediction)[0]),
        mean=False,
        single=False,
    )


def _joined(
    *,
    feature: list[IntArray],
    threshold: list[FloatArray],
    left: list[IntArray],
    right: list[IntArray],
    value: list[FloatArray],
    base: float,
    mean: bool,
    single: bool,
) -> Trees:
    """Put the nodes of all trees into one list."""
    roots = np.cumsum([0, *map(len, value)])[:-1]
    moved = [
        [np.where(child >= 0, child + root, -1) for child, root in zip(side, roots, strict=True)]
        for side in (left, right)
    ]
    return Trees(
        roots=roots,
        feature=np.concatenate(feature).astype(np.int64),
        threshold=np.concatenate(threshold),
        left=np.concatenate(moved[0]).astype(np.int64),
        right=np.concatenate(moved[1]).astype(np.int64),
        value=np.concatenate(value),
        base=np.array(base),
        mean=mean,
        single=single,
    )


def _monotone(model: Any) -> Monotone | None:
    if model.out_of_bounds != "clip":
        return None
    return Monotone(x=np.array(model.X_thresholds_), y=np.array(model.y_thresholds_))


def _shape_error(owner: Exported, **shapes: tuple[int, ...]) -> ConfigError:
    said = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    return ConfigError(f"The arrays of a {type(owner).__name__} do not fit together: {said}.")
