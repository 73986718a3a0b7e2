"""Runs, and what the cache commands tell of them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from distexp.errors import CacheError
from tests.cache.answers import Command, sql, words

RUN = (
    *("model=mock", "progress=false", "prompt=sociodemographic", "calibrator=[]"),
    *(
        "evaluation.n_splits=2",
        "evaluation.n_bootstrap=50",
        "evaluation.intervals=bootstrap",
        "hydra.run.dir=run",
    ),
)


def distexp(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "distexp", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run and its cache, which must not be changed."""
    folder = tmp_path_factory.mktemp("made")
    shown = distexp(folder, *RUN)
    assert shown.returncode == 0, shown.stderr
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """Return a copy of the run."""
    return Path(shutil.copytree(made / "run", tmp_path / "run"))


@pytest.fixture
def cache(made: Path, tmp_path: Path) -> Path:
    """Return a copy of its cache."""
    return Path(shutil.copytree(made / "outputs" / "cache", tmp_path / "cache"))


def reworded(run: Path) -> None:
    """Change the wording of the prompts in the configuration of a run."""
    config = (run / "config.yaml").read_text()
    assert "Imagine you are {group}" in config
    (run / "config.yaml").write_text(config.replace("Imagine you are {group}", "You are {group}"))


def test_the_command_line_knows_the_commands(made: Path) -> None:
    """`distexp cache` reads what a run in the same folder has stored; help names all commands."""
    shown = distexp(made, "cache", "stats")

    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("outputs/cache: 384 answers")
    told = distexp(made, "cache", "--help").stdout
    assert all(
        f"\n    {name} " in told for name in ("stats", "verify", "explain", "diff", "merge")
    )


def test_an_error_is_one_line(made: Path) -> None:
    """As those of runs are, with an exit code."""
    shown = distexp(made, "cache", "stats", "--path", "nowhere")

    assert shown.returncode == 1
    assert shown.stderr.startswith("distexp: error: There is no response cache in nowhere")
    assert len(shown.stderr.splitlines()) == 1


def test_a_reader_that_goes_away_is_no_error(made: Path) -> None:
    """`distexp cache stats | head -1` ends without a trace."""
    command = [sys.executable, "-m", "distexp", "cache", "stats"]
    with subprocess.Popen(
        command, cwd=made, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_run_whose_answers_are_all_there(made: Path, run: Path, command: Command) -> None:
    """Exit code 0, and as many requests as the run had."""
    code, shown = command("explain", run, "--path", made / "outputs" / "cache")

    assert code == 0
    assert f"{run}: 384 requests, 384 of them answered" in words(shown)


def test_a_run_tells_which_answers_are_missing_and_what_is_near(
    run: Path, cache: Path, command: Command
) -> None:
    """Its configuration says what was asked; the same question at another place is near."""
    keys = (run / "requests.txt").read_text().split()
    sql(cache, "DELETE FROM Cache WHERE key IN (?, ?)", *keys[:2])

    code, shown = command("explain", run, "--path", cache)

    assert code == 1
    assert "384 requests, 382 of them answered" in words(shown)
    assert "2 are missing" in shown
    assert f"the first {keys[0][:12]}: body.messages[0].content" in shown


def test_a_changed_wording_is_found_for_all_requests_at_once(
    run: Path, cache: Path, command: Command
) -> None:
    """The answers that the run used are there; what its configuration asks now is new."""
    reworded(run)

    code, shown = command("explain", run, "--path", cache)

    assert code == 1
    assert "768 requests, 384 of them answered" in words(shown)
    assert "384 of them are not what its configuration asks for now" in words(shown)
    assert "384, the first " in shown
    assert "Imagine you are " in shown


def test_a_run_without_its_configuration_is_known_by_keys_alone(
    run: Path, cache: Path, command: Command
) -> None:
    """Which of them are answered can still be told."""
    (run / "config.yaml").unlink()
    keys = (run / "requests.txt").read_text().split()
    sql(cache, "DELETE FROM Cache WHERE key = ?", keys[7])

    code, shown = command("explain", run, "--path", cache, "--json")

    document = json.loads(shown)
    assert code == 1
    assert document["missing"] == [keys[7]]
    assert document["near"] == {}
    assert "nothing is known of requests but their keys" in document["note"]


def test_a_configuration_from_elsewhere_runs_no_code(
    run: Path, cache: Path, tmp_path: Path, command: Command
) -> None:
    """A class that is not distexp's is refused, as for a run, and the keys are looked up."""
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(
        config.replace("distexp.model.mock.MockModel", "pathlib.Path")
    )

    code, shown = command("explain", run, "--path", cache)

    assert code == 0
    assert "'pathlib.Path' as a _target_" in words(shown)
    assert "384 of them answered" in words(shown)


def test_a_folder_that_is_no_run_is_an_error(
    cache: Path, tmp_path: Path, command: Command
) -> None:
    """It names the files that it looked for."""
    with pytest.raises(CacheError, match=r"cache\.db, nor a run, with requests\.txt"):
        command("explain", tmp_path, "--path", cache)


def test_two_runs_are_compared_by_what_they_asked(
    made: Path, run: Path, cache: Path, command: Command
) -> None:
    """Requests of one run alone are listed, with the answers that the cache has to them."""
    keys = (run / "requests.txt").read_text().split()
    (run / "requests.txt").write_text("\n".join(keys[1:]))

    code, shown = command("diff", made / "run", run, "--path", cache, "--json")

    assert code == 1
    assert json.loads(shown) == {
        "same": 383,
        "only_a": [keys[0]],
        "only_b": [],
        "other_answer": [],
    }
    assert command("diff", run, run, "--path", cache)[0] == 0


def test_a_run_is_compared_with_a_cache(run: Path, cache: Path, command: Command) -> None:
    """A run that used all the entries of a cache is the same as that cache."""
    assert command("diff", run, cache, "--path", cache)[0] == 0
