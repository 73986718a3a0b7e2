import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distexp.asking.runner import Runner
from distexp.cache import ResponseCache, why_missing
from distexp.cache.audit.explaining import differences
from distexp.errors import CacheError, CacheMissError, ConfigError
from distexp.model.mock import MockModel
from distexp.request import Request
from tests.cache.answers import FULL_RESPONSE, Command, Opener, ask, listing, put, sql


def asked(text: str, model: str = "gpt-4o", **settings: Any) -> Request:
    """Return a request with settings beside the text."""
    body = {"messages": [{"role": "user", "content": text}], "temperature": 0, **settings}
    return Request(provider="openai", model=model, endpoint=None, body=body)


@pytest.fixture
def stored(folder: Path, opened: Opener) -> Path:
    """Return a cache with five questions, each at one temperature."""
    for number in range(5):
        put(opened(), asked(f"How good is number {number} on the list?", max_tokens=9))
    return folder


def explained(command: Command, folder: Path, request: Request, tmp_path: Path) -> dict[str, Any]:
    """Return what the command tells of a request in JSON."""
    file = tmp_path / "request.json"
    file.write_text(request.document)
    _, shown = command("explain", "--request", file, "--path", folder, "--json")
    document: dict[str, Any] = json.loads(shown)
    return document


def fields(document: dict[str, Any]) -> list[tuple[str, object, object]]:
    """Return the fields that differ, with both values."""
    found = document["nearest"]["differences"]
    return [(each["field"], each["stored"], each["asked"]) for each in found]


# An entry


def test_an_entry_is_shown_with_question_answer_and_provenance(
    opened: Opener, command: Command
) -> None:
    """Everything that is stored is there to be read; the beginning of the key is enough."""
    record = put(opened(), ask(3), response=FULL_RESPONSE)

    code, shown = command("explain", ask(3).key[:8], "--path", opened().path)

    assert code == 0
    for part in (
        *(ask(3).key, '"content": "How much? 3"', '"model": "gpt-4o-mini"', "Ünwilling"),
        *(record.created, "attempt 1, 1.500 s", "distexp 0.1.0, litellm 1.106.2", "stop"),
        *("gpt-4o-mini-2024-07-18, fp_1", "11 of the prompt, 7 of the reply", "0.30000000"),
        "'A' -0.1000, ' B' -2.3026, '' -inf",
    ):
        assert part in shown


def test_answers_that_were_replaced_are_listed(opened: Opener, command: Command) -> None:
    """The newest is shown whole, the others by a line."""
    for text in ("first", "second", "third"):
        put(opened("refresh"), ask(0), text)

    _, shown = command("explain", ask(0).key, "--path", opened().path)

    assert "\nthird\n" in shown
    assert [line.split()[-1] for line in shown.splitlines()[-2:]] == ["first", "second"]


def test_what_a_terminal_would_obey_is_escaped(opened: Opener, command: Command) -> None:
    """A reply may hold anything; it is shown, not executed by the terminal."""
    put(opened(), ask(0), "\x1b[31mred\x9b0m \ud83d")

    _, shown = command("explain", ask(0).key, "--path", opened().path)

    assert "\\x1b[31mred\\x9b0m \\ud83d" in shown


def test_a_key_that_is_not_one_is_an_error(filled: Path, command: Command) -> None:
    """None and several are told apart."""
    firsts = [ask(number).key[0] for number in range(10)]
    shared = next(first for first in firsts if firsts.count(first) > 1)

    with pytest.raises(CacheError, match=f"Several entries begin with '{shared}'"):
        command("explain", shared, "--path", filled)
    with pytest.raises(CacheError, match=r"No entry of .* begins with 'xyz'"):
        command("explain", "xyz", "--path", filled)


# A request


def test_a_request_with_an_answer_is_shown_as_its_entry(
    stored: Path, command: Command, tmp_path: Path
) -> None:
    """However its document is written, it is the same request."""
    request = asked("How good is number 1 on the list?", max_tokens=9)
    file = tmp_path / "request.json"
    file.write_text(json.dumps(json.loads(request.document), indent=4).replace(": 0,", ": 0.0,"))

    code, shown = command("explain", "--request", file, "--path", stored)

    assert code == 0
    assert request.key in shown


def test_the_same_question_with_another_setting_is_nearest(
    stored: Path, command: Command, tmp_path: Path
) -> None:
    """Two settings apart but the same text is nearer than the same settings and another text."""
    request = asked("How good is number 1 on the list?", max_tokens=10, top_p=0.5)

    found = explained(command, stored, request, tmp_path)

    assert found["stored"] is False
    assert found["nearest"]["key"] == asked("How good is number 1 on the list?", max_tokens=9).key
    assert fields(found) == [("body.max_tokens", 9, 10), ("body.top_p", "nothing", 0.5)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model": "gpt-4o-mini"}, ("model", "gpt-4o", "gpt-4o-mini")),
        ({"endpoint": "http://gpu"}, ("endpoint", None, "http://gpu")),
        ({"draw": 3}, ("draw", 0, 3)),
        ({"salt": "June"}, ("salt", None, "June")),
    ],
)
def test_each_part_of_the_key_can_be_what_differs(
    stored: Path, command: Command, tmp_path: Path, change: dict[str, Any], field: tuple[str, ...]
) -> None:
    """Not the body alone makes a request another."""
    request = replace(asked("How good is number 1 on the list?", max_tokens=9), **change)

    assert fields(explained(command, stored, request, tmp_path)) == [field]


def test_of_other_questions_the_one_most_alike_is_nearest(
    stored: Path, command: Command, tmp_path: Path
) -> None:
    """A changed wording is found, and shown where it changes."""
    request = asked("How good is number 3 on the roster?", max_tokens=9)

    found = explained(command, stored, request, tmp_path)

    assert found["nearest"]["key"] == asked("How good is number 3 on the list?", max_tokens=9).key
    [(field, _, _)] = fields(found)
    assert field == "body.messages[0].content"


def test_long_texts_are_shown_where_they_begin_to_differ() -> None:
    """The first difference stands in the middle of some words of both."""
    (difference,) = differences(
        json.loads(asked("x" * 500 + " one " + "y" * 500).document),
        json.loads(asked("x" * 500 + " two " + "y" * 500).document),
    )

    for excerpt, word in zip(difference.excerpts(), ("one", "two"), strict=True):
        assert f" {word} " in excerpt
        assert len(excerpt) < 70
        assert excerpt.startswith("…x")
        assert excerpt.endswith("y…")


def test_a_request_is_read_from_standard_input(
    stored: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `-`, so that another program can ask."""
    monkeypatch.setattr("sys.stdin", io.StringIO(asked("Something else").document))

    code, shown = command("explain", "--request", "-", "--path", stored)

    assert code == 1
    assert "body.max_tokens" in shown


@pytest.mark.parametrize("text", ["", "[]", "7", '{"model": "m"}', '{"provider": "p", "mode": 1}'])
def test_what_is_no_request_is_an_error(
    stored: Path, tmp_path: Path, command: Command, text: str
) -> None:
    """It says what a key document holds."""
    (tmp_path / "request.json").write_text(text)

    with pytest.raises(ConfigError, match="is not the key document of a request"):
        command("explain", "--request", tmp_path / "request.json", "--path", stored)


def test_there_must_be_something_to_explain(stored: Path, command: Command) -> None:
    """A key or a request, not both and not neither."""
    with pytest.raises(ConfigError, match="Say what to explain"):
        command("explain", "--path", stored)


# A miss in replay mode


def test_a_miss_in_replay_names_the_field_that_differs(stored: Path) -> None:
    """The error of a run says what to look at first."""
    request = asked("How good is number 1 on the list?", max_tokens=10)
    near = asked("How good is number 1 on the list?", max_tokens=9)

    with pytest.raises(CacheMissError) as caught:
        Runner(MockModel(), ResponseCache(stored, "replay")).run([request])

    sentence = (
        f"stored request {near.key[:12]}, where body.max_tokens is 9 instead of 10. Run once"
    )
    assert sentence in str(caught.value)


def test_a_miss_with_nothing_stored_names_no_field(folder: Path, opened: Opener) -> None:
    """There is no nearest entry in an empty cache; a cache that is not on disk is not searched."""
    assert why_missing(opened(), ask()) == ""
    assert why_missing(object(), ask()) == ""
    assert not folder.exists()


def test_entries_that_cannot_be_read_are_not_near(stored: Path) -> None:
    """Looking for a reason does not trip over damage."""
    sql(stored, "UPDATE Cache SET value = x'00' WHERE rowid < 5")

    sentence = why_missing(ResponseCache(stored), asked("How good is number 1?", max_tokens=9))

    assert asked("How good is number 4 on the list?", max_tokens=9).key[:12] in sentence


def test_explaining_changes_no_file(filled: Path, command: Command) -> None:
    """It reads."""
    before = listing(filled)

    command("explain", ask(0).key, "--path", filled)
    why_missing(ResponseCache(filled, "replay"), ask(99))

    assert listing(filled) == before
