"""Content, thoughts and log-probabilities of a chat reply, in the forms that servers send them.

What a reply lacks, or says in no form known here, is missing and nothing else: no reply makes a
reading fail with anything but that.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distexp.errors import ModelError
from distexp.request import whole_text

TopLogprobs = tuple[tuple[tuple[str, float], ...], ...]

THOUGHT = re.compile(
    r"<(?:think|thinking|budget:thinking)>(.*?)</(?:think|thinking|budget:thinking)>(.*)",
    re.DOTALL,
)
"""What litellm takes out of the content: the elicitations know more kinds of thought."""
FIRST_REPLIES = 20
"""A model none of whose first so many replies has log-probabilities returns none."""
_THOUGHT_PARTS = frozenset({"thinking", "reasoning", "reasoning_content", "redacted_thinking"})
HIGHEST_LOGPROB = 0.01
"""Log-probabilities are 0 at most; rounding may add a little. NaN is not below it either."""
_TEXT_PARTS = frozenset({"text", "output_text"})
_MAY_BE_A_LABEL = re.compile(r"[\W_ĠĊ▁]*\w?[\W_ĠĊ▁]*")


def content_of(message: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return what a message says, its parts joined, and what the model thought.

    Raises
    ------
    TypeError
        If the content is neither text nor a list of parts with texts.
    """
    content, thoughts = message.get("content"), []
    for name in ("reasoning_content", "reasoning"):
        if isinstance(field := message.get(name), str) and field and field not in thoughts:
            thoughts.append(field)
    separate = "reasoning_content" in message or "reasoning" in message
    text = "" if content is None else content
    if isinstance(content, list | tuple):
        parts = [_part(part) for part in content]
        text = "".join(said for kind, said in parts if kind in _TEXT_PARTS)
        thoughts += [said for kind, said in parts if kind in _THOUGHT_PARTS and said]
    if not isinstance(text, str):
        msg = "the content is no text"
        raise TypeError(msg)
    within = None if separate else THOUGHT.match(text)
    if within is not None:
        thoughts, text = [*thoughts, within[1]], within[2]
    return text, "\n".join(thoughts) if thoughts else None


def _part(part: object) -> tuple[str, str]:
    """Return the kind and the text of a part of a content."""
    if isinstance(part, str):
        return "text", part
    if not isinstance(part, Mapping):
        msg = "a part of the content is no text"
        raise TypeError(msg)
    kind = str(part.get("type", "text"))
    said = next((part[k] for k in ("text", "thinking", "reasoning", "content") if k in part), "")
    if isinstance(said, list | tuple):
        return kind, "".join(_part(each)[1] for each in said[:1000] if not isinstance(each, list))
    if not isinstance(said, str):
        msg = "a part of the content is no text"
        raise TypeError(msg)
    return kind, said


def logprobs_of(choice: Mapping[str, Any]) -> tuple[TopLogprobs | None, tuple[str, ...] | None]:
    """Return the alternatives of each token with their log-probabilities, and the tokens drawn.

    Returns
    -------
    TopLogprobs or None
        None where there are none. A position is empty where its alternatives are missing, or one
        that may be a label has no number. Another alternative without a token or a number is left
        out.
    tuple of str or None
        The token drawn at each position, where there are several and all are known.
    """
    given = choice.get("logprobs")
    positions = list(_positions(given))
    tops = tuple(_alternatives(top) for _, top in positions)
    if not any(tops):
        return None, None
    tokens = [token for token, _ in positions]
    known = len(tokens) > 1 and all(isinstance(token, str) for token in tokens)
    return tops, tuple(whole_text(str(token)) for token in tokens) if known else None


def _positions(given: object) -> Iterator[tuple[object, object]]:
    """Yield the token drawn at each position and its alternatives: chat form, or completions'."""
    if isinstance(given, Mapping):
        if isinstance(content := given.get("content"), list | tuple):
            given = content
        elif isinstance(tops := given.get("top_logprobs"), list | tuple):
            tokens = given.get("tokens")
            drawn: Sequence[object] = tokens if isinstance(tokens, list | tuple) else ()
            yield from zip([*drawn, *[None] * len(tops)], tops, strict=False)
            return
    if isinstance(given, list | tuple):
        for position in given:
            known = isinstance(position, Mapping)
            yield (position.get("token"), position.get("top_logprobs")) if known else (None, None)


def _alternatives(top: object) -> tuple[tuple[str, float], ...]:
    """Return the alternatives of a token that can be read; none if one is missing that counts."""
    read = []
    for token, given in _pairs(top):
        number = _number(given)
        if isinstance(token, str) and number is not None:
            read.append((whole_text(token), number))
        elif isinstance(token, str) and _MAY_BE_A_LABEL.fullmatch(token[:20]):
            return ()
    return tuple(read)


def _pairs(top: object) -> Iterable[tuple[object, object]]:
    """Yield tokens and numbers out of a list of objects or pairs, or a mapping."""
    if isinstance(top, Mapping):
        for token, given in top.items():
            if isinstance(given, Mapping):
                yield given.get("decoded_token", token), given.get("logprob")
            else:
                yield token, given
    elif isinstance(top, list | tuple):
        for one in top:
            if isinstance(one, Mapping):
                yield one.get("token", one.get("decoded_token")), one.get("logprob")
            elif isinstance(one, list | tuple) and len(one) == 2:
                yield one[0], one[1]


def _number(given: object) -> float | None:
    """Return a log-probability; None of what is none."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        number = float(given)
    except (ValueError, OverflowError):
        return None
    return number if number <= HIGHEST_LOGPROB else None


@dataclass(slots=True)
class FirstReplies:
    """Counts a model's replies until one has log-probabilities."""

    n_without: int = 0
    one_has: bool = False

    def check(self, top_logprobs: TopLogprobs | None, name: str) -> None:
        """Count a reply to a request that asked for log-probabilities.

        Raises
        ------
        ModelError
            If it is the last of the first `FIRST_REPLIES`, and none had them.
        """
        self.one_has = self.one_has or bool(top_logprobs)
        self.n_without += not top_logprobs
        if not self.one_has and self.n_without >= FIRST_REPLIES:
            msg = (
                f"Model {name} was asked for log-probabilities and returned none in "
                f"{self.n_without} replies. Set model.capabilities.logprobs=false and use "
                "elicitation=verbalized; if the server has been changed since, ask anew with "
                "cache.mode=refresh."
            )
            raise ModelError(msg)
