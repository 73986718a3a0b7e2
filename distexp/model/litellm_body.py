"""What a server that speaks OpenAI's protocol receives: the body that litellm would send."""

import re
from collections.abc import Mapping

from distexp.model.prices import price_table
from distexp.request import Json

OPENAI_NAME = re.compile(r"(^|/)(o\d|chatgpt|codex|davinci|babbage|responses|ft:)|gpt-")
"""Names that may be OpenAI's own; any other goes to the server as it is."""
WITH_RULES = re.compile(r"(^|/)(o\d|responses)|^gpt-4$|gpt-3\.5-turbo-16k|audio|search|gpt-[5-9]")
"""Names of OpenAI's for which litellm changes or refuses parts of a request."""
NO_THOUGHT = re.compile(r"^gpt-5\.\d+(-mini|-nano)?(-\d{4}-\d\d-\d\d)?$")
"""Of these the models that are asked like older ones if they are told not to think first."""


def is_plain(name: str, body: Mapping[str, Json]) -> bool:
    """Tell whether `chat_body` knows what litellm would send.

    Parameters
    ----------
    name : str
        The model, as the server calls it.
    body : mapping
        The body of the request.
    """
    if not OPENAI_NAME.search(name):
        return True
    entry = price_table().get(name, {})
    if entry.get("mode", "chat") != "chat":
        return False
    effort = body.get("reasoning_effort")
    if NO_THOUGHT.match(name):
        return effort == "none" and bool(entry.get("supports_none_reasoning_effort"))
    return effort is None and not WITH_RULES.search(name)


def chat_body(name: str, body: Mapping[str, Json]) -> dict[str, Json]:
    """Return the JSON object to send for a request that `is_plain`."""
    sent: dict[str, Json] = {"model": name, **body}
    extra = sent.pop("extra_body", None)
    if NO_THOUGHT.match(name) and "max_tokens" in sent:
        sent["max_completion_tokens"] = sent.pop("max_tokens")
    return {**sent, **extra} if isinstance(extra, Mapping) else sent
