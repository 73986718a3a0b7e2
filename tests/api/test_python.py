"""distexp from Python gives the numbers, the cache and the errors of the command line."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hydra import version
from polars.testing import assert_frame_equal

import distexp as dx
from distexp.api.asking import Run
from distexp.errors import ConfigError, DatasetError, DistexpError
from tests.small_runs import distexp

FEW: Any = {"n_splits": 4, "n_bootstrap": 50, "n_flips": 200}
QUESTIONS = Path(__file__).parents[2] / "docs/examples/new_questions.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the command line ran in."""
    return tmp_path_factory.mktemp("python")


@pytest.fixture(scope="module")
def by_command(folder: Path) -> Path:
    """Return the folder of a run of the command line."""
    few = [f"evaluation.{name}={value}" for name, value in FEW.items()]
    shown = distexp(
        folder, "model=mock", "dataset.attributes=[sex,party]", "calibrator=[auto,ridge]", *few,
        "calibrator.ridge.regressor.alpha=3", "figures=false", "progress=false",
        "hydra.run.dir=outputs/runs/x",
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    return folder / "outputs/runs/x"


@pytest.fixture(scope="module")
def run(folder: Path, by_command: Path) -> Run:
    """Return the same answers, as Python has them."""
    survey = dx.survey("gss2018", attributes=["sex", "party"])
    return dx.ask(survey, model="mock", cache=folder / "outputs/cache", progress=False)


def test_what_the_command_paid_for_is_not_asked_again(run: Run) -> None:
    """24 questions in two prompts, of 5 groups of people."""
    assert run.calls.misses == 0
    assert run.calls.hits == run.calls.total == 2 * (24 + 5 * 24)


def test_numbers_are_those_of_the_command_line(run: Run, by_command: Path, tmp_path: Path) -> None:
    """Every table, to the last digit, and the report too."""
    found = run.evaluate(
        ["auto", "ridge"], settings={"calibrator.ridge.regressor.alpha": 3}, **FEW
    )

    for name in ("scores", "comparisons", "cases", "predictions"):
        table = getattr(found, name)()
        assert_frame_equal(
            table, pl.read_parquet(by_command / f"{name}.parquet"), check_exact=True
        )
    written = found.write(tmp_path / "x")
    assert (written / "report.md").read_bytes() == (by_command / "report.md").read_bytes()
    assert {path.name for path in by_command.iterdir()} == {p.name for p in written.iterdir()}


def test_summary_fits_into_eighty_columns(run: Run) -> None:
    """Also where names are long; a notebook shows it as preformatted text."""
    summary = run.evaluate("ridge", **FEW).summary()

    assert max(map(len, summary.splitlines())) == 80
    assert "training mean" in summary
    assert summary._repr_html_().startswith("<pre>====")


def test_representations_are_short(run: Run) -> None:
    """At most ten lines, whatever is behind them."""
    found = run.evaluate("ridge", **FEW)
    record = run._asking.survey.load()

    for one in (run, found, found.report, record, run.studies, found.report.results, dx.survey):
        assert repr(one).count("\n") < 10
        assert len(repr(one)) < 600


def test_card_estimates_new_questions_as_the_command_does(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    """By the prompt that `distexp predict` takes, and by a card of the same bytes."""
    card = run.fit("auto", **FEW)
    found = card.predict(dx.questionnaire(QUESTIONS), coverage=0.5)
    few = [f"evaluation.{name}={value}" for name, value in FEW.items()]
    shown = distexp(
        folder, "predict", "model=mock", "dataset.attributes=[sex,party]", *few, "coverage=0.5",
        f"questions={QUESTIONS}", f"out={tmp_path}/out.parquet", "figures=false",
    )  # fmt: skip

    assert shown.returncode == 0, shown.stderr
    assert_frame_equal(found, pl.read_parquet(tmp_path / "out.parquet"))
    assert dx.read_card(card.write(tmp_path / "card.json")).card.name == "auto"


def test_saved_runs_are_one_tidy_table(by_command: Path, folder: Path) -> None:
    """A row a run, condition, calibrator and metric, with the folder."""
    saved = dx.runs(folder / "outputs/runs/x")

    scores = saved.scores()
    assert scores["run"].unique().to_list() == [str(by_command)]
    assert_frame_equal(
        scores.drop("run"),
        pl.read_parquet(by_command / "scores.parquet"),
        check_column_order=False,
    )
    assert saved.view().height > 0


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet", "jsonl"])
def test_tables_are_written_without_formulas(tmp_path: Path, ending: str) -> None:
    """What a spreadsheet would compute begins with an apostrophe there."""
    table = pl.DataFrame({"option": ["=cmd|' /C calc'!A0"], "share": [0.5]})

    path = dx.write(table, tmp_path / f"x.{ending}")

    if ending == "csv":
        assert path.read_text().splitlines()[1].startswith("'=cmd")
    assert path.stat().st_size > 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: dx.survey("gss2081"), "Did you mean 'gss2018'?"),
        (lambda: dx.survey("gss2018", atributes=["sex"]), "Did you mean 'dataset.attributes'?"),
        (lambda: dx.survey("table", path="none.csv", codebook="none.yaml"), "none.yaml"),
        (lambda: dx.ask(dx.survey("gss2018"), model="moc"), "Did you mean 'mock'?"),
        (lambda: dx.ask("gss2018"), "as distexp.survey(NAME) makes one"),  # type: ignore[arg-type]
        (lambda: dx.Calibrator("rigde"), "Did you mean 'ridge'?"),
        (lambda: dx.Calibrator("ridge", alpha=3), "There is no setting 'calibrator.ridge.alpha'"),
        (lambda: dx.Calibrator("ridge").predict([[0.5, 0.5]]), "has not been fitted"),
        (lambda: dx.runs("/nowhere"), "There is no finished run"),
        (lambda: dx.questionnaire("none.yaml"), "cannot be read"),
        (lambda: dx.questionnaire(None), "New questions are a file"),  # type: ignore[arg-type]
        (lambda: dx.runs(["a"]), "A folder of runs is given by its path"),  # type: ignore[arg-type]
    ],
)
def test_errors_are_those_of_the_command_line(call: object, said: str) -> None:
    """In one line that says what may have been meant."""
    with pytest.raises(DistexpError, match=re.escape(said)) as raised:
        call()  # type: ignore[operator]

    assert "\n" not in str(raised.value)


def test_evaluation_refuses_what_the_command_refuses(run: Run) -> None:
    """A wrong setting, and a calibrator that there is not."""
    with pytest.raises(ConfigError, match="must be an int >= 1"):
        run.evaluate("ridge", n_splits=0)
    with pytest.raises(ConfigError, match=r"Did you mean 'evaluation\.n_splits'"):
        run.evaluate("ridge", n_split=3)
    with pytest.raises(ConfigError, match="Prompt 'qa' was not asked"):
        run.fit("ridge", prompt="qa")
    with pytest.raises(ConfigError, match=r"given by its name\. Got None"):
        run.evaluate(None)  # type: ignore[arg-type]
    for several in ([], ["auto", "ridge"], None):
        with pytest.raises(ConfigError, match="One calibrator is fitted"):
            run.fit(several)  # type: ignore[arg-type]
    with pytest.raises(DatasetError):
        run.fit("ridge", **FEW).predict("none.yaml")


def test_forecast_asks_nothing(tmp_path: Path) -> None:
    """It counts what is missing, and leaves no cache behind that holds an answer."""
    plan = dx.forecast(
        dx.survey("gss2018", attributes=["sex"]), model="mock", cache=tmp_path / "cache"
    )

    assert (plan.n_hits, plan.n_misses) == (0, 2 * (24 + 48))
    assert "Nothing was asked" in repr(plan)


def test_calibrators_work_on_plain_arrays() -> None:
    """Ragged rows, positions, groups; the training mean is the mean of the training answers."""
    P = [[0.5, 0.5], [0.2, 0.3, 0.5], [0.1, 0.9], [0.6, 0.2, 0.2]]
    Y = [[0.4, 0.6], [0.1, 0.4, 0.5], [0.2, 0.8], [0.3, 0.4, 0.3]]

    found = dx.Calibrator("train_mean").fit(P, Y).predict(P)
    ridge = dx.Calibrator("ridge", **{"regressor.alpha": 0.1}).fit(
        P, Y, options=[[0, 1], [0, 1, 5], [0, 1], [0, 1, 5]], question=list("abcd")
    )

    assert found.shape == (4, 3)
    assert found[0].tolist() == pytest.approx([0.3, 0.7, 0])
    assert found[1].tolist() == pytest.approx([0.2, 0.4, 0.4])
    assert ridge.predict([[0.3, 0.7]]).sum() == pytest.approx(1)


def test_a_name_that_old_versions_of_hydra_take_apart_is_one_name() -> None:
    """Whatever a program has told Hydra before: they put the name of the group for `_group_`."""
    with pytest.warns(match="1.1 compatibility"):
        version.setbase("1.1")

    assert repr(dx.Calibrator("shrink_group_mean")) == "Calibrator('shrink_group_mean')"


def test_padding_changes_nothing_on_arrays() -> None:
    """A row with its padding and the number of its options is the row without."""
    P, Y = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]]), np.array([[0.4, 0.6, 0], [0.1, 0.4, 0.5]])

    padded = dx.Calibrator("train_mean").fit(P, Y, options=[2, 3]).predict(P, options=[2, 3])
    ragged = dx.Calibrator("train_mean").fit([P[0, :2], P[1]], [Y[0, :2], Y[1]])

    assert padded.tolist() == ragged.predict([P[0, :2], P[1]]).tolist()


@pytest.mark.parametrize(
    ("rows", "said"),
    [([[0.5, 0.6]], "Row 0 of P is no distribution"), ([[1.0]], "1 values for 1 options"),
     ([], "has no row"), ([["a", "b"]], "rows of numbers")],
)  # fmt: skip
def test_rows_that_are_no_distributions_are_refused(rows: list[list[float]], said: str) -> None:
    """With the row, and what is wrong with it."""
    with pytest.raises(ConfigError, match=said):
        dx.Calibrator("uniform").fit(rows, rows)


def test_importing_distexp_stays_light() -> None:
    """Names are there at once; what is behind them is loaded when it is asked for."""
    code = (
        "import sys, distexp; assert 'ask' in dir(distexp); "
        "print([m for m in ('hydra', 'numpy', 'polars', 'rich', 'scipy') if m in sys.modules])"
    )

    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ({"prompt.language": "de"}, "base (de)"),
        ({"prompt.wording": "alternate"}, "base (alternate)"),
    ],
)
@pytest.mark.parametrize("by", [None, "base", "as tables call it"])
def test_card_is_of_the_prompt_in_its_language_and_wording(
    setting: dict[str, object], name: str, by: str | None, tmp_path: Path
) -> None:
    """Which is named as its file is, or as tables name it."""
    asked = dx.ask(
        dx.survey("gss2018", attributes=["sex"]), model="mock", elicitation="verbalized",
        prompt="base", cache=tmp_path, progress=False, settings=setting,
    )  # fmt: skip

    fitted = asked.fit("ridge", prompt=name if by == "as tables call it" else by, **FEW)

    assert name in repr(fitted)


def test_a_table_says_what_pandas_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra and the command, where pandas or pyarrow is not installed."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(ConfigError, match=r"pip install -e '\.\[pandas\]'"):
        dx.survey("gss2018").questions().to_pandas()
