"""What came of one case: its replies, what was read of them, and the estimate."""

from collections.abc import Mapping
from typing import NamedTuple

from distexp.asking.answers import Answer, Reply, Unreadable, check_answered
from distexp.asking.observing import Drawn, drawn_alike
from distexp.errors import ParseError
from distexp.protocols import Elicitation
from distexp.request import Prompt, Request, whole_text
from distexp.types import Case, Estimate, Reading, Shares


class Asked(NamedTuple):
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

    def is_answered(self, answers: Mapping[str, Answer]) -> bool:
        """Tell whether all was asked and has an answer; some has none once the budget is spent."""
        return self.asked and all([request.key in answers for request in self.requests])


class Heard(NamedTuple):
    """What came of one case in one prompt style."""

    estimate: Estimate
    replies: tuple[Reply, ...] = ()
    """One for each prompt."""
    unreadable: tuple[Unreadable, ...] = ()
    """Those that could not be read, and those before that were asked for again."""
    drawn: Drawn | None = None


NOT_ASKED = Estimate(reading=None, n_replies=0, n_unreadable=0, asked=False)
_NOT_HEARD = Heard(estimate=NOT_ASKED)


def hear(elicitation: Elicitation, one: Asked, answers: Mapping[str, Answer]) -> Heard:
    """Read every reply about a case and combine the readings; keep what cannot be read."""
    if not one.is_answered(answers):
        return _NOT_HEARD
    question = one.case.question
    replies: list[Reply] = []
    readings: list[Reading | Shares | None] = []
    unreadable = [*one.replaced]
    n_refused = 0
    if one.unprepared is not None:
        unreadable.append(one.unprepared)
        n_refused += one.unprepared.is_refusal
    for prompt, request in zip(one.prompts, one.requests, strict=True):
        response = answers[request.key].response
        read = reason = None
        try:
            if response.is_refusal:
                n_refused += 1
                check_answered(response)
            read = elicitation.read(question, prompt, response)
        except ParseError as exc:
            lost = unread(one, prompt, request, exc)
            unreadable.append(lost)
            reason = lost.reason
        readings.append(read)
        replies.append(
            Reply(
                one.style,
                one.case,
                prompt.draw,
                prompt.option_order,
                prompt.messages,
                request.key,
                request.model,
                response,
                read,
                reason,
            )
        )
    estimate = Estimate(
        reading=elicitation.combine(readings),
        n_replies=len(readings) + len(one.replaced),
        n_unreadable=readings.count(None) + len(one.replaced),
        n_refused=n_refused,
    )
    drawn = None
    if len(readings) > 1:
        drawn = drawn_alike([prompt.option_order for prompt in one.prompts], readings)
    return Heard(estimate, tuple(replies), tuple(unreadable), drawn)


def unread(one: Asked, prompt: Prompt, request: Request, exc: ParseError) -> Unreadable:
    """Return what is kept of a reply that cannot be read."""
    question, group = one.case.question, one.case.group
    return Unreadable(
        prompt=one.style,
        question_id=question.question_id,
        attribute=group.attribute,
        group=group.value,
        draw=prompt.draw,
        option_order=" ".join(map(str, prompt.option_order)),
        reason=whole_text(str(exc)),
        text=whole_text(exc.text),
        key=request.key,
    )
