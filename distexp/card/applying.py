"""`distexp apply`: a card's calibrator, on estimates whose human answers nobody has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp import atomic
from distexp.card.band import KINDS, Band
from distexp.card.card import Card
from distexp.errors import ConfigError, DatasetError, DistexpError, to_install
from distexp.evaluation.layout import design_of
from distexp.evaluation.stacking import stack
from distexp.types import BoolArray, Case, Condition, Estimate, FloatArray, Study
from distexp.visible import in_spreadsheet

if TYPE_CHECKING:
    import polars as pl

Ends = tuple[FloatArray, FloatArray]
FORMATS = (".parquet", ".csv", ".jsonl")
MOST_LISTED = 3
LONGEST = 32_767
"""Characters of a cell of a workbook."""
UNREADABLE = "no prediction could be read"
NOT_ASKED = "not asked: the budget was spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """What a card says of one study."""

    study: Study
    readable: BoolArray
    """Shape (n_cases,)."""
    shares: FloatArray
    """Shape (n_cases, max_options): calibrated; NaN where the estimate could not be read."""
    half_widths: FloatArray
    """Shape (n_cases,): of the band for a share, on its scale."""
    ends: Mapping[str, Ends]
    """By `distexp.card.band.KINDS`: the lower and the upper ends of the bands, each of shape
    (n_cases, max_options); NaN where the card does not say."""
    coverages: FloatArray
    """Shape (n_cases,): what the bands can vouch for, which is less than was asked for where few
    batteries are all that is known of new topics."""
    reasons: tuple[str, ...]
    """In what way each case is unlike those trained on; "" where it is like them."""


def calibrated(
    card: Card, studies: Sequence[Study], coverage: float, topic: str | None = None
) -> Iterator[Calibrated]:
    """Apply a card to each study, or to the stack of those that it was fitted to a stack of.

    Parameters
    ----------
    card : Card
    studies : sequence of Study
        Their human answers are not looked at.
    coverage : float
        Of the band, one of `distexp.card.band.COVERAGES`.
    topic : {"auto", "same", "new"}, optional
        What the questions are about, where that is to be heeded: a question of none of the
        batteries trained on has, with `auto`, the wider of the bands of both kinds. Then another
        survey, battery, language or group is a reason too.

    Raises
    ------
    ConfigError
        If the calibrator fails on them.
    DatasetError
        If an estimate that the card's stack needs is not there.
    """
    for study in _stacked(card, studies) if card.trained_on.members else studies:
        X, _, readable = design_of(study)
        groups = [(case.group.attribute, case.group.value) for case in study.cases]
        X = replace(X, group=card.trained_on.codes(groups))
        shares = np.full_like(X.predicted, np.nan)
        if readable.any():
            shares[readable] = card.predict(X.take(readable))
        yield Calibrated(
            study=study,
            readable=readable,
            shares=shares,
            half_widths=_half_widths(card, study.cases, card.band, coverage, topic, "share"),
            ends=_ends(card, study.cases, card.band, shares, coverage, topic),
            coverages=np.array(
                [
                    card.band.supported(coverage, new_topic=kind(card, case, topic) != "same")
                    for case in study.cases
                ]
            ),
            reasons=tuple(
                card.trained_on.unlike(
                    X,
                    groups,
                    study.condition,
                    by_group=card.by_group,
                    questions=[case.question for case in study.cases] if topic else (),
                )
            ),
        )


def _half_widths(
    card: Card, cases: Sequence[Case], band: Band, coverage: float, topic: str | None, of: str
) -> FloatArray:
    pairs = ((len(case.question.options), kind(card, case, topic)) for case in cases)
    return np.array([band.half_width(k, coverage, of=of, topic=about) for k, about in pairs])


def _ends(
    card: Card, cases: Sequence[Case], band: Band, shares: FloatArray, coverage: float,
    topic: str | None,
) -> dict[str, Ends]:  # fmt: skip
    """Return the ends of the bands of some shares, by kind of band."""
    topics = [kind(card, case, topic) for case in cases]
    found = {}
    for of in KINDS:
        half_widths = _half_widths(card, cases, band, coverage, topic, of)
        reach = np.array([band.least_reach(coverage, of=of, topic=one) for one in topics])
        found[of] = band.ends(shares, half_widths[:, None], reach[:, None])
    return found


def of_everyone(
    card: Card, attribute: str, cases: Sequence[Case], shares: FloatArray, coverage: float,
    topic: str | None,
) -> dict[str, Ends]:  # fmt: skip
    """Return the ends of the bands of the whole population; NaN where the card does not say.

    Parameters
    ----------
    card : Card
    attribute : str
        Whose groups it is put together from.
    cases : sequence of Case
        One of each question.
    shares : ndarray of shape (n_questions, max_options)
    coverage, topic
        As for `calibrated`.
    """
    band = card.population.get(attribute)
    if band is None:
        nothing = np.full_like(shares, np.nan)
        return dict.fromkeys(KINDS, (nothing, nothing))
    return _ends(card, cases, band, shares, coverage, topic)


def kind(card: Card, case: Case, topic: str | None) -> str:
    """Return which band a case has; of `auto`, the wider one only for a new battery."""
    if topic is None or (topic == "auto" and not card.trained_on.of_new_battery(case.question)):
        return "same"
    return topic


def unread(estimate: Estimate) -> str:
    """Say why a case has no prediction."""
    return NOT_ASKED if estimate.status == "not_asked" else UNREADABLE


def table(found: Sequence[Calibrated]) -> "pl.DataFrame":
    """Lay the calibrated shares out, a row a case and option; null where there is none."""
    import polars as pl

    schema = {
        "dataset": pl.String,
        "model": pl.String,
        "elicitation": pl.String,
        "prompt": pl.String,
        "question_id": pl.String,
        "attribute": pl.String,
        "group": pl.String,
        "option_index": pl.Int64,
        "option": pl.String,
        "ordinal": pl.Float64,
        "predicted": pl.Float64,
        "calibrated": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "extrapolates": pl.Boolean,
        "reason": pl.String,
    }
    rows = [row for of_study in found for row in _rows(of_study)]
    return pl.DataFrame(rows, schema=schema, orient="row")


def write(written: "pl.DataFrame", path: Path) -> None:
    """Write the table in the format of its suffix, whole or not at all.

    Raises
    ------
    DistexpError
        If the file cannot be written.
    """
    from polars.exceptions import ComputeError  # what a full disk is to Polars

    try:
        with atomic.file(path) as made:
            if path.suffix == ".parquet":
                written.write_parquet(made)
            elif path.suffix == ".csv":
                written.with_columns(_no_formulas()).write_csv(made)
            elif path.suffix == ".xlsx":
                _write_workbook(written, made)
            else:
                written.write_ndjson(made)
    except (OSError, ComputeError) as exc:
        msg = f"The calibrated shares cannot be written to {path}: {exc}. Choose another --out."
        raise DistexpError(msg) from exc


def _write_workbook(written: "pl.DataFrame", path: Path) -> None:
    """Write a workbook of numbers and texts: nothing in it is a formula or a link."""
    from xlsxwriter import Workbook

    inert = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(str(path), inert) as book:
        sheet = book.add_worksheet("estimates")
        sheet.write_row(0, 0, written.columns)
        for number, row in enumerate(written.with_columns(_no_formulas()).iter_rows(), start=1):
            sheet.write_row(number, 0, [c[:LONGEST] if isinstance(c, str) else c for c in row])


def check_format(path: Path) -> None:
    """Raise `ConfigError` unless `write` can write such a file."""
    if path.suffix not in (*FORMATS, ".xlsx"):
        msg = f"out must be a {', '.join(FORMATS)} or .xlsx file. Got {str(path)!r} instead."
        raise ConfigError(msg)
    if path.suffix == ".xlsx" and find_spec("xlsxwriter") is None:
        msg = f"Writing {path} takes the package xlsxwriter: {to_install('surveys')}"
        raise ConfigError(msg)


def _no_formulas() -> "pl.Expr":
    """Return the columns of text, in which nothing is a formula to a spreadsheet."""
    import polars as pl

    return pl.col(pl.String).map_elements(in_spreadsheet, return_dtype=pl.String)


def warnings(card: Card, found: Sequence[Calibrated]) -> Iterator[str]:
    """Say what the user of a card has to know about it and about these estimates."""
    yield from card.warnings
    trained_on = card.trained_on
    wanted = _corrected(trained_on.condition)
    others = sorted({_corrected(one.study.condition) for one in found} - {wanted})
    if others:
        listed = "; ".join(map(", ".join, others[:MOST_LISTED]))
        more = f" and {len(others) - MOST_LISTED} more" * (len(others) > MOST_LISTED)
        yield (
            f"the card was fitted to {', '.join(wanted)}: how well it does for {listed}{more} is "
            "not known."
        )
    known = {
        case.question.question_id
        for of_study in found
        for case in of_study.study.cases
        if of_study.study.condition.dataset == trained_on.condition.dataset
    }.intersection(trained_on.questions)
    if known:
        yield (
            f"{len(known)} of the questions were trained on: how near their calibrated shares are "
            "to human answers says nothing about other questions."
        )


def summary(card: Card, found: Sequence[Calibrated], coverage: float) -> str:
    """Say in a line what was done."""
    n_cases = sum(len(of_study.study.cases) for of_study in found)
    n_lost = sum(int((~of_study.readable).sum()) for of_study in found)
    n_unlike = sum(
        bool(reason) and bool(readable)
        for of_study in found
        for reason, readable in zip(of_study.reasons, of_study.readable, strict=True)
    )
    widths = np.concatenate([of_study.half_widths for of_study in found])
    ends = (card.band.around(0.5, float(end))[1] - 0.5 for end in (widths.min(), widths.max()))
    low, high = (f"{end:.3f}" for end in ends)
    band = low if low == high else f"{low} to {high}"
    return (
        f"{n_cases} cases by {card.name} of {len(card.trained_on.questions)} questions of "
        f"{card.trained_on.condition.dataset}: {n_lost} unreadable, {n_unlike} extrapolate; "
        f"{coverage:.0%} band ±{band} around one half."
    )


def _stacked(card: Card, studies: Sequence[Study]) -> Iterator[Study]:
    """Yield the stack that the card was fitted to, for each dataset."""
    for dataset in dict.fromkeys(study.condition.dataset for study in studies):
        there = {
            _corrected(study.condition): study
            for study in studies
            if study.condition.dataset == dataset
        }
        wanted = [_corrected(member) for member in card.trained_on.members]
        if missing := [", ".join(one) for one in wanted if one not in there]:
            msg = (
                f"The card is of a stack of {len(wanted)} estimates, and {dataset} lacks that of "
                f"{'; '.join(missing)}. Put all of them into the file, or leave {dataset} out."
            )
            raise DatasetError(msg)
        stacked = stack([there[one] for one in wanted])
        yield replace(stacked, condition=replace(card.trained_on.condition, dataset=dataset))


def _corrected(condition: Condition) -> tuple[str, str, str]:
    return condition.model, condition.elicitation, condition.prompt


def _rows(found: Calibrated) -> Iterator[tuple[object, ...]]:
    condition = tuple(asdict(found.study.condition).values())
    for place, (case, estimate) in enumerate(
        zip(found.study.cases, found.study.estimates, strict=True)
    ):
        question, group = case.question, case.group
        reason = found.reasons[place]
        low, high = (end[place] for end in found.ends["share"])
        for index, option in enumerate(question.options):
            described = (
                *condition,
                question.question_id,
                group.attribute,
                group.value,
                index,
                option,
                None if question.ordinals is None else question.ordinals[index],
            )
            if estimate.reading is None:
                yield (*described, None, None, None, None, None, unread(estimate))
                continue
            share = float(found.shares[place, index])
            yield (
                *described,
                estimate.reading.distribution.probabilities[index],
                share,
                float(low[index]),
                float(high[index]),
                bool(reason),
                reason or None,
            )
