import json
from pathlib import Path
from typing import Any

import pytest

from distexp.cache.disk.reader import Reader
from distexp.errors import CacheCorruptError, CacheError
from tests.cache.answers import Command, Opener, ask, listing, put, sql, text_of, words


@pytest.fixture
def caches(tmp_path: Path, opened: Opener) -> tuple[Path, Path]:
    """Return two caches: 0 and 1 the same in both, 2 answered differently, 3 and 4 in one only."""
    a, b = tmp_path / "a", tmp_path / "b"
    for folder, numbers in ((a, (0, 1, 2, 3)), (b, (4, 2, 1, 0))):
        cache = opened(path=folder)
        for number in numbers:
            put(cache, ask(number), f"{folder.name}'s {number}" if number == 2 else f"to {number}")
        cache.close()
    return a, b


def test_caches_differ_in_what_they_hold_and_in_their_answers(
    caches: tuple[Path, Path], command: Command
) -> None:
    """The date of an answer and the time it took make no difference; its text does."""
    code, shown = command("diff", *caches, "--json")

    assert code == 1
    assert json.loads(shown) == {
        "same": 2,
        "only_a": [ask(3).key],
        "only_b": [ask(4).key],
        "other_answer": [ask(2).key],
    }


def test_differences_are_shown_with_their_answers(
    caches: tuple[Path, Path], command: Command
) -> None:
    """Who was asked, and what the two say."""
    _, shown = command("diff", *caches)

    assert shown.splitlines()[2].split() == ["2", "1", "1", "1"]
    assert f"{ask(3).key[:12]} How much? 3 to 3 gpt-4o-mini" in words(shown)
    assert f"{ask(2).key[:12]} How much? 2 a's 2 b's 2 gpt-4o-mini" in words(shown)


def test_equal_caches_have_no_difference(caches: tuple[Path, Path], command: Command) -> None:
    """A cache is like itself, and comparing changes no file."""
    before = listing(caches[0])

    assert command("diff", caches[0], caches[0])[0] == 0

    assert listing(caches[0]) == before


def test_replaced_answers_make_no_difference(
    caches: tuple[Path, Path], opened: Opener, command: Command
) -> None:
    """What is compared are the answers that a run would be given."""
    put(opened("refresh", caches[1]), ask(0), "else")
    put(opened("refresh", caches[1]), ask(0), "to 0")

    assert json.loads(command("diff", *caches, "--json")[1])["same"] == 2


def test_damage_is_an_error_and_no_difference(caches: tuple[Path, Path], command: Command) -> None:
    """It names the entry, the cache and the command that lists all such entries."""
    sql(caches[1], "UPDATE Cache SET tag = NULL WHERE key = ?", ask(1).key)

    with pytest.raises(CacheCorruptError, match=f"{ask(1).key} .*verify --path {caches[1]}"):
        command("diff", *caches)


def merged(command: Command, *folders: Path) -> tuple[int, list[dict[str, Any]]]:
    """Merge, and return the exit code and what became of the entries of each cache."""
    code, shown = command("merge", *folders, "--json")
    document: dict[str, Any] = json.loads(shown)
    return code, document["from"]


def test_caches_are_merged_into_a_new_one(
    caches: tuple[Path, Path], tmp_path: Path, opened: Opener, command: Command
) -> None:
    """The shards of several workers become one; where they disagree the first is kept."""
    into = tmp_path / "into"

    code, (a, b) = merged(command, *caches, into)

    assert code == 1
    assert (a["added"], a["present"], a["conflicts"]) == (4, 0, [])
    assert (b["added"], b["present"], b["conflicts"]) == (1, 2, [ask(2).key])
    assert text_of(opened(path=into), ask(2)) == "a's 2"
    assert len(opened(path=into).known([ask(number) for number in range(9)])) == 5


def test_merging_again_adds_nothing(
    caches: tuple[Path, Path], tmp_path: Path, command: Command
) -> None:
    """A merge that was interrupted is simply made again; without conflicts its code is 0."""
    merged(command, caches[0], tmp_path / "into")

    code, (again,) = merged(command, caches[0], tmp_path / "into")

    assert (code, again["added"], again["present"]) == (0, 0, 4)


def test_the_order_of_shards_decides_only_conflicts(
    caches: tuple[Path, Path], tmp_path: Path, command: Command
) -> None:
    """Merged the other way round, the answers to all other requests are the same."""
    merged(command, *caches, tmp_path / "one")
    merged(command, *reversed(caches), tmp_path / "other")

    one, other = (dict(Reader(tmp_path / name).texts()) for name in ("one", "other"))
    assert one.keys() == other.keys()
    assert {
        key
        for key in one
        if json.loads(one[key])["response"] != json.loads(other[key])["response"]
    } == {ask(2).key}


def test_merging_changes_no_file_of_what_is_merged(
    caches: tuple[Path, Path], tmp_path: Path, command: Command
) -> None:
    """Only the cache that takes them in is written."""
    before = [listing(folder) for folder in caches]

    merged(command, *caches, tmp_path / "into")

    assert [listing(folder) for folder in caches] == before


def test_conflicts_are_listed(caches: tuple[Path, Path], tmp_path: Path, command: Command) -> None:
    """By key, after the counts."""
    _, shown = command("merge", *caches, tmp_path / "into")

    kept = f"have another answer in {tmp_path / 'into'}, which was kept: {ask(2).key}"
    assert kept in words(shown)


@pytest.mark.parametrize("sources", [["nowhere"], ["a", "nowhere"], ["a", "b", "a/."]])
def test_caches_that_cannot_be_merged_are_told_before_anything_is_stored(
    caches: tuple[Path, Path], tmp_path: Path, command: Command, sources: list[str]
) -> None:
    """A cache that does not exist, and one into itself."""
    before = listing(caches[0])

    with pytest.raises(CacheError, match=r"no response cache in|into itself"):
        command("merge", *(tmp_path / name for name in sources), caches[0])

    assert listing(caches[0]) == before


def test_a_damaged_shard_is_refused(
    caches: tuple[Path, Path], tmp_path: Path, command: Command
) -> None:
    """What it holds is checked as if it came from a stranger."""
    sql(
        caches[1],
        "UPDATE Cache SET value = replace(value, 'to 1', 'to l') WHERE key = ?",
        ask(1).key,
    )

    with pytest.raises(CacheCorruptError, match=f"Entry {ask(1).key} of the response cache"):
        command("merge", *caches, tmp_path / "into")
