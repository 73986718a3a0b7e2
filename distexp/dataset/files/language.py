"""The language that a survey says it is worded in."""

import re

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
