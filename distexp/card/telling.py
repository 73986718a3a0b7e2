"""Estimates of open cases for people: bars with bands, and in words how far to trust them."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distexp.calibrator.blind import Blind
from distexp.card.applying import NOT_ASKED, unread
from distexp.card.band import COVERAGES, KINDS, Band, Widths
from distexp.card.card import Card
from distexp.card.conformal import ROUNDING, TARGET
from distexp.card.estimates import Estimates
from distexp.dataset.files.microdata import EVERYONE
from distexp.evaluation.baselines import REFERENCE
from distexp.report.markdown import escaped
from distexp.request import Json
from distexp.terminal.texts import padded, places, shortened
from distexp.visible import one_line, signed, within

BAR = 20
"""Characters of a bar from 0 to 1."""
COLUMNS = 3
"""Groups beside each other, at the most."""
WIDEST = 100
"""Characters of a line of bars."""
MOST_QUESTIONS = 40
"""Longer questionnaires are cut; the file has all."""
LONGEST_OPTION = 24
UNUSED = "they are made without the model's answers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What is estimated of one group."""

    attribute: str
    group: str
    shares: Sequence[float]
    low: Sequence[float]
    """The lower ends of the bands of the shares; NaN where there are none."""
    high: Sequence[float]
    reason: str = ""
    """In what way the case extrapolates."""

    @property
    def name(self) -> str:
        """The group in one line, with a star where it extrapolates."""
        return _cut(self.group) + "*" * bool(self.reason)


def markdown(estimates: Estimates) -> str:
    """Return the section of a report."""
    cards = list({id(card): card for card in estimates.cards}.values())
    words = [line for card in cards for line in (accuracy(card), bands(card, estimates))]
    questions = list(_by_question(estimates))
    parts = [_question(*one) for one in questions[:MOST_QUESTIONS]]
    if len(questions) > MOST_QUESTIONS:
        parts.append(f"{len(questions) - MOST_QUESTIONS} questions more are in the file.")
    key = (
        "Bars go from 0 to 1: `█` up to the lower end of the band of a share, `▓` up to the "
        "share, `░` up to the upper end. `*` marks what extrapolates."
    )
    return "\n\n".join(["## Estimates for questions that nobody was asked", *words, key, *parts])


def accuracy(card: Card) -> str:
    """Say how far such estimates were off on answered questions, and what the model added."""
    scores = card.scores
    n, survey = len(card.trained_on.questions), escaped(card.trained_on.condition.dataset)
    named = {"w1": "W1", "tv": "total variation"}
    metric = next((metric for metric in named if isinstance(scores.get(metric), Mapping)), None)
    if metric is None:
        return f"How far such estimates are off on the {n} questions of {survey} is not known."
    off = _interval(scores[metric], "{:.3f}".format)
    of_w1 = scores.get("w1")
    scaled = of_w1.get("n_questions") if isinstance(of_w1, Mapping) else None
    few = isinstance(scaled, int) and scaled < n
    of_some = f" over the {scaled} of them with a scale" if few else ""
    return (
        f"On the {n} answered questions of {survey}, each predicted without its own answers, such "
        f"estimates were off by {named[metric]} {off} on average{of_some}, and "
        f"{UNUSED if isinstance(card.calibrator, Blind) else _added(scores.get('w1_skill'))}."
    )


def _added(skill: Json) -> str:
    """Say whether the model added anything to what never asks it.

    Where that is the training mean alone, what calibration learnt of groups and scales counts as
    the estimate's: then it is not the model that is said to be closer.
    """
    if not isinstance(skill, Mapping):
        return "whether the model added anything to the training mean is not known"
    against, low, high = skill.get("against"), skill["low"], skill["high"]
    named = "" if against in (None, REFERENCE) else f"against {escaped(against)} "
    what = f"skill {named}{_interval(skill, signed)}"
    if isinstance(low, float) and low > 0:
        if against is None:
            return (
                "they were closer there than the training mean, by the model or by what "
                f"calibration learnt without it (calibrator=[NAME,blind] tells): {what}"
            )
        return f"the model added to the training mean and blind there: {what}"
    without = "the training mean" if against is None else "the training mean or blind"
    if isinstance(high, float) and high < 0:
        return f"the model added nothing to {without} there, and made it worse: {what}"
    return f"it cannot be told that the model added to {without} there: {what}"


def _interval(score: Json, shown: Callable[[Any], str]) -> str:
    if not isinstance(score, Mapping):
        return "unknown"
    return f"{shown(score['value'])}{within(score['low'], score['high'], shown)}"


def bands(card: Card, estimates: Estimates) -> str:
    """Say how wide the bands are, what they can vouch for, and what ±0.10 would take."""
    said = [_vouched(card.band, estimates.coverage)]
    questions = [
        one.study.cases[place].question
        for one, of_card, place in estimates.open()
        if of_card is card
    ]
    if any(map(card.trained_on.of_new_battery, questions)):
        said.append(_of_new_topic(card, estimates))
    return " ".join(said)


def _of_new_topic(card: Card, estimates: Estimates) -> str:
    if card.band.topic is None:
        return (
            "New questions are of another battery than those, and how far estimates are off on a "
            "new topic cannot be told from one battery: the bands of these are too narrow, nobody "
            "knows by how much."
        )
    use = {
        "auto": "a question of another battery, or of none, has the wider of both",
        "same": "topic=same keeps to the first",
        "new": "topic=new keeps to the second",
    }
    topic, c = card.band.topic, estimates.coverage
    place, reached = COVERAGES.index(c), card.band.supported(c, new_topic=True)
    less = f", as so few can vouch for no {c:.0%}" * (reached < c)
    return (
        f"For a new topic, {math.floor(1000 * reached) / 10:g}% bands from {topic.n_questions} "
        f"batteries, each held out as a whole{less}: {_widths(card.band, topic, place)}. Here "
        f"{use[estimates.topic]}."
    )


def _widths(band: Band, widths: Widths, place: int) -> str:
    """Say how wide bands are around one half, and around one tenth."""
    topic = "new" if widths is band.topic else "same"
    coverage = COVERAGES[place]
    found = {
        of: (half_width, band.least_reach(coverage, of=of, topic=topic))
        for of in KINDS
        if not math.isnan(half_width := widths.half_width(coverage, of))
    }
    words = {
        "share": "for a share of one half",
        "joint": "for all options at once",
        "question": "for all groups too",
    }
    said = [
        f"±{band.around(0.5, *of_kind)[1] - 0.5:.3f} {words[kind]}"
        for kind, of_kind in found.items()
    ]
    low, high = band.around(0.1, *found["share"])
    return f"{', '.join(said)}; {low:.2f} to {high:.2f} for a share of one tenth"


def _vouched(band: Band, coverage: float) -> str:
    """Say how wide the bands from some questions are, and how many ±0.10 would take."""
    widths = band.pooled
    place, n = COVERAGES.index(coverage), widths.n_questions
    most = math.floor(1000 * widths.highest_coverage) / 10
    head = f"{coverage:.0%} bands from {n} questions"
    if widths.highest_coverage < coverage - ROUNDING:
        said = f"{head} would be all of 0 to 1: so few can vouch for {most:g}% at most."
    else:
        said = f"{head}: {_widths(band, widths, place)}; so many can vouch for {most:g}% at most."
    if math.isnan(widths.within):
        return said
    needed = widths.questions_needed(coverage)
    if needed is None:
        return (
            f"{said} No number of such questions would give ±{TARGET:.2f} around one half with "
            f"this model and calibrator: {widths.within:.0%} of the shares were as near as that."
        )
    return f"{said} A band of ±{TARGET:.2f} around one half needs {needed} such questions."


def _by_question(estimates: Estimates) -> Iterator[tuple[str, Sequence[str], list[Column]]]:
    """Yield heading, options and the columns of each new question."""
    found: dict[tuple[int, str], list[Column]] = {}
    heads: dict[tuple[int, str], tuple[str, Sequence[str]]] = {}
    for one, _, place in estimates.open():
        case = one.study.cases[place]
        question, condition = case.question, one.study.condition
        key = id(one), question.question_id
        head = f"**{escaped(question.question_id)}** {escaped(question.text)}"
        if len(estimates.found) > 1:
            head += f" ({escaped(condition.dataset)}, {escaped(condition.model)})"
        heads[key] = head, question.options
        column = Column(
            attribute=case.group.attribute,
            group=case.group.value,
            shares=one.shares[place, : len(question.options)].tolist(),
            low=one.ends["share"][0][place].tolist(),
            high=one.ends["share"][1][place].tolist(),
            reason=(
                one.reasons[place] if one.readable[place] else unread(one.study.estimates[place])
            ),
        )
        found.setdefault(key, []).append(column)
    for whole in estimates.everyone():
        question = whole.found.study.cases[whole.place].question
        column = Column(
            attribute=EVERYONE,
            group=whole.group,
            shares=whole.shares[: len(question.options)].tolist(),
            low=whole.ends["share"][0][whole.row].tolist(),
            high=whole.ends["share"][1][whole.row].tolist(),
            reason=whole.reason,
        )
        found[id(whole.found), question.question_id].append(column)
    for key, columns in found.items():
        yield *heads[key], columns


def _question(head: str, options: Sequence[str], columns: Sequence[Column]) -> str:
    """Draw one question: the whole population first, then the groups by attribute."""
    whole = [column for column in columns if column.attribute == EVERYONE]
    others: dict[str, list[Column]] = {}
    for column in columns:
        if column.attribute != EVERYONE:
            others.setdefault(column.attribute, []).append(column)
    lines = list(_chart(options, whole)) if whole else []
    margin = max(map(places, map(_cut, options)))
    beside = min(COLUMNS, (WIDEST - margin) // (BAR + 7))
    for attribute, of_attribute in others.items():
        for start in range(0, len(of_attribute), beside):
            each = of_attribute[start : start + beside]
            lines += ["", one_line(attribute), *_chart(options, each)]
    parts = dict.fromkeys(part for c in columns for part in c.reason.split("; ") if part)
    note = [f"\\* {escaped('; '.join(parts))}."] if parts else []
    return "\n\n".join([head, "\n".join(["```text", *lines, "```"]), *note])


def _chart(options: Sequence[str], columns: Sequence[Column]) -> Iterator[str]:
    """Yield the lines of a chart: an option a line, a group a column."""
    labels = [_cut(option) for option in options]
    margin = max(map(places, labels))
    cells = [[_cell(column, index) for index in range(len(options))] for column in columns]
    wide = [
        max(map(places, (column.name, *of))) for column, of in zip(columns, cells, strict=True)
    ]
    names = [padded(column.name, n) for column, n in zip(columns, wide, strict=True)]
    yield f"{'':{margin}}  {'  '.join(names)}".rstrip()
    for index, label in enumerate(labels):
        line = [of[index].ljust(width) for of, width in zip(cells, wide, strict=True)]
        yield f"{padded(label, margin)}  {'  '.join(line)}".rstrip()


def _cell(column: Column, index: int) -> str:
    """Draw a share with its band."""
    share = column.shares[index]
    if math.isnan(share):
        return "not asked" if column.reason == NOT_ASKED else "unreadable"
    low, high = column.low[index], column.high[index]
    if math.isnan(low):
        low = high = share
    ends = [round(BAR * end) for end in (low, share, high)]
    bar = "█" * ends[0] + "▓" * (ends[1] - ends[0]) + "░" * (ends[2] - ends[1])
    return f"{bar:·<{BAR}} {share:4.0%}"


def _cut(option: str) -> str:
    return shortened(one_line(option), LONGEST_OPTION)
