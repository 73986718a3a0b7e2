"""Prompt styles written as text with places to fill in."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from string import Formatter
from typing import Self

from distexp.checks import check_text, parameter_error
from distexp.request import Message
from distexp.types import Group, Question, Survey

NEEDED = frozenset({"task", "question", "options"})
PLACES = NEEDED | {"group"}


class PromptTemplate:
    """One user message, laid out by a template.

    Parameters
    ----------
    layout : str
        The message, with `{task}`, `{question}`, `{options}` and, where the model is to speak
        for a group, `{group}`. What varies most stands last, so that servers which reuse a
        prompt's beginning can do so.
    audience : str
        Whom a task means by `{audience}`, e.g. "people like you".
    system : str, optional
        A system message to put in front.
    """

    shown: frozenset[str] = frozenset()
    language: str | None = None
    """Of group phrases; None is that of the survey."""
    people: str | None = None
    """What a task means by `{people}`, in languages where that is another word than `audience`."""

    def __init__(self, *, layout: str, audience: str, system: str | None = None) -> None:
        owner = type(self).__name__
        check_text(owner, "layout", layout)
        check_text(owner, "audience", audience)
        if system is not None:
            check_text(owner, "system", system)
        check_places(owner, "layout", layout, self._places(), needed=NEEDED)
        self.layout = layout
        self.audience = audience
        self.system = system

    def _places(self) -> frozenset[str]:
        """Return the places that the layout may hold."""
        return PLACES

    def bind(self, survey: Survey) -> Self:
        """Return the style itself: it shows nothing of the survey but the question."""
        return self

    def messages(
        self, question: Question, options: Sequence[str], task: str, group: Group
    ) -> tuple[Message, ...]:
        """Fill the template in.

        Parameters
        ----------
        question : Question
        options : sequence of str
            The lines to show, in the order shown.
        task : str
            What the elicitation asks for; may hold `{audience}`.
        group : Group
        """
        return self.filled_in(question, options, task, group, {})

    def filled_in(
        self,
        question: Question,
        options: Sequence[str],
        task: str,
        group: Group,
        more: Mapping[str, str],
    ) -> tuple[Message, ...]:
        """Fill the template in, with `more` places than every style has."""
        content = self.layout.format(
            task=_of_audience(task, self.audience, self.people),
            question=question.text,
            options="\n".join(options),
            group=group.phrase_in(self.language),
            **more,
        )
        user = Message(role="user", content=content)
        if self.system is None:
            return (user,)
        return (Message(role="system", content=self.system), user)


@lru_cache(maxsize=256)
def _of_audience(task: str, audience: str, people: str | None) -> str:
    """Fill in what an elicitation asks for; many prompts ask for the same."""
    known = {"audience": audience} | ({} if people is None else {"people": people})
    check_places("the elicitation", "task", task, frozenset(known))
    return task.format(**known)


@lru_cache(maxsize=256)
def check_places(
    owner: str,
    parameter: str,
    text: str,
    known: frozenset[str],
    needed: frozenset[str] = frozenset(),
) -> None:
    """Refuse any place but a plain known name, for `{group.x}` would reach into Python objects.

    Refuse a text without the places `needed`, too: nobody pays for a prompt without a question.
    """
    try:
        fields = [(name, spec, convert) for _, name, spec, convert in Formatter().parse(text)]
    except ValueError as exc:
        raise parameter_error(owner, parameter, f"a template ({exc})", text) from exc
    for name, spec, convert in fields:
        if name is not None and (name not in known or spec or convert):
            wanted = "a text whose places are " + ", ".join(
                f"{{{place}}}" for place in sorted(known)
            )
            raise parameter_error(owner, parameter, wanted, text)
    if missing := needed - {name for name, _, _ in fields}:
        wanted = "a text with " + ", ".join(f"{{{place}}}" for place in sorted(missing))
        raise parameter_error(owner, parameter, wanted, text)
