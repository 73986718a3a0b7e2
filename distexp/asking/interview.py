"""Turns the cases of a survey into prompts for one model, and its replies into estimates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

from distexp.asking.answers import Answer, Reply, Unreadable, check_answered
from distexp.asking.foreseeing import following
from distexp.asking.observing import Draws, served_dearer, who_answered
from distexp.asking.plan import Plan, label_of
from distexp.asking.probing import Probing
from distexp.asking.runner import Runner
from distexp.asking.uncollected import uncollected
from distexp.errors import ParseError
from distexp.protocols import Elicitation, Model, PromptStyle
from distexp.request import Prompt, Request, Response, whole_text
from distexp.types import Case, Condition, Estimate, Question, Reading, Shares, Study, Survey

NOT_ASKED = Estimate(reading=None, n_replies=0, n_unreadable=0, asked=False)
RETRY_DRAWS = 1_000_000
"""Added to the draw of a prompt for each retry, so that no retry has the draw of a prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The prompts about one case in one prompt style, with the requests they become."""

    style: str
    case: Case
    prompts: tuple[Prompt, ...]
    requests: tuple[Request, ...]
    unprepared: Unreadable | None = None
    """The reply to a preparation, if no prompts could be made from it."""
    replaced: tuple[Unreadable, ...] = ()
    """Unreadable replies that were asked for again, with another draw."""
    asked: bool = True
    """False where the preparation was not answered: the budget was spent before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interviewed:
    """What came of an interview."""

    studies: tuple[Study, ...] = ()
    """One for each prompt style."""
    unreadable: tuple[Unreadable, ...] = ()
    answers: Mapping[str, Answer]
    """By request key; requests that were not asked because the budget was spent have none."""
    models: tuple[str, ...] = ()
    """Full identities of the models that were asked."""
    replies: tuple[Reply, ...] = ()
    """One for each prompt about a case that was answered; preparations are not among them."""
    notes: tuple[str, ...] = ()
    """What the replies show of the model, a sentence each."""


class Interview:
    """Asks a model about every case of a survey, in several prompt styles.

    Parameters
    ----------
    survey : Survey
        Where it brings its own estimates nothing is asked.
    model : Model
    elicitation : Elicitation
    prompt : mapping of str to PromptStyle
    retries : int
        How often an unreadable reply is asked for again, with another draw.
    notes : sequence of str
        What a report has to say of how it was asked, a sentence each.
    """

    def __init__(
        self,
        *,
        survey: Survey,
        model: Model,
        elicitation: Elicitation,
        prompt: Mapping[str, PromptStyle],
        retries: int = 0,
        notes: Sequence[str] = (),
    ) -> None:
        self.notes = notes
        self.survey = survey
        self.model = model
        self.elicitation = elicitation
        self.retries = retries
        asked_in = {} if survey.studies else prompt  # estimates that are there need no call
        self.styles = {name: style.bind(survey) for name, style in asked_in.items()}
        self._first = self._first_requests()
        self._probing = Probing(model)
        if not self.styles:
            self._probing.request = None
        self._drawn: dict[str, Draws] = {}

    def expected(self) -> tuple[Study, ...]:
        """Return the studies that `run` will return, with no estimates in them yet."""
        return tuple(
            Study(
                condition=self._condition(style),
                cases=self.survey.cases,
                estimates=(NOT_ASKED,) * len(self.survey.cases),
            )
            for style in self.styles
        )

    def plan(self, runner: Runner) -> Plan:
        """Return the plan of what `run` would ask.

        Of prompts that depend on preparations which are not in the cache it says what it can.
        """
        self._probing.look(runner)
        self._first = self._first_requests()
        cells = [self._condition(name) for name in self.styles]
        known, requests = self._foreseen(runner)
        plan = self._probing.plan(runner, requests, cells)
        if known:
            return plan
        follows = following(self.elicitation, self._first, runner, self.needed)
        return replace(plan, more_follows=True, follows=follows)

    def _foreseen(self, runner: Runner) -> tuple[bool, list[Request]]:
        """Return whether all requests are known without a call, and those that are."""
        preparations = self._preparations()
        if runner.plan(preparations).n_misses:
            return False, preparations
        return True, self.needed(runner.run(preparations))

    def run(self, runner: Runner) -> Interviewed:
        """Ask the preparations, then about every case, and read the replies.

        Raises
        ------
        DistexpError
            As `Runner.run`.
        """
        if self._probing.ask(runner, lambda: self._foreseen(runner)[1]):
            self._first = self._first_requests()
        preparations = self._preparations()
        answers = runner.run(preparations)
        asked = self.ask(answers)
        answers = {**runner.run(_requests(asked)), **answers, **self._probing.answers}
        for attempt in range(1, self.retries + 1):
            again = [self._asked_again(one, answers, attempt) for one in asked]
            answers = {**runner.run(_requests(again)), **answers}  # what was paid for stays no hit
            asked = [  # where the budget ended before, the first reply counts
                new if _answered(new.requests, answers) else one
                for one, new in zip(asked, again, strict=True)
            ]
        studies, unreadable, replies = self.read(asked, answers)
        requests = [*preparations, *_requests(asked)]
        of = (label_of(self.model), self.elicitation.name)
        notes = [drawn.note(*of, style) for style, drawn in self._drawn.items()]
        return Interviewed(
            studies=studies,
            unreadable=unreadable,
            answers=answers,
            models=tuple(sorted({request.model for request in requests})),
            replies=replies,
            notes=(
                *self.notes,
                *self._probing.notes,
                *filter(None, notes),
                *who_answered(requests, answers),
                *served_dearer(self.model, answers),
            ),
        )

    def needed(self, answers: Mapping[str, Answer] | None = None) -> list[Request]:
        """Return the requests of all cases, as far as they are known, without a call."""
        return [*self._preparations(), *_requests(self.ask(answers or {}))]

    def _condition(self, style: str) -> Condition:
        return Condition(
            dataset=self.survey.name,
            model=label_of(self.model),
            elicitation=self.elicitation.name,
            prompt=style,
        )

    def _preparations(self) -> list[Request]:
        return [request for of_question in self._first.values() for request in of_question]

    def _first_requests(self) -> dict[Question, list[Request]]:
        """Return the requests of each question's preparations."""
        if not self.styles:
            return {}
        questions = dict.fromkeys(case.question for case in self.survey.cases)
        return {
            question: [self.model.request(p) for p in self.elicitation.preparations(question)]
            for question in questions
        }

    @uncollected()
    def ask(self, answers: Mapping[str, Answer]) -> list[Asked]:
        """Turn every case into requests, in each prompt style."""
        asked = []
        for name, style in self.styles.items():
            question, first = None, list[Request]()
            for case in self.survey.cases:
                if case.question is not question:
                    question, first = case.question, self._first[case.question]
                if first and not _answered(first, answers):
                    asked.append(
                        Asked(style=name, case=case, prompts=(), requests=(), asked=False)
                    )
                    continue
                prepared = [answers[request.key].response for request in first]
                try:
                    for response in prepared:
                        check_answered(response)
                    prompts = self.elicitation.prompts(case.question, case.group, style, prepared)
                except ParseError as exc:
                    asked.append(self._unprepared(name, case, first, exc))
                    continue
                requests = tuple([self.model.request(prompt) for prompt in prompts])
                asked.append(Asked(style=name, case=case, prompts=prompts, requests=requests))
        return asked

    def _asked_again(self, one: Asked, answers: Mapping[str, Answer], attempt: int) -> Asked:
        """Replace each prompt whose reply cannot be read by the same prompt with another draw."""
        if not _answered(one.requests, answers):
            return one
        prompts, requests, replaced = list(one.prompts), list(one.requests), list(one.replaced)
        for place, (prompt, request) in enumerate(zip(prompts, requests, strict=True)):
            response = answers[request.key].response
            if response.is_refusal:
                continue  # another draw is the same prompt
            try:
                self.elicitation.read(one.case.question, prompt, response)
            except ParseError as exc:
                replaced.append(_unreadable(one, prompt, request, exc))
                draw = prompt.draw % RETRY_DRAWS + attempt * RETRY_DRAWS
                prompts[place] = replace(prompt, draw=draw)
                requests[place] = self.model.request(prompts[place])
        return replace(
            one, prompts=tuple(prompts), requests=tuple(requests), replaced=tuple(replaced)
        )

    def _unprepared(
        self, style: str, case: Case, requests: Sequence[Request], exc: ParseError
    ) -> Asked:
        """Return a case without prompts, as its preparation is unreadable, with that reply."""
        one = Asked(style=style, case=case, prompts=(), requests=())
        (preparation, *_) = self.elicitation.preparations(case.question)
        return replace(one, unprepared=_unreadable(one, preparation, requests[0], exc))

    @uncollected()
    def read(
        self, asked: Sequence[Asked], answers: Mapping[str, Answer]
    ) -> tuple[tuple[Study, ...], tuple[Unreadable, ...], tuple[Reply, ...]]:
        """Read every reply and combine the readings of each case; keep what cannot be read."""
        estimates: dict[str, list[Estimate]] = {style: [] for style in self.styles}
        replies: list[Reply] = []
        self._drawn = {style: Draws() for style in self.styles}
        unreadable: dict[str, Unreadable] = {}
        for one in asked:
            if not one.asked or not _answered(one.requests, answers):
                estimates[one.style].append(NOT_ASKED)
                continue
            readings: list[Reading | Shares | None] = []
            n_refused = int(one.unprepared is not None and one.unprepared.is_refusal)
            for reply in (*one.replaced, *filter(None, [one.unprepared])):
                unreadable.setdefault(reply.key, reply)
            for prompt, request in zip(one.prompts, one.requests, strict=True):
                response = answers[request.key].response
                n_refused += response.is_refusal
                try:
                    reason = None
                    check_answered(response)
                    readings.append(self.elicitation.read(one.case.question, prompt, response))
                except ParseError as exc:
                    readings.append(None)
                    lost = _unreadable(one, prompt, request, exc)
                    unreadable.setdefault(request.key, lost)
                    reason = lost.reason
                replies.append(_reply(one, prompt, request, response, readings[-1], reason))
            if len(readings) > 1:
                self._drawn[one.style].count([p.option_order for p in one.prompts], readings)
            estimates[one.style].append(
                Estimate(
                    reading=self.elicitation.combine(readings),
                    n_replies=len(readings) + len(one.replaced),
                    n_unreadable=readings.count(None) + len(one.replaced),
                    n_refused=n_refused,
                )
            )
        studies = tuple(
            Study(
                condition=self._condition(style),
                cases=self.survey.cases,
                estimates=tuple(of_style),
                shown=self.styles[style].shown,
            )
            for style, of_style in estimates.items()
        )
        return studies, tuple(unreadable.values()), tuple(replies)


def _requests(asked: Sequence[Asked]) -> list[Request]:
    """Return the requests, those of open cases spread evenly among the others.

    Where a budget ends early, so many of the one are asked as of the other.
    """
    answered = [one for one in asked if one.case.human is not None]
    is_open = [one for one in asked if one.case.human is None]
    both = (answered, is_open)
    placed = [((at + 0.5) / len(of), one) for of in both for at, one in enumerate(of)]
    return [request for _, one in sorted(placed, key=itemgetter(0)) for request in one.requests]


def _answered(requests: Sequence[Request], answers: Mapping[str, Answer]) -> bool:
    """Tell whether all requests have an answer; some have none once the budget is spent."""
    return all([request.key in answers for request in requests])


def _unreadable(one: Asked, prompt: Prompt, request: Request, exc: ParseError) -> Unreadable:
    return Unreadable(
        **_described(one, prompt, request),
        option_order=" ".join(map(str, prompt.option_order)),
        reason=whole_text(str(exc)),
        text=whole_text(exc.text),
    )


def _reply(
    one: Asked,
    prompt: Prompt,
    request: Request,
    response: Response,
    read: Reading | Shares | None,
    reason: str | None,
) -> Reply:
    return Reply(
        **_described(one, prompt, request),
        option_order=prompt.option_order,
        messages=prompt.messages,
        response=response,
        read=read,
        reason=reason,
    )


def _described(one: Asked, prompt: Prompt, request: Request) -> dict[str, Any]:
    question, group = one.case.question, one.case.group
    return {
        "prompt": one.style, "question_id": question.question_id, "attribute": group.attribute,
        "group": group.value, "draw": prompt.draw, "key": request.key,
    }  # fmt: skip
