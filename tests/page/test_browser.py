"""Pages in Debian's Chromium: what a reader does with them, and what a screen reader needs."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from distexp.evaluation.comparison import sign_flip_test
from distexp.page.estimated import head
from distexp.page.writing import write, write_estimates
from distexp.report.calls import Calls
from distexp.view.base import Runs
from distexp.view.groups import ExaggerationView, GroupView
from tests.page import pages

sync_api = pytest.importorskip("playwright.sync_api", reason="make browser installs Playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("there is no Chromium: apt-get install chromium", allow_module_level=True)

WIDTHS = {"desktop": (1440, 900), "phone": (390, 844)}
pytestmark = pytest.mark.enable_socket  # to the browser, over a pipe and a local socket


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a browser without a network."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a sweep of two models, and the page of a run with hostile texts beside it."""
    folder = tmp_path_factory.mktemp("sweep")
    for name, model in (("1", "m"), ("2", "other")):
        write(pages.write(pages.report(model=model), folder / name))
    (folder / "multirun.yaml").write_text("")
    write(folder)
    write(pages.write(pages.report(pages.HOSTILE), folder / "0"))
    return folder


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """Return what opens a page and fails if the browser complains about anything."""
    said: list[str] = []
    contexts = []

    def open_page(path: Path, width: str = "desktop", scheme: str = "light") -> Any:
        x, y = WIDTHS[width]
        context = browser.new_context(
            viewport={"width": x, "height": y}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.absolute().as_uri())
        page.wait_for_selector("body[data-ready=true]")
        if page.locator("#scores").count():
            page.wait_for_selector("#questions")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


def column(page: Any, section: str, n: int) -> list[str]:
    """Return the texts of a column of the first table of a section."""
    rows = page.locator(f"{section} table").first.locator("tbody tr")
    texts: list[str] = rows.locator(f"> :nth-child({n})").all_inner_texts()
    return texts


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["1/report.html", "report.html"])
def test_a_screen_reader_can_use_the_page(
    visit: Any, folder: Path, name: str, scheme: str, width: str
) -> None:
    """Axe finds nothing, at both widths, in light and dark; nothing is cut off at the side."""
    page = visit(folder / name, width, scheme)
    for button in page.get_by_role("button", name="Prompt and reply").all()[:1]:
        button.click()
    page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")

    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") == WIDTHS[width][0]


@pytest.fixture(scope="module")
def estimated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page of a pilot of hostile texts joined with a model, one cell unread."""
    hostile = "<script>alert(1)</script> =cmd|' \u202e\x1b[31m"
    cells = [
        {
            "question_id": name, "question": f"Which {hostile}?", "attribute": "sex",
            "group": group, "option": option, "people": 12.0, "pilot": share,
            "pilot_low": share / 2, "pilot_high": share + 0.1,
            "estimate": None if name == "lost" else share, "low": None if name == "lost" else 0.1,
            "high": None if name == "lost" else 0.8, "coverage": 0.9, "extrapolates": True,
            "model_says": "nothing that can be told: so it is", "reason": f"another {hostile}",
        }
        for name in ("park", "lost")
        for group in ("f", "m")
        for option, share in ((hostile, 0.25), ("No", 0.75))
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("estimates") / "estimates.html"
    calls = Calls(total=4, hits=4, misses=0, parse_errors=1, cost_usd=0.0, original_cost_usd=None)
    about = head(
        pl.DataFrame(cells), command=["rectify", f"pilot={hostile}"], files={"pilot": path},
        calls=calls, besides={"Means": ("", pl.DataFrame({"mean": [1.5, None]}))},
    )  # fmt: skip
    return write_estimates(
        path, about, kind="distexp", title=hostile, answer=[("Who was asked", hostile)]
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_screen_reader_can_use_estimates(
    visit: Any, estimated: Path, width: str, scheme: str
) -> None:
    """Estimates, people alone and how it is made again stand in a page without violations."""
    page = visit(estimated, width, scheme)

    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") == WIDTHS[width][0]


def test_an_estimate_stands_above_what_people_say_alone(visit: Any, estimated: Path) -> None:
    """The value is that of its interval; what could not be read says why."""
    page = visit(estimated)

    first, lost = page.locator("#estimates article").all()
    head, *cells = first.locator("tr").nth(2).locator("th, td").all_inner_texts()
    assert head == "No"
    assert [" ".join(cell.split()) for cell in cells] == ["75.0 [10, 80] alone 75 [38, 85]"] * 2
    assert "the model was worth nothing that can be told" in first.inner_text()
    assert "another <script>" in lost.inner_text()
    assert page.locator("#answer .dotrow .dot").count() == 4  # two groups, with people alone
    assert page.locator("script").count() == 2
    assert "pilot=<script>" in page.locator("#again pre").first.inner_text()


def test_a_plan_shows_whom_to_ask_and_says_once_what_is_alike(visit: Any, tmp_path: Path) -> None:
    """A dot a question and group, as many people as the table says; intervals by their values."""
    rows = {"dataset": "town", "question_id": "trams", "attribute": "sex", "group": ["f", "m"]}
    numbers = {"respondents": [30, 10], "worth": [2.5, 1.0], "worth_low": 1.0, "worth_high": 4.5}
    about = head(pl.DataFrame(rows | numbers), command=["plan"], files={})
    path = write_estimates(tmp_path / "plan.html", about, kind="d", title="Whom?", answer=[])

    page = visit(path)

    drawn = page.locator("#answer .dotrow .value").all_inner_texts()[:2]
    table = page.locator("#Whom-to-ask table")
    caption = "All rows: dataset town, question_id trams, attribute sex."
    assert drawn == ["30", "10"]
    assert table.locator("caption").inner_text().endswith(caption)
    assert table.locator("td").all_inner_texts() == ["30", "2.5 [1, 4.5]", "10", "1 [1, 4.5]"]


def test_a_table_is_sorted_by_the_head_of_a_column(visit: Any, folder: Path) -> None:
    """The first press sorts upwards, the second downwards; a screen reader is told."""
    page = visit(folder / "1/report.html")
    head = page.locator("#scores th").nth(1)

    head.get_by_role("button").press("Enter")
    up = [float(text.split()[0]) for text in column(page, "#scores", 2)]
    assert head.get_attribute("aria-sort") == "ascending"
    page.locator("#scores th").nth(1).get_by_role("button").click()

    down = [float(text.split()[0]) for text in column(page, "#scores", 2)]
    assert up == sorted(up)
    assert down == up[::-1]


def test_a_table_has_six_columns_until_more_are_wanted(visit: Any, folder: Path) -> None:
    """A button shows the rest."""
    page = visit(folder / "1/report.html")

    assert page.locator("#scores table").first.locator("thead th").count() == 6
    page.locator("#scores").get_by_role("button", name="more columns").click()
    assert page.locator("#scores table").first.locator("thead th").count() > 15


def test_methods_are_filtered_by_their_names(visit: Any, folder: Path) -> None:
    """Rows whose words do not hold what is typed are left out."""
    page = visit(folder / "1/report.html")

    page.get_by_label("Filter methods").fill("RIDGE")

    assert column(page, "#scores", 1) == ["ridge"]


def test_questions_are_searched_filtered_and_sorted(visit: Any, folder: Path) -> None:
    """By their words, their battery, a group, and the error."""
    page = visit(folder / "1/report.html")
    status = page.locator("#questions .count").first
    titles = page.locator("#questions article h3")

    assert status.inner_text() == "Cases 1 to 10 of 24"
    page.get_by_label("Sort by").select_option("raw")
    errors = page.locator("#questions article .meta").all_inner_texts()
    values = [float(text.partition("off by ")[2].split(",")[0]) for text in errors]
    assert values == sorted(values, reverse=True)
    page.get_by_label("Battery").select_option(index=1)
    assert status.inner_text() == "Cases 1 to 10 of 12"
    page.get_by_label("Group", exact=True).select_option(index=1)
    assert status.inner_text() == "Cases 1 to 6 of 6"
    page.get_by_label("Search questions").fill("4: SHOULD")
    assert titles.all_inner_texts() == ["4: Should this be?"]


def test_cases_are_turned_page_by_page(visit: Any, folder: Path) -> None:
    """Ten at a time, so that fifty thousand are no more to draw."""
    page = visit(folder / "1/report.html")

    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()

    assert page.locator("#questions article").count() == 4
    assert page.get_by_role("button", name="Next").is_disabled()


def test_a_question_leads_to_its_prompt_and_reply(visit: Any, folder: Path) -> None:
    """One press shows prompt, thought, reply, what was read, and the key."""
    page = visit(folder / "1/report.html")
    card = page.locator("#questions article").nth(2)

    card.get_by_role("button", name="Prompt and reply").press("Enter")

    card.locator("summary", has_text="Thought").click()
    texts = card.locator("pre").all_inner_texts()
    key = pl.read_parquet(folder / "1/replies.parquet")["key"][2]
    assert texts == [
        "1: Should this be? 0 Should this be?",
        "I think Should this be?",
        "reply: Should this be?",
    ]
    assert "Read as: No " in card.inner_text()
    assert card.locator("code.key").inner_text() == key


def test_an_unreadable_reply_is_shown_with_its_reason(visit: Any, folder: Path) -> None:
    """The case says so before it is opened."""
    page = visit(folder / "1/report.html")
    card = page.locator("#questions article").first

    assert "parse error" in card.inner_text()
    card.get_by_role("button", name="Prompt and reply").click()
    assert "Unreadable: no share in 'Should this be?'" in card.inner_text()


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_texts_stay_texts(visit: Any, folder: Path, width: str) -> None:
    """Scripts do not run, links are none, and marks that turn the line are seen."""
    page = visit(folder / "0/report.html", width)
    title = page.title()

    page.get_by_label("Sort by").select_option("raw")
    page.get_by_label("Sort by").select_option("survey")
    for button in page.get_by_role("button", name="Prompt and reply").all():
        button.click()
    page.wait_for_selector("#questions pre")

    shown = page.locator("#questions").inner_text()
    assert page.title() == title
    for text in pages.HOSTILE[:4]:
        assert text in shown
    assert r"\u001b[31mred\u001b[0m \u202eright to left\u2066 \u2028 end" in shown
    assert "\u202e" not in page.locator("body").inner_text()
    assert page.locator("img, iframe, object, embed").count() == 0
    links = page.locator("a").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    assert all(link.startswith("#") for link in links)


def test_groups_have_the_numbers_of_the_view(visit: Any, folder: Path) -> None:
    """Means and intervals are read from the run, and nothing is redrawn."""
    page = visit(folder / "1/report.html")
    table = GroupView().table(Runs.read([folder / "1"])).filter(calibrator="identity")
    expected = {row["group"]: 1 - row["alignment"] for row in table.iter_rows(named=True)}

    for name, text in zip(column(page, "#groups", 1), column(page, "#groups", 3), strict=True):
        group = name.removeprefix("age: ").removesuffix(" small cell")
        assert float(text.split()[0]) == pytest.approx(expected[group], abs=6e-4)
    assert "small cell" in column(page, "#groups", 1)[0] + column(page, "#groups", 1)[1]


def test_exaggeration_is_that_of_the_view(visit: Any, folder: Path) -> None:
    """The spread of the groups' mean answers, the model's over the humans'."""
    page = visit(folder / "1/report.html")
    table = ExaggerationView().table(Runs.read([folder / "1"]))
    [row] = table.filter(calibrator="identity").iter_rows(named=True)

    shown = page.locator("#groups table").nth(1).locator("tbody tr td").nth(1).inner_text()
    assert float(shown.split()[0]) == pytest.approx(row["ratio"], abs=6e-3)


def test_any_two_rows_are_compared_on_their_cases(visit: Any, folder: Path) -> None:
    """With few questions the p-value is exact, so it is that of the evaluation."""
    page = visit(folder / "report.html")
    table = pl.read_parquet(folder / "1/cases.parquet")
    w1 = {
        name: table.filter(calibrator=name).group_by("question_id", maintain_order=True).agg(
            pl.col("w1").sum()
        )["w1"].to_numpy()
        for name in ("ridge", "train_mean")
    }  # fmt: skip
    apart = w1["ridge"] - w1["train_mean"]
    expected = sign_flip_test(apart[None], n_flips=10_000, seed=0)[0]

    for label, name in (("First", "ridge"), ("Second", "training mean")):
        options = page.get_by_label(label, exact=True).locator("option").all_inner_texts()
        wanted = [n for n, text in enumerate(options) if name in text and "other" not in text]
        page.get_by_label(label, exact=True).select_option(index=wanted[0])

    said = page.locator("#pairs .answer").inner_text()
    difference = float(np.sum(apart) / table.filter(calibrator="ridge")["w1"].count())
    found = float(said.partition("difference in W1 ")[2].split()[0].replace("−", "-"))
    p = float(said.partition(" p = ")[2].split()[0])
    assert found == pytest.approx(difference, abs=2e-4)
    assert p == pytest.approx(expected, abs=6e-4)


def test_every_configuration_is_a_point(visit: Any, folder: Path) -> None:
    """Those that ask the model: two methods of two models."""
    page = visit(folder / "report.html")

    assert page.locator("#multiverse path.point").count() == 4
    assert column(page, "#multiverse", 1)[0] in {"calibrator", "model"}


def test_a_run_of_a_sweep_opens_in_its_page(visit: Any, folder: Path) -> None:
    """With its scores, its questions and its replies."""
    page = visit(folder / "report.html")

    page.get_by_role("button", name="Open 1").click()
    page.wait_for_selector("#questions")

    assert (
        page.locator("#one-run").inner_text() == "Run sweep/1" or page.locator("#scores").count()
    )
    page.get_by_role("button", name="Prompt and reply").first.click()
    assert page.locator("#questions pre").first.inner_text().startswith("0: Should this be?")


def test_the_page_prints(visit: Any, folder: Path) -> None:
    """On paper there are no buttons, and nothing is cut off at the side."""
    page = visit(folder / "1/report.html")

    page.emulate_media(media="print")

    assert not page.locator("nav").is_visible()
    assert not page.get_by_label("Filter methods").is_visible()
