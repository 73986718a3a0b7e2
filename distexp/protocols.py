"""The five kinds of part that an experiment is put together from. Read this file first.

A part is any object with these methods; `_target_` in its YAML file names its class, so adding
one takes a module and a YAML file and no list to edit.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol, Self, runtime_checkable

from distexp.checks import check_bool, check_int
from distexp.request import Message, Prompt, Request, Response
from distexp.types import Design, FloatArray, Group, Question, Reading, Shares, Survey


@runtime_checkable
class Dataset(Protocol):
    """Questions, groups and the human answers."""

    def load(self) -> Survey:
        """Read the survey.

        Raises
        ------
        DatasetError
            If the files are missing or cannot be understood.
        """


@runtime_checkable
class PromptStyle(Protocol):
    """Who the model is asked to speak for, and how question and task are laid out."""

    shown: frozenset[str]
    """Ids of the questions whose human answers a prompt shows: they are trained on and never
    tested."""

    def bind(self, survey: Survey) -> "PromptStyle":
        """Return the style as it is for `survey`; itself where it shows nothing of the survey.

        Raises
        ------
        ConfigError
            If the survey lacks what the style needs, e.g. a phrase for an attribute.
        """

    def messages(
        self, question: Question, options: Sequence[str], task: str, group: Group
    ) -> tuple[Message, ...]:
        """Lay out one prompt; `options` are the lettered lines to show, in order shown."""


@runtime_checkable
class Elicitation(Protocol):
    """How a distribution is got out of a model. Pure: it calls nothing."""

    name: str

    def preparations(self, question: Question) -> tuple[Prompt, ...]:
        """Return what has to be asked about a question first, once for all groups; mostly none."""

    def prompts(
        self,
        question: Question,
        group: Group,
        style: PromptStyle,
        prepared: Sequence[Response] = (),
    ) -> tuple[Prompt, ...]:
        """Return the prompts whose readings are combined into one distribution.

        `prepared` are the responses to `preparations`, in their order.

        Raises
        ------
        ParseError
            If those say too little. The question's cases are counted as unreadable.
        """

    def read(self, question: Question, prompt: Prompt, response: Response) -> Reading | Shares:
        """Read one response: a distribution, or the shares of the options that it speaks of.

        Raises
        ------
        ParseError
            If it says neither. It is counted, never guessed.
        """

    def combine(self, readings: Sequence[Reading | Shares | None]) -> Reading | None:
        """Combine what was read of one case, one entry per prompt in their order.

        None stands for a reply that could not be read; it is returned where those that could
        are too few. `distexp.elicitation.reply.lettered.average` serves most elicitations.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a model's endpoint can do; asking for what it lacks fails before the first call.

    None stands for what a probe finds out before the first call; until then it counts as true.
    """

    logprobs: bool | None
    """Returns the log-probabilities of the alternatives of a token."""
    json_schema: bool | None
    """Can be held to a JSON schema."""
    seed: bool | None
    """Accepts a seed for its sampler."""
    system_role: bool | None
    """Accepts a system message."""
    sampling: bool | None = None
    """Accepts a temperature; None is what litellm's table says, and else true. No probe."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if (value := getattr(self, field.name)) is not None:
                check_bool("Capabilities", field.name, value)


@runtime_checkable
class Model(Protocol):
    """A language model behind an endpoint."""

    name: str
    """What tables call the model."""
    max_concurrency: int
    """Calls in flight at once."""
    max_retries: int
    """How often a call that failed in a passing way is made again."""

    def preflight(self) -> None:
        """Check what can be checked without a call; run only when a call is going to be made.

        Raises
        ------
        ModelError
            If a key, the weights or the runtime is missing; says which and how to get it.
        """

    def request(self, prompt: Prompt) -> Request:
        """Add the model's settings to a prompt. Pure.

        Raises
        ------
        ConfigError
            If the prompt needs what the model lacks.
        """

    async def complete(self, request: Request) -> Response:
        """Make the call.

        Raises
        ------
        TransientModelError
            If the same call may succeed later.
        ModelError
            If it will not.
        """

    def versions(self) -> dict[str, str]:
        """Return the versions of the software that makes the calls, kept beside each answer."""

    async def close(self) -> None:
        """Let go of connections and child processes. Safe to call at any time."""


@runtime_checkable
class Calibrator(Protocol):
    """Corrects a model's distributions after seeing human ones for other questions."""

    @property
    def scope(self) -> str:
        """`pooled` where one correction serves all groups of people; `per_group` or `partial`."""

    def check_params(self) -> None:
        """Raise `ConfigError` if a parameter is out of range; called before any model call."""

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Learn from training cases.

        Parameters
        ----------
        X : Design of n_cases cases
        y : ndarray of shape (n_cases, max_options)
            Human distributions, padded with 0.
        sample_weight : ndarray of shape (n_cases,), optional
            Weight of each case; equal where None.
        """

    def predict(self, X: Design) -> FloatArray:
        """Return distributions of shape (n_cases, max_options): rows sum to 1, 0 in padding.

        All groups' cases of a question are predicted together: what they have in common, the
        model's mean over groups, may be used.
        """


@runtime_checkable
class BatchCalibrator(Calibrator, Protocol):
    """A calibrator that can be fitted to many training sets in one go, for speed alone."""

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Fit once for each row of `weights` and predict every case by each fit.

        The predictions are those of as many calls of `fit` and `predict`, to rounding. Nothing
        is remembered.

        Parameters
        ----------
        X : Design of n_cases cases
        y : ndarray of shape (n_cases, max_options)
            Human distributions, padded with 0; those of cases of weight 0 play no part.
        weights : ndarray of shape (n_fits, n_cases)
            Weight of each case in each fit; 0 keeps it out of the training set.

        Returns
        -------
        ndarray of shape (n_fits, n_cases, max_options)
        """


@runtime_checkable
class Streaming(Protocol):
    """A calibrator that makes many fits one by one from what it laid out once."""

    def each_fit(self, X: Design, y: FloatArray, weights: FloatArray) -> Iterator[FloatArray]:
        """Yield what `BatchCalibrator.fit_predict` returns, row by row."""


@runtime_checkable
class Rehearsed(Protocol):
    """A calibrator whose fit takes long or leaves something: a search, a storage."""

    @property
    def n_trials(self) -> int:
        """Settings that a fit tries, at most."""

    @property
    def n_rehearsals(self) -> float:
        """How many times as long as its rehearsal a fit takes, about."""

    def rehearsal(self) -> Calibrator:
        """Return an unfitted calibrator that tries the settings, is quick, and keeps nothing."""


@runtime_checkable
class Searching(Protocol):
    """A calibrator that tries settings, and remembers what it tried."""

    trials_: Sequence[Mapping[str, object]]
    """Of the last call of `fit` or `fit_predict`; rows of `trials.parquet` but for the study."""


@runtime_checkable
class Counted(Protocol):
    """A calibrator that knows before it is fitted how many numbers it learns."""

    def count_parameters(self, X: Design) -> int | None:
        """Return how many numbers one fit to all of `X` learns; None where nobody can say.

        With scope `per_group` those of one group's fit.
        """


@runtime_checkable
class Learnt(Protocol):
    """A calibrator that knows after it was fitted how many numbers it learnt."""

    n_parameters_: int
    """Of the last fit."""


def rehearsal_of(calibrator: Calibrator) -> Calibrator:
    """Return what to fit before anything is paid for, to see that `calibrator` can be fitted."""
    return calibrator.rehearsal() if isinstance(calibrator, Rehearsed) else calibrator


def n_parameters_of(calibrator: Calibrator, X: Design) -> int | None:
    """Return how many numbers a fit to `X` learns; None where the calibrator does not say."""
    if isinstance(calibrator, Counted):
        return calibrator.count_parameters(X)
    return calibrator.n_parameters_ if isinstance(calibrator, Learnt) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an endpoint may be asked for, by all its models together."""

    max_concurrency: int
    """Calls in flight at once."""
    requests_per_minute: int | None = None
    """Spread evenly: no minute gets more. None sets no limit."""
    tokens_per_minute: int | None = None
    """Of prompts and replies; likewise."""

    def strictest(self, other: Self) -> Self:
        """Return the smaller of each limit."""
        least = {
            name: min(filter(None, (getattr(self, name), getattr(other, name))), default=None)
            for name in ("requests_per_minute", "tokens_per_minute")
        }
        n_calls = min(self.max_concurrency, other.max_concurrency)
        return type(self)(max_concurrency=n_calls, **least)

    def check(self, owner: str) -> None:
        """Raise `ConfigError` if a limit is no positive int; `owner` is named as having it."""
        check_int(owner, "max_concurrency", self.max_concurrency, minimum=1)
        for name in ("requests_per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            if value is not None:
                check_int(owner, name, value, minimum=1)


@runtime_checkable
class Limited(Protocol):
    """A model whose endpoint has limits beyond the calls in flight."""

    limits: Limits
    """What the endpoint may be asked for."""


@runtime_checkable
class Priced(Protocol):
    """A model that knows its price."""

    @property
    def price(self) -> tuple[float, float] | None:
        """USD for a token of a prompt and of a reply; None where it is not known."""


def price_of(model: object) -> tuple[float, float] | None:
    """Return what a token of a prompt and of a reply cost, in USD; None where it is not known."""
    return model.price if isinstance(model, Priced) else None
