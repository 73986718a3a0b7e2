"""Verbalized elicitation: the model states a percentage for each option."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from distexp.checks import check_text
from distexp.elicitation.reply.at_once import AskedAtOnce
from distexp.elicitation.reply.choices import object_schema
from distexp.elicitation.reply.folding import fold
from distexp.elicitation.reply.labels import (
    check_labels,
    labelled_lines,
    labels_of,
    told_labels,
    with_letters,
)
from distexp.elicitation.reply.lettered import (
    average,
    check_sampled,
    draws_in_orders,
    in_scale_order,
    lettered_options,
    letters,
    options_shown,
    told,
)
from distexp.elicitation.reply.parsing import parse_percentages
from distexp.elicitation.reply.thoughts import SHORT, answer_in
from distexp.errors import ParseError
from distexp.protocols import PromptStyle
from distexp.request import Json, Prompt, Response
from distexp.types import Group, Question, Reading, Shares

_NAMED_ORDERS = (("reversed",), ("shuffled",))
"""Orders that the name says, as no others are averaged with them."""
_Shown = tuple[tuple[int, ...], int, Sequence[str], Mapping[str, Json]]
"""Option order, draw, lines and shape of the reply."""
PERCENTAGE: Json = {"type": "integer", "minimum": 0, "maximum": 100}


class Verbalized(AskedAtOnce):
    """Ask for a percentage per lettered option, as JSON, and scale the reply to sum to 1.

    Models that can be held to a JSON schema are; the others are only told.

    Parameters
    ----------
    task : str
        What the model is told to do; may hold `{audience}`.
    n_samples : int
        Replies averaged per case and option order.
    temperature : float
        Sampling temperature, >= 0; above 0 when `n_samples` is above 1.
    max_tokens : int
        Longest reply, in tokens; a reply that is cut off is unreadable.
    option_orders : sequence of {"natural", "reversed"}, or ["shuffled"]
        Orders in which the options are shown; the readings are averaged over them. `shuffled`
        shows another order in every sample.
    labels : {"letters", "numbers", "texts"}
        What options are called by in prompt and reply.
    dont_know : str, optional
        An option offered besides, as the last, such as "Don't know". Its percentage is left out,
        and the others are scaled up; a question that has such an option is asked as it is.

    References
    ----------
    arXiv 2507.00439, section on verbalized elicitation; Meister et al. 2025 (arXiv 2411.05403).
    """

    name = "verbalized"
    _laid_out: tuple[object, Question, str, list[_Shown]] | None = None
    """What all groups are shown of the last question: cases come question by question."""

    def __init__(
        self,
        *,
        task: str,
        n_samples: int = 1,
        temperature: float = 0.0,
        max_tokens: int = 200,
        option_orders: Sequence[str] = ("natural",),
        labels: str = "letters",
        dont_know: str | None = None,
    ) -> None:
        owner = type(self).__name__
        check_sampled(
            owner,
            task=task,
            n_samples=n_samples,
            temperature=temperature,
            max_tokens=max_tokens,
            option_orders=option_orders,
            may_shuffle=True,
        )
        check_labels(owner, labels)
        if dont_know is not None:
            check_text(owner, "dont_know", dont_know)
        self.task = task
        self.n_samples = n_samples
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.option_orders = tuple(option_orders)
        self.labels = labels
        self.dont_know = dont_know
        varied = [labels] * (labels != "letters")
        varied += self.option_orders if self.option_orders in _NAMED_ORDERS else ()
        varied += ["don't know"] * (dont_know is not None)
        if varied:
            self.name = f"verbalized ({', '.join(varied)})"

    def prompts(
        self,
        question: Question,
        group: Group,
        style: PromptStyle,
        prepared: Sequence[Response] = (),
    ) -> tuple[Prompt, ...]:
        """Return one prompt per option order and sample."""
        of = (question, self.task, self.note, self.dont_know)
        laid_out = self._laid_out
        if laid_out is None or laid_out[0] != of:
            laid_out = self._laid_out = (of, *self._shown(question))
        _, asked, task, shown = laid_out
        return tuple(
            [
                Prompt(
                    messages=style.messages(asked, lines, task, group),
                    option_order=order,
                    max_tokens=self.max_tokens,
                    temperature=self.temperature,
                    draw=draw,
                    json_schema=schema,
                )
                for order, draw, lines, schema in shown
            ]
        )

    def _shown(self, question: Question) -> tuple[Question, str, list[_Shown]]:
        """Return what all groups are shown of a question: it, the task, and what each draw has."""
        asked = self._offered(question)
        if self.labels == "letters":
            task, schema = told(self.task, asked, self.note), _schema(letters(asked.options))
        else:
            task, schema = told_labels(self.task, self.labels), {}
        found: list[_Shown] = []
        for order, draw in draws_in_orders(question, self.option_orders, self.n_samples, seed=0):
            whole = _whole(order, asked)
            lines = lettered_options(asked, whole)
            if self.labels != "letters":
                shown = options_shown(asked, whole)
                lines = labelled_lines(shown, self.labels)
                schema = object_schema(dict.fromkeys(labels_of(shown, self.labels), PERCENTAGE))
            found.append((order, draw, lines, schema))
        return asked, task, found

    def _offered(self, question: Question) -> Question:
        """Return the question with the option that is offered besides."""
        if self.dont_know is None or _has(question.options, self.dont_know):
            return question
        return replace(question, options=(*question.options, self.dont_know), ordinals=None)

    def read(self, question: Question, prompt: Prompt, response: Response) -> Reading:
        """Read the percentages.

        Raises
        ------
        ParseError
            If there is no answer in the reply, or it does not give each option one percentage.
        """
        answer = answer_in(prompt, response)
        order = prompt.option_order
        if self.dont_know is None and len(answer) <= SHORT:
            try:
                return _read_again(answer, question.options, tuple(order), self.labels)
            except ParseError as exc:
                raise exc.of(response.text) from None
        asked = self._offered(question)
        shown = options_shown(asked, _whole(order, asked))
        try:
            weights = _weights(answer, shown, self.labels)
        except ParseError as exc:
            raise exc.of(response.text) from None
        kept = weights[: len(order)]
        if len(kept) < len(weights) and sum(kept) == 0:
            msg = f"The reply gives all to {self.dont_know!r}."
            raise ParseError(msg, text=response.text)
        return Reading(distribution=in_scale_order(kept, order))

    def combine(self, readings: Sequence[Reading | Shares | None]) -> Reading | None:
        """Average over the replies of each option order, then over the orders."""
        return average(readings, len(self.option_orders))


@lru_cache(maxsize=10_000)
def _has(options: tuple[str, ...], dont_know: str) -> bool:
    """Tell whether an option says so already, be it as "Don't know / refused"."""
    said, *plain = (" ".join(fold(text).casefold().split()) for text in (dont_know, *options))
    same = re.compile(re.escape(said) + r"(\s*[^\w\s].*)?")
    return any(map(same.fullmatch, plain))


def _weights(answer: str, shown: Sequence[str], labels: str) -> list[float]:
    """Return the number given for each option shown."""
    if labels != "letters":
        answer = with_letters(answer, shown, labels, letters(shown))
    return parse_percentages(answer, letters(shown), shown)


@lru_cache(maxsize=4096)
def _read_again(
    answer: str, options: tuple[str, ...], order: tuple[int, ...], labels: str
) -> Reading:
    """Read a short answer, of which many are alike."""
    weights = _weights(answer, [options[index] for index in order], labels)
    return Reading(distribution=in_scale_order(weights, order))


def _whole(order: Sequence[int], asked: Question) -> tuple[int, ...]:
    """Return the order of all options shown, what is offered besides at the end."""
    return (*order, *range(len(order), len(asked.options)))


@lru_cache(maxsize=26)
def _schema(shown: str) -> Mapping[str, Json]:
    """Return the shape of a reply, one object for all prompts that want it."""
    return object_schema(dict.fromkeys(shown, PERCENTAGE))
