"""`distexp rectify`: the answers of a few people joined with a card's estimates."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.card.applying import UNREADABLE, Calibrated, kind
from distexp.card.card import Card
from distexp.card.estimates import Estimates
from distexp.card.prior import Prior
from distexp.errors import ConfigError
from distexp.rectify.joining import alone, credible, joined
from distexp.rectify.pilot import Cell, Pilot, Tally, read_pilot
from distexp.report.markdown import Markdown, escaped, table
from distexp.types import Case, Condition, FloatArray, Question

if TYPE_CHECKING:
    import polars as pl

MOST_QUESTIONS = 40
"""Longer questionnaires are cut; the file has all."""
NOBODY = "nobody was asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What is known of one cell; arrays are of shape (n_options,)."""

    condition: Condition
    case: Case
    predicted: FloatArray | None
    """What the model said; None where it could not be read, and then there is no estimate."""
    calibrated: FloatArray
    tally: Tally | None
    """None where nobody was asked."""
    mean: FloatArray
    """The training mean."""
    estimate: FloatArray
    """Pilot and calibrated estimate; NaN where there is none. Bounds are in `bounds`."""
    by_mean: FloatArray
    """Pilot and training mean."""
    bounds: dict[str, tuple[FloatArray, FloatArray]]
    """Ends of the intervals of `estimate`, `by_mean` and `pilot`."""
    worth: tuple[float, float]
    """Of the estimate and of the training mean, in people."""
    guess: float
    """The second, or that of `blind` where it is more."""
    says: str
    """What the model was worth here."""
    simulated: float
    """How many shares such intervals held on the training questions; NaN on a new topic."""
    reason: str
    """In what way the case is unlike those trained on; "" where it is like them."""

    @property
    def n_effective(self) -> float:
        """Kish's number of answers."""
        return 0.0 if self.tally is None else self.tally.n_effective

    @property
    def unread(self) -> bool:
        """Whether what the model said could not be read."""
        return self.predicted is None

    @property
    def model_worth(self) -> float:
        """How many people the model was worth beyond what never asks it; 0 where it was none."""
        return max(self.worth[0] - self.guess, 0.0) if self.says.startswith("worth") else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectified:
    """Estimates of all cells of a questionnaire, joined with a pilot."""

    cells: tuple[Joined, ...]
    priors: tuple[Prior, ...]
    """Of the cards, each once."""
    coverage: float
    notes: tuple[str, ...]

    def table(self) -> "pl.DataFrame":
        """Return a row a cell and option."""
        import polars as pl

        text, number = pl.String, pl.Float64
        schema = {
            **dict.fromkeys(("dataset", "model", "elicitation", "prompt"), text),
            **dict.fromkeys(("question_id", "question", "attribute", "group"), text),
            "option_index": pl.Int64,
            "option": text,
            **dict.fromkeys(("ordinal", "predicted", "calibrated", "people"), number),
            **dict.fromkeys(("n_effective", "pilot", "pilot_low", "pilot_high"), number),
            **dict.fromkeys(("training_mean", "by_mean", "by_mean_low", "by_mean_high"), number),
            **dict.fromkeys(("estimate", "low", "high", "coverage", "simulated"), number),
            **dict.fromkeys(("effective_n", "worth", "mean_worth", "model_worth"), number),
            "model_says": text,
            "extrapolates": pl.Boolean,
            "reason": text,
        }
        rows = [row for cell in self.cells for row in _rows(cell, self.coverage)]
        return pl.DataFrame(rows, schema=schema, orient="row").fill_nan(None)

    def worth(self) -> list[str]:
        """Say in sentences what estimates were worth on the answered questions."""
        return [line for prior in self.priors for line in worth_of(prior)]

    def markdown(self) -> str:
        """Return the section of a report."""
        words = self.worth()
        parts = list(_by_question(self.cells, self.coverage))
        if len(parts) > MOST_QUESTIONS:
            more = f"{len(parts) - MOST_QUESTIONS} questions more are in the file."
            parts = [*parts[:MOST_QUESTIONS], more]
        title = "## A few people and a model"
        return "\n\n".join([title, *words, *map(escaped, self.notes), *parts])


def rectified(estimates: Estimates, path: Path) -> Rectified:
    """Join the open cases of some estimates with a pilot.

    Parameters
    ----------
    estimates : Estimates
    path : Path
        Of the pilot; see `distexp.rectify.pilot.read_pilot`.

    Raises
    ------
    ConfigError
        If a card does not say what its estimates are worth.
    DatasetError
        If the pilot cannot be read.
    """
    priors = {id(card): prior_of(card) for card in estimates.cards}
    cases = [one.study.cases[place] for one, _, place in estimates.open()]
    pilot = read_pilot(path, cells_of(cases))
    cells = tuple(
        _joined(one, place, card, pilot, estimates) for one, card, place in estimates.open()
    )
    return Rectified(
        cells=cells,
        priors=tuple(priors.values()),
        coverage=estimates.coverage,
        notes=pilot.notes,
    )


def cells_of(cases: Sequence[Case]) -> dict[Cell, Question]:
    """Return the open ones of some cases, as a pilot names them."""
    return {_key(case): case.question for case in cases if case.human is None}


def prior_of(card: Card) -> Prior:
    """Return what the estimates of a card are worth.

    Raises
    ------
    ConfigError
        If the card is of an earlier version, which did not learn it.
    """
    if card.prior is None:
        msg = (
            f"The card of {card.name}, written by distexp {card.distexp}, does not say what its "
            "estimates are worth in respondents: it was written before cards did. Write it again "
            "from the same survey and answers (distexp fit ... card=FILE; the cache has them), or "
            "estimate without a pilot (distexp predict)."
        )
        raise ConfigError(msg)
    return card.prior


def _joined(one: Calibrated, place: int, card: Card, pilot: Pilot, estimates: Estimates) -> Joined:
    case, coverage = one.study.cases[place], estimates.coverage
    prior, k = prior_of(card), len(case.question.options)
    group = (case.group.attribute, case.group.value)
    new_topic = kind(card, case, estimates.topic) != "same"
    weights = prior.weights(group, new_topic=new_topic)
    tally = pilot.tallies.get(_key(case))
    counts = np.zeros((1, k)) if tally is None else tally.counts[None]
    calibrated, mean = one.shares[place, :k], np.array(prior.mean_shares(k))
    readable = bool(one.readable[place])
    reading = one.study.estimates[place].reading
    sizes, unknown = np.array([float(k)]), np.full(k, np.nan)
    bounds = {"pilot": alone(counts, coverage)}
    shares = {"estimate": unknown, "by_mean": unknown}
    for name, centre, weight in zip(shares, (calibrated, mean), weights, strict=True):
        bounds[name] = unknown[None], unknown[None]
        if name == "by_mean" or readable:
            w = np.array([weight])
            shares[name] = joined(centre[None], counts, w)[0]
            bounds[name] = credible(centre[None], counts, w, sizes, coverage)
    return Joined(
        condition=one.study.condition,
        case=case,
        predicted=np.array(reading.distribution.probabilities) if reading and readable else None,
        calibrated=calibrated,
        tally=tally,
        mean=mean,
        bounds={name: (low[0], high[0]) for name, (low, high) in bounds.items()},
        worth=weights,
        guess=(guess := prior.without_model(weights[1])),
        says=_says(prior, weights[0], guess) if readable else UNREADABLE,
        simulated=np.nan if new_topic else prior.covered(float(counts.sum()), coverage),
        reason=one.reasons[place] if readable else UNREADABLE,
        **shares,
    )


def _says(prior: Prior, own: float, guess: float) -> str:
    """Say what the model was worth."""
    beyond = "blind" if prior.by_blind else "the training mean"
    if prior.added.low <= 0 < prior.added.high:
        return f"nothing that can be told: {beyond} may be worth as much"
    if prior.added.high <= 0 or own <= guess:
        return f"nothing: {beyond} is worth as much or more"
    return f"worth {own - guess:.1f} respondents beyond {beyond}"


def worth_of(prior: Prior) -> Iterator[str]:
    """Say what estimates are worth, and what that was worth on the training questions."""
    own, mean, added = (
        f"{one.value:z.1f} [{one.low:z.1f}, {one.high:z.1f}]"
        for one in (prior.estimate, prior.mean, prior.added)
    )
    verdict = _says(prior, prior.estimate.value, prior.guess).partition(":")[0]
    model = (
        f"the model and its calibration were worth {added} respondents more"
        if verdict.startswith("worth")
        else f"the model was worth {verdict} ({added} respondents)"
    )
    blind = f", and blind, which does not either, {prior.guess:.1f}" if prior.by_blind else ""
    yield (
        f"On the {prior.n_questions} answered questions, each estimated without its own answers, "
        f"an estimate was worth {own} respondents and the training mean, which never asks the "
        f"model, {mean}{blind}: {model}."
    )
    if prior.by_group:
        least, most = min(prior.by_group.values()), max(prior.by_group.values())
        yield f"By the size of a group estimates were worth {least:.1f} to {most:.1f} respondents."
    if prior.topic is not None:
        yield (
            f"On a new topic (batteries held out as a whole) they were worth {prior.topic[0]:.1f} "
            f"and {prior.topic[1]:.1f}; questions of another battery count for no more than that."
        )


def _by_question(cells: Sequence[Joined], coverage: float) -> Iterator[str]:
    """Yield a table for each question and condition."""
    found: dict[tuple[Condition, str], list[Joined]] = {}
    for cell in cells:
        found.setdefault((cell.condition, cell.case.question.question_id), []).append(cell)
    several = len({condition for condition, _ in found}) > 1
    header = (
        "group", "option", "people", f"estimate [{coverage:.0%}]", "without the model",
        "with the training mean", "counts for", "the model was worth",
    )  # fmt: skip
    for (condition, name), of_question in found.items():
        question = of_question[0].case.question
        head = f"**{escaped(name)}** {escaped(question.text)}"
        head += f" ({escaped(condition.dataset)}, {escaped(condition.model)})" * several
        rows = [line for cell in of_question for line in _lines(cell)]
        reasons = dict.fromkeys(
            part for cell in of_question for part in cell.reason.split("; ") if part
        )
        note = f"\n\n\\* {escaped('; '.join(reasons))}." if reasons else ""
        yield f"{head}\n\n{table(header, rows, right=(2, 3, 4, 5, 6))}{note}"


def _lines(cell: Joined) -> Iterator[tuple[object, ...]]:
    group = escaped(cell.case.group.value) + "\\*" * bool(cell.reason)
    for place, option in enumerate(cell.case.question.options):
        first = place == 0
        alone_ = _share(cell, "pilot", place) if cell.tally is not None else NOBODY
        yield (
            Markdown(group) if first else "",
            option,
            f"{0 if cell.tally is None else cell.tally.n_people:g}" if first else "",
            _share(cell, "estimate", place),
            alone_,
            _share(cell, "by_mean", place),
            f"{cell.n_effective + cell.worth[0]:.1f}" if first and not cell.unread else "",
            cell.says.partition(":")[0].removeprefix("worth ") if first else "",
        )


def _share(cell: Joined, name: str, place: int) -> str:
    low, high = (end[place] for end in cell.bounds[name])
    share = _pilot(cell)[place] if name == "pilot" else getattr(cell, name)[place]
    return UNREADABLE if np.isnan(share) else f"{share:.0%} [{low:.0%}, {high:.0%}]"


def _pilot(cell: Joined) -> FloatArray:
    """Return the shares of the pilot; NaN where nobody was asked."""
    if cell.tally is None:
        return np.full(len(cell.case.question.options), np.nan)
    return cell.tally.counts / cell.n_effective


def _rows(cell: Joined, coverage: float) -> Iterator[tuple[object, ...]]:
    question, group, pilot = cell.case.question, cell.case.group, _pilot(cell)
    bounds = {name: np.array(ends) for name, ends in cell.bounds.items()}
    own, mean = cell.worth
    for place, option in enumerate(question.options):
        yield (
            *asdict(cell.condition).values(),
            question.question_id,
            question.text,
            group.attribute,
            group.value,
            place,
            option,
            None if question.ordinals is None else question.ordinals[place],
            None if cell.predicted is None else float(cell.predicted[place]),
            float(cell.calibrated[place]),
            0.0 if cell.tally is None else cell.tally.n_people,
            cell.n_effective,
            float(pilot[place]),
            *bounds["pilot"][:, place].tolist(),
            float(cell.mean[place]),
            float(cell.by_mean[place]),
            *bounds["by_mean"][:, place].tolist(),
            float(cell.estimate[place]),
            *bounds["estimate"][:, place].tolist(),
            coverage,
            cell.simulated,
            None if cell.unread else cell.n_effective + own,
            None if cell.unread else own,
            mean,
            None if cell.unread else cell.model_worth,
            cell.says,
            None if cell.unread else bool(cell.reason),
            cell.reason or None,
        )


def _key(case: Case) -> Cell:
    return case.question.question_id, case.group.attribute, case.group.value
