"""Which language a question is worded in, as far as its script and commonest words tell."""

import re
import unicodedata
from collections import Counter

from distexp.errors import ConfigError
from distexp.prompt.spoken import AS_THE_SURVEY, BY_NAME, LANGUAGES
from distexp.types import Survey

_COMMON = {
    "English": "the of and to in is you that for are with do what how your would have about as "
    "should than or be it they more by if not at from which who when any this their can will",
    "German": "der die das und ist sie wie nicht ein eine zu von mit den für auf sich ihr würden",
    "French": "le la les des et est vous une du pour dans que qui pas avec sur votre êtes en",
    "Spanish": "el la los las y es usted una del para en que con por su cómo qué está más",
    "Italian": "il la gli le e è di una del per che con su come non sono lei della nel quanto",
    "Portuguese": "o a os as e é você uma do da para em que com por seu como não são mais",
    "Dutch": "de het een en is u van voor met op dat niet hoe zijn bent uw aan wat of",
    "Polish": "i w na z jest czy się nie do że jak o co pan pani są dla oraz przez jest",
    "Swedish": "och att är det en ett som för på med du inte hur av till den har om vad",
    "Turkish": "ve bir bu için ne mi mı ile siz çok daha olarak nasıl değil kadar hangi",
}
_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
FEWEST = 2
"""Different common words that a language needs, and more than any other has."""


def language_of(text: str) -> str | None:
    """Name the language of a text in Latin letters, or else its script; None where unclear.

    Examples
    --------
    >>> language_of("How satisfied are you with the police?")
    'English'
    >>> language_of("Wie zufrieden sind Sie mit der Polizei?"), language_of("Space")
    ('German', None)
    >>> language_of("Should the town run more buses, as many as now, or fewer?")
    'English'
    """
    letters = [letter for letter in text if letter.isalpha()]
    if not letters:
        return None
    scripts = Counter(unicodedata.name(letter, "UNKNOWN").split()[0] for letter in letters)
    script, n = scripts.most_common(1)[0]
    if script != "LATIN":
        return f"{script.title()} script" if n > len(letters) / 2 else None
    words = re.findall(r"\w+", text.lower())
    found = Counter(
        {language: len(common.intersection(words)) for language, common in _WORDS.items()}
    )
    (best, n_best), (_, n_next) = found.most_common(2)
    return best if n_best >= FEWEST and n_best > n_next else None


def language_of_survey(language: str, survey: Survey) -> str:
    """Return the language to ask in, which `survey` leaves to the survey, or to most questions.

    Raises
    ------
    ConfigError
        If these are in none that there are words for.
    """
    if language != AS_THE_SURVEY:
        return language
    own = own_language(survey)
    if own not in LANGUAGES:
        said = f'"{survey.language}"' if survey.language is not None else own
        raise _unspoken(survey, said or "no language that can be told")
    return own


def own_language(survey: Survey) -> str | None:
    """Return the language of a survey's questions: its tag, or the name of one without words.

    None where the survey does not say and it cannot be told.
    """
    if survey.language is not None:
        return survey.language.partition("-")[0]
    name = _of_most(survey)
    return None if name is None else BY_NAME.get(name, name)


def _of_most(survey: Survey) -> str | None:
    """Name the language, or script, of most questions; None where none can be told."""
    texts = {case.question.text for case in survey.cases}
    found = Counter(filter(None, map(language_of, texts)))
    return next((name for name, _ in found.most_common(1)), None)


def _unspoken(survey: Survey, name: str) -> ConfigError:
    return ConfigError(
        f"The questions of {survey.name} are in {name}, which there are no words for. Give "
        f"prompt.language as one of {', '.join(LANGUAGES)}, or null with a prompt file and an "
        "elicitation.task of your own."
    )
