"""`distexp cache explain`: what was asked and answered, and why a request was a miss."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from distexp.cache import Record
from distexp.cache.audit.comparing import Side
from distexp.cache.audit.explaining import nearest
from distexp.cache.disk.reader import Reader
from distexp.cli.cache.places import add_path, path_of, reader_of
from distexp.cli.cache.run_requests import explain_run, show_difference
from distexp.cli.cache.showing import say, shortened, show, show_field, show_json, show_table
from distexp.errors import CacheError, ConfigError
from distexp.request import Request

KEY_LENGTH = 64
HELP = "Show an entry; or what is missing of a run or for a request, and what it differs in."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "what", nargs="?", help="the key of an entry or how it begins, or the folder of a run"
    )
    parser.add_argument(
        "--request",
        metavar="FILE",
        help="a key document as JSON: provider, model, endpoint, body, draw, salt; - reads it "
        "from standard input",
    )
    add_path(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Explain an entry, a run or a request; 1 if an answer is missing."""
    if bool(options.what) == bool(options.request):
        raise ConfigError("Say what to explain: a key, the folder of a run, or --request FILE.")
    reader = reader_of(path_of(options))
    if options.request is not None:
        return _explain_request(reader, _request(options.request), options.json)
    if Path(options.what).is_dir():
        return explain_run(reader, Path(options.what), as_json=options.json)
    return _explain_entry(reader, _key(reader, options.what), options.json)


def _explain_request(reader: Reader, request: Request, as_json: bool) -> int:
    """Show the entry of a request, or what the nearest one differs in."""
    if Side(reader=reader).record(request.key) is not None:
        return _explain_entry(reader, request.key, as_json)
    near = nearest(reader, request)
    if as_json:
        show_json({"key": request.key, "stored": False, "nearest": near and asdict(near)})
        return 1
    say(f"Request {request.key} has no answer in {reader.folder}.")
    if near is not None:
        say(f"The nearest that has one is {near.key}. They differ in:")
        for difference in near.differences:
            say(difference.field)
            show_difference(difference)
    return 1


def _explain_entry(reader: Reader, key: str, as_json: bool) -> int:
    """Show an entry, and the answers that it has replaced."""
    side = Side(reader=reader)
    newest, *replaced = [side.record(name) for name in _names(reader, key, f"{key}0")]
    assert newest is not None
    if as_json:
        records = [json.loads(each.to_json()) for each in (newest, *replaced) if each]
        show_json({"key": key, "stored": True, "record": records[0], "replaced": records[1:]})
        return 0
    asked = json.dumps(json.loads(newest.request), indent=2, ensure_ascii=False)
    show(f"Entry {key}\n\nAsked:\n\n{asked}\n\nAnswered:\n\n{newest.response.text}\n")
    for name, text in _provenance(newest):
        show_field(name, text, 15)
    if replaced:
        show("\nAnswers that it has replaced:\n")
        show_table([_generation(each) for each in replaced if each is not None])
    return 0


def _request(file: str) -> Request:
    """Read a key document.

    Raises
    ------
    ConfigError
        If it is none.
    """
    try:
        document = json.loads(sys.stdin.read() if file == "-" else Path(file).read_text())
        document.pop("schema", None)
        return Request(**{"endpoint": None, "body": {}} | document)
    except (OSError, ValueError, TypeError, AttributeError) as exc:
        msg = (
            f"{file} is not the key document of a request: {exc}. Give JSON with provider, model, "
            "endpoint and body, and draw and salt where they are not 0 and null."
        )
        raise ConfigError(msg) from exc


def _key(reader: Reader, beginning: str) -> str:
    """Return the one key that begins so.

    Raises
    ------
    CacheError
        If there is none, or are several.
    """
    names = _names(reader, beginning, f"{beginning}g")
    keys = sorted({name[:KEY_LENGTH] for name in names})
    if len(keys) == 1:
        return keys[0]
    if not keys:
        msg = (
            f"No entry of {reader.folder} begins with {beginning!r}, and no run is there. A key "
            "alone does not tell what was asked: give the request itself with --request FILE."
        )
        raise CacheError(msg)
    shown = ", ".join(key[: len(beginning) + 8] for key in keys[:5])
    raise CacheError(f"Several entries begin with {beginning!r}: {shown} ... Give more of it.")


def _names(reader: Reader, first: str, end: str) -> list[str]:
    """Return the names of the entries from one on, and before another."""
    statement = (
        "SELECT key FROM Cache WHERE raw = 1 AND key >= ? AND key < ? ORDER BY key LIMIT 999"
    )
    return [name for (name,) in reader.query(statement, (first, end))]


def _generation(record: Record) -> dict[str, object]:
    text = shortened(record.response.text)
    return {"generation": record.generation, "came": record.created, "text": text}


def _provenance(record: Record) -> Iterator[tuple[str, str]]:
    """Yield where an answer comes from, and what came with it, a line each."""
    response, usage = record.response, record.response.usage
    yield "came", f"{record.created}, attempt {record.attempts}, {record.latency_s:.3f} s"
    yield "generation", str(record.generation)
    yield "asked with", ", ".join(f"{k} {v}" for k, v in record.versions.items())
    yield "server said", f"{response.provider_model}, {response.system_fingerprint}"
    yield "finish reason", str(response.finish_reason)
    counts = (
        usage
        and f"{usage.prompt_tokens:,} of the prompt, {usage.completion_tokens:,} of the reply"
    )
    yield "tokens", counts or "not counted"
    cost = "unknown" if response.cost_usd is None else f"{response.cost_usd:.8f}"
    yield "cost in USD", cost
    for place, alternatives in enumerate(response.top_logprobs or ()):
        shown = ", ".join(f"{token!r} {logprob:.4f}" for token, logprob in alternatives)
        yield f"token {place + 1}", shown
