"""Prompts in other languages than English: the same layouts and tasks, from files."""

from collections.abc import Mapping
from copy import copy
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
BY_NAME = {
    "English": "en",
    "German": "de",
    "Spanish": "es",
    "French": "fr",
    "Cjk script": "zh",
    "Arabic script": "ar",
}
"""By what `distexp.card.language.language_of` calls them."""


@cache
def words(language: str) -> Mapping[str, Any]:
    """Return the words of a language."""
    text = (files("distexp.prompt") / "languages" / f"{language}.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def without_language(prompt: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Take the setting `language` out of what is configured as prompts, and return both.

    Raises
    ------
    ConfigError
        If it is neither null, a language that there is a file for, nor `survey`.
    """
    if not isinstance(prompt, Mapping):
        return prompt, None
    language = prompt.get("language")
    if language is not None and language not in (*LANGUAGES, AS_THE_SURVEY):
        wanted = f"null, {AS_THE_SURVEY} or one of {', '.join(LANGUAGES)}"
        raise parameter_error("Experiment", "prompt.language", wanted, language)
    return {name: style for name, style in prompt.items() if name != "language"}, language


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
        return dict(styles), elicitation
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
            made: Any = copy(style)
            made.layout = _layout(other, kind)
            made.audience = other["audience"][kind]
            made.people = other.get("people", {}).get(kind)
            return made
    if name in ("base", "sociodemographic"):
        return style  # the user's own words
    msg = (
        f"The prompt {name!r} has words in English only. With prompt.language={language} choose "
        "prompt=[base], [sociodemographic] or both, or a prompt file of your own and "
        "prompt.language=null."
    )
    raise ConfigError(msg)


def _elicitation(elicitation: Any, language: str) -> Any:
    spoken, name = words(language), elicitation.name.partition(" ")[0]
    tasks = spoken["tasks"]
    if name not in tasks:
        msg = (
            f"The elicitation {name!r} has words in English only. With prompt.language={language} "
            f"choose one of {', '.join(tasks)}."
        )
        raise ConfigError(msg)
    if elicitation.task != words("en")["tasks"][name]:
        return elicitation
    made = copy(elicitation)
    labels = getattr(elicitation, "labels", "letters")
    made.task = tasks[name] if labels == "letters" else spoken["labels"][labels]
    made.note = spoken["note"]
    return made
