"""Verbalized elicitation: the model states a percentage for each option."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from distexp.elicitation.reply.at_once import AskedAtOnce
from distexp.elicitation.reply.choices import object_schema
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
    in_scale_order,
    lettered_options,
    letters,
    option_order,
    options_shown,
    told,
)
from distexp.elicitation.reply.parsing import parse_percentages
from distexp.elicitation.reply.thoughts import answer_in
from distexp.errors import ParseError
from distexp.protocols import PromptStyle
from distexp.request import Json, Prompt, Response
from distexp.types import Group, Question, Reading, Shares

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
    option_orders : sequence of {"natural", "reversed"}
        Orders in which the options are shown; the readings are averaged over them.
    labels : {"letters", "numbers", "texts"}
        What options are called by in prompt and reply.

    References
    ----------
    arXiv 2507.00439, section on verbalized elicitation; Meister et al. 2025 (arXiv 2411.05403).
    """

    name = "verbalized"

    def __init__(
        self,
        *,
        task: str,
        n_samples: int = 1,
        temperature: float = 0.0,
        max_tokens: int = 200,
        option_orders: Sequence[str] = ("natural",),
        labels: str = "letters",
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
        check_labels(owner, labels)
        self.task = task
        self.n_samples = n_samples
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.option_orders = tuple(option_orders)
        self.labels = labels
        varied = [labels] * (labels != "letters")
        varied += ["reversed"] * (self.option_orders == ("reversed",))
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
        if self.labels != "letters":
            return self._labelled(question, group, style)
        schema = _schema(letters(question.options))
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
                max_tokens=self.max_tokens,
                temperature=self.temperature,
                draw=draw,
                json_schema=schema,
            )
            for order in orders
            for draw in range(self.n_samples)
        )

    def _labelled(
        self, question: Question, group: Group, style: PromptStyle
    ) -> tuple[Prompt, ...]:
        """Return the prompts whose options have other labels than letters."""
        task, found = told_labels(self.task, self.labels), []
        for name in self.option_orders:
            order = option_order(name, len(question.options))
            shown = options_shown(question, order)
            lines = labelled_lines(shown, self.labels)
            schema = object_schema(dict.fromkeys(labels_of(shown, self.labels), PERCENTAGE))
            found += [
                Prompt(
                    messages=style.messages(question, lines, task, group),
                    option_order=order,
                    max_tokens=self.max_tokens,
                    temperature=self.temperature,
                    draw=draw,
                    json_schema=schema,
                )
                for draw in range(self.n_samples)
            ]
        return tuple(found)

    def read(self, question: Question, prompt: Prompt, response: Response) -> Reading:
        """Read the percentages.

        Raises
        ------
        ParseError
            If there is no answer in the reply, or it does not give each option one percentage.
        """
        answer = answer_in(prompt, response)
        order = prompt.option_order
        shown = options_shown(question, order)
        try:
            if self.labels != "letters":
                answer = with_letters(answer, shown, self.labels, letters(shown))
            weights = parse_percentages(answer, letters(shown), shown)
        except ParseError as exc:
            raise exc.of(response.text) from None
        return Reading(distribution=in_scale_order(weights, order))

    def combine(self, readings: Sequence[Reading | Shares | None]) -> Reading | None:
        """Average over the replies of each option order, then over the orders."""
        return average(readings, len(self.option_orders))


@lru_cache(maxsize=26)
def _schema(shown: str) -> Mapping[str, Json]:
    """Return the shape of a reply, one object for all prompts that want it."""
    return object_schema(dict.fromkeys(shown, PERCENTAGE))
