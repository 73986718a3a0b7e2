"""Prompts in other languages than English: the same layouts and tasks, from files."""

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from distexp.checks import parameter_error
from distexp.errors import ConfigError
from distexp.prompt.template import PromptTemplate

LANGUAGES = ("en", "de", "es", "fr", "zh", "ar")
"""Those that there is a file for, in `distexp/prompt/languages`."""
AS_THE_SURVEY = "survey"
SETTINGS = ("language", "wording")
"""Of the group `prompt`; all else in it is a style."""
_WORDING = re.compile(r"(alternate|rephrased)(-([2-9]|10))?")
BY_NAME = {
    "English": "en",
    "German": "de",
    "Spanish": "es",
    "French": "fr",
    "Cjk script": "zh",
    "Arabic script": "ar",
}
"""By what `distexp.asking.language.language_of` calls them."""


@cache
def words(language: str) -> Mapping[str, Any]:
    """Return the words of a language."""
    text = (files("distexp.prompt") / "languages" / f"{language}.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """How prompts are worded other than by their files."""

    language: str | None = None
    """Of layout and task: one of `LANGUAGES`, `survey`, or None as the files have it."""
    wording: str | None = None
    """Of the question: `alternate` as the survey has it in other words, `rephrased` as the model
    has, each with `-2`, `-3`, ... for further ones; None as the survey has it."""

    @property
    def source(self) -> str | None:
        """`alternate` or `rephrased`; None for the survey's own wording."""
        return None if self.wording is None else self.wording.partition("-")[0]

    @property
    def number(self) -> int:
        """Which of the other wordings, from 1."""
        return int((self.wording or "").partition("-")[2] or 1)


def without_words(prompt: Mapping[str, Any]) -> tuple[dict[str, Any], Worded]:
    """Take the settings `language` and `wording` out of what is configured as prompts.

    Raises
    ------
    ConfigError
        If the language is neither null, one that there is a file for, nor `survey`, or the
        wording neither null, `alternate` nor `rephrased`, with a number or without.
    """
    if not isinstance(prompt, Mapping):
        return prompt, Worded()
    language, wording = prompt.get("language"), prompt.get("wording")
    if language is not None and language not in (*LANGUAGES, AS_THE_SURVEY):
        wanted = f"null, {AS_THE_SURVEY} or one of {', '.join(LANGUAGES)}"
        raise parameter_error("Experiment", "prompt.language", wanted, language)
    if wording is not None and not (isinstance(wording, str) and _WORDING.fullmatch(wording)):
        wanted = "null, alternate, rephrased, or one of these with a number from -2 to -10"
        raise parameter_error("Experiment", "prompt.wording", wanted, wording)
    styles = {name: style for name, style in prompt.items() if name not in SETTINGS}
    return styles, Worded(language=language, wording=wording)


def in_wording(style: str, wording: str) -> str:
    """Return what tables call a style in another wording of questions.

    Examples
    --------
    >>> in_wording("base", "alternate"), in_wording("base (de)", "rephrased-2")
    ('base (alternate)', 'base (de, rephrased-2)')
    """
    return f"{style[:-1]}, {wording})" if style.endswith(")") else f"{style} ({wording})"


def wording_in(name: str) -> tuple[str, str | None]:
    """Undo `in_wording`.

    Examples
    --------
    >>> wording_in("base (de, rephrased-2)"), wording_in("base (de)"), wording_in("base (x)")
    (('base (de)', 'rephrased-2'), ('base (de)', None), ('base (x)', None))
    """
    style, _, inside = name.removesuffix(")").rpartition(" (")
    *others, last = inside.split(", ")
    if not style or not name.endswith(")") or not _WORDING.fullmatch(last):
        return name, None
    return f"{style} ({', '.join(others)})" if others else style, last


def plain_name(name: str) -> str:
    """Return what a style is called in its file.

    Examples
    --------
    >>> plain_name("base (de, alternate)"), plain_name("few_shot")
    ('base', 'few_shot')
    """
    return name.partition(" (")[0]


def speaking(
    language: str, styles: Mapping[str, object], elicitation: Any
) -> tuple[dict[str, Any], Any]:
    """Return prompt styles and elicitation in a language, by names that say so.

    What is worded otherwise than the English files are is the user's own, and stays.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.
    styles : mapping of str to PromptStyle
    elicitation : Elicitation

    Raises
    ------
    ConfigError
        If a style or elicitation has no such words.
    """
    if language == "en":
        return {name: _with_groups(of, language) for name, of in styles.items()}, elicitation
    spoken = {f"{name} ({language})": _style(name, of, language) for name, of in styles.items()}
    return spoken, _elicitation(elicitation, language)


def _layout(of: Mapping[str, Any], kind: str) -> str:
    head = f"{of['question']}: {{question}}\n{of['options']}:\n{{options}}\n\n"
    return head + (f"{of['imagine']} {{task}}" if kind == "sociodemographic" else "{task}")


def _style(name: str, style: object, language: str) -> Any:
    english, other = words("en"), words(language)
    for kind, audience in english["audience"].items():
        if (
            type(style) is PromptTemplate
            and style.layout == _layout(english, kind)
            and style.audience == audience
        ):
            made = _with_groups(style, language)
            made.layout = _layout(other, kind)
            made.audience = other["audience"][kind]
            made.people = other.get("people", {}).get(kind)
            return made
    if name in ("base", "sociodemographic"):
        return _with_groups(style, language)  # the user's own words
    msg = (
        f"The prompt {name!r} has words in English only. With prompt.language={language} choose "
        "prompt=[base], [sociodemographic] or both, or a prompt file of your own and "
        "prompt.language=null."
    )
    raise ConfigError(msg)


def _with_groups(style: object, language: str) -> Any:
    """Return a style that speaks of groups in a language, as far as the survey can."""
    made: Any = copy(style)
    if isinstance(style, PromptTemplate):
        made.language = language
    return made


def _elicitation(elicitation: Any, language: str) -> Any:
    spoken, name = words(language), elicitation.name.partition(" ")[0]
    tasks = spoken["tasks"]
    if name not in tasks:
        msg = (
            f"The elicitation {name!r} has words in English only. With prompt.language={language} "
            f"choose one of {', '.join(tasks)}."
        )
        raise ConfigError(msg)
    made = copy(elicitation)
    if getattr(elicitation, "dont_know", None) == words("en")["dont_know"]:
        made.dont_know = spoken["dont_know"]
    if elicitation.task != words("en")["tasks"][name]:
        return made
    labels = getattr(elicitation, "labels", "letters")
    made.task = tasks[name] if labels == "letters" else spoken["labels"][labels]
    made.note = spoken["note"]
    return made
