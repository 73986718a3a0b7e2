"""What is let through to an endpoint, by a clock that the test sets."""

import pytest

from distexp.asking.backoff import Backoff
from distexp.asking.endpoint import FAILURES_IN_A_ROW, Endpoint, Pace, Permit, Window
from distexp.errors import ConfigError
from distexp.protocols import Limits


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Simulated:
    """An endpoint whose calls start as soon as they may."""

    def __init__(self, *, backoff: Backoff | None = None, **limits: int) -> None:
        self.clock = Clock()
        settings = Limits(**{"max_concurrency": 8, **limits})
        self.endpoint = Endpoint(settings, backoff or Backoff(), self.clock)

    def next(self, tokens: int = 1) -> Permit:
        """Wait as long as the endpoint says, and start a call."""
        wait_s = self.endpoint.wait_s()
        assert wait_s is not None
        self.clock.now += wait_s
        return self.endpoint.start(tokens)


def starts(simulated: Simulated, n: int, tokens: int = 1) -> list[float]:
    """Start calls, each answered at once, and return when they started."""
    times = []
    for _ in range(n):
        permit = simulated.next(tokens)
        times.append(simulated.clock.now)
        simulated.endpoint.answered(permit, tokens)
    return times


def most_in_a_minute(times: list[float]) -> int:
    """Return the largest number of calls that start within any 60 s."""
    return max(sum(start <= t < start + 60 - 1e-6 for t in times) for start in times)


def test_no_minute_gets_more_requests_than_allowed() -> None:
    """200 calls at 120 a minute are one every half second, from the first on."""
    times = starts(Simulated(requests_per_minute=120), 200)

    assert most_in_a_minute(times) == 120
    assert times[-1] - times[0] == pytest.approx(99.5)


def test_no_minute_gets_more_tokens_than_allowed() -> None:
    """At 6,000 tokens a minute, calls of 500 tokens start 5 s apart."""
    times = starts(Simulated(tokens_per_minute=6000), 30, tokens=500)

    assert most_in_a_minute(times) * 500 <= 6000
    assert times[1] - times[0] == pytest.approx(5.0)


def test_tokens_that_a_reply_did_not_take_are_free_again() -> None:
    """A call is let through for the most it can take, and counted for what it took."""
    simulated = Simulated(tokens_per_minute=600)
    permit = simulated.next(tokens=100)
    assert simulated.endpoint.wait_s() == pytest.approx(10.0)

    simulated.endpoint.answered(permit, 20)

    assert simulated.endpoint.wait_s() == pytest.approx(2.0)


def test_without_limits_only_the_calls_in_flight_are_bounded() -> None:
    """Eight start at once; the ninth waits for one of them to end."""
    simulated = Simulated(max_concurrency=8)
    permits = [simulated.next() for _ in range(8)]
    assert simulated.clock.now == 1000.0
    assert simulated.endpoint.wait_s() is None

    simulated.endpoint.answered(permits[0], 1)

    assert simulated.endpoint.wait_s() == 0.0


def test_when_one_call_is_turned_away_all_wait_as_long_as_the_server_asks() -> None:
    """The other calls need not find out by themselves."""
    simulated = Simulated()
    permit = simulated.next()

    simulated.endpoint.throttled(permit, 9.0)

    wait_s = simulated.endpoint.wait_s()
    assert wait_s is not None
    assert 9.0 <= wait_s <= 9.9


def test_pauses_grow_while_nothing_is_answered_and_begin_anew_after_an_answer() -> None:
    """0.5 s, 1 s, 2 s at most; then 0.5 s again."""
    simulated = Simulated()
    waits = []
    for answered in (False, False, False, True, False):
        permit = simulated.next()
        if answered:
            simulated.endpoint.answered(permit, 1)
        else:
            simulated.endpoint.throttled(permit, None)
            waits.append(simulated.endpoint.wait_s() or 0.0)

    for wait_s, longest in zip(waits, (0.5, 1.0, 2.0, 0.5), strict=True):
        assert longest / 2 <= wait_s <= longest


def test_calls_that_were_turned_away_together_are_one_reason_to_wait() -> None:
    """Eight echoes of one overload do not make the pause eight times longer."""
    simulated = Simulated()
    permits = [simulated.next() for _ in range(8)]

    for permit in permits:
        simulated.endpoint.throttled(permit, None)

    simulated.endpoint.window.size = 8
    assert 0.25 <= (simulated.endpoint.wait_s() or 0.0) <= 0.5


def test_a_failure_concerns_its_own_call_many_in_a_row_concern_all() -> None:
    """A server that is down is not asked ten thousand things."""
    simulated = Simulated()
    for _ in range(FAILURES_IN_A_ROW - 1):
        simulated.endpoint.failed(simulated.next())
    assert simulated.endpoint.wait_s() == 0.0

    simulated.endpoint.failed(simulated.next())

    assert (simulated.endpoint.wait_s() or 0.0) >= 0.25


def test_an_endpoint_that_only_turns_calls_away_is_given_up() -> None:
    """Two minutes without any answer are enough; an answer starts them anew."""
    simulated = Simulated(backoff=Backoff(give_up_s=120.0))
    simulated.endpoint.throttled(simulated.next(), None)
    simulated.clock.now += 119.0
    assert not simulated.endpoint.is_hopeless()
    simulated.clock.now += 2.0
    assert simulated.endpoint.is_hopeless()

    simulated.endpoint.answered(simulated.next(), 1)

    assert not simulated.endpoint.is_hopeless()


def test_window_shrinks_to_what_is_taken_and_grows_back() -> None:
    """Of 64 calls a server that takes 16 turns 48 away: then 16 are in flight."""
    window = Window(64)
    for number in range(64):
        window.count(refused=number >= 16)
    assert window.size == 16

    for _ in range(1000):
        window.count(refused=False)

    assert window.size == 64


def test_window_ignores_calls_turned_away_at_random() -> None:
    """One in ten says nothing about how many calls are taken at once."""
    window = Window(50)

    for number in range(1000):
        window.count(refused=number % 10 == 0)

    assert window.size == 50


def test_window_lets_at_least_one_call_through() -> None:
    """Otherwise nobody would find out that the server is back."""
    window = Window(8)

    for _ in range(100):
        window.count(refused=True)

    assert window.size == 1


def test_strictest_limits_of_its_models_hold() -> None:
    """Two files name one server; it is asked for no more than either of them allows."""
    endpoint = Endpoint(Limits(max_concurrency=8, requests_per_minute=60), Backoff(), Clock())

    endpoint.restrict(Limits(max_concurrency=2, requests_per_minute=90, tokens_per_minute=600))

    assert endpoint.limits == Limits(
        max_concurrency=2, requests_per_minute=60, tokens_per_minute=600
    )
    endpoint.start(tokens=100)
    assert endpoint.wait_s() == pytest.approx(10.0)
    endpoint.start(tokens=100)
    assert endpoint.wait_s() is None


def test_pace_without_a_limit_never_waits() -> None:
    """None is no limit."""
    pace = Pace(None)
    pace.take(10**9, now=0.0)

    assert pace.wait_s(now=0.0) == 0.0


@pytest.mark.parametrize("name", ["max_concurrency", "requests_per_minute", "tokens_per_minute"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "many", True])
def test_bad_limit_is_refused(name: str, value: object) -> None:
    """The sentence names whose limit it is."""
    limits = Limits(**{"max_concurrency": 1, name: value})  # type: ignore[arg-type]

    with pytest.raises(ConfigError, match=f"'{name}' parameter of SomeModel must be an int >= 1"):
        limits.check("SomeModel")
