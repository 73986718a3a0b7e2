"""Reading the one option that a reply chooses: only what is known to choose is a choice."""

import re
from collections.abc import Iterator, Mapping, Sequence

from distexp.elicitation.reply import objects
from distexp.elicitation.reply.entries import is_wordy
from distexp.elicitation.reply.folding import fold
from distexp.elicitation.reply.lettered import are_usual, reads_like_a_letter
from distexp.elicitation.reply.parsing import plain
from distexp.elicitation.reply.refusals import NEGATION, refusal_in
from distexp.errors import ParseError
from distexp.request import Json

_NOUN = (
    r"answer|option|choice|response|selection|pick|vote|letter|decision|preference"
    r"|antwort|option|wahl|auswahl|entscheidung|buchstabe|réponse|choix|lettre|respuesta|opción"
    r"|elección|letra|risposta|scelta|opzione|lettera|resposta|opção|escolha|antwoord|keuze|optie"
    r"|odpowiedź|wybór|opcja|ответ|выбор|вариант|svar|val|valg|cevap|yanıt|seçenek|cevabım|vastaus"
    r"|答案|选择|选项|選擇|選項|回答|答え|選択肢|選択|정답|대답|답변|답|선택|الجواب|الإجابة|الاجابة|الخيار"
    r"|پاسخ|جواب|گزینه|उत्तर|विकल्प|जवाब"
)
_IS = (
    r"is|would\ be|will\ be|was|ist|lautet|wäre|est|serait|es|sería|è|é|seria|sarebbe|jest|är|er"
    r"|:|=|–|->|是|为|為|は|가|는|은|है|هو|هي|است"
)
_VERB = (
    r"choose|chose|pick|select|go\ with|opt\ for|vote\ for|answer|say|prefer|take|lean\ towards?"
    r"|wähle|nehme|antworte|choisis|choisirais|réponds|elijo|elegiría|escojo|respondo|scelgo"
    r"|sceglierei|escolho|escolheria|kies|wybieram|выбираю|выберу|väljer|vælger|velger|seçiyorum"
    r"|选|选择|選|選擇|我选|我選|我选择|我選擇|أختار|انتخاب|चुनता|चुनती"
)
_BEFORE = (
    r"(?:(?:my|the|final|best|correct|selected|chosen|most\ likely|single"
    r"|meine?|die|ma|la|mi|il|minha|a)\ ){0,3}"
)
_SUBJECT = (
    r"(?:i(?:['’](?:d|ll)|\ would|\ will)?(?:\ (?:likely|probably|personally|most\ likely))?\ "
    r"|ich\ (?:würde\ )?|je\ |yo\ |eu\ |io\ |ik\ |я\ |jag\ |jeg\ |我|我会)"
)
_OPEN, _CLOSE = r"[\s\"'*_(\[{`«“„「]", r"[\s\"'*_)\]}`»”」]"
_LABEL = r"(?P<{}>[A-Za-z])(?![\w'’])"
_FRAME = re.compile(
    rf"""
      (?:^|[.,:;!?\n–]|(?<=。)
        |\b(?:so|therefore|thus|hence|that|think|believe|say|daher|also|donc)\ )
      {_OPEN}{{0,6}}
      (?: {_BEFORE}(?:{_NOUN})(?:\ (?:letter|number|option|choice))?{_CLOSE}{{0,4}}
          (?:(?:{_IS}){_OPEN}{{0,6}}){{0,2}}
        | {_SUBJECT}?(?:{_VERB})\s{{0,3}}(?:als\ antwort\ )?(?::\s{{0,3}})? )
      {_OPEN}{{0,6}}
      (?:(?:the\ )?(?:option|choice|answer|letter|选项|die\ antwort|l['’]option)\s{{0,2}})?
      {_OPEN}{{0,6}}{_LABEL.format("framed")}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_START = re.compile(
    rf"^[\s\"'*_(\[{{#>`«“„–-]{{0,12}}{_LABEL.format('start')}"
    rf"(?P<mark>{_CLOSE}{{0,8}}(?:[.:)\]]+|[–—-](?=\s)|(?=\n|\Z)|(?=\s?\()"
    r"|,(?=\s(?:because|since|weil|denn|car|parce|porque)\b)))(?!\w)",
)
_WHOLE = re.compile(r"\W*(?P<whole>[A-Za-z])[^\w+-]*")
# `A` and `I` are words too, and small letters mostly are.
ALONE = re.compile(r"(?<![\w'’])(?:[B-HJ-Z]|[AI](?![^\S\n]+[a-z]))(?![\w'’])")
_ENCLOSED = re.compile(r"(?<!\w)(?:\*\*|__|[(\[{\"'`]){1,6}([A-Z])[.)\]}\"'`*_]{1,6}(?!\w)")
_FOLLOWS = re.compile(
    r"[\s\"'*_)\]}`.,:;!?–。-]*(?:$|\n|because\b|since\b|as\b|for\b|it\b|this\b|that\b|weil\b|denn\b"
    r"|car\b|parce\b|porque\b|perch|потому|because|in\b|with\b|from\b|given\b|due\b|\()|[.,:;!)–]\s",
    re.IGNORECASE,
)
_CLAIM = re.compile(
    rf"^(?:{_BEFORE}(?:{_NOUN})(?: (?:is|would be|ist|est|es|è|é))? "
    r"|i (?:would |d )?(?:choose|pick|select|say|answer) )",
    re.IGNORECASE,
)
_ANSWER_KEY = re.compile(
    rf"(?:(?:final|my|selected|chosen)[ _]?)?(?:{_NOUN}|selected|chosen|value)", re.I
)

MOST_MARKS = 50


def object_schema(properties: Mapping[str, Json]) -> dict[str, Json]:
    """Return the JSON schema of an object with just these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def numbered(n_entries: int) -> list[str]:
    """Return the keys "1" to `n_entries`: not every provider can bound the length of a list."""
    return [str(number) for number in range(1, n_entries + 1)]


def parse_letter(text: str, letters: str, options: Sequence[str]) -> str:
    """Return the letter of the one option that the reply chooses.

    Parameters
    ----------
    text : str
        What the model answers, without its thoughts.
    letters : str
        The letters that were shown.
    options : sequence of str
        The texts of the options shown, one per letter.

    Raises
    ------
    ParseError
        If the reply refuses, chooses none or several options, says what it does not choose, or
        gives a letter the text of another option.

    Examples
    --------
    >>> parse_letter("**B**", "AB", ["Yes", "No"]), parse_letter("Yes.", "AB", ["Yes", "No"])
    ('B', 'A')
    """
    reply = _answer_of_json(fold(text).strip(), text)
    shown = [fold(option).strip() for option in options]
    nameable = shown
    if not are_usual(letters):  # `A` may be a text, or a letter by a model that knows its place
        nameable = ["" if reads_like_a_letter(option) else option for option in shown]
    if letter := _by_text(reply, letters, nameable):
        return letter
    beside_options = without(shown, reply)
    if refusal := refusal_in(beside_options):
        msg = f"The reply says {refusal!r}."
        raise ParseError(msg, text=text)
    found = set(_chosen(reply, letters, shown, text))
    if found:
        found |= set(ALONE.findall(beside_options)) & {*letters, *found}
    if not found and re.search(r"\bnot\b|n['’]t\b|\bnever\b", beside_options):
        msg = "The reply says no to something and chooses no option."
        raise ParseError(msg, text=text)
    if len(found) != 1 or not found <= set(letters):
        seen = " and ".join(sorted(found)) or "no option"
        msg = f"The reply chooses {seen}; one of {', '.join(letters)} is wanted."
        raise ParseError(msg, text=text)
    return found.pop()


def _answer_of_json(reply: str, text: str) -> str:
    """Return what an object says under a key that means answer, or the reply as it is."""
    found = list(objects.blocks(reply, text))
    if len(found) != 1:
        return reply
    start, end, value = found[0]
    pairs = value.pairs if isinstance(value, objects.Object) else []
    answers = [member for key, member in pairs if _ANSWER_KEY.fullmatch(key.strip())]
    around = reply[:start] + reply[end:]
    if len(answers) != 1 or not isinstance(answers[0], str) or ALONE.search(around):
        return reply
    return answers[0].strip() + "\n" + _words_around(around)


def _words_around(around: str) -> str:
    """Keep words around an object, in which a reply may refuse; fences are none."""
    return re.sub(r"```\w*", "", around).strip()


def _by_text(reply: str, letters: str, options: Sequence[str]) -> str | None:
    """Return the letter of the option whose text is all that the reply says."""
    said = plain(reply)
    claims = {said, plain(_CLAIM.sub("", said))} - {""}
    named = {
        letter for letter, option in zip(letters, options, strict=True) if plain(option) in claims
    }
    signs = {
        letter
        for letter, option in zip(letters, options, strict=True)
        if option and not plain(option) and option == reply
    }
    named |= signs
    return named.pop() if len(named) == 1 else None


def _chosen(reply: str, letters: str, options: Sequence[str], text: str) -> Iterator[str]:
    """Yield each letter that is marked as the choice."""
    longest_first = sorted(zip(options, letters, strict=True), key=lambda pair: -len(pair[0]))
    for n_marks, (letter, start, end) in enumerate(_marked(reply, letters, longest_first)):
        if n_marks == MOST_MARKS:
            msg = f"The reply names letters as a choice more than {MOST_MARKS} times."
            raise ParseError(msg, text=text)
        sentence = (
            re.split(r"[.!?\n。]", reply[max(start - 300, 0) : start])[-1] + reply[start:end]
        )
        if NEGATION.search(without(options, sentence)):
            msg = f"The reply says no to something beside option {letter}."
            raise ParseError(msg, text=text)
        line = reply[max(start - 400, 0) : start].rsplit("\n", maxsplit=1)[-1]
        of_text = _beside(plain(line), plain(reply[end : end + 400]), longest_first) or letter
        if of_text != letter:
            msg = f"The reply calls option {of_text} by the letter {letter}."
            raise ParseError(msg, text=text)
        yield letter


def _beside(before: str, behind: str, longest_first: Sequence[tuple[str, str]]) -> str | None:
    """Return the letter of the option whose text stands right behind a mark or before it."""
    words = [(f" {plain(option)} ", letter) for option, letter in longest_first if plain(option)]
    for_behind = (letter for option, letter in words if f" {behind} ".startswith(option))
    for_before = (letter for option, letter in words if f" {before} ".endswith(option))
    return next(for_behind, None) or next(for_before, None)


def _marked(
    reply: str, letters: str, longest_first: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, int, int]]:
    """Yield letters that stand where a choice stands, with the place before and behind them."""
    if (whole := _WHOLE.fullmatch(reply)) is not None:
        yield whole["whole"].upper(), whole.start("whole"), whole.end("whole")
        return
    at = 0
    for line in reply.split("\n"):
        if (start := _START.match(line)) is not None:
            yield start["start"].upper(), at + start.start("start"), at + start.end()
        elif (begun := re.match(r"\W{0,6}([A-Z])\s+(?=\w)", line)) is not None:
            rest = plain(line[begun.end() :])
            own = [o for o, letter in longest_first if letter == begun[1]]
            if own and plain(own[0]) == rest:
                yield begun[1], at + begun.start(1), at + begun.end()
        for enclosed in _ENCLOSED.finditer(line):
            yield enclosed[1], at + enclosed.start(1), at + enclosed.end()
        at += len(line) + 1
    for frame in _FRAME.finditer(reply):
        letter = frame["framed"]
        if letter not in "AIabcdefghijklmnopqrstuvwxyz" or _FOLLOWS.match(reply, frame.end()):
            yield letter.upper(), frame.start("framed"), frame.end()


def without(options: Sequence[str], reply: str) -> str:
    """Leave the options' texts out: `Hepatitis B` names no letter."""
    for option in sorted(filter(is_wordy, options), key=len, reverse=True):
        words = re.sub(r"(?:\\?\s)+", r"\\s+", re.escape(option))
        reply = re.sub(rf"(?<!\w){words}(?!\w)", "", reply, flags=re.IGNORECASE)
    return reply
