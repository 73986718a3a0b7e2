import json
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import diskcache
import pytest

from distexp.errors import CacheCorruptError, CacheError
from distexp.request import Json, Request, Response, Usage
from tests.cache.answers import Bomb, Command, Opener, ask, listing, put, sql

PAID = Response(
    text="B",
    finish_reason="stop",
    usage=Usage(prompt_tokens=100, completion_tokens=10),
    cost_usd=0.25,
    price_usd_per_token=(0.001, 0.015),
)
LOCAL = Request(provider="openai", model="llama", endpoint="http://gpu:8000/v1", body={})


@pytest.fixture
def mixed(folder: Path, opened: Opener) -> Path:
    """Return a cache with three priced answers, one of them replaced, and two without a price."""
    for number in range(2):
        put(opened(), ask(number), response=PAID)
    put(opened("refresh"), ask(0), response=replace(PAID, text="", finish_reason="refusal"))
    for draw in range(2):
        request = replace(LOCAL, draw=draw)
        put(opened(), request, response=replace(PAID, usage=None, cost_usd=None))
    return folder


def stats(command: Command, folder: Path) -> dict[str, Any]:
    """Return what the command tells in JSON."""
    code, shown = command("stats", "--path", folder, "--json")
    assert code == 0
    document: dict[str, Any] = json.loads(shown)
    return document


def test_answers_are_added_up_by_who_was_asked(mixed: Path, command: Command) -> None:
    """Three answers of 0.25 USD are 0.75, the replaced one too: it was paid for."""
    gpt, llama = stats(command, mixed)["of"]

    assert (gpt["provider"], gpt["model"], gpt["endpoint"]) == ("openai", "gpt-4o-mini", None)
    assert (gpt["answers"], gpt["replaced"]) == (3, 1)
    assert (gpt["prompt_tokens"], gpt["completion_tokens"]) == (300, 30)
    assert (gpt["cost_usd"], gpt["unpriced"]) == (0.75, 0)
    assert (gpt["refused"], gpt["empty"]) == (1, 1)
    assert gpt["first"] <= gpt["last"]
    assert llama["endpoint"] == "http://gpu:8000/v1"
    assert llama["answers"] == 2


def test_an_unknown_price_is_not_0(mixed: Path, command: Command) -> None:
    """It is counted as unknown, in the row and in the sum; so are tokens that nobody counted."""
    _, llama = stats(command, mixed)["of"]
    _, shown = command("stats", "--path", mixed)

    assert (llama["cost_usd"], llama["unpriced"], llama["uncounted"]) == (None, 2, 2)
    lines = shown.split("Who said")[0].splitlines()
    head = next(at for at, line in enumerate(lines) if line.startswith("model"))
    place = lines[head].index("USD")
    costs = [re.split(r"  +", line[place:])[0] for line in lines[head + 2 : head + 5]]
    assert costs == ["0.7500 + unknown", "0.7500", "unknown"]
    assert "The price of 2 answers is unknown; it is in no sum." in shown
    assert "The tokens of 2 answers were not counted" in shown


def test_the_oddest_names_are_told_apart(opened: Opener, command: Command) -> None:
    """Who was asked is read from the request, whatever its names and its body look like."""
    body: dict[str, Json] = {"draw": 1, "text": '"draw":2,"model":"x"'}
    odd = Request(
        provider='"draw":3', model='m","draw":4,"', endpoint="é", body=body, salt='"draw":'
    )
    put(opened(), odd)

    (found,) = stats(command, opened().path)["of"]

    assert (found["provider"], found["model"], found["endpoint"]) == (
        *('"draw":3', 'm","draw":4,"', "é"),
    )


def test_the_size_is_that_of_the_files(mixed: Path, opened: Opener, command: Command) -> None:
    """Database and log are counted, and nothing else of the folder."""
    (mixed / "notes.txt").write_text("x" * 100_000)
    files = [mixed / "cache.db", mixed / "cache.db-wal", mixed / "cache.db-shm"]

    assert stats(command, mixed)["bytes"] == sum(file.stat().st_size for file in files)


def test_stats_change_no_file(filled: Path, command: Command) -> None:
    """They can be asked of a copy that must stay as it is."""
    before = listing(filled)

    assert command("stats", "--path", filled)[0] == 0

    assert listing(filled) == before


@pytest.mark.parametrize("change", ["DROP TABLE Facts", "DELETE FROM Facts"])
def test_entries_of_another_version_are_counted_from_themselves(
    mixed: Path, opened: Opener, command: Command, change: str
) -> None:
    """The numbers beside the entries are a shortcut: without them the counts are the same."""
    before = stats(command, mixed)
    for trigger in ("Facts_update", "Facts_delete"):
        sql(mixed, f"DROP TRIGGER {trigger}")

    sql(mixed, change)

    assert stats(command, mixed)["of"] == before["of"]


def test_a_changed_entry_is_counted_as_it_is(filled: Path, command: Command) -> None:
    """An entry changed by other hands is not counted as what it was, nor what is no entry."""
    sql(filled, "UPDATE Cache SET value = 'x' WHERE key = ?", ask(0).key)
    sql(filled, "DELETE FROM Cache WHERE key = ?", ask(1).key)

    found = stats(command, filled)

    assert found["of"][0]["answers"] == 8
    assert found["unreadable"] == 1


def test_a_planted_pickle_is_counted_and_not_executed(
    filled: Path, tmp_path: Path, command: Command
) -> None:
    """It is an entry that cannot be read."""
    with closing(diskcache.Cache(str(filled))) as attacker:
        attacker["bomb"] = Bomb(tmp_path / "executed")
        attacker[frozenset({1})] = "pickled key"

    assert stats(command, filled)["unreadable"] == 2
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["gpt-4o", '["a"]', '["a", "b", "c", "d"]'])
def test_a_source_that_was_tampered_with_is_an_error(
    filled: Path, command: Command, name: str
) -> None:
    """What the numbers are about is not guessed."""
    sql(filled, "UPDATE Source SET name = ?", name)

    with pytest.raises(CacheCorruptError, match=r"table Source .* is not what distexp wrote"):
        command("stats", "--path", filled)


def test_a_folder_without_a_cache_is_an_error(tmp_path: Path, command: Command) -> None:
    """A misspelt path is not an empty cache."""
    with pytest.raises(CacheError, match=r"no response cache in .*/nowhere.* --path"):
        command("stats", "--path", tmp_path / "nowhere")


def test_the_path_of_runs_is_the_default(
    filled: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --path the commands read what runs write: DISTEXP_CACHE, or outputs/cache."""
    monkeypatch.setenv("DISTEXP_CACHE", str(filled))
    assert "".join(command("stats")[1].split()).startswith(f"{filled}:10answers")

    monkeypatch.delenv("DISTEXP_CACHE")
    monkeypatch.chdir(filled.parent)
    with pytest.raises(CacheError, match="outputs/cache"):
        command("stats")
