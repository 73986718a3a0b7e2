"""Questions of a Qualtrics questionnaire (`.qsf`), as the columns that its export will have.

What a model cannot be asked is left out and said: several answers at once, free text, numbers,
rankings, options that are filled in from elsewhere. Scripts and styles are data and are dropped.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from distexp.dataset.files.codes import Code, parse_code
from distexp.dataset.files.columns import check_exists
from distexp.dataset.files.layout import Layout
from distexp.dataset.files.variables import Variable, storable
from distexp.errors import DatasetError

_ONE_OF_MANY = ("SAVR", "SAHR", "SACOL", "DL", "SB", "NPS")
_ROWS_OF_ONE = ("Likert", "Bipolar")
_TEXTS = ("DB", "Timing", "Captcha", "Meta")
_REASONS = {
    "TE": "its answer is free text",
    "Slider": "its answer is a number",
    "CS": "its answers are numbers that add up",
    "RO": "its answer is a ranking",
    "PGR": "its answer is a ranking",
    "SBS": "it is several questions side by side",
    "MC": "it takes several answers at once",
}
_PIPE = re.compile(r"\$[a-z]?\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class QsfSurvey:
    """What a Qualtrics questionnaire asks."""

    name: str
    variables: tuple[Variable, ...]
    """Closed questions in the order in which they are asked."""
    left_out: Mapping[str, str]
    """Why, by export tag."""
    notes: tuple[str, ...]
    layout: Layout


def read_qsf(path: Path) -> QsfSurvey:
    """Read a Qualtrics questionnaire.

    Raises
    ------
    DatasetError
        If it is not one.
    """
    check_exists(path, "Qualtrics (Tools, Import/Export, Export Survey)")
    try:
        document = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as exc:
        msg = f"{path} is not a Qualtrics questionnaire: {str(exc).splitlines()[0]}"
        raise DatasetError(msg) from exc
    elements = [e for e in _list(_get(document, "SurveyElements")) if isinstance(e, dict)]
    payloads = {
        str(_get(e, "PrimaryAttribute") or _get(_get(e, "Payload"), "QuestionID")): e["Payload"]
        for e in elements
        if e.get("Element") == "SQ" and isinstance(e.get("Payload"), dict)
    }
    if not payloads:
        msg = f"{path} is not a Qualtrics questionnaire: it has no SurveyElements with questions."
        raise DatasetError(msg)
    order, thrown_away = _order(elements)
    variables: dict[str, Variable] = {}
    left_out: dict[str, str] = {}
    n_texts = 0
    for question_id in dict.fromkeys([*order, *payloads]):
        if question_id not in payloads or question_id in thrown_away:
            continue
        payload = payloads[question_id]
        n_texts += _get(payload, "QuestionType") in _TEXTS
        for found in _columns(payload, question_id):
            if isinstance(found, Variable):
                name, reason = found.name, "its export tag comes twice"
                if name not in variables:
                    variables[name] = found
                    continue
            else:
                name, reason = found
            left_out[name] = reason
    notes = [
        "made from a .qsf: it fits an export of numeric values, not of choice texts.",
        *([f"{n_texts} texts between the questions are left out."] if n_texts else ()),
        *([f"{len(thrown_away)} questions in the trash are left out."] if thrown_away else ()),
    ]
    return QsfSurvey(
        name=_text(_get(_get(document, "SurveyEntry"), "SurveyName")) or path.stem,
        variables=tuple(variables.values()),
        left_out=left_out,
        notes=tuple(notes),
        layout=Layout(),
    )


def _columns(payload: Mapping[str, Any], question_id: str) -> Iterator[Variable | tuple[str, str]]:
    """Return the columns of a question, or its tag and why it is left out."""
    tag = storable(str(_get(payload, "DataExportTag") or question_id)).strip() or question_id
    kind, selector = str(_get(payload, "QuestionType")), str(_get(payload, "Selector"))
    if kind in _TEXTS:
        return
    if kind == "MC" and selector in _ONE_OF_MANY:
        yield _closed(payload, tag) or (tag, _PIPED)
    elif kind == "Matrix" and selector in _ROWS_OF_ONE and _is_single(payload):
        for name, found in _matrix(payload, tag):
            yield found or (name, _PIPED)
    elif kind == "Matrix":
        yield tag, f"its rows are answered in another way ({selector})"
    else:
        yield tag, _REASONS.get(kind, f"it is of the kind {kind}")


_PIPED = "its options are filled in from elsewhere"


def _is_single(payload: Mapping[str, Any]) -> bool:
    return str(_get(payload, "SubSelector")) not in ("MultipleAnswer", "TE", "Profile")


def _closed(payload: Mapping[str, Any], tag: str) -> Variable | None:
    """Return a question with one answer out of many."""
    choices = _choices(payload, "Choices", "ChoiceOrder")
    return _variable(payload, tag, _text(_get(payload, "QuestionText")), choices)


def _matrix(payload: Mapping[str, Any], tag: str) -> Iterator[tuple[str, Variable | None]]:
    """Return the rows of a matrix, each a question of one battery, by their export tags."""
    stem = _text(_get(payload, "QuestionText"))
    tags = _mapping(_get(payload, "ChoiceDataExportTags"))
    for row, choice in _choices(payload, "Choices", "ChoiceOrder").items():
        own = tags.get(row)
        name = storable(own).strip() if isinstance(own, str) and own.strip() else f"{tag}_{row}"
        said = _text(_get(choice, "Display"))
        answers = _choices(payload, "Answers", "AnswerOrder")
        if _get(payload, "Selector") == "Bipolar" and ":" in said and answers:
            left, _, right = said.partition(":")
            first, *_, last = answers
            said = f"{left.strip()} or {right.strip()}?"
            answers |= {first: {"Display": left}, last: {"Display": right}}
        found = _variable(payload, name, f"{stem} {said}".strip(), answers)
        yield name, found and replace(found, battery=tag)


def _variable(
    payload: Mapping[str, Any], name: str, text: str, choices: Mapping[str, Any]
) -> Variable | None:
    """Return a closed question; None if its options are not known before it is asked."""
    recodes = _mapping(_get(payload, "RecodeValues"))
    analysed = _mapping(_get(payload, "AnalyzeChoices"))
    labels: dict[Code, str] = {}
    missing = []
    notes = []
    for choice_id, choice in choices.items():
        said = str(_get(choice, "Display") or "")
        if _PIPE.search(said):
            return None
        code = parse_code(recodes.get(choice_id, choice_id))
        label = (
            _text(said) or _text(_get(_get(choice, "Image"), "Display")) or f"choice {choice_id}"
        )
        if code in labels:
            notes.append(f"two options have the code {code}; only the first is kept.")
            continue
        labels[code] = label
        if str(analysed.get(choice_id)).lower() == "no":
            missing.append(code)
        if _get(choice, "TextEntry"):
            notes.append(f"option {label!r} has a field for text, which is left out.")
    if fields := list(dict.fromkeys(_PIPE.findall(text))):
        notes.append(f"the text is filled in from {', '.join(fields)}: say what people read.")
    if "DisplayLogic" in payload or "InPageDisplayLogic" in payload:
        notes.append("not everyone was asked this: its display logic is left out.")
    if any("DisplayLogic" in c for c in choices.values() if isinstance(c, dict)):
        notes.append("not everyone saw all options: their display logic is left out.")
    order = str(_get(_get(payload, "Randomization"), "Type"))
    return Variable(
        name=name,
        label=_PIPE.sub(lambda found: f"[{found[1].split('/')[-1]}]", text),
        labels=labels,
        in_order=True,
        missing=tuple(missing),
        measure="ordinal" if order == "ScaleReversal" else "unknown",
        notes=tuple(notes),
    )


def _choices(payload: Mapping[str, Any], key: str, order: str) -> dict[str, Any]:
    """Return choices by id, in the order in which they are shown."""
    choices = _mapping(_get(payload, key))
    shown = [str(each) for each in _list(_get(payload, order)) if isinstance(each, str | int)]
    return {each: choices[each] for each in dict.fromkeys([*shown, *choices]) if each in choices}


def _order(elements: list[dict[str, Any]]) -> tuple[list[str], set[str]]:
    """Return the ids of the questions in the order of the blocks, and of those in the trash."""
    order: list[str] = []
    thrown_away: set[str] = set()
    blocks: dict[str, list[str]] = {}
    for element in elements:
        if element.get("Element") != "BL":
            continue
        for block in _mapping(element.get("Payload")).values():
            ids = [
                str(each["QuestionID"])
                for each in _list(_get(block, "BlockElements"))
                if isinstance(each, dict) and "QuestionID" in each
            ]
            if _get(block, "Type") == "Trash":
                thrown_away.update(ids)
            else:
                blocks[str(_get(block, "ID"))] = ids
    flow = [i for e in elements if e.get("Element") == "FL" for i in _flow(e.get("Payload"))]
    for block_id in dict.fromkeys([*flow, *blocks]):
        order += blocks.get(block_id, [])
    return order, thrown_away - set(order)


def _flow(root: object) -> Iterator[str]:
    """Return the ids of the blocks in the order in which they come."""
    steps = [root]
    while steps:
        step = steps.pop()
        if isinstance(block_id := _get(step, "ID"), str):
            yield block_id
        steps += reversed(_list(_get(step, "Flow")))


def _get(holder: object, key: str) -> Any:
    return holder.get(key) if isinstance(holder, dict) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> dict[str, Any]:
    """Return a mapping; Qualtrics writes an empty one, or one of whole numbers, as a list."""
    if isinstance(value, list):
        return {str(i): each for i, each in enumerate(value)}
    return {str(k): each for k, each in value.items()} if isinstance(value, dict) else {}


class _Words(HTMLParser):
    """Gathers what a reader sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in ("script", "style")
        if tag in ("br", "p", "div", "li", "td", "tr", "h1", "h2", "h3", "ul", "table"):
            self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in ("script", "style")))
        if tag in ("p", "div", "li", "td", "tr"):
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def _text(value: object) -> str:
    """Return what a reader sees of a text with marks of HTML, on one line."""
    if not isinstance(value, str):
        return "" if value is None or isinstance(value, dict | list) else str(value)
    if not re.search(r"<[a-zA-Z/!]|&", value):
        return " ".join(storable(value).split())
    parser = _Words()
    parser.feed(value)
    parser.close()
    return " ".join(html.unescape(storable("".join(parser.words))).split())
