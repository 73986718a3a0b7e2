"""The language that a survey says it is worded in."""

import re

from distexp.dataset.files.section import Section

_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
WANTED = 'a language as in BCP 47, such as "de" or "pt-BR"'
_LIVING = {
    "en": (", living in ", " in "),
    "de": (", wohnhaft in ", " in "),
    "es": (", que vive en ", " en "),
    "fr": (" ; lieu de vie : ", " ; lieu de vie : "),
    "zh": ("，居住在", "，居住在"),
    "ar": ("، يقيم في ", "، يقيم في "),
}
_AND = {"en": " and ", "de": " und ", "es": " y ", "fr": " et ", "zh": "，", "ar": "، و"}

Phrases = tuple[tuple[str, str], ...]
"""Language, and a group's phrase in it."""


def is_language(value: object) -> bool:
    """Tell whether a text names a language, in small letters.

    Examples
    --------
    >>> is_language("de"), is_language("zh-Hant"), is_language("German"), is_language("DE")
    (True, True, False, False)
    """
    return isinstance(value, str) and _TAG.fullmatch(value) is not None


def joint(phrase: str, language: str | None) -> str:
    """Return what stands between a group's phrase and the place where its people live."""
    usual, after_living = _LIVING.get((language or "en").partition("-")[0], (": ", ": "))
    return after_living if " living in " in phrase and usual.startswith(", living") else usual


def both(a: str, b: str, language: str | None) -> str:
    """Return the phrase of those who are in two groups."""
    return f"{a}{_AND.get((language or 'en').partition('-')[0], ', ')}{b}"


def both_in(a: Phrases, b: Phrases) -> Phrases:
    """Return the phrase of those who are in two groups, in each language that both have.

    Examples
    --------
    >>> both_in((("de", "ein Mann"), ("fr", "un homme")), (("de", "jung"),))
    (('de', 'ein Mann und jung'),)
    """
    others = dict(b)
    return tuple((of, both(one, others[of], of)) for of, one in a if of in others)


def language_in(section: Section) -> str | None:
    """Return the language that a file says it is in; None where it does not say.

    Raises
    ------
    DatasetError
        If it says what is none.
    """
    language: str | None = section.text("language", default=None)
    if language is not None and not is_language(language):
        section.refuse("language", f"must be {WANTED}. Got {language!r} instead.")
    return language


def phrases_in(section: Section, key: str, language: str | None) -> tuple[str, Phrases]:
    """Return a phrase in the language of the file, and in others where the file gives a mapping.

    Raises
    ------
    DatasetError
        If it is neither text nor mapping, a key of the mapping is no language, or that of the
        file is not among them.
    """
    if not section.holds_mapping(key):
        return section.text(key), ()
    said = section.section(key)
    names = said.names()
    own = language or "en"
    for name in names:
        if not is_language(name):
            said.refuse(name, f"must be {WANTED}, with the phrase in it.")
    if own not in names:
        section.refuse(key, f"has no phrase in {own!r}, which is the language of the file.")
    others = sorted((name for name in names if name != own), key=lambda name: "-" in name)
    phrases = tuple((name.partition("-")[0], said.text(name)) for name in others)  # "de" first
    return (said.text(own) if own in names else ""), phrases
