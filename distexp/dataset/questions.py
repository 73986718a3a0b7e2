"""New questions about the groups of a survey, as open cases; or a questionnaire by itself."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from distexp.checks import check_names, check_text
from distexp.dataset.embedded import SURVEYS, EmbeddedSurvey
from distexp.dataset.files.codebook import parse_codebook
from distexp.dataset.files.columns import read_files
from distexp.dataset.files.microdata import EVERYONE, factors
from distexp.dataset.questionnaire import Questionnaire, groups_of, read_questionnaire
from distexp.dataset.table import codebook_text
from distexp.errors import DatasetError
from distexp.types import Case, Group, Survey

PEOPLE = "one of the people who answer a survey"
"""Completes "Imagine you are ..." where neither groups nor a population are named."""


class NewQuestions:
    """A questionnaire that nobody has answered: every case of it is open.

    Parameters
    ----------
    path : str
        A `.yaml`, `.csv`, `.tsv`, `.xlsx`, `.parquet` or `.qsf` file, as `docs/predict.md` says.
    survey : str, optional
        Whose groups are asked about where the file names none, as if it had the questions:
        `gss2018`, `cces2016`, or the codebook of a survey of one's own.
    attributes : sequence of str, optional
        Attributes of that survey whose groups are wanted; None is all but `everyone`.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type. Files are opened by `load` only.
    """

    def __init__(
        self,
        path: str,
        *,
        survey: str | None = None,
        attributes: Sequence[str] | None = None,
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "path", path)
        if survey is not None:
            check_text(owner, "survey", survey)
        check_names(owner, "attributes", attributes)
        self.path = path
        self.survey = survey
        self.attributes = attributes

    def load(self) -> Survey:
        """Read the questionnaire.

        Raises
        ------
        DatasetError
            If a file is missing or cannot be understood.
        """
        path = Path(self.path)
        found = read_questionnaire(path)
        name, groups = (found.name, found.groups) if found.groups else self._asked(found)
        return Survey(
            name=name,
            cases=_cases(found, groups),
            digest=found.digest,
            files=read_files(path),
            licence="not stated",
            citation=f"Questions of {path.name}; nobody has answered them.",
            notes=found.notes,
            language=found.language or ("en" if self.survey in SURVEYS else None),
        )

    def _asked(self, found: Questionnaire) -> tuple[str, Sequence[Group]]:
        """Return the name of the survey that the groups are of, and the groups."""
        if self.survey in SURVEYS:
            survey = EmbeddedSurvey(self.survey, attributes=self.attributes).load()
            return survey.name, list(dict.fromkeys(case.group for case in survey.cases))
        population = found.population or PEOPLE
        if self.survey is None:
            return found.name, [Group(attribute=EVERYONE, value=EVERYONE, phrase=population)]
        book = parse_codebook(codebook_text(Path(self.survey)), self.survey)
        everyone = Group(attribute=EVERYONE, value=EVERYONE, phrase=book.population)
        known = {EVERYONE: [everyone]}
        for group in groups_of(book):
            known.setdefault(group.attribute, []).append(group)
        chosen = factors(type(self).__name__, self.attributes, known)
        return book.name, [group for (attribute, *_) in chosen for group in known[attribute]]


def with_questions(survey: Survey, path: Path) -> Survey:
    """Return the survey with the questions of a questionnaire as open cases.

    They are asked of the groups that the questionnaire names, or else of those of the survey.

    Raises
    ------
    DatasetError
        If the file cannot be understood, has a question of the survey, or the survey brings its
        own estimates, among which there can be none of new questions.
    """
    found = read_questionnaire(path)
    if survey.studies:
        msg = (
            f"{survey.name} brings its estimates, and no model is asked: new questions belong "
            f"into the same file, with their estimates and null as 'human', not into {path}."
        )
        raise DatasetError(msg)
    known = {case.question.question_id for case in survey.cases}
    if both := [one.question_id for one in found.questions if one.question_id in known]:
        msg = (
            f"{path}: question {both[0]!r} is one of {survey.name} already. Give the new one "
            "another id."
        )
        raise DatasetError(msg)
    groups = found.groups or list(dict.fromkeys(case.group for case in survey.cases))
    return replace(
        survey,
        cases=(*survey.cases, *_cases(found, groups)),
        digest=hashlib.sha256(f"{survey.digest}{found.digest}".encode()).hexdigest(),
        files=(*survey.files, *read_files(path)),
        notes=(*survey.notes, *found.notes),
    )


def _cases(found: Questionnaire, groups: Sequence[Group]) -> tuple[Case, ...]:
    return tuple(
        Case(question=question, group=group) for question in found.questions for group in groups
    )
