"""Sequence elicitation: the answers of many simulated people in one reply."""

from collections.abc import Sequence

from distexp.checks import check_int, check_number
from distexp.elicitation.reply.at_once import AskedAtOnce
from distexp.elicitation.reply.choices import numbered, object_schema
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
from distexp.elicitation.reply.listing import parse_letters
from distexp.elicitation.reply.thoughts import answer_in
from distexp.errors import ParseError
from distexp.protocols import PromptStyle
from distexp.request import Prompt, Response
from distexp.types import Group, Question, Reading, Shares


class AnswerSequence(AskedAtOnce):
    """Ask for the answers of many people at once, and count the letters.

    Models that can be held to a JSON schema are; the others are only told.

    Parameters
    ----------
    task : str
        What the model is told to do; may hold `{audience}` and `{n_answers}`.
    n_answers : int
        Answers in one reply. A reply with fewer than half or more than twice as many is
        unreadable.
    n_samples : int
        Replies averaged per case and option order.
    temperature : float
        Sampling temperature, >= 0; above 0 when `n_samples` is above 1.
    max_tokens : int
        Longest reply, in tokens; a reply that is cut off is unreadable.
    option_orders : sequence of {"natural", "reversed"}, or ["shuffled"]
        Orders in which the options are shown; the readings are averaged over them. `shuffled`
        shows another order in every reply.
    smoothing : float
        Answers added to each option before shares are taken, >= 0.
    seed : int
        Of the shuffled orders.

    References
    ----------
    Meister et al. 2025 (arXiv 2411.05403), "sequence": 30 letters in one reply.
    """

    name = "sequence"

    def __init__(
        self,
        *,
        task: str,
        n_answers: int = 30,
        n_samples: int = 1,
        temperature: float = 1.0,
        max_tokens: int = 600,
        option_orders: Sequence[str] = ("natural",),
        smoothing: float = 0.0,
        seed: int = 0,
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
        check_int(owner, "n_answers", n_answers, minimum=2)
        check_number(owner, "smoothing", smoothing, low=0)
        check_int(owner, "seed", seed, minimum=0)
        self.task = task
        self.n_answers = n_answers
        self.n_samples = n_samples
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.option_orders = tuple(option_orders)
        self.smoothing = smoothing
        self.seed = seed

    def prompts(
        self,
        question: Question,
        group: Group,
        style: PromptStyle,
        prepared: Sequence[Response] = (),
    ) -> tuple[Prompt, ...]:
        """Return one prompt per option order and reply."""
        task = told(self.task, question, self.note).replace("{n_answers}", str(self.n_answers))
        letter = {"type": "string", "enum": list(letters(question.options))}
        schema = dict.fromkeys(numbered(self.n_answers), letter)
        draws = draws_in_orders(question, self.option_orders, self.n_samples, self.seed)
        return tuple(
            Prompt(
                messages=style.messages(question, lettered_options(question, order), task, group),
                option_order=order,
                max_tokens=self.max_tokens,
                temperature=self.temperature,
                draw=draw,
                json_schema=object_schema(schema),
            )
            for order, draw in draws
        )

    def read(self, question: Question, prompt: Prompt, response: Response) -> Reading:
        """Count the answers.

        Raises
        ------
        ParseError
            If there is no answer in the reply, or it is not one list of about as many letters as
            asked for.
        """
        answer = answer_in(prompt, response)
        order = prompt.option_order
        options = options_shown(question, order)
        shown = letters(options)
        try:
            answers = parse_letters(answer, shown, options, self.n_answers)
        except ParseError as exc:
            raise exc.of(response.text) from None
        counts = [self.smoothing + answers.count(letter) for letter in shown]
        return Reading(distribution=in_scale_order(counts, order))

    def combine(self, readings: Sequence[Reading | Shares | None]) -> Reading | None:
        """Average over the replies of each option order, then over the orders."""
        return average(readings, len(self.option_orders))
