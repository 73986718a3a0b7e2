"""A question in other words, which a model is asked for."""

import json
import re
from dataclasses import dataclass

from distexp.checks import check_int, check_number, check_text
from distexp.elicitation.reply.choices import numbered, object_schema
from distexp.elicitation.reply.listing import parse_wordings
from distexp.elicitation.reply.refusals import refusal_in
from distexp.elicitation.reply.thoughts import answer_in
from distexp.errors import ParseError
from distexp.request import Message, Prompt, Response
from distexp.types import Question

ENGLISH = ("Question", "Answer options")
_ASKS = re.compile("[?？؟]")  # a question that speaks of refusing is no refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """How wordings are asked for, once per question, and read. The options are never reworded."""

    rewrite: str
    """How they are asked for; may hold `{n_wordings}`. Question and options follow it."""
    n_wordings: int = 10
    """Wordings asked for, >= 2."""
    max_tokens: int = 1500
    """Longest reply, in tokens."""
    temperature: float = 1.0
    called: tuple[str, str] = ENGLISH
    """What question and options are called in front of them."""

    def check(self, owner: str) -> None:
        """Raise `ConfigError` if a setting is out of range; `owner` is named as having it."""
        check_text(owner, "rewrite", self.rewrite)
        check_int(owner, "n_wordings", self.n_wordings, minimum=2)
        check_int(owner, "rewrite_max_tokens", self.max_tokens, minimum=1)
        check_number(owner, "temperature", self.temperature, low=0)

    def prompt(self, question: Question) -> Prompt:
        """Return the prompt that asks for wordings."""
        rewrite = self.rewrite.replace("{n_wordings}", str(self.n_wordings))
        of_question, of_options = self.called
        content = (
            f"{rewrite}\n\n{of_question}: {question.text}\n"
            f"{of_options}: {'; '.join(question.options)}"
        )
        keys = numbered(self.n_wordings)
        return Prompt(
            messages=(Message(role="user", content=content),),
            option_order=(),
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            json_schema=object_schema({key: {"type": "string"} for key in keys}),
        )

    def stand_in(self, question: Question) -> Response:
        """Return a reply in whose place another of about this length is going to come."""
        keys = numbered(self.n_wordings)
        text = json.dumps({key: f"{question.text} {key}" for key in keys}, ensure_ascii=False)
        return Response(text=text, finish_reason="stop")

    def wordings(self, question: Question, response: Response) -> list[str]:
        """Return the different wordings of a reply, no more than were asked for.

        Raises
        ------
        ParseError
            If there is no answer in the reply, no list of wordings, or a refusal in each of them.
        """
        answer = answer_in(self.prompt(question), response)
        try:
            found = parse_wordings(answer, question.options)[: self.n_wordings]
        except ParseError as exc:
            raise exc.of(response.text) from None
        refusals = [None if _ASKS.search(wording) else refusal_in(wording) for wording in found]
        if all(refusals) and not refusal_in(question.text):
            msg = f"The reply has no wordings; it says {refusals[0]!r}."
            raise ParseError(msg, text=response.text)
        return found
