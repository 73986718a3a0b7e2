"""Options shown as lettered lines in one or several orders, and readings put back in order."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from string import ascii_uppercase

from distexp.checks import check_int, check_number, check_text, parameter_error
from distexp.elicitation.reply.folding import fold
from distexp.errors import ConfigError
from distexp.types import Distribution, Question, Reading, Shares

ORDERS = ("natural", "reversed")
SHUFFLED = "shuffled"
"""Another order in every draw."""
_FALLBACK = "JKLMNPQRSTUVWXYZBCDEFGH"
"""Letters for options that read like letters; not A, I and O, which are words or look like 0."""
_SINGLE = re.compile(r"(?<![\w'])([A-Z])(?![\w'])")
_LIKE_A_LETTER = re.compile(  # `A`, `a)`, `(B) few`, `C: few`, `Plan B`, but not `A lot`
    r"(?<![\w'])([A-Z])(?=\W{0,3}$)|^\W{0,3}([A-Z])(?=[.):\]])"
)


def check_sampled(
    owner: str,
    *,
    task: object,
    n_samples: int,
    temperature: float,
    max_tokens: object,
    option_orders: object,
    may_shuffle: bool = False,
) -> None:
    """Raise `ConfigError` unless replies can be sampled like that: no copies are paid for."""
    check_text(owner, "task", task)
    check_int(owner, "n_samples", n_samples, minimum=1, maximum=100_000)
    check_number(owner, "temperature", temperature, low=0)
    check_int(owner, "max_tokens", max_tokens, minimum=1)
    check_option_orders(owner, option_orders, may_shuffle=may_shuffle)
    if n_samples > 1 and temperature == 0:
        msg = (
            f"{owner} with n_samples={n_samples} at temperature 0 would pay for copies of one "
            "reply. Set elicitation.temperature above 0, or n_samples=1."
        )
        raise ConfigError(msg)


def check_option_orders(owner: str, option_orders: object, *, may_shuffle: bool = False) -> None:
    """Raise `ConfigError` unless it is a non-empty list of different known orders.

    `shuffled` stands alone: beside it another order would be shown more often than the rest.
    """
    if may_shuffle and isinstance(option_orders, list | tuple) and [*option_orders] == [SHUFFLED]:
        return
    if (
        not isinstance(option_orders, list | tuple)
        or not option_orders
        or len(set(map(str, option_orders))) != len(option_orders)
        or any(order not in ORDERS for order in option_orders)
    ):
        wanted = f"a list of different orders out of {', '.join(ORDERS)}"
        if may_shuffle:
            wanted += f", or [{SHUFFLED}]"
        raise parameter_error(owner, "option_orders", wanted, option_orders)


def option_order(order: str, n_options: int) -> tuple[int, ...]:
    """Return the option index at each position shown.

    Examples
    --------
    >>> option_order("reversed", 3)
    (2, 1, 0)
    """
    positions = range(n_options)
    return tuple(reversed(positions)) if order == "reversed" else tuple(positions)


def draws_in_orders(
    question: Question, option_orders: Sequence[str], n_draws: int, seed: int
) -> list[tuple[tuple[int, ...], int]]:
    """Return the option order and the number of each draw: all draws of an order, then the next.

    A shuffled order follows from seed, question and draw, so that all groups see the same ones.
    """
    n_options = len(question.options)
    if list(option_orders) == [SHUFFLED]:
        return [(_shuffled(question, draw, seed), draw) for draw in range(n_draws)]
    orders = [option_order(order, n_options) for order in option_orders]
    return [(order, draw) for order in orders for draw in range(n_draws)]


def _shuffled(question: Question, draw: int, seed: int) -> tuple[int, ...]:
    """Sort by a hash, which is the same in every version of Python."""

    def rank(index: int) -> bytes:
        text = f"{seed} {question.question_id} {draw} {index}"
        return hashlib.sha256(text.encode()).digest()

    return tuple(sorted(range(len(question.options)), key=rank))


def letters(options: Sequence[str]) -> str:
    """Return the letters of the positions shown: from A, unless an option reads like one of them.

    Where the options are grades A to D, a reply `A` could mean the letter or the grade: then
    letters are taken that no option holds.

    Parameters
    ----------
    options : sequence of str
        The texts of the options, in any order.

    Raises
    ------
    ConfigError
        If there are more options than letters.

    Examples
    --------
    >>> letters(["Yes", "No"]), letters(["A", "B", "Fail"]), letters(["Plan B", "Plan A"])
    ('AB', 'JKL', 'JK')
    """
    return _letters(tuple(sorted(options)))


@lru_cache(maxsize=4096)
def _letters(options: tuple[str, ...]) -> str:
    n_options = len(options)
    if n_options > len(ascii_uppercase):
        msg = f"Lettered options end at 26; a question has {n_options}. Leave it out."
        raise ConfigError(msg)
    usual = ascii_uppercase[:n_options]
    texts = [fold(option).strip().upper() for option in options]
    held = {a or b for text in texts for a, b in _LIKE_A_LETTER.findall(text)}
    if held.isdisjoint(usual):
        return usual
    held |= {letter for text in texts for letter in _SINGLE.findall(text)}
    free = [letter for letter in _FALLBACK if letter not in held]
    if n_options > len(free):
        msg = (
            f"The {n_options} options {options[0]!r} to {options[-1]!r} hold so many letters that "
            f"only {len(free)} are left to label them with. Write the options out, or leave the "
            "question out."
        )
        raise ConfigError(msg)
    return "".join(free[:n_options])


def are_usual(shown: str) -> bool:
    """Tell whether letters are those of most questions, so that no option reads like one."""
    return shown.startswith("A")


def reads_like_a_letter(option: str) -> bool:
    """Tell an option such as `A`, `b)`, `(C) few` or `Plan D`."""
    return _LIKE_A_LETTER.search(fold(option).strip().upper()) is not None


NOTE = (
    "The letters {letters} in front of the options are their labels: reply with these, not with "
    "letters out of the options."
)


def told(task: str, question: Question, note: str = NOTE) -> str:
    """Return the task, which says what the letters are where options are letters themselves."""
    shown = letters(question.options)
    if are_usual(shown):
        return task
    return f"{task} {note.replace('{letters}', ', '.join(shown))}"


def lettered_options(question: Question, order: Sequence[int]) -> tuple[str, ...]:
    """Return the lines to show, e.g. `A. Yes`."""
    return _lettered(question.options, tuple(order))


@lru_cache(maxsize=4096)
def _lettered(options: tuple[str, ...], order: tuple[int, ...]) -> tuple[str, ...]:
    shown = [options[index] for index in order]
    return tuple(
        f"{letter}. {option}" for letter, option in zip(letters(options), shown, strict=True)
    )


def options_shown(question: Question, order: Sequence[int]) -> list[str]:
    """Return the options at the positions shown."""
    return [question.options[index] for index in order]


def in_scale_order(weights: Sequence[float], order: Sequence[int]) -> Distribution:
    """Normalise the weights of the positions shown and put them back in scale order."""
    restored = [0.0] * len(order)
    for index, weight in zip(order, weights, strict=True):
        restored[index] = weight
    return Distribution.normalized(restored)


def by_order(
    readings: Sequence[Reading | Shares | None], n_orders: int
) -> list[list[Reading | Shares | None]]:
    """Cut the readings of one case into those of each option order."""
    n_draws = len(readings) // n_orders
    return [list(readings[k * n_draws : (k + 1) * n_draws]) for k in range(n_orders)]


def average(readings: Sequence[Reading | Shares | None], n_orders: int) -> Reading | None:
    """Average what was read of one case: over the draws of each option order, then over orders.

    Where a reply speaks of some options only, the mean of an order is taken option by option,
    over the replies that speak of it; the order's shares are then divided by their sum.

    Parameters
    ----------
    readings : sequence of length n_orders * n_draws
        All draws of an order, then the next; None is a reply that could not be read.
    n_orders : int

    Returns
    -------
    Reading or None
        None when an option order has no readable reply: an average over the other orders alone
        would carry the bias that several orders are there to remove. Also when no reply of an
        order speaks of some option, or its shares are all 0: neither is guessed.
    """
    if len(readings) == 1 and isinstance(readings[0], Reading):
        return readings[0]
    readable = [[r for r in of_one if r is not None] for of_one in by_order(readings, n_orders)]
    return mean([_of_order(of_one) for of_one in readable])


def _of_order(said: Sequence[Reading | Shares]) -> Reading | None:
    """Return the mean of the replies to one option order, put together where they are partial."""
    whole = [one for one in said if isinstance(one, Reading)]
    if len(whole) == len(said):
        return mean(whole)
    rows = [
        one.distribution.probabilities if isinstance(one, Reading) else one.shares for one in said
    ]
    columns = [[x for x in column if x is not None] for column in zip(*rows, strict=True)]
    if not all(columns):
        return None
    shares = [sum(column) / len(column) for column in columns]
    if sum(shares) == 0:
        return None
    masses = [one.mass for one in whole if one.mass is not None]
    return Reading(
        distribution=Distribution.normalized(shares),
        mass=sum(masses) / len(masses) if masses else None,
    )


def mean(readings: Sequence[Reading | None]) -> Reading | None:
    """Return the plain mean; None of no readings, or where one is missing."""
    given = [reading for reading in readings if reading is not None]
    if not given or len(given) < len(readings):
        return None
    if len(given) == 1:
        return given[0]
    columns = zip(*(reading.distribution.probabilities for reading in given), strict=True)
    masses = [reading.mass for reading in given if reading.mass is not None]
    return Reading(
        distribution=Distribution.normalized([sum(column) for column in columns]),
        mass=sum(masses) / len(masses) if masses else None,
    )
