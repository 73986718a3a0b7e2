"""Questions that nobody has answered yet: a questionnaire in YAML, in a table, or of Qualtrics.

`docs/surveys/questionnaire.md` describes the forms. Reading is pure: no survey is needed.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distexp.dataset.draft.options import Options, on_a_scale, options_of
from distexp.dataset.files.codebook import Codebook
from distexp.dataset.files.codes import Codes
from distexp.dataset.files.language import language_in, phrases_in
from distexp.dataset.files.qsf import read_qsf
from distexp.dataset.files.question_table import question_of, questions_of_table
from distexp.dataset.files.scalars import Scalar, worded
from distexp.dataset.files.section import Section, read_yaml
from distexp.errors import DatasetError
from distexp.types import Group, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Questionnaire:
    """Questions, and the groups to ask about them if the file names any."""

    name: str
    questions: tuple[Question, ...]
    groups: tuple[Group, ...]
    """Empty where the file names none: then they are those of another survey, or everyone."""
    population: str | None
    """Completes "Imagine you are ..." for anybody; None where the file does not say."""
    digest: str
    """SHA-256 of the file."""
    notes: tuple[str, ...] = ()
    """What was left out or guessed, a sentence each."""
    language: str | None = None
    """Of questions and groups, as in BCP 47; None where the file does not say."""


def read_questionnaire(path: Path) -> Questionnaire:
    """Read a questionnaire by the name of its file.

    Parameters
    ----------
    path : Path
        `.yaml` or `.yml`; `.csv`, `.tsv`, `.xlsx` or `.parquet` with a row a question; or `.qsf`.

    Raises
    ------
    DatasetError
        If it is missing or cannot be understood, or an id comes twice.
    """
    suffix = path.suffix.lower()
    try:
        content = path.read_bytes()
    except OSError as exc:
        msg = f"The questionnaire {path} cannot be read: {exc.strerror}. Give questions=FILE."
        raise DatasetError(msg) from exc
    digest = hashlib.sha256(content).hexdigest()
    if suffix in (".yaml", ".yml"):
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as exc:
            msg = f"The questionnaire {path} is not UTF-8 text: {exc.reason} at byte {exc.start}."
            raise DatasetError(msg) from exc
        return replace(parse_questionnaire(text, str(path), path.stem), digest=digest)
    if suffix == ".qsf":
        return replace(_of_qsf(path), digest=digest)
    if suffix in (".csv", ".tsv", ".xlsx", ".parquet"):
        questions = questions_of_table(path)
        return Questionnaire(
            name=path.stem, questions=questions, groups=(), population=None, digest=digest
        )
    msg = (
        f"{path} must be a .yaml, .csv, .tsv, .xlsx, .parquet or .qsf file. "
        f"Its name ends in {path.suffix!r}."
    )
    raise DatasetError(msg)


def parse_questionnaire(text: str, name: str, default_name: str) -> Questionnaire:
    """Read a questionnaire in YAML: a codebook's `questions`, but for columns and codes.

    Parameters
    ----------
    text : str
        YAML.
    name : str
        What messages call it.
    default_name : str
        Name of the questionnaire if it gives none.

    Raises
    ------
    DatasetError
        If it is not YAML, a key is unknown, missing, doubled or of the wrong type, or a question
        cannot be one.
    """
    top = read_yaml(text, name)
    wording, language = top.text("wording", default="exact"), language_in(top)
    questionnaire = Questionnaire(
        name=top.text("name", default=default_name),
        questions=tuple(
            top.section("questions").each(lambda key, part: _question(key, part, wording)).values()
        ),
        groups=tuple(
            group
            for attribute, section in top.section("groups", default={}).sections()
            for group in _groups(attribute, section, language)
        ),
        population=top.text("population", default=None),
        language=language,
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )
    top.check_all_used()
    if not questionnaire.questions:
        raise top.error("questions", "is empty: give at least one.")
    return questionnaire


def groups_of(codebook: Codebook) -> tuple[Group, ...]:
    """Return the groups that a codebook names, without those that only its data file shows."""
    return tuple(
        Group(attribute=name, value=level.label, phrase=level.phrase, phrases=level.phrases)
        for name, attribute in codebook.attributes.items()
        for level in attribute.levels
    )


def _groups(attribute: str, section: Section, language: str | None) -> list[Group]:
    """Return the groups of an attribute: a phrase by name."""
    if not section.names():
        raise section.error(attribute, "names no group: give a phrase for each, or leave it out.")
    said = {name: phrases_in(section, name, language) for name in section.names()}
    return [
        Group(attribute=attribute, value=name, phrase=phrase, phrases=phrases)
        for name, (phrase, phrases) in said.items()
    ]


def _question(question_id: str, section: Section, wording: str) -> Question:
    """Read a question; what a codebook says of columns and codes is passed over."""
    rows = section.rows("options")
    text = section.text("text")
    kind = section.text("kind", default=None)
    battery = section.text("battery", default=None)
    own_wording = section.text("wording", default=wording)
    alternates = section.texts("alternate_wordings")
    section.text("column", default=None)
    section.flag("asked", default=False)
    section.codes("off_scale", default=Codes())
    section.check_all_used()
    options = [_option(section, row) for row in rows]
    ordinals = [ordinal for _, ordinal in options]
    return question_of(
        where=section.error,
        question_id=question_id,
        text=text,
        labels=[label for label, _ in options],
        ordinals=ordinals,
        kind=kind,
        battery=battery,
        wording=own_wording,
        alternate_wordings=alternates,
    )


def _option(section: Section, row: object) -> tuple[str, float | None]:
    """Read an option: 'label', ['label', ordinal], [code, 'label'] or [code, 'label', ordinal]."""
    parts = [worded(part) for part in (row if isinstance(row, list) else [row])]
    if len(parts) == 3 or (len(parts) == 2 and isinstance(parts[1], str)):
        parts = parts[1:]
    label: Any = parts[0] if parts else None
    ordinal: Any = parts[1] if len(parts) == 2 else None
    if isinstance(ordinal, Scalar):
        section.number("options", ordinal)  # .inf, ~ and the like are none
    ordinal = getattr(ordinal, "value", ordinal)  # of a number that is kept with its spelling
    is_number = isinstance(ordinal, int | float) and not isinstance(ordinal, bool)
    is_bare = isinstance(row, list) and len(row) < 2
    if (
        is_bare
        or not isinstance(label, str)
        or len(parts) > 2
        or not (ordinal is None or is_number)
    ):
        wanted = "'label', ['label', ordinal], [code, 'label'] or [code, 'label', ordinal]"
        raise section.error("options", f"holds what is not {wanted}: {row!r}")
    return label, None if ordinal is None else float(ordinal)


def _of_qsf(path: Path) -> Questionnaire:
    """Read the closed questions of a Qualtrics questionnaire whose wording is whole."""
    survey = read_qsf(path)
    questions = []
    notes = [f"{tag!r} is not asked: {reason}." for tag, reason in survey.left_out.items()]
    for variable in survey.variables:
        found = options_of(variable)
        filled_in = [note for note in variable.notes if "filled in from" in note]
        if isinstance(found, str) or filled_in:
            reason = found if isinstance(found, str) else filled_in[0].rstrip(".")
            notes.append(f"{variable.name!r} is not asked: {reason}.")
            continue
        options: Options = on_a_scale(found, variable)
        notes += [f"{variable.name!r}: {note}" for note in (*variable.notes, *options.checks)]
        questions.append(
            Question(
                question_id=variable.name,
                text=variable.label or variable.name,
                options=options.labels,
                ordinals=options.ordinals,
                battery=variable.battery,
            )
        )
    if not questions:
        msg = f"{path} has no closed question with one answer. {' '.join(notes[:3])}"
        raise DatasetError(msg)
    return Questionnaire(
        name=survey.name,
        questions=tuple(questions),
        groups=(),
        population=None,
        digest="",
        notes=tuple(notes),
    )
