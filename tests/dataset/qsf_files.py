"""Small Qualtrics questionnaires of our own."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def multiple_choice(
    tag: str, text: str, choices: Mapping[str, str], selector: str = "SAVR", **more: Any
) -> dict[str, Any]:
    """Return a question of choices, shown in the order given."""
    return {
        "QuestionID": f"QID-{tag}",
        "DataExportTag": tag,
        "QuestionType": "MC",
        "Selector": selector,
        "SubSelector": "TX",
        "QuestionText": text,
        "Choices": {key: {"Display": display} for key, display in sorted(choices.items())},
        "ChoiceOrder": list(choices),
        **more,
    }


def matrix(
    tag: str, text: str, rows: Mapping[str, str], answers: Sequence[str], **more: Any
) -> dict[str, Any]:
    """Return a matrix with one answer a row."""
    return {
        "QuestionID": f"QID-{tag}",
        "DataExportTag": tag,
        "QuestionType": "Matrix",
        "Selector": "Likert",
        "SubSelector": "SingleAnswer",
        "QuestionText": text,
        "Choices": {key: {"Display": display} for key, display in rows.items()},
        "ChoiceOrder": list(rows),
        "Answers": {str(i): {"Display": display} for i, display in enumerate(answers, start=1)},
        "AnswerOrder": list(range(1, len(answers) + 1)),
        **more,
    }


def write_qsf(path: Path, *payloads: dict[str, Any], blocks: Any = None, flow: Any = None) -> Path:
    """Write a questionnaire of some questions."""
    elements: list[dict[str, Any]] = [
        {"Element": "SQ", "PrimaryAttribute": payload["QuestionID"], "Payload": payload}
        for payload in payloads
    ]
    if blocks is not None:
        elements.append({"Element": "BL", "Payload": blocks})
    if flow is not None:
        elements.append({"Element": "FL", "Payload": flow})
    document = {"SurveyEntry": {"SurveyName": "Mine"}, "SurveyElements": elements}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
