"""`distexp cache diff`: what two caches, or two runs, have in common and what not."""

import argparse
import json
from collections.abc import Sequence

from distexp.cache.audit.comparing import Compared, Side, compare
from distexp.cache.disk.reader import Reader
from distexp.cache.record import Record
from distexp.cache.schema import FILE
from distexp.cli.cache.places import add_path, folder, path_of, reader_of, requests_of
from distexp.cli.cache.showing import say, shortened, show, show_json, show_table

HELP = "Compare two caches or runs: answers of one alone, other answers to one request."
N_SHOWN = 5


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    for name in ("a", "b"):
        parser.add_argument(
            name, metavar=name.upper(), help="folder of a cache, or of a run in the cache --path"
        )
    add_path(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, with all keys")


def run(options: argparse.Namespace) -> int:
    """Print the differences; 1 if there are any."""
    a, b = (_side(text, options) for text in (options.a, options.b))
    compared = compare(a, b)
    if options.json:
        show_json(
            {
                "same": compared.n_same,
                "only_a": compared.only_a,
                "only_b": compared.only_b,
                "other_answer": compared.other,
            }
        )
        return int(not compared.is_same)
    show_table([_counts(compared)])
    _list(f"Only in A, {options.a}", compared.only_a, [a])
    _list(f"Only in B, {options.b}", compared.only_b, [b])
    _list("Same request, other answer", compared.other, [a, b])
    return int(not compared.is_same)


def _side(text: str, options: argparse.Namespace) -> Side:
    """Return the cache or the run that a folder holds."""
    path = folder(text)
    if (path / FILE).is_file():
        return Side(reader=Reader(path))
    return Side(reader=reader_of(path_of(options)), keys=requests_of(path))


def _counts(compared: Compared) -> dict[str, object]:
    return {
        "the same": compared.n_same,
        "only in A": len(compared.only_a),
        "only in B": len(compared.only_b),
        "other answer": len(compared.other),
    }


def _list(title: str, keys: Sequence[str], sides: Sequence[Side]) -> None:
    """Show the first of some requests, with what is answered on some sides."""
    if not keys:
        return
    show()
    say(f"{title}:")
    show()
    show_table([_row(key, [side.record(key) for side in sides]) for key in keys[:N_SHOWN]])
    if len(keys) > N_SHOWN:
        show(f"({len(keys) - N_SHOWN:,} more: --json lists all)")


def _row(key: str, records: Sequence[Record | None]) -> dict[str, object]:
    """Describe a request by the end of what it asks, and its answers."""
    record = next(filter(None, records), None)
    asked = json.loads(record.request) if record else {"model": None, "body": {}}
    messages = asked["body"].get("messages") or [{"content": asked["body"].get("prompt", "")}]
    texts = [each and shortened(each.response.text, 24) for each in records]
    answers = {"answer": texts[0]} if len(texts) == 1 else {"in A": texts[0], "in B": texts[1]}
    question = shortened(str(messages[-1]["content"]), 24)
    return {"key": key[:12], "asked": question} | answers | {"model": asked["model"]}
