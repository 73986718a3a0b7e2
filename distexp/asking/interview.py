"""Turns the cases of a survey into prompts for one model, and its replies into estimates."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from distexp.asking.answers import Answer, Reply, Unreadable, check_answered
from distexp.asking.foreseeing import following
from distexp.asking.hearing import NOT_ASKED, Asked, Heard, hear, unread
from distexp.asking.observing import never_varies, served_dearer, who_answered
from distexp.asking.packing import Place
from distexp.asking.plan import Plan, label_of
from distexp.asking.probing import Probing
from distexp.asking.runner import Runner
from distexp.asking.stored import stored
from distexp.asking.uncollected import uncollected
from distexp.errors import ParseError
from distexp.protocols import Elicitation, Model, PromptStyle
from distexp.request import Request
from distexp.types import Case, Condition, Question, Study, Survey

RETRY_DRAWS = 1_000_000
"""Added to the draw of a prompt for each retry, so that no retry has the draw of a prompt."""


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
        self.places: Sequence[Place] = [
            (name, case) for name in self.styles for case in survey.cases
        ]

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
        heard, found = stored(self, runner, answers)
        places = [place for place, one in enumerate(heard) if one is None]
        asked = self.ask(answers, places)
        requests = self._requests(asked, places)
        answers = {**found, **runner.run(requests, found), **answers, **self._probing.answers}
        for attempt in range(1, self.retries + 1):
            again = [self._asked_again(one, answers, attempt) for one in asked]
            requests = self._requests(again, places)
            answers = {**runner.run(requests, found), **answers}  # what was paid for stays no hit
            asked = [  # where the budget ended before, the first reply counts
                new if new.is_answered(answers) else one
                for one, new in zip(asked, again, strict=True)
            ]
        for place, one in zip(places, self.read(asked, answers), strict=True):
            heard[place] = one
        whole = [one for one in heard if one is not None]
        return self._interviewed(whole, self._requests(asked, places), answers)

    @uncollected()
    def _interviewed(
        self, heard: Sequence[Heard], requests: Sequence[Request], answers: Mapping[str, Answer]
    ) -> Interviewed:
        """Put together what came of every place.

        Parameters
        ----------
        heard : sequence of Heard
            One for each place.
        requests : sequence of Request
            Those that no reply may tell of: some of a case may have no answer.
        answers : mapping of str to Answer
        """
        studies, notes = self._studies(heard)
        replies = tuple([reply for one in heard for reply in one.replies])
        names = {request.key: request.model for request in self._preparations()}
        names |= {reply.key: reply.model for reply in replies}
        for request in requests:
            names.setdefault(request.key, request.model)
        unreadable: dict[str, Unreadable] = {}
        for lost in (lost for one in heard for lost in one.unreadable):
            unreadable.setdefault(lost.key, lost)
        return Interviewed(
            studies=studies,
            unreadable=tuple(unreadable.values()),
            answers=answers,
            models=tuple(sorted(set(names.values()))),
            replies=replies,
            notes=(
                *self.notes,
                *self._probing.notes,
                *notes,
                *who_answered(names, answers),
                *served_dearer(self.model, answers),
            ),
        )

    def needed(self, answers: Mapping[str, Answer] | None = None) -> list[Request]:
        """Return the requests of all cases, as far as they are known, without a call."""
        every = range(len(self.places))
        return [*self._preparations(), *self._requests(self.ask(answers or {}), every)]

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
    def ask(
        self, answers: Mapping[str, Answer], places: Iterable[int] | None = None
    ) -> list[Asked]:
        """Turn cases into requests, in each prompt style: all of them, or those at `places`."""
        asked = []
        question, first = None, list[Request]()
        every = range(len(self.places)) if places is None else places
        for name, case in map(self.places.__getitem__, every):
            if case.question is not question:
                question, first = case.question, self._first[case.question]
            if first and not _answered(first, answers):
                asked.append(Asked(style=name, case=case, prompts=(), requests=(), asked=False))
                continue
            prepared = [answers[request.key].response for request in first]
            try:
                for response in prepared:
                    check_answered(response)
                prompts = self.elicitation.prompts(
                    case.question, case.group, self.styles[name], prepared
                )
            except ParseError as exc:
                asked.append(self._unprepared(name, case, first, exc))
                continue
            requests = tuple([self.model.request(prompt) for prompt in prompts])
            asked.append(Asked(style=name, case=case, prompts=prompts, requests=requests))
        return asked

    def _asked_again(self, one: Asked, answers: Mapping[str, Answer], attempt: int) -> Asked:
        """Replace each prompt whose reply cannot be read by the same prompt with another draw."""
        if not one.is_answered(answers):
            return one
        prompts, requests, replaced = list(one.prompts), list(one.requests), list(one.replaced)
        for place, (prompt, request) in enumerate(zip(prompts, requests, strict=True)):
            response = answers[request.key].response
            if response.is_refusal:
                continue  # another draw is the same prompt
            try:
                self.elicitation.read(one.case.question, prompt, response)
            except ParseError as exc:
                replaced.append(unread(one, prompt, request, exc))
                draw = prompt.draw % RETRY_DRAWS + attempt * RETRY_DRAWS
                prompts[place] = replace(prompt, draw=draw)
                requests[place] = self.model.request(prompts[place])
        return one._replace(
            prompts=tuple(prompts), requests=tuple(requests), replaced=tuple(replaced)
        )

    def _unprepared(
        self, style: str, case: Case, requests: Sequence[Request], exc: ParseError
    ) -> Asked:
        """Return a case without prompts, as its preparation is unreadable, with that reply."""
        one = Asked(style=style, case=case, prompts=(), requests=())
        (preparation, *_) = self.elicitation.preparations(case.question)
        return one._replace(unprepared=unread(one, preparation, requests[0], exc))

    @uncollected()
    def read(self, asked: Sequence[Asked], answers: Mapping[str, Answer]) -> list[Heard]:
        """Read every reply and combine the readings of each case; keep what cannot be read."""
        return [hear(self.elicitation, one, answers) for one in asked]

    def _studies(self, heard: Sequence[Heard]) -> tuple[tuple[Study, ...], list[str]]:
        """Put together what came of every place, and say which models do not vary."""
        studies, notes = [], list[str]()
        n_cases = len(self.survey.cases)
        for at, name in enumerate(self.styles):
            of_style = heard[at * n_cases : (at + 1) * n_cases]
            condition = self._condition(name)
            drawn = [one.drawn for one in of_style if one.drawn is not None]
            notes += never_varies(drawn, condition.model, condition.elicitation, name)
            studies.append(
                Study(
                    condition=condition,
                    cases=self.survey.cases,
                    estimates=tuple([one.estimate for one in of_style]),
                    shown=self.styles[name].shown,
                )
            )
        return tuple(studies), notes

    def _requests(self, asked: Sequence[Asked], places: Sequence[int]) -> list[Request]:
        """Return the requests, those of open cases spread evenly among the others.

        Where a budget ends early, so many of the one are asked as of the other.
        """
        if not asked:
            return []
        of = dict(zip(places, asked, strict=True))
        turns = (of[place] for place in _in_turn(self.places) if place in of)
        return [request for one in turns for request in one.requests]


def _in_turn(places: Sequence[Place]) -> Sequence[int]:
    """Return the order in which places are asked: open cases are spread among the others."""
    is_open = [place for place, (_, case) in enumerate(places) if case.human is None]
    if not is_open:
        return range(len(places))
    answered = [place for place, (_, case) in enumerate(places) if case.human is not None]
    both = (answered, is_open)
    placed = [((at + 0.5) / len(of), place) for of in both for at, place in enumerate(of)]
    return [place for _, place in sorted(placed, key=itemgetter(0))]


def _answered(requests: Sequence[Request], answers: Mapping[str, Answer]) -> bool:
    """Tell whether all requests have an answer; some have none once the budget is spent."""
    return all([request.key in answers for request in requests])
