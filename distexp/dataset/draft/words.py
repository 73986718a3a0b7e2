"""What the labels of answers say of a scale: which is off it, and in which order the others stand.

Proposals only, made from words. A draft writes each of them where a person can see it.
"""

import re
from collections.abc import Sequence

_NOT_ASKED = re.compile(
    r"not (asked|applicable|applic\.?|in (the )?(universe|sample|this wave|this country))( .*)?"
    r"|inap\w*\.?|iap|n/a|nap|skip\w*( .*)?|legitimate skip|system missing|sysmis|missing\b.*"
    r"|no data"
    r"|filter(ed)?|split ballot.*|trifft nicht zu|nicht (erhoben|gefragt|zutreffend)|tnz|t\.n\.z\."
    r"|non concerné\w*|sans objet|no (procede|aplica|aplicable)|non (applicabile|pertinente)"
    r"|n[ãa]o (se )?aplica\w*|niet van toepassing|n\.?v\.?t\.?|nie dotyczy|ej aktuellt"
    r"|ikke (relevant|spurt)|не спраш\w*|неприменимо|不适用|非該当|해당 ?없음"
)
_CODE = re.compile(r"^\W*-?\d+\s*(?:[.)=:\-–]\s*|\s)")
_NUMBER = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:$|[=:.)\-–—]|\s)")

_POSITIVE = (
    r"agree|favou?r|support|approv|satisf|likely|probabl|importan|confiden|concern|trust|interest"
    r"|safe\b|fair\b|easy|true|happy|willing|accept|justif|proud|worri|clos|like me|serious|useful"
    r"|surpris|aware|comfortable|familiar|prefer|positiv|clear"
    r"|stimme|zufrieden|wichtig|einverstanden|d'accord|acuerdo|satisfait|satisfecho|accordo|eens\b"
)
_NEGATIVE = (
    r"disagree|oppos|against|disapprov|dissatisf|unlikely|improbabl|unimportan|unfair|unsafe|difficult"
    r"|false|untrue|unhappy|unwilling|unaccept|unjustif|distrust|mistrust|negativ|unclear|uncomfort"
    r"|unzufrieden|unwichtig|ablehn|pas d'accord|desacuerdo|insatisf|disaccordo|oneens|unfamiliar"
)
_MOST = r"extreme|complete|total|absolute|entire"
_STRONG = (
    r"strong|very|fully|definit|great deal|always"
    r"|voll|sehr|tout à fait|muy|molto|zeer|helemaal"
)
_WEAK = (
    r"more or less|somewhat|rather|slight|a little|tend|lean|bit|moderate|eher|plutôt|algo"
    r"|piuttosto|probably"
)
_QUITE = r"fairly|quite|mostly|pretty|general|ziemlich"
_MIDDLE = (
    r"neither|neutral|undecided|mixed|in between|in the middle|no difference|equal|teils"
    r"|ni\b.*\bni\b|weder|né\b|noch"
)
_LADDERS: tuple[tuple[str, ...], ...] = (
    (
        r"never",
        r"almost never|hardly ever|very rarely",
        r"rarely|seldom",
        r"sometimes|occasional|now and then|from time to time",
        r"often|frequent|regular",
        r"usual|most of the time|very often|mostly",
        r"almost always|nearly always",
        r"always|all (of )?the time",
    ),
    (
        r"none|not at all|nothing( at all)?|not|not any|no [\w ]+ at all",
        r"hardly any|very little|almost no",
        r"not (too |very |so )?much|not (too|very|so)|(only )?a little|little|a few|few",
        r"some|somewhat|moderate\w*|a moderate \w+|only some|medium|average",
        r"fairly|quite|quite a (bit|lot|few)|a lot|a good deal|considerabl\w*|many|much|most",
        r"very much|a great deal|extremely|very|all|complete\w*|entire\w*|a tremendous \w+",
    ),
    (
        r"never|nie|まったくない",
        r"less( often| frequent(ly)?)?|rarely|seltener|selten",
        r"(about )?(once a|every) year|yearly|annually|einmal im jahr|jährlich",
        r"(a few|several) times a year|mehrmals im jahr",
        r"(about )?(once a|every) month|monthly|einmal im monat|monatlich",
        r"(a few|several|two or three|2-3) times a month|mehrmals im monat",
        r"(about )?(once a|every) week|weekly|einmal (in der|pro|die) woche|wöchentlich",
        r"(a few|several|two or three|2-3|more than once) (times )?a week"
        r"|mehrmals (in der|pro|die) woche",
        r"(almost |nearly )?(once a|every) ?day|daily|(fast )?täglich|jeden tag",
        r"(a few|several|many) times a day|mehrmals (am tag|täglich)",
    ),
    (
        r"(no,? )?(definite|certain)ly (not|no)|auf keinen fall|(nein,? )?sicher nicht",
        r"(no,? )?probably (not|no)|eher (nicht|nein)|(nein,? )?wahrscheinlich nicht",
        r"might or might not|maybe|perhaps|possibly|vielleicht",
        r"(yes,? )?probably( yes)?|eher ja|(ja,? )?wahrscheinlich",
        r"(yes,? )?(definite|certain)ly( yes)?|auf jeden fall|(ja,? )?sicher",
    ),
    (
        r"(まったく|全く)\S*ない|(非常に?|とても|大いに|完全)不\S+|(とても|強く)反対",
        r"そう思わない|思わない|反対|不(?!太)\S+",
        r"あまり\S*ない|どちらかといえば\S*(ない|反対|不\S+)|やや(\S*ない|反対|不\S+)|(不太|比较不)\S+",
        r"どちらとも\S*|どちらでもない|一般|中立|普通",
        r"(やや|まあ|どちらかといえば|比较|有点)\S+",
        r"そう思う|思う|賛成|満足|同意|满意",
        r"(とても|非常に?|大いに|強く|完全に?|十分)\S+",
    ),
    (
        r"terrible|very (bad|poor)|extremely (bad|poor)|horrible|awful",
        r"bad|poor|not (so )?good",
        r"fair|only fair|average|neither good nor bad|so-so|ok\w*|acceptable|passable|middling",
        r"good|well",
        r"very (good|well)",
        r"excellent|extremely good|outstanding|perfect",
    ),
    (
        r"very (low|small)|lowest|much (less|lower|worse|fewer|smaller)|far too little"
        r"|(decrease[sd]?|reduced?) a lot",
        r"low|small\w*|less|lower\w*|worse|fewer|decrease[sd]?|reduced?|too (little|few|low|weak)"
        r"|a little less|somewhat (less|lower|worse)",
        r"medium|middle|moderate|(stay(ed)? )?(about |much )?(the )?same( as now)?|right amount"
        r"|as (many|much) as now|no change|(about |just )+right|unchanged|average|intermediate",
        r"high|large|more|higher|better|greater|bigger|increase[sd]?|too (much|many|high|strong)"
        r"|a little more|somewhat (more|higher|better)|upper",
        r"very (high|large)|highest|much (more|higher|better|greater)|far too much"
        r"|increase[sd]? a lot",
    ),
)
_RUNGS = tuple(tuple(re.compile(rf"(?:{rung})\W*") for rung in ladder) for ladder in _LADDERS)
_TIMES = re.compile(
    r"\b(day|daily|week|weekly|month|monthly|year|yearly|once|twice|times|hours?|minutes?)\b"
)


def is_not_asked(label: str) -> bool:
    """Tell whether a label says that somebody was not asked.

    Examples
    --------
    >>> [is_not_asked(label) for label in ("Inapplicable", "Missing; unknown", "N/A", "No")]
    [True, True, True, False]
    """
    folded = _CODE.sub("", _folded(label)) or _folded(label)
    return any(map(_NOT_ASKED.fullmatch, (folded, re.split(r"\s*[(\[;:]", folded)[0])))


def number_of(label: str) -> float | None:
    """Return the number that a label is or begins with.

    Examples
    --------
    >>> [number_of(label) for label in ("7 = Very fair", "4", "10 Completely", "18-29", "Four")]
    [7.0, 4.0, 10.0, 18.0, None]
    """
    match = _NUMBER.match(label)
    return float(match[1]) if match else None


def scale_positions(labels: Sequence[str]) -> list[float | None]:
    """Return where each label stands on the scale whose words most of the labels speak.

    Positions are comparable within the list only; None is a label that does not speak of it.

    Examples
    --------
    >>> scale_positions(["Agree", "Disagree", "Neither agree nor disagree", "Strongly agree"])
    [2.0, -2.0, 0.0, 3.0]
    >>> scale_positions(["About right", "Too little", "Too much"])
    [2.0, 1.0, 3.0]
    >>> scale_positions(["Daily", "Less often", "Never", "Several times a week"])
    [8.0, 1.0, 0.0, 7.0]
    """
    folded = [_folded(label) for label in labels]
    readings = [[_polar(label) for label in folded]]
    for ladder in _RUNGS:
        readings.append([_rung(label, ladder) for label in folded])
    return max(readings, key=lambda ranks: len({rank for rank in ranks if rank is not None}))


def speaks_of_a_scale(labels: Sequence[str]) -> bool:
    """Tell whether at least half of the labels are words of a scale, or of how often.

    Examples
    --------
    >>> speaks_of_a_scale(["Several times a day", "Once a week", "Never"])
    True
    >>> speaks_of_a_scale(["Apples", "Pears", "Plums"])
    False
    """
    often = sum(bool(_TIMES.search(_folded(label))) for label in labels)
    known = sum(position is not None for position in scale_positions(labels))
    return 2 * max(often + (often > 0 and "never" in map(_folded, labels)), known) >= len(labels)


def _folded(label: str) -> str:
    """Return a label in small letters, apostrophes and white space made alike."""
    return " ".join(re.sub("[’‘ʼ´`]", "'", label).casefold().split())


def _polar(label: str) -> float | None:
    """Return where a label stands between against and for."""
    if re.search(_MIDDLE, label):
        return 0.0
    negative = re.search(_NEGATIVE, label)
    if not (negative or re.search(_POSITIVE, label)):
        return None
    if re.search(
        r"\bnot? (at all|a bit)\b|\bnot\b.*\bat all\b|überhaupt nicht|pas du tout", label
    ):
        return -4.0
    if re.search(r"\bnot\b|\bnicht\b|\bn't\b", label):
        return -1.0 if re.search(r"\bnot (too|very|so|that|particularly)\b", label) else -2.0
    if re.search(r"\b(weniger|wenig|kaum)\b", label):
        return -1.0
    sizes = ((_MOST, 3.5), (_STRONG, 3.0), (_WEAK, 1.0), (_QUITE, 1.5), ("", 2.0))
    size = next(size for words, size in sizes if re.search(words, label))
    return -size if negative else size


def _rung(label: str, ladder: Sequence[re.Pattern[str]]) -> float | None:
    """Return the rung that a label is, or begins with before a comma or bracket."""
    first = re.split(r"\s*[,;(/]|\s+or\s+", label)[0]
    for number, rung in enumerate(ladder):
        if rung.fullmatch(label) or rung.fullmatch(first):
            return float(number)
    return None
