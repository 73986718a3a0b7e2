"""A first codebook of a data file: it runs, and says beside each guess what is to be checked."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from distexp.dataset.draft.batteries import with_batteries
from distexp.dataset.draft.emitting import KeyPath, annotated
from distexp.dataset.draft.groups import Grouping, chosen_weight, grouping_of, kind_of
from distexp.dataset.draft.options import Options, on_a_scale, options_of
from distexp.dataset.files.codes import Code, Codes, label_of
from distexp.dataset.files.layout import Layout
from distexp.dataset.files.microdata import EVERYONE
from distexp.dataset.files.qsf import read_qsf
from distexp.dataset.files.variables import DataFile, Variable, read_file
from distexp.errors import DatasetError

CHECK = "check: "
"""How the comments begin that a person has to act on."""
_IDS = ("id", "caseid", "case_id", "respondent_id", "responseid", "qkey", "rownames", "rowid")


@dataclass(kw_only=True)
class Draft:
    """A codebook that is being put together."""

    document: dict[str, Any]
    comments: dict[KeyPath, list[str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    """Why, by column."""
    smallest_group: int = 0
    """How many people the smallest group has; 0 where that is not known."""

    def check(self, path: KeyPath, *questions: str) -> None:
        """Have a person asked something about an entry."""
        if asked := [CHECK + question for question in questions if question]:
            self.comments.setdefault(path, []).extend(asked)

    @property
    def n_checks(self) -> int:
        """How many things a person has to check."""
        return sum(map(len, self.comments.values()))

    def text(self, source: str) -> str:
        """Return the codebook as YAML."""
        head = [
            f"A draft of {source}: it runs as it is. {self.n_checks} lines begin with "
            '"check": decide, then delete them.',
            "docs/surveys/table.md explains the keys. Say where the data come from with source, "
            "licence and citation: reports warn without them.",
        ]
        tail = [f"left out: {name!r}: {reason}." for name, reason in self.left_out.items()]
        return annotated(self.document, self.comments, head, tail)


def draft_codebook(path: Path, sheet: str | None = None) -> Draft:
    """Propose a codebook of a data file, or of the export of a Qualtrics questionnaire.

    Parameters
    ----------
    path : Path
        A `.csv`, `.tsv`, `.parquet`, `.sav`, `.dta`, `.xlsx` or `.qsf` file.
    sheet : str, optional
        Of a workbook; the longest if None.

    Raises
    ------
    DatasetError
        If it cannot be read, or no column in it can be a question.
    """
    if path.suffix.lower() == ".qsf":
        questionnaire = read_qsf(path)
        file = DataFile(
            path=path,
            layout=questionnaire.layout,
            variables=questionnaire.variables,
            n_rows=0,
            is_labelled=True,
            notes=questionnaire.notes,
        )
        draft = _drafted(file, wording="exact")
        draft.left_out |= questionnaire.left_out
    else:
        draft = _drafted(read_file(path, sheet), wording="paraphrased")
    if not draft.document["questions"]:
        reasons = "; ".join(f"{name}: {why}" for name, why in [*draft.left_out.items()][:5])
        msg = f"No column of {path} can be a closed question. {reasons or 'It has none.'}"
        raise DatasetError(msg)
    return draft


def _drafted(file: DataFile, wording: str) -> Draft:
    """Give each column of a file its place in a codebook."""
    draft = Draft(document={"name": file.path.stem, "population": "a person asked in this survey"})
    document = draft.document
    draft.check(("population",), 'who was asked? It completes "Imagine you are ...".')
    document |= {"file": _layout(file)} if _layout(file) else {}
    draft.check(("file",) if "file" in document else ("name",), *file.notes)
    document["wording"] = wording
    if wording != "exact":
        has_labels = any(variable.label for variable in file.variables)
        texts = "variable labels" if has_labels else "names of columns"
        draft.check(("wording",), f"put in what people heard. The texts below are {texts}.")
    weight = None
    if file.n_rows:
        weight, doubt = chosen_weight(file.variables, file.weight)
        document |= {"weight": weight} if weight else {}
        draft.check(("weight",) if weight else ("population",), doubt)
    groups, questions = _placed(draft, [v for v in file.variables if v.name != weight], file)
    not_asked = [code for group in groups.values() for code in group.not_asked]
    not_asked += [code for options in questions.values() for code in options.not_asked]
    if not_asked:
        document["missing"] = _entries(tuple(dict.fromkeys(not_asked)))
    common = _common_off_scale(draft, [*questions.values()])
    _write_groups(draft, groups)
    by_name = {variable.name: variable for variable in file.variables}
    draft.smallest_group = _smallest(groups, by_name) if groups else file.n_rows
    _write_questions(draft, questions, by_name, common)
    return draft


def _smallest(groups: Mapping[str, Grouping], variables: Mapping[str, Variable]) -> int:
    """Return how many people the smallest group has."""
    sizes = []
    for column, group in groups.items():
        counts = variables[column].counts
        for entries, _ in group.levels.values():
            codes = Codes.parse(entries)
            sizes.append(sum(n for code, n in counts.items() if code in codes))
    return min(filter(None, sizes), default=0)


def _layout(file: DataFile) -> dict[str, Any]:
    """Return how the file is to be read, where that is not the usual."""
    usual = asdict(Layout())
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(file.layout).items()
        if value != usual[key]
    }


def _placed(
    draft: Draft, variables: Sequence[Variable], file: DataFile
) -> tuple[dict[str, Grouping], dict[str, Options]]:
    """Return the columns that make groups and those that are questions; note the others."""
    groups: dict[str, Grouping] = {}
    questions: dict[str, Options] = {}
    names: set[str] = {EVERYONE}
    for variable in variables:
        column = variable.name
        kind = kind_of(variable)
        if (reason := _no_answer(variable, file)) is not None:
            draft.left_out[column] = reason
        elif kind is not None:
            name = kind if kind not in names else column
            name = name if name not in names else f"{column} (group)"
            found = grouping_of(variable, kind, name)
            if isinstance(found, str) or _is_torn([codes for codes, _ in found.levels.values()]):
                draft.left_out[column] = found if isinstance(found, str) else _TORN
                continue
            names.add(name)
            groups[column] = found
        else:
            options = options_of(variable)
            if isinstance(options, str) or _is_torn(options.codes):
                draft.left_out[column] = options if isinstance(options, str) else _TORN
                continue
            questions[column] = on_a_scale(options, variable)
    _move_one(draft, groups, questions, {variable.name: variable for variable in variables})
    return groups, questions


def _move_one(
    draft: Draft,
    groups: dict[str, Grouping],
    questions: dict[str, Options],
    variables: Mapping[str, Variable],
) -> None:
    """Where there is one question, take what groups mostly are by choice as another."""
    if len(questions) != 1:
        return
    soft = [c for kind in _SOFT for c in groups if kind_of(variables[c]) == kind]
    for column in soft:
        options = options_of(variables[column])
        if not isinstance(options, str) and len(groups) > 1:
            del groups[column]
            questions[column] = on_a_scale(options, variables[column])
            draft.check(
                ("questions", column),
                "is this not a group of people? A run needs two questions, and there was but one.",
            )
            return


_SOFT = ("religion", "party", "ideology", "employment", "citizenship", "income", "education")
"""Kinds of people, those first that are the most like answers."""


_TORN = "its codes look like ranges of numbers that overlap: write others into the file"


def _is_torn(codes: Sequence[Sequence[Code | str]]) -> bool:
    """Tell whether a codebook would take two of the codes for one: texts such as "<30", "<50"."""
    sets = [Codes.parse(each) for each in codes]
    return any(a.meets(b) for a, b in combinations(sets, 2))


def _no_answer(variable: Variable, file: DataFile) -> str | None:
    """Return why a column can be neither answers nor groups, or None."""
    n_filled = file.n_rows - variable.n_blank
    if not file.n_rows:
        return None
    if not n_filled:
        return "it is blank"
    if variable.name.lower() in _IDS or (variable.n_codes == n_filled and n_filled > 30):
        return "it tells people apart"
    return None


def _write_groups(draft: Draft, groups: Mapping[str, Grouping]) -> None:
    attributes: dict[str, Any] = {}
    for column, group in groups.items():
        attribute: dict[str, Any] = {"column": column}
        if group.left_out:
            attribute["left_out"] = _entries(group.left_out)
        if group.others is not None:
            attribute["others"] = group.others
        else:
            attribute["levels"] = {
                label: {"codes": _entry(codes), "phrase": phrase}
                for label, (codes, phrase) in group.levels.items()
            }
        attributes[group.name] = attribute
        draft.check(("attributes", group.name), *group.checks)
    draft.document["attributes"] = attributes
    if not attributes:
        draft.check(("attributes",), "which columns sort people into groups? None is named so.")


def _common_off_scale(draft: Draft, questions: Sequence[Options]) -> tuple[Code, ...]:
    """Write, once for all, what most questions have off the scale."""
    sets = Counter(options.off_scale for options in questions)
    common, n_alike = next(iter(sets.most_common(1)), ((), 0))
    if not common or n_alike == 1:
        return ()
    draft.document["off_scale"] = _entries(common)
    alike = [options.strays for options in questions if options.off_scale == common]
    draft.check(("off_scale",), _about_strays(max(alike, key=len)))
    return common


def _about_strays(strays: Sequence[Code]) -> str:
    """Return the question whether numbers that stand apart are no answers."""
    if not strays:
        return ""
    listed = ", ".join(map(label_of, strays))
    return (
        f'{"are" if len(strays) > 1 else "is"} {listed} "don\'t know" or the like? Without a '
        "label and apart from the other answers, so taken as off the scale."
    )


def _write_questions(
    draft: Draft,
    questions: Mapping[str, Options],
    variables: Mapping[str, Variable],
    common: tuple[Code, ...],
) -> None:
    written: dict[str, Any] = {}
    described = with_batteries({c: (variables[c], options) for c, options in questions.items()})
    for column, (variable, options) in described.items():
        path = ("questions", column)
        entry: dict[str, Any] = {"text": variable.label or column, "kind": _kind(options)}
        if variable.battery is not None:
            entry["battery"] = variable.battery
        if options.off_scale != common:
            entry["off_scale"] = _entries(options.off_scale)
            draft.check((*path, "off_scale"), _about_strays(options.strays))
        entry["options"] = list(_rows(options))
        written[column] = entry
        if not variable.label:
            draft.check(
                (*path, "text"), "what was asked? The file has the name of the column only."
            )
        draft.check((*path, "options"), *options.checks)
        draft.check(path, *variable.notes)
    draft.document["questions"] = written


def _kind(options: Options) -> str:
    if options.ordinals is None:
        return "nominal"
    return "binary" if len(options.labels) == 2 else "ordinal"


def _rows(options: Options) -> Iterator[list[Any]]:
    for place, (codes, label) in enumerate(zip(options.codes, options.labels, strict=True)):
        row = [_entry(codes), label]
        yield row if options.ordinals is None else [*row, _plain(options.ordinals[place])]


def _entries(codes: Sequence[Code | str]) -> list[float | int | str]:
    """Return codes as YAML is to hold them."""
    return [_plain(code) if isinstance(code, float) else label_of(code) for code in codes]


def _entry(codes: Sequence[Code | str]) -> Any:
    """Return codes as a list, a single one without brackets."""
    entries = _entries(codes)
    return entries[0] if len(entries) == 1 else entries


def _plain(number: float) -> float | int:
    """Return a whole number as such."""
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
