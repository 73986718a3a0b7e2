"""Log-probability elicitation: how likely each option's letter is as the first token."""

import re
from collections.abc import Sequence
from math import exp

from distexp.checks import check_int, check_number, check_text
from distexp.elicitation.reply.at_once import AskedAtOnce
from distexp.elicitation.reply.folding import signs
from distexp.elicitation.reply.lettered import (
    average,
    check_option_orders,
    in_scale_order,
    lettered_options,
    letters,
    option_order,
    told,
)
from distexp.elicitation.reply.thoughts import split
from distexp.errors import ParseError
from distexp.protocols import PromptStyle
from distexp.request import Prompt, Response
from distexp.types import Group, Question, Reading, Shares

_MARKS = re.compile(r"[\s\u2581\u0120\u010a]+")
_BLANK_MARKS = {0x2581: " ", 0x0120: " ", 0x010A: "\n"}
"""How tokenizers write a space and the end of a line: `▁`, `Ġ`, `Ċ`."""
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SLACK = 0.01
"""By how much rounding may lift a probability above 1."""


class Logprobs(AskedAtOnce):
    """Read the distribution off the probabilities of the option letters as first token.

    A token counts for a letter when it is that letter, spaces aside: `A`, ` A` and `ĠA` do, `An`
    does not. The first token is that of the answer: a thought before it is passed over. Letters
    missing from the alternatives returned count as 0. The share of probability on the letters is
    kept as the reading's mass.

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
        min_mass: float = 0.05,
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
                    question,
                    lettered_options(question, order),
                    told(self.task, question, self.note),
                    group,
                ),
                option_order=order,
                max_tokens=1,
                temperature=1.0,  # the model's own probabilities, where a server applies it first
                top_logprobs=self.top_logprobs,
            )
            for order in orders
        )

    def read(self, question: Question, prompt: Prompt, response: Response) -> Reading:
        """Read the alternatives of the token that the answer begins with.

        Raises
        ------
        ParseError
            If the reply has no log-probabilities there, what it has are none, or the letters hold
            no more than `min_mass` of the probability.
        """
        first = _first_of_answer(response)
        weights = dict.fromkeys(letters(question.options), 0.0)
        total = 0.0
        for token, logprob in dict.fromkeys(first):  # an entry that is sent twice counts once
            probability = _probability(token, logprob, response)
            total += probability
            letter = _MARKS.sub("", signs(_BYTE.sub(_sign_of, token)))
            if letter in weights:
                weights[letter] += probability
        if total > 1 + _SLACK:
            msg = f"The reply's log-probabilities are none: their exponentials sum to {total:.3g}."
            raise ParseError(msg, text=response.text)
        mass = sum(weights.values())
        if mass <= self.min_mass:
            seen = ", ".join(repr(token) for token, _ in first)
            msg = f"The option letters hold {mass:.3f} of the first token's probability ({seen})."
            raise ParseError(msg, text=response.text)
        distribution = in_scale_order(list(weights.values()), prompt.option_order)
        return Reading(distribution=distribution, mass=min(mass, 1.0))

    def combine(self, readings: Sequence[Reading | Shares | None]) -> Reading | None:
        """Average over the option orders."""
        return average(readings, len(self.option_orders))


def _first_of_answer(response: Response) -> tuple[tuple[str, float], ...]:
    """Return the alternatives of the first token that is neither thought nor blank."""
    tops, tokens = response.top_logprobs or (), response.tokens
    if tokens is None or len(tokens) != len(tops):
        place = 0
        if split(response.text).thought is not None:
            raise _only_thought(response)
    else:
        place = _place_of_answer(tokens, response)
    if not tops or not tops[place]:
        thought = " The model only thought." if response.thought and not response.text else ""
        msg = f"The reply has no log-probabilities where the answer begins.{thought}"
        raise ParseError(msg, text=response.text)
    return tops[place]


def _place_of_answer(tokens: Sequence[str], response: Response) -> int:
    """Return which token the answer begins with."""
    whole = "".join(tokens).translate(_BLANK_MARKS)
    spoken = split(whole)
    start = spoken.start
    if spoken.thought is None and response.thought:  # its tokens may be there without tags
        answer = response.text.strip()
        start = len(whole.rstrip()) - len(answer)
        if not answer or start < 0 or whole.rstrip()[start:] != answer:
            raise _only_thought(response)
    if spoken.answer is None or not whole[start:].strip():
        raise _only_thought(response)
    start += len(whole[start:]) - len(whole[start:].lstrip())
    end = 0
    for place, token in enumerate(tokens):
        end += len(token)
        if end > start:
            if whole[end - len(token) : start].strip():
                break  # the thought ends within the token
            return place
    raise _only_thought(response)


def _only_thought(response: Response) -> ParseError:
    msg = "The reply has no token that an answer begins with: the model only thought."
    return ParseError(msg, text=response.text)


def _probability(token: object, logprob: object, response: Response) -> float:
    """Return the probability; raise ParseError of what is no log-probability beside a token."""
    if isinstance(token, str) and isinstance(logprob, int | float) and logprob <= _SLACK:
        return exp(logprob)
    msg = f"The reply has {logprob!r:.40} for the log-probability of {token!r:.40}."
    raise ParseError(msg, text=response.text)


def _sign_of(byte: re.Match[str]) -> str:
    return chr(int(byte[1], 16))
