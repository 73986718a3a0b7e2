"""The 23 situations that were reported, by the numbers that the reports gave them."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from distexp.dataset.globalopinionqa import GlobalOpinionQA
from tests.conftest import Reply
from tests.situations.scene import (
    Scene,
    Situation,
    book,
    called,
    choice,
    read,
    shares,
    survey,
    taken,
    typed,
)

TOP = [("A", -1.7), ("B", -0.25), ("The", -4.0)]
GOOD = '{"A": 20, "B": 80}'
READ = "Yes 0.20, No 0.80"
LETTER = "Yes 0.00, No 1.00"
ALL_READ = f"14 {READ}; 14 calls / 14 {READ}; 0 calls"
ONLY_THOUGHT = "unreadable: The reply is empty: the model only thought."


def logprobs(*top: tuple[object, object]) -> dict[str, object]:
    """Return log-probabilities in the form of chats."""
    alternatives = [{"token": token, "logprob": number} for token, number in top]
    return {"content": [{"token": "B", "logprob": -0.25, "top_logprobs": alternatives}]}


def choice_error(_: str, n: int) -> Reply:
    """Fail three calls within a reply of status 200."""
    error = {"code": 502, "message": "Upstream error: the host went away"}
    broken = choice("", finish_reason="error", error=error)
    return 200, broken if n in (2, 5, 9) else choice(GOOD)


def minute_quota(_: str, n: int) -> Reply:
    """Turn two calls away in the words of an empty account, with a time to come again."""
    said = "You exceeded your current quota, please check your plan. Please retry in 0.01s."
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.01s"}
    error = {"code": 429, "message": said, "status": "RESOURCE_EXHAUSTED", "details": [detail]}
    return (429, {"error": error}) if n in (3, 4) else (200, choice(GOOD))


def filtered(prompt: str, _: int) -> Reply:
    """Refuse two prompts of fourteen."""
    error = {
        "message": "The prompt triggered the content management policy.",
        "code": "content_filter",
    }
    refused = "Question 4?" in prompt or "Question 7?" in prompt
    return (400, {"error": error}) if refused else (200, choice(GOOD))


def one_without(prompt: str, _: int) -> Reply:
    """Answer one prompt with nothing."""
    if "Question 4?" in prompt:
        return 200, choice("", logprobs={"content": []})
    return 200, choice("B", logprobs=logprobs(*TOP))


def one_with(token: object, number: object) -> Callable[[str, int], Reply]:
    """Return a server one of whose replies holds an alternative that is none."""
    return lambda _, n: (
        200,
        choice("B", logprobs=logprobs(*TOP[:2], (token, number) if n == 5 else TOP[2])),
    )


def redirected(scene: Scene) -> str:
    """Redirect every call."""
    return called(scene, lambda *_: (301, {}), Location="https://example.org/v1/chat/completions")


def grades(scene: Scene) -> str:
    """Answer A to grades from A to Fail."""
    return read("self_random", '{"answer": "A"}', options=("A", "B", "C", "D", "Fail"))


COUNTRIES = "cntry,sex,q1\n" + "NO,1,3\nSE,1,1\nDK,1,1\nDE,1,2\n" * 3
MEN = "Men: {codes: 1, phrase: m}"


def norway(scene: Scene) -> str:
    """Exclude Norway, name it in a group, and read answers that are No and Yes."""
    nordic = "North: {codes: [NO, SE, DK], phrase: n}, South: {codes: DE, phrase: s}"
    words = book("[[No, 'No', 0], [TRUE, 'Yes', 1]]", levels=MEN, kind="binary")
    return " | ".join(
        (
            survey(scene, COUNTRIES, book(levels=MEN, extra="exclude: {cntry: [NO]}")),
            survey(scene, COUNTRIES, book(levels=nordic, column="cntry")),
            survey(scene, "sex,q1\n1,No\n1,TRUE\n1,No\n1,No\n", words),
        )
    )


def blank(scene: Scene) -> str:
    """Name a blank as the code of what was not chosen."""
    options = '[[1, Chosen, 1], ["", Not chosen, 0]]'
    return survey(scene, "sex,q1\n1,1\n1,\n1,\n", book(options, levels=MEN, kind="binary"))


def latin(scene: Scene) -> str:
    """Read a text that is no UTF-8: without an encoding, and with it."""
    data = "sex,q1\nfém,1\nfém,3\n".encode("latin-1")
    level = "Women: {codes: fém, phrase: w}"
    encoding = "file: {encoding: latin-1}"
    without = survey(scene, data, book(levels=level), "SURVEY.CSV")
    said = "Set 'encoding' in" if "set 'encoding' in" in without else without
    return f"{said} | {survey(scene, data, book(levels=level, extra=encoding), 'SURVEY.CSV')}"


def headers(scene: Scene) -> str:
    """Read an export with three rows of headers."""
    data = 'sex,q1\nWhat?,"Do you\nagree?"\n"{""ImportId"": ""Q1""}","{""ImportId"": ""Q2""}"\n1,1\n1,3\n'
    said = survey(scene, data, book(levels=MEN))
    tip = "skip_rows: [2, 3]"
    known = f"tip {tip}" if tip in said else said
    return f"{known} | {survey(scene, data, book(levels=MEN, extra=f'file: {{{tip}}}'))}"


PATHS = (
    "country=US/survey.csv", "données.csv", "Umfrage (2024).csv", "Bob's survey.csv", "调查.csv",
    "a,b.csv",
)  # fmt: skip


def paths(scene: Scene) -> str:
    """Type names of files with signs in them."""
    read = [
        typed(scene, "dataset=table", f"dataset.path={path}", files={path: ""}) for path in PATHS
    ]
    home = typed(scene, "dataset=table", "dataset.path=~/survey.csv") == str(
        Path.home() / "survey.csv"
    )
    return f"{sum(map(str.__eq__, read, PATHS))} paths, home {home}"


def refusals(scene: Scene) -> str:
    """Read a table whose options end in two that no interviewer reads out."""
    options = ["A lot", "Some", "Not at all", "Don't know (DO NOT READ)", "Refused (DO NOT READ)"]
    said = "defaultdict(<class 'list'>, {'Germany': [0.32, 0.32, 0.16, 0.12, 0.08]})"
    row = {"question": "?", "selections": said, "options": repr(options), "source": "GAS"}
    pl.DataFrame([row]).write_csv(scene.folder / "global_opinions.csv")
    return shares(
        GlobalOpinionQA(str(scene.folder / "global_opinions.csv"), ordinals="order").load
    )


RANGES = (
    "A: 40%‑45%\nB: 60%", "A: 40%−45%\nB: 60%", "A：40%～45%\nB：60%", "A: 40 % bis 45 %\nB: 60 %",
    "A : 40 % à 45 %\nB : 60 %", "A: 40%…45%\nB: 60%", "A: 40% and 45%\nB: 60%",
)  # fmt: skip
LETTERS = (
    "ANSWER: $B$", "\\boxed{B}", "The answer is \\boxed{\\text{B}}.", "<answer>B</answer>",
    "B<|im_end|>", "B</s>", "答案是B。",
)  # fmt: skip
LISTS = (
    '[{"option": "A", "percentage": 20}, {"option": "B", "percentage": 80}]',
    '[{"option": "Yes", "percentage": 20}, {"option": "No", "percentage": 80}]',
    '{"A": {"percentage": 20}, "B": {"percentage": 80}}', '{"a": 20, "b": 80}',
)  # fmt: skip
FORMS = (
    "Sure! Here is the distribution:\n\n* **A (Yes):** 20%\n* **B (No):** 80%\n\nThese are guesses.",
    "| Letter | Option | Share |\n|---|---|---|\n| A | Yes | 20% |\n| B | No | 80% |",
    '```json\n{"A": "20%", "B": "80%",}\n```', '{\n "A": 20, // yes\n "B": 80 // no\n}',
    "{'Yes': 0.2, 'No': 0.8}", "A: ٢٠%\nB: ٨٠%", "A : 20,0 %\nB : 80,0 %", "A: २०%\nB: ८०%",
    "<think>A: 50, B: 50</think>A: 20%\nB: 80%\nTotal: 100%", "A: 1/5\nB: 4/5",
)  # fmt: skip
COMPLETIONS = {"tokens": ["B"], "token_logprobs": [-0.25], "top_logprobs": [dict(TOP)]}
IN_PARTS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "Perhaps A: 50, B: 50?"}]},
    {"type": "text", "text": GOOD},
]

REPORTED = (
    Situation("01", "the thought has a closing tag only", f"{LETTER} / {READ}", lambda _: " / ".join((
        read("self_random", "Most would answer A.\n</think>\n\nNo"),
        read("verbalized", f"Suppose A: 50 and B: 50.\n</think>\n\n{GOOD}")))),
    Situation("03", "the thought never ends", f"{ONLY_THOUGHT} / {ONLY_THOUGHT}", lambda _: " / ".join((
        read("verbalized", "<think>\nA first guess: A: 70, B: 30. But wait, that is"),
        read("self_random", "<think>\nThe obvious answer: A\n")))),
    Situation("04", "ranges with other dashes and words", "unreadable: The reply gives no percentage for A.",
              lambda _: read("verbalized", *RANGES)),
    Situation("06", "options that are letters", "unreadable", grades),
    Situation("07", "letters with decorations", LETTER, lambda _: read("self_random", *LETTERS)),
    Situation("08", "a list of objects", READ, lambda _: read("verbalized", *LISTS)),
    Situation("10", "log-probabilities in the form of completions", "Yes 0.19, No 0.81",
              lambda _: taken("logprobs", choice("B", logprobs=COMPLETIONS))),
    Situation("11", "one reply without log-probabilities",
              "13 Yes 0.19, No 0.81; 1 unreadable: The reply has no log-probabilities where the answer "
              "begins.; 14 calls / 13 Yes 0.19, No 0.81; 1 unreadable",
              lambda scene: called(scene, one_without, "logprobs")),
    Situation("12", "a log-probability or a token is null",
              "14 Yes 0.19, No 0.81; 14 calls / 14 Yes 0.19, No 0.81; 0 calls",
              lambda scene: called(scene, one_with("The", None), "logprobs")),
    Situation("12b", "a token is null",
              "14 Yes 0.19, No 0.81; 14 calls / 14 Yes 0.19, No 0.81; 0 calls",
              lambda scene: called(scene, one_with(None, -4.0), "logprobs")),
    Situation("17", "an error inside the choice", f"14 {READ}; 17 calls / 14 {READ}; 0 calls",
              lambda scene: called(scene, choice_error)),
    Situation("19", "a quota of a minute", f"14 {READ}; 16 calls / 14 {READ}; 0 calls",
              lambda scene: called(scene, minute_quota)),
    Situation("20", "one prompt is filtered", f"12 {READ}; 2 refused; 14 calls / 12 {READ}; 2 refused; 0 calls",
              lambda scene: called(scene, filtered)),
    Situation("21", "content in parts", READ, lambda _: taken("verbalized", choice(IN_PARTS))),
    Situation("22", "a redirect to https",
              "14 calls; Model m at {url} is redirected (status 301) to https://example.org/v1.", redirected),
    Situation("23", "nothing but a thought", ONLY_THOUGHT, lambda _: taken(
        "verbalized", choice(None, message={"reasoning_content": "They would say 20 to 80."}))),
    Situation("24", "NO is Norway, No an answer",
              "Men: Agree 0.67, Neither 0.33, Disagree 0.00 | North: Agree 0.67, Neither 0.00, Disagree 0.33; "
              "South: Agree 0.00, Neither 1.00, Disagree 0.00 | Men: No 0.75, Yes 0.25", norway),
    Situation("26", "blank means not chosen", "Men: Chosen 0.33, Not chosen 0.67", blank),
    Situation("28", "the name of a column twice",
              "error: {folder}/survey.csv has 2 columns called 'q1' (numbers 2 and 4).",
              lambda scene: survey(scene, "sex,q1,q2,q1\n1,1,1,3\n", book())),
    Situation("29", "another encoding, an ending in capitals",
              "Set 'encoding' in | Women: Agree 0.50, Neither 0.00, Disagree 0.50", latin),
    Situation("31", "three rows of headers",
              "tip skip_rows: [2, 3] | Men: Agree 0.50, Neither 0.00, Disagree 0.50", headers),
    Situation("34", "signs in paths", "6 paths, home True", paths),
    Situation("36", "refusals in other words",
              "Germany: A lot 0.40, Some 0.40, Not at all 0.20, off 0.20", refusals),
    Situation("37", "answers that are read", READ, lambda _: read("verbalized", *FORMS)),
)  # fmt: skip
