"""The command as its users meet it: what a run leaves, what a rerun costs, what errors say."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from distexp.report.tables import predictions_schema, scores_schema
from tests.conftest import ABLE, OpenAIServer, chat

WHOLE = ("model=mock", "progress=false", "evaluation.n_splits=10", "evaluation.n_bootstrap=200")
MOCK = (*WHOLE, "evaluation.intervals=bootstrap")  # refits take as long as all the rest
DRAWN = (*WHOLE, "figures=true")
FILES = {
    "alignment.svg", "cases.parquet", "comparisons.parquet", "config.yaml", "distributions.svg",
    "group_scores.parquet", "new_topics.parquet", "overrides.yaml", "predictions.parquet",
    "provenance.json", "questions.parquet", "refits.parquet", "replies.parquet", "report.html",
    "report.md", "requests.txt",
    "scores.parquet", "sentences.json", "spreads.parquet", "summary.json",
    "unreadable.parquet",
}  # fmt: skip


def distexp(
    folder: Path, *arguments: str, python: tuple[str, ...] = ("-m", "distexp")
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    return subprocess.run(
        [sys.executable, *python, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def runs(folder: Path) -> list[Path]:
    """Return the folders of finished runs and of the jobs of sweeps, oldest first."""
    reports = [*folder.glob("outputs/*/*/*/report.md"), *folder.glob("outputs/*/*/*/*/report.md")]
    return [path.parent for path in sorted(reports, key=lambda path: path.stat().st_mtime_ns)]


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Return the folder that one run was made in, and what it showed."""
    folder = tmp_path_factory.mktemp("made")
    return folder, distexp(folder, *DRAWN, "hydra.run.dir=outputs/runs/first/x")


@pytest.fixture(scope="module")
def run(made: tuple[Path, object]) -> Path:
    """Return the folder of that run."""
    return made[0] / "outputs/runs/first/x"


def test_run_leaves_every_file_and_shows_the_table(
    made: tuple[Path, subprocess.CompletedProcess[str]], run: Path
) -> None:
    """The table is on the terminal, and the folder holds all that a run promises."""
    shown = made[1]

    assert shown.returncode == 0, shown.stderr
    assert {path.name for path in run.iterdir()} == FILES
    for label in ("auto", "blind", "training mean", "human ceiling"):
        assert f" {label} " in shown.stdout
    assert "For questions like these auto changes the model's W1" in shown.stdout
    assert "432 requests: 0 hits, 432 misses, 0 unreadable replies." in shown.stdout


def test_run_names_the_answers_that_it_rests_on(run: Path) -> None:
    """The keys of all its requests are in a file, whose SHA-256 is part of the provenance."""
    keys = (run / "requests.txt").read_bytes()
    provenance = json.loads((run / "provenance.json").read_text())
    assert len(set(keys.split())) == provenance["n_requests"] == 432
    assert hashlib.sha256(keys).hexdigest() == provenance["requests_sha256"]


def test_tables_have_their_schemas_and_one_row_per_case_and_option(run: Path) -> None:
    """2 prompts x 8 groups x (17 questions of 3 options and 7 of 2) are 1,040 rows."""
    predictions = pl.read_parquet(run / "predictions.parquet")
    scores = pl.read_parquet(run / "scores.parquet")
    assert predictions.height == 2 * 8 * (17 * 3 + 7 * 2)
    assert dict(scores.schema) == scores_schema()
    assert list(predictions.columns)[: len(predictions_schema())] == list(predictions_schema())
    for column in ("human", "predicted", "calibrated_ridge", "calibrated_train_mean"):
        sums = predictions.group_by("prompt", "question_id", "group").agg(pl.col(column).sum())
        assert sums[column].to_list() == pytest.approx([1.0] * sums.height)


def test_scores_stand_beside_baselines_and_ceiling_with_intervals(run: Path) -> None:
    """Every method has every metric that is defined for it, with an interval around it."""
    scores = pl.read_parquet(run / "scores.parquet")
    w1 = scores.filter(pl.col("metric") == "w1", pl.col("prompt") == "base")
    assert w1["calibrator"].to_list() == [
        "identity", "auto", "ridge", "blind", "uniform", "train_mean", "ceiling",
    ]  # fmt: skip
    assert w1.select((pl.col("low") <= pl.col("value")) & (pl.col("value") <= pl.col("high")))[
        "low"
    ].all()
    assert set(w1["n_questions"]) == {24}
    assert set(scores["n_splits"]) == {10}


def test_second_run_calls_nothing_and_gives_the_same_bytes(
    made: tuple[Path, object], run: Path
) -> None:
    """A rerun reads the cache: no call, and the same tables, figures and report."""
    again = distexp(made[0], *DRAWN, "hydra.run.dir=outputs/runs/again/x")

    second = made[0] / "outputs/runs/again/x"
    assert "432 hits, 0 misses" in again.stdout
    for name in FILES - {"summary.json", "overrides.yaml", "report.html"}:
        assert (run / name).read_bytes() == (second / name).read_bytes(), name


def test_rerun_from_cache_imports_little(openai_server: OpenAIServer, tmp_path: Path) -> None:
    """Without a call none of what makes calls, and for the default calibrators no library."""
    openai_server.answer = lambda body, _: (200, answer(body))
    few = ("dataset.questions=[natspac,natenvir,abdefect,abany]", "dataset.attributes=[sex]")
    arguments = (*at(openai_server), *few, "progress=false")
    distexp(tmp_path, *arguments)
    openai_server.close()
    code = (
        "import sys; from distexp.cli.main import main; main(); "
        "print([m for m in ('litellm', 'sklearn', 'scipy') if m in sys.modules])"
    )

    again = distexp(tmp_path, *arguments, "cache.mode=replay", python=("-c", code))

    assert "0 misses" in again.stdout
    assert again.stdout.strip().endswith("[]"), again.stderr


def test_any_openai_compatible_server_serves(openai_server: OpenAIServer, tmp_path: Path) -> None:
    """Verbalized replies of a local server become a report; equal requests are asked once."""
    openai_server.answer = lambda body, _: (200, answer(body))

    shown = distexp(tmp_path, *at(openai_server), "elicitation=verbalized", "progress=false")

    assert shown.returncode == 0, shown.stderr
    assert len(openai_server.requests) == 24 * 8 + 24
    assert " uncalibrated " in shown.stdout


def test_embedded_model_answers_a_few_questions(tmp_path: Path) -> None:
    """The real model, from weights to report, and again from the cache to the same bytes."""
    pytest.importorskip("xllamacpp", reason="the embedded model's runtime is not installed")
    few = (
        "dataset.questions=[natspac,natenvir,abdefect,abany]", "dataset.attributes=[party]",
        "figures=false",
    )  # fmt: skip

    shown = distexp(tmp_path, *few, "progress=false", "evaluation.n_splits=4")
    again = distexp(tmp_path, *few, "evaluation.n_splits=4", "hydra.run.dir=outputs/runs/again/x")

    assert shown.returncode == 0, shown.stderr
    assert "smollm2-135m-instruct on gss2018: 4 questions, 3 groups" in shown.stdout
    assert "32 requests: 0 hits, 32 misses, 0 unreadable replies" in shown.stdout
    assert "32 requests: 32 hits, 0 misses" in again.stdout
    first, second = runs(tmp_path)
    predictions = pl.read_parquet(first / "predictions.parquet")
    assert predictions["mass"].min() > 0.2  # type: ignore[operator]
    assert predictions["predicted"].n_unique() > 20
    assert (first / "report.md").read_bytes() == (second / "report.md").read_bytes()


def test_unreadable_replies_are_counted_with_their_text(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """A refusal is a row with its text and a null estimate, never a guess."""

    def refuse_space(body: dict[str, object], _: int) -> tuple[int, dict[str, object]]:
        refused = "space exploration" in str(body["messages"])
        return 200, chat(body, "I would rather not say.") if refused else answer(body)

    openai_server.answer = refuse_space

    shown = distexp(tmp_path, *at(openai_server), "elicitation=verbalized", "prompt=base")

    (run,) = runs(tmp_path)
    replies = pl.read_parquet(run / "unreadable.parquet")
    lost = pl.read_parquet(run / "predictions.parquet").filter(pl.col("status") == "parse_error")
    assert "1 unreadable replies" in shown.stdout
    assert replies["text"].to_list() == ["I would rather not say."]
    assert replies["question_id"].to_list() == ["natspac"]
    assert lost.height == 8 * 3
    assert lost["predicted"].null_count() == lost["calibrated_ridge"].null_count() == lost.height
    assert json.loads((run / "summary.json").read_text())["calls"]["parse_errors"] == 1
    assert pl.read_parquet(run / "scores.parquet")["n_questions"].max() == 23


def test_multirun_sweeps_every_group(tmp_path: Path) -> None:
    """The groups of a sweep multiply, one folder a job, and a second sweep asks nothing."""
    sweep = (
        "-m", *MOCK, "prompt=base,sociodemographic", "elicitation=verbalized,logprobs",
        "calibrator=ridge,random_forest", "dataset=gss2018,cces2016", "dataset.attributes=[sex]",
        "evaluation.n_splits=3",
    )  # fmt: skip

    first = distexp(tmp_path, *sweep)
    again = distexp(tmp_path, *sweep, "hydra.sweep.dir=outputs/sweeps/again/x")

    assert first.returncode == again.returncode == 0, first.stderr + again.stderr
    assert len(runs(tmp_path)) == 32
    summaries = (tmp_path / "outputs/sweeps/again/x").glob("*/summary.json")
    assert [json.loads(one.read_text())["calls"]["misses"] for one in summaries] == [0] * 16


def test_one_calibrator_a_job_scores_as_it_does_beside_others(run: Path, tmp_path: Path) -> None:
    """Splits and resamples do not depend on what else is scored; skill does, on `blind`."""
    distexp(tmp_path, *WHOLE, "calibrator=ridge")

    together, alone = (
        pl.read_parquet(folder / "scores.parquet") for folder in (run, *runs(tmp_path))
    )
    ours, others = pl.col("calibrator").is_in(alone["calibrator"]), pl.col("metric") != "w1_skill"
    assert_frame_equal(together.filter(ours, others), alone.filter(others))


PRESETS = sorted(
    path.stem for path in (Path(__file__).parents[2] / "conf/experiment/paper").glob("*.yaml")
)


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_leaves_its_table_and_figure(tmp_path: Path, preset: str) -> None:
    """Each preset of the paper comes out of the embedded survey, without a model."""
    shown = distexp(tmp_path, *DRAWN, f"experiment=paper/{preset}", "dataset.attributes=[sex]")

    (run,) = runs(tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert f"{preset}: " in shown.stdout
    assert f"/{preset}.md" in shown.stdout
    assert {path.name for path in run.iterdir()} == FILES | {
        f"{preset}.md", f"{preset}.parquet", f"{preset}.svg",
    }  # fmt: skip
    assert pl.read_parquet(run / f"{preset}.parquet").height > 0


def test_sweep_ends_in_one_leaderboard_and_its_view(tmp_path: Path) -> None:
    """All jobs of a sweep stand in one table, in the folder of the sweep; so does its view."""
    shown = distexp(
        tmp_path, "-m", *MOCK, "experiment=paper/examples", "evaluation.n_train=1,4",
        "hydra.sweeper.params=null", "calibrator=ridge", "hydra.sweep.dir=outputs/sweeps/x/y",
    )  # fmt: skip

    sweep = tmp_path / "outputs/sweeps/x/y"
    leaderboard = pl.read_parquet(sweep / "leaderboard.parquet")
    curve = pl.read_parquet(sweep / "examples.parquet")
    assert "leaderboard: outputs/sweeps/x/y/leaderboard.md" in shown.stdout
    assert {path.stem for path in sweep.rglob("*.svg")} == {"leaderboard", "examples"}
    assert sorted(leaderboard["n_train"].unique()) == [1, 4]
    assert curve["calibrator"].unique().sort().to_list() == ["identity", "ridge", "train_mean"]


def test_dry_run_prints_the_plan_and_leaves_nothing(tmp_path: Path) -> None:
    """Requests, hits and misses, and no folder."""
    shown = distexp(tmp_path, *MOCK, "dry_run=true")

    assert "432 requests: 0 hits, 432 misses." in shown.stdout
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["calibrator=rigde"], "'distexp list calibrators' shows all", id="choice"),
        pytest.param(
            ["elicitation=verbalized", "elicitation.n_samples=lots"],
            "The 'n_samples' parameter of Verbalized must be an int >= 1. Got 'lots' instead.",
            id="type",
        ),
        pytest.param(
            ["evaluation.n_splits=0"],
            "The 'n_splits' parameter of evaluation must be an int >= 1. Got 0 instead.",
            id="range",
        ),
        pytest.param(
            ["evaluation.test_size=1.5"],
            "The 'test_size' parameter of evaluation must be a float in (0, 1). Got 1.5 instead.",
            id="share",
        ),
        pytest.param(
            ["calibrator.ridge.regressor.alpha=-1"], "'alpha' parameter of Ridge", id="alpha"
        ),
        pytest.param(["dataset.questions=[natspac]"], "select more questions", id="one question"),
        pytest.param(["dataset.attributes=[star_sign]"], "star_sign", id="unknown attribute"),
        pytest.param(["cache.mode=replay"], "432 of 432 answers are not in", id="replay"),
        pytest.param(["cache.mode=sometimes"], "'mode' parameter of ResponseCache", id="mode"),
        pytest.param(["cache.path=/dev/null/x"], "/dev/null/x", id="cache folder"),
        pytest.param(["model=gpt-4o-mini"], "environment variable OPENAI_API_KEY", id="no key"),
        pytest.param(["model=claude-haiku-4-5"], "returns no log-probabilities", id="capability"),
        pytest.param(
            ["model=openai_compatible"], "model.name has to be given: model.n", id="mandatory"
        ),
        pytest.param(["model._target_=os.system"], "names 'os.system' as a _target_", id="target"),
        pytest.param(
            ["model._target_=distexp.trust.os.system"], "as a _target_", id="hidden target"
        ),
        pytest.param(["prompt=[]"], "'prompt' parameter of Experiment", id="no prompt"),
        pytest.param(["~calibrator"], "Could not delete 'calibrator'", id="no calibrators"),
        pytest.param(["+nosuch=1"], "unexpected keyword argument 'nosuch'", id="unknown part"),
        pytest.param(["nosuch=1"], "Could not override 'nosuch'", id="unknown key"),
        pytest.param(["x"], "'x' is no setting", id="no override"),
        pytest.param(["calibrator.ridge.regressor.alpha=${x}"], "'x' not found", id="dangling"),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_nothing(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    """The line says what is wrong; the exit code is not 0; no file is left behind."""
    shown = distexp(tmp_path, *MOCK, *arguments)

    assert shown.returncode == 1
    (line,) = shown.stderr.splitlines()
    assert line.startswith("distexp: error: ")
    assert message in line
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".db"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            'calibrator: {x: "${oc.create:{_target_: os.system, command: touch planted}}"}',
            "names 'os.system' as a _target_",
        ),
        (
            r'calibrator: {x: "\\${oc.create:{_target_: os.system, command: touch planted}}"}',
            "still holds an interpolation",
        ),
        ("calibrator: {x: {alpha: 3}}", "'calibrator' parameter of Experiment must be"),
        ("calibrator: {x: {_target_: sklearn.linear_model.Ridge}}", "'calibrator' parameter of E"),
        ("calibrator: [", "while parsing"),
    ],
    ids=["made by an interpolation", "escaped", "no target", "wrong kind", "broken"],
)
def test_configuration_from_elsewhere_runs_nothing(
    tmp_path: Path, line: str, message: str
) -> None:
    """What a YAML file names is checked as it will be used, and nothing of it is executed."""
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    (tmp_path / "mine" / "experiment" / "theirs.yaml").write_text(f"# @package _global_\n{line}\n")

    shown = distexp(tmp_path, "--config-dir", "mine", *MOCK, "experiment=theirs")

    assert shown.returncode == 1
    assert message in shown.stderr
    assert "Traceback" not in shown.stderr
    assert not (tmp_path / "planted").exists()


def test_bad_job_of_a_sweep_leaves_the_others_alone(tmp_path: Path) -> None:
    """The jobs around it run; the line names the job; the exit code is not 0."""
    shown = distexp(tmp_path, "-m", *MOCK, "calibrator=ridge", "evaluation.n_splits=2,0,3")

    assert shown.returncode == 1
    assert len(runs(tmp_path)) == 2
    told = (runs(tmp_path)[0].parent / "failures.md").relative_to(tmp_path)
    reason = "The 'n_splits' parameter of evaluation must be an int >= 1. Got 0 instead."
    assert shown.stderr.strip().splitlines() == [
        "distexp: error: 1 of 3 jobs failed:",
        f"  job 1, evaluation.n_splits=0: {reason}",
        "The others are asked for now.",
        f"distexp: 1 of 3 jobs failed, see {told}. The same command goes on from there.",
    ]
    assert (runs(tmp_path)[0].parent / "failures.md").read_text().splitlines() == [
        "| job | settings | what went wrong |",
        "|---|---|---|",
        f"| 1 | evaluation.n_splits=0 | {reason} |",
    ]


def test_interrupt_keeps_what_was_answered(openai_server: OpenAIServer, tmp_path: Path) -> None:
    """Ctrl-C is one line; the answers are kept and the same command goes on from there."""
    reached, gate = threading.Event(), threading.Event()

    def stall_after_ten(body: dict[str, Any], n: int) -> tuple[int, dict[str, Any]]:
        if n > 10:
            reached.set()
            gate.wait(600)
        return 200, answer(body)

    openai_server.answer = stall_after_ten
    arguments = [*at(openai_server), "model.max_concurrency=2", "progress=false"]
    job = subprocess.Popen(
        [sys.executable, "-m", "distexp", *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert reached.wait(300)

    job.send_signal(signal.SIGINT)
    _, stderr = job.communicate(timeout=300)
    gate.set()
    after = distexp(tmp_path, *arguments, "dry_run=true")

    assert job.returncode == 130
    assert stderr.strip().splitlines()[-1].startswith("distexp: interrupted.")
    assert "Traceback" not in stderr
    kept = int(after.stdout.split(" hits")[0].split()[-1])
    assert kept >= 9


def test_unreadable_replies_are_asked_for_again_only_where_set(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """With `retries=2` another draw is asked for, and every unreadable reply is counted."""
    openai_server.answer = lambda body, _: (
        200,
        answer(body) if body["seed"] >= 2_000_000 else chat(body, "No."),
    )
    arguments = (*at(openai_server), "elicitation=verbalized", "prompt=base", "progress=false")

    once = distexp(tmp_path, *arguments)
    shown = distexp(tmp_path, *arguments, "retries=2", "hydra.run.dir=outputs/runs/again/x")

    _, run = runs(tmp_path)
    predictions = pl.read_parquet(run / "predictions.parquet")
    assert once.returncode == 1
    assert "72 requests: 24 hits, 48 misses, 48 unreadable replies" in shown.stdout
    assert pl.read_parquet(run / "unreadable.parquet")["draw"].unique().sort().to_list() == [
        0, 1_000_000,
    ]  # fmt: skip
    assert set(predictions["status"]) == {"ok"}
    assert set(predictions["n_replies"]) == {3}
    assert set(predictions["n_unreadable"]) == {2}


def test_nothing_readable_still_leaves_the_replies(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """The run ends with an error, but what came back can be looked at."""
    openai_server.answer = lambda body, _: (200, chat(body, "No."))

    shown = distexp(
        tmp_path, *at(openai_server), "elicitation=verbalized", "prompt=base", "progress=false"
    )

    (run,) = runs(tmp_path)
    assert shown.returncode == 1
    assert "Only 0 of 192 estimates could be read" in shown.stderr
    assert pl.read_parquet(run / "unreadable.parquet")["text"].to_list() == ["No."] * 24


def test_unreachable_server_is_one_clear_line(openai_server: OpenAIServer, tmp_path: Path) -> None:
    """The line has the address and the setting to look at."""
    openai_server.close()

    shown = distexp(tmp_path, *at(openai_server), "model.max_retries=0", "progress=false")

    (line,) = shown.stderr.splitlines()
    assert line.startswith(f"distexp: error: Model served at {openai_server.url} cannot be reach")
    assert shown.returncode == 1


def at(server: OpenAIServer) -> list[str]:
    """Return the arguments that name a local server."""
    return [
        "model=openai_compatible", *ABLE, "model.name=served", f"model.api_base={server.url}",
        "figures=false",
    ]  # fmt: skip


def answer(body: dict[str, object]) -> dict[str, object]:
    """Answer questions with two options as well as those with three."""
    three = "C. " in str(body["messages"])
    return chat(body, '{"A": 20, "B": 30, "C": 50}' if three else '{"A": 40, "B": 60}')


def test_a_run_is_drawn_when_somebody_wants_it(
    made: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """From its tables: the same figures as where it was drawn at once."""
    run = made[0] / "outputs/runs/first/x"
    copy = Path(shutil.copytree(run, tmp_path / "x"))
    for name in ("alignment.svg", "distributions.svg"):
        (copy / name).unlink()

    shown = distexp(tmp_path, "report", "x", "--figures")

    assert shown.returncode == 0, shown.stderr
    for name in ("alignment.svg", "distributions.svg"):
        assert (copy / name).read_bytes() == (run / name).read_bytes()
        assert (copy / name).with_suffix(".pdf").read_bytes().startswith(b"%PDF")
