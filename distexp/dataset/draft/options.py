"""Which answers a column holds: the options in scale order, and what is off the scale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from distexp.dataset.draft.words import (
    is_not_asked,
    number_of,
    scale_positions,
    speaks_of_a_scale,
)
from distexp.dataset.files.codes import Code, label_of
from distexp.dataset.files.refusals import is_refusal
from distexp.dataset.files.variables import Variable, code_order

MOST_NUMBERS = 12
"""A column with more different numbers or texts and no labels is no closed question."""
MOST_LABELS = 30
"""A column with more labels is no closed question: occupations, places."""
_NO_CODE = 1000
"""Numbers as great as this are years or amounts rather than answers."""
_LETTERS = {"d": "don't know", "r": "refused"}
"""What Stata's extended missing values mostly mean; the others say why somebody was not asked."""
_LONGEST_SCALE = 11
"""How many points a scale has whose gaps are filled: 0 to 10."""
_SHORT = 4
"""Labels of fewer letters may be abbreviations of anything: NS is a province and "no sabe"."""
_USUAL = frozenset({6, 7, 8, 9, 66, 77, 88, *range(95, 100), 666, 777, 888, *range(995, 1000)})
"""Numbers that questionnaires reserve for who did not answer; so are negative numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The answers in a column."""

    codes: tuple[tuple[Code, ...], ...]
    """Of each option, in scale order."""
    labels: tuple[str, ...]
    off_scale: tuple[Code, ...]
    not_asked: tuple[Code, ...]
    checks: tuple[str, ...]
    """What a person has to decide, a sentence each."""
    ordinals: tuple[float, ...] | None = None
    """None is nominal, or not judged yet."""
    strays: tuple[Code, ...] = ()
    """Those off the scale only because they stand apart from the others."""


def options_of(variable: Variable, most_labels: int = MOST_LABELS) -> Options | str:
    """Sort the codes of a column into options, off the scale and not asked.

    Parameters
    ----------
    variable : Variable
    most_labels : int
        How many labelled codes a column may have.

    Returns
    -------
    Options or str
        The reason why it cannot be a closed question.
    """
    if variable.is_date or (not variable.counts and variable.n_codes):
        return "it holds dates" if variable.is_date else f"it holds {variable.n_codes} values"
    sorted_out = _Sorted(variable)
    strays = sorted_out.set_strays_apart()
    sorted_out.fill_gaps()
    substantive = sorted_out.substantive
    unlabelled = [code for code in substantive if code not in variable.labels]
    if len(unlabelled) > MOST_NUMBERS and 2 * len(unlabelled) > len(substantive):
        return f"it holds {len(unlabelled)} different values without labels"
    numbers = [code for code in unlabelled if isinstance(code, float)]
    if not all(number.is_integer() for number in numbers) or max(numbers, default=0) >= _NO_CODE:
        return "it holds years, amounts or measurements"
    if len(substantive) > most_labels:
        return f"it has {len(substantive)} labels"
    merged = _merged(substantive, variable.labels, sorted_out.checks)
    if len(merged) < 2:
        return "it holds one answer only" if merged else "it holds no answers"
    return Options(
        codes=tuple(map(tuple, merged.values())),
        labels=tuple(merged),
        off_scale=tuple(sorted_out.off_scale),
        not_asked=tuple(sorted_out.not_asked),
        checks=tuple(sorted_out.checks),
        strays=tuple(strays),
    )


def on_a_scale(options: Options, variable: Variable) -> Options:
    """Propose the order of the options and their places on a scale, or none."""
    labels = options.labels
    n_labels = len(labels)
    order = list(range(n_labels))
    ordinals: list[float] | None = [float(place) for place in range(1, n_labels + 1)]
    check = ""
    found = scale_positions(labels)
    known = [place for place in found if place is not None]
    speaks = speaks_of_a_scale(labels)
    if n_labels == 2:
        pass
    elif (numbers := _numbers(options)) is not None:
        order.sort(key=numbers.__getitem__)
        ordinals = sorted(numbers)
    elif len(known) == n_labels == len(set(known)):
        if not _is_monotone(known):
            check = "is this the order of the scale? In the file it is another."
            if variable.in_order:
                check = "is this ordinal, in this order? The words suggest another."
            else:
                order.sort(key=known.__getitem__)
    elif variable.measure == "ordinal" or (speaks and variable.measure == "scale"):
        pass
    elif variable.measure == "scale" or (speaks and not _are_texts(options)):
        check = "is this ordinal, in this order? Not all of its labels speak of a scale."
    else:
        ordinals = None
        why = "the file says so" if variable.measure == "nominal" else "its labels name no scale"
        why = "the order cannot be seen from its labels" if speaks else why
        check = f"is this nominal? Here {why}. If not: put the options in order, add ordinals."
    return replace(
        options,
        codes=tuple(options.codes[i] for i in order),
        labels=tuple(labels[i] for i in order),
        checks=(*options.checks, *([check] if check else ())),
        ordinals=None if ordinals is None else tuple(ordinals),
    )


class _Sorted:
    """The codes of a column, sorted by what their labels say."""

    def __init__(self, variable: Variable) -> None:
        self.variable = variable
        self.substantive: list[Code] = []
        self.off_scale: list[Code] = []
        self.not_asked: list[Code] = []
        self.checks: list[str] = []
        labels, counts = variable.labels, variable.counts
        codes = dict.fromkeys([*labels, *counts])
        words = [labels.get(code, str(code)) for code in codes if labels.get(code, code)]
        self.is_short = 2 * sum(len(word) < _SHORT for word in words) > len(words)
        for code in codes if variable.in_order else sorted(codes, key=code_order):
            if code is not None:
                self._sort(code)

    def _sort(self, code: Code) -> None:
        """Put a code where its label, or what the file declares, says."""
        label = self.variable.labels.get(code)
        words = label or (code if isinstance(code, str) else "")
        said = f"code {label_of(code)}" + (f" ({label})" if label else "")
        if self._is_declared(code) and not label:
            meaning = _LETTERS.get(str(code))
            self.checks.append(
                f'is {said} "{meaning or "not asked"}"? The file declares it missing and says no '
                f"more; taken {'as off the scale' if meaning else 'as not asked'}."
            )
            (self.off_scale if meaning else self.not_asked).append(code)
        elif not label and words in ("NA", "NULL", "N/A", "<NA>", "nan", "null", "None"):
            self.checks.append(f"does {said} mean a blank? Taken as not asked.")
            self.not_asked.append(code)
        elif len(words) < _SHORT and self.is_short and not self._is_declared(code):
            self.substantive.append(code)
            if is_refusal(words) or is_not_asked(words):
                self.checks.append(f"is {said} an answer? The others are as short.")
        elif is_not_asked(words):
            self.not_asked.append(code)
        elif is_refusal(words):
            self.off_scale.append(code)
            if len(words) < _SHORT:
                self.checks.append(f"does {said} mean that somebody did not say? Taken as such.")
        elif self._is_declared(code):
            self.checks.append(f"is {said} off the scale? The file declares it missing.")
            self.off_scale.append(code)
        else:
            self.substantive.append(code)

    def _is_declared(self, code: Code) -> bool:
        return code in self.variable.missing or (
            isinstance(code, float)
            and any(low <= code <= high for low, high in self.variable.missing_ranges)
        )

    def set_strays_apart(self) -> list[float]:
        """Take numbers without a label that stand apart, such as 98, as off the scale."""
        numbers = [code for code in self.substantive if isinstance(code, float)]
        if len(numbers) < len(self.substantive):
            return []
        named = [code for code in numbers if code in self.variable.labels]
        core = named if len(named) >= 2 else _run(numbers)
        odd = [n for n in numbers if n not in core and n not in named and (n in _USUAL or n < 0)]
        others = [number for number in numbers if number not in odd]
        strays = [number for number in odd if not min(others) < number < max(others)]
        if len(others) < 2:
            return []
        self.off_scale += strays
        self.substantive = [code for code in self.substantive if code not in strays]
        return strays

    def fill_gaps(self) -> None:
        """Offer the numbers of a short scale that nobody has chosen."""
        numbers = [c for c in self.substantive if isinstance(c, float) and c.is_integer()]
        if len(numbers) < max(3, len(self.substantive)) or _is_named(
            numbers, self.variable.labels
        ):
            return
        if numbers[-1] - numbers[0] >= _LONGEST_SCALE:
            return
        whole = [float(n) for n in range(int(numbers[0]), int(numbers[-1]) + 1)]
        gaps = [n for n in whole if n not in numbers and n not in self.off_scale + self.not_asked]
        if gaps and len(gaps) <= 0.3 * len(whole):
            listed = ", ".join(map(label_of, gaps))
            self.checks.append(f"could people choose {listed}? Nobody did.")
            self.substantive = list(whole)


def _run(numbers: Sequence[float]) -> list[float]:
    """Return the longest run of neighbours, without negative numbers unless it is symmetrical."""
    runs: list[list[float]] = []
    for number in sorted(numbers):
        if runs and number - runs[-1][-1] <= 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = []
    for run in runs:
        is_mixed = run[0] < 0 <= run[-1] and run[0] != -run[-1]
        parts.append([n for n in run if n >= 0] if is_mixed else run)
    positive = [part for part in parts if part[-1] >= 0 and len(part) > 1]
    return max(positive or parts, key=len)


def _merged(
    codes: Sequence[Code], labels: Mapping[Code, str], checks: list[str]
) -> dict[str, list[Code]]:
    """Return the codes by label, those of one label together."""
    merged: dict[str, list[Code]] = {}
    for code in codes:
        label = labels.get(code) or label_of(code)
        merged.setdefault(label, []).append(code)
    for label, same in merged.items():
        if len(same) > 1:
            listed = ", ".join(map(label_of, same))
            checks.append(f"are codes {listed} one answer? All are labelled {label!r}.")
    unlabelled = [code for code in codes if code not in labels and isinstance(code, float)]
    if labels and unlabelled and not _is_ends_only(codes, labels):
        listed = ", ".join(map(label_of, unlabelled))
        checks.append(f"what does {listed} mean? The file has labels for other codes only.")
    elif unlabelled and not labels:
        checks.append("what do the codes mean? The file has no labels: put words in their place.")
    return merged


def _is_named(codes: Sequence[float], labels: Mapping[Code, str]) -> bool:
    """Tell whether more codes have words than the two ends and the middle of a scale."""
    return sum(labels.get(code, label_of(code)) != label_of(code) for code in codes) > 3


def _is_ends_only(codes: Sequence[Code], labels: Mapping[Code, str]) -> bool:
    """Tell whether a scale of numbers is labelled at both its ends, as "0 not at all .. 10"."""
    return len(codes) > 3 and codes[0] in labels and codes[-1] in labels


def _numbers(options: Options) -> list[float] | None:
    """Return the number that each option is or begins with; None if these are not all different.

    Of options that are numbers but for words at the ends, the codes count.
    """
    own = [number_of(label) for label in options.labels]
    first = [codes[0] for codes in options.codes]
    numbers = [n for n in own if n is not None]
    if len(numbers) == len(set(numbers)) == len(own) and _even(sorted(numbers)):
        return numbers
    codes = [code for code in first if isinstance(code, float)]
    bare = sum(label == label_of(code) for label, code in zip(options.labels, first, strict=True))
    if len(codes) == len(own) and bare and bare >= len(own) - 3:
        return codes
    return None


def _even(numbers: Sequence[float]) -> bool:
    """Tell whether numbers count up: labels such as "18-29" begin with numbers and do not."""
    steps = {round(b - a, 9) for a, b in pairwise(numbers)}
    return len(steps) == 1 or steps == {1.0, 2.0}


def _is_monotone(numbers: Sequence[float]) -> bool:
    ordered = sorted(numbers)
    return list(numbers) in (ordered, ordered[::-1])


def _are_texts(options: Options) -> bool:
    """Tell whether codes are texts, whose order in the file says nothing."""
    return any(isinstance(code, str) for codes in options.codes for code in codes)
