"""Measures a warm rerun: every answer is in the cache, and a table is made of them.

Questions on a scale of five are put to twenty groups of people, once to a local server (not
measured) and once more, in a new process, to the cache on disk: from the cases by way of prompt,
request, key, cache and reading to the table of estimates. Each candidate does it in its own way:

- distexp: the parts of an experiment with `model=openai_compatible elicitation=verbalized`, in
  one process and, as where two cores are free, in two;
- DSPy: its `LM` with its cache, replies read by `json.loads`, a list of rows for a table;
- inspect-ai: an `eval` with `cache=True`, whose scorer reads replies by `json.loads`.

The peers get fewer questions, for they take longer; --peers installs them below outputs/peers.

    python benchmarks/warm.py [--peers] [--answers 20000] [--repeats 3]
"""

import argparse
import cProfile
import json
import pstats
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from benchmarks.calls import PEERS, Measured, in_process  # noqa: E402
from tests.faults.server import Served  # noqa: E402

N_GROUPS = 20
REPLY = '{"A": 10, "B": 20, "C": 40, "D": 25, "E": 5}'
OPTIONS = (
    *("Strongly agree", "Somewhat agree", "Neither agree nor disagree"),
    *("Somewhat disagree", "Strongly disagree"),
)
TASK = (
    "What percentage of people like you would choose each option? Reply with a JSON object that "
    "gives each letter its percentage; the percentages sum to 100."
)
LAYOUT = "Question: {question}\nOptions:\n{options}\n\nImagine you are {group}. {task}"
TWO = "distexp, two processes"
SHARE = {"distexp": 1.0, "DSPy": 0.25, "inspect-ai": 0.05}
"""Of the answers, how many each candidate asks for."""


def main() -> None:
    """Measure each candidate and print the table."""
    options = arguments()
    if options.candidate:
        work = CANDIDATES[options.candidate]
        measure = profiled if options.profile else work
        print(json.dumps(measure(options.answers, options.url)))
        return
    print("| warm rerun | answers | answers a second | × DSPy | CPU, µs an answer | repeats |")
    print("|---|---|---|---|---|---|")
    runs: dict[str, list[Measured]] = {}
    for name, share in SHARE.items():
        if options.peers or name not in PEERS:
            runs |= repeated(name, round(options.answers * share), options.repeats)
    rates = {
        name: [one["answers"] / one["wall"] for one in of_one] for name, of_one in runs.items()
    }
    for name, of_one in rates.items():
        times = f"{max(of_one) / max(rates['DSPy']):.1f}" if "DSPy" in rates else ""
        repeats = " ".join(f"{rate:,.0f}" for rate in of_one)
        best = min(runs[name], key=lambda one: one["cpu"])
        n, cpu = best["answers"], 1e6 * best["cpu"] / best["answers"]
        print(f"| {name} | {n:,} | {max(of_one):,.0f} | {times} | {cpu:,.1f} | {repeats} |")
    best = min(runs["distexp"], key=lambda one: one["cpu"])
    for stage in STAGES:
        print(f"| of which {stage} | | | | {1e6 * best[stage] / best['answers']:.1f} | |")
    print("\nProfiled, where everything takes longer, the most of the time is spent in:\n")
    for place, share in runs["distexp"][-1].items():
        if place.startswith(HOT):
            print(f"- {share:.0%} {place.removeprefix(HOT)}")


HOT = "hot: "
STAGES = ("prompts", "keys", "cache", "reading")


class Clock:
    """Takes wall-clock and processor time from when it is made, and the latter in laps."""

    def __init__(self) -> None:
        self.laps: list[float] = []
        self._wall, self._cpu = time.perf_counter(), processor_s()

    def lap(self) -> None:
        """End a stage."""
        self.laps.append(processor_s() - self._cpu - sum(self.laps))

    def measured(self, n: int) -> Measured:
        """Return the seconds that n answers took."""
        wall, cpu = time.perf_counter() - self._wall, processor_s() - self._cpu
        return {"answers": n, "wall": wall, "cpu": cpu}


def processor_s() -> float:
    """Return the processor time of this process, and of those that it has started and ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", action="store_true", help="measure other software too")
    parser.add_argument("--candidate", choices=list(CANDIDATES), help=argparse.SUPPRESS)
    parser.add_argument("--profile", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    return parser.parse_args()


def repeated(name: str, n: int, repeats: int) -> dict[str, list[Measured]]:
    """Have a candidate fill its cache, and return what reruns measured, ours in two ways."""
    with tempfile.TemporaryDirectory() as folder, Served(reply=REPLY) as served:
        given = [f"--answers={n}", f"--url={served.url}"]
        in_process(__file__, name, given, Path(folder))
        asked = served.counts()["calls"]
        runs: dict[str, list[Measured]] = {name: [], **({TWO: []} if name == "distexp" else {})}
        for _ in range(repeats):
            for how, found in runs.items():
                found.append(in_process(__file__, how, given, Path(folder)))
        if name == "distexp":
            of_profile = in_process(__file__, name, [*given, "--profile"], Path(folder))
            hot = {place: of for place, of in of_profile.items() if place.startswith(HOT)}
            runs[name][-1] |= hot
        if asked != n or served.counts()["calls"] != n:
            raise SystemExit(f"{name} made {served.counts()['calls']} calls, not {n}.")
    return runs


def questions(n: int) -> list[str]:
    """Return the texts of different questions, as many as n answers take."""
    return [
        f"Do you agree or disagree that proposal {number} is good for people in this country?"
        for number in range(n // N_GROUPS)
    ]


def groups() -> list[str]:
    """Return the phrases for the groups of people."""
    return [f"a person between {age} and {age + 4} years of age" for age in range(0, 100, 5)]


def ours(n: int, url: str, processes: int = 1) -> Measured:
    """Make the table by distexp."""
    import polars  # noqa: F401 - not to be measured

    from distexp.asking.interview import Interview
    from distexp.asking.runner import Runner
    from distexp.cache import ResponseCache
    from distexp.elicitation.verbalized import Verbalized
    from distexp.model.litellm import LiteLLMModel
    from distexp.prompt.template import PromptTemplate
    from distexp.protocols import Capabilities
    from distexp.report import tables
    from distexp.types import Case, Distribution, Group, Question, Survey

    cases = tuple(
        Case(
            question=Question(question_id=text, text=text, options=OPTIONS, ordinals=None),
            group=Group(attribute="age", value=phrase, phrase=phrase),
            human=Distribution.normalized([1] * len(OPTIONS)),
            n_respondents=100.0,
        )
        for text in questions(n)
        for phrase in groups()
    )
    survey = Survey(name="made-up", cases=cases, digest="", licence="", citation="")

    can = Capabilities(logprobs=True, json_schema=True, seed=True, system_role=True)
    model = LiteLLMModel(name="m", provider="openai", capabilities=can, api_base=url)
    style = PromptTemplate(layout=LAYOUT, audience="people like you")
    interview = Interview(
        survey=survey,
        model=model,
        elicitation=Verbalized(task=TASK),
        prompt={"sociodemographic": style},
    )
    runner = Runner(model, ResponseCache("cache"), processes=processes)
    clock = Clock()
    asked = interview.run(runner)
    table = tables.predictions(asked.studies[0], {})
    measured = clock.measured(n)
    assert table["predicted"].to_list()[:5] == [0.1, 0.2, 0.4, 0.25, 0.05]
    assert table.height == n * len(OPTIONS)
    assert not asked.unreadable
    return measured | staged(interview, runner, n) if processes == 1 else measured


def by_two(n: int, url: str) -> Measured:
    """Make the table by distexp as it does where it has two cores."""
    return ours(n, url, processes=2)


def staged(interview: Any, runner: Any, n: int) -> Measured:
    """Return the processor time of each stage, once more."""
    from distexp.asking.runner import unique_requests

    clock = Clock()
    asked = interview.ask({})
    requests = [request for one in asked for request in one.requests]
    clock.lap()
    unique_requests(requests)
    clock.lap()
    answers = runner.run(requests)
    clock.lap()
    interview.read(asked, answers)
    clock.lap()
    return dict(zip(STAGES, clock.laps, strict=True))


def profiled(n: int, url: str) -> Measured:
    """Return the shares of processor time of the eight functions that take most themselves."""
    profile = cProfile.Profile(time.process_time)
    profile.runcall(ours, n, url)
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    own = sorted(((times[2], place) for place, times in stats.items()), reverse=True)
    total = sum(seconds for seconds, _ in own)
    return {
        f"{HOT}`{name.strip('<>')}` ({Path(file).name})": seconds / total
        for seconds, (file, _, name) in own[:8]
    }


def prompts(n: int) -> list[str]:
    """Lay out all prompts."""
    options = "\n".join(
        f"{letter}. {option}" for letter, option in zip("ABCDE", OPTIONS, strict=True)
    )
    return [
        LAYOUT.format(question=question, options=options, group=group, task=TASK)
        for question in questions(n)
        for group in groups()
    ]


def shares(reply: str) -> list[float]:
    """Read a reply, and scale it to sum to 1."""
    values = [float(json.loads(reply)[letter]) for letter in "ABCDE"]
    return [value / sum(values) for value in values]


def by_dspy(n: int, url: str) -> Measured:
    """Make the table by DSPy."""
    import dspy  # type: ignore[import-not-found]

    lm = dspy.LM("openai/m", api_base=url, api_key="none", temperature=0.0, max_tokens=200)
    clock = Clock()
    table = [(prompt, *shares(lm(prompt)[0])) for prompt in prompts(n)]
    assert len(table) == n
    return clock.measured(n)


def by_inspect(n: int, url: str) -> Measured:
    """Make the table by inspect-ai."""
    from inspect_ai import Task, eval  # type: ignore[import-not-found]
    from inspect_ai.dataset import Sample  # type: ignore[import-not-found]
    from inspect_ai.model import GenerateConfig, get_model  # type: ignore[import-not-found]
    from inspect_ai.scorer import Score, mean, scorer  # type: ignore[import-not-found]
    from inspect_ai.solver import generate  # type: ignore[import-not-found]

    @scorer(metrics={letter: [mean()] for letter in "ABCDE"})  # type: ignore[untyped-decorator]
    def read() -> Any:
        async def score(state: Any, target: Any) -> Any:
            values = shares(state.output.completion)
            return Score(value=dict(zip("ABCDE", values, strict=True)))

        return score

    config = GenerateConfig(temperature=0.0, max_tokens=200, max_connections=64)
    model = get_model("openai/m", base_url=url, api_key="none", config=config, responses_api=False)
    clock = Clock()
    task = Task(
        dataset=[Sample(input=text, id=number) for number, text in enumerate(prompts(n))],
        solver=generate(cache=True),
        scorer=read(),
    )
    (log,) = eval(task, model=model, display="none", max_samples=64)
    table = [(sample.id, *sample.scores["read"].value.values()) for sample in log.samples]
    assert len(table) == n
    return clock.measured(n)


CANDIDATES: dict[str, Callable[[int, str], Measured]] = {
    "distexp": ours,
    TWO: by_two,
    "DSPy": by_dspy,
    "inspect-ai": by_inspect,
}

if __name__ == "__main__":
    main()
