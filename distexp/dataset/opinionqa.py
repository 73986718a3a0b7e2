"""OpinionQA: opinion questions of Pew's American Trends Panel, tallied from its respondents."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.checks import check_bool, check_int, check_names, check_text, parameter_error
from distexp.dataset.files.cells import is_refusal, parse_numbers, parse_texts
from distexp.dataset.files.codes import numbers
from distexp.dataset.files.columns import Layout, near, read_columns, read_files
from distexp.dataset.files.microdata import (
    EVERYONE,
    NOT_ASKED,
    OFF_SCALE,
    check_weights,
    choose_groups,
    tally,
)
from distexp.dataset.files.pew import EVERYONE_PHRASE, pew_group
from distexp.errors import DatasetError
from distexp.types import BoolArray, Case, Group, IntArray, Question, Survey

if TYPE_CHECKING:
    import polars as pl

SOURCE = "the bundle human_resp of OpinionQA (tatsu-lab/opinions_qa on GitHub)"
SUBSET = "disagreement_500"
"""The 500 questions that groups disagree on most: a choice of the authors."""
INFO = "info.csv"

_WAVE = re.compile(r"American_Trends_Panel_W(\d+)")
LICENCE = (
    "Pew Research Center's terms of use: a free account, use with attribution, no passing on of "
    "respondents' data. The human answers are not to be redistributed."
)
CITATION = (
    "Santurkar, Durmus, Ladhak, Lee, Liang, Hashimoto (2023), Whose Opinions Do Language Models "
    "Reflect?, ICML, arXiv 2303.17548; survey answers: Pew Research Center, American Trends Panel."
)


class OpinionQA:
    """The human answers of OpinionQA, or the part of them that is asked for.

    Refusal-type references are not options: their share is each case's `off_scale`. Cases come by
    wave, question, attribute and group, in the order of the files.

    Parameters
    ----------
    path : str
        The folder `human_resp` of the release.
    waves : sequence of int, optional
        Numbers of panel waves, e.g. 26; all that the folder holds if None.
    attributes : sequence of str, optional
        Attributes whose groups are wanted, e.g. POLPARTY, or crossings ("SEX × RACE"); the twelve
        of the release if None. `everyone` is left out unless it is named.
    questions : "disagreement_500" or sequence of str, optional
        The authors' subset, or ids; all of the waves if None.
    weighted : bool, default=True
        Whether respondents count by the wave's survey weight, as in the paper; False counts each
        once, as some later work does.
    min_respondents : int, default=50
        Cells with fewer substantive answers are dropped and counted.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type or range.

    References
    ----------
    Santurkar et al. (2023), Whose Opinions Do Language Models Reflect?, arXiv 2303.17548.
    """

    def __init__(
        self,
        path: str,
        *,
        waves: Sequence[int] | None = None,
        attributes: Sequence[str] | None = None,
        questions: str | Sequence[str] | None = None,
        weighted: bool = True,
        min_respondents: int = 50,
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "path", path)
        if waves is not None and (
            not isinstance(waves, list | tuple)
            or not waves
            or not all(type(wave) is int for wave in waves)
        ):
            raise parameter_error(owner, "waves", "null or a non-empty list of int", waves)
        check_names(owner, "attributes", attributes)
        if isinstance(questions, str) and questions != SUBSET:
            wanted = f"null, {SUBSET} or a non-empty list of str"
            raise parameter_error(owner, "questions", wanted, questions)
        if questions != SUBSET:
            check_names(owner, "questions", questions)
        check_bool(owner, "weighted", weighted)
        check_int(owner, "min_respondents", min_respondents, minimum=1)
        self.path = path
        self.waves = waves
        self.attributes = attributes
        self.questions = questions
        self.weighted = weighted
        self.min_respondents = min_respondents

    def load(self) -> Survey:
        """Read the chosen waves and tally them.

        Raises
        ------
        ConfigError
            If a wave, attribute or question asked for is not there.
        DatasetError
            If a file cannot be read, or holds an answer that is none of the question's
            references.
        """
        waves = self._waves()
        infos = {wave: _questions(folder) for wave, folder in waves.items()}
        wanted = self._wanted(infos)
        cases: list[Case] = []
        n_dropped = 0
        tallied: list[Path] = []
        for wave, folder in waves.items():
            items = {key: item for key, item in infos[wave].items() if key in wanted}
            if items:
                of_wave, n_dropped_of_wave = self._tally(wave, folder, items)
                cases += of_wave
                n_dropped += n_dropped_of_wave
                tallied += [folder / name for name in (INFO, "metadata.csv", "responses.csv")]
        if not cases:
            msg = (
                f"None of the {n_dropped} cells chosen from {self.path} has "
                f"{self.min_respondents} respondents. Lower 'min_respondents'."
            )
            raise DatasetError(msg)
        looked_into = [folder / INFO for folder in waves.values()]
        looked_into += [self._subset] if self._by_authors else []
        files = read_files(self.path, tallied)
        others = [path for path in looked_into if path not in tallied]
        return Survey(
            name="opinionqa",
            cases=tuple(cases),
            digest=hashlib.sha256(b"".join(bytes.fromhex(of) for _, of in files)).hexdigest(),
            files=(*files, *read_files(self.path, others)),
            licence=LICENCE,
            citation=CITATION,
            language="en",
            n_dropped_cells=n_dropped,
            gated=True,
        )

    @property
    def _by_authors(self) -> bool:
        """Whether the questions are those that the authors chose."""
        return self.questions == SUBSET

    @property
    def _subset(self) -> Path:
        """The file that lists them."""
        return Path(self.path) / f"Pew_American_Trends_Panel_{SUBSET}" / INFO

    def _waves(self) -> dict[int, Path]:
        """Return the folders of the chosen waves, by their numbers, in ascending order."""
        root = Path(self.path)
        try:
            found = {int(m[1]): p for p in root.iterdir() if (m := _WAVE.fullmatch(p.name))}
        except OSError as exc:
            msg = f"{root} cannot be read as a folder ({exc.strerror}). Get it from {SOURCE}."
            raise DatasetError(msg) from exc
        if not found:
            msg = f"{root} holds no folder American_Trends_Panel_W*: set 'path' to human_resp."
            raise DatasetError(msg)
        chosen = found if self.waves is None else self.waves
        if not found.keys() >= set(chosen):
            wanted = f"null or a list out of {', '.join(map(str, sorted(found)))} ({root})"
            raise parameter_error(type(self).__name__, "waves", wanted, self.waves)
        return {wave: found[wave] for wave in sorted(chosen)}

    def _wanted(self, infos: Mapping[int, Mapping[str, "_Item"]]) -> frozenset[str]:
        """Return the ids of the chosen questions."""
        ids = [key for items in infos.values() for key in items]
        if len(set(ids)) < len(ids):
            twice = sorted({key for key in ids if ids.count(key) > 1})
            msg = f"{self.path} has several questions called {', '.join(twice)}: ids must differ."
            raise DatasetError(msg)
        if self.questions is None:
            return frozenset(ids)
        if self._by_authors:
            info = self._subset
            subset = set(read_columns(info, ["key"], Layout(), SOURCE)["key"])
            if not subset & set(ids):
                msg = f"No question of {info} was asked in the chosen waves. Choose other waves."
                raise DatasetError(msg)
            return frozenset(subset)
        for key in self.questions or ():
            if key not in ids:
                hint = near(key, ids).rstrip(".")
                wanted = f"null, {SUBSET} or a list of ids of the chosen waves ({hint})"
                raise parameter_error(type(self).__name__, "questions", wanted, key)
        return frozenset(self.questions)

    def _tally(
        self, wave: int, folder: Path, items: Mapping[str, "_Item"]
    ) -> tuple[list[Case], int]:
        """Read the respondents of one wave and aggregate their answers."""
        path = folder / "responses.csv"
        levels = _levels(folder)
        weight = f"WEIGHT_W{wave}"
        columns = [*items, *levels, *([weight] if self.weighted else [])]
        responses = read_columns(path, columns, Layout(), SOURCE)
        everyone = Group(attribute=EVERYONE, value=EVERYONE, phrase=EVERYONE_PHRASE)
        known: dict[str, dict[Group, BoolArray]] = {
            attribute: {
                pew_group(attribute, value): _equals(responses[attribute], value)
                for value in values
            }
            for attribute, values in levels.items()
        }
        known[EVERYONE] = {everyone: np.ones(responses.height, dtype=np.bool_)}
        weights = numbers(responses[weight]) if self.weighted else None
        if weights is not None:
            check_weights(f"column {weight!r} of {path}", weights)
        return tally(
            [item.question for item in items.values()],
            {key: item.answers(path, responses[key]) for key, item in items.items()},
            choose_groups(type(self).__name__, self.attributes, known),
            weights,
            self.min_respondents,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """A question and its references that are no options."""

    question: Question
    off_scale: tuple[str, ...]

    def answers(self, path: Path, labels: "pl.Series") -> IntArray:
        """Return option indices, `OFF_SCALE` or `NOT_ASKED`, shape (n_respondents,)."""
        code = {label: index for index, label in enumerate(self.question.options)}
        code |= dict.fromkeys(self.off_scale, OFF_SCALE) | {"": NOT_ASKED}
        labels = labels.fill_null("")
        counts = dict(labels.value_counts().iter_rows())
        code |= {label: OFF_SCALE for label in counts if label not in code and is_refusal(label)}
        if unknown := {label: n for label, n in counts.items() if label not in code}:
            shown = ", ".join(f"{label!r} ({n})" for label, n in sorted(unknown.items())[:5])
            msg = (
                f"{path}: {sum(unknown.values())} answers to {self.question.question_id} are none "
                f"of its references in info.csv: {shown}. Are both files of one release?"
            )
            raise DatasetError(msg)
        codes = labels.replace_strict(list(code), list(code.values()))
        return codes.to_numpy().astype(np.int64)


def _questions(folder: Path) -> dict[str, _Item]:
    """Read the questions of a wave by their ids."""
    path = folder / INFO
    table = read_columns(
        path, ["key", "question", "references", "option_ordinal"], Layout(), SOURCE
    )
    items = {}
    for key, text, references, option_ordinal in table.fill_null("").iter_rows():
        labels = parse_texts(references, f"{path}, references of {key}")
        ordinals = parse_numbers(option_ordinal, f"{path}, option_ordinal of {key}")
        question = Question(
            question_id=key,
            text=text,
            options=tuple(labels[: len(ordinals)]),
            ordinals=tuple(ordinals),  # all equal where the question is nominal
        )
        items[key] = _Item(question=question, off_scale=tuple(labels[len(ordinals) :]))
    return items


def _levels(folder: Path) -> dict[str, list[str]]:
    """Read the attributes of a wave and the labels of their groups."""
    path = folder / "metadata.csv"
    table = read_columns(path, ["key", "options"], Layout(), SOURCE).fill_null("")
    return {
        key: parse_texts(options, f"{path}, options of {key}")
        for key, options in table.iter_rows()
    }


def _equals(column: "pl.Series", value: str) -> BoolArray:
    mask: BoolArray = (column == value).fill_null(value=False).to_numpy()
    return mask
