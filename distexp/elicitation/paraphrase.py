"""Paraphrase elicitation: the model rewords the question, and answers each wording once."""

from collections.abc import Sequence
from dataclasses import replace

from distexp.checks import check_int, parameter_error
from distexp.elicitation.reply.rewriting import Rewriting
from distexp.elicitation.reply.sampling import Sampler
from distexp.errors import ParseError
from distexp.protocols import PromptStyle
from distexp.request import Prompt, Response
from distexp.types import Group, Question


class Paraphrase(Sampler):
    """Draw one answer per wording; the share of the answers is the distribution.

    The wordings are asked for once per question, without a group, and serve every group and
    prompt style. The answer options are never reworded.

    Parameters
    ----------
    rewrite : str
        How the wordings are asked for; may hold `{n_wordings}`. Question and options follow it.
    task : str
        What the model is told to do with a wording; may hold `{audience}`.
    n_wordings : int
        Wordings asked for, >= 2; if there are more, the first so many are used.
    min_wordings : int
        With fewer different wordings than these the question is unreadable.
    rewrite_max_tokens : int
        Longest reply with wordings, in tokens.
    temperature, max_tokens, option_orders, smoothing, seed, constrain
        As in `Sampler`. The temperature is that of the rewriting, too.

    References
    ----------
    arXiv 2507.00439, section on paraphrase sampling; Xiong et al. 2024 (arXiv 2306.13063).
    """

    name = "paraphrase"

    def __init__(
        self,
        *,
        rewrite: str,
        task: str,
        n_wordings: int = 10,
        min_wordings: int = 5,
        rewrite_max_tokens: int = 1500,
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
        owner = type(self).__name__
        check_int(owner, "min_wordings", min_wordings, minimum=1)
        self.rewriting = Rewriting(
            rewrite=rewrite,
            n_wordings=n_wordings,
            max_tokens=rewrite_max_tokens,
            temperature=temperature,
        )
        self.rewriting.check(owner)
        if min_wordings > n_wordings:
            wanted = f"an int <= n_wordings, which is {n_wordings}"
            raise parameter_error(owner, "min_wordings", wanted, min_wordings)
        self.min_wordings = min_wordings

    def preparations(self, question: Question) -> tuple[Prompt, ...]:
        """Return the one prompt that asks for wordings."""
        return (self.rewriting.prompt(question),)

    def stand_ins(self, question: Question) -> tuple[Response, ...]:
        """Return what the wordings will be like; see `distexp.asking.foreseeing`."""
        return (self.rewriting.stand_in(question),)

    def prompts(
        self,
        question: Question,
        group: Group,
        style: PromptStyle,
        prepared: Sequence[Response] = (),
    ) -> tuple[Prompt, ...]:
        """Return one prompt per option order and wording.

        Raises
        ------
        ParseError
            If there is no answer in the reply, or it holds fewer different wordings than
            `min_wordings`.
        """
        (response,) = prepared
        wordings = self.rewriting.wordings(question, response)
        if len(wordings) < self.min_wordings:
            msg = (
                f"The reply holds {len(wordings)} different wordings; "
                f"at least {self.min_wordings} are wanted."
            )
            raise ParseError(msg, text=response.text)
        return self._draws([replace(question, text=text) for text in wordings], group, style)
