"""A run, estimates and what is made of runs: at most 25 lines of at most 100 columns."""

import json
import re
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from distexp.cache import ResponseCache
from distexp.card.telling import Column, _question
from distexp.cli import doctor
from distexp.cli.choices import GROUPS, choices
from distexp.cli.commands import COMMANDS
from distexp.report.markdown import escaped, table
from distexp.terminal.documents import beginning, laid_out
from distexp.terminal.texts import rendered
from distexp.view.base import Runs, write
from distexp.view.brief import lines
from distexp.view.summary import load_view
from tests.cache.answers import ask, put
from tests.small_runs import distexp

MOST_LINES, MOST_COLUMNS = 25, 100
QUICK = (
    "progress=false", "evaluation.n_splits=3", "evaluation.n_bootstrap=20", "figures=false",
    "evaluation.n_flips=20", "evaluation.extras=false", "model=mock",
)  # fmt: skip
OWN = ("dataset=recorded", "dataset.path=recorded.parquet")
WIDE = {"COLUMNS": "200"}
KEYS = ("OPENAI", "ANTHROPIC", "GEMINI", "MISTRAL", "XAI")
LABELS = st.one_of(
    st.text(min_size=1, max_size=90),
    st.text("強く同意する反対。한국어", min_size=1, max_size=60),
    st.sampled_from(["|", "a | b", "`x`", "# A", "```", "👩‍👩‍👧 family", "é" * 50, "- no"]),
)


def fits(text: str, most: int = MOST_LINES) -> None:
    """Hold what was printed to the limits."""
    shown = text.splitlines()
    assert len(shown) <= most, text
    assert max(map(cell_len, shown), default=0) <= MOST_COLUMNS, text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with estimates of two prompts: 200 questions, 60 groups, long labels."""
    folder = tmp_path_factory.mktemp("lines")
    rng = np.random.default_rng(0)
    options = ["強く同意する、もちろんいつでもどこでも誰にでもそうです", "disagree " * 12, "|"]
    cases = [(f"質問 {n} " + "long " * 30, "all", "all") for n in range(200)]
    cases += [
        (f"質問 {n} " + "long " * 30, "地方", f"県{g} " * 9) for n in range(5) for g in range(60)
    ]
    rows = [
        {
            "dataset": "調査" * 30, "question_id": name, "question": f"{name}?" * 9,
            "options": options, "ordinals": [1.0, 2.0, 3.0], "attribute": attribute,
            "group": group, "n_respondents": 90.0,
            "human": human,
            "model": "provider/" + "large-" * 20, "elicitation": "e" * 40, "prompt": prompt,
            "status": "ok", "predicted": rng.dirichlet([2, 2, 2]).tolist(),
        }
        for at, (name, attribute, group) in enumerate(cases)
        for human in [None if at % 9 == 0 else rng.dirichlet([2, 3, 1]).tolist()]
        for prompt in ("base", "社会人口統計学的な" * 6)
    ]  # fmt: skip
    pl.DataFrame(rows).write_parquet(folder / "recorded.parquet")
    pl.DataFrame(rows[::2]).write_parquet(folder / "one.parquet")
    pl.DataFrame(
        {"question_id": [cases[0][0]] * 2, "option": options[:2], "count": [3, 4]}
        | {"attribute": "all", "group": "all"}
    ).write_csv(folder / "pilot.csv")
    people = pl.DataFrame({"person": range(30), "質問" * 40: options[:2] * 15})
    people.write_csv(folder / "twins.csv")
    people.head(12).write_csv(folder / "people.csv")
    return folder


ESTIMATES = ("dataset=recorded", "dataset.path=one.parquet", "calibrator=[ridge]", *QUICK)


@pytest.mark.parametrize(
    "commands",
    [
        [
            (*OWN, *QUICK, "calibrator=[ridge]", "hydra.run.dir=run"),
            ("bundle", "run", "run.zip"),
            ("reproduce", "run.zip", "--data", "."),
            ("report", "."),
        ],
        [(*OWN, *QUICK, "calibrator=[ridge]", "experiment=paper/groups")],
        [("-m", *OWN, *QUICK, "calibrator=ridge,train_mean", "experiment=paper/groups")],
        [
            ("fit", *ESTIMATES, "card=c.json"),
            ("apply", "--card", "c.json", "--predictions", "one.parquet", "--out", "a.csv"),
            (
                "predict",
                "dataset=recorded",
                "dataset.path=one.parquet",
                "card=c.json",
                "out=f.csv",
                "--json",
            ),
        ],
        [("predict", *ESTIMATES, "out=e.csv")],
        [("rectify", *ESTIMATES, "pilot=pilot.csv", "out=r.csv")],
        [("rectify", "pilot=people.csv", "twins=twins.csv", "out=t.csv")],
        [("plan", *ESTIMATES, "respondents=500", "out=p.csv")],
    ],
    ids=["run", "view", "sweep", "card", "predict", "rectify", "twins", "plan"],
)
def test_what_a_command_prints_fits(folder: Path, commands: list[tuple[str, ...]]) -> None:
    """Whatever the labels; with --json it is one document."""
    for arguments in commands:
        shown = distexp(folder, *arguments, environment=WIDE)

        assert shown.returncode == 0, shown.stderr
        assert shown.stdout.strip()
        if "--json" in arguments:
            assert json.loads(shown.stdout).keys() == {"estimates", "rows", "page", "calls"}
        else:
            fits(shown.stdout)


@pytest.mark.parametrize("name", sorted(choices("view")))
def test_every_view_fits(folder: Path, name: str) -> None:
    """On the terminal, of all runs that the commands left."""
    view = load_view(name)
    write(view, Runs.read([folder]), folder, figure=False)

    fits(rendered(lines(view, folder, columns=MOST_COLUMNS), MOST_COLUMNS))


@given(
    options=st.lists(LABELS, min_size=1, max_size=12),
    groups=st.lists(LABELS, min_size=1, max_size=60),
    room=st.integers(8, 25),
)
@settings(max_examples=60)
def test_charts_and_tables_of_any_labels_fit(
    options: list[str], groups: list[str], room: int
) -> None:
    """A beginning has as many lines as it may, no line is too wide, and each is one of all."""
    even = [1 / len(options)] * len(options)
    columns = [
        Column(attribute="a", group=one, shares=even, low=even, high=even, reason="far")
        for one in groups
    ]
    rows = [(group, option, "40% [30%, 50%]") for group in groups for option in options]
    parts = [_question(f"**{escaped(options[0])}** {escaped(groups[0])}", options, columns)]
    parts.append(table(("group", "option", "share"), rows, right=(2,)))

    for text in (*parts, "\n\n".join(parts), "\n\n".join(reversed(parts))):
        shown = "\n".join(beginning(text, MOST_COLUMNS, room))
        fits(shown, room)
        fits("\n".join(laid_out(text, MOST_COLUMNS)), 10_000)
        assert shown


@pytest.fixture(scope="module")
def paid(folder: Path) -> Path:
    """Return the folder with a cache of long-named models, one answering in two generations."""
    names = [f"provider/{'large-' * 20}{n}" for n in range(30)]
    about = ("dataset.questions=[abany,natspac,natheal]", "dataset.attributes=[sex]")
    for mode in ("use", "refresh"):
        shown = distexp(
            folder, *QUICK, *about, f"model.name={names[0]}", "calibrator=[]",
            f"cache.mode={mode}", "hydra.run.dir=paid",
        )  # fmt: skip
        assert shown.returncode == 0, shown.stderr
    with closing(ResponseCache(folder / "outputs" / "cache")) as cache:
        for name in names:
            server = f"http://{name}.example/v1"
            put(cache, replace(ask(), model=name, endpoint=server), "first " * 90)
    pl.DataFrame(
        {f"frage {n} " + "lang" * 20: ["ja, " * 20, "nein", "強く" * 30] * 7 for n in range(40)}
    ).write_csv(folder / "wide.csv")
    return folder


BESIDE_A_RUN = (
    "cache stats", "cache batches", "cache verify", "cache drift paid", "cache explain paid",
    "cache export paid paid.zip", "cache import paid.zip --path other",
    "cache diff other outputs/cache", "cache merge outputs/cache third",
    "cache explain paid --path empty", "cache --help", "codebook --help",
    "codebook draft wide.csv", "codebook check wide.csv wide.yaml", "report paid",
    "summarize paid", "show dataset=recorded dataset.path=one.parquet", "show question=abany",
)  # fmt: skip


def test_what_the_commands_beside_a_run_print_fits(
    paid: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the names; a list of all questions or groups has a line for each.

    What is to be typed is never cut. With --json all of it is one document.
    """
    monkeypatch.chdir(paid)
    monkeypatch.setenv("COLUMNS", "200")
    with closing(ResponseCache(Path("empty"))) as cache:
        put(cache, ask())
    for command in BESIDE_A_RUN:
        name, *arguments = command.split()

        with suppress(SystemExit):
            COMMANDS[name](arguments)

        shown = capsys.readouterr().out
        assert shown.strip(), command
        typed = re.compile(r"^One of them: .*(\n    .*)*", re.MULTILINE)
        fits(typed.sub("", shown), 90 if name == "show" else MOST_LINES)
        if name != "show" and "--help" not in arguments:
            with suppress(SystemExit):
                COMMANDS[name]([*arguments, "--json", *["--force"] * ("draft" in arguments)])
            assert json.loads(capsys.readouterr().out) is not None, command


@pytest.mark.parametrize("group", [*GROUPS, "metrics"])
def test_a_list_says_the_sentence_of_each_choice(
    capsys: pytest.CaptureFixture[str], group: str
) -> None:
    """It goes on below where it is long, and is not cut."""
    COMMANDS["list"]([group])

    shown = capsys.readouterr().out
    fits(shown, 3 * len(choices(group)) if group != "metrics" else 100)
    letters = "".join(shown.split())
    for name, said in choices(group).items() if group != "metrics" else ():
        assert f"{name}{''.join(said.split())}" in letters


def test_doctor_fits_in_the_width(capsys: pytest.CaptureFixture[str]) -> None:
    """It has a line a thing, or more where it says much."""
    doctor.main([])

    fits(capsys.readouterr().out, 60)


@pytest.mark.parametrize("columns", ["80", "200"])
def test_the_forecast_of_many_models_fits_and_counts_all(folder: Path, columns: str) -> None:
    """The sum is of all, and the price stands there."""
    names = [name for name in choices("model") if re.match("gpt-[45]|claude|gemini", name)]

    shown = distexp(
        folder, "-m", f"model={','.join(names)}", "elicitation=verbalized", "dry_run=true",
        "progress=false", "dataset.questions=[abany,natspac,natenvir,natheal]",
        environment={f"{one}_API_KEY": "none" for one in KEYS} | {"COLUMNS": columns},
    )  # fmt: skip

    assert shown.returncode == 0, shown.stderr
    fits(shown.stdout)
    assert f"{len(names) - 12} models more" in shown.stdout
    assert "USD at most" in shown.stdout
