"""A prompt style that shows how the same group answered other questions."""

import hashlib
from collections.abc import Mapping, Sequence
from copy import copy
from string import ascii_uppercase
from typing import Self

from distexp.checks import check_int, check_text, parameter_error
from distexp.errors import ConfigError
from distexp.prompt.template import PLACES, PromptTemplate, check_places
from distexp.request import Message
from distexp.types import Case, Distribution, Group, Question, Survey

PER_EXAMPLE = frozenset({"question", "options", "percentages", "group"})


class FewShot(PromptTemplate):
    """One user message with human answers to other questions in front.

    The questions shown are the same for every group, and each prompt shows the group's own
    answers. A prompt about one of them shows the others. They are never tested.

    Parameters
    ----------
    layout : str
        As in `PromptTemplate`, with `{examples}` too.
    example : str
        One example, with `{question}`, `{options}`, `{percentages}` and `{group}`.
    audience, system
        As in `PromptTemplate`.
    n_examples : int
        Questions to show, >= 2; drawn among those that every group answered.
    seed : int
        Of the draw.
    questions : sequence of str, optional
        Ids of the questions to show instead of drawn ones.

    References
    ----------
    Meister et al. 2025 (arXiv 2411.05403), few-shot steering.
    """

    def __init__(
        self,
        *,
        layout: str,
        example: str,
        audience: str,
        system: str | None = None,
        n_examples: int = 5,
        seed: int = 0,
        questions: Sequence[str] | None = None,
    ) -> None:
        owner = type(self).__name__
        super().__init__(layout=layout, audience=audience, system=system)
        check_text(owner, "example", example)
        check_places(owner, "example", example, PER_EXAMPLE)
        check_int(owner, "n_examples", n_examples, minimum=2)
        check_int(owner, "seed", seed, minimum=0)
        if questions is not None and (
            not isinstance(questions, list | tuple) or len(set(questions)) < 2
        ):
            wanted = "null or a list of at least two question ids"
            raise parameter_error(owner, "questions", wanted, questions)
        self.example = example
        self.n_examples = n_examples
        self.seed = seed
        self.questions = questions
        self.examples: Mapping[Group, Sequence[Case]] = {}
        self.shown = frozenset()

    def _places(self) -> frozenset[str]:
        return PLACES | {"examples"}

    def bind(self, survey: Survey) -> Self:
        """Return the style with examples chosen among the survey's questions.

        Raises
        ------
        ConfigError
            If too few questions, or not the ones named, were answered by every group, or no
            question is left to ask about.
        """
        by_question: dict[str, dict[Group, Case]] = {}
        for case in survey.cases:
            if case.human is not None:
                by_question.setdefault(case.question.question_id, {})[case.group] = case
        groups = dict.fromkeys(
            group for of_question in by_question.values() for group in of_question
        )
        if strange := [case.group for case in survey.cases if case.group not in groups]:
            msg = (
                f"{strange[0].attribute} {strange[0].value!r} answered no question of "
                f"{survey.name}, so none of its answers can be shown. Choose another prompt."
            )
            raise ConfigError(msg)
        complete = [
            name
            for name, cases in by_question.items()
            if len(cases) == len(groups) and _has_letters(next(iter(cases.values())).question)
        ]
        chosen = self._chosen(survey.name, complete, n_questions=len(by_question))
        bound = copy(self)
        bound.shown = frozenset(chosen)
        bound.examples = {group: [by_question[name][group] for name in chosen] for group in groups}
        return bound

    def _chosen(self, survey: str, complete: Sequence[str], *, n_questions: int) -> Sequence[str]:
        """Return the ids of the questions to show, in the order in which they are shown."""
        missing = [name for name in self.questions or () if name not in complete]
        if missing:
            msg = (
                f"Question {missing[0]!r} cannot be shown: it is not among the {len(complete)} "
                f"questions of {survey} that every group answered. Name another one, or fewer "
                "dataset.attributes."
            )
            raise ConfigError(msg)
        n_shown = self.n_examples if self.questions is None else len(self.questions)
        if n_shown > len(complete) or n_shown >= n_questions:
            msg = (
                f"{n_shown} questions of {survey} cannot be shown: it has {n_questions}, and "
                f"{len(complete)} that every group answered. Lower n_examples of the prompt, or "
                "choose fewer dataset.attributes."
            )
            raise ConfigError(msg)
        return self.questions or sorted(complete, key=self._rank)[:n_shown]

    def _rank(self, question_id: str) -> bytes:
        """Draw by a hash: the draw does not depend on which other questions there are."""
        return hashlib.sha256(f"{self.seed} {question_id}".encode()).digest()

    def messages(
        self, question: Question, options: Sequence[str], task: str, group: Group
    ) -> tuple[Message, ...]:
        """Fill the template in, with the group's answers to the questions shown."""
        examples = [
            self._example(case)
            for case in self.examples[group]
            if case.question.question_id != question.question_id
        ]
        more = {"examples": "\n\n".join(examples)}
        return self.filled_in(question, options, task, group, more)

    def _example(self, case: Case) -> str:
        lettered = list(zip(ascii_uppercase, case.question.options, strict=False))
        shares = zip(ascii_uppercase, percentages(case.answers), strict=False)
        return self.example.format(
            question=case.question.text,
            options="\n".join(f"{letter}. {option}" for letter, option in lettered),
            percentages=", ".join(f"{letter}: {share}%" for letter, share in shares),
            group=case.group.phrase_in(self.language),
        )


def _has_letters(question: Question) -> bool:
    return len(question.options) <= len(ascii_uppercase)


def percentages(distribution: Distribution) -> list[int]:
    """Round shares to whole percentages that sum to 100: those cut off most are rounded up.

    Examples
    --------
    >>> percentages(Distribution(probabilities=(1 / 3, 1 / 3, 1 / 3)))
    [34, 33, 33]
    """
    exact = [100 * share for share in distribution.probabilities]
    whole = [int(share) for share in exact]
    by_loss = sorted(range(len(exact)), key=lambda index: whole[index] - exact[index])
    for index in by_loss[: 100 - sum(whole)]:
        whole[index] += 1
    return whole
