"""`distexp cache export` and `import`: answers out of one cache as a file, and into another."""

import json
from pathlib import Path

import pytest

from distexp.cache.disk.reader import Reader
from distexp.errors import ArchiveError, CacheError, ConfigError
from tests.cache.answers import Command, Opener, ask, put, text_of, words


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of a run that rests on answers 2 and 5."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "requests.txt").write_text("\n".join(sorted([ask(2).key, ask(5).key])))
    return folder


def test_all_answers_go_from_one_cache_to_another(
    filled: Path, tmp_path: Path, command: Command
) -> None:
    """Both commands say how many, and end well; once more adds nothing."""
    target = tmp_path / "target"
    out = tmp_path / "a.zip"

    code, shown = command("export", "--all", out, "--path", filled)
    assert code == 0
    said = f"10 answers of {filled}, replaced ones included, are in {out}."
    assert "".join(shown.split()) == "".join(said.split())  # a long path takes lines of its own
    assert command("import", out, "--path", target)[0] == 0
    code, again = command("import", out, "--path", target, "--json")
    assert code == 0
    assert json.loads(again) == {
        "path": str(target), "added": 0, "present": 10, "conflicts": [],
    }  # fmt: skip
    assert list(Reader(target).texts()) == list(Reader(filled).texts())


def test_the_answers_of_a_run_are_exported_alone(
    filled: Path, run: Path, tmp_path: Path, command: Command
) -> None:
    """Or those of all jobs of a sweep."""
    one, sweep = tmp_path / "one.zip", tmp_path / "sweep.zip"
    (run / "0").mkdir()
    (run / "requests.txt").rename(run / "0/requests.txt")
    (run / "1").mkdir()
    (run / "1/requests.txt").write_text(ask(7).key)

    assert command("export", run / "0", one, "--path", filled)[1].startswith("2 answers of")
    assert command("export", run, sweep, "--path", filled)[1].startswith("3 answers of")


def test_conflicts_are_told_and_the_answer_here_stays(
    filled: Path, tmp_path: Path, command: Command, opened: Opener
) -> None:
    """The exit code is 1; whoever wants the other answer has it in the archive."""
    command("export", "--all", tmp_path / "a.zip", "--path", filled)
    target = opened(path=tmp_path / "target")
    put(target, ask(4), "mine")

    code, shown = command("import", tmp_path / "a.zip", "--path", tmp_path / "target")

    assert code == 1
    assert shown.splitlines()[2].split()[-3:] == ["9", "0", "1"]
    assert f"which was kept: {ask(4).key}" in words(shown)
    assert text_of(target, ask(4)) == "mine"


def test_what_to_export_has_to_be_said(
    filled: Path, run: Path, tmp_path: Path, command: Command
) -> None:
    """One of the two, of a run and a cache that are there."""
    for arguments in (("a.zip",), ("--all", run, "a.zip")):
        with pytest.raises(ConfigError, match="the folder of a run or a sweep, or --all"):
            command("export", *arguments, "--path", filled)
    with pytest.raises(CacheError, match=r"neither a cache, .* nor a run"):
        command("export", tmp_path / "none", "a.zip", "--path", filled)
    with pytest.raises(CacheError, match="There is no response cache in"):
        command("export", run, "a.zip", "--path", tmp_path / "none")


def test_an_archive_that_is_none_is_refused(tmp_path: Path, command: Command) -> None:
    """No cache is made for it."""
    (tmp_path / "a.zip").write_text("no zip")

    with pytest.raises(ArchiveError, match="cannot be read as a zip file"):
        command("import", tmp_path / "a.zip", "--path", tmp_path / "target")
    assert not (tmp_path / "target").exists()
