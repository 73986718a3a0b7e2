"""Log-probability elicitation: how likely each option's letter is as the first token."""

from collections.abc import Sequence
from math import exp

from distexp.checks import check_int, check_number, check_text
from distexp.elicitation.reply.lettered import (
    average,
    check_option_orders,
    in_scale_order,
    lettered_options,
    letters,
    option_order,
)
from distexp.errors import ParseError
from distexp.protocols import PromptStyle
from distexp.types import Group, Prompt, Question, Reading, Response


class Logprobs:
    """Read the distribution off the probabilities of the option letters as first token.

    A token counts for a letter when it is that letter, spaces aside: `A` and ` A` do, `An` does
    not. Letters missing from the alternatives returned count as 0. The share of probability on
    the letters is kept as the reading's mass.

    Parameters
    ----------
    task : str
        What the model is told to do; may hold `{audience}`.
    option_orders : sequence of {"natural", "reversed"}
        Orders in which the options are shown; the readings are averaged over them, because a
        small model prefers positions to contents.
    top_logprobs : int
        How many alternatives to ask for; hosted models return at most 20.
    min_mass : float
        Share of probability on the letters, in [0, 1), at or below which a reply is unreadable.

    References
    ----------
    arXiv 2507.00439, appendix on log-probabilities; Santurkar et al. 2023 (OpinionQA), section 3.
    """

    name = "logprobs"

    def __init__(
        self,
        *,
        task: str,
        option_orders: Sequence[str] = ("natural", "reversed"),
        top_logprobs: int = 20,
        min_mass: float = 0.0,
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "task", task)
        check_option_orders(owner, option_orders)
        check_int(owner, "top_logprobs", top_logprobs, minimum=1)
        check_number(owner, "min_mass", min_mass, low=0, high=1, high_open=True)
        self.task = task
        self.option_orders = tuple(option_orders)
        self.top_logprobs = top_logprobs
        self.min_mass = min_mass

    def preparations(self, question: Question) -> tuple[Prompt, ...]:
        """Need none."""
        return ()

    def prompts(
        self,
        question: Question,
        group: Group,
        style: PromptStyle,
        prepared: Sequence[Response] = (),
    ) -> tuple[Prompt, ...]:
        """Return one prompt per option order."""
        orders = [option_order(order, len(question.options)) for order in self.option_orders]
        return tuple(
            Prompt(
                messages=style.messages(
                    question, lettered_options(question, order), self.task, group
                ),
                option_order=order,
                max_tokens=1,
                temperature=1.0,  # the model's own probabilities, where a server applies it first
                top_logprobs=self.top_logprobs,
            )
            for order in orders
        )

    def read(self, question: Question, prompt: Prompt, response: Response) -> Reading:
        """Read the first token's alternatives.

        Raises
        ------
        ParseError
            If the letters hold no more than `min_mass` of the probability.
        """
        first = response.top_logprobs[0] if response.top_logprobs else ()
        weights = dict.fromkeys(letters(len(question.options)), 0.0)
        for token, logprob in first:
            letter = token.strip()
            if letter in weights:
                weights[letter] += exp(logprob)
        mass = sum(weights.values())
        if mass <= self.min_mass:
            seen = ", ".join(repr(token) for token, _ in first)
            msg = f"The option letters hold {mass:.3f} of the first token's probability ({seen})."
            raise ParseError(msg, text=response.text)
        distribution = in_scale_order(list(weights.values()), prompt.option_order)
        return Reading(distribution=distribution, mass=min(mass, 1.0))

    def combine(self, readings: Sequence[Reading | None]) -> Reading | None:
        """Average over the option orders."""
        return average(readings, len(self.option_orders))
