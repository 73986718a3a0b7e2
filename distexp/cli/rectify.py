"""`distexp rectify`: answers of a few people joined with estimates, or with those of twins."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.card.band import COVERAGES, DEFAULT_COVERAGE
from distexp.cli.predict import given, predict, with_purpose
from distexp.cli.telling import as_json, manner_of
from distexp.errors import ConfigError
from distexp.terminal.texts import relative

if TYPE_CHECKING:
    import polars as pl

TWINS = ("pilot", "twins", "out", "questions", "by", "strata", "coverage")
"""What can be set where there are predictions for each person: no model is asked."""


def rectify(arguments: list[str]) -> None:
    """Run `distexp rectify pilot=FILE out=FILE`, else as `distexp predict`; or `twins=FILE`."""
    is_help = any(one.startswith(("--help", "--cfg", "-h")) for one in arguments)
    if given("pilot", arguments) is None and not is_help:
        msg = (
            "distexp rectify joins the answers of a few people with estimates. Say where they "
            "are: pilot=FILE"
        )
        raise ConfigError(msg)
    if given("twins", arguments) is not None and not is_help:
        _by_twins(arguments)
        return
    predict(with_purpose(arguments), "rectify")


def _by_twins(arguments: Sequence[str]) -> None:
    """Join answers with predictions for each person and for others."""
    from distexp.card.applying import check_format, write
    from distexp.cli.showing import MOST_LINES, show_estimates
    from distexp.dataset.questionnaire import read_questionnaire
    from distexp.rectify.pairs import Wanted
    from distexp.rectify.twins import by_twins

    manner, arguments = manner_of(arguments)
    for one in arguments:
        name = one.partition("=")[0]
        if name not in TWINS or "=" not in one:
            msg = f"With twins=FILE these can be set: {', '.join(TWINS)}. Got {one!r}."
            raise ConfigError(msg)

    def of(name: str, default: str = "") -> str:
        return given(name, arguments) or default

    if not of("out"):
        raise ConfigError("distexp rectify writes estimates. Say where: out=estimates.csv")
    out = Path(of("out"))
    check_format(out)
    questions = read_questionnaire(Path(of("questions"))).questions if of("questions") else ()
    wanted = Wanted(
        questions=questions,
        by=tuple(name.strip() for name in of("by").strip("[]").split(",") if name.strip()),
        strata=of("strata") or None,
        coverage=_coverage(of("coverage", str(DEFAULT_COVERAGE))),
    )
    table = by_twins(Path(of("pilot")), Path(of("twins")), wanted)
    out.parent.mkdir(parents=True, exist_ok=True)
    write(table, out)
    page = _page(table, arguments, of)
    if manner == "json":
        document = {"estimates": str(out), "rows": table.height, "page": str(page), "calls": None}
        print(as_json(document))
    if manner not in ("brief", "full"):
        return
    shown = _laid_out(table.rows(named=True))
    show_estimates(shown, MOST_LINES - 2, whole=manner == "full")
    print(f"Estimates: {relative(out)}, {table.height} rows, one a question, group and option.")
    print(f"Page: {relative(page)}")


def _page(table: "pl.DataFrame", arguments: Sequence[str], of: Callable[[str], str]) -> Path:
    """Write the page of what people and twins say together."""
    import polars as pl

    from distexp.page.estimated import head
    from distexp.page.writing import write_estimates
    from distexp.rectify.telling import answer
    from distexp.rectify.twins import MEAN

    is_mean = pl.col("option") == MEAN
    means = table.filter(is_mean)
    about = head(
        table.filter(~is_mean),
        command=["rectify", *arguments],
        files={name: Path(of(name)) for name in ("pilot", "twins", "questions") if of(name)},
        besides={"Mean positions on the scale": ("", means)} if means.height else None,
    )
    return write_estimates(
        Path(of("out")).with_suffix(".html"),
        about,
        kind="distexp · people and twins",
        title="What do people and their twins say together?",
        answer=answer(table),
    )


def _coverage(text: str) -> float:
    if text not in map(str, COVERAGES):
        raise ConfigError(
            f"coverage must be one of {', '.join(map(str, COVERAGES))}. Got {text!r}."
        )
    return float(text)


def _laid_out(rows: Sequence[dict[str, object]]) -> str:
    """Return the estimates as a table in Markdown."""
    from distexp.report.markdown import table

    def interval(row: dict[str, object], *names: str) -> str:
        value, low, high = (row[name] for name in names)
        return "–" if value is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"

    header = ("question", "group", "option", "people", "estimate", "people alone", "the model was")
    cells = [
        (
            row["question_id"],
            row["group"],
            row["option"],
            f"{row['people']:g}",
            interval(row, "estimate", "low", "high"),
            interval(row, "people_alone", "alone_low", "alone_high"),
            row["model_says"],
        )
        for row in rows
    ]
    return table(header, cells, right=(3, 4, 5))
