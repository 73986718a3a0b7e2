"""`distexp show`: a survey and its questions, or what a model would be sent."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from distexp.checks import nearest
from distexp.cli.choices import GROUPS, folder_of, groups
from distexp.errors import ConfigError
from distexp.request import Prompt
from distexp.sweep.command_line import chosen, readable
from distexp.sweep.composed import composed, made
from distexp.terminal.texts import command, cut, places, rendered, shortened, table, width, wrapped
from distexp.types import Case, Question, Survey
from distexp.visible import one_line, visible

HELP = """\
usage: distexp show [dataset=NAME] [question=ID] [SETTING ...]
       distexp show prompt [question=ID] [group=GROUP] [SETTING ...]
       distexp show GROUP=CHOICE [SETTING ...]

The first shows the questions of a survey, or one of them: wording, options, groups, and how many
people answered. The second shows the exact messages that a model would be sent for one case, and
sends nothing. The third shows the settings of a choice, e.g. calibrator=ridge.
"""
MOST = 60
"""Questions and groups in a list."""
MOST_OF_NAME, MOST_OF_GROUPS = 40, 6
"""Columns of an id or a group in a table, and lines of the groups of an attribute."""


def main(arguments: Sequence[str]) -> None:
    """Run `distexp show ...`.

    Raises
    ------
    DistexpError
        If there is no such choice, question or group.
    """
    if not arguments or {"--help", "-h"} & set(arguments):
        sys.stdout.write(HELP)
        return
    words, folder = _without_folder(arguments)
    of_prompt = words[:1] == ["prompt"]
    asked, settings = _own(words[of_prompt:])
    strange = next((word for word in settings if "=" not in word), None)
    if strange is not None:
        hint = nearest(strange, ["prompt", "dataset=gss2018", "question="])
        msg = f"distexp show takes 'prompt' and NAME=VALUE.{hint} Got {strange!r}."
        raise ConfigError(f"{msg} See distexp show --help.")
    named = {setting.partition("=")[0] for setting in settings}
    if of_prompt:
        lines = _prompts(settings, asked, folder)
    elif "dataset" in named or asked or any(one.startswith("dataset.") for one in named):
        lines = _survey(settings, asked, folder)
    else:
        lines = _choice(settings, folder)
    for line in lines:
        print(line)


def _own(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Part `question=` and `group=` from the settings."""
    pairs = [word.partition("=") for word in words]
    asked = {name: value for name, _, value in pairs if name in ("question", "group")}
    return asked, [word for word in words if word.partition("=")[0] not in asked]


def _without_folder(arguments: Sequence[str]) -> tuple[list[str], Path | None]:
    folder = folder_of(arguments)
    words = [one for one in arguments if not one.startswith(("--config-dir", "-cd"))]
    return [one for one in words if folder is None or one != str(folder)], folder


def _composed(settings: Sequence[str], folder: Path | None) -> DictConfig:
    known = [name for name in groups(folder) if name in GROUPS]
    return composed([chosen(readable(one, sweep=False), known) for one in settings], folder=folder)


def _choice(settings: Sequence[str], folder: Path | None) -> Iterator[str]:
    """Yield the settings of the groups that are named."""
    config = _composed(settings, folder)
    for name in dict.fromkeys(one.partition("=")[0].partition(".")[0] for one in settings):
        if name not in config:
            raise ConfigError(f"There is no setting {name!r}.{nearest(name, map(str, config))}")
        yield from visible(OmegaConf.to_yaml(OmegaConf.create({name: config[name]}))).splitlines()


def _survey(settings: Sequence[str], asked: dict[str, str], folder: Path | None) -> Iterator[str]:
    experiment = made(_composed(settings, folder))
    survey: Survey = experiment.survey()
    if "question" in asked:
        yield from _question(survey, _question_named(survey, asked["question"]))
        return
    columns = width()
    questions = _questions(survey)
    groups = dict.fromkeys((case.group.attribute, case.group.value) for case in survey.cases)
    said = f"{survey.name}: {len(questions)} questions, {len(groups)} groups of people"
    yield from wrapped(said, columns, indent=2)
    yield from wrapped(f"{survey.citation} Licence: {survey.licence}", columns)
    for note in survey.notes:
        yield from wrapped(note, columns)
    yield ""
    by_attribute: dict[str, list[str]] = {}
    for attribute, value in groups:
        by_attribute.setdefault(attribute, []).append(value)
    for attribute, values in by_attribute.items():
        lines = wrapped(f"{attribute}: {', '.join(values)}", columns, indent=2)
        yield from cut(lines, MOST_OF_GROUPS, columns)
    yield ""
    shown = list(questions.items())[:MOST]
    names = [shortened(one_line(key), MOST_OF_NAME) for key, _ in shown]
    room = columns - max(map(places, names)) - len("nominal  options") - 6
    rows = [
        (name, question.kind, len(question.options), _end(question.text, room))
        for name, (_, question) in zip(names, shown, strict=True)
    ]
    laid = table(("question", "kind", "options", "wording"), rows, right={2})
    yield from rendered([laid], columns).splitlines()
    if len(questions) > MOST:
        yield f"{len(questions) - MOST} more questions"
    words = [shlex.quote(one) for one in (*settings, f"question={next(iter(questions))}")]
    yield from command("One of them:", "distexp show", words)


def _end(text: str, room: int) -> str:
    """Cut a wording at its beginning, which questions of one battery share."""
    text = one_line(text)
    if places(text) <= room:
        return text
    while places(text) >= room:
        text = text[1:]
    return f"…{text}"


def _questions(survey: Survey) -> dict[str, Question]:
    return {case.question.question_id: case.question for case in survey.cases}


def _question_named(survey: Survey, name: str) -> Question:
    questions = _questions(survey)
    if name not in questions:
        msg = f"{survey.name} has no question {name!r}.{nearest(name, questions)}"
        raise ConfigError(f"{msg} 'distexp show dataset={survey.name}' lists them.")
    return questions[name]


def _question(survey: Survey, question: Question) -> Iterator[str]:
    """Yield wording, options and what each group answered."""
    columns = width()
    yield from wrapped(f"{question.question_id} ({question.kind}): {question.text}", columns)
    if question.wording != "exact":
        yield f"wording: {question.wording}"
    for text in question.alternate_wordings:
        yield from wrapped(f"alternate wording: {text}", columns)
    for place, option in enumerate(question.options):
        scale = "" if question.ordinals is None else f"  at {question.ordinals[place]:g}"
        said = f"{chr(65 + place) if place < 26 else place + 1}. {option}{scale}"
        yield from (f"  {line}" for line in wrapped(said, columns - 2, indent=3))
    yield ""
    cases = [case for case in survey.cases if case.question == question]
    rows = [
        (
            shortened(one_line(f"{case.group.attribute}: {case.group.value}"), MOST_OF_NAME),
            "?" if case.n_respondents is None else f"{case.n_respondents:,.0f}",
            *_shares(case),
        )
        for case in cases[:MOST]
    ]
    letters = [chr(65 + place) for place in range(min(len(question.options), 12))]
    header = ("group", "n", *letters)
    laid = table(header, rows, right=range(1, len(header)))
    yield from rendered([laid], columns).splitlines()
    if len(cases) > MOST:
        yield f"{len(cases) - MOST} more groups"


def _shares(case: Case) -> list[str]:
    if case.human is None:
        return ["open"] * min(len(case.question.options), 12)
    return [f"{share:.1%}" for share in case.human.probabilities[:12]]


def _prompts(settings: Sequence[str], asked: dict[str, str], folder: Path | None) -> Iterator[str]:
    """Yield the messages of one case in each prompt style."""
    experiment = made(_composed(settings, folder))
    survey: Survey = experiment.survey()
    case = _case(survey, asked)
    interview = experiment.interview(survey)
    first = interview.elicitation.preparations(case.question)
    yield (
        f"question {one_line(case.question.question_id)}, group {one_line(case.group.attribute)}: "
        f"{one_line(case.group.value)}; model {one_line(experiment.model.name)}, elicitation "
        f"{one_line(interview.elicitation.name)}"
    )
    if first:
        yield "asked first, once for all groups; the prompts below it are made of the replies:"
        yield from _messages(first)
        return
    for name, style in interview.styles.items():
        prompts = interview.elicitation.prompts(case.question, case.group, style)
        yield f"\n== prompt {one_line(name)}: {len(prompts)} request{'s' * (len(prompts) != 1)}"
        yield from _messages(prompts)


def _messages(prompts: Sequence[Prompt]) -> Iterator[str]:
    """Yield prompts, those that differ in the draw alone once."""
    counted: dict[str, tuple[Prompt, int]] = {}
    for prompt in prompts:
        key = repr((prompt.messages, prompt.json_schema))
        counted[key] = (prompt, counted[key][1] + 1 if key in counted else 1)
    for prompt, n in counted.values():
        more = [f"temperature {prompt.temperature:g}", f"at most {prompt.max_tokens} tokens"]
        more += [f"{prompt.top_logprobs} log-probabilities"] * (prompt.top_logprobs is not None)
        more += ["a JSON schema"] * (prompt.json_schema is not None)
        more += [f"{n} draws"] * (n > 1)
        yield f"\n-- {', '.join(more)}"
        for message in prompt.messages:
            yield f"[{message.role}]"
            yield from visible(message.content).splitlines()


def _case(survey: Survey, asked: dict[str, str]) -> Case:
    """Return the case that is meant: the first, unless a question or a group is named."""
    cases = list(survey.cases)
    if "question" in asked:
        question = _question_named(survey, asked["question"])
        cases = [case for case in cases if case.question == question]
    if "group" in asked:
        named = {case.group.value: case for case in reversed(cases)}
        named |= {f"{one.group.attribute}:{one.group.value}": one for one in reversed(cases)}
        if asked["group"] not in named:
            msg = f"{survey.name} has no group {asked['group']!r}.{nearest(asked['group'], named)}"
            raise ConfigError(msg)
        return named[asked["group"]]
    if not cases:
        raise ConfigError(f"{survey.name} has no case to show.")
    return cases[0]
