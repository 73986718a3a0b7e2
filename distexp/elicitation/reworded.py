"""The same question in other words with the same options, whatever it is elicited by."""

from collections.abc import Sequence
from dataclasses import replace

from distexp.elicitation.reply.parsing import plain
from distexp.elicitation.reply.rewriting import Rewriting
from distexp.errors import ParseError
from distexp.protocols import Elicitation, PromptStyle
from distexp.request import Prompt, Response
from distexp.types import Group, Question, Reading, Shares


class Reworded:
    """An elicitation that shows another wording of each question.

    The other wording stands in the prompt alone: examples that a prompt shows, tables and what
    calibrators read keep the survey's own.

    Parameters
    ----------
    elicitation : Elicitation
        One without preparations.
    number : int
        Which of the other wordings, from 1.
    rewriting : Rewriting, optional
        How the model is asked for them; None takes those of the survey, and its own wording for
        a question that has not so many.
    """

    def __init__(
        self, elicitation: Elicitation, *, number: int, rewriting: Rewriting | None = None
    ) -> None:
        self.elicitation = elicitation
        self.name = elicitation.name
        self.number = number
        self.rewriting = rewriting

    def preparations(self, question: Question) -> tuple[Prompt, ...]:
        """Return the one prompt that asks for wordings, if the model makes them."""
        return () if self.rewriting is None else (self.rewriting.prompt(question),)

    def stand_ins(self, question: Question) -> tuple[Response, ...]:
        """Return what the wordings will be like; see `distexp.asking.foreseeing`."""
        return () if self.rewriting is None else (self.rewriting.stand_in(question),)

    def prompts(
        self,
        question: Question,
        group: Group,
        style: PromptStyle,
        prepared: Sequence[Response] = (),
    ) -> tuple[Prompt, ...]:
        """Return the prompts of the elicitation, about the question in other words.

        Raises
        ------
        ParseError
            If the model's reply has not so many other wordings: the own one does not stand in.
        """
        text = self._other(question, prepared)
        other = replace(question, text=text, alternate_wordings=())
        return self.elicitation.prompts(other, group, style)

    def _other(self, question: Question, prepared: Sequence[Response]) -> str:
        if self.rewriting is None:
            others = question.alternate_wordings
            return others[self.number - 1] if len(others) >= self.number else question.text
        (response,) = prepared
        others = tuple(
            text
            for text in self.rewriting.wordings(question, response)
            if plain(text) != plain(question.text)
        )
        if len(others) < self.number:
            msg = (
                f"The reply holds {len(others)} wordings that differ from the question's own; "
                f"number {self.number} is wanted."
            )
            raise ParseError(msg, text=response.text)
        return others[self.number - 1]

    def read(self, question: Question, prompt: Prompt, response: Response) -> Reading | Shares:
        """Read one response; see `Elicitation`."""
        return self.elicitation.read(question, prompt, response)

    def combine(self, readings: Sequence[Reading | Shares | None]) -> Reading | None:
        """Combine what was read of one case; see `Elicitation`."""
        return self.elicitation.combine(readings)
