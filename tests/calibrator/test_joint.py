from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.optimize import approx_fprime, minimize
from sklearn.linear_model import LogisticRegression

from distexp.calibrator.dirichlet import DirichletRegression, log_interior, surprise
from distexp.calibrator.fitting.linear import FEATURES, MATRICES, LinearScores, features
from distexp.calibrator.fitting.loss import (
    LOSSES,
    SOFTENING,
    SoftmaxLoss,
    log_softmax,
    residual_map,
)
from distexp.calibrator.fitting.mixture import nearest_mixture, project
from distexp.calibrator.simplex import LinearPool, SimplexLeastSquares
from distexp.calibrator.softmax import SoftmaxRegression
from distexp.errors import ConfigError
from distexp.metrics.distance import KL_SMOOTHING, distance, kl_divergence, total_variation
from distexp.types import Design, FloatArray
from tests.calibrator.designs import design, random_design

STACKERS = [
    LinearPool(),
    SoftmaxRegression(),
    SoftmaxRegression(matrix="full", loss="cross_entropy"),
    DirichletRegression(),
]
LEARNERS = [
    SimplexLeastSquares(),
    SimplexLeastSquares(loss="wasserstein"),
    *STACKERS,
]


def cases_of(k: int, n_cases: int, seed: int) -> Design:
    """Return cases with `k` options on an even scale."""
    rng = np.random.default_rng(seed)
    return design([list(row) for row in rng.dirichlet(np.ones(k), n_cases)])


def awkward(n_cases: int, seed: int) -> tuple[Design, FloatArray]:
    """Return cases of 2 to 5 options, some nominal, some with tied or unordered positions."""
    X, y = random_design(n_cases, seed)
    ordinals = X.ordinals.copy()
    ordinals[::4] = np.nan
    ordinals[1::4] = np.round(1 - ordinals[1::4])  # 1, 1, 0, 0 for four options
    return replace(X, ordinals=ordinals), y


def stacked(inputs: FloatArray, k: int) -> Design:
    """Return cases with `k` options and several inputs, of shape (n_cases, n_inputs, k)."""
    X = design([list(row) for row in inputs.mean(axis=1)])
    return replace(X, inputs=inputs)


def slopes_of(fitted: SoftmaxRegression, k: int) -> FloatArray:
    """Return the fitted slopes of a full matrix and one input."""
    return fitted.by_size_[k][: k * k].reshape(k, k)


class TestLosses:
    """What is minimised."""

    def test_the_distance_is_a_sum_of_absolute_residuals(self) -> None:
        """Along scales in any order, with ties, and without a scale."""
        X, y = awkward(40, seed=0)

        operator, weight = residual_map(X.ordinals, X.mask)
        residual = np.einsum("ijl,il->ij", operator, X.predicted - y)

        assert len(operator) == 40
        assert_allclose(
            (weight * np.abs(residual)).sum(axis=1), distance(X.predicted, y, X.ordinals)
        )

    def test_cases_on_ordered_scales_share_their_sums(self) -> None:
        """Their options are added up in the same order, whatever their number."""
        X, y = random_design(40, seed=1)

        operator, weight = residual_map(X.ordinals, X.mask)
        residual = (X.predicted - y) @ operator[0].T

        assert len(operator) == 1
        assert_allclose(
            (weight * np.abs(residual)).sum(axis=1), distance(X.predicted, y, X.ordinals)
        )

    def test_each_loss_is_what_its_name_says(self) -> None:
        """Cross-entropy is the divergence and the entropy, W1 the distance less its softening."""
        X, y = awkward(40, seed=2)
        scores = np.random.default_rng(0).normal(size=y.shape)
        weight = np.linspace(0.5, 1.5, 40)

        p = np.exp(log_softmax(scores, X.mask))
        found = {
            name: SoftmaxLoss(name, y, X.ordinals, X.mask, weight)(scores)[0] for name in LOSSES
        }

        entropy = np.array([stats.entropy(row) for row in y])
        divergence = kl_divergence(y, p, X.mask, smoothing=1e-12)
        assert_allclose(found["cross_entropy"], weight @ (divergence + entropy))
        assert_allclose(found["squared"], weight @ ((p - y) ** 2).sum(axis=1))
        exact = weight @ distance(p, y, X.ordinals)
        assert exact - 2.5 * SOFTENING * weight.sum() < found["wasserstein"] < exact

    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("matrix", MATRICES)
    @pytest.mark.parametrize("kind", FEATURES)
    def test_gradients_are_derivatives(self, loss: str, matrix: str, kind: str) -> None:
        """Of every loss by the slopes and biases, with two inputs, against differences."""
        X, y = awkward(40, seed=3)
        X = replace(X, inputs=np.stack([X.predicted, X.predicted[:, ::-1] * X.mask], axis=1))
        z = features(X, kind)
        linear = LinearScores(matrix, *z.shape[1:])
        of_scores = SoftmaxLoss(loss, y, X.ordinals, X.mask, np.linspace(0.5, 1.5, 40))
        at = linear.identity + np.random.default_rng(1).normal(size=len(linear.identity)) / 5

        analytic = linear.gradient(of_scores(linear.scores(at, z))[1], z)
        numeric = approx_fprime(at, lambda b: of_scores(linear.scores(b, z))[0], 1e-7)

        assert_allclose(analytic, numeric, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", FEATURES)
def test_features_are_nothing_where_the_model_is_undecided(kind: str) -> None:
    """Even shares are 0 for any number of options, so that a slope leaves them alone."""
    X = design([[1 / 2] * 2, [1 / 3] * 3, [1 / 5] * 5, [0.4, 0.15, 0.15, 0.15, 0.15]])

    z = features(X, kind)[:, 0]

    assert_allclose(z[:3], 0, atol=1e-12)
    assert_allclose(z[3, 0], {"share": 1.0, "log": np.log(0.99 * 2 + 0.01)}[kind])


class TestSoftmaxRegression:
    """Softmax of W z + b."""

    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("slope", [0.4, 1.7])
    def test_temperature_is_recovered(self, loss: str, slope: float) -> None:
        """Human shares that are a power of the model's are fitted by that power."""
        X = cases_of(4, 30, seed=4)
        y = np.exp(log_softmax(slope * features(X, "log")[:, 0], X.mask))

        fitted = SoftmaxRegression(matrix="temperature", loss=loss, penalty=0).fit(X, y)

        assert_allclose(fitted.by_size_[4], [slope], rtol=1e-3)
        assert_allclose(fitted.shared_, [slope], rtol=1e-3)

    @pytest.mark.parametrize("loss", LOSSES)
    def test_slopes_and_biases_of_options_are_recovered(self, loss: str) -> None:
        """What vector scaling made, vector scaling finds."""
        X, X_test = cases_of(3, 60, seed=5), cases_of(3, 20, seed=6)
        slopes, bias = np.array([0.5, 1.5, 1.0]), np.array([0.5, 0.0, -0.5])

        def true(cases: Design) -> FloatArray:
            return np.exp(log_softmax(features(cases, "log")[:, 0] * slopes + bias, cases.mask))

        fitted = SoftmaxRegression(matrix="vector", loss=loss, penalty=1e-6).fit(X, true(X))

        assert_allclose(fitted.predict(X_test), true(X_test), atol=2e-3)

    @pytest.mark.parametrize("loss", LOSSES)
    def test_full_matrices_put_options_right(self, loss: str) -> None:
        """A model that gives the right shares to the wrong options is corrected."""
        X = cases_of(3, 40, seed=7)
        y = X.predicted[:, [2, 0, 1]]

        fitted = SoftmaxRegression(matrix="full", loss=loss, penalty=1e-6).fit(X, y)

        assert total_variation(fitted.predict(X), y).max() < 0.02

    def test_shares_with_a_full_matrix_are_multinomial_regression(self) -> None:
        """Predictions of scikit-learn, to which soft targets are weighted answers."""
        X, y = cases_of(3, 50, seed=8), cases_of(3, 50, seed=9).predicted
        weight = np.linspace(0.5, 1.5, 50)
        model = SoftmaxRegression("share", "full", "cross_entropy", penalty=1e-6)

        fitted = model.fit(X, y, weight).predict(X)

        answers = np.tile(np.arange(3), 50)
        oracle = LogisticRegression(C=1e6, tol=1e-8, max_iter=1000)
        oracle.fit(np.repeat(X.predicted, 3, axis=0), answers, (weight[:, None] * y).ravel())
        assert_allclose(fitted, oracle.predict_proba(X.predicted), atol=2e-3)

    @pytest.mark.parametrize("loss", LOSSES)
    def test_the_loss_that_is_fitted_is_the_one_that_falls(self, loss: str) -> None:
        """On its training cases no other loss's fit has less of it."""
        X, y = awkward(120, seed=10)

        def of(fitted: str) -> float:
            model = SoftmaxRegression(matrix="full", loss=fitted, penalty=1e-3).fit(X, y)
            log_p = np.log(model.predict(X) + ~X.mask)
            return SoftmaxLoss(loss, y, X.ordinals, X.mask, np.ones(120))(log_p)[0]

        assert of(loss) == min(map(of, LOSSES))

    @pytest.mark.parametrize("matrix", MATRICES)
    def test_the_penalty_pulls_to_the_identity(self, matrix: str) -> None:
        """A large one leaves the model's shares as they are, smoothed by a hundredth."""
        X, y = random_design(60, seed=11)
        smoothed = (1 - KL_SMOOTHING) * X.predicted + KL_SMOOTHING * X.mask / X.n_options[:, None]

        predicted = SoftmaxRegression(matrix=matrix, penalty=1e9).fit(X, y).predict(X)

        assert_allclose(predicted, smoothed, atol=1e-6)

    def test_shares_are_near_the_identity_where_options_are_near_even(self) -> None:
        """They are the tangent of the logarithm there: off by the square of the difference."""
        shares = np.array([0.26, 0.24, 0.255, 0.245])
        X = design([list(shares)])

        predicted = SoftmaxRegression(features="share", penalty=1e9).fit(X, X.predicted).predict(X)

        assert_allclose(predicted[0], shares, atol=0.01**2 * 4)

    def test_off_diagonal_spares_the_options_own_slopes(self) -> None:
        """A large one leaves no bias and no slope between options, but own slopes as fitted."""
        X = cases_of(3, 60, seed=12)
        y = np.exp(log_softmax(0.5 * features(X, "log")[:, 0], X.mask))
        model = SoftmaxRegression("log", "full", "cross_entropy", 1e-6, off_diagonal=1e6)

        fitted = model.fit(X, y)

        assert_allclose(slopes_of(fitted, 3), 0.5 * np.eye(3), atol=5e-3)
        assert_allclose(fitted.by_size_[3][9:], 0, atol=1e-3)

    def test_sizes_with_two_questions_get_the_temperature_of_all_cases(self) -> None:
        """Three options have 20 questions, two have two of three cases, five have none."""
        X, y = random_design(40, seed=13)
        kept = np.isin(X.n_options, [3]) | (np.cumsum(X.n_options == 2) <= 3) & (X.n_options == 2)
        X, y = X.take(kept), y[kept]
        question = np.arange(len(y))
        question[X.n_options == 2] = [100, 100, 101]
        X = replace(X, question=question)
        X_test = design([[0.9, 0.1], [0.6, 0.1, 0.1, 0.1, 0.1]])
        fitted = SoftmaxRegression().fit(X, y)

        predicted = fitted.predict(X_test)

        assert list(fitted.by_size_) == [3]
        z = features(X_test, "log")[:, 0]
        assert_allclose(predicted, np.exp(log_softmax(fitted.shared_ * z, X_test.mask)))

    def test_an_input_given_twice_is_fitted_as_one(self) -> None:
        """The penalty on slopes grows with the number of inputs, so that they share the pull."""
        X, y = random_design(60, seed=14)
        twice = replace(X, inputs=np.stack([X.predicted, X.predicted], axis=1))
        model = SoftmaxRegression(loss="cross_entropy", penalty=3.0)

        once, both = model.fit(X, y).predict(X), model.fit(twice, y).predict(twice)

        assert_allclose(both, once, atol=1e-4)

    def test_the_identity_of_inputs_is_the_mean_of_their_logarithms(self) -> None:
        """.8 and .2 of two inputs make even shares; .8 and .5 make the odds of 2 to 1."""
        inputs = np.array([[[0.8, 0.2], [0.2, 0.8]], [[0.8, 0.2], [0.5, 0.5]]])
        X = stacked(inputs, 2)

        predicted = SoftmaxRegression(penalty=1e9).fit(X, X.predicted).predict(X)

        assert_allclose(predicted, [[1 / 2, 1 / 2], [2 / 3, 1 / 3]], atol=3e-3)

    def test_inputs_that_know_something_get_the_slopes(self) -> None:
        """Of two inputs of which one is noise, the other one is followed."""
        rng = np.random.default_rng(15)
        inputs = rng.dirichlet(np.ones(3), (80, 2))
        X = stacked(inputs, 3)

        fitted = SoftmaxRegression(matrix="temperature", penalty=0.01).fit(X, inputs[:, 0])

        assert fitted.shared_[0] > 0.9
        assert abs(fitted.shared_[1]) < 0.05

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (
                {"features": "logit"},
                "'features' parameter of SoftmaxRegression must be one of log",
            ),
            (
                {"matrix": "diagonal"},
                "'matrix' parameter of SoftmaxRegression must be one of temp",
            ),
            ({"loss": "w1"}, "'loss' parameter of SoftmaxRegression must be one of cross_entropy"),
            ({"penalty": -1}, "'penalty' parameter of SoftmaxRegression must be a number >= 0"),
            ({"off_diagonal": "x"}, "'off_diagonal' parameter .* must be a number >= 0. Got 'x'"),
        ],
    )
    def test_wrong_settings_are_refused(self, settings: dict[str, Any], message: str) -> None:
        """The message names the setting and what it may be."""
        with pytest.raises(ConfigError, match=message):
            SoftmaxRegression(**settings).check_params()


class TestDirichletRegression:
    """Likelihood of human shares around the model's."""

    def test_the_likelihood_is_the_density(self) -> None:
        """Of scipy's Dirichlet distribution, for cases of any size."""
        X, y = random_design(30, seed=16)
        log_alpha = np.random.default_rng(2).normal(1, 1, y.shape)
        weight = np.linspace(0.5, 1.5, 30)

        value, _ = surprise(log_alpha, np.log(np.where(X.mask, y, 1)), X.mask, weight)

        rows = zip(y, np.exp(log_alpha), X.n_options, strict=True)
        density = [stats.dirichlet.logpdf(h[:k] / h.sum(), alpha[:k]) for h, alpha, k in rows]
        assert_allclose(value, -weight @ density)

    def test_gradients_are_derivatives(self) -> None:
        """By the logarithm of each parameter, against differences; none in the padding."""
        X, y = random_design(6, seed=17)
        log_y = log_interior(y, X.mask)
        at = np.random.default_rng(3).normal(1, 1, y.size)

        def loss(log_alpha: FloatArray) -> tuple[float, FloatArray]:
            return surprise(log_alpha.reshape(y.shape), log_y, X.mask, np.linspace(0.5, 1.5, 6))

        numeric = approx_fprime(at, lambda b: loss(b)[0], 1e-6)

        assert_allclose(loss(at)[1].ravel(), numeric, rtol=1e-3, atol=1e-4)
        assert_array_equal(loss(at)[1][~X.mask], 0)

    def test_mean_and_precision_are_recovered(self) -> None:
        """1000 draws of precision 40 around the square root of the model's shares."""
        X = cases_of(3, 1000, seed=18)
        mean = np.exp(log_softmax(0.5 * features(X, "log")[:, 0], X.mask))
        rng = np.random.default_rng(4)
        alpha = np.exp(np.log(40 / 3) + 0.5 * features(X, "log")[:, 0])
        y = np.array([rng.dirichlet(row) for row in alpha])

        fitted = DirichletRegression(penalty=1e-3).fit(X, y)

        slopes, bias, c = np.split(fitted.by_size_[3], [3, 6])
        assert_allclose(slopes, 0.5, atol=0.05)
        assert_allclose(np.exp(bias + c), 40, rtol=0.15)
        assert total_variation(fitted.predict(X), mean).max() < 0.03

    def test_shares_of_nobody_are_moved_inside(self) -> None:
        """Of four cases, (1, 0) becomes (3 + 1/2, 1/2) of four."""
        y = np.tile([1.0, 0.0], (4, 1))

        log_y = log_interior(y, np.ones_like(y, dtype=bool))

        assert_allclose(np.exp(log_y), np.tile([3.5 / 4, 0.5 / 4], (4, 1)))

    @pytest.mark.parametrize("matrix", MATRICES)
    def test_a_perfect_model_is_left_as_it_is(self, matrix: str) -> None:
        """Its likelihood has no upper end, which must not break the search."""
        X, _ = random_design(200, seed=19)

        predicted = DirichletRegression(matrix=matrix).fit(X, X.predicted).predict(X)

        assert total_variation(predicted, X.predicted).mean() < 0.01

    def test_sizes_never_trained_on_get_a_temperature(self) -> None:
        """Half the slope learnt of three options is half the slope for four."""
        X = cases_of(3, 200, seed=20)
        y = np.exp(log_softmax(0.5 * features(X, "log")[:, 0], X.mask))
        X_test = cases_of(4, 10, seed=21)

        predicted = DirichletRegression(penalty=0.1).fit(X, y).predict(X_test)

        expected = np.exp(log_softmax(0.5 * features(X_test, "log")[:, 0], X_test.mask))
        assert_allclose(predicted, expected, atol=0.01)


class TestSimplexLeastSquares:
    """Shares moved by a matrix whose rows are distributions."""

    def test_a_matrix_is_recovered(self) -> None:
        """Without a penalty it is found to the last digits that matter."""
        X = cases_of(3, 40, seed=22)
        true = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.2, 0.2, 0.6]])

        fitted = SimplexLeastSquares(penalty=0).fit(X, X.predicted @ true)

        assert_allclose(fitted.by_size_[3], true, atol=1e-4)
        assert_allclose(fitted.predict(X), X.predicted @ true, atol=1e-4)

    @pytest.mark.parametrize(("loss", "atol"), [("squared", 1e-4), ("wasserstein", 5e-3)])
    def test_the_matrix_is_that_of_a_general_solver(self, loss: str, atol: float) -> None:
        """SLSQP with the same objective and constraints, weights and penalty."""
        X, y = cases_of(3, 25, seed=23), cases_of(3, 25, seed=24).predicted
        weight = np.linspace(0.5, 1.5, 25)

        def objective(flat: FloatArray) -> float:
            moves = flat.reshape(3, 3)
            missed = X.predicted @ moves - y
            if loss == "squared":
                of_case = (missed**2).sum(axis=1)
            else:  # positions are 0, 1/2 and 1
                along = np.cumsum(missed, axis=1)[:, :2]
                of_case = (np.sqrt(along**2 + SOFTENING**2) - SOFTENING).sum(axis=1) / 2
            return float(weight @ of_case + 0.5 * ((moves - np.eye(3)) ** 2).sum())

        oracle = minimize(
            objective,
            np.full(9, 1 / 3),
            method="SLSQP",
            bounds=[(0, 1)] * 9,
            constraints={"type": "eq", "fun": lambda flat: flat.reshape(3, 3).sum(axis=1) - 1},
            options={"ftol": 1e-12, "maxiter": 1000},
        )
        fitted = SimplexLeastSquares(loss, penalty=0.5).fit(X, y, weight).by_size_[3]

        assert_allclose(fitted, oracle.x.reshape(3, 3), atol=atol)
        assert objective(fitted.ravel()) < oracle.fun * (1 + 1e-5)

    def test_rows_are_distributions(self) -> None:
        """Whatever the human answers are."""
        X, y = random_design(100, seed=25)

        fitted = SimplexLeastSquares().fit(X, y[:, ::-1] * X.mask)

        assert sorted(fitted.by_size_) == [2, 3, 4, 5]
        for moves in fitted.by_size_.values():
            assert (moves >= 0).all()
            assert_allclose(moves.sum(axis=1), 1)

    def test_other_sizes_are_flattened_as_all_cases_are(self) -> None:
        """The share that goes to all options alike is a slope, here by the normal equation."""
        X = design([[0.9, 0.1], [0.8, 0.2]])
        y = np.array([[0.7, 0.3], [0.7, 0.3]])
        X_test = design([[0.7, 0.1, 0.2]])

        fitted = SimplexLeastSquares(penalty=0).fit(X, y)

        flattened = (0.2 * 0.4 + 0.1 * 0.3) / (0.4**2 + 0.3**2)
        assert_allclose(fitted.shared_, [1 - flattened, flattened], atol=1e-6)
        expected = (1 - flattened) * X_test.predicted + flattened / 3
        assert_allclose(fitted.predict(X_test), expected, atol=1e-6)

    def test_the_projection_is_the_nearest_distribution(self) -> None:
        """Against a general solver, inside, outside and on the far side of the simplex."""
        rows = np.random.default_rng(5).normal(0, 1.5, (8, 4))

        found = project(rows)

        for row, projected in zip(rows, found, strict=True):
            oracle = minimize(
                lambda x, row=row: ((x - row) ** 2).sum(),
                np.full(4, 0.25),
                method="SLSQP",
                bounds=[(0, 1)] * 4,
                constraints={"type": "eq", "fun": lambda x: x.sum() - 1},
                options={"ftol": 1e-14},
            )
            assert_allclose(projected, oracle.x, atol=1e-6)

    def test_wrong_settings_are_refused(self) -> None:
        """The message names the setting and what it may be."""
        with pytest.raises(ConfigError, match="'loss' parameter of SimplexLeastSquares must be"):
            SimplexLeastSquares(loss="cross_entropy").check_params()
        with pytest.raises(
            ConfigError, match="'penalty' parameter of LinearPool must be a number"
        ):
            LinearPool(penalty=-1).check_params()


class TestLinearPool:
    """One weight for each input."""

    @pytest.mark.parametrize("loss", ["squared", "wasserstein"])
    def test_a_known_mixture_is_recovered(self, loss: str) -> None:
        """.6, .3, .1 and nothing of four inputs."""
        inputs = np.random.default_rng(26).dirichlet(np.ones(4), (50, 4))
        X, true = stacked(inputs, 4), np.array([0.6, 0.3, 0.1, 0.0])
        y = np.tensordot(inputs, true, axes=(1, 0))

        fitted = LinearPool(loss, penalty=0).fit(X, y)

        assert_allclose(fitted.weights_, true, atol=1e-3)
        assert_allclose(fitted.predict(X), y, atol=1e-3)

    def test_the_penalty_pulls_to_the_plain_mean(self) -> None:
        """A large one leaves every input its equal say."""
        inputs = np.random.default_rng(27).dirichlet(np.ones(4), (50, 4))
        X = stacked(inputs, 4)

        fitted = LinearPool(penalty=1e6).fit(X, inputs[:, 0])

        assert_allclose(fitted.weights_, 0.25, atol=1e-4)
        assert_allclose(fitted.predict(X), X.predicted, atol=1e-4)

    def test_the_pull_grows_with_the_number_of_inputs(self) -> None:
        """Of two inputs it is twice the penalty, here by the normal equation."""
        inputs = np.random.default_rng(34).dirichlet(np.ones(3), (30, 2))
        X, y = stacked(inputs, 3), np.random.default_rng(35).dirichlet(np.ones(3), 30)
        apart, wanted = inputs[:, 0] - inputs[:, 1], y - inputs[:, 1]

        fitted = LinearPool("squared", penalty=3.0).fit(X, y)

        first = ((apart * wanted).sum() + 2 * 3.0) / ((apart**2).sum() + 2 * 2 * 3.0)
        assert_allclose(fitted.weights_, [first, 1 - first], atol=1e-6)

    def test_a_single_input_is_left_as_it_is(self) -> None:
        """There is nothing to choose from."""
        X, y = random_design(40, seed=28)

        assert_allclose(LinearPool().fit(X, y).predict(X), X.predicted)

    def test_nominal_questions_are_mixed_by_total_variation(self) -> None:
        """Against the weights of least total variation on a fine grid."""
        inputs = np.random.default_rng(29).dirichlet(np.ones(3), (40, 2))
        y = np.random.default_rng(30).dirichlet(np.ones(3), 40) / 2 + inputs[:, 0] / 2
        X = replace(stacked(inputs, 3), ordinals=np.full((40, 3), np.nan))

        found = nearest_mixture(
            inputs, X, y, np.ones(40), np.full((1, 2), 0.5), 0.0, "wasserstein"
        )

        grid = np.linspace(0, 1, 1001)[:, None, None]
        mixed = grid * inputs[:, 0] + (1 - grid) * inputs[:, 1]
        best = total_variation(mixed, y).sum(axis=1)
        reached = total_variation(np.tensordot(inputs, found[0], axes=(1, 0)), y).sum()
        assert reached < best.min() * 1.002


@pytest.mark.parametrize("family", LEARNERS[:-1], ids=str)  # what Dirichlet's smooths depends on n
def test_a_weight_counts_as_repetition(family: Any) -> None:
    """A case of weight 2 is learnt from as if it were there twice."""
    X, y = random_design(60, seed=31)
    X = replace(X, inputs=np.stack([X.predicted, y], axis=1))
    weight = np.where(np.arange(60) < 20, 2.0, 1.0)
    repeated = np.r_[0:60, 0:20]

    weighted = family.fit(X, y, weight).predict(X)

    assert_allclose(weighted, family.fit(X.take(repeated), y[repeated]).predict(X), atol=2e-3)
    assert np.abs(weighted - family.fit(X, y).predict(X)).max() > 1e-4


@pytest.mark.parametrize("family", LEARNERS, ids=str)
def test_scales_without_an_order_are_no_obstacle(family: Any) -> None:
    """Trained on nominal questions, tied and unsorted positions, each comes closer to them."""
    X, y = awkward(80, seed=32)

    predicted = family.fit(X, y).predict(X)

    assert_allclose(predicted.sum(axis=1), 1)
    before, after = (distance(p, y, X.ordinals).mean() for p in (X.predicted, predicted))
    assert after <= before * (1 + 1e-12)  # a pool of one input changes nothing


@pytest.mark.parametrize("family", STACKERS, ids=str)
def test_stacked_inputs_are_told_apart(family: Any) -> None:
    """With the human answers as one of two inputs the fit comes closer than their mean."""
    X, y = random_design(80, seed=33)
    inputs = np.stack([X.mask / X.n_options[:, None], y], axis=1)
    X = replace(X, inputs=inputs, predicted=inputs.mean(axis=1))

    predicted = family.fit(X, y).predict(X)

    before, after = (distance(p, y, X.ordinals).mean() for p in (X.predicted, predicted))
    assert after < 0.6 * before
