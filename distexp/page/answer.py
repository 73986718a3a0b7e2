"""The answer of a run or a sweep in a few sentences, from what its tables and sentences say."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from distexp.evaluation.baselines import LABELS, RAW, REFERENCE, UNASKED
from distexp.page.nearest import untold
from distexp.page.words import Runs, pieces

FOUND, HOW_FAR = "Found", "How far off"
MODEL_ADDS = ("It is not shown that the model adds", "The model adds")
"""How the sentence of runs of earlier versions begins that says what a model knows."""


def of_run(head: Mapping[str, Any]) -> list[tuple[str, Runs]]:
    """Say what was asked of whom, whether the model knows something, how far off it is.

    Parameters
    ----------
    head : mapping
        As `distexp.page.run.head` returns it.

    Returns
    -------
    list of (str, Runs)
        What each paragraph is about, and the paragraph.
    """
    studies = head["studies"]
    if not studies:
        return [("Asked", [("", "Nothing: the run has no estimates.")])]
    found = [("Asked", [("", _asked(head))])]
    scored = [one for one in studies if one["scores"]]
    if not scored:
        return [*found, (FOUND, [("", studies[0]["note"] or "There are no scores.")])]
    found += [(FOUND, runs) for runs in head.get("opening") or _found(scored)]
    found.append((HOW_FAR, [("", _how_far(scored))]))
    found.append(("Do not conclude", [("", _caution(head, scored))]))
    return found


VERDICTS = {
    "better": ": closer than that, beyond chance",
    "worse": ", and its own run shows it further off than that, beyond chance",
    "level": ", and it cannot be told to be closer than that",
}
"""How the nearest row of a sweep compares with the training mean in its own run."""


def of_sweep(page: Mapping[str, Any]) -> list[tuple[str, Runs]]:
    """Say what was compared, in how many configurations the model adds, and what not to read."""
    rows = [row for survey in page["surveys"] for row in survey["rows"]]
    asking = [row for row in rows if row["asks"]]
    conditions = [[row["condition"][at] for row in asking] for at in range(4)]
    names = ("survey", "model", "elicitation", "prompt")
    counted = ", ".join(
        _count(len(dict.fromkeys(values)), name)
        for name, values in zip(names, conditions, strict=True)
    )
    better = sum(row["kind"] == "better" and row["adds"] is not False for row in asking)
    unknown = sum(row["kind"] == "better" and row["adds"] is None for row in asking)
    found = [
        ("Asked", [("", f"{_count(len(page['jobs']), 'run')}: {counted}, "
                    f"{_count(len({row['name'] for row in asking}), 'method')}.")]),
    ]  # fmt: skip
    if not asking:
        return found
    said = f"{better} of {len(asking)} configurations that ask the model"
    verb = "are" if better != 1 else "is"
    never = "what never asks it (the mean of the training questions, and blind where it is scored)"
    could = (
        f" {unknown} of them may owe that to what calibration learns of groups and scales without "
        "the model: score blind beside them."
    )
    found.append(
        (FOUND, [("strong", said), ("", f" {verb} closer to the human answers than {never}, "
                    f"beyond chance.{could * bool(unknown)}")])
    )  # fmt: skip
    found.append((HOW_FAR, [("", " ".join(_least(page["surveys"])))]))
    caution = (
        "That the row at the top is the best: picked out of many by these scores, it looks better "
        "than it is. Neighbouring rows mostly cannot be told apart; test any two below. What does "
        "not stand in the same cases is not compared."
    )
    return [*found, ("Do not conclude", [("", caution)])]


def _count(n: int, name: str) -> str:
    plural = {"survey": "surveys", "elicitation": "elicitations"}.get(name, f"{name}s")
    return f"{n} {name if n == 1 else plural}"


def _least(surveys: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say which row of each survey is the nearest, and where the training mean is."""
    for survey in surveys:
        n = sum(survey["counts"])
        rows = [(100 * sum(row["sums"]) / n, row) for row in survey["rows"] if n]
        asking = [one for one in rows if one[1]["asks"]]
        if not asking:
            continue
        value, row = min(asking, key=lambda one: one[0])
        reference = [value for value, row in rows if row["name"] == REFERENCE]
        told = VERDICTS.get(row["kind"], "") if reference else ""
        if row["kind"] == "better" and row["adds"] is False:
            told += ", but not closer than blind, which never asks the model either"
        beside = f"; the training mean by {min(reference):.1f}{told}" if reference else ""
        where = ", ".join(part for part in row["condition"][1:] if part)
        others = [one["sums"] for _, one in asking if one is not row]
        level = untold(survey["counts"], row["sums"], others)
        among = (
            f" It cannot be told from {level} of the {len(others)} others that ask the model."
            if level
            else f" It is told from all {len(others)} others that ask the model, beyond chance."
        )
        yield (
            f"On {survey['name']} the nearest is {where}, {row['label']}, off by {value:.1f} "
            f"points of the scale{beside}.{among * bool(others)}"
        )


def _asked(head: Mapping[str, Any]) -> str:
    """Say who was asked what, and how many estimates are missing."""
    studies = head["studies"]
    datasets, models, elicitations, prompts = (
        " and ".join(dict.fromkeys(one["condition"][at] for one in studies)) for at in range(4)
    )
    (first, *_) = ["".join(text for _, text in runs) for runs in head["described"]] or [""]
    cases = f" ({first.split(';')[0].strip().rstrip('.')})" if first else ""
    missing = sum(one["missing"] or 0 for one in studies)
    n = sum(one["n_cases"] or 0 for one in studies)
    lost = f"{missing} of {n} estimates are missing" if missing else f"all {n} estimates are there"
    return (
        f"{models} was asked how groups of people answered {datasets}{cases}, by {elicitations}, "
        f"prompt {prompts}; {lost}."
    )


def _found(studies: Sequence[Mapping[str, Any]]) -> Iterator[Runs]:
    """Yield what is said of the model, once where it is the same for all studies."""
    said: dict[str, tuple[Runs, list[str]]] = {}
    for one in studies:
        runs = next(
            (line for line in one["findings"] if line and line[0][1].startswith(MODEL_ADDS)),
            None,
        ) or _closer(one)
        said.setdefault(repr(runs), (runs, []))[1].append(one["condition"][3])
    for runs, prompts in said.values():
        where = f"Prompt {' and '.join(prompts)}: " if len(said) > 1 else ""
        yield [("", where), *runs] if where else runs


def _closer(study: Mapping[str, Any]) -> Runs:
    """Name the methods that the comparisons show to be closer than the training mean."""
    closer = [
        LABELS.get(method, method)
        for method, other, metric, difference, low, high, _, p in study["comparisons"]
        if (other, metric) == (REFERENCE, "w1")
        and method not in study["ignoring"]
        and p is not None
        and p < 0.05
        and difference < 0
        and not (low or 0) <= 0 <= (high or 0)
    ]
    if not closer:
        return pieces(
            "No method that asks the model is shown to be closer than the training mean."
        )
    return [
        ("strong", "The model knows something that the training mean does not"),
        ("", f": {', '.join(closer)} {'is' if len(closer) == 1 else 'are'} closer to the human "
         "answers, beyond chance."),
    ]  # fmt: skip


def _how_far(studies: Sequence[Mapping[str, Any]]) -> str:
    """Say how far the answers are off, before and after calibration, and what they are worth."""
    said: list[str] = []
    first = studies[0]
    chosen = [name for name in first["scores"] if name not in {RAW, *UNASKED, *first["ignoring"]}]
    for name in (RAW, *(["auto"] if "auto" in chosen else chosen[:1]), REFERENCE):
        found = [one["scores"][name]["of"] for one in studies if name in one["scores"]]
        key = "w1" if any(_value(of, "w1") is not None for of in found) else "tv"
        values = [100 * value for of in found if (value := _value(of, key)) is not None]
        worth = [value for of in found if (value := _value(of, "respondents")) is not None]
        if not values:
            continue
        unit = f" points of the {'scale' if key == 'w1' else 'shares'}" if not said else ""
        people = f", worth {_range(worth)} respondents" if worth else ""
        label = LABELS.get(name, name).split(" (")[0]
        subject = "Uncalibrated, the model" if name == RAW else f"calibrated by {label}, it"
        subject = "the training mean" if name == REFERENCE else subject
        said.append(f"{subject} is off by {_range(values)}{unit}{people}")
    return f"{'; '.join(said)}." if said else "There is no distance."


def _value(of: Mapping[str, Any], key: str) -> float | None:
    value: float | None = (of.get(key) or [None])[0]
    return value


def _range(values: Sequence[float]) -> str:
    """Show the least and the greatest of some numbers; one where they look the same."""
    ends = dict.fromkeys(
        "less than 1" if x < 1 else f"{x:.1f}" for x in (min(values), max(values))
    )
    return " to ".join(ends)


def _caution(head: Mapping[str, Any], studies: Sequence[Mapping[str, Any]]) -> str:
    """Say what these numbers do not show."""
    n = min((next(iter(one["scores"].values()))["n"][0] for one in studies), default=0)
    widest = max(
        (
            max(abs(low), abs(high))
            for one in studies
            for method, other, metric, _, low, high, *_ in one["comparisons"]
            if other == REFERENCE and metric == "w1" and method == RAW and low is not None
        ),
        default=None,
    )
    allowed = (
        f": the intervals leave room for differences of up to {100 * widest:.1f} points"
        if widest is not None
        else ""
    )
    return (
        f"That methods which cannot be told apart are equally good{allowed}. That it holds for "
        f"other questions than these {n}, other groups, or another model. That the method with "
        "the least distance is the best: picked by these scores, it looks better than it is."
    )
