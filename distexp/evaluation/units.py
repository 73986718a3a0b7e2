"""What is held out together: the same question everywhere, and a battery as a whole."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from distexp.errors import ConfigError
from distexp.evaluation.jackknife import effective_number
from distexp.evaluation.layout import question_codes
from distexp.evaluation.splits import Split, question_splits, unit_splits
from distexp.types import BoolArray, Case, IntArray, Question, Study

HOLD_OUTS = ("auto", "question", "battery", "dataset")
"""`auto` is by question and, where batteries are named, a second time by battery."""
OF_SURVEY = " › "
"""Stands between a survey and an id where questions of several surveys are put together."""
LEAST_BATTERIES = 4
"""With fewer, or fewer in effect, no interval is given of what batteries vary: so few cannot tell
how they differ."""
LEAST_TEXT = 12
"""Letters that make a wording, wide ones counted twice; a shorter text is a name, and names are
not compared."""
LEAST_STEM = 5
"""Words that questions begin with alike where they are proposed as one battery."""
STEM_SHARE = 1 / 3
"""And the share of the shorter text that these are at the least."""
_SMALL = frozenset({
    "a", "an", "the", "of", "to", "in", "on", "at", "is", "are", "was", "were", "be", "been", "do",
    "does", "did", "you", "your", "would",
})  # fmt: skip
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """What is held out together of some cases."""

    tested: IntArray
    """Shape (n_cases,): equal numbers are tested together; -1 is trained on and never tested."""
    twin: IntArray
    """Shape (n_cases,): equal numbers mark the same question, by id or wording."""
    inner: IntArray
    """Shape (n_cases,): what calibrators leave out together inside the training questions."""
    plain: bool = False
    """Whether each question stands by itself."""
    batteries: tuple[str, ...] | None = None
    """Names by their number in `tested`; None where that is by question."""
    clusters: IntArray | None = None
    """Shape (n_cases,): what intervals leave out as a whole besides; None where that is nothing
    but what is held out."""

    @classmethod
    def by_question(cls, cases: Sequence[Case]) -> "Units":
        """Hold each question out, with those that are the same in wording."""
        codes = question_codes(cases)
        twin = twin_codes(cases, codes)
        plain = bool((twin == codes).all())
        clusters = clusters_of(cases, twin)
        return cls(tested=twin, twin=twin, inner=twin, plain=plain, clusters=clusters)

    @classmethod
    def by_battery(cls, cases: Sequence[Case]) -> "Units":
        """Hold each battery out, and train on no question that is the same as one of it."""
        twin = twin_codes(cases, question_codes(cases))
        battery, names = battery_codes(cases)
        inner = joined_units(battery, twin)
        return cls(tested=battery, twin=twin, inner=inner, batteries=names)

    @property
    def judged(self) -> IntArray:
        """Shape (n_cases,): of which the sign of a difference is one: clusters, if there are."""
        return self.redrawn if self.clusters is None else self.clusters

    @property
    def redrawn(self) -> IntArray:
        """Shape (n_cases,): what intervals leave out together, the untested one by one."""
        apart: IntArray = np.where(self.tested < 0, self.tested.max() + 1 + self.twin, self.tested)
        return apart

    def splits(self, n_splits: int, test_size: float, seed: int) -> list[Split]:
        """Split by these units; by battery each is tested once, in `n_splits` splits at most."""
        if self.batteries is not None:
            return unit_splits(self.tested, self.twin, n_splits, seed)
        return question_splits(self.tested, n_splits, test_size, seed)

    def untested(self, shown: BoolArray) -> BoolArray:
        """Return the cases that share a unit with one whose human answers a prompt showed."""
        of_unit = np.isin(self.tested, self.tested[shown & (self.tested >= 0)])
        untested: BoolArray = shown | of_unit | np.isin(self.twin, self.twin[shown])
        return untested


def clusters_of(cases: Sequence[Case], twin: IntArray | None = None) -> IntArray | None:
    """Return the batteries of the questions, as clusters of the intervals.

    Where none are named, those that `proposed` finds. None where there are none, and where they
    are too few, or one of them is too large, to tell how batteries differ: intervals are then of
    other questions of the same batteries.

    Parameters
    ----------
    cases : sequence of n_cases Case
    twin : ndarray of shape (n_cases,), optional

    Returns
    -------
    ndarray of shape (n_cases,), optional
        A question without a battery is a cluster by itself.
    """
    battery, names = battery_codes(cases)
    if not names:
        return None
    twin = twin_codes(cases, question_codes(cases)) if twin is None else twin
    clusters = joined_units(battery, twin)
    return clusters if enough(clusters, question_codes(cases)) else None


def enough(clusters: IntArray, questions: IntArray) -> bool:
    """Whether clusters of questions, both of shape (n_cases,), can tell how clusters differ.

    What counts is how many of equal size would tell as much.

    Examples
    --------
    >>> enough(np.array([0, 1, 2, 3]), np.arange(4))
    True
    >>> enough(np.array([0] * 97 + [1, 2, 3]), np.arange(100))
    False
    """
    of_question = clusters[np.unique(questions, return_index=True)[1]]
    sizes = np.unique(of_question, return_counts=True)[1]
    return effective_number(sizes) >= LEAST_BATTERIES


def wording(question: Question) -> tuple[tuple[str, ...], frozenset[tuple[str, ...]]] | None:
    """Return what near-identical questions have in common; None where the text is but a name.

    Two questions are near-identical where their texts have the same words in the same order and
    their options are the same, in any order. Case, punctuation, accents' encoding, years, a plural
    s and the smallest English words do not count; any other word tells questions apart, as items
    of one battery differ in a word or two.

    Examples
    --------
    >>> first, second = (
    ...     Question(question_id=text, text=text, options=options, ordinals=None)
    ...     for text, options in [
    ...         ("Was the economy good in 2019?", ("Yes", "No")),
    ...         ("Is the ECONOMY good, in 2021?", ("no", "yes")),
    ...     ]
    ... )
    >>> wording(first) == wording(second)
    True
    """
    words = _words(question.text)
    if sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in "".join(words)) < LEAST_TEXT:
        return None
    content = [word for word in words if word not in _SMALL and not _YEAR.fullmatch(word)]
    plain = (w[:-1] if len(w) > 3 and w[-1] == "s" and w[-2] != "s" else w for w in content)
    return tuple(plain), _options(question)


def twins(questions: Sequence[Question]) -> list[int]:
    """Return for each question the place of the first that is the same, by id or wording.

    What is the same as the same is the same too.
    """
    found = list(range(len(questions)))

    def root(place: int) -> int:
        while found[place] != place:
            found[place] = place = found[found[place]]
        return place

    first: dict[object, int] = {}
    for place, question in enumerate(questions):
        worded = wording(question)
        own_id = question.question_id.rpartition(OF_SURVEY)[2]
        for key in (own_id, worded) if worded is not None else (own_id,):
            one, other = root(place), root(first.setdefault(key, place))
            found[max(one, other)] = min(one, other)
    return [root(place) for place in range(len(questions))]


def twin_codes(cases: Sequence[Case], codes: IntArray) -> IntArray:
    """Give cases of the same question the least of its numbers.

    Parameters
    ----------
    cases : sequence of Case
    codes : ndarray of shape (n_cases,)
        Numbers of the questions by their ids, from 0 without a gap.
    """
    first = np.unique(codes, return_index=True)[1]
    return np.array(twins([cases[row].question for row in first]), dtype=np.int64)[codes]


def battery_codes(cases: Sequence[Case]) -> tuple[IntArray, tuple[str, ...]]:
    """Return the number of each case's battery, -1 where it has none, and their names.

    Where no question names a battery, those that `proposed` finds are taken.
    """
    of_question = named(cases) or proposed([case.question for case in cases])
    names = tuple(sorted(set(of_question.values())))
    number = {name: place for place, name in enumerate(names)}
    of_case = (of_question.get(case.question.question_id, "") for case in cases)
    return np.array([number.get(name, -1) for name in of_case], dtype=np.int64), names


def named(cases: Sequence[Case]) -> dict[str, str]:
    """Return the battery of each question that names one."""
    questions = {case.question.question_id: case.question.battery for case in cases}
    return {name: battery for name, battery in questions.items() if battery}


def proposed(questions: Sequence[Question]) -> dict[str, str]:
    """Return what may be batteries, by question: same options, and texts that begin alike.

    Questions that are the same in wording are no battery by themselves.
    """
    of_options: dict[object, dict[str, Question]] = {}
    for question in {id(one): one for one in questions}.values():  # cases share questions
        of_options.setdefault(_options(question), {})[question.question_id] = question
    found: dict[str, str] = {}
    for alike in of_options.values():
        for stem, battery in _by_stem(list(alike.values())):
            if len(set(twins(battery))) > 1:
                found |= dict.fromkeys((one.question_id for one in battery), stem)
    return found


def _by_stem(questions: Sequence[Question]) -> Iterator[tuple[str, list[Question]]]:
    """Yield questions whose texts begin with the same words, and these words."""
    texts = sorted(((_words(one.text), one) for one in questions), key=lambda pair: pair[0])
    stem: Sequence[str] = ()
    battery: list[Question] = []
    shortest = 0
    for words, question in texts:
        shared = _shared(stem, words) if battery else words
        shortest = min(shortest, len(words)) if battery else len(words)
        if battery and len(shared) >= max(LEAST_STEM, STEM_SHARE * shortest):
            stem = shared
            battery.append(question)
            continue
        if len(battery) > 1:
            yield " ".join(stem), battery
        stem, battery, shortest = words, [question], len(words)
    if len(battery) > 1:
        yield " ".join(stem), battery


def _shared(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """Return the words that both begin with."""
    n = 0
    while n < min(len(one), len(other)) and one[n] == other[n]:
        n += 1
    return list(one[:n])


def _options(question: Question) -> frozenset[tuple[str, ...]]:
    """Return the options; those without a word, as smileys, are taken as they are."""
    return frozenset(_words(option) or (option,) for option in question.options)


@lru_cache(maxsize=2**13)  # asked for case by case
def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def together(studies: Sequence[Study]) -> list[Study]:
    """Put the studies of all surveys by one model, elicitation and prompt together.

    Each survey becomes a battery, so that it is held out as a whole.

    Raises
    ------
    ConfigError
        If no two surveys were asked about alike.
    """
    alike: dict[tuple[str, str, str], list[Study]] = {}
    for study in studies:
        of = study.condition
        alike.setdefault((of.model, of.elicitation, of.prompt), []).append(study)
    several = [of_key for of_key in alike.values() if len(of_key) > 1]
    if not several:
        there = ", ".join(dict.fromkeys(study.condition.dataset for study in studies))
        msg = (
            "evaluation.hold_out=dataset needs two surveys that one model was asked about in one "
            f"way. There is {there or 'none'}: read more of them at once with dataset=runs or "
            "dataset=recorded, or choose evaluation.hold_out=battery."
        )
        raise ConfigError(msg)
    return [_joined(of_key) for of_key in several]


def _joined(studies: Sequence[Study]) -> Study:
    members = zip(*(study.members for study in studies), strict=False)
    return Study(
        condition=replace(
            studies[0].condition,
            dataset="+".join(study.condition.dataset for study in studies),
        ),
        cases=tuple(_renamed(case, one) for one in studies for case in one.cases),
        estimates=tuple(estimate for study in studies for estimate in study.estimates),
        shown=frozenset(_id(name, study) for study in studies for name in study.shown),
        members=tuple(map(_joined, members)) if all(study.members for study in studies) else (),
    )


def _renamed(case: Case, study: Study) -> Case:
    question = case.question
    own_id = _id(question.question_id, study)
    battery = study.condition.dataset
    return replace(case, question=replace(question, question_id=own_id, battery=battery))


def _id(name: str, study: Study) -> str:
    return f"{study.condition.dataset}{OF_SURVEY}{name}"


def joined_units(*kinds: IntArray) -> IntArray:
    """Return the number of what is connected by any of several kinds of units.

    Parameters
    ----------
    *kinds : ndarray of shape (n_cases,)
        Equal numbers, but for -1, mark cases that belong together.

    Examples
    --------
    >>> joined_units(np.array([0, 0, 1, 2]), np.array([-1, 5, 5, 6])).tolist()
    [0, 0, 0, 3]
    """
    joined = np.arange(len(kinds[0]))
    members = [np.flatnonzero(codes >= 0) for codes in kinds]
    units = [np.unique(kinds[n][of], return_inverse=True)[1] for n, of in enumerate(members)]
    while True:  # each case takes the least number among those it is connected with
        before = joined.copy()
        for of, unit in zip(members, units, strict=True):
            least = np.full(len(of), len(joined))
            np.minimum.at(least, unit, joined[of])
            joined[of] = least[unit]
        joined = joined[joined]
        if (joined == before).all():
            return joined
