"""What a model says to itself, told from what it answers: before any elicitation reads a reply.

Thoughts come between tags of many kinds, with the opening tag left to the prompt or the closing
one never written, in channels, or in a field of their own. What stands in them is no answer.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache

from distexp.errors import ParseError
from distexp.request import Prompt, Response

_NAMES = (
    r"(?:[a-z]{1,12}[:_]\s*)?(?:(?:ant|inner)[ _]?)?"
    r"(?:think(?:ing)?|thoughts?|reason(?:ing)?|analysis|reflection|scratchpad|monologue|cot)"
)
_OPEN, _CLOSE = r"(?:<\s?\|?|&lt;|\[|◁|＜)", r"(?:\|?\s?>|&gt;|\]|▷|＞)"
_TAG = re.compile(
    rf"""
      {_OPEN}\s{{0,3}}(?:(?P<end>/|end[ _](?:of[ _])?)|(?:start|begin)[ _](?:of[ _])?)?\s{{0,3}}
      {_NAMES}(?:\s[^<>\[\]\n]{{0,80}})?(?P<empty>/)?\s{{0,3}}{_CLOSE}
    | <\|channel>\s{{0,3}}{_NAMES}\b
    | \ue000
    | (?P<shut><channel\|>|\ue001)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_FIRST_MEMBER = re.compile(r'\{(?:\s*"([^"\\]*)")?')
_BLOCK = re.compile(
    rf"""
      (?P<fence>^[ \t]{{0,3}}`{{3,8}}[ \t]?{_NAMES}[ \t]{{0,3}}$)
      .*? (?P<a>^[ \t]{{0,3}}`{{3,8}}[ \t]{{0,3}}$|\Z)
    | (?P<folded><details\s[^<>\n]{{0,80}}\btype=["']?reasoning\b[^<>\n]{{0,80}}>)
      .*? (?P<b></details>|\Z)
    | (?P<said>^[ \t]{{0,3}}[*_]{{0,3}}{_NAMES}(?:\.{{3}}|…)[*_]{{0,3}}[ \t]{{0,3}}$)
      .*? (?P<c>(?:\.{{3}}|…)?[ \t]?\bdone[ ]thinking\b[.…]{{0,3}}|\Z)
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
"""Thoughts in a block of their own: fenced, folded in by a page, or between the lines that a
terminal shows."""
_CHANNEL = re.compile(
    r"<\|\s?channel\s?\|>\s{0,3}(?P<name>[a-z]{0,20})[^<>\n]{0,80}(?:<\|\s?message\s?\|>)?",
    re.IGNORECASE,
)
_MESSAGE_END = re.compile(r"<\|\s?(?:end|start|return|call)\s?\|>", re.IGNORECASE)
_BARE_CHANNEL = re.compile(r"\s*(?:assistant)?(?:analysis|commentary)(?=[A-Z\"'])")
_BARE_FINAL = "assistantfinal"
"""What is left of the channels where a server strips the tokens that mark them."""
SHORT = 500
"""Characters up to which it is remembered how a reply is read."""
LONGEST = 100_000
"""Characters of an answer beyond which it is no answer to what was asked."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A reply in its two parts."""

    thought: str | None
    """What the model said to itself; None where it said nothing to itself."""
    answer: str | None
    """What it said to us; None where it only thought."""
    start: int = 0
    """Where the last part of the answer begins in the reply."""


def split(text: str) -> Spoken:
    """Tell the thought in a reply from the answer.

    What stands before a closing tag without an opening one is thought; so is all that follows an
    opening tag without a closing one, and then there is no answer.

    Examples
    --------
    >>> split("Perhaps A?</think>B")
    Spoken(thought='Perhaps A?', answer='B', start=18)
    >>> split("<|channel|>analysis<|message|>A or B<|end|>").answer is None
    True
    """
    if _CHANNEL.search(text):
        return _by_channel(text)
    if _BARE_CHANNEL.match(text):
        thought, final, answer = text.rpartition(_BARE_FINAL)
        start = len(text) - len(answer)
        return Spoken(thought, answer, start) if final else Spoken(text, None)
    text = _BLOCK.sub(_marked, text)
    tags = list(_TAG.finditer(text))
    if not tags:
        return Spoken(None, text)
    thoughts: list[str] = []
    answers: list[str] = []
    within, at = False, 0
    for tag in tags:
        (thoughts if within else answers).append(text[at : tag.start()])
        at = tag.end()
        if tag["end"] or tag["shut"]:
            if not within:  # all of it so far
                thoughts, answers = [*thoughts, *answers], []
            within = False
        elif not tag["empty"]:
            within = True
    (thoughts if within else answers).append(text[at:])
    return Spoken("".join(thoughts), None if within else "".join(answers), at)


def _is_a_thought(answer: str) -> bool:
    """Tell whether an answer is one JSON object, of which all members are thoughts."""
    bare = answer.strip("`").removeprefix("json").strip()
    first = _FIRST_MEMBER.match(bare)
    if first is None or not (first[1] is None or re.fullmatch(_NAMES, first[1], re.IGNORECASE)):
        return False
    try:
        members = json.loads(bare)
    except (ValueError, RecursionError):
        return False
    return bool(members) and all(
        isinstance(said, str | dict | list) and re.fullmatch(_NAMES, name, re.IGNORECASE)
        for name, said in members.items()
    )


def _marked(block: re.Match[str]) -> str:
    """Return a block of the same length, whose ends are the signs that `_TAG` knows."""
    opening = block["fence"] or block["folded"] or block["said"]
    closing = block["a"] or block["b"] or block["c"] or ""
    inner = block[0][len(opening) : len(block[0]) - len(closing)]
    return "\ue000".ljust(len(opening)) + inner + ("\ue001".ljust(len(closing)) * bool(closing))


def _by_channel(text: str) -> Spoken:
    """Read channels: `final` is said to us, `analysis` and `commentary` are not."""
    marks = list(_CHANNEL.finditer(text))
    thoughts, finals = [text[: marks[0].start()]], list[str]()
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=True):
        said = _MESSAGE_END.split(text[mark.end() : end], maxsplit=1)[0]
        (finals if mark["name"].casefold() == "final" else thoughts).append(said)
    start = max((m.end() for m in marks if m["name"].casefold() == "final"), default=len(text))
    return Spoken("".join(thoughts), "".join(finals) if finals else None, start)


def _parted(text: str) -> tuple[str, bool, bool]:
    """Return the answer in a reply; whether there is a thought; whether the answer is one."""
    spoken = split(text)
    answer = (spoken.answer or "").strip()
    return answer, spoken.thought is not None, _is_a_thought(answer)


_parted_again = lru_cache(maxsize=4096)(_parted)
"""The same of short replies: many are alike."""


def answer_in(prompt: Prompt, response: Response) -> str:
    """Return what a reply says to us.

    Raises
    ------
    ParseError
        If it was cut off, as `5` may be the beginning of `50`, or by a filter; if the model only
        thought, or said nothing; or if it is longer than `LONGEST`.
    """
    of = _parted_again if len(response.text) <= SHORT else _parted
    answer, has_thought, only_thought = of(response.text)
    if response.finish_reason == "length":
        msg = f"The reply was cut off after {prompt.max_tokens} tokens."
        if not answer and (has_thought or response.thought):
            msg = (
                "The reply was cut off while the model thought: raise model.thinking_tokens, "
                "where the model has it, or elicitation.max_tokens."
            )
        raise ParseError(msg, text=response.text)
    if response.finish_reason == "content_filter":
        msg = "The reply was withheld, or cut off, by a filter of the provider."
        raise ParseError(msg, text=response.text)
    if not answer or only_thought:
        thought = only_thought or has_thought or response.thought
        msg = "The reply is empty: " + ("the model only thought." if thought else "it is blank.")
        raise ParseError(msg, text=response.text)
    if len(answer) > LONGEST:
        msg = f"The reply has {len(answer):,} characters; at most {LONGEST:,} are read."
        raise ParseError(msg, text=response.text)
    return answer
