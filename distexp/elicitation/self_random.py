"""Self-random elicitation: the same question again and again, and the shares of the answers."""

from collections.abc import Sequence

from distexp.checks import check_int
from distexp.elicitation.reply.at_once import AskedAtOnce
from distexp.elicitation.reply.sampling import Sampler
from distexp.errors import ConfigError
from distexp.protocols import PromptStyle
from distexp.request import Prompt, Response
from distexp.types import Group, Question


class SelfRandom(AskedAtOnce, Sampler):
    """Draw answers of one letter; the share of the draws is the distribution.

    Parameters
    ----------
    task : str
        What the model is told to do; may hold `{audience}`.
    n_samples : int
        Answers drawn per case and option order, >= 2; the paper draws 5 or more.
    temperature : float
        Sampling temperature, > 0.
    max_tokens, option_orders, smoothing, seed, constrain
        As in `Sampler`.

    References
    ----------
    arXiv 2507.00439, section on self-random sampling; Xiong et al. 2024 (arXiv 2306.13063).
    """

    name = "self_random"

    def __init__(
        self,
        *,
        task: str,
        n_samples: int = 10,
        temperature: float = 1.0,
        max_tokens: int = 32,
        option_orders: Sequence[str] = ("natural",),
        smoothing: float = 0.0,
        seed: int = 0,
        constrain: bool = False,
    ) -> None:
        super().__init__(
            task=task,
            temperature=temperature,
            max_tokens=max_tokens,
            option_orders=option_orders,
            smoothing=smoothing,
            seed=seed,
            constrain=constrain,
        )
        check_int(type(self).__name__, "n_samples", n_samples, minimum=2, maximum=100_000)
        if temperature == 0:
            msg = (
                f"{type(self).__name__} at temperature 0 would pay for copies of one answer. "
                "Set elicitation.temperature above 0."
            )
            raise ConfigError(msg)
        self.n_samples = n_samples

    def prompts(
        self,
        question: Question,
        group: Group,
        style: PromptStyle,
        prepared: Sequence[Response] = (),
    ) -> tuple[Prompt, ...]:
        """Return one prompt per option order and draw."""
        return self._draws([question] * self.n_samples, group, style)
