"""Both promises of a calibrator in words: for questions like these, and for a new topic."""

import math
from collections.abc import Mapping, Sequence

from distexp.evaluation.baselines import NOT_CALIBRATED, RAW
from distexp.evaluation.evaluation import Evaluation, Result
from distexp.evaluation.layout import question_codes
from distexp.evaluation.scores import Score
from distexp.evaluation.topics import NewTopics
from distexp.evaluation.units import clusters_of, enough, named, proposed
from distexp.metrics.names import METRIC
from distexp.report import markdown
from distexp.report.markdown import Markdown, escaped
from distexp.report.score_tables import NOTHING, label
from distexp.types import Study
from distexp.visible import within

MOST_NAMED = 8
"""Batteries that a sentence lists."""


def promises(result: Result, alpha: float = 0.05) -> str | None:
    """Say what the leading calibrator gains on questions like these and on a new topic.

    A gain whose adjusted p-value is not below `alpha` is said to be one that chance could explain.
    The leading calibrator is the first of the configuration. None where batteries were not held
    out besides, or there is no calibrator.
    """
    topics = result.new_topics
    names = [name for name in result.scopes if name not in NOT_CALIBRATED]
    if topics is None or not names:
        return None
    name = names[0]
    like = _of(result.scores).get((name, "w1_reduction"))
    if like is None or math.isnan(like.value):
        return None
    found = (
        one.p_holm < alpha and not one.low <= 0 <= one.high
        for one in result.comparisons
        if (one.method, one.other, one.metric) == (name, RAW, "w1")
    )
    chance = "" if next(found, True) else ", which chance could explain"
    said = f"**For questions like these, {escaped(name)} {_gain(like)}{chance}.** "
    if topics.note:
        return f"{said}For a new topic nothing can be said: {topics.note}"
    new = _of(topics.scores).get((name, "w1_reduction"))
    if new is None:
        return f"{said}For a new topic it was not tried: its search is not repeated."
    n = len(topics.batteries)
    doubt = "; too few, or too unequal, for an interval" if math.isnan(new.low) else ""
    return (
        f"{said}**For a new topic it {_gain(new)}** ({n} batteries, each held out as a "
        f"whole: {_by_battery(topics, name)}{doubt})."
    )


def topic_table(result: Result) -> str | None:
    """Lay out W1 and its reduction by method, for questions like these and for a new topic."""
    topics = result.new_topics
    if topics is None or not topics.scores:
        return None
    kinds = {"like these": _of(result.scores), "new topic": _of(topics.scores)}
    header = [Markdown("method")]
    header += [
        Markdown(f"{METRIC[metric].label}, {kind}")
        for metric in ("w1", "w1_reduction")
        for kind in kinds
    ]
    names = dict.fromkeys(score.calibrator for score in topics.scores)
    rows = [
        [
            label(name),
            *(
                Markdown(_cell(of.get((name, metric)), metric))
                for metric in ("w1", "w1_reduction")
                for of in kinds.values()
            ),
        ]
        for name in names
    ]
    table = markdown.table(header, rows, right=range(1, len(header)))
    return f"Questions like these, and a new topic (each battery held out as a whole):\n\n{table}"


def new_topics_of(result: Result) -> dict[str, object]:
    """Return the headline scores for a new topic, for the summary; empty where there are none."""
    if result.new_topics is None:
        return {}
    return {
        "new_topics": {
            f"{score.calibrator}.{score.metric}": score.value
            for score in result.new_topics.scores
            if METRIC[score.metric].headline and math.isfinite(score.value)
        }
    }


def held_out(study: Study, result: Result, evaluation: Evaluation) -> str | None:
    """Say what was held out as a whole, or what may be; None where there is nothing to say."""
    if evaluation.hold_out in ("battery", "dataset"):
        units = evaluation.units(study.cases)
        batteries = units.batteries or ()
        what = "Surveys" if evaluation.hold_out == "dataset" else "Batteries"
        how = "" if named(study.cases) else ", proposed by same options and texts that begin alike"
        tested = units.tested >= 0
        told = enough(units.tested[tested], question_codes(study.cases)[tested])
        less = (
            ""
            if told
            else (
                " These are too few, or too unequal, to tell how they differ: intervals are wide, "
                "a verdict unlikely."
            )
        )
        return f"{what} held out, each as a whole{how}: {_listed(batteries)}.{less}"
    if result.new_topics is not None or evaluation.hold_out != "auto" or named(study.cases):
        return None
    found = proposed([case.question for case in study.cases])
    names = sorted(set(found.values()))
    if not names:
        return None
    intervals = (
        "Intervals leave each of them out whole"
        if clusters_of(study.cases) is not None
        else "They are too few, or too unequal, for intervals to leave them out whole"
    )
    return (
        f"{len(found)} questions look like {len(names)} batter{'y' if len(names) == 1 else 'ies'} "
        f"(same options, texts that begin alike): {_listed(names)}. {intervals}. For a new topic "
        "expect less than these numbers; name the batteries, or set evaluation.hold_out=battery, "
        "to see it."
    )


def _of(scores: Sequence[Score]) -> Mapping[tuple[str, str], Score]:
    return {(score.calibrator, score.metric): score for score in scores}


def _gain(score: Score) -> str:
    """Say a reduction of W1 in words, with its interval where it has one."""
    percent = 100 * score.value
    if abs(percent) < 0.05:
        said = "leaves W1 as it is"
    else:
        much = f"{abs(percent):.1f} %"
        said = f"lowers W1 by {much}" if percent > 0 else f"raises W1 by {much}"
    if math.isnan(score.low) or math.isnan(score.high):
        return said
    ends = (
        (score.low, score.high) if percent >= -0.05 else (-score.high, -score.low)
    )  # of what is said
    return f"{said} [{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]"


def _by_battery(topics: NewTopics, name: str) -> str:
    """List the batteries with the least and the greatest gain, each with its own."""
    pairs = sorted(
        zip(topics.batteries, topics.reductions[name], strict=True),
        key=lambda pair: math.inf if math.isnan(pair[1]) else pair[1],
    )
    shown = [f"{escaped(battery)} {_signed(reduction)}" for battery, reduction in pairs]
    if len(shown) > MOST_NAMED:
        half = MOST_NAMED // 2
        return ", ".join([*shown[:half], "...", *shown[-half:]])
    return ", ".join(shown)


def _signed(reduction: float) -> str:
    return NOTHING if math.isnan(reduction) else f"{-100 * reduction:+.1f} %"


def _cell(score: Score | None, metric: str) -> str:
    if score is None or math.isnan(score.value):
        return NOTHING
    shown = METRIC[metric].shown

    def written(number: float) -> str:
        return f"{shown.scale * number:.{shown.digits}f}"

    return f"{written(score.value)}{shown.unit}{within(score.low, score.high, written)}"


def _listed(names: Sequence[str]) -> str:
    named = [str(escaped(name)) for name in names[:MOST_NAMED]]
    more = [f"and {len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return ", ".join([*named, *more])
