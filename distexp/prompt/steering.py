"""Prompt styles with wordings of their own for each attribute: OpinionQA's steering."""

from collections.abc import Mapping, Sequence
from copy import copy
from string import ascii_uppercase
from typing import Self

from distexp.checks import check_text, parameter_error
from distexp.errors import ConfigError
from distexp.prompt.template import PLACES, PromptTemplate, check_places
from distexp.request import Message
from distexp.types import Group, Question, Survey

IN_WORDINGS = frozenset({"group", "level"})
LEVELS = frozenset({"levels", "letter"})


class Steering(PromptTemplate):
    """One user message, laid out by a template with places that each attribute fills in.

    Parameters
    ----------
    layout : str
        As in `PromptTemplate`. It may also hold the places that `wordings` define; `{levels}`,
        the lettered groups of the attribute, as the survey orders them; and `{letter}`, the one
        that is the group's.
    wordings : mapping of str to mapping of str to str
        For each attribute a text for each place. A text may hold `{group}`, the group's phrase,
        and `{level}`, its name.
    audience, system
        As in `PromptTemplate`.

    References
    ----------
    Santurkar et al. 2023 (OpinionQA, arXiv 2303.17548), section 3: QA, BIO and PORTRAY.
    """

    def __init__(
        self,
        *,
        layout: str,
        audience: str,
        wordings: Mapping[str, Mapping[str, str]],
        system: str | None = None,
    ) -> None:
        owner = type(self).__name__
        _check_wordings(owner, wordings)
        self.wordings = wordings
        self.worded = sorted({place for texts in wordings.values() for place in texts})
        super().__init__(layout=layout, audience=audience, system=system)
        self.levels: dict[str, tuple[str, ...]] = {}

    def _places(self) -> frozenset[str]:
        return PLACES | LEVELS | frozenset(self.worded)

    def bind(self, survey: Survey) -> Self:
        """Return the style with the levels of the survey's attributes.

        Raises
        ------
        ConfigError
            If an attribute of the survey has no wording, or more levels than there are letters.
        """
        groups = dict.fromkeys(case.group for case in survey.cases)
        levels: dict[str, tuple[str, ...]] = {}
        for group in groups:
            levels[group.attribute] = (*levels.get(group.attribute, ()), group.value)
        for attribute, names in levels.items():
            self._check(attribute, names, survey.name)
        bound = copy(self)
        bound.levels = levels
        return bound

    def _check(self, attribute: str, names: Sequence[str], survey: str) -> None:
        missing = [p for p in self.worded if p not in self.wordings.get(attribute, {})]
        if missing:
            msg = (
                f"The prompt has no wording for the attribute {attribute!r} of {survey}. Add "
                f"wordings.{attribute}.{missing[0]} to its file, or choose other "
                "dataset.attributes."
            )
            raise ConfigError(msg)
        if len(names) > len(ascii_uppercase):
            msg = (
                f"Lettered levels end at 26; {attribute!r} of {survey} has {len(names)}. "
                "Choose other dataset.attributes, or another prompt."
            )
            raise ConfigError(msg)

    def messages(
        self, question: Question, options: Sequence[str], task: str, group: Group
    ) -> tuple[Message, ...]:
        """Fill the wordings of the group's attribute in, and then the template."""
        levels = self.levels[group.attribute]
        lines = (f"{ascii_uppercase[k]}. {level}" for k, level in enumerate(levels))
        texts = {
            place: text.format(group=group.phrase_in(self.language), level=group.value)
            for place, text in self.wordings[group.attribute].items()
        }
        texts["levels"] = "\n".join(lines)
        texts["letter"] = ascii_uppercase[levels.index(group.value)]
        return self.filled_in(question, options, task, group, texts)


def _check_wordings(owner: str, wordings: object) -> None:
    if not isinstance(wordings, Mapping) or not wordings:
        raise parameter_error(owner, "wordings", "a mapping of attributes to texts", wordings)
    for attribute, texts in wordings.items():
        if not isinstance(texts, Mapping):
            wanted = "a mapping of places to texts"
            raise parameter_error(owner, f"wordings.{attribute}", wanted, texts)
        for place, text in texts.items():
            check_text(owner, f"wordings.{attribute}.{place}", text)
            check_places(owner, f"wordings.{attribute}.{place}", text, IN_WORDINGS)
