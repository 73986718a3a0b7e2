"""Joint calibration: the softmax of scores that are linear in what the model said."""

from distexp.calibrator.fitting.linear import LinearCalibrator, LinearScores
from distexp.calibrator.fitting.loss import LOSSES, SoftmaxLoss, minimised
from distexp.checks import check_number
from distexp.types import Design, FloatArray


class SoftmaxRegression(LinearCalibrator):
    """Predicts ``softmax(W z + b)``, with W and b for each number of options.

    The prediction is a distribution by construction, and every option's share depends on all
    scores. W and b minimise the sum of the cases' losses and of ``penalty * (W - W0) ** 2`` and
    ``penalty * b ** 2``, where W0 is the identity; the pull fades as training cases grow. With
    the features `log` and W0 nothing is changed, but for a hundredth of the uniform distribution.

    Parameters
    ----------
    features : {"log", "share"}
        z is the smoothed logarithm of the model's shares, or the shares themselves, both relative
        to even shares: `distexp.calibrator.fitting.linear.features`.
    matrix : {"temperature", "vector", "full"}
        W has one slope for all options and there is no b; one slope and bias for each option; or
        a slope from each option to each. With several inputs, each of them has its own.
    loss : {"cross_entropy", "wasserstein", "squared"}
        See `distexp.calibrator.fitting.loss.SoftmaxLoss`. The losses of a case differ in size,
        about 1 : 0.1 : 0.1, and so does what a penalty weighs.
    penalty : float
        At least 0, for every slope and bias; for slopes times the number of inputs, so that their
        sum is held as tightly as the slope of one. Give weights a mean of 1: larger ones are more
        data, and the penalty counts for less.
    off_diagonal : float
        At least 0: what slopes from one option to another, and biases, are penalised in addition
        (Kull et al.'s ODIR).
    scope : {"pooled", "per_group", "partial"}
        See `distexp.calibrator.fitting.base.Scoped`.

    Attributes
    ----------
    shared_, by_size_
        See `distexp.calibrator.fitting.linear.LinearCalibrator`.

    References
    ----------
    Guo et al. 2017, arXiv 1706.04599 (temperature and vector scaling, of logits); Kull et al.
    2019, arXiv 1910.12656 (`log` and `full` with ODIR: Dirichlet calibration). With `share` and
    `full` it is multinomial logistic regression on the model's shares, its targets soft.
    """

    def __init__(
        self,
        features: str = "log",
        matrix: str = "vector",
        loss: str = "wasserstein",
        penalty: float = 0.3,
        off_diagonal: float = 0.0,
        scope: str = "pooled",
    ) -> None:
        self.features = features
        self.matrix = matrix
        self.loss = loss
        self.penalty = penalty
        self.off_diagonal = off_diagonal
        self.scope = scope

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is wrong."""
        super().check_params()
        self._check_choice("loss", LOSSES)
        check_number("SoftmaxRegression", "off_diagonal", self.off_diagonal, low=0)

    def _parameters(
        self, linear: LinearScores, z: FloatArray, X: Design, y: FloatArray, weight: FloatArray
    ) -> FloatArray:
        of_scores = SoftmaxLoss(self.loss, y, X.ordinals, X.mask, weight)

        def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
            value, by_scores = of_scores(linear.scores(parameters, z))
            return value, linear.gradient(by_scores, z)

        penalties = linear.penalties(self.penalty, self.off_diagonal)
        return minimised(loss, linear.identity, penalties)
