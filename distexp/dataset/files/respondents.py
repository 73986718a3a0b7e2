"""The answers of a file's respondents, read through a codebook and aggregated."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.checks import check_bool, check_int, check_names, parameter_error
from distexp.dataset.files.answers import answers, filtered, members, weights
from distexp.dataset.files.codebook import Codebook, Item
from distexp.dataset.files.columns import read_files
from distexp.dataset.files.language import joint
from distexp.dataset.files.microdata import EVERYONE, choose_groups, factors, tally
from distexp.dataset.files.sampling import SampleDesign, units
from distexp.errors import DatasetError
from distexp.types import Case, Group, Survey

if TYPE_CHECKING:
    import polars as pl

Reader = Callable[[Sequence[str]], "pl.DataFrame"]
"""Reads the columns named, as texts or numbers."""
SMALL_CELLS = ("drop", "estimate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is wanted of a survey of respondents; checked when made."""

    owner: str
    """The class whose parameters these are."""
    attributes: Sequence[str] | None
    questions: Sequence[str] | None
    weighted: bool
    min_respondents: int
    small_cells: str = "drop"

    def __post_init__(self) -> None:
        check_names(self.owner, "attributes", self.attributes)
        check_names(self.owner, "questions", self.questions)
        check_bool(self.owner, "weighted", self.weighted)
        check_int(self.owner, "min_respondents", self.min_respondents, minimum=1)
        check_small_cells(self.owner, self.small_cells)


def check_small_cells(owner: str, value: object) -> None:
    """Raise `ConfigError` unless it says what becomes of cells with too few respondents."""
    if value not in SMALL_CELLS:
        raise parameter_error(owner, "small_cells", f"one of {', '.join(SMALL_CELLS)}", value)


def load_survey(codebook: Codebook, path: Path, read: Reader, selection: Selection) -> Survey:
    """Aggregate the answers in a file.

    Parameters
    ----------
    codebook : Codebook
    path : Path
        The data file.
    read : callable
        Reads columns of it.
    selection : Selection

    Raises
    ------
    ConfigError
        If an attribute or question that is wanted is not in the codebook.
    DatasetError
        If the codebook does not fit the file, the weights cannot be weights, or nothing is left.
    """
    cases, n_dropped, notes = _aggregate(codebook, path, read, selection)
    if all(case.human is None for case in cases):
        msg = (
            f"None of the {n_dropped + len(cases)} cells chosen from {path} has "
            f"{selection.min_respondents} respondents. Lower 'min_respondents'."
        )
        raise DatasetError(msg)
    files = read_files(path)
    return Survey(
        name=codebook.name,
        cases=tuple(cases),
        digest=hashlib.sha256(f"{files[0][1]}{codebook.digest}".encode()).hexdigest(),
        files=files,
        licence=codebook.licence,
        citation=codebook.citation,
        n_dropped_cells=n_dropped,
        gated=codebook.gated,
        notes=(*codebook.notes, *notes),
        language=codebook.language,
    )


def _aggregate(
    codebook: Codebook, path: Path, read: Reader, selection: Selection
) -> tuple[list[Case], int, tuple[str, ...]]:
    """Return the cases wanted, the number of cells dropped as too small, and notes."""
    chosen = _chosen_items(codebook, selection)
    items = [item for item in chosen if item.asked]
    crossings = factors(selection.owner, selection.attributes, [EVERYONE, *codebook.attributes])
    attributes = dict.fromkeys(name for names in crossings for name in names if name != EVERYONE)
    weight = codebook.weight if selection.weighted else None
    table = read(
        [
            *(item.column for item in items),
            *(codebook.attributes[name].column for name in attributes),
            *codebook.filters,
            *codebook.exclude,
            *(c for key, c in codebook.sample.items() if key != "weight" or weight is not None),
        ]
    )
    table = filtered(codebook, table, path)
    design = _design(codebook, table, path)
    everyone = Group(
        attribute=EVERYONE,
        value=EVERYONE,
        phrase=codebook.population,
        phrases=codebook.population_in,
    )
    people = {EVERYONE: {everyone: np.ones(table.height, dtype=np.bool_)}}
    for name in attributes:
        people[name] = members(name, codebook.attributes[name], codebook.missing, table, path)
    groups = choose_groups(selection.owner, selection.attributes, people, codebook.language)
    places = {_placed(group, codebook): mask for group, mask in groups.items()}
    cases, n_dropped = tally(
        [item.question for item in items],
        {i.question.question_id: answers(i, codebook.missing, table, path) for i in items},
        places,
        None if weight is None else weights(weight, table, path),
        selection.min_respondents,
        selection.small_cells,
        design,
    )
    planned = [
        Case(question=item.question, group=group)
        for item in chosen
        if not item.asked
        for group in places
    ]
    return [*cases, *planned], n_dropped, _alone(design)


def _design(codebook: Codebook, table: "pl.DataFrame", path: Path) -> SampleDesign | None:
    """Return how the respondents were drawn, if the codebook says so."""
    named = {"strata": codebook.strata, "psu": codebook.psu}
    stratum, psu = (
        None if column is None else units(column, table, path, key)
        for key, column in named.items()
    )
    if stratum is None and psu is None:
        return None
    return SampleDesign.of(stratum, psu, table.height)


def _alone(design: SampleDesign | None) -> tuple[str, ...]:
    """Say how many strata have one unit, if there are any."""
    if design is None or not design.n_lonely:
        return ()
    n, n_strata = design.n_lonely, int(design.stratum.max()) + 1
    return (
        f"{n} of {n_strata} strata have one sampling unit: it is compared with the mean of all, "
        "as R's survey does with lonely.psu = 'adjust'.",
    )


def _placed(group: Group, codebook: Codebook) -> Group:
    """Return the group with its phrase saying where, unless it does."""
    place = codebook.place
    if place is None or group.attribute == EVERYONE:
        return group

    def placed(phrase: str, language: str | None) -> str:
        return phrase if place in phrase else f"{phrase}{joint(phrase, language)}{place}"

    phrases = tuple((of, placed(phrase, of)) for of, phrase in group.phrases)
    return replace(group, phrase=placed(group.phrase, codebook.language), phrases=phrases)


def _chosen_items(codebook: Codebook, selection: Selection) -> list[Item]:
    known = {item.question.question_id: item for item in codebook.items}
    wanted = selection.questions
    if wanted is None:
        return list(codebook.items)
    if not known.keys() >= set(wanted):
        must = f"null or a list out of {', '.join(known)} ({codebook.name})"
        raise parameter_error(selection.owner, "questions", must, wanted)
    return [item for question_id, item in known.items() if question_id in wanted]
