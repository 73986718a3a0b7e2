"""Codebooks: YAML files that say what the columns and codes of a survey's data file mean.

`docs/surveys/table.md` describes their keys.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import combinations

from distexp.dataset.files.codes import Code, Codes, label_of
from distexp.dataset.files.language import Phrases, language_in, phrases_in
from distexp.dataset.files.layout import Layout
from distexp.dataset.files.scalars import worded
from distexp.dataset.files.section import Section, read_yaml, shown
from distexp.types import Question

UNSTATED = "not stated in the codebook"
"""Licence and citation of a survey whose codebook says nothing of them."""
_PROVENANCE = ("source", "licence", "citation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The people of one group."""

    label: str
    phrase: str
    codes: Codes
    phrases: Phrases = ()
    """In other languages than the codebook's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A column that sorts people into groups."""

    column: str
    levels: tuple[Level, ...]
    left_out: Codes
    """Codes of people who are in no group."""
    others: str | None
    """A phrase with `{}`: then every code that is not listed is a group of that name."""

    def phrase(self, code: Code) -> str:
        """Return the phrase of the group that has `code`; empty where there is none."""
        for level in self.levels:
            if code in level.codes:
                return level.phrase
        return (self.others or "").replace("{}", label_of(code))


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A question and where its answers stand."""

    question: Question
    column: str
    codes: tuple[Codes, ...]
    """One set per option."""
    off_scale: Codes
    asked: bool = True
    """False for a question that is planned: the file has no column of it, and its cases are
    open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codebook:
    """What the columns and codes of a data file mean."""

    name: str
    population: str
    """Completes "Imagine you are ..." for a member of it."""
    place: str | None
    """Where all respondents live, e.g. "Germany": added to the phrase of each group."""
    source: str
    """Where to get the data file."""
    licence: str
    citation: str
    gated: bool
    layout: Layout
    weight: str | None
    strata: str | None
    psu: str | None
    filters: Mapping[str, Codes]
    """Codes by column that a respondent must have to be counted."""
    exclude: Mapping[str, Codes]
    """Codes by column that a respondent must not have to be counted."""
    missing: Codes
    """Codes of who was not asked, in any column."""
    attributes: Mapping[str, Attribute]
    items: tuple[Item, ...]
    digest: str
    """SHA-256 of the YAML text."""
    notes: tuple[str, ...] = ()
    """What a report has to say of it, a sentence each."""
    language: str | None = None
    """Of its questions and phrases, as in BCP 47; None where it does not say."""
    population_in: Phrases = ()
    """The population in other languages."""

    @property
    def sample(self) -> dict[str, str]:
        """The columns that say how people were drawn, by what the codebook calls them."""
        named = {"weight": self.weight, "strata": self.strata, "psu": self.psu}
        return {key: column for key, column in named.items() if column is not None}

    def of_countries(self, countries: Sequence[str]) -> "Codebook":
        """Return the codebook for the respondents of some countries.

        Parameters
        ----------
        countries : sequence of str
            Codes of the attribute `country`. If there is one only, the phrases of all groups say
            that they are about people living in it.
        """
        attribute = self.attributes["country"]
        filters = {**self.filters, attribute.column: Codes.parse(countries)}
        if len(countries) > 1:
            return replace(self, filters=filters)
        phrase = attribute.phrase(countries[0])
        place = phrase.removeprefix("a person living in ")
        return replace(self, filters=filters, population=phrase, population_in=(), place=place)


def packaged_codebook(name: str) -> Codebook:
    """Read a codebook that travels with the package."""
    text = (files("distexp.dataset") / "data" / name).read_text(encoding="utf-8")
    return parse_codebook(text, name)


def parse_codebook(text: str, name: str) -> Codebook:
    """Read a codebook.

    Parameters
    ----------
    text : str
        YAML.
    name : str
        What messages call it.

    Raises
    ------
    DatasetError
        If it is not YAML, a key is unknown, missing, doubled or of the wrong type, or a question
        cannot be one.
    """
    return read_codebook(read_yaml(text, name), hashlib.sha256(text.encode()).hexdigest())


def read_codebook(top: Section, digest: str) -> Codebook:
    """Read a codebook out of a mapping; `digest` is that of its text."""
    off_scale = top.codes("off_scale", default=Codes())
    wording = top.text("wording", default="exact")
    name, language = top.text("name"), language_in(top)
    population, population_in = phrases_in(top, "population", language)
    codebook = Codebook(
        name=name,
        population=population,
        population_in=population_in,
        place=top.text("place", default=None),
        source=top.text("source", default="whoever collected it"),
        licence=top.text("licence", default=UNSTATED),
        citation=top.text("citation", default=UNSTATED),
        gated=top.flag("gated", default=True),
        layout=_layout(top.section("file", default={})),
        weight=top.text("weight", default=None),
        strata=top.text("strata", default=None),
        psu=top.text("psu", default=None),
        filters=_codes_by_column(top.section("filters", default={})),
        exclude=_codes_by_column(top.section("exclude", default={})),
        missing=top.codes("missing", default=Codes()),
        attributes=top.section("attributes").each(
            lambda name, section: _attribute(name, section, language)
        ),
        items=tuple(
            top.section("questions")
            .each(lambda key, section: _item(key, section, off_scale, wording))
            .values()
        ),
        digest=digest,
        notes=_notes(top),
        language=language,
    )
    top.check_all_used()
    return codebook


def _notes(top: Section) -> tuple[str, ...]:
    """Return a warning where the codebook does not say where the data come from."""
    unstated = [key for key in _PROVENANCE if key not in top.names()]
    if not unstated:
        return ()
    *others, last = unstated
    listed = f"{', '.join(others)} and {last}" if others else last
    return (
        f"**The codebook does not state {listed}**: say where the data come from and what may be "
        "done with them before passing results on.",
    )


def _layout(section: Section) -> Layout:
    decimal = section.text("decimal", default=".")
    if decimal not in (".", ","):
        raise section.error("decimal", f"must be '.' or ','. Got {decimal!r} instead.")
    rows = [section.number("skip_rows", row) for row in section.rows("skip_rows", default=[])]
    if any(row < 1 or row != int(row) for row in rows):
        raise section.error("skip_rows", "must be a list of numbers of rows, from 1: [2, 3].")
    layout = Layout(
        encoding=section.text("encoding", default=None),
        separator=section.text("separator", default=None),
        decimal=decimal,
        skip_rows=tuple(map(int, rows)),
        sheet=section.text("sheet", default=None),
    )
    section.check_all_used()
    return layout


def _codes_by_column(section: Section) -> dict[str, Codes]:
    return {column: section.codes(column) for column in section.names()}


def _attribute(name: str, section: Section, language: str | None) -> Attribute:
    named = section.section("levels", default={})
    levels = tuple(named.each(lambda label, of: _level(label, of, language)).values())
    attribute = Attribute(
        column=section.text("column"),
        levels=levels,
        left_out=section.codes("left_out", default=Codes()),
        others=section.text("others", default=None),
    )
    section.check_all_used()
    _check_disjoint(section, "levels", [level.codes for level in levels])
    if not levels and not attribute.others:
        section.refuse("levels", "is missing: name the groups of this attribute.")
    return attribute


def _level(label: str, section: Section, language: str | None) -> Level:
    phrase, phrases = phrases_in(section, "phrase", language)
    level = Level(label=label, phrase=phrase, phrases=phrases, codes=section.codes("codes"))
    section.check_all_used()
    return level


def _item(question_id: str, section: Section, off_scale: Codes, wording: str) -> Item:
    asked = section.flag("asked", default=True)
    rows = section.rows("options")
    if not asked:
        rows = [_with_code(row, place) for place, row in enumerate(rows, start=1)]
    text = section.text("text")
    kind = section.text("kind")
    battery = section.text("battery", default=None)
    own_wording = section.text("wording", default=wording)
    alternates = section.texts("alternate_wordings")
    column = section.text("column", default=question_id)
    own_off_scale = section.codes("off_scale", default=off_scale)
    section.check_all_used()
    for row in rows:
        if isinstance(row, list) and len(row) > 1:
            row[1] = worded(row[1])
        if not isinstance(row, list) or len(row) not in (2, 3) or not isinstance(row[1], str):
            wanted = "holds what is not [code, 'label', ordinal], or [code, 'label'] if nominal"
            advice = "; put a label that is a number, a date or null in quotes"
            raise section.error("options", f"{wanted}: {shown(row)}{advice}")
    ordinals = tuple(section.number("options", row[2]) for row in rows if len(row) == 3)
    question = Question(
        question_id=question_id,
        text=text,
        options=tuple(row[1] for row in rows),
        ordinals=ordinals or None,
        battery=battery,
        wording=own_wording,
        alternate_wordings=alternates,
    )
    if kind != question.kind:
        section.refuse("kind", f"says {kind!r}, but its options are {question.kind}.")
    codes = [section.codes_of("options", row[0]) for row in rows]
    _check_disjoint(section, "options", codes)
    return Item(
        question=question,
        column=column,
        codes=tuple(codes),
        off_scale=own_off_scale,
        asked=asked,
    )


def _with_code(row: object, place: int) -> object:
    """Return an option of a question that nobody was asked, with a code if it has none."""
    if isinstance(row, str):
        return [str(place), row]
    if isinstance(row, list) and len(row) == 2 and not isinstance(row[1], str):
        return [str(place), *row]
    return row


def _check_disjoint(section: Section, key: str, sets: Sequence[Codes]) -> None:
    """Raise `DatasetError` if a code has two meanings."""
    for (i, a), (j, b) in combinations(enumerate(sets, start=1), 2):
        if a.meets(b):
            section.refuse(key, f"gives a code two meanings: those of numbers {i} and {j}.")
