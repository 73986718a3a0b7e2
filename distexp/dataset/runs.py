"""The estimates of finished runs, read from what they left: no model is asked again."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distexp.checks import check_bool, check_names, parameter_error
from distexp.dataset.files.columns import read_files
from distexp.dataset.files.run_tables import (
    CASE,
    by_case,
    case_of,
    estimate_of,
    files_of,
    never_tested,
    read_predictions,
    read_provenance,
)
from distexp.errors import DatasetError
from distexp.run_folder import PREDICTIONS, QUESTIONS
from distexp.types import (
    CONDITION,
    Case,
    Condition,
    Estimate,
    Question,
    Study,
    Survey,
)

if TYPE_CHECKING:
    import polars as pl

Key = tuple[str, ...]
"""Of a case: dataset, question, attribute and group."""


class EarlierRuns:
    """Estimates that earlier runs left in `predictions.parquet`, as studies of one survey.

    Human answers, estimates and counts are those of the runs, number for number. Wordings and
    batteries are in `questions.parquet`; of runs of before there was one, a question's id stands
    for its wording, and its battery is lost. A question that could be read but was never tested
    is taken for one whose human answers the prompts showed.
    Stacks are left out: their members are there.

    Parameters
    ----------
    path : str or sequence of str
        Folders; every run at or below them is read.
    datasets, models, elicitations, prompts : sequence of str, optional
        Which estimates to keep; all of them if None.
    gated : bool, default=True
        Whether the human answers may not be passed on, which the files do not say.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type.
    """

    def __init__(
        self,
        path: str | Sequence[str],
        *,
        datasets: Sequence[str] | None = None,
        models: Sequence[str] | None = None,
        elicitations: Sequence[str] | None = None,
        prompts: Sequence[str] | None = None,
        gated: bool = True,
    ) -> None:
        owner = type(self).__name__
        paths = [path] if isinstance(path, str) else path
        check_names(owner, "path", paths)
        check_bool(owner, "gated", gated)
        self.paths = [Path(one) for one in paths]
        self.gated = gated
        self.chosen = dict(zip(CONDITION, (datasets, models, elicitations, prompts), strict=True))
        for part, names in self.chosen.items():
            check_names(owner, f"{part}s", names)

    def load(self) -> Survey:
        """Read the runs.

        Raises
        ------
        ConfigError
            If a filter names what no run holds.
        DatasetError
            If there is no run, a file of one is missing or cannot be understood, or two runs
            contradict each other about a case or an estimate.
        """
        # In the order of the folders given, wherever those lie.
        below = {one: sorted({f.parent for f in one.rglob(PREDICTIONS)}) for one in self.paths}
        runs = list(dict.fromkeys(run for of_one in below.values() for run in of_one))
        if not runs:
            where = ", ".join(map(str, self.paths))
            msg = f"There is no run at or below {where}: no {PREDICTIONS} was found."
            raise DatasetError(msg)
        found = _Found()
        kept = self._kept({run: read_predictions(run) for run in runs})
        for run in kept:
            found.add_texts(run)
        for run, table in kept.items():
            found.add(run, table)
        sources = [read_provenance(run) for run in runs]
        languages = {source["language"] for source in sources}
        return Survey(
            name="+".join(sorted({condition.dataset for condition in found.estimates})),
            cases=tuple(found.cases.values()),
            files=tuple(file for one in below for file in read_files(one, files_of(below[one]))),
            digest=_digest([source["data_sha256"] for source in sources]),
            licence=_said(sources, "licence"),
            citation=_said(sources, "citation"),
            gated=self.gated,
            language=languages.pop() or None if len(languages) == 1 else None,
            studies=found.studies(),
        )

    def _kept(self, tables: "Mapping[Path, pl.DataFrame]") -> "dict[Path, pl.DataFrame]":
        """Return the tables without what the filters leave out."""
        import polars as pl

        kept = dict(tables)
        for part, names in self.chosen.items():
            if names is None:
                continue
            there = sorted({name for table in tables.values() for name in table[part]})
            if not set(names) <= set(there):
                wanted = f"null or a list out of {', '.join(there)}"
                raise parameter_error(type(self).__name__, f"{part}s", wanted, names)
            wanted_rows = pl.col(part).is_in(list(names))
            kept = {run: table.filter(wanted_rows) for run, table in kept.items()}
        if not any(table.height for table in kept.values()):
            msg = (
                "These runs hold nothing of the datasets, models, elicitations and prompts chosen."
            )
            raise DatasetError(msg)
        return kept


class _Found:
    """Cases and estimates collected from run after run."""

    def __init__(self) -> None:
        self.texts: dict[Key, tuple[str, str | None]] = {}
        """Wording and battery by dataset and question."""
        self.questions: dict[Key, Question] = {}
        self.cases: dict[Key, Case] = {}
        self.estimates: dict[Condition, dict[Key, Estimate]] = {}
        self.shown: dict[Condition, set[str]] = {}
        self.first: dict[object, Path] = {}
        """The run in which each of them was found first."""

    def add_texts(self, run: Path) -> None:
        """Add what a run says of its questions, if it does.

        Raises
        ------
        DatasetError
            If the file cannot be read, or another run asked in other words.
        """
        import polars as pl

        path = run / QUESTIONS
        if not path.exists():
            return
        try:
            table = pl.read_parquet(path).select("dataset", "question_id", "question", "battery")
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as exc:
            msg = f"{path} cannot be read: {str(exc).splitlines()[0]}"
            raise DatasetError(msg) from exc
        for dataset, question_id, text, battery in table.iter_rows():
            self._agree(run, self.texts, (dataset, question_id), (text, battery), "wording")

    def add(self, run: Path, table: "pl.DataFrame") -> None:
        """Add what a run holds.

        Raises
        ------
        DatasetError
            If it contradicts another run, or cannot be true.
        """
        for row in by_case(table):
            condition = Condition(**{part: row[part] for part in CONDITION})
            key = (condition.dataset, *(row[name] for name in CASE))
            try:
                case, estimate = case_of(row, self.texts.get(key[:2])), estimate_of(row)
            except ValueError as exc:
                msg = f"{run / PREDICTIONS}, question {row['question_id']!r}: {exc}"
                raise DatasetError(msg) from exc
            of_condition = self.estimates.setdefault(condition, {})
            self._agree(run, self.questions, key[:2], case.question, "question")
            self._agree(run, self.cases, key, case, "human answers")
            asked = f"estimates by {', '.join(astuple(condition)[1:])}"
            self._agree(run, of_condition, key, estimate, asked)
        for condition, question_id in never_tested(table):
            self.shown.setdefault(condition, set()).add(question_id)

    def studies(self) -> tuple[Study, ...]:
        """Return a study for each condition, sorted."""
        return tuple(
            Study(
                condition=condition,
                cases=tuple(self.cases[key] for key in estimates),
                estimates=tuple(estimates.values()),
                shown=frozenset(self.shown.get(condition, ())),
            )
            for condition, estimates in sorted(
                self.estimates.items(), key=lambda item: astuple(item[0])
            )
        )

    def _agree(self, run: Path, known: dict[Key, Any], key: Key, value: object, what: str) -> None:
        """Add a value, or make sure that it is the one that another run holds."""
        first = self.first.setdefault((what, key), run)
        if known.setdefault(key, value) != value:
            msg = (
                f"{first} and {run} differ in the {what} of {key[0]}, question {key[1]!r}. Read "
                "runs of the same survey and settings, or set dataset.path to one of them."
            )
            raise DatasetError(msg)


def _digest(digests: Sequence[str]) -> str:
    """Return the digest of the data of all runs: theirs, where they have one."""
    different = sorted(set(digests))
    joined = "\n".join(different).encode()
    return different[0] if len(different) == 1 else hashlib.sha256(joined).hexdigest()


def _said(sources: Sequence[Mapping[str, str]], name: str) -> str:
    """Join what the runs say, each different text once."""
    return " ".join(dict.fromkeys(source[name] for source in sources))
