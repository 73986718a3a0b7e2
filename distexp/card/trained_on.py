"""What a calibrator was fitted to, and in what way a new case is unlike it."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np

from distexp.asking.language import language_of
from distexp.card.everyone import people
from distexp.card.fields import field_error, numbers, older, size, take, texts
from distexp.card.ranges import Range, ranges_of, read_range
from distexp.evaluation.suspicions import TOLERANCE
from distexp.request import Json
from distexp.types import (
    CONDITION,
    BoolArray,
    Condition,
    Design,
    FloatArray,
    IntArray,
    Question,
    Study,
    Survey,
)

PARTS = CONDITION[1:]
"""Parts of the condition that a calibrator corrects for; a new dataset is what it is made for."""
_NAMES = {"dataset": "survey"}
MOST_EXAMPLES = 1000
Group = tuple[str, str]
"""Attribute and group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOn:
    """What a calibrator was fitted to, without the human answers."""

    condition: Condition
    members: tuple[Condition, ...]
    """Of the stacked inputs, in their order; empty where there is but one."""
    questions: tuple[str, ...]
    """Their ids."""
    groups: dict[Group, int]
    """The number that stood for each group of people."""
    ranges: dict[int, Range]
    """By number of options."""
    nominal: bool
    """Whether there were questions without a scale."""
    n_cases: int
    n_respondents: tuple[float, ...]
    """Least, median and greatest number of a case; empty where that of a case is unknown."""
    licence: str
    citation: str
    gated: bool
    """Whether the human answers may not be passed on."""
    data_sha256: str
    """Of the survey's files."""
    cases_sha256: str
    """Of the arrays trained on, human answers included."""
    batteries: tuple[str, ...] = ()
    """Of the questions; empty where none is known, as in cards of earlier versions."""
    languages: tuple[str, ...] = ()
    """That the questions are worded in, as far as it can be told; likewise."""
    people: tuple[tuple[str, str, str, float | None], ...] = ()
    """Attribute, group, phrase, and what the group weighs in its population, None where unknown;
    empty in cards of earlier versions."""

    @classmethod
    def of(cls, survey: Survey, study: Study, X: Design, y: FloatArray, rows: BoolArray) -> Self:
        """Describe the cases of a study that `rows` selects, of which there must be one.

        Parameters
        ----------
        survey : Survey
        study : Study of n_cases cases
        X : Design of n_cases cases
        y : ndarray of shape (n_cases, max_options)
            Human distributions.
        rows : ndarray of bool of shape (n_cases,)
        """
        cases = [study.cases[place] for place in np.flatnonzero(rows)]
        codes = X.group[rows].tolist()
        n = [case.n_respondents for case in cases if case.n_respondents is not None]
        known = len(n) == len(cases)
        return cls(
            condition=study.condition,
            members=tuple(member.condition for member in study.members),
            questions=tuple(sorted({case.question.question_id for case in cases})),
            groups={
                (case.group.attribute, case.group.value): code
                for case, code in zip(cases, codes, strict=True)
            },
            ranges=dict(ranges_of(X.take(rows))),
            nominal=bool(np.isnan(X.ordinals[rows, 0]).any()),
            n_cases=len(cases),
            n_respondents=(min(n), float(np.median(n)), max(n)) if known else (),
            licence=survey.licence,
            citation=survey.citation,
            gated=survey.gated,
            data_sha256=survey.digest,
            cases_sha256=_digest(X.take(rows), y[rows]),
            batteries=tuple(sorted({c.question.battery for c in cases if c.question.battery})),
            languages=tuple(
                sorted({found for c in cases if (found := language_of(c.question.text))})
            ),
            people=_people(study),
        )

    @property
    def sizes(self) -> dict[Group, float]:
        """What each group weighs in its population, where that is known."""
        return {(of, group): n for of, group, _, n in self.people if n is not None}

    @property
    def n_inputs(self) -> int:
        """Distributions that each case is calibrated from."""
        return max(len(self.members), 1)

    def codes(self, groups: Sequence[Group]) -> IntArray:
        """Return the numbers that stood for groups of people; new ones for new groups."""
        known = dict(self.groups)
        for group in groups:
            known.setdefault(group, max(known.values()) + 1)
        return np.array([known[group] for group in groups], dtype=np.int64)

    def examples(self) -> Design:
        """Return made-up cases of each number of options, on a scale and without, and of groups.

        There is one for each group of people, up to `MOST_EXAMPLES` of them.
        """
        sizes, groups = list(self.ranges), list(self.groups.values())[:MOST_EXAMPLES]
        n_options = np.array([*sizes, *sizes, *([max(sizes)] * len(groups))])
        is_option = np.arange(max(sizes)) < n_options[:, None]
        falling = np.where(is_option, n_options[:, None] - np.arange(max(sizes)), 0.0)
        shares = falling / falling.sum(axis=1, keepdims=True)
        place = np.where(is_option, np.arange(max(sizes)) / (n_options[:, None] - 1), np.nan)
        place[: len(sizes)] = np.nan
        cases = np.arange(len(n_options))
        return Design(
            predicted=shares,
            n_options=n_options,
            ordinals=place,
            question=cases,
            group=np.array(groups[:1] * (2 * len(sizes)) + groups),
            inputs=np.repeat(shares[:, None], self.n_inputs, axis=1) if self.members else None,
            scale=np.zeros_like(cases),
        )

    def unlike(
        self,
        X: Design,
        groups: Sequence[Group],
        condition: Condition,
        *,
        by_group: bool,
        questions: Sequence[Question] = (),
    ) -> list[str]:
        """Say of each case in what way it is unlike those trained on; "" if it is like them.

        Parameters
        ----------
        X : Design of n_cases cases
        groups : sequence of (str, str)
            Of each case.
        condition : Condition
            Of all of them.
        by_group : bool
            Whether the calibrator tells groups of people apart.
        questions : sequence of Question, optional
            Of each case. Where they are given, another survey, battery, language or group is
            another population of questions too, whatever the calibrator makes of it.
        """
        strict = bool(questions)
        other = [
            f"another {_NAMES.get(part, part)} than {wanted}"
            for part in (*(("dataset",) if strict else ()), *PARTS)
            if (wanted := getattr(self.condition, part)) != getattr(condition, part)
        ]
        outside, nominal = self._outside(X), np.isnan(X.ordinals[:, 0])
        reasons = []
        for case, (group, k) in enumerate(zip(groups, X.n_options.tolist(), strict=True)):
            of_case = [*other, *(self._otherwise(questions[case]) if strict else ())]
            if k not in self.ranges:
                of_case.append(f"no question of {k} options was trained on")
            elif outside[case]:
                of_case.append("shares outside the range trained on")
            if nominal[case] and not self.nominal:
                of_case.append("no question without a scale was trained on")
            if (by_group or strict) and group not in self.groups:
                of_case.append("a group that was not trained on")
            reasons.append("; ".join(of_case))
        return reasons

    def _otherwise(self, question: Question) -> Iterator[str]:
        """Yield how a question itself is unlike those trained on."""
        if self.of_new_battery(question) and question.battery is not None:
            yield f"another battery: {question.battery}"
        language = language_of(question.text)
        if language is not None and self.languages and language not in self.languages:
            yield f"worded in {language}, not in {' or '.join(self.languages)}"

    def of_new_battery(self, question: Question) -> bool:
        """Tell whether a question is of none of the batteries trained on, of which there are."""
        return bool(self.batteries) and question.battery not in self.batteries

    def _outside(self, X: Design) -> BoolArray:
        """Return which cases have a share that is outside the range of their number of options."""
        outside = np.zeros(len(X.n_options), dtype=bool)
        for k, found in self.ranges.items():
            rows = np.flatnonzero(X.n_options == k)
            if not len(rows):
                continue
            shares = X.stacked[rows, :, :k]
            below, above = shares < found.low - TOLERANCE, shares > found.high + TOLERANCE
            outside[rows] = (below | above).any(axis=(1, 2))
        return outside

    def document(self) -> Json:
        """Return it as JSON."""
        return {
            **asdict(self.condition),
            "members": [asdict(member) for member in self.members],
            "questions": self.questions,
            "groups": [[*group, code] for group, code in sorted(self.groups.items())],
            "n_options": {
                str(k): {
                    "n_questions": found.n_questions,
                    "low": found.low.tolist(),
                    "high": found.high.tolist(),
                }
                for k, found in self.ranges.items()
            },
            "nominal": self.nominal,
            "n_cases": self.n_cases,
            "n_respondents": self.n_respondents,
            "licence": self.licence,
            "citation": self.citation,
            "gated": self.gated,
            "data_sha256": self.data_sha256,
            "cases_sha256": self.cases_sha256,
            "batteries": self.batteries,
            "languages": self.languages,
            "people": self.people,
        }

    @classmethod
    def read(cls, document: object) -> Self:
        """Read what `document` returns.

        Raises
        ------
        ConfigError
            If it is none.
        """
        where = "trained_on"
        (
            dataset, model, elicitation, prompt, members, questions, groups, n_options, nominal,
            n_cases, n_respondents, licence, citation, gated, data_sha256, cases_sha256, batteries,
            languages, people,
        ) = take(
            older(document, batteries=[], languages=[], people=[]), where, dataset=str, model=str,
            elicitation=str, prompt=str, members=list, questions=list, groups=list,
            n_options=dict, nominal=bool, n_cases=int, n_respondents=list, licence=str,
            citation=str, gated=bool, data_sha256=str, cases_sha256=str, batteries=list,
            languages=list, people=list,
        )  # fmt: skip
        conditions = tuple(_condition(member, f"{where}.members") for member in members)
        n_inputs = max(len(conditions), 1)
        if not n_options:
            raise field_error(f"{where}.n_options", "an object of one field or more", n_options)
        return cls(
            condition=Condition(
                dataset=dataset, model=model, elicitation=elicitation, prompt=prompt
            ),
            members=conditions,
            questions=texts(questions, f"{where}.questions"),
            groups=_groups(groups, f"{where}.groups"),
            ranges={
                (k := size(key, f"{where}.n_options")): read_range(of_size, where, n_inputs, k)
                for key, of_size in n_options.items()
            },
            nominal=nominal,
            n_cases=n_cases,
            n_respondents=numbers(n_respondents, f"{where}.n_respondents"),
            licence=licence,
            citation=citation,
            gated=gated,
            data_sha256=data_sha256,
            cases_sha256=cases_sha256,
            batteries=texts(batteries, f"{where}.batteries"),
            languages=texts(languages, f"{where}.languages"),
            people=tuple(_person(entry, f"{where}.people") for entry in people),
        )


def _people(study: Study) -> tuple[tuple[str, str, str, float | None], ...]:
    sizes = people(study)
    phrases = {(c.group.attribute, c.group.value): c.group.phrase for c in study.cases}
    return tuple((*key, phrase, sizes.get(key)) for key, phrase in phrases.items())


def _person(entry: object, where: str) -> tuple[str, str, str, float | None]:
    wanted = "a list of [attribute, group, phrase, size or null]"
    if not isinstance(entry, list) or [type(item) for item in entry[:3]] != [str] * 3:
        raise field_error(where, wanted, entry)
    if len(entry) != 4:
        raise field_error(where, wanted, entry)
    attribute, group, phrase, n = entry
    if n is not None and numbers([n], where)[0] < 0:
        raise field_error(where, wanted, entry)
    return attribute, group, phrase, None if n is None else float(n)


def _digest(X: Design, y: FloatArray) -> str:
    """Return the SHA-256 of all that was learnt from, the wordings too."""
    sha = hashlib.sha256()
    for array in (X.stacked, X.n_options, X.ordinals, X.question, X.group, y):
        sha.update(repr(array.shape).encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    if X.text is not None:
        sha.update(repr(X.text.tolist()).encode())
    return sha.hexdigest()


def _condition(document: object, where: str) -> Condition:
    parts = take(document, where, dataset=str, model=str, elicitation=str, prompt=str)
    return Condition(**dict(zip(CONDITION, parts, strict=True)))


def _groups(entries: Sequence[object], where: str) -> dict[Group, int]:
    found = {}
    for entry in entries:
        if not isinstance(entry, list) or [type(item) for item in entry] != [str, str, int]:
            raise field_error(where, "a list of [attribute, group, number]", entry)
        attribute, group, code = entry
        if not 0 <= code < 2**31:
            raise field_error(where, "a list with numbers from 0 on", entry)
        found[attribute, group] = code
    if not found:
        raise field_error(where, "a list of one group or more", entries)
    return found
