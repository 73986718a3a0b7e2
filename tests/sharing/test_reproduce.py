"""Runs made again from bundles: elsewhere, equal; and from what others wrote, nothing."""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hydra.utils import instantiate

from distexp.cli.bundle import bundle, compared_table, reproduce
from distexp.model.llamacpp import LlamaCppModel
from distexp.report.tables import cut
from distexp.sharing.comparing import Compared
from distexp.sharing.confined import confined
from tests.sharing.parcels import content, listed, pack
from tests.small_runs import (
    ALONE,
    N_ANSWERS,
    SMALL,
    Shown,
    changed,
    distexp,
    here,
    refusal,
    survey,
)

GUARD = """
import sys
def guard(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system"):
        raise PermissionError(event)
sys.addaudithook(guard)
import atexit
atexit.register(lambda: print("litellm" in sys.modules, "aiohttp" in sys.modules))
"""
"""Ends the process that reaches for the network or for another program."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run, and a bundle of it."""
    folder = tmp_path_factory.mktemp("made")
    shown = distexp(folder, *SMALL, ALONE, "figures=true")
    assert shown.returncode == 0, shown.stderr
    here(folder, bundle, "run", "bundle.zip")
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle of a run without figures, which take most of the time to make again."""
    folder = tmp_path_factory.mktemp("plain")
    shown = distexp(folder, *SMALL, ALONE, "figures=false")
    assert shown.returncode == 0, shown.stderr
    here(folder, bundle, "run", "bundle.zip")
    return folder / "bundle.zip"


@pytest.fixture
def drawn(made: Path, tmp_path: Path) -> Path:
    """Return a copy of the bundle with figures in a folder of its own."""
    return Path(shutil.copy(made / "bundle.zip", tmp_path / "bundle.zip"))


@pytest.fixture
def given(plain: Path, tmp_path: Path) -> Path:
    """Return a copy of the bundle without figures in a folder of its own."""
    return Path(shutil.copy(plain, tmp_path / "bundle.zip"))


def differences(shown: Shown) -> list[str]:
    """Return the lines that say where files differ, once the rest says that they do."""
    assert shown.code == 1
    *_, last = lines = shown.stdout.splitlines()
    assert last.startswith("Not reproduced: ")
    return [line.removeprefix("- ") for line in lines if line.startswith("- ")]


# Elsewhere

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""A system on which a text is not UTF-8 unless it is told so."""


def test_a_run_leaves_the_same_bytes_on_another_system(made: Path, tmp_path: Path) -> None:
    """Where text is ASCII, figures are drawn otherwise, and hashes come in another order."""
    (tmp_path / "matplotlibrc").write_text("figure.facecolor: red\nfont.size: 20\n")

    shown = distexp(
        tmp_path, *SMALL, ALONE, "figures=true", environment={**ASCII, "PYTHONHASHSEED": "3"}
    )

    assert shown.returncode == 0, shown.stderr
    for path in (made / "run").iterdir():
        assert (tmp_path / "run" / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({}, id="nothing set"),
        pytest.param({"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "1"}, id="time zone and hash"),
        pytest.param({**ASCII, "PYTHONHASHSEED": "2"}, id="ASCII locale"),
        pytest.param(
            {"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3", "POLARS_MAX_THREADS": "1"},
            id="threads",
        ),
    ],
)
def test_a_run_is_made_again_elsewhere(
    drawn: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """In an empty home and folder, without keys, network or litellm: every file is the same."""
    home, folder = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    folder.mkdir()
    (folder / "matplotlibrc").write_text("figure.facecolor: red\nfont.size: 20\n")
    (folder / "outputs").write_text("no folder can be made here")

    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{GUARD}from distexp.cli.main import main; main()",
            "reproduce",
            drawn,
        ],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(home), **environment},
        capture_output=True,
        check=False,
    )

    assert shown.returncode == 0, shown.stderr
    table, last, libraries = shown.stdout.decode().rsplit("\n", 3)[:3]
    assert last == f"Reproduced: 16 files of run, from {N_ANSWERS} answers, byte for byte."
    assert table.count("  identical") == 16
    assert libraries == "False False"
    assert sorted(path.name for path in folder.iterdir()) == ["matplotlibrc", "outputs"]


def test_what_is_made_can_be_kept(made: Path, drawn: Path, tmp_path: Path) -> None:
    """In a new folder, what the run left but for its page and the counts of calls."""
    here(tmp_path, reproduce, "bundle.zip", "--out", "kept")

    for path in (made / "run").iterdir():
        if path.name not in ("summary.json", "report.html"):
            assert (tmp_path / "kept" / path.name).read_bytes() == path.read_bytes(), path.name
    line = refusal(tmp_path, reproduce, "bundle.zip", "--out", "kept")
    assert "kept is there already and not empty" in line


def test_the_table_says_how_each_file_was_compared(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte, in part, or not at all, and why."""
    monkeypatch.setenv("COLUMNS", "200")
    table = here(tmp_path, reproduce, "bundle.zip").stdout

    compared = dict(re.findall(r"^(\S+)  +(.*?)(?:  |$)", table, re.MULTILINE))
    assert compared["scores.parquet"] == compared["alignment.svg"] == "numbers to 1e-09"
    assert compared["requests.txt"] == "byte for byte"
    assert compared["provenance.json"] == "numbers to 1e-09, all but versions"
    assert compared["summary.json"].endswith(", all but calls.hits, calls.misses, calls.cost_usd")
    assert compared["config.yaml"].startswith("not compared: ")


def test_a_bundle_with_tables_of_an_earlier_schema_is_reproduced(
    given: Path, tmp_path: Path
) -> None:
    """What its tables have is compared, and what came since is not; nor are worded texts."""
    members = content(given)
    older: dict[str, bytes] = {"run/report.md": b"worded otherwise"}
    for name in ("cases", "scores", "comparisons", "predictions"):
        table = BytesIO()
        cut(pl.read_parquet(BytesIO(members[f"run/{name}.parquet"])), 1).write_parquet(table)
        older[f"run/{name}.parquet"] = table.getvalue()
    summary = json.loads(members["run/summary.json"])
    del summary["schema"]
    older["run/summary.json"] = json.dumps(summary, indent=2).encode()
    other = changed(given, older, tmp_path / "older.zip")

    shown = here(tmp_path, reproduce, str(other))

    assert shown.code == 0, shown.stdout
    assert "report.md" not in shown.stdout
    assert shown.stdout.count("  identical") == 12


def test_a_calibrator_that_means_something_else_now_is_named(given: Path, tmp_path: Path) -> None:
    """Of an older schema: whose shares are others, which are the same, and why."""
    members = content(given)
    table = cut(pl.read_parquet(BytesIO(members["run/predictions.parquet"])), 1)
    name = next(column for column in table.columns if column.startswith("calibrated_r"))
    moved = table.with_columns(pl.col(name) * 0.5)
    written, summary = BytesIO(), json.loads(members["run/summary.json"])
    moved.write_parquet(written)
    summary["schema"] = 1
    older = {"run/predictions.parquet": written.getvalue()}
    older["run/summary.json"] = json.dumps(summary, indent=2).encode()

    shown = here(tmp_path, reproduce, str(changed(given, older, tmp_path / "older.zip")))

    method = name.removeprefix("calibrated_")
    assert shown.code == 1
    assert f"Other shares: {method}. The same: human answers, the model's own shares" in (
        shown.stdout
    )


def test_other_versions_are_told_and_do_no_harm(given: Path, tmp_path: Path) -> None:
    """Numbers may agree all the same."""
    provenance = json.loads(content(given)["run/provenance.json"])
    provenance["versions"] |= {"numpy": "1.0", "future": "9"}
    other = changed(
        given, {"run/provenance.json": json.dumps(provenance).encode()}, tmp_path / "other.zip"
    )

    shown = here(tmp_path, reproduce, str(other))

    assert shown.code == 0
    (line,) = (one for one in shown.stdout.splitlines() if one.startswith("- Other software: "))
    assert "future 9 there and none here; " in line
    assert "numpy 1.0 there and " in " ".join(shown.stdout.split())


def test_a_sweep_is_made_again_with_its_leaderboard(tmp_path: Path) -> None:
    """All jobs, and what joins them."""
    shown = distexp(
        tmp_path, "-m", *SMALL[:3], *SMALL[4:-1], "experiment=paper/groups", "calibrator=ridge",
        "prompt=base,sociodemographic", "hydra.sweeper.params=null", "hydra.sweep.dir=sweep",
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    here(tmp_path, bundle, "sweep", "b.zip")

    again = here(tmp_path, reproduce, "b.zip")

    found = set(content(tmp_path / "b.zip"))
    assert {"run/0/scores.parquet", "run/1/groups.md", "run/leaderboard.parquet"} < found
    assert not any("multirun" in name for name in found)
    assert again.code == 0
    for name, outcome in {
        "scores.parquet": "2 of 2 identical",
        "groups.md": "3 of 3 identical",
        "groups.svg": "identical",
    }.items():
        assert re.search(rf"{name} +numbers to 1e-09 +{outcome}", again.stdout)


# Other outcomes


def table(path: Path, name: str) -> pl.DataFrame:
    """Read a table of a bundle."""
    return pl.read_parquet(BytesIO(content(path)[name]))


def parquet(frame: pl.DataFrame) -> bytes:
    """Write a table."""
    written = BytesIO()
    frame.write_parquet(written)
    return written.getvalue()


def with_number(path: Path) -> tuple[str, bytes]:
    """Change one number of the scores."""
    scores = table(path, "run/scores.parquet")
    scores[4, "low"] = 0.125
    return "run/scores.parquet", parquet(scores)


def with_row(path: Path) -> tuple[str, bytes]:
    """Leave the last row of the cases out."""
    cases = table(path, "run/cases.parquet")
    return "run/cases.parquet", parquet(cases[:-1])


def with_column(path: Path) -> tuple[str, bytes]:
    """Call a column otherwise."""
    return "run/cases.parquet", parquet(table(path, "run/cases.parquet").rename({"tv": "xx"}))


def with_line(path: Path) -> tuple[str, bytes]:
    """Praise the result."""
    report = content(path)["run/report.md"]
    return "run/report.md", report.replace(b"## Scores", b"## Splendid scores")


def with_dataset(path: Path) -> tuple[str, bytes]:
    """Claim other data."""
    said = content(path)["run/provenance.json"]
    return "run/provenance.json", said.replace(b'"seed": 0', b'"seed": 1')


def with_rubbish(path: Path) -> tuple[str, bytes]:
    """Replace a table by what is none."""
    return "run/scores.parquet", b"PAR1 and no more"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (with_number, "scores.parquet: row 5, column 'low' is 0.125 there, "),
        (with_row, "cases.parquet: it has 287 rows there, 288 here."),
        (with_column, "cases.parquet: its columns are "),
        (with_line, "is '## Splendid scores' there, '## Scores' here."),
        (with_dataset, "provenance.json: line "),
        (with_rubbish, "scores.parquet: it cannot be read as a table"),
    ],
)
def test_results_that_were_changed_are_found_out(
    given: Path, tmp_path: Path, change: Callable[[Path], tuple[str, bytes]], told: str
) -> None:
    """The exit code is 1, and the first difference of the file is told."""
    name, data = change(given)

    shown = here(tmp_path, reproduce, str(changed(given, {name: data}, tmp_path / "other.zip")))

    (line,) = differences(shown)
    assert told in line
    assert shown.stdout.splitlines()[-1] == "Not reproduced: 1 of 14 files of run differ."


def with_last_digits(path: Path) -> tuple[str, bytes]:
    """Compute as another processor does: something else from the tenth digit on."""
    scores = table(path, "run/scores.parquet")
    return "run/scores.parquet", parquet(scores.with_columns(pl.col("value") + 3e-10))


def with_other_bytes(path: Path) -> tuple[str, bytes]:
    """Write the same scores in another way."""
    written = BytesIO()
    table(path, "run/scores.parquet").write_parquet(written, compression="uncompressed")
    return "run/scores.parquet", written.getvalue()


@pytest.mark.parametrize("change", [with_last_digits, with_other_bytes])
def test_numbers_that_differ_by_less_than_the_tolerance_are_reproduced(
    given: Path, tmp_path: Path, change: Callable[[Path], tuple[str, bytes]]
) -> None:
    """The exit code is 0, and it is said which files are equal and not identical."""
    name, data = change(given)

    shown = here(tmp_path, reproduce, str(changed(given, {name: data}, tmp_path / "other.zip")))

    assert shown.code == 0
    assert shown.stdout.count("  identical") == 13
    assert re.search(r"scores.parquet +numbers to 1e-09 +equal to 1e-09", shown.stdout)
    assert shown.stdout.endswith(f" from {N_ANSWERS} answers, 1 of them to 1e-09.\n")


def with_figure_raised(path: Path) -> tuple[str, bytes]:
    """Improve the last printed digit of one number of the report."""
    report = content(path)["run/report.md"].decode()
    number = re.search(r"0\.\d{3}[0-8]", report)
    assert number is not None
    better = f"{float(number[0]) + 1e-4:.4f}"
    return "run/report.md", report.replace(number[0], better, 1).encode()


def test_a_text_may_round_otherwise_only_where_the_tables_do(given: Path, tmp_path: Path) -> None:
    """The same last digit is a difference beside equal tables, and none beside moved ones."""
    praised = dict([with_figure_raised(given)])
    moved = praised | dict([with_last_digits(given)])

    alone, beside = (
        here(tmp_path, reproduce, str(changed(given, members, tmp_path / f"{n}.zip")))
        for n, members in enumerate((praised, moved))
    )

    assert [line.split(":")[0] for line in differences(alone)] == ["report.md"]
    assert beside.code == 0


def test_an_answer_that_was_changed_makes_other_numbers(given: Path, tmp_path: Path) -> None:
    """Though every digest is true, the results do not follow from it."""
    first, *others = content(given)["records.jsonl"].splitlines(keepends=True)
    answer = re.sub(rb'\["A", -[\d.]+\]', b'["A", -9.0]', first)
    assert answer != first
    members = {"records.jsonl": b"".join([answer, *others])}

    shown = here(tmp_path, reproduce, str(changed(given, members, tmp_path / "other.zip")))

    told = {line.split(":")[0] for line in differences(shown)}
    assert {"predictions.parquet", "scores.parquet", "report.md"} <= told


def test_a_setting_that_was_changed_makes_other_numbers(given: Path, tmp_path: Path) -> None:
    """The run is that of the configuration in the bundle, and the results are not its."""
    config = content(given)["run/config.yaml"].replace(b"seed: 0", b"seed: 7")

    shown = here(
        tmp_path,
        reproduce,
        str(changed(given, {"run/config.yaml": config}, tmp_path / "other.zip")),
    )

    assert any(line.startswith("scores.parquet: row 1, column ") for line in differences(shown))


def test_a_file_that_the_run_does_not_leave_is_a_difference(given: Path, tmp_path: Path) -> None:
    """Whoever adds one cannot have it reproduced."""
    other = changed(given, {"run/proof.md": b"true"}, tmp_path / "other.zip")

    shown = here(tmp_path, reproduce, str(other))

    assert differences(shown) == ["proof.md: it is not made here."]


def test_an_answer_that_is_missing_is_one_line(given: Path, tmp_path: Path) -> None:
    """The run is not made with fewer."""
    _, *others = content(given)["records.jsonl"].splitlines(keepends=True)
    other = changed(
        given,
        {"records.jsonl": b"".join(others)},
        tmp_path / "other.zip",
        n_records=N_ANSWERS - 1,
    )

    line = refusal(tmp_path, reproduce, str(other))

    assert line.startswith(f"1 of {N_ANSWERS} answers are not in")


# Human data that are not in the bundle


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with data that may not be passed on, and the bundle of a run on them."""
    folder = tmp_path_factory.mktemp("gated")
    distexp(folder, *survey(folder, gated=True), "figures=true")
    here(folder, bundle, "run", "bundle.zip")
    return folder


def test_gated_data_are_taken_from_a_folder(gated: Path, tmp_path: Path) -> None:
    """Files of which the bundle has only the SHA-256 are compared by it."""
    shown = here(tmp_path, reproduce, str(gated / "bundle.zip"), "--data", str(gated / "data"))

    assert shown.code == 0
    assert re.search(r"predictions.parquet +numbers to 1e-09 +identical", shown.stdout)


def test_data_that_are_missing_or_others_are_named(gated: Path, tmp_path: Path) -> None:
    """The line says which file, and its SHA-256 if it is another."""
    arguments = (str(gated / "bundle.zip"), "--data", "data")
    without = refusal(tmp_path, reproduce, arguments[0])
    assert "town_survey.csv, which the run read" in without
    assert "--data FOLDER" in without

    shutil.copytree(gated / "data", tmp_path / "data")
    csv = tmp_path / "data/town_survey.csv"
    csv.write_text(csv.read_text().replace("2", "3", 1))
    assert "data/town_survey.csv is not the file that the run read: its SHA-256 is" in refusal(
        tmp_path, reproduce, *arguments
    )

    csv.unlink()
    assert "There is no data/town_survey.csv" in refusal(tmp_path, reproduce, *arguments)


def test_a_withheld_file_that_comes_out_otherwise_is_a_difference(
    gated: Path, tmp_path: Path
) -> None:
    """Where it differs cannot be said."""
    manifest = json.loads(content(gated / "bundle.zip")["manifest.json"])
    withheld = {name: "0" * 64 for name in manifest["withheld"]}
    other = changed(gated / "bundle.zip", {}, tmp_path / "other.zip", withheld=withheld)

    shown = here(tmp_path, reproduce, str(other), "--data", str(gated / "data"))

    assert [line.split(".")[0] for line in differences(shown)] == ["distributions", "predictions"]
    assert "its SHA-256 is another" in shown.stdout


def test_data_in_the_bundle_are_used_without_any_here(tmp_path: Path) -> None:
    """Where their licence lets them travel."""
    distexp(tmp_path, *survey(tmp_path, gated=False))
    here(tmp_path, bundle, "run", "bundle.zip")
    shutil.rmtree(tmp_path / "data")

    assert here(tmp_path, reproduce, "bundle.zip").code == 0

    survey_file = content(tmp_path / "bundle.zip")["data/town_survey.csv"].replace(b"2", b"3", 1)
    other = changed(
        tmp_path / "bundle.zip", {"data/town_survey.csv": survey_file}, tmp_path / "other.zip"
    )
    assert "is not the file that the run read" in refusal(tmp_path, reproduce, str(other))


# Bundles that others wrote


class Bomb:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("planted"),)


def config(path: Path, old: str, new: str) -> dict[str, bytes | None]:
    """Return the configuration of a bundle with a part replaced."""
    text = content(path)["run/config.yaml"].decode()
    assert old in text
    return {"run/config.yaml": text.replace(old, new, 1).encode()}


MODEL = "_target_: distexp.model.mock.MockModel"
SYSTEM = "_target_: os.system\n  command: touch planted"
POISONED = {
    "target": (MODEL, SYSTEM, "names 'os.system' as a _target_"),
    "hidden target": (MODEL, "_target_: distexp.trust.os.system", "as a _target_"),
    "another target": (MODEL, "_target_: distexp.cache.disk.database.Database", "part of a run"),
    "parcel": (MODEL, "_target_: distexp.sharing.contents.Job", "no part of a run"),
    "root": ("_target_: distexp.experiment.Experiment", "_target_: distexp.model.mock.MockModel",
             "not of distexp.experiment.Experiment"),
    "made by an interpolation": (
        MODEL, "x: '${oc.create:{_target_: os.system, command: touch planted}}'", "'os.system'"),
    "escaped": (MODEL, r"x: '\${oc.create:{_target_: os.system}}'", "still holds an inter"),
    "environment": ("name: mock", "name: ${oc.env:HOME}", "reads the environment variable HOME"),
    "named environment": (
        "name: mock", "name: '${${.kind}:HOME}'\n  kind: oc.env", "reads the environment"),
    "python": ("name: mock", "name: !!python/object/apply:os.system ['touch planted']", "python"),
    "alias": ("name: mock", "name: &a mock\n  other: *a", "YAML aliases"),
    "unknown setting": ("dry_run: false", "dry_run: false\nhydra: {run: {dir: x}}", "hydra"),
    "view": ("view: null",
             "view: {_target_: distexp.view.scores.ScoreView, name: ../../planted, question: x, "
             "metrics: [w1], calibrators: null, leave_out: [], x: null}",
             "would be written to '../../planted'"),
}  # fmt: skip


@pytest.mark.parametrize("name", POISONED)
def test_a_poisoned_configuration_runs_nothing(given: Path, tmp_path: Path, name: str) -> None:
    """Whatever it names: one line, no file planted, nothing written where it says."""
    old, new, reason = POISONED[name]
    changed(given, config(given, old, new), tmp_path / "poisoned.zip")

    shown = distexp(tmp_path, "reproduce", "poisoned.zip", "--out", "below/out")

    assert shown.returncode == 1
    assert reason in shown.stderr
    assert shown.stderr.startswith("distexp: error: ")
    assert "Traceback" not in shown.stderr
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"bundle.zip", "poisoned.zip"}


@pytest.mark.parametrize(
    "setting",
    [
        ("cache", "mode: use", "mode: refresh"),
        ("cache path", "path: ${oc.env:DISTEXP_CACHE,outputs/cache}", "path: planted"),
        ("card", "card: null", "card: planted"),
        ("dry run", "dry_run: false", "dry_run: true"),
    ],
    ids=lambda setting: setting[0],
)
def test_settings_that_lead_elsewhere_have_no_effect(
    given: Path, tmp_path: Path, setting: tuple[str, str, str]
) -> None:
    """Answers come from the bundle alone, and nothing is written but into the folder given."""
    _, old, new = setting
    changed(given, config(given, old, new), tmp_path / "other.zip")

    assert here(tmp_path, reproduce, "other.zip").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle.zip", "other.zip"]


def test_files_outside_of_the_bundle_are_not_read(given: Path, tmp_path: Path) -> None:
    """A path in the configuration leads to the data of the bundle, whatever it says."""
    (tmp_path / "secret.csv").write_text("dataset,model\n")
    dataset = "dataset:\n  _target_: distexp.dataset.recorded.Recorded\n  path: "
    text = content(given)["run/config.yaml"].decode()
    text = re.sub(r"dataset:\n(  .*\n)+", f"{dataset}{tmp_path}/secret.csv\n", text)
    changed(given, {"run/config.yaml": text.encode()}, tmp_path / "other.zip")

    line = refusal(tmp_path, reproduce, "other.zip")

    assert re.search(r"distexp-\w+/data/secret.csv cannot be read", line)
    assert str(tmp_path / "secret.csv") not in line


@pytest.mark.parametrize(
    ("members", "about", "reason"),
    [
        ({"evil.pkl": b"x"}, {}, "member 'evil.pkl' does not belong into a bundle"),
        ({"run/config.yaml": None}, {}, "does not say of which runs"),
        ({"run/config.yaml": b"\xff"}, {}, "no UTF-8"),
        ({"run/config.yaml": b"[1]"}, {}, "is no mapping"),
        ({"run/provenance.json": None}, {}, "no member 'run/provenance.json'"),
        ({"run/provenance.json": b"{"}, {}, "no JSON text"),
        ({"run/provenance.json": b"{}"}, {}, "lacks what a run says"),
        (
            {"run/provenance.json": b'{"models": [], "files": {"../../etc/passwd": "0"}}'},
            {},
            "names a file out of its folder",
        ),
        ({"records.jsonl": None}, {}, "no member 'records.jsonl'"),
        ({"records.jsonl": b"{}\n"}, {}, "member 'records.jsonl', line 1"),
        ({"records.jsonl": pickle.dumps(Bomb())}, {}, "member 'records.jsonl', line 1"),
        ({"records.jsonl": b""}, {}, "it has 0 records, but its manifest says"),
        ({}, {"jobs": ["../../run"]}, "does not say of which runs"),
        ({}, {"jobs": []}, "does not say of which runs"),
        ({}, {"jobs": [{}]}, "does not say of which runs"),
        ({}, {"versions": 1}, "does not say of which runs"),
        ({}, {"withheld": None}, "does not say of which runs"),
        ({}, {"format": {"name": "distexp.records", "version": 1}}, "not distexp.bundle"),
        ({}, {"format": {"name": "distexp.bundle", "version": 2}}, "upgrade distexp"),
    ],
)
def test_a_bundle_that_is_none_is_refused(
    given: Path,
    tmp_path: Path,
    members: dict[str, bytes | None],
    about: dict[str, Any],
    reason: str,
) -> None:
    """The line says what is wrong with it; no run is made."""
    changed(given, members, tmp_path / "other.zip", **about)

    line = refusal(tmp_path, reproduce, "other.zip", "--out", "out")

    assert reason in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle.zip", "other.zip"]


def test_a_report_with_another_number_than_its_manifest_lists_is_refused(
    given: Path, tmp_path: Path
) -> None:
    """What is made here has the listed digest: that says nothing of what the bundle shows."""
    members = content(given)
    report = members["run/report.md"]
    members["run/report.md"] = re.sub(rb"0\.[1-9]", b"0.0", report, count=1)
    assert members["run/report.md"] != report
    pack(tmp_path / "other.zip", list(members.items()))

    line = refusal(tmp_path, reproduce, "other.zip")

    assert "member 'run/report.md' has not the SHA-256 that manifest.json says" in line


def test_a_pickle_among_the_results_is_not_opened(given: Path, tmp_path: Path) -> None:
    """It is a file that is not made here."""
    members = {"run/scores.pkl": pickle.dumps(Bomb()), "run/scores.parquet": pickle.dumps(Bomb())}
    changed(given, members, tmp_path / "other.zip")

    shown = here(tmp_path, reproduce, "other.zip")

    assert {line.split(":")[0] for line in differences(shown)} == {"scores.pkl", "scores.parquet"}
    assert not (tmp_path / "planted").exists()


def test_a_bundle_with_a_member_that_leads_out_is_refused(given: Path, tmp_path: Path) -> None:
    """Nothing is unpacked before all names were looked at."""
    found = content(given)
    members = {**found, "data/../../planted": b"x"}
    manifest = json.loads(members.pop("manifest.json"))
    del manifest["members"]
    listed(tmp_path / "other.zip", members, manifest)

    assert "leads out of the folder" in refusal(tmp_path, reproduce, "other.zip")

    pack(tmp_path / "twice.zip", [*found.items(), ("run/report.md", b"x")])
    assert "'run/report.md': it is there twice" in refusal(tmp_path, reproduce, "twice.zip")


def test_what_is_no_bundle_is_one_line(tmp_path: Path) -> None:
    """Nor is a file that is not there."""
    (tmp_path / "text.zip").write_text("no zip")

    assert "cannot be read as a zip file" in refusal(tmp_path, reproduce, "text.zip")
    assert "cannot be read as a zip file" in refusal(tmp_path, reproduce, "none.zip")


def test_a_model_of_local_weights_is_replayed_without_them(tmp_path: Path) -> None:
    """Its SHA-256 is in the keys of its answers, and the file need not be there."""
    weights = tmp_path / "mine.gguf"
    weights.write_bytes(b"GGUF")
    there = LlamaCppModel(name="mine", path=str(weights)).identity
    weights.unlink()
    text = (
        "_target_: distexp.experiment.Experiment\nmodel: {_target_: "
        f"distexp.model.llamacpp.LlamaCppModel, name: mine, path: {weights}, sha256: null}}"
    )

    held = confined(text, cache=tmp_path, data=tmp_path, scratch=tmp_path, models=[there])

    assert instantiate(held["model"]).identity == there


def test_new_questions_are_looked_for_below_the_data_alone(tmp_path: Path) -> None:
    """A configuration from elsewhere reads no other file, writes no estimates and uses no card."""
    config = (
        "_target_: distexp.experiment.Experiment\nquestions: /etc/passwd\nuse_card: /etc/passwd\n"
        "out: /etc/estimates.csv\ndataset: {survey: /etc/passwd, path: /etc/passwd}\n"
    )

    held = confined(config, cache=tmp_path, data=tmp_path / "d", scratch=tmp_path, models=[])

    assert held["questions"] == held["dataset"]["survey"] == str(tmp_path / "d/passwd")
    assert held["use_card"] is None
    assert held["out"] == "estimates.csv"


def test_what_differs_stands_first_of_many_files() -> None:
    """A terminal shows the first ones; nobody must take the rest for identical."""
    same = [Compared(name=f"view{n}.md", difference=None, exact=True) for n in range(40)]
    near = Compared(name="z.svg", difference=None)
    other = Compared(name="zz.md", difference="row 1")

    lines = compared_table([*same, near, other], 80)

    assert [line.split()[0] for line in lines[2:5]] == ["zz.md", "z.svg", "view0.md"]
    assert lines[2].split()[-1] == "different"
