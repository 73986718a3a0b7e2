"""Prompts in another language, and questions in other words: the survey's, or the model's."""

from collections.abc import Iterator, Mapping
from typing import Any

from distexp.asking.language import language_of_survey, own_language
from distexp.elicitation.reply.rewriting import ENGLISH, Rewriting
from distexp.elicitation.reworded import Reworded
from distexp.errors import ConfigError
from distexp.prompt.spoken import (
    AS_THE_SURVEY,
    LANGUAGES,
    Worded,
    in_wording,
    speaking,
    words,
)
from distexp.types import Survey


def as_worded(
    worded: Worded, survey: Survey, styles: Mapping[str, Any], elicitation: Any
) -> tuple[Mapping[str, Any], Any, tuple[str, ...]]:
    """Return prompt styles and elicitation in the words wanted, and what a report says of them.

    Raises
    ------
    ConfigError
        If they have no words in the language, it is that of a survey and cannot be told, the
        elicitation makes wordings itself, or the survey has no other ones.
    """
    if survey.studies:  # estimates that are there need no call
        return styles, elicitation, ()
    language = None
    if worded.language is not None:
        language = language_of_survey(worded.language, survey)
        styles, elicitation = speaking(language, styles, elicitation)
    notes = list(_of_two_languages(language, survey, styles))
    if worded.wording is not None:
        styles = {in_wording(name, worded.wording): style for name, style in styles.items()}
        elicitation, note = _in_other_words(worded, survey, elicitation, language or "en")
        notes.append(note)
    return styles, elicitation, tuple(notes)


def _of_two_languages(
    language: str | None, survey: Survey, styles: Mapping[str, Any]
) -> Iterator[str]:
    """Say where a question is in one language and what stands around it in another."""
    own = own_language(survey)
    if own is None or own == (language or "en"):
        return
    if language is None:
        asks = f": prompt.language={AS_THE_SURVEY} asks in {own}." if own in LANGUAGES else "."
        yield (
            f"Questions are in {own}, layout and task as the prompt files have them, which is in "
            f"English unless they were changed{asks}"
        )
        return
    groups = {case.group for case in survey.cases}
    n = sum(group.phrase_in(language) != group.phrase for group in groups)
    speaks = any("{group}" in getattr(style, "layout", "") for style in styles.values())
    of_groups = f", and so are the phrases of {n} of {len(groups)} groups" if speaks else ""
    yield f"Layout and task are in {language}{of_groups}; questions and options are in {own}."


def _in_other_words(
    worded: Worded, survey: Survey, elicitation: Any, language: str
) -> tuple[Reworded, str]:
    questions = dict.fromkeys(case.question for case in survey.cases)
    if any(elicitation.preparations(question) for question in questions):
        msg = (
            f"The elicitation {elicitation.name!r} makes wordings of its own: choose another, or "
            "prompt.wording=null."
        )
        raise ConfigError(msg)
    if worded.source == "rephrased":
        spoken = words(language)
        called = (spoken["question"], spoken["options"]) if language != "en" else ENGLISH
        rewriting = Rewriting(rewrite=spoken["rewrite"], called=called)
        return Reworded(elicitation, number=worded.number, rewriting=rewriting), (
            "Questions were asked in other words, which the model made of each once and which "
            "stand in the prompts; a question whose wordings could not be read has no estimate."
        )
    n = sum(len(question.alternate_wordings) >= worded.number for question in questions)
    if not n:
        msg = (
            f"No question of {survey.name} has an alternate wording number {worded.number}. Add "
            "alternate_wordings to the questions of its codebook, or have the model make them "
            "with prompt.wording=rephrased."
        )
        raise ConfigError(msg)
    note = f"{n} of {len(questions)} questions were asked in an alternate wording of the survey"
    note += "." if n == len(questions) else "; the others have none, and were asked as usual."
    return Reworded(elicitation, number=worded.number), note
