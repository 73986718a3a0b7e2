"""A mixture of calibrators, weighed by what they would have said of each training question."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from distexp.calibrator.fitting.base import few
from distexp.calibrator.fitting.batch import Batched
from distexp.calibrator.fitting.left_out import LeavesOut, each_left_out
from distexp.calibrator.fitting.loss import along_scale, lengths
from distexp.calibrator.fitting.numbered import numbered
from distexp.calibrator.fitting.parameters import Parameters, check_fitted, clone
from distexp.checks import check_number, parameter_error
from distexp.errors import ConfigError
from distexp.types import Design, FloatArray

N_DRAWS = 512
"""Mixtures drawn, the same ones in every fit."""
FOR_ONE = 16
"""Half of the mixtures are drawn as if so many observations had spoken for one member alone: where
many questions do, none drawn from the prior would be near enough."""
N_AT_ONCE = 256
"""Rows whose errors by all mixtures are held together: they fit a processor's cache."""
OF_GROUPS_AT_ONCE = 2**22
"""Numbers predicted together where each group has fits of its own: it is laid out once for all of
these."""
LEAST_LOSS = 1e-9
"""A mean distance that counts as none: its logarithm is finite."""

UNSURE = 2
"""Training questions with which a question counts for half of what it does among many: how far
questions differ in who is right is not known from so few."""


class Evidence(Batched, Parameters):
    r"""Mixes calibrators by the evidence for each, pulled to the first as long as there is little.

    The first member should be the model itself. Every member predicts every training question by
    a fit without it. Then two things are learnt from these predictions, by the same rule however
    many questions there are:

    **The mixture.** Weights w of the members have the prior Dirichlet(`concentration`). With
    L(w) the mean distance of the mixed predictions over the n training questions, Wasserstein-1
    or for nominal questions total variation, the evidence is

    .. math:: L(w)^{- s n^2 / (n + 2)}

    with s the `sharpness`: only ratios of distances count, so that among small errors small
    differences do. The mixture is the posterior mean, over fixed draws from the prior.

    **The pull to the first member.** Let g be the mean of what the mixture gains in distance on
    the first member, by question, and v the variance of that mean. To the training questions
    `prior_questions` more are added, with the standard deviation `prior_error`, that gain
    `prior_gain` times what the first member's mean distance exceeds `good_distance` by. The
    mixture has the share

    .. math:: \max(0, 1 - c \, v / g^2)

    with c the `caution`, and none without a gain. Where the first member is right, nothing is to
    be gained or expected, and it is left alone; as evidence grows that another is closer, its
    weight goes to 0.

    Parameters
    ----------
    members : mapping of str to calibrator
        Each predicts without a case's own question; see `fitting.left_out.LeavesOut`.
        It has no fits of single groups.
    concentration : mapping of str to float
        By member, > 0: its share of their sum is the weight it is expected to have, and the
        smaller the sum, the more the prior holds that one member alone is right.
    sharpness : float
        Power of a ratio of distances that one of many questions counts for, > 0.
    caution : float
        Doubt about the gain, >= 0; 0 takes the mixture as it is wherever it gains.
    prior_gain : float
        Share of the first member's excess distance that a mixture is expected to gain, >= 0.
    good_distance : float
        Mean distance of the first member from which on a gain is expected, >= 0.
    prior_error : float
        Standard deviation of a question's gain before any is seen, in units of distance, > 0.
    prior_questions : float
        Questions that these expectations count for, > 0.
    scope : {"pooled", "per_group", "partial"}
        See `distexp.calibrator.fitting.base.Scoped`: with `per_group` each group has weights of
        its own.

    Attributes
    ----------
    members_ : dict of str to calibrator
        Fitted on all training cases.
    weights_ : dict of str to float
        Their weights in the predictions; they sum to 1.
    losses_ : dict of str to float
        Mean distance of each over the training questions, each predicted without it.
    gain_share_ : float
        Share of the mixture against the first member, in [0, 1].

    References
    ----------
    Wolpert (1992), "Stacked generalization"; Yao, Vehtari, Simpson and Gelman (2018), "Using
    stacking to average Bayesian predictive distributions"; James and Stein (1961), "Estimation
    with quadratic loss", for the factor whose positive part is taken.
    """

    def __init__(
        self,
        members: Mapping[str, LeavesOut],
        concentration: Mapping[str, float],
        sharpness: float = 10.0,
        caution: float = 0.4,
        prior_gain: float = 0.3,
        good_distance: float = 0.05,
        prior_error: float = 0.02,
        prior_questions: float = 4.0,
        scope: str = "pooled",
    ) -> None:
        self.members = members
        self.concentration = concentration
        self.sharpness = sharpness
        self.caution = caution
        self.prior_gain = prior_gain
        self.good_distance = good_distance
        self.prior_error = prior_error
        self.prior_questions = prior_questions
        self.scope = scope

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is wrong, or any member's."""
        super().check_params()
        owner, members = type(self).__name__, self.members
        if (
            not isinstance(members, Mapping)
            or not members
            or not all(isinstance(member, LeavesOut) for member in members.values())
        ):
            wanted = "a mapping of names to calibrators that predict without a case's own question"
            raise parameter_error(owner, "members", wanted, members)
        if not isinstance(self.concentration, Mapping) or set(self.concentration) != set(members):
            wanted = f"a mapping of each member ({', '.join(members)}) to a number"
            raise parameter_error(owner, "concentration", wanted, self.concentration)
        for name, value in self.concentration.items():
            check_number(owner, f"concentration.{name}", value, low=0, low_open=True)
        check_number(owner, "sharpness", self.sharpness, low=0, low_open=True)
        check_number(owner, "caution", self.caution, low=0)
        check_number(owner, "prior_gain", self.prior_gain, low=0)
        check_number(owner, "good_distance", self.good_distance, low=0)
        check_number(owner, "prior_error", self.prior_error, low=0, low_open=True)
        check_number(owner, "prior_questions", self.prior_questions, low=0, low_open=True)
        for name, member in members.items():
            if member.scope == "per_group" or (
                isinstance(member, Batched) and member.scope != "pooled"
            ):
                wanted = f"pooled: set the scope of {owner} in its place"
                raise parameter_error(owner, f"members.{name}.scope", wanted, member.scope)
            try:
                member.check_params()
            except ConfigError as exc:
                msg = f"In member {name!r} of {owner}: {exc}"
                raise ConfigError(msg) from exc

    def _fit(self, X: Design, y: FloatArray, weight: FloatArray | None) -> None:
        weights = np.ones((1, len(y))) if weight is None else weight[None]
        left_out = [member.fit_leave_out(X, y, weights)[1][0] for member in self.members.values()]
        learnt, self.gain_share_, losses = self._learnt(
            X, y, weights[0], left_out, lengths(X.ordinals, X.mask)
        )
        self.weights_ = dict(zip(self.members, learnt.tolist(), strict=True))
        self.losses_ = dict(zip(self.members, losses.tolist(), strict=True))
        self.members_ = {
            name: clone(member).fit(X, y, weight) for name, member in self.members.items()
        }

    def _predict(self, X: Design) -> FloatArray:
        check_fitted(self)
        mixed = np.zeros_like(X.predicted)
        for name, member in self.members_.items():
            mixed += self.weights_[name] * member.predict(X)
        return mixed

    def each_fit(self, X: Design, y: FloatArray, weights: FloatArray) -> Iterator[FloatArray]:
        """Yield the predictions of each fit; see `distexp.protocols.Streaming`."""
        if self.scope == "pooled":
            yield from self._each(X, y, weights)
            return
        for some in few(weights, y.shape[1], OF_GROUPS_AT_ONCE):
            yield from self.fit_predict(X, y, some)

    def _fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        return np.array(list(self._each(X, y, weights)))

    def _each(self, X: Design, y: FloatArray, weights: FloatArray) -> Iterator[FloatArray]:
        members = [each_left_out(member, X, y, weights) for member in self.members.values()]
        length = lengths(X.ordinals, X.mask)
        for weight, *both in zip(weights, *members, strict=True):
            learnt, _, _ = self._learnt(X, y, weight, [without for _, without in both], length)
            predicted = np.zeros_like(y)
            for share, (fitted, _) in zip(learnt, both, strict=True):
                predicted += share * fitted
            yield predicted

    def _learnt(
        self,
        X: Design,
        y: FloatArray,
        weight: FloatArray,
        left_out: Sequence[FloatArray],
        length: FloatArray,
    ) -> tuple[FloatArray, float, FloatArray]:
        """Return the weights, the share of the mixture and each member's loss.

        `left_out`, each of shape (n_cases, max_options), is what they predict without a case's
        question, and `length` what `lengths` returns; cases of weight 0 do not count.
        """
        rows = np.flatnonzero(weight > 0)
        codes = numbered(X.together[rows])
        n = int(codes.max()) + 1
        length, weight = length[rows], weight[rows]
        of_case = weight * (n / weight.sum())  # questions weigh 1 on average
        counts = length > 0
        row_weight = (of_case[:, None] * length)[counts]
        human, ordinals = y[rows], X.ordinals[rows]
        errors = np.empty((len(left_out), len(row_weight)))
        for without, of_member in zip(left_out, errors, strict=True):
            apart = along_scale(without[rows] - human, ordinals)
            np.multiply(apart[counts], row_weight, out=of_member)
        of_row = np.repeat(codes, counts.sum(axis=1))
        alone = np.array([np.bincount(of_row, np.abs(one), n) for one in errors])
        mixture = self._mixture(errors, n)
        mixed = np.asarray(np.bincount(of_row, np.abs(mixture @ errors), n), dtype=np.float64)
        share = self._share(alone[0], mixed)
        learnt = share * mixture
        learnt[0] += 1 - share
        return learnt, share, alone.mean(axis=1)

    def _mixture(self, errors: FloatArray, n: int) -> FloatArray:
        """Return the posterior mean of the weights, of shape (n_members,).

        Errors of a row that all have one sign add up without one; of others each mixture's do.
        """
        drawn, prior = _drawn(tuple(float(self.concentration[name]) for name in self.members))
        one_sided = (errors.min(axis=0) >= 0) | (errors.max(axis=0) <= 0)
        losses = drawn @ np.abs(errors[:, one_sided]).sum(axis=1)
        others = errors[:, ~one_sided]
        for start in range(0, others.shape[1], N_AT_ONCE):
            mixed = drawn @ others[:, start : start + N_AT_ONCE]
            losses += np.abs(mixed, out=mixed).sum(axis=1)
        power = self.sharpness * n**2 / (n + UNSURE)
        evidence = -power * np.log(np.maximum(losses / n, LEAST_LOSS))
        posterior = prior * np.exp(evidence - evidence.max())
        mixture: FloatArray = posterior @ drawn / posterior.sum()
        return mixture

    def _share(self, first: FloatArray, mixed: FloatArray) -> float:
        """Return how much of the mixture its gain earns it, from the questions' distances."""
        gain, n, m = first - mixed, len(first), self.prior_questions
        expected = self.prior_gain * max(0.0, float(first.mean()) - self.good_distance)
        mean = (float(gain.sum()) + m * expected) / (n + m)
        if mean <= 0:
            return 0.0
        of_prior = m * ((expected - mean) ** 2 + self.prior_error**2)
        squares = float(((gain - mean) ** 2).sum()) + of_prior
        variance = squares / (n - 1 + m) / (n + m)
        return max(0.0, 1 - self.caution * variance / mean**2)


@lru_cache(maxsize=8)
def _drawn(concentration: tuple[float, ...]) -> tuple[FloatArray, FloatArray]:
    """Return `N_DRAWS` mixtures, of shape (N_DRAWS, n_members), and what each counts for.

    Half are drawn from the prior, and the others from the posteriors of `FOR_ONE` observations of
    each member in turn. A mixture counts for its density under the prior over that under both.
    """
    rng, prior = np.random.default_rng(0), np.array(concentration)
    for_one = prior + FOR_ONE * np.eye(len(prior))
    turns = np.resize(np.arange(len(prior)), N_DRAWS // 2)
    drawn = np.concatenate(
        [rng.dirichlet(prior, N_DRAWS - len(turns)), [rng.dirichlet(for_one[i]) for i in turns]]
    )
    steps = np.arange(FOR_ONE)[:, None]
    expected = ((prior + steps) / (prior.sum() + steps)).prod(axis=0)
    n_turns = np.bincount(turns, minlength=len(prior))
    density = N_DRAWS - len(turns) + (drawn**FOR_ONE / expected) @ n_turns
    counts: FloatArray = N_DRAWS / density
    drawn.flags.writeable = counts.flags.writeable = False
    return drawn, counts
