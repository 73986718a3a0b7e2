"""Two real surveys that travel with the package, as counts: no download, no microdata."""

import csv
import hashlib
import json
from collections.abc import Iterable, Sequence
from importlib.resources import files

from distexp.checks import check_names, parameter_error
from distexp.dataset.files.microdata import EVERYONE
from distexp.dataset.files.respondents import check_small_cells
from distexp.errors import DatasetError
from distexp.types import Case, Distribution, Group, Question, Survey

SURVEYS = ("gss2018", "cces2016")
CELL_FLOOR = 50
"""Fewest substantive answers of a cell that the packaged counts hold."""


class EmbeddedSurvey:
    """A packaged survey, or the part of it that is asked for.

    Counts are unweighted, refusals and don't-knows are left out. Cases come in the order of the
    packaged codebook: by question, then by attribute and group.

    Parameters
    ----------
    name : {"gss2018", "cces2016"}
        General Social Survey 2018 (24 questions, 41 groups) or Cooperative Congressional
        Election Study 2016 (7 questions, 31 groups).
    attributes : sequence of str, optional
        Attributes whose groups are wanted; all of them if None. `everyone`, the overall
        distribution, is left out unless it is named.
    questions : sequence of str, optional
        Ids of the questions wanted; all of them if None.
    min_respondents : int, default=50
        Cells with fewer substantive answers are small.
    small_cells : {"drop", "estimate"}
        Whether small cells are dropped and counted, or open cases: asked and estimated, not
        scored.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type or range.

    References
    ----------
    Sources, terms and derivation are described in `distexp/dataset/data/ATTRIBUTION.md`.
    """

    def __init__(
        self,
        name: str,
        *,
        attributes: Sequence[str] | None = None,
        questions: Sequence[str] | None = None,
        min_respondents: int = CELL_FLOOR,
        small_cells: str = "drop",
    ) -> None:
        owner = type(self).__name__
        if name not in SURVEYS:
            raise parameter_error(owner, "name", f"one of {', '.join(SURVEYS)}", name)
        check_names(owner, "attributes", attributes)
        check_names(owner, "questions", questions)
        if type(min_respondents) is not int or min_respondents < CELL_FLOOR:
            wanted = f"an int >= {CELL_FLOOR}, as the packaged counts hold no smaller cell"
            raise parameter_error(owner, "min_respondents", wanted, min_respondents)
        self.name = name
        self.attributes = attributes
        self.questions = questions
        check_small_cells(owner, small_cells)
        self.min_respondents = min_respondents
        self.small_cells = small_cells

    def load(self) -> Survey:
        """Read the survey from the package.

        Raises
        ------
        ConfigError
            If the survey has no such attribute or question.
        DatasetError
            If no cell has enough respondents.
        """
        data = files(__package__) / "data"
        codebook_bytes = (data / f"{self.name}.json").read_bytes()
        counts_bytes = (data / f"{self.name}.csv").read_bytes()
        codebook = json.loads(codebook_bytes)
        others = json.loads((data / "alternate_wordings.json").read_bytes())[self.name]
        questions = [
            _question(**record, alternate_wordings=others[record["question_id"]])
            for record in codebook["questions"]
        ]
        phrases = json.loads((data / "phrases.json").read_bytes())
        groups = [
            Group(**record, phrases=tuple(phrases[record["phrase"]].items()))
            for record in codebook["groups"]
        ]
        ids = self._chosen("questions", self.questions, (q.question_id for q in questions))
        attributes = self._chosen("attributes", self.attributes, (g.attribute for g in groups))
        cells = [
            (question, group)
            for question in questions
            if question.question_id in ids
            for group in groups
            if group.attribute in attributes
        ]
        cases = self._cases(cells, _counts(counts_bytes.decode()))
        return Survey(
            name=self.name,
            cases=cases,
            digest=hashlib.sha256(codebook_bytes + counts_bytes).hexdigest(),
            licence=codebook["licence"],
            citation=codebook["citation"],
            language="en",
            n_dropped_cells=len(cells) - len(cases),
        )

    def _chosen(
        self, parameter: str, names: Sequence[str] | None, known: Iterable[str]
    ) -> frozenset[str]:
        """Return the names asked for, or by default all but `everyone`."""
        known = dict.fromkeys(known)
        if names is None:
            return frozenset(known) - {EVERYONE}
        if not known.keys() >= set(names):
            wanted = f"null or a list out of {', '.join(known)} ({self.name})"
            raise parameter_error(type(self).__name__, parameter, wanted, names)
        return frozenset(names)

    def _cases(
        self,
        cells: Sequence[tuple[Question, Group]],
        counts: dict[tuple[str, str, str], tuple[int, ...]],
    ) -> tuple[Case, ...]:
        """Return the cells with enough respondents; one that is not packaged has too few."""
        cases = []
        for question, group in cells:
            answers = counts.get((question.question_id, group.attribute, group.value), ())
            if sum(answers) >= self.min_respondents:
                human = Distribution.normalized(answers)
                n = float(sum(answers))
                cases.append(Case(question=question, group=group, human=human, n_respondents=n))
            elif self.small_cells == "estimate":
                cases.append(Case(question=question, group=group))
        if all(case.human is None for case in cases):
            sizes = (
                sum(counts.get((question.question_id, group.attribute, group.value), ()))
                for question, group in cells
            )
            msg = (
                f"None of the {len(cells)} cells chosen from {self.name} has "
                f"{self.min_respondents} respondents; the largest has {max(sizes, default=0)}. "
                f"Lower 'min_respondents', to {CELL_FLOOR} at the least."
            )
            raise DatasetError(msg)
        return tuple(cases)


def _question(
    question_id: str,
    text: str,
    options: list[str],
    ordinals: list[float],
    wording: str,
    alternate_wordings: list[str],
    battery: str | None = None,
) -> Question:
    """Freeze a record of the codebook."""
    return Question(
        question_id=question_id,
        text=text,
        options=tuple(options),
        ordinals=tuple(map(float, ordinals)),
        wording=wording,
        battery=battery,
        alternate_wordings=tuple(alternate_wordings),
    )


def _counts(table: str) -> dict[tuple[str, str, str], tuple[int, ...]]:
    """Return the number of respondents per option, by question id, attribute and group."""
    rows = csv.reader(table.splitlines())
    next(rows)  # the header
    return {
        (question_id, attribute, group): tuple(map(int, counts.split()))
        for question_id, attribute, group, counts in rows
    }
