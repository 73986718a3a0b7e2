"""Whether what stands before numbers says that they are no estimate."""

import re
from collections.abc import Iterator

from distexp.elicitation.reply.refusals import REFUSALS

_TURN = re.compile(
    r"\b(?:but|however|that said|nevertheless|nonetheless|still|instead|"
    r"aber|jedoch|dennoch|trotzdem|mais|cependant|toutefois|pero|sin embargo|no obstante|"
    r"ma|tuttavia|mas|porém|maar|echter|"
    r"но|однако)\b|, yet\b|但|不过|不過|然而|しかし|ただし|하지만|그러나|لكن|اما",
    re.IGNORECASE,
)
_ESTIMATE = re.compile(
    r"\b(?:(?:my|a) (?:best |rough |own )?(?:estimate|guess)|best guess|estimates?|based on"
    r"|here (?:is|are)|here['’]s(?! why)|according to"
    r"|i(?:['’]d| would|['’]ll| will) (?:guess|estimate|assume|expect|approximate|say|go with)"
    r"|(?:estimated|approximate|rough|plausible|reasonable|likely) "
    r"(?:distribution|numbers|percentages|shares|figures)"
    r"|these are (?:rough )?(?:approximations|guesses)"
    r"|schätzung|estimation|estimación|stima|estimativa|schatting|szacun\w*|оценка)\b"
    r"|估计|估計|推定|추정",
    re.IGNORECASE,
)
"""What turns a reply round in a clause of its own; in that of a refusal it is what is refused."""
_CLAUSE_END = re.compile(r"[.,;:!?\n](?!\w)|[。、]|(?<=[\u3040-\u9fff\uac00-\ud7af])[.,;:!?]")
_SENTENCE_END = re.compile(r"[.;:!?\n](?!\w)|[。\n]")

_SELF = r"i|we|my|our|it|this|that|there|ai|model|assistant|ich|je|yo|io|eu|ik|ja|я"
_PEOPLE = (
    r"they|people|persons?|members?|respondents?|participants?|individuals?|adults|americans"
    r"|voters|citizens|residents|households|women|men|who|those|many|most|some|few|groups?"
    r"|majority|minority|republicans|democrats|conservatives|liberals|independents|christians"
    r"|evangelicals|workers|parents|students|government|state|politicians"
    r"|befragten?|menschen|leute|viele|meisten|wähler|gruppe|gens|répondants|personnes|électeurs"
    r"|groupe|ils|elles|plupart|personas|gente|encuestados|votantes|grupo|mayoría|muchos|persone"
    r"|intervistati|gruppo|maggioranza|molti|pessoas|entrevistados|eleitores|maioria|muitos"
    r"|mensen|meesten|groep|kiezers|ludzie|люди|многие|большинство|респонденты"
)
_SUBJECT = re.compile(
    rf"\b(?:(?P<self>{_SELF})|(?P<people>{_PEOPLE}))\b"
    r"|(?P<self_>我|私|저는|제가|मैं)|(?P<people_>群体|人们|多数|受访者|选民|人々|回答者|グループ[はが]|사람|응답자|그룹[은이]|लोग)",
    re.IGNORECASE,
)
_OF_NOBODY = re.compile(r"possible|appropriate|\bbe\b|\bas an?\b", re.IGNORECASE)
"""What is never said of people alone: *how they answer is not possible to say*."""

_HEDGE = re.compile(
    r"[^.,;:!?\n。]{0,60}?(?:\b(?:exact\w*|precise(?:ly)?|(?:be|any) certain|certainty|for sure"
    r"|genaue?n?|precis[ao]s?|certezza|certeza)\b|准确|準確|精确|確切|确切|正確)"
    r"|\w*\s(?:(?:just|only) (?:one|a single)|(?:one|a single) (?:option|answer|choice|letter))\b",
    re.IGNORECASE,
)
"""Behind words of a refusal: what is refused is to be exact, or to choose but one option."""

_FORMAT = r"formato??|формат"
_FORMAT_ = r"格式|フォーマット|형식"
_EXAMPLE = re.compile(
    rf"\b(?:{_FORMAT}|examples?|e\.g|for instance|templates?|placeholders?|illustrat\w*|"
    r"hypothetical\w*|"
    r"fictional|made[- ]up|dummy|arbitrary|random(?:ly)?|samples?|would look like|"
    r"beispiel\w*|vorlage|platzhalter|exemples?|modèle|fictif\w*|ejemplos?|plantilla|"
    r"esempio|exemplo|voorbeeld\w*|przykład\w*|пример(?:ы|а|ом|е|у|ов|ами|ах)?|например|шаблон)\b"
    rf"|(?<![比慣惯])例(?!外)|{_FORMAT_}|مثال",
    re.IGNORECASE,
)
_ANYBODY = (
    r"\s(?:(?:selected|chosen|picked|drawn)\s)?(?:\d+|samples?|surveys?|polls?|populations?|people"
    r"|persons?|adults?|americans?|respondents?|members?|individuals?|voters?|groups?)\b"
)
_HARMLESS = {
    # what a word of examples says something else behind, and before
    "format": (
        r"(?:\b(?:in|as|im|als|au|en|nel|no|em|w|в)\s(?:[^\s:,.]+[\s-]){0,4}|json[\s-]?|求的|定的)",
        None,
    ),
    "sample": (
        r"\b(?:random|representative|based on (?:a|the))\s",
        r"\sof\s(?:\d|people|such|th(?:is|ese|ose|em)\b)",
    ),
    "random": (None, _ANYBODY),
    "hypothetical": (None, _ANYBODY),
}
_OTHERS = re.compile(
    r"\b(?:not|never|n['’]t) (?:choos|pick|select)(?:e|ing)?"
    r"(?: (?:each|every|any|either)\b[^.,;!?\n]*)?[\s:*_]*$"
    r"|(?:\b(?:how many|percent\w*|shares?|proportions?|fraction|number)\b|%)[^.,;!?\n]{0,60}"
    r"\b(?:not|never|n['’]t) (?:choos|pick|select)(?:e|ing)?(?: [^\s.,;!?]+){0,2}[\s:*_]*$"
    r"|\b(?:anteil|prozent\w*|wie viele)\b[^.;!?\n]{0,60}"
    r"\bnicht (?:wählen|ankreuzen)(?: würden?)?[\s:*_]*$",
    re.IGNORECASE,
)
"""Whose shares they are not, said right before them: *how many would not choose each:*."""


def withdrawn(before: str) -> str | None:
    """Return the words before a list of numbers by which it is no estimate; None without such.

    A refusal is one unless the reply turns round after it (*but my estimate is*), or people are
    who do not know, want or choose; and a last sentence that speaks of a format or an example is
    one whatever stands before. *I cannot give an estimate* is no turn: there the estimate is what
    is refused.

    Examples
    --------
    >>> withdrawn("I can't provide this. A format would be "), withdrawn("I can't say, but ")
    ('format', None)
    >>> withdrawn("Most of them do not know. "), withdrawn("Here it is in JSON format: ")
    (None, None)
    """
    if (inverse := _OTHERS.search(before)) is not None:
        return " ".join(inverse[0].split())
    refusals = [
        found
        for found in _refusals(before)
        if not _is_of_people(before, found) and not _HEDGE.match(before, found.end())
    ]
    sentences = [part for part in re.split(r"[.!?]\s|\n\s*\n|。", before) if part.strip()]
    for example in _EXAMPLE.finditer(sentences[-1]) if sentences else ():
        if not _is_harmless(sentences[-1], example):
            return example[0]
    if not refusals or _TURN.search(before, refusals[-1].start()):
        return None
    refused = refusals[-1]
    if (end := _CLAUSE_END.search(before, refused.start())) and _ESTIMATE.search(
        before, end.end()
    ):
        return None
    return " ".join(refused[0].split())


def _refusals(text: str) -> Iterator[re.Match[str]]:
    """Yield refusals by where they begin, those within others too: *I'm sorry, I can't give*."""
    found = REFUSALS.search(text)
    while found is not None:
        yield found
        found = REFUSALS.search(text, found.start() + 1)


def _is_of_people(text: str, refusal: re.Match[str]) -> bool:
    """Tell words of a refusal that are said of people: *some of them are not sure*."""
    begin = max((end.end() for end in _SENTENCE_END.finditer(text, 0, refusal.start())), default=0)
    subjects = list(_SUBJECT.finditer(text, begin, refusal.end()))
    if not subjects or _OF_NOBODY.search(refusal[0]):
        return False
    last = next((one for one in reversed(subjects) if one.start() < refusal.start()), None)
    if last is None or not (last["people"] or last["people_"]):
        return False
    between = text[last.end() : refusal.start()]
    return "," not in between and len(between.split()) <= 4


def _is_harmless(sentence: str, example: re.Match[str]) -> bool:
    """Tell a word of examples that says something else: *in the requested format*."""
    word = example[0].casefold()
    kind = next((kind for kind in _HARMLESS if word.startswith(kind)), "")
    if re.fullmatch(f"{_FORMAT}|{_FORMAT_}", word):
        kind = "format"
    before, behind = _HARMLESS.get(kind, (None, None))
    return bool(
        (before and re.search(rf"{before}$", sentence[: example.start()], re.IGNORECASE))
        or (behind and re.match(behind, sentence[example.end() :], re.IGNORECASE))
    )
