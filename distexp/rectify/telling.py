"""What people and their twins say together, in a few sentences."""

from typing import TYPE_CHECKING

from distexp.rectify.twins import MEAN
from distexp.visible import counted

if TYPE_CHECKING:
    import polars as pl


def answer(table: "pl.DataFrame") -> tuple[tuple[str, str], ...]:
    """Return what a page begins with: paragraphs in Markdown, each after what it is about.

    Parameters
    ----------
    table : DataFrame
        What `distexp.rectify.twins.by_twins` returned.
    """
    import polars as pl

    shares = table.filter(pl.col("option") != MEAN)
    cells = shares.unique(("question_id", "attribute", "group"))
    found = shares.drop_nulls("estimate")
    own, alone = (
        f"{100 * found.select((pl.col(high) - pl.col(low)).mean()).item():.0f}"
        for low, high in (("low", "high"), ("alone_low", "alone_high"))
    )
    n_questions, n_groups = cells["question_id"].n_unique(), cells["group"].n_unique()
    worth = found.select(pl.col("model_worth").median()).item()
    refused = cells.filter(pl.col("estimate").is_null()).height
    unbiased = (
        "The estimates are unbiased however bad the predictions are, if the people asked are a "
        "random draw of all in the table of twins; who does not answer is in no interval."
    )
    if refused:
        unbiased += (
            f" {refused} of {cells.height} groups and questions are refused, each with its reason."
        )
    return (
        (
            "Who was asked",
            f"{counted(n_questions, 'question')}, {counted(n_groups, 'group')} of people: "
            f"{_span(cells, 'people')} people answered "
            f"and {_span(cells, 'others')} others are predicted for each.",
        ),
        (
            "What it gives",
            f"A {table['coverage'][0]:.0%} interval for a share is {own} points wide on average, "
            f"of the people alone {alone}: the predictions were worth {worth:.1f} respondents "
            "(median over the shares).",
        ),
        ("What not to conclude", unbiased),
    )


def _span(cells: "pl.DataFrame", name: str) -> str:
    least, most = min(cells[name].to_list()), max(cells[name].to_list())
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"
