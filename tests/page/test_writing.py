"""Pages of runs, sweeps and folders of runs: made from tables alone, with their numbers."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from distexp.cli.report import main
from distexp.errors import DatasetError
from distexp.page import estimated
from distexp.page.answer import HOW_FAR, of_run, of_sweep
from distexp.page.run import cases, head, replies
from distexp.page.sweep import sweep
from distexp.page.tables import Tables
from distexp.page.words import pieces
from distexp.page.writing import write, write_estimates
from tests.page import pages
from tests.page.test_document import Elements

NEW = ("questions.parquet", "replies.parquet", "sentences.json")
"""What runs of earlier versions do not have."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run whose texts are hostile."""
    return pages.write(pages.report(pages.HOSTILE), tmp_path_factory.mktemp("run") / "a")


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder."""
    return Path(shutil.copytree(made, tmp_path / "run"))


def data(page: Path, name: str = "head") -> Any:
    """Return the data of a page that are not packed."""
    found = re.search(rf'id="{name}">(.*?)</script>', page.read_text(encoding="utf-8"))
    assert found
    return json.loads(found[1])


def test_a_page_is_made_again_from_the_tables_alone(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command gives the same bytes, with nothing but the files of the run."""
    first = write(run).read_bytes()
    (run / "report.html").unlink()

    main([str(run)])

    assert (run / "report.html").read_bytes() == first
    assert capsys.readouterr().out == f"Page: {run / 'report.html'}\n"


def test_hostile_texts_make_no_element(run: Path, tmp_path: Path) -> None:
    """The page has the elements of one whose texts are plain."""
    plain = pages.write(pages.report(["Should this be?"]), tmp_path / "plain")

    elements = [[tag for tag, _ in Elements(write(one).read_text()).found] for one in (run, plain)]
    assert elements[0] == elements[1]


def test_every_prompt_has_its_reply_its_thought_and_what_was_read(made: Path) -> None:
    """A row a case and prompt, with the reason where nothing could be read."""
    table = pl.read_parquet(made / "replies.parquet")

    lost = table.row(0, named=True)
    assert table.height == 24
    assert (lost["status"], lost["read"]) == ("parse_error", None)
    assert lost["reason"].startswith("no share in")
    assert table["status"][1:].unique().to_list() == ["ok"]
    assert json.loads(table["messages"][2])[0]["content"].startswith("1: <img")
    assert table["thought"][2].startswith("I think <img")
    assert "\ufffd" in table["text"][10]  # half a character is none in UTF-8


def test_the_page_has_each_text_once_beside_its_case(made: Path) -> None:
    """Requests are numbered, and found by style, question and group."""
    found = replies(Tables.read(made))

    [(style, by_case)] = found["studies"].items()
    key = json.dumps(["q1", "age", f"0 {pages.HOSTILE[1]}"], separators=(",", ":"))
    [[number, message, draw, order, status, reason, mass, read]] = by_case[key]
    assert (style, draw, order, status, reason, mass) == ("base", 0, "0 1 2", "ok", None, 0.9)
    assert found["said"][number][1] == f"reply: {pages.HOSTILE[1]}"
    assert found["messages"][message][0]["role"] == "user"
    assert sum(read) == pytest.approx(10_000, abs=2)


def test_distributions_and_errors_are_those_of_the_tables(made: Path) -> None:
    """In ten-thousandths, a share an option, cases in their order."""
    found = cases(Tables.read(made))
    table = pl.read_parquet(made / "predictions.parquet")
    distances = pl.read_parquet(made / "cases.parquet").filter(calibrator="ridge")["w1"]

    [study] = found["studies"]
    assert study["human"].to_list() == (table["human"] * 10_000).round().to_list()
    assert study["raw"][:3].to_list() == [None] * 3
    assert study["error"]["ridge"].to_list() == (distances * 10_000).round().to_list()
    assert [len(one["options"]) for one in found["questions"]] == [3] * 12
    assert found["questions"][1]["text"] == f"1: {pages.HOSTILE[1]}"


def test_runs_of_earlier_versions_have_a_page_too(run: Path) -> None:
    """Without prompts, wordings and sentences, the numbers are shown all the same."""
    for name in NEW:
        (run / name).unlink()

    about = data(write(run))
    assert about["studies"][0]["scores"]["ridge"]["of"]["w1"][0] > 0
    assert about["studies"][0]["findings"] == []


def test_the_answer_is_what_the_report_opens_with(made: Path) -> None:
    """Sentence by sentence, and not a second judgement of the same numbers."""
    opening = json.loads((made / "sentences.json").read_text(encoding="utf-8"))["opening"]

    found = [runs for about, runs in of_run(head(Tables.read(made))) if about == "Found"]

    assert opening
    assert found == [pieces(line) for line in opening]


def test_what_only_the_author_knows_is_left_to_the_author(made: Path) -> None:
    """The core items of the guideline, in order; those that a run cannot know are empty."""
    items = head(Tables.read(made))["again"]["guide"]["items"]

    numbers = "A.1 A.2 B.1 B.2 B.3 B.4 B.5 C.1 C.2 D.1 E.1 E.2 F.1 G.1"
    assert " ".join(one[0] for one in items) == numbers
    assert [one[0] for one in items if one[2] is None] == ["D.1", "G.1"]


def test_a_leaderboard_is_of_the_cases_that_all_rows_share(made: Path, tmp_path: Path) -> None:
    """A case that one run lacks counts for none."""
    for name in ("0", "1"):
        shutil.copytree(made, tmp_path / name)
    path = tmp_path / "1/cases.parquet"
    lacking = pl.col("calibrator").eq("ridge") & pl.col("question_id").eq("q3")
    full = pl.read_parquet(path)
    full.with_columns(pl.when(~lacking).then("w1").alias("w1")).write_parquet(path)
    config = tmp_path / "1/overrides.yaml"
    config.write_text("- model=mock\n- evaluation.seed=1\n")

    found = sweep(tmp_path, [Tables.read(tmp_path / name) for name in ("0", "1")])

    [survey] = found["surveys"]
    shared = full.filter(pl.col("question_id") != "q3", pl.col("w1").is_not_null())
    of_ridge = shared.filter(calibrator="ridge")
    [row, *_] = [one for one in survey["rows"] if one["name"] == "ridge"]
    assert sum(survey["counts"]) == of_ridge.height == 21  # q0 has an unreadable reply
    assert np.sum(row["sums"]) == pytest.approx(of_ridge["w1"].sum())
    assert survey["note"].startswith("town: 21 of 24 cases, of 11 questions")
    assert row["own"] is None  # its run was scored on more cases


def test_a_row_of_whole_runs_has_the_scores_of_its_run(made: Path, tmp_path: Path) -> None:
    """With their intervals, as tables and the terminal show them."""
    shutil.copytree(made, tmp_path / "0")

    [survey] = sweep(tmp_path, [Tables.read(tmp_path / "0")])["surveys"]

    scores = pl.read_parquet(made / "scores.parquet").filter(metric="w1")
    of = {row["calibrator"]: row for row in scores.iter_rows(named=True)}
    whole = [row for row in survey["rows"] if row["own"]]
    assert whole
    for row in whole:
        wanted = [of[row["name"]][name] for name in ("value", "low", "high")]
        assert row["own"] == pytest.approx(wanted)
        assert np.sum(row["sums"]) / sum(survey["counts"]) == pytest.approx(row["own"][0])


def test_rows_that_are_equal_in_every_case_stand_once(made: Path, tmp_path: Path) -> None:
    """Two runs of the same settings make one leaderboard of one."""
    for name in ("0", "1"):
        shutil.copytree(made, tmp_path / name)

    found = sweep(tmp_path, [Tables.read(tmp_path / name) for name in ("0", "1")])

    names = [one["name"] for one in found["surveys"][0]["rows"]]
    assert sorted(names) == ["identity", "mean", "ridge", "train_mean", "uniform"]


def test_rows_of_one_name_say_beside_which_answers_they_stand(made: Path, tmp_path: Path) -> None:
    """A training mean differs with the replies that lack, and has no prompt of its own."""
    for name, prompt in (("0", "base"), ("1", "qa")):
        shutil.copytree(made, tmp_path / name)
        path = tmp_path / name / "cases.parquet"
        shift = pl.when(pl.col("calibrator") == "train_mean").then(0.01 * int(name)).otherwise(0.0)
        pl.read_parquet(path).with_columns(
            w1=pl.col("w1") + shift, prompt=pl.lit(prompt)
        ).write_parquet(path)

    found = sweep(tmp_path, [Tables.read(tmp_path / name) for name in ("0", "1")])

    rows = found["surveys"][0]["rows"]
    assert [one["setting"] for one in rows if one["name"] == "train_mean"] == [
        "beside base",
        "beside qa",
    ]
    assert {one["setting"] for one in rows if one["name"] == "ridge"} == {""}


@pytest.mark.parametrize(
    ("kind", "adds", "said"),
    [
        ("better", True, "closer than that, beyond chance."),
        ("better", False, "beyond chance, but not closer than blind"),
        ("level", False, "cannot be told to be closer"),
        ("worse", False, "further off than that"),
        ("baseline", None, "the training mean by 10.0."),
    ],
)
def test_what_is_nearest_stands_beside_its_verdict(
    kind: str, adds: bool | None, said: str
) -> None:
    """The least distance alone is no finding."""
    row = {"condition": ["town", "m", "e", "p"], "name": "ridge", "label": "ridge", "asks": True}
    mean = {"condition": ["town", "", "", ""], "name": "train_mean", "asks": False}
    rows = [
        row | {"kind": kind, "adds": adds, "sums": [0.1, 0.1]},
        mean | {"kind": "", "sums": [0.2, 0.2]},
    ]
    survey = {"name": "town", "counts": [2, 2], "rows": rows}

    found = dict(of_sweep({"surveys": [survey], "jobs": [None]}))

    [(_, text)] = found[HOW_FAR]
    assert text.startswith("On town the nearest is m, e, p, ridge, off by 5.0 points")
    assert said in text


@pytest.mark.parametrize(
    ("than_mean", "said"),
    [
        (-0.1, "1 of 2 configurations that ask the model is closer"),
        (0.1, "0 of 2 configurations"),
        (None, "1 of them may owe that to what calibration learns"),
    ],
)
def test_what_adds_is_closer_than_all_that_never_asks(
    made: Path, tmp_path: Path, than_mean: float | None, said: str
) -> None:
    """The mean of each group, where it was scored, as well as the mean of all."""
    shutil.copytree(made, tmp_path / "0")
    table = pl.read_parquet(tmp_path / "0/comparisons.parquet")
    pair = pl.concat_str("method", "other", separator="-")
    differences = {"ridge-train_mean": -0.2, "mean-ridge": than_mean and -than_mean}
    differences |= {"ridge-mean": than_mean}
    found = pair.replace_strict(differences, default=0.0, return_dtype=pl.Float64)
    table = table.with_columns(difference=found, low=found, high=found, p_holm=pl.lit(0.001))
    table.write_parquet(tmp_path / "0/comparisons.parquet")
    if than_mean is None:
        sentences = json.loads((tmp_path / "0/sentences.json").read_text())
        for study in sentences["studies"]:
            study["ignoring"] = ["train_mean"]
        (tmp_path / "0/sentences.json").write_text(json.dumps(sentences))

    page = sweep(tmp_path, [Tables.read(tmp_path / "0")])

    assert said in "".join(text for _, text in dict(of_sweep(page))["Found"])


def test_a_sweep_holds_its_runs_and_a_folder_of_runs_leads_to_theirs(
    made: Path, tmp_path: Path
) -> None:
    """Of a sweep there is one file; an index links to pages that are there."""
    for name in ("0", "1"):
        shutil.copytree(made, tmp_path / "runs" / name)
    write(tmp_path / "runs/1")

    index = write(tmp_path / "runs")
    (tmp_path / "runs/multirun.yaml").write_text("")
    page = write(tmp_path / "runs")

    assert (index.name, page.name) == ("index.html", "report.html")
    assert [one["page"] for one in data(index)["jobs"]] == [None, "1/report.html"]
    assert [one["inside"] for one in data(page)["jobs"]] == [True, True]


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    """It says where there is none."""
    with pytest.raises(DatasetError, match=f"no finished run in or below {tmp_path}"):
        write(tmp_path)


def test_a_page_of_estimates_has_sentences_tables_and_the_way_to_make_it_again(
    tmp_path: Path,
) -> None:
    """What is no share is shown as a table; what was read is known by its digest."""
    (tmp_path / "pilot.csv").write_text("")
    about = estimated.head(
        pl.DataFrame({"model": ["m", "m"], "group": ["<b>", "b"], "ask": [1 / 3, 0]}),
        command=["plan", "pilot=a b.csv"],
        files={"pilot": tmp_path / "pilot.csv", "card": tmp_path / "gone.json"},
    )

    path = write_estimates(
        tmp_path / "plan.html", about, kind="distexp", title="Plan",
        answer=[("Asked", "**Two** groups.")],
    )  # fmt: skip

    found = data(path)
    [view] = found["views"]
    assert view["columns"] == ["model", "group", "ask"]
    assert view["rows"] == [["m", "<b>", 0.333333], ["m", "b", 0]]
    assert view["numeric"] == [False, False, True]
    assert (found["estimates"], found["calls"]) == (False, None)
    assert found["again"]["command"] == "distexp plan 'pilot=a b.csv'"
    assert found["again"]["changed"] == [["pilot", "a b.csv"]]
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert found["again"]["digests"] == [["pilot (SHA-256)", empty], ["card (SHA-256)", None]]
