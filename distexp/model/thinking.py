"""How much a model thinks before it answers: what is sent, what it takes, and its room."""

from collections.abc import Mapping

from distexp.checks import check_int, parameter_error
from distexp.errors import ConfigError
from distexp.model.abilities import EFFORTS, Abilities
from distexp.request import Json

ROOM = {
    **dict(none=0, minimal=1024, low=4096, medium=8192),
    **dict(high=16384, xhigh=32768, max=65536),
}
"""Tokens added to the longest reply for each level of thought, where no number is given."""
LEAST_BUDGET = 1024
"""The smallest budget that Anthropic takes."""


class Thinking:
    """How much a model thinks first.

    Parameters
    ----------
    owner, name : str
        Class and model that messages name.
    effort : str, optional
        Level, in litellm's words; None sends nothing.
    budget : int, optional
        Tokens for thoughts in place of a level.
    room : int, optional
        Tokens added to the longest reply for thoughts; None adds the budget, or so many as
        `ROOM` has for the level.
    efforts : tuple of str, optional
        Levels that the model takes, in place of those of litellm's table.
    abilities : Abilities

    Attributes
    ----------
    room : int
    is_on : bool
        Whether the model thinks, as far as is known.

    Raises
    ------
    ConfigError
        If the model does not take the level or a budget, so that it would be dropped or changed.
    """

    def __init__(
        self,
        owner: str,
        name: str,
        *,
        effort: str | None,
        budget: int | None,
        room: int | None,
        efforts: tuple[str, ...] | None,
        abilities: Abilities,
    ) -> None:
        if budget is not None:
            check_int(owner, "thinking_budget", budget, minimum=LEAST_BUDGET)
            if effort is not None:
                wanted = "null beside reasoning_effort: a model takes one of the two"
                raise parameter_error(owner, "thinking_budget", wanted, budget)
        if room is not None:
            check_int(owner, "thinking_tokens", room, minimum=0)
        known = abilities.efforts if efforts is None else efforts
        _check_effort(name, effort, known)
        if budget is not None and abilities.budget is False:
            msg = (
                f"Model {name} takes no budget of tokens for thoughts. Set "
                "model.thinking_budget=null, and model.reasoning_effort "
                f"to {_one_of(known) or 'null'}."
            )
            raise ConfigError(msg)
        self.effort = effort
        self.budget = budget
        usual = effort or abilities.usual_effort
        self.is_on = budget is not None or usual != "none"
        self.room = (budget or ROOM.get(usual, ROOM["high"])) if room is None else room

    @property
    def suffix(self) -> str:
        """What tables add to the model's name; nothing where nothing is asked for."""
        if self.effort not in (None, "none"):
            return f" (thinks: {self.effort})"
        return "" if self.budget is None else f" (thinks: {self.budget} tokens)"

    def fields(self) -> dict[str, Json]:
        """Return what is sent of it."""
        if self.effort is not None:
            return {"reasoning_effort": self.effort}
        if self.budget is not None:
            thinking: Mapping[str, Json] = {"type": "enabled", "budget_tokens": self.budget}
            return {"thinking": thinking}
        return {}


def _check_effort(name: str, effort: str | None, known: tuple[str, ...] | None) -> None:
    if effort is None or known is None or effort in known:
        return
    what = f"thinks at the levels {_one_of(known)}" if known else "has no levels of thought"
    msg = (
        f"Model {name} {what}: model.reasoning_effort={effort} would be changed or dropped on "
        f"the way. Set {_one_of(known) or 'null'}, or list what it takes as model.efforts."
    )
    raise ConfigError(msg)


def _one_of(known: tuple[str, ...] | None) -> str:
    return ", ".join(known or ())


def check_efforts(owner: str, value: object) -> None:
    """Refuse what is neither None nor a list of levels."""
    if value is None:
        return
    if not isinstance(value, list | tuple) or any(level not in EFFORTS for level in value):
        wanted = f"null or a list out of {', '.join(EFFORTS)}"
        raise parameter_error(owner, "efforts", wanted, value)
