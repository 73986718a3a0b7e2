"""The records that travel through an experiment: frozen, checked when made, free of behaviour.

In the order of the flow: `Question`, `Group` and `Case` make up a `Survey`; a `Prompt` asks a
model about a case, a `Request` is what its endpoint receives and a `Response` what it sent back
(all in `distexp.request`); a `Reading` is the distribution read from one response, and `Shares`
what one says of some options; both are combined to an `Estimate`; a `Study` is the estimates of
one `Condition`; a `Design` is what a calibrator may know about a set of cases.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from distexp.errors import DatasetError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
StrArray = NDArray[np.object_]
"""Of str: each text is kept once, however often it occurs."""

PROBABILITY_TOLERANCE = 1e-6
"""How far a distribution's sum may be from 1 (float32 files) before it is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Shares of the answer options, in the question's scale order."""

    probabilities: tuple[float, ...]
    """Non-negative, summing to 1, one per option."""

    def __post_init__(self) -> None:
        p = self.probabilities
        # Written so that NaN, with which no comparison holds, is refused.
        if not p or not (min(p) >= 0 and abs(sum(p) - 1) <= PROBABILITY_TOLERANCE):
            msg = f"A distribution must be non-negative and sum to 1. Got {p!r} instead."
            raise ValueError(msg)

    @classmethod
    def normalized(cls, weights: Sequence[float]) -> Self:
        """Scale non-negative `weights` to sum to 1.

        Raises
        ------
        ValueError
            If a weight is negative or not finite, or all are zero.

        Examples
        --------
        >>> Distribution.normalized([1, 3]).probabilities
        (0.25, 0.75)
        """
        total = math.fsum(weights)
        if not 0 < total < math.inf or min(weights) < 0:
            msg = (
                f"Weights must be finite, non-negative and not all zero. Got {weights!r} instead."
            )
            raise ValueError(msg)
        return cls(probabilities=tuple([w / total for w in weights]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A closed survey question."""

    question_id: str
    text: str
    """The wording, as the interviewer reads it, without the options."""
    options: tuple[str, ...]
    """Substantive options in scale order; refusals and don't-knows are not options."""
    ordinals: tuple[float, ...] | None
    """Positions of the options on their scale, one per option; None marks a nominal question."""
    battery: str | None = None
    """Questions of one battery share their stem and options, so they resemble each other; None
    where the source names no batteries."""
    wording: str = "exact"
    """`exact`; `pooled` where the survey asked this item in two wordings and merged them;
    `paraphrased` where only a public paraphrase of the questionnaire was at hand."""
    alternate_wordings: tuple[str, ...] = field(default=(), compare=False)
    """The same question in other words with the same options, in the survey's language."""

    def __post_init__(self) -> None:
        if len(self.options) < 2 or len(set(self.options)) != len(self.options):
            msg = (
                f"Question {self.question_id!r} needs at least two different options. "
                f"Got {self.options!r} instead."
            )
            raise DatasetError(msg)
        if self.ordinals is not None and (
            len(self.ordinals) != len(self.options) or not all(map(math.isfinite, self.ordinals))
        ):
            msg = (
                f"Question {self.question_id!r} has {len(self.options)} options but the ordinals "
                f"{self.ordinals!r}: give one finite number per option, or none if nominal."
            )
            raise DatasetError(msg)
        wordings = (self.text, *self.alternate_wordings)
        if self.alternate_wordings and (
            len(set(wordings)) != len(wordings) or not all(map(str.strip, wordings))
        ):
            msg = (
                f"The alternate wordings of question {self.question_id!r} must be texts that "
                f"differ from its own and from each other. Got {self.alternate_wordings!r}."
            )
            raise DatasetError(msg)

    @property
    def kind(self) -> str:
        """`nominal` without a scale, `binary` with two options on one, else `ordinal`."""
        if self.ordinals is None or min(self.ordinals) == max(self.ordinals):
            return "nominal"
        return "binary" if len(self.options) == 2 else "ordinal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of people: one level of one attribute."""

    attribute: str
    value: str
    phrase: str
    """Completes "Imagine you are ...", e.g. "a Democrat", in the survey's language."""
    phrases: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """The same in other languages: language, as `prompt.language` has it, and phrase."""

    def phrase_in(self, language: str | None) -> str:
        """Return the phrase in a language; the survey's own where there is none, or for None."""
        if not self.phrases:
            return self.phrase
        return next((phrase for of, phrase in self.phrases if of == language), self.phrase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question asked of one group, with the group's own answers where there are any."""

    question: Question
    group: Group
    human: Distribution | None = None
    """None makes an open case: it is asked, calibrated and banded, and never scored, learnt from
    or counted."""
    n_respondents: float | None = None
    """How many gave a substantive answer: the effective number where answers are weighted, or
    people were drawn by strata and sampling units. None where the source does not say, and
    then there is no sampling ceiling."""
    design_effect: float = 1.0
    """Number of substantive answers over the effective number; 1 where they are not weighted and
    people were drawn one by one."""
    off_scale: float | None = None
    """Share of all answers, in [0, 1], that were refusals or stood off the scale; None where the
    source does not say."""
    size: float | None = None
    """How many people the group stands for, in a unit that the groups of its attribute share:
    the sum of the weights of those who answered, or a margin. None where all count alike."""

    @property
    def people(self) -> float | None:
        """What the group weighs in its population: its size, or else how many answered."""
        if self.size is not None or self.n_respondents is None:
            return self.size
        return self.n_respondents * self.design_effect

    @property
    def answers(self) -> Distribution:
        """The human answers.

        Raises
        ------
        DatasetError
            If the case is open: it has none.
        """
        if self.human is None:
            msg = (
                f"Nobody of {self.group.attribute} {self.group.value!r} answered question "
                f"{self.question.question_id!r}: an open case has no human answers."
            )
            raise DatasetError(msg)
        return self.human


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read from one response."""

    distribution: Distribution
    """In scale order: the order in which the options were shown is undone."""
    mass: float | None = None
    """Probability that the model put on the options, in [0, 1]; None where it is not observed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What was read from one response that speaks of some of the options only."""

    shares: tuple[float | None, ...]
    """One per option in scale order, each in [0, 1]; None where the response does not say."""

    def __post_init__(self) -> None:
        said = [share for share in self.shares if share is not None]
        if not said or not all(0 <= share <= 1 for share in said):
            msg = f"Shares must be from 0 to 1, and one must be said. Got {self.shares!r} instead."
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A model's estimate for one case: its readings averaged, or none that could be read."""

    reading: Reading | None
    """None marks a parse error: the case is counted and never guessed."""
    n_replies: int
    n_unreadable: int
    asked: bool = True
    """False where the budget was spent before all replies were there."""
    n_refused: int = 0
    """How many of the unreadable replies are prompts that the server refused."""

    @property
    def status(self) -> str:
        """`ok`, `parse_error`, `refused` where a refused prompt is among it, or `not_asked`."""
        if not self.asked:
            return "not_asked"
        if self.reading is not None:
            return "ok"
        return "refused" if self.n_refused else "parse_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What was asked how: the first columns of every table."""

    dataset: str
    model: str
    elicitation: str
    prompt: str


CONDITION = ("dataset", "model", "elicitation", "prompt")
"""The fields of `Condition`, which are columns of every table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The estimates of one model, elicitation and prompt for the cases of one survey."""

    condition: Condition
    cases: tuple[Case, ...]
    estimates: tuple[Estimate, ...]
    """One per case."""
    shown: frozenset[str] = frozenset()
    """Ids of the questions whose human answers the prompts showed: trained on, never tested."""
    members: tuple["Study", ...] = ()
    """Studies of the same cases in the same order, whose plain mean the estimates are."""

    def __repr__(self) -> str:
        return f"Study({self.condition}, {len(self.cases)} cases)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a dataset loads."""

    name: str
    cases: tuple[Case, ...]
    digest: str
    """SHA-256 of the data that the cases come from."""
    licence: str
    citation: str
    files: tuple[tuple[str, str], ...] = ()
    """Name and SHA-256 of each file that was read, none for data that travel with the package. A
    name begins with what the setting that leads to the file ends in: for `path: data/waves` it is
    `waves/26/info.csv`."""
    n_dropped_cells: int = 0
    """Question-by-group cells left out because too few people answered."""
    notes: tuple[str, ...] = ()
    """What the reader of the file decided that its user should know, a sentence each."""
    gated: bool = False
    """Whether the human answers may not be passed on."""
    studies: tuple[Study, ...] = ()
    """Estimates that came with the data. Where there are any, no model is asked."""
    language: str | None = None
    """Of wordings and groups, as in BCP 47, e.g. "de"; None where nobody has said it."""

    def __repr__(self) -> str:
        return f"Survey({self.name}, {len(self.cases)} cases, {len(self.studies)} studies)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What a calibrator may know about n cases: the human answers are not in it.

    Questions have different numbers of options, so arrays over options are padded to the largest.
    """

    predicted: FloatArray
    """Shape (n_cases, max_options): the model's distributions, rows sum to 1, padded with 0."""
    n_options: IntArray
    """Shape (n_cases,)."""
    ordinals: FloatArray
    """Shape (n_cases, max_options): positions scaled to [0, 1]; NaN in the padding and, for a
    nominal question, in the whole row."""
    question: IntArray
    """Shape (n_cases,): equal numbers mark the same question."""
    group: IntArray
    """Shape (n_cases,): equal numbers mark the same group of people."""
    inputs: FloatArray | None = None
    """Shape (n_cases, n_inputs, max_options): the distributions that `predicted` is the plain mean
    of, where several models, elicitations or prompts are stacked; None where there is but one."""
    scale: IntArray | None = None
    """Shape (n_cases,): equal numbers mark questions answered on the same options; None where the
    options' texts are not known."""
    text: StrArray | None = None
    """Shape (n_cases, 2): the question's wording and its options' texts; None where not known."""
    unit: IntArray | None = None
    """Shape (n_cases,): equal numbers mark what is held out together, as questions of one battery;
    None where that is each question by itself."""

    @property
    def together(self) -> IntArray:
        """Shape (n_cases,): `unit`, or `question` where each is held out by itself.

        What is chosen inside the training questions is chosen by leaving these out, as tested
        questions are.
        """
        return self.question if self.unit is None else self.unit

    @property
    def stacked(self) -> FloatArray:
        """Shape (n_cases, n_inputs, max_options): `inputs`, or `predicted` as the only one."""
        return self.predicted[:, None] if self.inputs is None else self.inputs

    @property
    def mask(self) -> BoolArray:
        """Shape (n_cases, max_options): True where there is an option, False in the padding."""
        mask: BoolArray = np.arange(self.predicted.shape[1]) < self.n_options[:, None]
        return mask

    def take(self, rows: IntArray | BoolArray) -> "Design":
        """Return the cases that `rows` selects."""
        arrays: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        taken: dict[str, Any] = {k: None if a is None else a[rows] for k, a in arrays.items()}
        return Design(**taken)
