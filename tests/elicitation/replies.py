"""Replies made up with the truth known: what a reader must read in them, or must not read.

Each maker takes a source of chance and returns a `Made`. `python -m tests.elicitation.replies N`
reads N of them through all elicitations and prints how many were read, were unreadable, raised
anything but `ParseError`, or were read as something else than what is true of them.
"""

import json
import math
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from distexp.elicitation.logprobs import Logprobs
from distexp.elicitation.paraphrase import Paraphrase
from distexp.elicitation.reply.lettered import letters
from distexp.elicitation.self_random import SelfRandom
from distexp.elicitation.sequence import AnswerSequence
from distexp.elicitation.verbalized import Verbalized
from distexp.errors import ParseError
from distexp.prompt.template import PromptTemplate
from distexp.protocols import Elicitation
from distexp.request import Prompt, Response
from distexp.types import Group, Question, Reading

STYLE = PromptTemplate(layout="{task}|{question}|{options}", audience="people")
GROUP = Group(attribute="everyone", value="everyone", phrase="a person")
N_ANSWERS = 12
ASKS: dict[str, Elicitation] = {
    "verbalized": Verbalized(task="t", option_orders=["natural", "reversed"]),
    "self_random": SelfRandom(task="t", n_samples=2, option_orders=["natural", "reversed"]),
    "sequence": AnswerSequence(
        task="t", n_answers=N_ANSWERS, option_orders=["natural", "reversed"]
    ),
    "logprobs": Logprobs(task="t"),
    "paraphrase": Paraphrase(rewrite="r", task="t", n_wordings=4, min_wordings=2),
}
SCALES = (
    ("Yes", "No"),
    ("Ja", "Nein", "Vielleicht"),
    ("Too little", "About right", "Too much"),
    ("A lot", "A little", "None at all"),
    ("Yes", "Yes, a lot", "No", "No, never"),
    ("I agree", "I disagree", "Neither"),
    ("Strongly agree", "Agree", "Disagree", "Strongly disagree"),
    ("A", "B", "C", "D", "Fail"),
    ("b", "a"),
    ("Plan B", "Plan A", "Plan C"),
    ("A. Yes", "B. No"),
    ("1", "2", "3", "4", "5"),
    ("0", "10", "20"),
    ("10%", "50%", "90%"),
    ("18-24", "25-34", "35+"),
    ("Less than 10", "10 or more", "More than 20"),
    ("Hepatitis B", "Measles"),
    ("Don't know", "Know"),
    ("非常满意", "满意", "不满意"),
    ("نعم", "لا"),
    ("Oui, tout à fait", "Plutôt oui", "Non"),
    ("$20-$50", "$50-$100", "Over $100"),
    ("Not good (bad)", "Good (fine)"),
    tuple(f"Level {n}" for n in range(1, 12)),
)
ZEROS = [chr(c) for c in range(sys.maxunicode) if unicodedata.decimal(chr(c), None) == 0]
DASHES = [chr(c) for c in range(sys.maxunicode) if unicodedata.category(chr(c)) == "Pd"]
RANGES = (
    *DASHES, "\u2212", "~", "～", "〜", "∼", "…", "...", "..", " to ", " bis ", " à ", " and ", " or ",
    " a ", " til ", " 至 ", "到", " до ", " et ", " und ", " tot ", "/", " | ", ", ", " ou ", "から",
    " إلى ", " ila ", " through ", " ± ", "±", "→", " < ", " but no more than ", " up to ", " (or ",
    " (up to ", " – maybe ", ", perhaps ", " 或 ", "; rather ", " hingga ", " do ", "+",
)  # fmt: skip
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\ufe0f"
THOUGHTS = (
    ("<think>", "</think>"), ("<THINK>\n", "\n</THINK>\n"), ("< think >", "</ think >"),
    ("", "</think>"), ("", "\n</Thinking>\n\n"), ("[THINK]", "[/THINK]"), ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"), ("<thought>", "</thought>"), ("◁think▷", "◁/think▷"),
    ("<seed:think>", "</seed:think>"), ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|start|>assistant<|channel|>analysis<|message|>",
     "<|end|>\n<|start|>assistant<|channel|>FINAL <|message|>"),
    ("analysisWe think: ", "assistantfinal"), ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<think>a <think> b </think>", "</think>"), ("<scratchpad>", "</scratchpad>"),
    ("&lt;think&gt;", "&lt;/think&gt;"), ("<|channel>thought\n", "<channel|>"),
    ("<antThinking>", "</antThinking>"), ('<think type="x">', "</think>"),
    ("```thinking\n", "\n```\n"), ("Thinking...\n", "\n...done thinking.\n\n"),
    ('<details type="reasoning" done="true">\n<summary>Thought</summary>\n', "</details>\n"),
)  # fmt: skip
OPENINGS = ("<think>", "<Thinking>\n", "[THINK]", "<reasoning>", "<|channel|>analysis<|message|>",
            "```thinking\n", "Thinking...\n", '<details type="reasoning" done="false">')  # fmt: skip
REFUSALS = (
    "I can't provide this.", "I cannot answer that question.", "I'm sorry, but I can't help.",
    "I am unable to give percentages.", "As an AI, I do not have personal opinions.",
    "Ich kann diese Frage nicht beantworten.", "Das kann ich leider nicht sagen.",
    "Je ne peux pas répondre.", "Désolé, je ne sais pas.", "Lo siento, no puedo responder.",
    "Mi dispiace, non posso rispondere.", "Não posso responder.", "Ik kan dat niet zeggen.",
    "Nie mogę odpowiedzieć.", "Я не могу ответить.", "抱歉，我无法回答。", "申し訳ありませんが、お答えできません。",
    "죄송하지만 답변할 수 없습니다.", "آسف، لا أستطيع الإجابة.", "متأسفم، نمی‌توانم پاسخ دهم.", "माफ़ कीजिए।",
    "I don't know.", "It is not possible to say.", "I won't speculate about groups of people.",
    "I must decline to answer.", "I prefer not to say.", "Üzgünüm, cevaplayamam.",
)  # fmt: skip
FORMATS = (
    "A format would be", "For example:", "Such a reply would look like", "Ein Beispiel wäre",
    "Un exemple :", "An illustration:", "Placeholder:", "例：", "The template is",
)  # fmt: skip
PREAMBLES = (
    "Sure! Here is the distribution:\n\n", "", "", "", "Certainly.\n", "In 2018 things were so.\n\n",
    "Based on 2018 data from 1,500 people:\n", "Hier die Verteilung:\n", "Voici :\n", "答案如下：\n",
    "Here are my estimates:\n", "**Estimate**\n\n", "Of course! 😀\n\n", "# Answer\n",
)  # fmt: skip
EPILOGUES = (
    "",
    "",
    "",
    "\n\nThese are estimates.",
    "\nTotal: 100%",
    "\n\nLet me know!",
    "\n",
    " 😀",
)
FENCES = ("```json\n{}\n```", "```\n{}\n```", "{}", "{}", "{}", "<answer>{}</answer>", "{}<|im_end|>",
          "{}</s>", "\n\n{}\n\n", "<|im_start|>{}", "{}<|eot_id|>", "{}<end_of_turn>")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """A reply with what is true of it."""

    how: str
    question: Question
    prompt: Prompt
    response: Response
    truth: tuple[float, ...] | None
    """Shares in scale order; None where there is nothing to read."""
    any_will_do: bool = False
    """Whether the reply is garbage, of which nothing is true."""
    kind: str = ""
    slack: float = 0.006


@dataclass(slots=True)
class Asked:
    """A question put in some order, with the letters and texts shown."""

    question: Question
    prompt: Prompt
    shown: str
    texts: tuple[str, ...] = field(default=())


def ask(chance: Random, how: str) -> Asked:
    """Put one of the scales into a prompt."""
    options = chance.choice(SCALES)
    question = Question(question_id="q", text="?", options=options, ordinals=None)
    asks = ASKS[how]
    prompts = asks.preparations(question) or asks.prompts(question, GROUP, STYLE)
    prompt = chance.choice(prompts)
    return Asked(
        question,
        prompt,
        letters(options),
        tuple(options[index] for index in prompt.option_order),
    )


def in_scale_order(weights: Sequence[float], asked: Asked) -> tuple[float, ...]:
    """Undo the order shown."""
    restored = [0.0] * len(weights)
    for index, weight in zip(asked.prompt.option_order, weights, strict=True):
        restored[index] = weight / math.fsum(weights)
    return tuple(restored)


def truth_of(weights: Sequence[float], asked: Asked) -> tuple[float, ...] | None:
    """Return what is true of a reply, until it is spoilt."""
    return in_scale_order(weights, asked)


def shares(chance: Random, n_options: int) -> list[int]:
    """Draw whole percentages that sum to 100."""
    cuts = sorted(chance.randint(0, 100) for _ in range(n_options - 1))
    return [b - a for a, b in zip([0, *cuts], [*cuts, 100], strict=True)]


def percent(chance: Random) -> Callable[[int], str]:
    """Choose a way to write a percentage, the same for all numbers of a reply."""
    zero = ord(chance.choice(ZEROS)) if chance.random() < 0.3 else ord("0")
    point = chance.choice(["", "", "", ".0", ",0", ".00", ",00", "٫0", ".000", ",000"])
    about = chance.choice(["", "", "", "", "~", "≈ ", "about ", "etwa ", "environ ", "约"])
    sign = chance.choice(["%", "%", "", " %", "\u00a0%", "\u202f%", "٪", "％", " percent", "﹪"])
    style = chance.random()
    if style < 0.06:
        return lambda share: f"{share}/100"
    if style < 0.12:
        return lambda share: f"{share / 100:.2f}"
    if style < 0.18:
        mark = chance.choice([",", ".", "\u202f", "'", "’", "_"])
        return lambda share: f"{share * 100:,}".replace(",", mark)
    if style < 0.22:
        return lambda share: f"%{share}"
    bold = chance.choice(["{}", "{}", "{}", "**{}**", "`{}`", '"{}"'])

    def written(share: int) -> str:
        digits = "".join(chr(zero + int(digit)) for digit in str(share))
        after = "".join(chr(zero + int(c)) if c.isdigit() else c for c in point)
        return bold.format(f"{about}{digits}{after}{sign}")

    return written


def stated(
    chance: Random, asked: Asked, numbers: Sequence[str], jsonlike: Sequence[object]
) -> str:
    """State a number for each option, in one of the forms that models use."""
    names = name_forms(chance, asked)
    connect = chance.choice([": ", ":", " : ", " = ", " - ", " – ", " → ", "：", ": \n", " | "])
    lines = [f"{name}{connect}{number}" for name, number in zip(names, numbers, strict=True)]
    if chance.random() < 0.2:
        lines = chance.sample(lines, len(lines))
    form = chance.randrange(8)
    if form == 0:
        return "\n".join(lines)
    if form == 1:
        bullet = chance.choice(["- ", "* ", "• ", "+ ", "1. ", "> "])
        return "\n".join(bullet + line for line in lines)
    if form == 2:
        return chance.choice([", ", "; ", "\n\n", " | ", "， ", " / "]).join(lines)
    if form == 3:
        rows = [
            f"| {c} | {t} | {n} |"
            for c, t, n in zip(asked.shown, asked.texts, numbers, strict=True)
        ]
        return "\n".join(["| Letter | Option | Share |", "|---|---|---|", *rows])
    if form == 4:
        return json.dumps(dict(zip(names, jsonlike, strict=True)), ensure_ascii=False,
                          indent=chance.choice([None, 1, 2]))  # fmt: skip
    if form == 5:
        key = chance.choice(["percentage", "share", "percent", "probability"])
        name = chance.choice(["option", "letter", "answer", "choice"])
        pairs = [{name: n, key: v} for n, v in zip(names, jsonlike, strict=True)]
        return json.dumps(chance.choice([pairs, {"distribution": pairs}]), ensure_ascii=False)
    if form == 6:
        inner = {n: {"percentage": v} for n, v in zip(names, jsonlike, strict=True)}
        return json.dumps(inner, ensure_ascii=False)
    body = ",\n".join(
        f' "{name}": {json.dumps(v)}{chance.choice(["", " // few", " # some"])}'
        for name, v in zip(names, jsonlike, strict=True)
    )
    return "{\n" + body.replace(" // few,", ", // few").replace(" # some,", ", # some") + ",\n}"


def name_forms(chance: Random, asked: Asked) -> list[str]:
    """Name the options by letter, text or both."""
    form = chance.choice(["{c}"] * 4 + ["({c})", "**{c}**", "{t}", "{t}", "{c}. {t}", "{c} ({t})",
                         "Option {c}", "{c}) {t}", "{t} ({c})", "{l}", '"{c}"', "{L}"])  # fmt: skip
    wide = {c: chr(ord(c) + 0xFEE0) for c in asked.shown}
    return [
        form.format(c=c, t=t, l=c.lower(), L=wide[c])
        for c, t in zip(asked.shown, asked.texts, strict=True)
    ]


def dressed(chance: Random, body: str) -> str:
    """Put thoughts, prefaces, fences, end tokens and invisible signs around an answer."""
    reply = (
        chance.choice(FENCES).format(body.replace("{", "{{").replace("}", "}}"))
        if False
        else (chance.choice(FENCES).replace("{}", body))
    )
    reply = chance.choice(PREAMBLES) + reply + chance.choice(EPILOGUES)
    if chance.random() < 0.15:
        at = chance.randrange(len(reply) + 1)
        reply = reply[:at] + chance.choice(INVISIBLE) + reply[at:]
    return thought_first(chance, reply)


def thought_first(chance: Random, reply: str) -> str:
    """Put a thought with another answer in front, often."""
    if chance.random() < 0.3:
        begin, end = chance.choice(THOUGHTS)
        decoy = chance.choice(
            ["A: 50, B: 50. ", "Answer: A", '{"A": 1, "B": 99}', "A A A A A A B B"]
        )
        reply = f"{begin}Hmm. {decoy} but wait{end}{reply}"
    return reply


def spoilt(chance: Random, asked: Asked, answer: str) -> str:
    """Turn an answer into a reply that holds none."""
    way = chance.randrange(4)
    if way == 0:
        return f"{chance.choice(OPENINGS)}Let me see. {answer}"
    if way == 1:
        begin, end = chance.choice(THOUGHTS)
        return f"{begin}{answer}{end}{chance.choice(['', ' ', chr(10)])}"
    if way == 2:
        return f"{chance.choice(REFUSALS)} {chance.choice(FORMATS)} {answer}"
    return chance.choice(REFUSALS)


def verbalized(chance: Random) -> Made:
    """State percentages, or something that is none."""
    asked = ask(chance, "verbalized")
    given = shares(chance, len(asked.shown))
    write = percent(chance)
    numbers = [write(share) for share in given]
    forms: list[Sequence[object]] = [given, numbers, [float(s) for s in given]]
    values = chance.choice([*forms, [s / 100 for s in given]])
    way, truth = chance.random(), truth_of(given, asked)
    if way < 0.6:
        text = dressed(chance, stated(chance, asked, numbers, values))
    elif way < 0.75:  # a range
        truth_at = chance.randrange(len(given))
        low = given[truth_at]
        sign = chance.choice(["%", "", " %"])
        numbers = [f"{share}{sign}" for share in given]
        numbers[truth_at] = f"{low}{sign}{chance.choice(RANGES)}{low + chance.randint(1, 9)}{sign}"
        if chance.random() < 0.5 and ", " not in numbers[truth_at]:  # 20,25 is a number
            numbers[truth_at] = numbers[truth_at].replace(" ", "")
        text, truth = dressed(chance, stated(chance, asked, numbers, numbers)), None
    elif way < 0.9:
        text, truth = spoilt(chance, asked, stated(chance, asked, numbers, values)), None
    else:  # two of them, or one is missing
        asked = ask(chance, "verbalized")
        while not all(sum(map(str.isalpha, text)) >= 2 for text in asked.texts):
            asked = ask(chance, "verbalized")  # texts that are numbers are no names by themselves
        given = shares(chance, len(asked.shown))
        numbers = [write(share) for share in given]
        other = [f"{share + 1}%" for share in given]
        again = "\n".join(f"{c}: {n}" for c, n in zip(asked.shown, other, strict=True))
        both = [stated(chance, asked, [f"{s}%" for s in given], given), again]
        text = (
            "\n\n".join(both)
            if chance.random() < 0.5
            else "\n".join(f"{c}: {n}" for c, n in zip(asked.shown[1:], numbers[1:], strict=True))
        )
        truth = None
    return made("verbalized", asked, text, truth)


def self_random(chance: Random) -> Made:
    """Choose a letter, or something that is no choice."""
    asked = ask(chance, "self_random")
    at = chance.randrange(len(asked.shown))
    c, t = asked.shown[at], asked.texts[at]
    d, u = chance.choice([p for p in zip(asked.shown, asked.texts, strict=True) if p[0] != c])
    chosen = [
        c, c.lower(), f"{c}.", f"({c})", f"**{c}**", f"`{c}`", f"{c}. {t}", f"**{c}. {t}**", f"{c}) {t}",
        f"Answer: {c}", f"The answer is {c}.", f"My answer is **{c}**", f"I would choose {c}.",
        f"Option {c}", f"I'd go with option {c}.", f"${c}$", f"\\boxed{{{c}}}", f"\\(\\boxed{{\\text{{{c}}}}}\\)",
        f"[[{c}]]", json.dumps({"answer": c}), json.dumps({"choice": c, "reason": "It fits."}),
        f"{c} - {t}", f"Antwort: {c}", f"Réponse : {c}", f"La respuesta es {c}.", f"答案：{c}", f"答案是{c}。",
        f"Ответ: {c}", f"정답: {c}", f"{chr(ord(c) + 0xFEE0)}", f"{c}\n{c}", f"Final answer: {c}\n\nBecause it fits.",
        f"Sure! My choice is ({c}).", f"{c}\n\nI chose this since it fits best.", f'"{c}"', f"option {c.lower()}",
        t, f"{t}.", t.lower(), f"I choose {c}, {t}.", f"{c}: {t}", f"{c} {t}", f"> {c}", f"__{c}__",
        f"Considering all that, I'd pick {c}.", f"Ich wähle {c}.", f"Je choisis {c}.", f"我选{c}",
    ]  # fmt: skip
    none = [
        f"I disagree with option {c}.", f"I would not choose {c}.", f"Not {c}.", f"{c} or {d}", f"{c} and {d}",
        f"Either {c} or {d}.", f"Anything but {c}", f"I reject option {c}.", f"Wrong answer: {c}",
        f"Option {c} is wrong; so is {d}.", f"{c}. {u}" if t != u else f"{c} or {d}", f"{c}\n{d}", f"Answer: {c}, {d}",
        f"{c}: some\n{d}: others", f"Ich würde nicht {c} wählen.", f"Pas {c}.", f"不选{c}", f"Never {c}!",
        f"Between {c} and {d}.", f"{c}/{d}", f"I'd avoid {c}.", f"{c}? {d}? Hard to say.", f"I choose {c}. No, {d}.",
        f"{c}. {chance.choice(REFUSALS)}", chance.choice(REFUSALS), f"The worst answer is {c}.", f"Least likely: {c}",
        f"I was against option {c}.", f"Rather than {c} I would take something else.", f"I can't choose {c}.",
        f"My least favourite option is {c}.", f"They say the answer is not {c}.", f"Everyone except {c}",
    ]  # fmt: skip
    way = chance.random()
    truth = truth_of([float(other == c) for other in asked.shown], asked)
    if way < 0.6:
        text = thought_first(
            chance, chance.choice(FENCES[2:]).replace("{}", chance.choice(chosen))
        )
    elif way < 0.85:
        text, truth = thought_first(chance, chance.choice(none)), None
    else:
        text = chance.choice([
            f"{chance.choice(OPENINGS)}{chance.choice(chosen)}",
            f"<think>{chance.choice(chosen)}</think>", f"{chance.choice(chosen)}</think>\n",
        ])  # fmt: skip
        truth = None
    return made("self_random", asked, text, truth)


def sequence(chance: Random) -> Made:
    """List the letters of many people, or count them, which is no list."""
    asked = ask(chance, "sequence")
    answers = [chance.choice(asked.shown) for _ in range(N_ANSWERS)]
    texts = dict(zip(asked.shown, asked.texts, strict=True))
    counts = Counter(answers)
    lists = [
        " ".join(answers), ", ".join(answers), "\n".join(answers), "".join(answers), json.dumps(answers),
        json.dumps({str(n): c for n, c in enumerate(answers, 1)}), json.dumps({"answers": answers}),
        "\n".join(f"{n}. {c}" for n, c in enumerate(answers, 1)), "\n".join(f"- {c}" for c in answers),
        "\n".join(f"Person {n}: {c}" for n, c in enumerate(answers, 1)),
        "\n".join(f"{n}) {c}. {texts[c]}" for n, c in enumerate(answers, 1)),
        "Here are the answers: " + ", ".join(answers) + ". I hope this helps.",
        "\n".join(f"{n}. **{c}**" for n, c in enumerate(answers, 1)), "; ".join(answers),
        "\n".join(f"#{n}: {c}" for n, c in enumerate(answers, 1)), " | ".join(answers),
    ]  # fmt: skip
    none = [
        ", ".join(f"{c}: {n}" for c, n in counts.items()), ", ".join(f"{n} {c}" for c, n in counts.items()),
        ", ".join(f"{c} ({n})" for c, n in counts.items()), " ".join(f"{c}×{n}" for c, n in counts.items()),
        "\n".join(f"{c} - {n} people" for c, n in counts.items()), ", ".join(f"{n}x {c}" for c, n in counts.items()),
        json.dumps(dict(counts)), ", ".join(f"{n} of {c}" for c, n in counts.items()), chance.choice(REFUSALS),
        "\n".join(f"{c} = {100 * n / N_ANSWERS:.0f}%" for c, n in counts.items()),
        "Men: " + ", ".join(answers[:6]) + ". Women: " + ", ".join(answers[6:]),
        f"{answers[0]}, {answers[1]}, {answers[2]}, {answers[3]}, {answers[4]}, {answers[5]}, ..., {answers[6]}",
    ]  # fmt: skip
    truth = in_scale_order([counts[c] for c in asked.shown], asked)
    if chance.random() < 0.65:
        text = thought_first(chance, chance.choice(FENCES[:5]).replace("{}", chance.choice(lists)))
        return made("sequence", asked, text, truth)
    if chance.random() < 0.7:
        return made("sequence", asked, thought_first(chance, chance.choice(none)), None)
    return made("sequence", asked, f"{chance.choice(OPENINGS)}{chance.choice(lists)}", None)


def logprobs(chance: Random) -> Made:
    """Give letters log-probabilities, dressed as tokenizers do, or numbers that are none."""
    asked = ask(chance, "logprobs")
    weights = [chance.choice([0.0, chance.random(), chance.random()]) for _ in asked.shown]
    weights[chance.randrange(len(weights))] = chance.random() + 0.01
    mass = chance.choice([0.9, 0.5, 0.2, 0.04, 0.01])
    marks = chance.choice(["{}", " {}", "Ġ{}", "▁{}", "Ċ{}", "{}\n"])
    top = [
        (marks.format(c), math.log(mass * w / sum(weights)) if w else
         chance.choice([-math.inf, -9999.0]))
        for c, w in zip(asked.shown, weights, strict=True)
    ]  # fmt: skip
    top += [("The", math.log((1 - mass) / 2)), ("An", math.log((1 - mass) / 3))]
    chance.shuffle(top)
    truth = in_scale_order(weights, asked) if mass > 0.05 else None
    way = chance.random()
    if way < 0.1:
        bad = chance.choice([710.0, 1e300, 5.0, 0.7, math.inf, math.nan])
        top[chance.randrange(len(top))] = (top[0][0], bad)
        truth = None
    elif way < 0.15:
        top, truth = [], None
    positions, tokens = [tuple(top)], None
    text = asked.shown[0]
    if chance.random() < 0.3:
        decoy = tuple((c, math.log(1 / len(asked.shown))) for c in asked.shown)
        before = ["<think>", "A", "</think>", "\n\n"]
        positions = [decoy] * len(before) + positions
        tokens = (*before, asked.shown[0])
        if chance.random() < 0.3:
            positions, tokens, truth = positions[:2], tuple(before[:2]), None
        text = "".join(tokens)
    response = Response(
        text=text, finish_reason="length", top_logprobs=tuple(positions), tokens=tokens
    )
    return Made("logprobs", asked.question, asked.prompt, response, truth, slack=1e-9)


def paraphrase(chance: Random) -> Made:
    """List wordings; how many there are is what is true."""
    asked = ask(chance, "paraphrase")
    n_wordings = chance.randint(0, 4)
    wordings = [f"Wording number {n} of it, is it so?" for n in range(n_wordings)]
    forms = [
        json.dumps(wordings), json.dumps({str(n): w for n, w in enumerate(wordings, 1)}),
        json.dumps({"wordings": wordings}), "\n".join(f"{n}. {w}" for n, w in enumerate(wordings, 1)),
        "```json\n" + json.dumps([*wordings, "", 3, None]) + "\n```",
        json.dumps([*wordings, *wordings[:1], "\ud800 half", "x" * 50_000]),
    ]  # fmt: skip
    text = thought_first(chance, chance.choice(forms))
    truth = (float(n_wordings),) if n_wordings >= 2 else None
    return Made(
        "paraphrase",
        asked.question,
        asked.prompt,
        Response(text=text, finish_reason="stop"),
        truth,
    )


def garbage(chance: Random) -> Made:
    """Make a reply of which nothing is true: it only must not end the program."""
    how = chance.choice(list(ASKS))
    asked = ask(chance, how)
    pieces = [
        "\ud800", "{" * chance.randint(1, 3000), "[" * chance.randint(1, 3000), "9" * chance.randint(1, 5000),
        "A", "B: ", "%", "\x00", "\u202e", "<think>", "</think>", "\n" * chance.randint(1, 500), " \n" * 200,
        '"', "\\", "1e999", "NaN", "Infinity", "A: 1e5", "<|channel|>", "$", "*" * 300, "(", ")", "½", "²", "∞",
        chr(chance.randrange(sys.maxunicode)), "A: " + "1," * 200, '{"A": {"percentage": ', "|" * 50, "'" * 99,
        "1" + "/1" * 100, "A-" * 300, "B." * 300, "because " * 30, "\u0301" * 50, "ﷺ", "🅰️", "1️⃣",
    ]  # fmt: skip
    text = "".join(chance.choice(pieces) for _ in range(chance.randint(1, 30)))
    tops = chance.choice(
        [None, (), ((),), (((text[:9], -0.1),),), ((("A", 1e400),), (("B", -1.0),))]
    )
    tokens = chance.choice([None, (text[:9],), ("A", "B"), ()])
    response = Response(
        text=text, finish_reason=chance.choice(["stop", None, "stop", "length", "content_filter"]),
        top_logprobs=tops, tokens=tokens, thought=chance.choice([None, text[:20]]),
    )  # fmt: skip
    return Made(how, asked.question, asked.prompt, response, None, any_will_do=True)


def made(how: str, asked: Asked, text: str, truth: tuple[float, ...] | None) -> Made:
    """Put a reply together."""
    response = Response(text=text, finish_reason="stop")
    return Made(how, asked.question, asked.prompt, response, truth)


MAKERS = (verbalized, verbalized, verbalized, self_random, self_random, sequence, logprobs,
          paraphrase, garbage)  # fmt: skip


def outcome(one: Made) -> str:
    """Return `read`, `unreadable`, `wrong` or `missed`: unreadable where there was a truth."""
    try:
        if one.how == "paraphrase":
            prompts = ASKS[one.how].prompts(one.question, GROUP, STYLE, [one.response])
            for prompt in prompts:
                prompt.messages[0].content.encode()
            got: tuple[float, ...] = (float(len(prompts)),)
        else:
            read = ASKS[one.how].read(one.question, one.prompt, one.response)
            assert isinstance(read, Reading)
            got = read.distribution.probabilities
    except ParseError:
        return "missed" if one.truth is not None else "unreadable"
    if one.any_will_do:
        return "read"
    if one.truth is None or any(
        abs(a - b) > one.slack for a, b in zip(got, one.truth, strict=True)
    ):
        return "wrong"
    return "read"


def main(n_replies: int, seed: int = 0) -> int:
    """Read so many replies, and print what came of them; return how many were wrong."""
    chance = Random(seed)
    counts: Counter[tuple[str, str]] = Counter()
    examples: list[str] = []
    for _ in range(n_replies):
        one = chance.choice(MAKERS)(chance)
        try:
            came = outcome(one)
        except Exception as exc:  # noqa: BLE001 - what this counts
            came = f"raised {type(exc).__name__}"
        counts[one.how, came] += 1
        if came == "wrong" or came.startswith("raised"):
            examples.append(f"{came} {one.how} {one.question.options} {one.prompt.option_order} "
                            f"{one.response.text[:300]!r} true: {one.truth}")  # fmt: skip
    for (how, came), n in sorted(counts.items()):
        print(f"{how:12} {came:24} {n:>8,}")
    for example in examples[:40]:
        print(example)
    print(f"{n_replies:,} replies: {len(examples)} wrong or raised")
    return len(examples)


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]), *map(int, sys.argv[2:]))))
