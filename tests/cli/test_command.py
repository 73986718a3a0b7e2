"""The command line as its users meet it: what is typed, mistyped, piped and run twice."""

import os
import shutil
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import ABLE, OpenAIServer, chat

QUICK = (
    "model=mock", "progress=false", "prompt=base", "dataset.attributes=[sex]", "calibrator=ridge",
    "evaluation.n_splits=2", "evaluation.n_bootstrap=20", "evaluation.extras=false",
    "evaluation.intervals=bootstrap", "evaluation.hold_out=question",
    "figures=false",
)  # fmt: skip
COMMAND = [sys.executable, "-m", "distexp"]


def distexp(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def error(folder: Path, *arguments: str) -> str:
    """Return the one line that a command ends with."""
    shown = distexp(folder, *arguments)
    (line,) = shown.stderr.splitlines()
    assert shown.returncode in (1, 2)
    assert line.startswith("distexp: error: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["elicitaton=logprobs"], "Did you mean 'elicitation'?"),
        (["evaluation.n_split=3"], "Did you mean 'evaluation.n_splits'?"),
        (["n_splits=3"], "Did you mean 'evaluation.n_splits'?"),
        (["model=moc"], "Could not find 'model/moc'. Did you mean 'mock'?"),
        (["calibrator=[ridge,rigde]"], "'calibrator/rigde'. Did you mean 'ridge'?"),
        (["experiment=paper/calibraton"], "Did you mean 'paper/calibration'?"),
        (["experiment=calibration"], "Did you mean 'paper/calibration'?"),
        (["+evaluation.n_split=3"], "Did you mean 'n_splits'?"),
        (["+elicitaton=logprobs"], "Did you mean 'elicitation'?"),
        (["~calibratr"], "Did you mean 'calibrator'?"),
        (["hydra.run.dri=x"], "Did you mean 'hydra.run.dir'?"),
        (["summarise", "outputs"], "Did you mean 'summarize'?"),
        (["cache", "stat"], "Did you mean 'stats'?"),
        (["cache", "stats", "--jsn"], "Did you mean '--json'?"),
        (["summarize", ".", "--view", "leaderbord"], "Did you mean 'leaderboard'?"),
        (["--multirn"], "Did you mean '--multirun'?"),
        (["model=null"], "model cannot be null"),
        (["model=mock", "prompt=base,qa"], "To run each of them add -m"),
        (["model=mock", "budget=3"], "'budget' parameter of Experiment"),
    ],
)
def test_typo_is_told_from_what_was_meant(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    """In one line, which never advises to add what does not exist; and nothing is left."""
    line = error(tmp_path, *arguments)

    assert message in line
    assert "use +" not in line
    assert "_hosted" not in line
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_files_of_ones_own_are_among_what_was_meant(tmp_path: Path) -> None:
    """A choice of `--config-dir` is suggested as those of distexp are."""
    (tmp_path / "mine" / "calibrator").mkdir(parents=True)
    (tmp_path / "mine" / "calibrator" / "zigzag.yaml").write_text("x: 1\n")

    assert "Did you mean 'zigzag'?" in error(
        tmp_path, "--config-dir", "mine", "calibrator=[zigzog]"
    )


def test_typo_in_a_sweep_stops_it_before_the_first_call(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """Whichever job it is in, none has asked anything."""
    shown = distexp(
        tmp_path, "-m", *QUICK, "model=openai_compatible", *ABLE, "model.name=m",
        f"model.api_base={openai_server.url}", "calibrator=ridge,rigde",
    )  # fmt: skip

    assert shown.returncode == 1
    assert "1 of 2 jobs failed:" in shown.stderr
    assert shown.stderr.endswith(
        "Nothing was asked for any of them. Mend these, or leave them out.\n"
    )
    assert "Did you mean 'ridge'?" in shown.stderr
    assert openai_server.requests == []


def test_bad_value_in_a_sweep_is_told_before_the_first_call(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """The other jobs are asked for; what cannot be run stands on the terminal before that."""
    told = tmp_path / "stderr"
    seen: list[str] = []

    def note(body: dict[str, object], _: int) -> tuple[int, dict[str, object]]:
        seen.append(told.read_text())
        return 200, chat(body)

    openai_server.answer = note
    with told.open("w") as stderr:
        code = subprocess.run(
            [*COMMAND, "-m", *QUICK, "model=openai_compatible", *ABLE, "model.name=m",
             f"model.api_base={openai_server.url}", "evaluation.n_splits=2,0"],
            cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=stderr, check=False,
        ).returncode  # fmt: skip

    assert code == 1
    assert seen
    assert "1 of 2 jobs failed:" in seen[0]
    assert "The others are asked for now." in seen[0]
    assert "  job 1, evaluation.n_splits=0: The 'n_splits' parameter" in seen[0]
    assert told.read_text().startswith(seen[0])
    assert told.read_text()[len(seen[0]) :].startswith("distexp: 1 of 2 jobs failed, see ")


@pytest.mark.parametrize("arguments", [["--help"], ["cache", "--help"], ["--cfg", "job"]])
def test_reader_that_has_seen_enough_ends_nothing(tmp_path: Path, arguments: list[str]) -> None:
    """As in `| head`: no message, no error."""
    read, write = os.pipe()
    os.close(read)
    shown = subprocess.run(
        [*COMMAND, *arguments], cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)

    assert shown.stderr == b""
    assert shown.returncode == 0


def test_run_is_complete_whoever_reads_its_table(tmp_path: Path) -> None:
    """The results are there though nobody reads, and so is what follows them."""
    read, write = os.pipe()
    os.close(read)
    shown = subprocess.run(
        [*COMMAND, *QUICK, "card=card.json", "hydra.run.dir=x"], cwd=tmp_path, stdout=write,
        stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(write)

    assert (shown.returncode, shown.stderr) == (0, b"")
    assert (tmp_path / "x/report.md").exists()
    assert (tmp_path / "card.json").exists()


def test_version_is_ours_and_help_shows_what_can_be_chosen(tmp_path: Path) -> None:
    """Files that others build on are no choices."""
    assert distexp(tmp_path, "--version").stdout == f"distexp {version('distexp')}\n"
    shown = distexp(tmp_path, "--help").stdout
    assert "mock" in shown
    assert "_hosted" not in shown
    assert "_server" not in shown


def test_arguments_of_a_command_stand_in_any_order(tmp_path: Path) -> None:
    """An option may part those that are told by their place."""
    distexp(tmp_path, *QUICK, "hydra.run.dir=x")

    shown = distexp(tmp_path, "cache", "export", "x", "--path", "outputs/cache", "out.zip")

    assert shown.returncode == 0, shown.stderr
    assert (tmp_path / "out.zip").exists()


STILL = (
    "from datetime import datetime; import hydra.core.utils; from distexp.cli.main import main\n"
    "class Still(datetime):\n"
    "    now = classmethod(lambda cls, tz=None: datetime(2026, 1, 2, 3, 4, 5))\n"
    "hydra.core.utils.datetime = Still\n"
    "main()"
)
"""The command by a clock of Hydra's that stands still."""


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        ([], "outputs/runs/2026-01-02/{}/report.md"),
        (["-m"], "outputs/sweeps/2026-01-02/{}/0/report.md"),
    ],
    ids=["runs", "sweeps"],
)
def test_what_starts_in_one_second_leaves_folders_of_its_own(
    tmp_path: Path, mode: list[str], found: str
) -> None:
    """Three runs or sweeps at once, and their results one beside the other."""
    three = [
        subprocess.Popen(
            [sys.executable, "-c", STILL, *mode, *QUICK, f"evaluation.seed={seed}"],
            cwd=tmp_path, stdout=subprocess.DEVNULL,
        )
        for seed in (1, 2, 3)
    ]  # fmt: skip
    assert [job.wait() for job in three] == [0, 0, 0]

    reports = [tmp_path / found.format(f"03-04-05{end}") for end in ("", "-2", "-3")]
    configs = [report.with_name("config.yaml").read_text() for report in reports]
    assert all(report.exists() for report in reports)
    assert len(set(configs)) == 3
    assert not list(tmp_path.rglob(".running"))


def test_second_sweep_into_a_named_folder_is_refused(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """While the first is at work; it ends as if there had been none."""
    reached = tmp_path / "reached"

    def wait(body: dict[str, object], n: int) -> tuple[int, dict[str, object]]:
        if n == 1:
            shown = distexp(tmp_path, *arguments)
            reached.write_text(f"{shown.returncode} {shown.stderr}")
        return 200, chat(body)

    openai_server.answer = wait
    arguments = [
        "-m", *QUICK, "model=openai_compatible", *ABLE, "model.name=m", "model.max_concurrency=1",
        f"model.api_base={openai_server.url}", "evaluation.seed=1,2", "hydra.sweep.dir=x",
    ]  # fmt: skip
    first = distexp(tmp_path, *arguments)

    assert first.returncode == 0, first.stderr
    assert reached.read_text().startswith("1 distexp: error: Another run or sweep is writing into")
    assert {path.name for path in (tmp_path / "x").iterdir()} >= {"0", "1", "leaderboard.parquet"}


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "[win](http://evil.example)|x",
    "\x1b[31mred\x1b[0m",
    "=HYPERLINK(1)",
    "$\\frac$ 1$",
]


def test_labels_of_a_survey_stay_text(tmp_path: Path) -> None:
    """In the report, in the figures and on the terminal; the tables keep them as they are."""
    levels = (
        "\n".join(
            f"      {label!r}: {{codes: {code}, phrase: a person}}"
            for code, label in enumerate(HOSTILE)
        )
        .replace("'\\x1b[31mred\\x1b[0m'", '"\\e[31mred\\e[0m"')
        .replace("'$\\\\frac$ 1$'", "'$\\frac$ 1$'")
    )
    options = '[[1, "<b>yes</b>|", 1], [2, "\\e[2Jno", 2], [3, "$\\\\x$", 3]]'
    (tmp_path / "codebook.yaml").write_text(
        "name: 'a <script>alert(1)</script>'\npopulation: an adult\nsource: here\n"
        "licence: '|<i>'\n"
        "citation: '[x](http://evil.example) <b>'\ngated: false\nattributes:\n  sex:\n"
        f"    column: sex\n    levels:\n{levels}\nquestions:\n"
        + "".join(
            f"  q{n}:\n    text: '<u>Really?</u>'\n    kind: ordinal\n    options: {options}\n"
            for n in range(4)
        )
    )
    rows = [
        f"{sex},{','.join(str(1 + (sex + n + row) % 3) for n in range(4))}"
        for sex in range(len(HOSTILE))
        for row in range(4)
    ]
    (tmp_path / "s.csv").write_text("\n".join(["sex,q0,q1,q2,q3", *rows]))

    shown = distexp(
        tmp_path, *QUICK[:3], "dataset=table", "dataset.path=s.csv", "calibrator=ridge",
        "dataset.codebook=codebook.yaml", "dataset.min_respondents=1", "evaluation.n_splits=2",
        "evaluation.n_bootstrap=20", "hydra.run.dir=x", "view=groups", "prompt=sociodemographic",
    )  # fmt: skip

    assert shown.returncode == 0, shown.stderr
    texts = {path.name: path.read_text() for path in (tmp_path / "x").glob("*.md")}
    assert len(texts) == 2
    assert "\x1b" not in shown.stdout  # a terminal makes nothing of HTML and Markdown
    for text in texts.values():
        assert "\x1b" not in text
        assert "<img" not in text
        assert "](http" not in text.replace("\\](http", "")
    assert "<script" not in texts["report.md"]
    assert "<b>" not in texts["report.md"]
    for path in (tmp_path / "x").glob("*.svg"):
        assert "\x1b" not in path.read_text()
        assert "<img" not in path.read_text()
    table = pl.read_parquet(tmp_path / "x/predictions.parquet")
    assert set(table["group"]) == set(HOSTILE)


def test_what_a_killed_run_left_goes_with_the_next(tmp_path: Path) -> None:
    """The folder in which it was writing, beside the results of the next."""
    distexp(tmp_path, *QUICK)
    (run,) = tmp_path.glob("outputs/runs/*/*")
    job = subprocess.Popen(
        [sys.executable, "-c",
         "import os, signal, sys; from pathlib import Path; from distexp import atomic\n"
         f"with atomic.beside(Path({str(run)!r})): os.kill(os.getpid(), signal.SIGKILL)"]
    )  # fmt: skip
    assert job.wait() == -signal.SIGKILL
    assert list(run.glob(".writing-*"))

    distexp(tmp_path, *QUICK)

    assert not list(run.glob(".writing-*"))
    shutil.rmtree(run)
