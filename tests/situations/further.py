"""Further situations of the same kinds, in other tags, words, files and scripts."""

from collections.abc import Callable

from distexp.dataset.files.refusals import is_refusal
from tests.conftest import Reply
from tests.situations.reported import (
    ALL_READ,
    GOOD,
    LETTER,
    MEN,
    ONLY_THOUGHT,
    READ,
    TOP,
    logprobs,
)
from tests.situations.scene import (
    Scene,
    Situation,
    book,
    called,
    choice,
    read,
    survey,
    taken,
    typed,
)

NO_NUMBERS = "unreadable: The reply has no log-probabilities where the answer begins."


def thrice(status: int, body: object) -> Callable[[str, int], Reply]:
    """Return a server that says so to three calls, and answers the others."""
    return lambda _, n: (status, body) if n in (2, 5, 9) else (200, choice(GOOD))  # type: ignore[return-value]


def for_one(status: int, body: object) -> Callable[[str, int], Reply]:
    """Return a server that says so to one prompt, however often it is asked."""
    return lambda prompt, _: (
        (status, body) if "Question 4?" in prompt else (200, choice(GOOD))  # type: ignore[return-value]
    )


def always(status: int, said: str) -> Callable[[str, int], Reply]:
    """Return a server that says so to every call."""
    return lambda *_: (status, {"error": {"message": said}})


ASKED_AGAIN = f"14 {READ}; 17 calls / 14 {READ}; 0 calls"
ONE_REFUSED = f"13 {READ}; 1 refused; 14 calls / 13 {READ}; 1 refused; 0 calls"
NEVER_SAID = ("Never read out", "No", "None of these", "Other (DO NOT READ)", "Unsure footing")
NOT_SAID = (
    "I do not know (VOL.)", "99 - Weiß nicht / k. A.", "Ne se prononce pas", "NS/NC", "Nu răspund",
    "Затрудняюсь ответить", "不知道/拒绝回答", "모름/무응답", "لا أعرف", "Không biết/KTL", "DK/NA (SPONT.)",
)  # fmt: skip
DATA = "sex,q1\n1,1\n1,3\n"
HALVES = "Men: Agree 0.50, Neither 0.00, Disagree 0.50"
IN_BLOCKS = (
    f"```thinking\nA: 50, B: 50\n```\n{GOOD}", f"Thinking...\nA: 50, B: 50\n...done thinking.\n\n{GOOD}",
    f'<details type="reasoning" done="true"><summary>Thought</summary>A: 50, B: 50</details>{GOOD}',
    f"<|START_THINKING|>A: 50, B: 50<|END_THINKING|>{GOOD}", f"&lt;think&gt;A: 50&lt;/think&gt;{GOOD}",
    f"<|channel>thought\nA: 50, B: 50<channel|>{GOOD}", f"[REASONING]A: 50[/REASONING]{GOOD}",
)  # fmt: skip
UNENDED = (
    "```thinking\nA: 70, B: 30", "Thinking...\nA: 70, B: 30", "<scratchpad>A: 70\nB: 30",
    '<details type="reasoning" done="false">A: 70, B: 30', '{"analysis": {"A": 70, "B": 30}}',
    "<|channel|>analysis<|message|>A: 70, B: 30<|end|>", "<antThinking>A: 70, B: 30",
)  # fmt: skip
ONE_LETTER = (
    "**B**", "(B)", "「B」", "Ⓑ", "Ｂ", "Réponse : B", "الجواب: B", "Ответ: B", "$$\\boxed{\\textbf{B}}$$",
    "<|begin_of_box|>B<|end_of_box|>", '{"choice": "B", "explanation": "A is rare"}', "B✅", "option b",
)  # fmt: skip
TWO_LETTERS = (
    "A or B", "B (not A)", "B: Yes", "Neither A nor B", "\\boxed{A} \\boxed{B}", "В", "Not A", "A/B",
    "My answer is A. Wait, actually B.", "I cannot answer. (A) Yes (B) No", '{"answer": ["A", "B"]}',
)  # fmt: skip
NUMBERS = (
    "A: ca. 20 %\nB: ca. 80 %", "A: ２０％\nB: ８０％", "A: ۲۰٪\nB: ۸۰٪", "A: .2\nB: .8", "A: 0,2\nB: 0,8",
    "A: 20'000\nB: 80'000", "Yes: 20 percent, No: 80 percent", '{"A": "0.2", "B": "0.8"}',
)  # fmt: skip
NO_NUMBER = (
    "A: 20±5%\nB: 80%", "A: 20% (15-25%)\nB: 80%", "A: <20%\nB: 80%", "A: 20 至 30%\nB: 75%",
    "A: 20% → 25%\nB: 75%", "A: 20.5.1%\nB: 80%", "A: 二十%\nB: 80%", "A: at least 20%\nB: 80%",
    '{"A": [20, 25], "B": 77}', '{"A": {"min": 20, "max": 25}, "B": 77}', "A: −20%\nB: 120%",
)  # fmt: skip


def tokens(*named: object) -> str:
    """Return what is read in alternatives for which the letters are spelled so."""
    return taken(
        "logprobs", choice("B", logprobs=logprobs(*zip(named, (-1.7, -0.25), strict=True)))
    )


def nameless() -> str:
    """Return what is read where an alternative has bytes and no text, or neither."""
    top = [{"token": None, "bytes": [65], "logprob": -1.7}, {"token": "B", "logprob": -0.25}]
    first = taken(
        "logprobs", choice("B", logprobs={"content": [{"token": "B", "top_logprobs": top}]})
    )
    return f"{first} | {tokens(32, 'B')}"


def refused_words(_: Scene) -> str:
    """Count labels that say that no answer was given, and others taken for such."""
    return (
        f"{sum(map(is_refusal, NOT_SAID))} of {len(NOT_SAID)}, {sum(map(is_refusal, NEVER_SAID))}"
    )


FURTHER = (
    Situation("k1a", "thoughts in blocks and tags of other houses", READ,
              lambda _: read("verbalized", *IN_BLOCKS)),
    Situation("k1b", "such a thought never ends", ONLY_THOUGHT, lambda _: read("verbalized", *UNENDED)),
    Situation("k1c", "a thought in the field of a gateway", ONLY_THOUGHT, lambda _: taken(
        "self_random", choice("", message={"reasoning": "A", "reasoning_details": [{"text": "A"}]}))),
    Situation("k2a", "letters in other decorations", LETTER, lambda _: read("self_random", *ONE_LETTER)),
    Situation("k2b", "replies that may be two letters", "none", lambda _: "; ".join(
        one for one in TWO_LETTERS if not read("self_random", one).startswith("unreadable")) or "none"),
    Situation("k2c", "options that begin alike", "Agree 0.00, Agree strongly 1.00, Disagree 0.00",
              lambda _: read("self_random", "Agree strongly.", "B", "B) Agree strongly",
                             options=("Agree", "Agree strongly", "Disagree"))),
    Situation("k3a", "numbers in other scripts and spellings", READ, lambda _: read("verbalized", *NUMBERS)),
    Situation("k3b", "what is not one number", "none", lambda _: "; ".join(
        one for one in NO_NUMBER if not read("verbalized", one).startswith("unreadable")) or "none"),
    Situation("k4a", "tokens with the marks of their tokenizers", "Yes 0.19, No 0.81", lambda _: tokens("ĠA", "▁B")),
    Situation("k4b", "tokens without text", f"Yes 0.19, No 0.81 | {NO_NUMBERS}", lambda _: nameless()),
    Situation("k4c", "numbers that are no logarithms", "unreadable: The reply's log-probabilities are none",
              lambda _: taken("logprobs", choice("B", logprobs=logprobs(("A", -0.1), ("B", -0.1))))),
    Situation("k4d", "hardly any letter", "unreadable: The option letters hold 0.000", lambda _: taken(
        "logprobs", choice("The", logprobs=logprobs(("The", -0.01), ("A", -9.0), ("B", -9999.0))))),
    Situation("k4e", "minus infinity in other words", "Yes 0.00, No 1.00", lambda _: taken(
        "logprobs", choice("B", logprobs=logprobs(("A", float("-inf")), *TOP[1:])))),
    Situation("k5a", "one prompt exceeds the context", ONE_REFUSED, lambda scene: called(scene, for_one(
        400, {"object": "error", "message": "This model's maximum context length is 512 tokens."}))),
    Situation("k5b", "one prompt is too long for TGI", ONE_REFUSED, lambda scene: called(scene, for_one(
        422, {"error": "Input validation error: `inputs` must have less than 9 tokens. Given: 15"}))),
    Situation("k5c", "one prompt is a risk", ONE_REFUSED, lambda scene: called(scene, for_one(
        400, {"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}}))),
    Situation("k5d", "one prompt is refused in a reply of status 200, in Chinese", ONE_REFUSED, lambda scene:
              called(scene, for_one(200, {"error": {"code": "1301", "message": "可能包含不安全或敏感内容"}}))),
    Situation("k6a", "a rate limit in Chinese in a reply of status 200", ASKED_AGAIN, lambda scene: called(
        scene, thrice(200, {"error": {"code": "1302", "message": "您的账户已达到速率限制"}}))),
    Situation("k6b", "a model that is being loaded", ASKED_AGAIN, lambda scene: called(
        scene, thrice(503, {"error": "Model m is currently loading", "estimated_time": 0.01}))),
    Situation("k6c", "throttling with status 400", ASKED_AGAIN, lambda scene: called(
        scene, thrice(400, {"message": "ThrottlingException: Too many tokens, please wait."}))),
    Situation("k6d", "an error as a list", ASKED_AGAIN, lambda scene: called(
        scene, thrice(200, [{"error": {"code": 503, "message": "overloaded"}}]))),
    Situation("k6e", "the key has expired", "14 calls; Model m at {url} refused the request", lambda scene: called(
        scene, always(400, "API key expired. Please renew the API key."))),
    Situation("k6f", "all credits are used", "14 calls; Model m at {url} has no quota left", lambda scene: called(
        scene, always(429, "Your team has used all available credits"))),
    Situation("k7a", "labels that YAML takes for true and false", "Men: No 0.75, Yes 0.25", lambda scene: survey(
        scene, "sex,q1\n1,N\n1,Y\n1,N\n1,N\n", book("[[N, No, 0], [Y, Yes, 1]]", levels=MEN, kind="binary"))),
    Situation("k7b", "Namibia's NA and a code 010", "Namibia: a 0.33, b 0.67", lambda scene: survey(
        scene, "c,q1\nNA,010\nNA,8\nNA,8\n", book("[[010, a, 1], [8, b, 2]]", column="c", kind="binary",
                                                  levels="Namibia: {codes: NA, phrase: n}"))),
    Situation("k7c", "a title above the headers", HALVES, lambda scene: survey(
        scene, f"My survey\n{DATA}", book(levels=MEN, extra="file: {skip_rows: [1]}"))),
    Situation("k7d", "decimal commas in weights", "Men: Agree 0.75, Neither 0.00, Disagree 0.25", lambda scene:
              survey(scene, "sex;q1;w\n1;1;1,5\n1;3;0,5\n", book(
                  levels=MEN, extra="weight: w\nfile: {separator: ';', decimal: ','}"))),
    Situation("k7e", "a row with a cell too many", "error: {folder}/survey.csv cannot be read as a .csv file: line 3 "
              "has 3 cells under 2 headers.", lambda scene: survey(scene, "sex,q1\n1,1\n1,2,3\n", book())),
    Situation("k7f", "UTF-16 is named", "error: {folder}/survey.csv, line 1: byte 0xff is not utf-8. It begins as "
              "utf-16 does.", lambda scene: survey(scene, DATA.encode("utf-16"), book())),
    Situation("k7g", "headers with spaces that are not seen", HALVES, lambda scene: survey(
        scene, "\ufeffsex\u00a0, q1 \n1,1\n1,3\n", book(levels=MEN))),
    Situation("k7h", "labels of refusals in many languages", f"{len(NOT_SAID)} of {len(NOT_SAID)}, 0", refused_words),
    Situation("k8a", "a name with signs of the shell", "a;b#c&d [x] $1.csv", lambda scene: typed(
        scene, "dataset=table", "dataset.path=a;b#c&d [x] $1.csv")),
    Situation("k8b", "a member of a list with a typo", "error: Could not find 'calibrator/lassso'. Did you mean 'lasso'?",
              lambda scene: typed(scene, "calibrator=[ridge,lassso]")),
    Situation("k8c", "a group with a typo", "dataset", lambda scene: typed(
        scene, "datset=gss2018").partition("Did you mean '")[2]),
    Situation("k8d", "a parameter with a typo", "dataset.min_respondents", lambda scene: typed(
        scene, "dataset=table", "dataset.min_respondent=9").partition("Did you mean '")[2]),
    Situation("k8e", "a command by another name", "summarize", lambda scene: typed(
        scene, "sumarize", "outputs").partition("Did you mean '")[2]),
    Situation("k8f", "a choice with a typo", "sociodemographic", lambda scene: typed(
        scene, "prompt=sociodemografic").partition("Did you mean '")[2]),
    Situation("k0", "a good server", ALL_READ, lambda scene: called(scene, thrice(200, choice(GOOD)))),
)  # fmt: skip
