"""Comparisons put into sentences, and the warnings of an evaluation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite, isnan, nan

from distexp.evaluation.baselines import LABELS, RAW, REFERENCE
from distexp.evaluation.comparison import Comparison
from distexp.evaluation.evaluation import Result
from distexp.evaluation.scores import Score
from distexp.metrics.names import METRIC
from distexp.metrics.ties import least
from distexp.report.markdown import escaped
from distexp.visible import signed, within

NOT_SHOWN = "It is not shown that the model adds anything"
NOT_KNOWN = "Whether the model adds anything is not known"
UNTOLD = (
    ", and so it might be without the model, by what it learns of groups and scales: score blind "
    "beside it"
)
SHORT = LABELS | {REFERENCE: "the training mean"}


def findings(result: Result, alpha: float, equivalence: float | None = None) -> str:
    """Say what the comparisons show, and no more, what makes a fit suspect, and its size.

    Parameters
    ----------
    result : Result
    alpha : float
        A difference is one whose adjusted p-value is below and whose interval leaves 0 out.
    equivalence : float, optional
        A skill this close to 0 adds nothing that matters; None leaves that open.
    """
    verdicts = _Verdicts(result, alpha, equivalence).lines() if result.comparisons else iter(())
    warnings = (f"- Warning: {escaped(warning)}" for warning in result.warnings)
    size = [f"- {escaped(result.size)}"] if result.size else []
    return "\n".join([*verdicts, *warnings, *size])


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """Both findings of a study: words, which studies may share, apart from their numbers."""

    model: str
    """Whether the model adds anything, in Markdown, without a full stop."""
    skill: str
    """By how much, with its interval; empty where it is not known."""
    untold: str
    """What keeps the skill from being the model's; empty where nothing does."""
    missed: float
    """A skill below this share would be missed in more than one of five such surveys; NaN where
    one was found, or where this is not known."""
    n_questions: int
    metric: str
    """By what this is judged, as people read it."""
    certain: bool | None
    """Whether the leading calibrator changes the distance beyond chance; None without one."""


def in_short(result: Result, alpha: float, equivalence: float | None = None) -> Short | None:
    """Return what the comparisons say of the model and of calibration; None without any."""
    return _Verdicts(result, alpha, equivalence).short() if result.comparisons else None


class _Verdicts:
    """What the comparisons of the leading metric say: W1, total variation without a scale."""

    def __init__(self, result: Result, alpha: float, equivalence: float | None) -> None:
        self.result, self.alpha, self.equivalence = result, alpha, equivalence
        ordinal = any(one.metric == "w1" and one.n_questions for one in result.comparisons)
        self.metric = "w1" if ordinal else "tv"
        self.name = METRIC[self.metric].label
        of_metric = [one for one in result.comparisons if one.metric == self.metric]
        self.found = {(one.method, one.other): one for one in of_metric}
        self.calibrators = list(
            dict.fromkeys(one.method for one in of_metric if one.method != RAW)
        )

    def short(self) -> Short:
        leading = self.result.leading
        adding = next(self._adding(), None)
        name = adding or leading
        rivals = [one for one in self._rivals() if adding or not self._closer(name, one)]
        against = self._pair(name, rivals[0])
        nearer, join, missed = "cannot be told to be closer", " or ", nan
        if adding is not None and self._is_confounded(adding):
            said = NOT_KNOWN
            nearer, join = "is closer", " and "
        elif adding is not None:
            said = "The model knows something that the training mean does not"
            nearer, join = "is closer", " and "
        elif self._negligible(self._score(name, "w1_skill")):
            said = "The model adds nothing that matters"
        else:
            said, missed = NOT_SHOWN, self._smallest(against)
        calibrating = self.found.get((leading, RAW))
        return Short(
            model=f"**{said}**: {_short(name)} {nearer} to the human answers than "
            f"{join.join(map(_short, rivals))}",
            skill=self._skill(name),
            untold=UNTOLD if said == NOT_KNOWN else "",
            missed=missed,
            n_questions=against.n_questions,
            metric=self.name,
            certain=None if calibrating is None else self._certain(calibrating),
        )

    def lines(self) -> Iterator[str]:
        leading = self.result.leading
        asking = list(dict.fromkeys([leading, RAW]))
        adding = next(self._adding(), None)
        if adding is None:
            yield self._not_shown(leading)
        elif self._is_confounded(adding):
            yield (
                f"- **{NOT_KNOWN}**: {_short(adding)} is closer to the human answers than the "
                f"training mean (skill {self._skill(adding)}){UNTOLD}."
            )
        others = [name for name in self.calibrators if name != leading]
        for name in [*asking, *others]:
            against = [REFERENCE] if name == RAW else [RAW, REFERENCE]
            verdicts = [self._verdict(self.found[name, other]) for other in against]
            rank = "" if name == leading else "secondary: "
            yield f"- {rank}**{_short(name)}** {'; it '.join(verdicts)}."
        if len(self.calibrators) > 1:
            yield self._best()

    def _adding(self) -> Iterator[str]:
        """Yield which of the leading method and the model as it is beats all that never ask it."""
        for name in dict.fromkeys([self.result.leading, RAW]):
            if all(map(partial(self._closer, name), self._rivals())):
                yield name

    def _is_confounded(self, name: str) -> bool:
        """Whether a method learns from answers, and nothing was scored that does so alone."""
        return name != RAW and not self.result.has_blind

    def _not_shown(self, name: str) -> str:
        """Say that the model was not shown to add anything, and what could have been."""
        rivals = [rival for rival in self._rivals() if not self._closer(name, rival)]
        never = "asks" if len(rivals) == 1 else "ask"
        skill = self._skill(name)
        if self._negligible(self._score(name, "w1_skill")):
            return (
                f"- **The model adds nothing that matters**: the skill of {_short(name)}, "
                f"{skill}, lies within ±{self.equivalence:.1%} (evaluation.equivalence)."
            )
        said = f" (skill {skill})" if skill else ""
        pairs = [self._pair(name, rival) for rival in rivals]
        missed = max(filter(isfinite, map(self._smallest, pairs)), default=nan)
        could = "" if isnan(missed) else f" {missing(pairs[0].n_questions, missed)}."
        return (
            f"- **{NOT_SHOWN}**: {_short(name)} cannot be told "
            f"to be closer to the human answers than {' or '.join(map(_short, rivals))}, which "
            f"never {never} it{said}.{could}"
        )

    def _negligible(self, skill: Score | None) -> bool:
        """Whether the whole interval of a skill lies within the margin that does not matter."""
        most = self.equivalence
        return skill is not None and most is not None and -most < skill.low <= skill.high < most

    def _skill(self, name: str) -> str:
        skill = self._score(name, "w1_skill")
        if skill is None or not isfinite(skill.value):
            return ""
        against = f"{escaped(skill.detail)} " if skill.detail else ""
        return f"{against}{signed(skill.value)}{within(skill.low, skill.high, signed)}"

    def _smallest(self, one: Comparison) -> float:
        """Return how large a skill would have to be to be found in four of five surveys."""
        reference = self._score(one.other, self.metric) or self._score(one.method, self.metric)
        if not isfinite(one.detectable) or reference is None or not reference.value > 0:
            return nan
        return one.detectable / reference.value

    def _score(self, name: str, metric: str) -> Score | None:
        there = (s for s in self.result.scores if (s.calibrator, s.metric) == (name, metric))
        return next(there, None)

    def _rivals(self) -> list[str]:
        ignoring = [name for name in self.calibrators if name in self.result.ignoring]
        return [REFERENCE, *ignoring]

    def _pair(self, name: str, other: str) -> Comparison:
        """Return the comparison of two methods, whichever stands first."""
        return self.found.get((name, other)) or self.found[other, name]

    def _closer(self, name: str, other: str) -> bool:
        """Whether `name` is closer to the human answers, beyond chance."""
        one = self._pair(name, other)
        return self._certain(one) and (one.difference > 0) == (one.other == name)

    def _certain(self, one: Comparison) -> bool:
        return one.p_holm < self.alpha and not one.low <= 0 <= one.high

    def _verdict(self, one: Comparison) -> str:
        other = _short(one.other)
        p = one.p_flips if isnan(one.p) else one.p
        numbers = (
            f"{self.name} {one.difference:+.4f}{within(one.low, one.high, '{:+.4f}'.format)}, "
            f"{_p_value(p)}, adjusted {_p_value(one.p_holm)}"
        )
        if not self._certain(one):
            if isfinite(one.detectable):
                numbers += f"; {one.detectable:.4f} would be found in four of five surveys"
            nearer = "further from" if one.difference > 0 else "closer to"
            return f"cannot be told to be {nearer} the human answers than {other} ({numbers})"
        nearer = "closer to" if one.difference < 0 else "further from"
        return f"is {nearer} the human answers than {other} ({numbers})"

    def _best(self) -> str:
        """Say which calibrator has the least distance, and of which others that is certain."""
        values = {
            score.calibrator: score.value
            for score in self.result.scores
            if score.metric == self.metric
        }
        best = self.calibrators[least([values[name] for name in self.calibrators])]
        others = [name for name in self.calibrators if name != best]
        beaten = [name for name in others if self._closer(best, name)]
        alike = [name for name in others if name not in beaten]
        said = [f"is closer than {self._named(beaten)}"] if beaten else []
        said += [f"cannot be told from {self._named(alike)}"] if alike else []
        return (
            f"- Of {len(self.calibrators)} calibrators **{escaped(best)}** has the least "
            f"{self.name}; it {' and '.join(said)}, by p-values not adjusted for the number of "
            "pairs. Picked by these scores, it looks better than it is."
        )

    def _named(self, names: Sequence[str]) -> str:
        return ", ".join(map(_short, names))


def missing(n_questions: int, skill: float) -> str:
    """Say what so many questions cannot be expected to show."""
    if skill >= 1:  # no estimate can do better than be right
        return (
            f"{n_questions} questions are too few to show any skill in four of five such surveys"
        )
    return (
        f"With {n_questions} questions a skill below {skill:.0%} would be missed in more than one "
        "of five such surveys"
    )


def _short(name: str) -> str:
    """Return what a sentence calls a method."""
    return SHORT[name] if name in SHORT else escaped(name)


def _p_value(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
