"""A sweep as its users meet it: one schedule of calls for all jobs, and what goes wrong in it."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distexp.sweep.display import Display
from tests.conftest import ABLE, OpenAIServer, chat

FEW = (
    "progress=false", "dataset.attributes=[sex]", "elicitation=verbalized", "calibrator=ridge",
    "evaluation.n_splits=3", "evaluation.n_bootstrap=50", "evaluation.extras=false",
    "evaluation.intervals=bootstrap", "evaluation.hold_out=question",
    "figures=false",
)  # fmt: skip
N_BASE, N_PERSONA = 24, 48  # requests of 24 questions, without and with 2 groups of people

N_PROBE = 6  # calls: a plain one, one each for log-probabilities, schema and system, two for seed


def environment() -> dict[str, str]:
    """Return the environment without keys."""
    return {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}


def sweep(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a sweep in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "distexp", "-m", "-v", *FEW, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def counts(stdout: str) -> list[tuple[int, int, int]]:
    """Return requests, hits and misses of each job, in the order shown."""
    found = re.findall(r"^(\d+) requests: (\d+) hits, (\d+) misses", stdout, re.MULTILINE)
    return [(int(n), int(hits), int(misses)) for n, hits, misses in found]


def answer(body: dict[str, Any]) -> dict[str, Any]:
    """Answer questions with two options as well as those with three."""
    three = "C. " in str(body["messages"])
    return chat(body, '{"A": 20, "B": 30, "C": 50}' if three else '{"A": 40, "B": 60}')


def served(*servers: OpenAIServer) -> list[str]:
    """Return the arguments for a sweep over the models of servers: all have one name."""
    addresses = ",".join(server.url for server in servers)
    return ["model=openai_compatible", *ABLE, "model.name=m", f"model.api_base={addresses}"]


@pytest.fixture
def server(openai_server: OpenAIServer) -> OpenAIServer:
    """Return a server that answers every question."""
    openai_server.answer = lambda body, _: (200, answer(body))
    return openai_server


@pytest.fixture
def other() -> Iterator[OpenAIServer]:
    """Return a second one."""
    server = OpenAIServer()
    server.answer = lambda body, _: (200, answer(body))
    yield server
    server.close()


def test_requests_that_jobs_share_are_asked_once(server: OpenAIServer, tmp_path: Path) -> None:
    """The first job pays for them; to the others they are hits, as if it had run before them."""
    shown = sweep(tmp_path, *served(server), "prompt=base", "evaluation.seed=1,2,3")

    assert shown.returncode == 0, shown.stderr
    assert len(server.requests) == N_BASE
    assert counts(shown.stdout) == [(N_BASE, 0, N_BASE), (N_BASE, N_BASE, 0), (N_BASE, N_BASE, 0)]


def test_probe_is_asked_once_for_all_jobs_and_heeded_by_the_calls_of_each(
    server: OpenAIServer, tmp_path: Path
) -> None:
    """What one job has found out holds where the sweep asks for it; it moves no key."""

    def ignores_schema(body: dict[str, Any], _: int) -> tuple[int, dict[str, Any]]:
        return 200, chat(body, "Fine.") if "two words" in str(body["messages"]) else answer(body)

    server.answer = ignores_schema
    unknown = ("model=openai_compatible", "model.name=m", f"model.api_base={server.url}")

    shown = sweep(tmp_path, *unknown, "prompt=base,sociodemographic")
    known = sweep(tmp_path, *served(server), "prompt=base,sociodemographic", "cache.mode=replay")

    assert shown.returncode == known.returncode == 0, shown.stderr + known.stderr
    asked = [body for body in server.requests if "B. " in str(body["messages"])]
    assert len(asked) == N_BASE + N_PERSONA
    assert not any("response_format" in body for body in asked)
    assert all("seed" in body for body in asked)
    assert len(server.requests) - len(asked) == N_PROBE
    assert counts(shown.stdout) == [(N_BASE + 1, 0, N_BASE + 1), (N_PERSONA + 1, 1, N_PERSONA)]
    assert counts(known.stdout) == [(N_BASE, N_BASE, 0), (N_PERSONA, N_PERSONA, 0)]


def test_second_sweep_asks_nothing_and_finds_the_same(
    server: OpenAIServer, tmp_path: Path
) -> None:
    """Every table is the same to the byte, in every job and over all of them."""
    arguments = (*served(server), "prompt=base,sociodemographic")
    sweep(tmp_path, *arguments, "hydra.sweep.dir=outputs/sweeps/first")
    server.close()

    again = sweep(tmp_path, *arguments, "hydra.sweep.dir=outputs/sweeps/second")

    assert counts(again.stdout) == [(N_BASE, N_BASE, 0), (N_PERSONA, N_PERSONA, 0)]
    assert not list(tmp_path.rglob("*.svg"))  # figures=false
    for name in ("0/scores.parquet", "1/predictions.parquet", "leaderboard.parquet"):
        first, second = (tmp_path / "outputs/sweeps" / of / name for of in ("first", "second"))
        assert first.read_bytes() == second.read_bytes(), name


def test_endpoints_are_asked_side_by_side(
    server: OpenAIServer, other: OpenAIServer, tmp_path: Path
) -> None:
    """Neither answers until both were asked, which the calls of one after the other never do."""
    both = threading.Barrier(2, timeout=300)

    def meet_first(own: OpenAIServer) -> None:
        def meet(body: dict[str, Any], n: int) -> tuple[int, dict[str, Any]]:
            if n == 1:
                both.wait()
            return 200, answer(body)

        own.answer = meet

    meet_first(server)
    meet_first(other)

    shown = sweep(tmp_path, *served(server, other), "prompt=base", "model.max_concurrency=1")

    assert shown.returncode == 0, shown.stderr
    assert len(server.requests) == len(other.requests) == N_BASE


def test_model_that_fails_takes_only_its_own_jobs(
    server: OpenAIServer, other: OpenAIServer, tmp_path: Path
) -> None:
    """The table says which, the other jobs end, and once it is mended only its calls are made."""
    other.answer = lambda *_: (401, {"error": {"message": "wrong key", "code": "invalid_key"}})
    arguments = (*served(server, other), "prompt=base,sociodemographic")

    shown = sweep(tmp_path, *arguments)
    other.answer = lambda body, _: (200, answer(body))
    again = sweep(tmp_path, *arguments)

    headline, *rows, last = shown.stderr.strip().splitlines()
    assert shown.returncode == 1
    assert headline == "distexp: error: 2 of 4 jobs failed:"
    assert last == "The others are complete. The same command goes on from there."
    assert [row.split(",")[0] for row in rows] == ["  job 2", "  job 3"]
    assert all("wrong key" in row and other.url in row.split(": ")[0] for row in rows)
    assert [n for n, _, _ in counts(shown.stdout)] == [N_BASE, N_PERSONA]
    assert again.returncode == 0, again.stderr
    assert [misses for _, _, misses in counts(again.stdout)] == [0, 0, N_BASE, N_PERSONA]
    assert len(server.requests) == N_BASE + N_PERSONA


def test_model_without_its_key_takes_only_its_own_jobs(
    server: OpenAIServer, tmp_path: Path
) -> None:
    """A sweep over a local model and a hosted one runs the local one where the key is missing."""
    shown = sweep(tmp_path, "prompt=base", "model=mock,gpt-4o-mini")

    assert shown.returncode == 1
    assert counts(shown.stdout) == [(N_BASE, 0, N_BASE)]
    row = shown.stderr.strip().splitlines()[1]
    assert "OPENAI_API_KEY" in row
    assert row.startswith("  job 1, model=gpt-4o-mini: ")


def test_budget_holds_over_the_whole_sweep(server: OpenAIServer, tmp_path: Path) -> None:
    """Jobs that have all their answers are complete; the others are partial and say so."""
    arguments = (*served(server), "prompt=base,sociodemographic")

    shown = sweep(tmp_path, *arguments, "budget.calls=60", "hydra.sweep.dir=outputs/sweeps/x")
    again = sweep(tmp_path, *arguments)

    assert shown.returncode == 1
    assert "budget.calls=60 is spent. Raise it, and the same command goes on." in shown.stderr
    assert len(server.requests) == N_BASE + N_PERSONA
    assert sum(misses for _, _, misses in counts(shown.stdout)) == 60
    summaries = [
        json.loads((tmp_path / f"outputs/sweeps/x/{job}/summary.json").read_text())
        for job in (0, 1)
    ]
    n_partial = sum(summary["partial"] is not None for summary in summaries)
    assert shown.stdout.count("**Partial: ") == n_partial > 0
    assert sum(misses for _, _, misses in counts(again.stdout)) == N_BASE + N_PERSONA - 60


def test_partial_report_says_what_it_is_of(server: OpenAIServer, tmp_path: Path) -> None:
    """Cases that were not asked have a row that says so; none of them is guessed or counted."""
    import polars as pl

    arguments = [*FEW, *served(server), "prompt=sociodemographic", "budget.calls=40"]

    shown = subprocess.run(
        [sys.executable, "-m", "distexp", *arguments, "hydra.run.dir=outputs/x"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert shown.returncode == 1
    assert "The report is partial. budget.calls=40 is spent." in shown.stderr
    report = (tmp_path / "outputs/x/report.md").read_text()
    assert "**Partial: 40 of 48 estimates were asked for" in report
    predictions = pl.read_parquet(tmp_path / "outputs/x/predictions.parquet")
    cases = predictions.group_by("question_id", "group").agg(pl.col("status").first())
    assert dict(cases["status"].value_counts().iter_rows()) == {"ok": 40, "not_asked": 8}
    lost = predictions.filter(pl.col("status") == "not_asked")
    assert lost["predicted"].null_count() == lost.height


def test_plan_of_a_sweep_counts_what_jobs_share_once(
    server: OpenAIServer, other: OpenAIServer, tmp_path: Path
) -> None:
    """Cost at the given price, time at the given limit, and nothing is asked."""
    shown = sweep(
        tmp_path, *served(server), "prompt=base,sociodemographic", "evaluation.seed=1,2",
        "model.usd_per_million_tokens=[1000,0]", "model.requests_per_minute=36", "dry_run=true",
        "budget.calls=50",
    )  # fmt: skip

    n = N_BASE + N_PERSONA
    assert shown.stdout.startswith(f"{n} requests: 0 hits, {n} misses. Nothing was asked")
    name, hits, misses, usd, conditions, tokens, _ = shown.stdout.splitlines()[4].split()
    assert (name, hits, misses, conditions) == ("m", "0", str(n), "2")
    assert float(usd) == pytest.approx(int(tokens.replace(",", "")) / 1000, abs=0.005)
    assert "At the limits per minute: 2 min at the least." in shown.stdout
    assert f"budget.calls=50 may stop it: {n} may be needed." in shown.stdout
    assert server.requests == []
    assert not list(tmp_path.rglob("*.parquet"))


def test_interrupted_sweep_ends_at_once_and_goes_on_later(
    server: OpenAIServer, tmp_path: Path
) -> None:
    """Not when the server answers; in one line, with every answer kept and no process left."""
    stalled, gate = threading.Event(), threading.Event()

    def stall(body: dict[str, Any], n: int) -> tuple[int, dict[str, Any]]:
        if n > 30:
            stalled.set()
            gate.wait(600)
        return 200, answer(body)

    server.answer = stall
    arguments = [*FEW, *served(server), "prompt=base,sociodemographic", "model.max_concurrency=2"]
    command = [sys.executable, "-m", "distexp", "-m", *arguments]
    job = subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert stalled.wait(300)

    os.killpg(job.pid, signal.SIGINT)  # as a terminal does: to the workers too
    _, stderr = job.communicate(timeout=300)  # the server has not answered yet
    gate.set()
    again = sweep(tmp_path, *arguments[len(FEW) :])

    assert job.returncode == 130
    assert stderr.strip().splitlines()[-1].startswith("distexp: interrupted.")
    assert "Traceback" not in stderr
    assert sum(hits for _, hits, _ in counts(again.stdout)) >= 30
    with pytest.raises(ProcessLookupError):
        os.killpg(job.pid, 0)


def test_job_whose_process_is_killed_takes_no_other_with_it(tmp_path: Path) -> None:
    """The one that was killed is in the table; the rest have their results."""
    (tmp_path / "deadly.py").write_text(
        "import os, signal\n"
        "from sklearn.dummy import DummyRegressor\n"
        "class Deadly(DummyRegressor):\n"
        "    def __init__(self, deadly=False):\n"
        "        super().__init__()\n"
        "        self.deadly = deadly\n"
        "    def fit(self, X, y, sample_weight=None):\n"
        "        if self.deadly:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super().fit(X, y, sample_weight)\n"
    )
    arguments = (
        "model=mock", "prompt=base", "calibrator.ridge.regressor._target_=deadly.Deadly",
        "~calibrator.ridge.regressor.alpha", "+calibrator.ridge.regressor.deadly=false,true,false",
    )  # fmt: skip
    shown = subprocess.run(
        [sys.executable, "-m", "distexp", "-m", "-v", *FEW, *arguments],
        cwd=tmp_path,
        env=environment() | {"DISTEXP_TRUST": "deadly", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert shown.returncode == 1
    assert len(counts(shown.stdout)) == 2
    (row,) = re.findall(r"^  job \d.*", shown.stderr, re.MULTILINE)
    assert row.startswith(
        "  job 1, +calibrator.ridge.regressor.deadly=True: Its process was killed"
    )


@pytest.mark.parametrize("mode", ["off", "refresh"])
def test_without_stored_answers_every_job_has_those_of_this_sweep(
    server: OpenAIServer, tmp_path: Path, mode: str
) -> None:
    """`off` and `refresh` ask anew, once for all jobs, and each job is analysed with that."""
    shown = sweep(
        tmp_path, *served(server), "prompt=base", "evaluation.seed=1,2", f"cache.mode={mode}"
    )

    assert shown.returncode == 0, shown.stderr
    assert len(server.requests) == N_BASE
    assert (tmp_path / "outputs/cache").exists() == (mode == "refresh")
    assert [misses for _, _, misses in counts(shown.stdout)] == [N_BASE, 0]


def test_elicitation_that_asks_in_steps_does_so_in_a_sweep(tmp_path: Path) -> None:
    """Paraphrases are asked for first, for all jobs, and then the questions in their words."""
    arguments = ("model=mock", "elicitation=paraphrase", "prompt=base,sociodemographic")

    shown = sweep(tmp_path, *arguments)
    again = sweep(tmp_path, *arguments)

    assert shown.returncode == again.returncode == 0, shown.stderr + again.stderr
    first, second = counts(shown.stdout)
    assert first == (first[0], 0, first[0])
    assert second[1] == N_BASE  # the paraphrases, which the first job paid for
    assert [misses for _, _, misses in counts(again.stdout)] == [0, 0]


def test_budget_in_usd_needs_prices(server: OpenAIServer, tmp_path: Path) -> None:
    """A limit that could not be kept is refused before the first call."""
    shown = sweep(tmp_path, *served(server), "prompt=base", "evaluation.seed=1,2", "budget.usd=1")

    (line,) = shown.stderr.strip().splitlines()
    assert "budget.usd is set, and the price of m is unknown." in line
    assert shown.returncode == 1
    assert server.requests == []


class Terminal(io.StringIO):
    """Text that is written to a terminal."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


def test_line_of_a_sweep_is_taken_away_before_results_are_shown() -> None:
    """On a terminal the two share the screen; elsewhere lines are rare and plain."""
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        display = Display(7, shown=True, stream=stream)
        time.sleep(0.11)
        display.tick(2, 3)
        display.clear()

    shown, _, taken = terminal.getvalue().partition("sweep: 2 of 7 jobs, 3 wait for answers")
    assert shown
    assert "\x1b[2K" in taken
    assert file.getvalue() == ""
