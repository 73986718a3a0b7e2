"""Random forests fitted to many training sets, without what scikit-learn does around each tree.

A forest of small trees takes scikit-learn longer to organise than to grow: copies, checks, jobs.
"""

import sys
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from distexp.metrics.ties import rounded
from distexp.types import FloatArray

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.tree import DecisionTreeRegressor

_SEEDS = np.iinfo(np.int32).max
_OF_PLAIN = (
    "criterion", "splitter", "max_leaf_nodes", "min_weight_fraction_leaf", "monotonic_cst",
    "ccp_alpha",
)  # fmt: skip
"""Settings that a plain tree leaves as they are."""
MOST_KEPT = 2**14
"""Examples up to which draws are kept: the next fit to as many, or the next job, has the same."""


def is_direct(regressor: Any) -> bool:
    """Whether `forest_predictions` does what this scikit-learn regressor does."""
    ensemble = sys.modules.get("sklearn.ensemble")  # where there is no forest, nobody needs it
    if ensemble is None or type(regressor) is not ensemble.RandomForestRegressor:
        return False
    plain = not (regressor.oob_score or regressor.warm_start or regressor.verbose)
    drawn = regressor.bootstrap and regressor.max_samples is None
    # Trees that are seeded by a number are the same however often they are grown.
    return bool(plain and drawn and isinstance(regressor.random_state, int))


def forest_predictions(
    features: FloatArray,
    target: FloatArray,
    weights: FloatArray,
    regressor: "RandomForestRegressor",
) -> FloatArray:
    """Grow a forest for each row of `weights`, and predict every example by each.

    Parameters
    ----------
    features : ndarray of shape (n_examples, n_features)
    target : ndarray of shape (n_examples, n_targets)
    weights : ndarray of shape (n_fits, n_examples)
        Which examples are trained on: each 0 or 1, and in no fit all 0.
    regressor : RandomForestRegressor
        Is not fitted.

    Returns
    -------
    ndarray of shape (n_fits, n_examples, n_targets)
        To the bit those of clones of `regressor`: the trees are scikit-learn's, from the same
        seeds and the same draws of examples, and of `distexp.metrics.ties.rounded` numbers.

    References
    ----------
    Breiman (2001), "Random forests", Machine Learning 45.
    """
    from sklearn import config_context
    from sklearn.tree import DecisionTreeRegressor

    settings = {name: getattr(regressor, name) for name in regressor.estimator_params}
    tree = DecisionTreeRegressor(**settings)
    single, target = rounded(features).astype(np.float32), rounded(target)
    predictions = np.zeros((len(weights), *target.shape))
    # Which feature is tried first is drawn; of a single one it is always the same.
    single_feature = np.random.RandomState(0) if features.shape[1] == 1 else None
    with config_context(skip_parameter_validation=True, assume_finite=True):
        for weight, summed in zip(weights, predictions, strict=True):
            rows = weight > 0
            X, y = single[rows], np.ascontiguousarray(target[rows])
            grown = _growing(tree, X, y)
            drawn = _drawn if len(X) <= MOST_KEPT else _drawn.__wrapped__
            for seed, counts in drawn(regressor.random_state, regressor.n_estimators, len(X)):
                of_seed = grown(single_feature or seed, counts.astype(np.float64))
                np.add(summed, of_seed.predict(single).reshape(target.shape), out=summed)
    predictions /= regressor.n_estimators
    return predictions


def _growing(
    tree: "DecisionTreeRegressor", X: NDArray[np.float32], y: FloatArray
) -> Callable[[Any, FloatArray], Any]:
    """Return what grows trees like `tree` from a seed and the weights of its examples.

    What scikit-learn does before it grows a small tree takes longer than growing it: plain trees
    are grown by the same compiled parts without it.
    """

    def fitted(seed: Any, weight: FloatArray) -> Any:
        tree.random_state = seed
        return tree.fit(X, y, sample_weight=weight, check_input=False).tree_

    usual = type(tree)()
    is_plain = all(getattr(tree, name) == getattr(usual, name) for name in _OF_PLAIN)
    least, apart, share = tree.min_samples_leaf, tree.min_samples_split, tree.max_features
    if not is_plain or not (isinstance(least, int) and isinstance(apart, int)):
        return fitted
    if share is not None and not isinstance(share, float):
        return fitted
    from sklearn.tree import _criterion, _splitter, _tree

    n_features, n_targets = X.shape[1], np.ones(y.shape[1], np.intp)
    n_tried = n_features if share is None else max(1, int(share * n_features))
    depth = np.iinfo(np.int32).max if tree.max_depth is None else tree.max_depth
    criterion = _criterion.MSE(len(n_targets), len(X))

    def grown(seed: Any, weight: FloatArray) -> Any:
        draws = np.random.RandomState(seed) if isinstance(seed, int) else seed
        splitter = _splitter.BestSplitter(criterion, n_tried, least, 0.0, draws, None)
        made = _tree.Tree(n_features, n_targets, len(n_targets))
        limits = max(apart, 2 * least), least, 0.0, depth, tree.min_impurity_decrease
        _tree.DepthFirstTreeBuilder(splitter, *limits).build(made, X, y, weight, None)
        return made

    return grown


@lru_cache(maxsize=32)
def _drawn(random_state: int, n_trees: int, n: int) -> list[tuple[int, NDArray[np.uint16]]]:
    """Return the seed of each tree, and how often it draws each of n examples."""
    seeds, trees = np.random.RandomState(random_state), []
    for _ in range(n_trees):
        seed = seeds.randint(_SEEDS)
        draws = np.random.RandomState(seed).randint(0, n, n)
        trees.append((seed, np.bincount(draws, minlength=n).astype(np.uint16)))
    return trees
