"""Per-option elicitation: one call for each option, which asks for its percentage alone."""

import re
from collections.abc import Sequence

from distexp.checks import parameter_error
from distexp.elicitation.reply.at_once import AskedAtOnce
from distexp.elicitation.reply.choices import object_schema
from distexp.elicitation.reply.folding import fold
from distexp.elicitation.reply.lettered import (
    average,
    check_sampled,
    lettered_options,
    letters,
    option_order,
    options_shown,
    told,
)
from distexp.elicitation.reply.numbers import NUMBER, read_number
from distexp.elicitation.reply.objects import ends_within
from distexp.elicitation.reply.parsing import parse_percentages
from distexp.elicitation.reply.thoughts import answer_in
from distexp.elicitation.verbalized import PERCENTAGE
from distexp.errors import ParseError
from distexp.protocols import PromptStyle
from distexp.request import Prompt, Response
from distexp.types import Group, Question, Reading, Shares

_PERCENTAGE = rf"[~≈]?\s*(?P<number>{NUMBER})\s*(?P<percent>%|percent|per cent)?"
_BEFORE, _BEHIND = r"[\s\"'*`{]{0,12}", r"[\s\"'*`}.]{0,12}"


class PerOption(AskedAtOnce):
    """Ask about one option at a time for its percentage, and divide the percentages by their sum.

    All options are shown in each call. What a reply says of other options is not read.

    Parameters
    ----------
    task : str
        What the model is told to do; holds `{letter}` or `{option}`, the letter and the text of
        the option asked about, and may hold `{audience}`.
    n_samples : int
        Replies averaged per case, option and option order.
    temperature : float
        Sampling temperature, >= 0; above 0 when `n_samples` is above 1.
    max_tokens : int
        Longest reply, in tokens; a reply that is cut off is unreadable.
    option_orders : sequence of {"natural", "reversed"}
        Orders in which the options are shown; the readings are averaged over them.
    """

    name = "per_option"

    def __init__(
        self,
        *,
        task: str,
        n_samples: int = 1,
        temperature: float = 0.0,
        max_tokens: int = 50,
        option_orders: Sequence[str] = ("natural",),
    ) -> None:
        owner = type(self).__name__
        check_sampled(
            owner,
            task=task,
            n_samples=n_samples,
            temperature=temperature,
            max_tokens=max_tokens,
            option_orders=option_orders,
        )
        if "{letter}" not in task and "{option}" not in task:
            raise parameter_error(owner, "task", "a text with {letter} or {option} in it", task)
        self.task = task
        self.n_samples = n_samples
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.option_orders = tuple(option_orders)

    def prompts(
        self,
        question: Question,
        group: Group,
        style: PromptStyle,
        prepared: Sequence[Response] = (),
    ) -> tuple[Prompt, ...]:
        """Return one prompt per option order, option and sample."""
        orders = [option_order(order, len(question.options)) for order in self.option_orders]
        return tuple(
            Prompt(
                messages=style.messages(
                    question,
                    lettered_options(question, order),
                    self._told(question, order, place),
                    group,
                ),
                option_order=order,
                max_tokens=self.max_tokens,
                temperature=self.temperature,
                draw=draw,
                json_schema=object_schema({letters(question.options)[place]: PERCENTAGE}),
                part=part,
            )
            for order in orders
            for place, part in enumerate(order)
            for draw in range(self.n_samples)
        )

    def _told(self, question: Question, order: Sequence[int], place: int) -> str:
        """Return the task for the option shown at a place."""
        option = question.options[order[place]].replace("{", "{{").replace("}", "}}")
        letter = letters(question.options)[place]
        return told(
            self.task.replace("{letter}", letter).replace("{option}", option), question, self.note
        )

    def read(self, question: Question, prompt: Prompt, response: Response) -> Shares:
        """Read the percentage of the option asked about.

        Raises
        ------
        ParseError
            If there is no answer in the reply, or it does not give the option one percentage from
            0 to 100. `0.4` may be a fraction, and is no percentage without its sign.
        """
        assert prompt.part is not None
        answer = answer_in(prompt, response)
        order = prompt.option_order
        shown, names, place = (
            options_shown(question, order),
            letters(question.options),
            order.index(prompt.part),
        )
        share = _alone(fold(answer), names[place], fold(shown[place]).strip())
        if share is None:
            try:
                weights = parse_percentages(answer, names, shown)  # of all options, unasked
            except ParseError as exc:
                msg = f"The reply does not give option {names[place]} one percentage."
                raise ParseError(msg, text=response.text) from exc
            share = weights[place] / sum(weights)
        shares: list[float | None] = [None] * len(order)
        shares[prompt.part] = share
        return Shares(shares=tuple(shares))

    def combine(self, readings: Sequence[Reading | Shares | None]) -> Reading | None:
        """Put the options' percentages together and divide them by their sum, order by order.

        None where an option has no readable reply in an order, or all percentages are 0.
        """
        return average(readings, len(self.option_orders))


def _alone(reply: str, letter: str, option: str) -> float | None:
    """Return the share that a reply states if it is one number, with the option's name or not."""
    names = rf"(?:option\s)?{letter}(?:[.)]\s?{re.escape(option)})?|{re.escape(option)}|percentage"
    pattern = rf"{_BEFORE}(?P<name>(?:{names}){_BEFORE}[:=])?{_BEFORE}{_PERCENTAGE}{_BEHIND}"
    found = re.fullmatch(pattern, reply, re.IGNORECASE)
    if found is None or ends_within(reply):
        return None
    number, signed = read_number(found["number"]), found["percent"] is not None
    values = {x for x in (number.by_point, number.by_comma) if x is not None and x <= 100}
    if len(values) != 1:
        return None
    (value,) = values
    is_fraction = 0 < value < 1 or (value == 1 and not number.written.isdecimal())
    is_echo = found["name"] is None and number.written == option
    return None if not signed and (is_fraction or is_echo) else value / 100
