"""Which columns sort people into groups, and a phrase for each group."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from distexp.dataset.draft.options import options_of
from distexp.dataset.draft.words import is_not_asked
from distexp.dataset.files.codes import Code, label_of
from distexp.dataset.files.refusals import is_refusal
from distexp.dataset.files.variables import Variable

_KINDS: Mapping[str, str] = {
    "sex": r"sex(now\d?)?|gender|gndr|female|male|sexe|sexo|geschlecht|genero|sesso|geslacht|kon",
    "age": r"age(s|r|d|cat\w*|gr\w*|gp)?|r?agecat\w*|alter(sgruppe)?|edad|idade|leeftijd",
    "race": r"race\w*|ethnic\w*|ethnie|hispanic|racethn\w*|raza",
    "education": r"educ\w*|edu|degree|schooling|bildung\w*|isced\w*|college\w*|diploma",
    "country": r"country\w*|cntry|nation|pais|pays|land",
    "region": r"region\w*|cregion|province|provincia|state|bundesland|county|oblast|nuts\w*",
    "community": r"urban\w*|rural|urbrural|settlement|xnorcsiz|community|metro",
    "marital status": r"marital\w*|married|familienstand|marstat|civil",
    "religion": r"relig|religion|denom\w*|bornagain",
    "party": r"party|partyid|party(sum|cat|affil)\w*|pid\d?|polparty|partei",
    "ideology": r"ideo\w*|polviews|polideology|lrscale|leftright",
    "income": r"income\w*|inc|hhinc\w*|faminc\w*|rincom\w*|einkommen|revenu|ingresos?",
    "employment": r"employ\w*|emp|empstat|wrkstat|workstat|work_status|unemp\w*|occupation",
    "citizenship": r"citizen\w*|native|nativity|immigrant|foreignborn",
}
_TOKEN = {kind: re.compile(words) for kind, words in _KINDS.items()}
_OPINION = re.compile(
    r"\b(important|importance|should|agree|favou?r|trust|feel|think|opinion|approve|support"
    r"|satisf\w*|attend\w*|how (much|often|well))\b",
    re.IGNORECASE,
)
_ASKED: Mapping[str, str] = {
    "sex": r"what is your (gender|sex)( identity)?|(what|which) gender do you .*identify .*"
    r"|are you (a )?(male|man|female|woman)\b.*|how do you (identify|describe) your gender"
    r"|(was|welches) ist ihr geschlecht|welches geschlecht haben sie|性別.*",
    "age": r"what is your (current )?age( group| range)?|how old are you|(what|which) age group .*"
    r"|wie alt sind sie|in welchem alter .*|(年齢|年代).*",
    "race": r"(what|which) .{0,40}your (race|ethnicity)\b.*",
    "education": r"what is (the |your )?highest (level|degree|qualification|grade)\b.*"
    r"|was ist ihr höchster .*abschluss|welchen .*(schul|bildungs)abschluss haben sie|最終学歴.*",
    "country": r"(in )?(what|which) country do you .*live.*",
    "region": r"(in )?(what|which) (region|state|province|county) do you .*(live|reside).*",
    "marital status": r"what is your (current )?marital status|are you (now )?married\b.*",
}
"""Whole questions, under which an export has a column `Q1`."""
_DEMOGRAPHIC = {"sex", "age", "race", "education", "country", "region", "marital status"}
"""Kinds that a whole question may ask for and still be no opinion."""
_SPAN = re.compile(
    r"\s*(\d{1,3})\s*(?:[-–—]|to|bis|a|à)\s*(\d{1,3})\s*(?:years( old)?|yrs?)?\s*", re.I
)
_OLDEST = re.compile(
    r"\s*(?:(\d{2,3})\s*(?:\+|plus|(?:years )?(?:and|or|&) (?:over|older|above|more))"
    r"|>=?\s*(\d+))\s*",
    re.I,
)
_MOST_GROUPS = 300
_AGES = ((18, 29), (30, 49), (50, 64), (65, None))
_OLDEST_EVER = 120
_SEXES = {
    **dict.fromkeys(
        ("male", "man", "men", "m", "boy", "homme", "hombre", "mann", "männlich", "男性"), "man"
    ),
    **dict.fromkeys(
        ("female", "woman", "women", "f", "femme", "mujer", "frau", "weiblich", "女性"), "woman"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """A column that sorts people into groups, as a codebook says it."""

    name: str
    levels: Mapping[str, tuple[tuple[Code | str, ...], str]]
    """Codes, or ranges of them, and phrase by label."""
    left_out: tuple[Code | str, ...]
    not_asked: tuple[Code, ...]
    others: str | None
    checks: tuple[str, ...]


def kind_of(variable: Variable) -> str | None:
    """Return what kind of people a column tells apart, by its name or a short label.

    Examples
    --------
    >>> [kind_of(Variable(name=n)) for n in ("F_EDUCCAT2", "ageGroup", "Q5", "economic.cond")]
    ['education', 'age', None, None]
    >>> kind_of(Variable(name="v1", label="Respondent's sex")), kind_of(Variable(name="religimp"))
    ('sex', None)
    >>> kind_of(Variable(name="Q1", label="What is your age?"))
    'age'
    """
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", variable.name).lower()
    tokens = [token for token in re.split(r"[\W_]+|(?<=[a-z])\d+", name) if token]
    label = variable.label
    asked = re.sub(r"[?\s:：？]+$", "", label.lower().removesuffix(" - selected choice")).strip()
    if whole := next((k for k, q in _ASKED.items() if re.fullmatch(q, asked or name)), None):
        return whole
    is_sentence = "?" in label or len(label.split()) > 8
    for kind, words in _TOKEN.items():
        if _OPINION.search(label) or (is_sentence and kind not in _DEMOGRAPHIC):
            continue
        if any(map(words.fullmatch, tokens[:3])) or (not is_sentence and _is_about(label, words)):
            return kind
    return None


def _is_about(label: str, words: re.Pattern[str]) -> bool:
    """Tell whether a short label names a kind, as "Age of respondent" or "R's sex" do."""
    spoken = [w for w in re.split(r"[\W_]+", label.lower()) if w]
    plain = [
        w for w in spoken if w not in ("respondent", "respondents", "s", "r", "your", "of", "the")
    ]
    return 0 < len(plain) <= 3 and any(map(words.fullmatch, (plain[0], "".join(plain))))


def grouping_of(variable: Variable, kind: str, name: str) -> Grouping | str:
    """Propose the groups of a column.

    Parameters
    ----------
    variable : Variable
    kind : str
        What `kind_of` says.
    name : str
        What the attribute is to be called.

    Returns
    -------
    Grouping or str
        The reason why it makes no groups.
    """
    in_years = [c for c in variable.counts if isinstance(c, float) and 12 < c < 98]
    if kind == "age" and sum(code not in variable.labels for code in in_years) > 2:
        return _ages(variable, name)
    found = options_of(variable, _MOST_GROUPS)
    if isinstance(found, str):
        is_text = variable.span is None and variable.n_codes > 12 and not variable.labels
        if is_text and kind in ("country", "region", "religion", "race") and variable.counts:
            return _any_text(variable, kind, name)
        return f"{found}: cut it into groups by hand" if "values" in found else found
    phrase = _PHRASES.get(kind, _of_kind(kind))
    levels = {
        label: (codes, phrase(label))
        for label, codes in zip(found.labels, found.codes, strict=True)
    }
    checks = list(found.checks)
    if found.strays:
        listed = ", ".join(map(label_of, found.strays))
        checks.append(f"is {listed} no group? Apart from the other numbers; left out.")
    is_worded = kind == "sex" and all(
        text.startswith("a ") and "whose" not in text for _, text in levels.values()
    )
    if not is_worded:
        checks.append('does each phrase complete "Imagine you are ..." well?')
    return Grouping(
        name=name,
        levels=levels,
        left_out=found.off_scale,
        not_asked=found.not_asked,
        others=None,
        checks=tuple(checks),
    )


def _ages(variable: Variable, name: str) -> Grouping | str:
    """Propose ranges of age in years."""
    if not variable.is_whole or not variable.counts:
        return "its ages are no whole years: cut it into groups by hand"
    special = [
        code
        for code in variable.counts
        if isinstance(code, str)
        or code is None
        or not 0 <= code <= _OLDEST_EVER
        or code in variable.missing
        or any(low <= code <= high for low, high in variable.missing_ranges)
        or is_refusal(variable.labels.get(code, ""))
        or is_not_asked(variable.labels.get(code, ""))
    ]
    ages = [code for code in variable.counts if isinstance(code, float) and code not in special]
    levels: dict[str, tuple[tuple[Code | str, ...], str]] = {}
    for low, high in _AGES:
        if any(low <= age <= (high or _OLDEST_EVER) for age in ages):
            label = f"{low}+" if high is None else f"{low}-{high}"
            levels[label] = ((f"{low}..{_OLDEST_EVER if high is None else high}",), _age(label))
    if len(levels) < 2:
        return "its numbers are no ages of adults: cut it into groups by hand"
    young = sorted(age for age in ages if age < _AGES[0][0])
    checks = ["are these the age groups wanted?"]
    if young:
        checks.append(f"{len(young)} ages under 18 are left out. Are they to be a group?")
    if 99.0 in ages or 98.0 in ages:
        checks.append("are 98 and 99 ages here, or do they say that nobody knows?")
    return Grouping(
        name=name,
        levels=levels,
        left_out=(
            *(["..17"] if young else []),
            *(c for c in special if isinstance(c, str) or not 0 <= (c or 0) < 18),
        ),
        not_asked=(),
        others=None,
        checks=tuple(checks),
    )


def _any_text(variable: Variable, kind: str, name: str) -> Grouping:
    """Make a group of each of many texts, such as names of countries."""
    left_out = [c for c in variable.counts if isinstance(c, str) and is_refusal(c)]
    return Grouping(
        name=name,
        levels={},
        left_out=tuple(left_out),
        not_asked=(),
        others=_PHRASES.get(kind, _of_kind(kind))("{}"),
        checks=('does the phrase complete "Imagine you are ..." for each text in the column?',),
    )


def _sex(label: str) -> str:
    word = _SEXES.get(label.strip().lower())
    return f"a {word}" if word else _of_kind("sex")(label)


def _age(label: str) -> str:
    if span := _SPAN.fullmatch(label):
        return f"a person aged {span[1]} to {span[2]}"
    if oldest := _OLDEST.fullmatch(label):
        return f"a person aged {oldest[1] or oldest[2]} or older"
    return _of_kind("age group")(label)


def _place(label: str) -> str:
    return f"a person living in {label}"


def _community(label: str) -> str:
    if label.strip().lower() in ("urban", "rural", "suburban"):
        article = "an" if label.strip().lower() == "urban" else "a"
        return f"a person living in {article} {label.strip().lower()} area"
    return _of_kind("community")(label)


def _of_kind(kind: str) -> Callable[[str], str]:
    return lambda label: f'a person whose {kind} is "{label}"'


_PHRASES: Mapping[str, Callable[[str], str]] = {
    "sex": _sex,
    "age": _age,
    "country": _place,
    "region": _place,
    "community": _community,
}


def is_weight(variable: Variable) -> bool:
    """Tell whether a column is named like a weight and can be one.

    Examples
    --------
    >>> numbers = {"span": (0.2, 3.1), "is_whole": False, "n_codes": 50}
    >>> [is_weight(Variable(name=n, **numbers)) for n in ("WEIGHT_W78", "wtssnrps", "Q5_weighed")]
    [True, True, False]
    """
    low, high = variable.span or (-1.0, 0.0)
    is_clean = not variable.labels and low >= 0 and high > 0 and not variable.n_blank
    return is_clean and _is_named_so(variable)


def _is_named_so(variable: Variable) -> bool:
    named = _WEIGHT.search(variable.name.lower())
    return bool(named) and not _BODY.search(variable.label.lower())


_WEIGHT = re.compile(
    r"(^|[_.\W])(weights?|wt|wts|wgt|wght|wtss\w*|\w*weight|\w*wgt|\w*wght|wt\w{1,4}|gewicht|poids"
    r"|peso|pondera\w*|projwt|redressement|zaehlgew)($|[_.\W\d])"
)
_BODY = re.compile(r"\b(kg|kilo\w*|lbs|pounds|body|height|weigh)\b")


def chosen_weight(variables: Sequence[Variable], declared: str | None) -> tuple[str | None, str]:
    """Propose the column of the weights, with what a person has to check of it."""
    by_name = {variable.name: variable for variable in variables}
    if declared is not None and declared in by_name:
        low, high = by_name[declared].span or (-1.0, 0.0)
        if low >= 0 and high > 0 and not by_name[declared].n_blank:
            return declared, ""
    found = [variable for variable in variables if is_weight(variable)]
    if not found:
        near = next((v for v in variables if _is_named_so(v) and v.span and not v.labels), None)
        if near is None:
            return None, "is there a weight? No column is named like one."
        return None, (
            f"is {near.name} the weight? It has {near.n_blank} blanks and its least value is "
            f"{near.span[0] if near.span else 0:g}: a weight must be a number >= 0 for everyone."
        )
    best = min(found, key=lambda v: (v.is_whole, (v.span or (0.0, 0.0))[1] > 100))
    others = [variable.name for variable in found if variable is not best]
    more = f" So are {', '.join(others)}." if others else ""
    return best.name, f"is this the weight wanted? It is named like one.{more}"
