"""How a run is made again, and what a paper has to report of it."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from distexp.page.defaults import ABSENT, differing
from distexp.page.tables import Tables

GUIDE = "https://doi.org/10.1038/s41562-026-02492-7"
"""GUIDE-LLM, a consensus checklist for studies with language models (Nature Human Behaviour)."""
CITATION = (
    "The distexp authors. distexp {version} [software]. Apache-2.0.",
    "Improving the Distributional Alignment of LLMs using Supervision. 2025. arXiv:2507.00439.",
)


def again(tables: Tables) -> dict[str, Any]:
    """Return command, settings, versions and digests of a run, and its reporting items."""
    changed = [_row(*one) for one in differing(tables.settings)] if tables.settings else []
    typed = tables.changed or not changed  # else it was made in Python
    said = tables.provenance
    versions = said.get("versions", {})
    return {
        "command": shlex.join(["distexp", *tables.changed]) if typed else None,
        "changed": changed,
        "config": tables.config,
        "versions": list(versions.items()),
        "digests": [
            ["human answers (SHA-256)", said.get("data_sha256")],
            ["requests (SHA-256)", said.get("requests_sha256")],
            *([f"file {name} (SHA-256)", digest] for name, digest in _files(said).items()),
            *([f"model {at + 1}", name] for at, name in enumerate(said.get("models", []))),
            ["seed", said.get("seed")],
        ],
        "gated": bool(said.get("gated")),
        "licence": said.get("licence", ""),
        "source": said.get("citation", ""),
        "citation": [one.format(version=versions.get("distexp", "")) for one in CITATION],
        "guide": {"address": GUIDE, "items": _items(tables)},
    }


def _files(said: Mapping[str, Any]) -> dict[str, Any]:
    files = said.get("files", {})
    return files if isinstance(files, dict) else {}


def _row(name: str, value: object, default: object) -> list[str]:
    """Return a setting as a page shows it, with its default."""
    return [name, "left out" if value is ABSENT else _plain(value), _plain(default)]


def _plain(value: object) -> str:
    if value is ABSENT:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def setting(override: str) -> list[str]:
    """Return the name and the value of what was set on a command line."""
    name, _, value = override.partition("=")
    return [name.lstrip("+~"), value]


def _items(tables: Tables) -> list[list[str | None]]:
    """Return number, subject and text of each core item; None is for the author to fill in."""
    said, calls, settings = tables.provenance, tables.summary.get("calls", {}), tables.settings
    model, elicitation = settings.get("model") or {}, settings.get("elicitation") or {}
    dataset = said.get("dataset", "")
    sent = ("temperature", "top_p", "max_tokens", "seed", "n_samples", "top_logprobs", "retries")
    sampling = {
        name: part[name]
        for part in (model, elicitation, settings)
        for name in sent
        if isinstance(part, Mapping) and part.get(name) is not None
    }
    systems = {
        name: style.get("system")
        for name, style in (settings.get("prompt") or {}).items()
        if isinstance(style, Mapping)
    }
    address = model.get("api_base") or model.get("endpoint")
    thousands = f"{calls.get('total', 0):,}"
    return [
        ["A.1", "What the model was used for", f"To estimate how groups of people answered the "
         f"questions of {dataset}; its estimates are compared with their answers."],
        ["A.2", "People in the loop", "By distexp none: prompts, reading of replies, calibration "
         "and scores are automatic. Of the choice of models and prompts: for the author."],
        ["B.1", "Model, version, provider, date of access",
         f"{', '.join(map(str, said.get('models', []))) or model.get('name', '')}. Date of access "
         "and source link: for the author."],
        ["B.2", "Way of access", _access(model, address)],
        ["B.3", "Parameters and number of runs", "; ".join(
            [*(f"{name} {value}" for name, value in sampling.items()),
             f"{thousands} distinct requests"])],
        ["B.4", "Fine-tuning or customization", "By distexp none: estimates are calibrated after "
         "the reply. Of the model itself: for the author."],
        ["B.5", "State kept between interactions", "None: each request is a conversation of its "
         "own."],
        ["C.1", "Exact prompts", "All of them are on this page, beside their questions, and in "
         "replies.parquet."],
        ["C.2", "System prompt", "; ".join(
            f"{name}: {text or 'none'}" for name, text in systems.items()) or None],
        ["D.1", "Personal or sensitive data", None],
        ["E.1", "Validation against people", f"Every estimate is compared with the answers of "
         f"{dataset}, on questions held out from calibration. {said.get('citation', '')}"],
        ["E.2", "Filtering and post-processing", f"{calls.get('parse_errors', 0)} replies could "
         "not be read; they are counted, shown with their reasons, and never guessed. "
         f"Calibrators: {', '.join(settings.get('calibrator') or {}) or 'none'}."],
        ["F.1", "Code and data", f"distexp {said.get('versions', {}).get('distexp', '')}, with "
         "the command and settings above; `distexp bundle` packs run and answers into one file."],
        ["G.1", "Funding and interests", None],
    ]  # fmt: skip


def _access(model: Mapping[str, Any], address: object) -> str:
    kind = str(model.get("_target_", "")).rpartition(".")[2]
    if kind == "LlamaCppModel":
        return "Local, through llama.cpp; separate calls."
    return f"{kind or 'none'}{f', at {address}' if address else ''}; separate calls by program."
