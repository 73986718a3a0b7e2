"""Answers of one letter each, and their shares."""

from collections.abc import Sequence
from functools import lru_cache

from distexp.checks import check_bool, check_int, check_number, check_text
from distexp.elicitation.reply.choices import object_schema, parse_letter
from distexp.elicitation.reply.lettered import (
    NOTE,
    by_order,
    check_option_orders,
    draws_in_orders,
    in_scale_order,
    lettered_options,
    letters,
    mean,
    options_shown,
    told,
)
from distexp.elicitation.reply.thoughts import answer_in
from distexp.errors import ParseError
from distexp.protocols import PromptStyle
from distexp.request import Prompt, Response
from distexp.types import Distribution, Group, Question, Reading, Shares


class Sampler:
    """Answers drawn one by one; what `SelfRandom` and `Paraphrase` have in common.

    Parameters
    ----------
    task : str
        What the model is told to do; may hold `{audience}`.
    temperature : float
        Sampling temperature of an answer, >= 0.
    max_tokens : int
        Longest answer, in tokens; an answer that is cut off is unreadable.
    option_orders : sequence of {"natural", "reversed"}, or ["shuffled"]
        Orders in which the options are shown; the shares are averaged over them. `shuffled`
        shows another order in every draw.
    smoothing : float
        Answers added to each option before shares are taken, >= 0.
    seed : int
        Of the shuffled orders.
    constrain : bool
        Whether a model that can be held to a JSON schema is held to answer with a letter. Then
        it cannot refuse, and its shares are those given that it answers.
    """

    note = NOTE

    def __init__(
        self,
        *,
        task: str,
        temperature: float,
        max_tokens: int,
        option_orders: Sequence[str],
        smoothing: float,
        seed: int,
        constrain: bool,
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "task", task)
        check_number(owner, "temperature", temperature, low=0)
        check_int(owner, "max_tokens", max_tokens, minimum=1)
        check_option_orders(owner, option_orders, may_shuffle=True)
        check_number(owner, "smoothing", smoothing, low=0)
        check_int(owner, "seed", seed, minimum=0)
        check_bool(owner, "constrain", constrain)
        self.task = task
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.option_orders = tuple(option_orders)
        self.smoothing = smoothing
        self.seed = seed
        self.constrain = constrain

    def _draws(
        self, wordings: Sequence[Question], group: Group, style: PromptStyle
    ) -> tuple[Prompt, ...]:
        """Return a prompt per option order and wording; the n-th wording is the n-th draw."""
        task = told(self.task, wordings[0], self.note)
        letter = {"type": "string", "enum": list(letters(wordings[0].options))}
        orders = draws_in_orders(wordings[0], self.option_orders, len(wordings), self.seed)
        return tuple(
            Prompt(
                messages=style.messages(
                    wordings[draw], lettered_options(wordings[draw], order), task, group
                ),
                option_order=order,
                max_tokens=self.max_tokens,
                temperature=self.temperature,
                draw=draw,
                json_schema=object_schema({"answer": letter}) if self.constrain else None,
            )
            for order, draw in orders
        )

    def read(self, question: Question, prompt: Prompt, response: Response) -> Reading:
        """Read one answer: the option chosen has all of the distribution.

        Raises
        ------
        ParseError
            If there is no answer in the reply, or it does not choose one of the options.
        """
        answer = answer_in(prompt, response)
        order = prompt.option_order
        try:
            return _one_hot(answer, tuple(options_shown(question, order)), order)
        except ParseError as exc:
            raise exc.of(response.text) from None

    def combine(self, readings: Sequence[Reading | Shares | None]) -> Reading | None:
        """Return the shares of the answers; None if most answers to an option order are lost.

        Shares are taken within each option order and then averaged over the orders.
        """
        orders = by_order(readings, len(self.option_orders))
        return mean([_shares(of_one, self.smoothing) for of_one in orders])


@lru_cache(maxsize=10_000)  # draws repeat: thousands of them are one of a few letters
def _one_hot(text: str, options: tuple[str, ...], order: tuple[int, ...]) -> Reading:
    """Read a reply to options that were shown in an order."""
    shown = letters(options)
    letter = parse_letter(text, shown, options)
    return Reading(distribution=in_scale_order([float(letter == other) for other in shown], order))


def _shares(readings: Sequence[Reading | Shares | None], smoothing: float) -> Reading | None:
    answers = [one.distribution.probabilities for one in readings if isinstance(one, Reading)]
    if not answers or len(answers) < len(readings) / 2:
        return None
    counts = [smoothing + sum(column) for column in zip(*answers, strict=True)]
    return Reading(distribution=Distribution.normalized(counts))
