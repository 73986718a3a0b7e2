import io
import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distexp.errors import ConfigError
from distexp.report.tables import trials, trials_schema
from distexp.terminal import line
from distexp.tuning.optuna import N_COMPLETE, N_FOLDS_SEEN, OptunaTuning, Trial
from distexp.tuning.space import Choices, Range, Setting, Space, domain
from distexp.types import Condition

SPACE = Space(
    {
        "line": {"slope": Range(0.01, 100.0, log=True, integer=False)},
        "step": {"at": Range(1, 9, log=False, integer=True), "kind": Choices(("up", None))},
    }
)
"""Two candidates with parameters of their own."""
FINITE = Space({"step": {"kind": Choices(("up", "down", None)), "at": Range(1, 2, False, True)}})
GIVEN = [
    Setting(candidate="line", values={"slope": 1.0}),
    Setting(candidate="step", values={"at": 5, "kind": "up"}),
]


class Counted:
    """Losses of a known optimum, at slope 3, with a record of the folds that were computed."""

    def __init__(self, n_folds: int = 5) -> None:
        self.n_folds = n_folds
        self.folds: list[Setting] = []

    def __call__(self, setting: Setting) -> Iterator[list[float]]:
        """Yield one loss a fold."""
        slope, at = setting.values.get("slope", 0.0), setting.values.get("at", 0)
        assert isinstance(slope, float)
        assert isinstance(at, int)
        for _ in range(self.n_folds):
            self.folds.append(setting)
            yield [abs(slope - 3) + at]


def search(
    losses: Any, space: Space = SPACE, subject: str = "these questions", **settings: Any
) -> list[Trial]:
    """Search once."""
    with OptunaTuning(progress=False, **settings).session(1) as session:
        return session.search(space, GIVEN, losses, subject)


def test_candidates_as_given_are_tried_first() -> None:
    """Whatever the sampler finds later is compared with what stands in the file."""
    tried = search(Counted(), n_trials=8)

    assert [trial.setting for trial in tried[:2]] == GIVEN
    assert [trial.value for trial in tried[:2]] == [2.0, 8.0]


def test_given_values_outside_of_the_space_are_drawn_from_it() -> None:
    """A slope of 1 is tried first only where the space holds it."""
    narrow = Space({**SPACE.candidates, "line": {"slope": Range(2.0, 4.0, False, False)}})

    first, second, *_ = search(Counted(), narrow, n_trials=2)

    assert first.setting.candidate == "line"
    assert 2 <= first.setting.values["slope"] <= 4  # type: ignore[operator]
    assert second.setting == GIVEN[1]


def test_the_sampler_closes_in_on_the_best() -> None:
    """The last settings are nearer to a slope of 3 than the first ones drawn at random."""
    tried = search(Counted(), n_trials=60, pruner=None)

    best = min(tried, key=lambda trial: trial.value)
    assert best.setting.candidate == "line"
    assert best.value < 0.3
    assert sum(t.value for t in tried[-10:]) < sum(t.value for t in tried[2:12])


def test_a_small_space_is_tried_whole_and_no_further() -> None:
    """Three kinds at two places are six settings, whatever the number of trials allowed."""
    losses = Counted()

    tried = search(losses, FINITE, n_trials=50, pruner=None)

    expected = [{"kind": k, "at": at} for k, at in itertools.product(("up", "down", None), (1, 2))]
    assert [trial.setting.values for trial in tried] == expected
    assert len(losses.folds) == 6 * 5


def test_a_setting_drawn_again_costs_nothing() -> None:
    """Its losses are known; the trial counts."""
    space = Space({**FINITE.candidates, "line": {"slope": Choices((1.0, 2.0, 3.0, 4.0))}})
    losses = Counted()

    tried = search(losses, space, n_trials=9, sampler="random", pruner=None)

    different = {str(trial): trial for trial in tried}
    assert len(different) < len(tried) == 9
    assert len(losses.folds) == 5 * len(different)


def test_a_trial_behind_the_median_is_given_up() -> None:
    """Worse than all before it, the sixth trial ends after the folds that it is judged by."""
    losses = Counted()
    worse = Space({"step": {"at": Range(1, 6, False, True)}})  # in order, each worse by 1

    tried = search(losses, worse, n_trials=6)

    assert [trial.state for trial in tried] == ["complete"] * N_COMPLETE + ["pruned"]
    assert len(losses.folds) == 5 * N_COMPLETE + N_FOLDS_SEEN
    assert tried[-1].value == 9.0


def test_without_pruner_every_trial_sees_every_fold() -> None:
    """`pruner=null` computes all folds of all six settings."""
    losses = Counted()
    worse = Space({"step": {"at": Range(1, 6, False, True)}})

    tried = search(losses, worse, n_trials=6, pruner=None)

    assert {trial.state for trial in tried} == {"complete"}
    assert len(losses.folds) == 5 * 6


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_equal_seeds_give_equal_trials(sampler: str) -> None:
    """Every setting, state and value is the same; another seed draws others."""
    first = search(Counted(), n_trials=20, sampler=sampler, seed=4)

    assert search(Counted(), n_trials=20, sampler=sampler, seed=4) == first
    assert search(Counted(), n_trials=20, sampler=sampler, seed=5)[2:] != first[2:]


def test_a_search_that_was_stored_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """More trials later are the trials of one long search; the same number costs nothing."""
    stored: dict[str, Any] = {"storage": str(tmp_path / "new" / "tuning.log")}
    whole, again, rest = Counted(), Counted(), Counted()

    uninterrupted = search(whole, n_trials=20)
    search(Counted(), n_trials=13, **stored)
    assert search(again, n_trials=13, **stored) == uninterrupted[:13]
    assert search(rest, n_trials=20, **stored) == uninterrupted

    assert again.folds == []
    assert 0 < len(rest.folds) < len(whole.folds)


KILLED = """
import os, signal, sys
from tests.tuning.test_tuning import Counted, search

class Deadly(Counted):
    def __call__(self, setting):
        for losses in super().__call__(setting):
            if len(self.folds) == 47:  # in the middle of the tenth trial
                os.kill(os.getpid(), signal.SIGKILL)
            yield losses

search(Deadly(), n_trials=20, pruner=None, storage=sys.argv[1])
"""


def test_a_killed_process_loses_no_more_than_its_trial(tmp_path: Path) -> None:
    """Killed in its tenth trial, the search goes on with it, to the end it would have come to."""
    storage = str(tmp_path / "tuning.log")
    killed = subprocess.run([sys.executable, "-c", KILLED, storage], check=False)
    whole, rest = Counted(), Counted()

    resumed = search(rest, n_trials=20, pruner=None, storage=storage)

    assert killed.returncode == -signal.SIGKILL
    assert resumed == search(whole, n_trials=20, pruner=None)
    assert rest.folds == whole.folds[9 * 5 :]


@pytest.mark.parametrize(
    "other", [{"subject": "others"}, {"seed": 1}, {"n_folds": 4}, {"pruner": None}]
)
def test_another_search_never_reuses_a_study(tmp_path: Path, other: dict[str, Any]) -> None:
    """What stands in the file is known again only if everything is the same."""
    stored: dict[str, Any] = {"storage": str(tmp_path / "tuning.log"), "n_trials": 3}
    search(Counted(), **stored)
    losses = Counted(n_folds=other.get("n_folds", 5))

    search(losses, **{**stored, **other})

    assert len(losses.folds) == 3 * losses.n_folds


def test_processes_that_search_the_same_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Trials that two of them wrote count once."""
    stored: dict[str, Any] = {"storage": str(tmp_path / "tuning.log"), "n_trials": 4}
    search(Counted(), **stored)
    journal = Path(stored["storage"])
    study, *written = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join([study, *(line for line in written for _ in range(2))]))
    losses = Counted()

    assert search(losses, **stored) == search(Counted(), n_trials=4)
    assert losses.folds == []


@pytest.mark.parametrize("content", ["hello\n", "[1]\n[2]\n", '{"a": 1}\n', "SQLite format 3\0"])
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, content: str) -> None:
    """It is named and left alone."""
    path = tmp_path / "notes.txt"
    path.write_text(content)

    with pytest.raises(ConfigError, match=r"'storage' parameter of tuning .* notes|notes\.txt"):
        search(Counted(), storage=str(path))

    assert path.read_text() == content


def test_a_storage_that_is_lost_in_between_is_named(tmp_path: Path) -> None:
    """No trial is tried in vain, and nothing but the one at hand is lost."""
    storage = tmp_path / "tuning.log"

    def losing(setting: Setting) -> Iterator[list[float]]:
        storage.unlink()
        storage.mkdir()
        yield from Counted()(setting)

    with pytest.raises(ConfigError, match=r"cannot be written to .*tuning\.log"):
        search(losing, storage=str(storage))


def test_after_the_timeout_no_trial_is_started() -> None:
    """The first is run all the same, so that there is something to choose."""
    assert len(search(Counted(), timeout_s=1e-9)) == 1


def test_nothing_is_written_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """No log line of Optuna's, and no bar where there is no terminal."""
    with OptunaTuning(n_trials=3).session(1) as session:
        session.search(SPACE, GIVEN, Counted(), "x")

    assert capfd.readouterr().err == ""


class Terminal(io.StringIO):
    """Standard error of somebody who watches."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.mark.parametrize("progress", [True, False])
def test_one_bar_counts_the_trials_of_all_searches(
    monkeypatch: pytest.MonkeyPatch, progress: bool
) -> None:
    """Two searches of at most eight, one of which ends early, fill it; `progress` hides it."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(line, "TERMINAL_EVERY_S", 0.0)  # trials here take no time

    with OptunaTuning(n_trials=8, progress=progress).session(2) as session:
        session.search(SPACE, GIVEN, Counted(), "x")
        session.search(FINITE, GIVEN, Counted(), "y")

    assert ("16 of 16" in terminal.getvalue()) is progress
    assert ("\n" in terminal.getvalue()) is progress


def test_optuna_is_loaded_only_to_search() -> None:
    """A configuration that tunes nothing does not pay for it."""
    code = (
        "import sys; from distexp.tuning.optuna import OptunaTuning as T; T(); "
        "print('optuna' in sys.modules)"
    )

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert shown.stdout.strip() == b"False"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_trials": 0}, "The 'n_trials' parameter of tuning must be an int >= 1. Got 0"),
        ({"n_folds": 1}, "The 'n_folds' parameter of tuning must be an int >= 2"),
        ({"sampler": "grid"}, "The 'sampler' parameter of tuning must be one of tpe, random"),
        ({"pruner": "hyperband"}, "The 'pruner' parameter of tuning must be median or null"),
        ({"seed": None}, "The 'seed' parameter of tuning must be an int >= 0"),
        ({"storage": ""}, "The 'storage' parameter of tuning must be a non-empty str"),
        ({"timeout_s": 0}, "The 'timeout_s' parameter of tuning must be a number > 0"),
        ({"progress": "yes"}, "The 'progress' parameter of tuning must be true or false"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    """The message names the setting and what it got."""
    with pytest.raises(ConfigError, match=message):
        OptunaTuning(**settings)


def test_a_list_is_choices_and_a_mapping_a_range() -> None:
    """Both may be asked whether they hold a value."""
    layout = domain("Tuned", "layout", ["pooled", None, 2])
    alpha = domain("Tuned", "alpha", {"low": 0.1, "high": 10, "log": True})
    leaf = domain("Tuned", "leaf", {"low": 1, "high": 20, "integer": True})

    assert layout == Choices(("pooled", None, 2))
    assert alpha == Range(0.1, 10, log=True, integer=False)
    assert [layout.holds(None), layout.holds("joint")] == [True, False]
    assert [alpha.holds(10), alpha.holds(0.01), alpha.holds("1")] == [True, False, False]
    assert [leaf.holds(20), leaf.holds(2.5), leaf.holds(True)] == [True, False, False]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "must be a list of different values to choose from, or a range"),
        ([1, 1.0], "must be a list of different values"),
        ([[1, 2]], "must be a list of different values"),
        ("joint", "must be a list of different values"),
        (3.0, "must be a list of different values"),
        ({"low": 2, "high": 1}, "must be a range of numbers with low < high"),
        ({"low": 1, "high": 1}, "must be a range of numbers with low < high"),
        ({"low": 1}, "must be a range of numbers with low < high"),
        ({"low": "a", "high": "b"}, "must be a range of numbers with low < high"),
        ({"low": 0, "high": 1, "log": True}, "must be a range of numbers with 0 < low < high"),
        ({"low": 1, "high": 2.5, "integer": True}, "must be a range of whole numbers with low"),
        ({"low": 0, "high": float("inf")}, "must be a range of numbers with low < high"),
        ({"low": 1, "high": 2, "step": 1}, "must be a range with low and high and, where"),
        ({"low": 1, "high": 2, "log": "yes"}, "must be a range with low and high and, where"),
    ],
)
def test_what_cannot_be_searched_is_refused(given: object, message: str) -> None:
    """The message names the parameter."""
    with pytest.raises(ConfigError, match=f"The 'space.alpha' parameter of Tuned {message}"):
        domain("Tuned", "space.alpha", given)


def test_the_table_has_a_row_for_each_trial() -> None:
    """Under the condition of the study and the name of the calibrator; no trials, no rows."""
    condition = Condition(dataset="d", model="m", elicitation="e", prompt="p")
    row = {
        "split": 0, "trial": 0, "candidate": "line", "state": "complete", "value": 0.25,
        "chosen": True, "params": json.dumps({"slope": 1.0}),
    }  # fmt: skip

    table = trials(condition, {"tuned": [row], "ridge": []})

    assert dict(table.schema) == trials_schema()
    assert table.rows(named=True) == [
        {"dataset": "d", "model": "m", "elicitation": "e", "prompt": "p", "calibrator": "tuned"}
        | row
    ]
    assert trials(condition, {}).schema == table.schema


def distexp(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command on a few questions, without a model."""
    few = (
        "model=mock",
        "dataset.attributes=[sex]",
        "prompt=base",
        "evaluation.n_splits=3",
        "figures=false",
    )
    quick = ("evaluation.n_bootstrap=50", "progress=false")
    command = [sys.executable, "-m", "distexp", *few, *quick, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_tunes(tmp_path: Path) -> None:
    """Each of three splits tries three settings, kept where the command was started."""
    shown = distexp(
        tmp_path, "tuning=optuna", "tuning.n_trials=3", "tuning.storage=kept/tuning.log",
        "calibrator=[ridge_tuned]",
    )  # fmt: skip

    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""
    assert "ridge_tuned" in shown.stdout
    assert (tmp_path / "kept/tuning.log").read_text().count('"op_code":4') >= 3 * 3


def test_the_command_refuses_a_wrong_space_in_one_line(tmp_path: Path) -> None:
    """Before any call, and by name."""
    layouts = "calibrator.ridge_tuned.candidates.ridge.space.layout=[pooled,jiont]"

    shown = distexp(tmp_path, "tuning=optuna", "calibrator=[ridge_tuned]", layouts)

    assert shown.returncode == 1
    assert "In candidate 'ridge' of Tuned: The 'layout' parameter" in shown.stderr
    assert shown.stderr.count("\n") == 1
    assert not (tmp_path / "outputs/cache").exists()
