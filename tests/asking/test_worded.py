"""The same questions in other words: those of the survey, or those that the model makes."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hydra.errors import InstantiationException

from distexp.asking.budget import Budget
from distexp.asking.runner import Runner
from distexp.cache import ResponseCache
from distexp.dataset.embedded import SURVEYS, EmbeddedSurvey
from distexp.dataset.table import Table
from distexp.elicitation.reply.rewriting import Rewriting
from distexp.elicitation.reworded import Reworded
from distexp.errors import ConfigError, DatasetError, ParseError
from distexp.evaluation.layout import design_of
from distexp.prompt.spoken import LANGUAGES, in_wording, wording_in
from distexp.report.forecast import Forecast
from distexp.request import Response
from distexp.types import Case, Survey
from tests.conftest import OpenAIServer, chat
from tests.dataset.test_survey_language import EXAMPLES, GERMAN
from tests.faults.client import model_at
from tests.prompt.test_spoken import experiment

OTHER = "How do you find it?"


@pytest.fixture
def survey(cases: list[Case]) -> Survey:
    """Return ten questions, all but the last with another wording."""
    last = cases[-1].question
    worded = tuple(
        case
        if case.question == last
        else replace(case, question=replace(case.question, alternate_wordings=(OTHER,)))
        for case in cases
    )
    return Survey(name="s", cases=worded, digest="", licence="", citation="")


def contents(survey: Survey, *settings: str) -> list[str]:
    """Return the last message about each case, as far as no call is needed first."""
    interview = experiment(*settings).interview(survey)
    return [one.prompts[0].messages[-1].content for one in interview.ask({}) if one.asked]


@pytest.mark.parametrize(
    "elicitation", ["logprobs", "verbalized", "self_random", "per_option", "sequence"]
)
def test_alternate_wording_of_the_survey_is_all_that_changes(
    elicitation: str, survey: Survey
) -> None:
    """Options, group and task stay; the question that has none is asked as usual."""
    chosen = (f"elicitation={elicitation}", "prompt=[sociodemographic]")

    usual = contents(survey, *chosen)
    other = contents(survey, *chosen, "prompt.wording=alternate")

    last = survey.cases[-1].question
    for case, asked, reworded in zip(survey.cases, usual, other, strict=True):
        text = case.question.text if case.question == last else OTHER
        assert reworded == asked.replace(case.question.text, text)


def test_examples_and_calibrators_keep_the_usual_wording(survey: Survey, tmp_path: Path) -> None:
    """What is shown of other questions, and what is compared by its words, is the survey's own."""
    made = experiment(
        "elicitation=verbalized", "prompt=[few_shot]", "prompt.few_shot.n_examples=2",
        "prompt.wording=alternate",
    )  # fmt: skip
    interview = made.interview(survey)

    asked = interview.run(Runner(made.model, ResponseCache(tmp_path)))

    (study,) = asked.studies
    own = {case.question.text for case in survey.cases}
    assert study.condition.prompt == "few_shot (alternate)"
    assert {case.question.text for case in study.cases} == own
    texts = design_of(study)[0].text
    assert texts is not None
    assert set(texts[:, 0]) == own
    (message,) = asked.replies[0].messages
    assert message.content.count(OTHER) == 1
    assert sum(text in message.content for text in own) == 2
    assert "18 of 20" not in asked.notes[0]
    assert "were asked in an alternate wording" in asked.notes[0]


def test_wordings_of_the_model_are_asked_for_once_and_counted_beforehand(
    survey: Survey, tmp_path: Path
) -> None:
    """A call a question, the same that the elicitation `paraphrase` makes, then one a case."""
    made = experiment("elicitation=verbalized", "prompt=[base]", "prompt.wording=rephrased-3")
    paraphrase = experiment("elicitation=paraphrase", "prompt=[base]").interview(survey)
    interview = made.interview(survey)
    n_questions = len({case.question for case in survey.cases})
    runner = Runner(made.model, ResponseCache(tmp_path))

    plan = interview.plan(runner)
    asked = interview.run(runner)

    assert (plan.n_misses, plan.more_follows) == (n_questions, True)
    assert {one.key for one in plan.missing} == {one.key for one in paraphrase.needed()}
    assert all("Question: Wording 3 of" in one.messages[0].content for one in asked.replies)
    assert asked.studies[0].condition.prompt == "base (rephrased-3)"
    assert "made of each once" in asked.notes[0]
    assert not interview.plan(runner).more_follows


@pytest.mark.parametrize(
    "settings",
    [("elicitation=verbalized", "prompt.wording=rephrased"), ("elicitation=paraphrase",)],
)
def test_plan_reckons_what_follows_the_wordings(
    settings: tuple[str, ...], survey: Survey, tmp_path: Path
) -> None:
    """As many calls as are made afterwards, whether no wording is there yet or some are."""
    made = experiment("prompt=[sociodemographic]", *settings)
    interview = made.interview(survey)
    runner = Runner(made.model, ResponseCache(tmp_path))
    preparations = interview.needed()

    before = interview.plan(runner)
    runner.run(preparations[:4])
    some = interview.plan(runner)
    asked = interview.run(runner)

    n_following = len(asked.answers) - len(preparations)
    assert (len(before.missing), len(before.follows)) == (len(preparations), n_following)
    assert (len(some.missing), len(some.follows)) == (len(preparations) - 4, n_following)
    assert f"{n_following} of these are made of" in Forecast([before]).text(Budget())
    assert Forecast([before]).n_misses == len(asked.answers)
    assert interview.plan(runner).follows == ()


@pytest.mark.parametrize(
    "wordings",
    [
        lambda own: "I cannot do that.",
        lambda own: f'{{"1": "{own}", "2": "{own.upper()}"}}',
        lambda own: '{"1": "Yes; No"}',
    ],
    ids=["refusal", "its own words", "options alone"],
)
def test_question_whose_other_words_cannot_be_read_has_no_estimate(
    wordings: Callable[[str], str], survey: Survey, openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """The reply stands among the unreadable; the usual wording does not stand in."""
    own = survey.cases[0].question.text
    openai_server.answer = lambda body, _: (200, chat(body, wordings(own)))
    one = replace(survey, cases=tuple(c for c in survey.cases if c.question.text == own))
    made = experiment("elicitation=verbalized", "prompt=[base]", "prompt.wording=rephrased")
    made.model = model_at(openai_server.url)

    asked = made.interview(one).run(Runner(made.model, ResponseCache(tmp_path)))

    assert len(openai_server.requests) == 1
    assert {estimate.status for estimate in asked.studies[0].estimates} == {"parse_error"}
    assert len(asked.unreadable) == 1


@pytest.mark.parametrize(
    ("wordings", "refuses"),
    [
        (["I'm sorry, I can't help with that.", "I cannot assist with this request."], True),
        (["Lo siento.", "No puedo."], True),
        (["May a doctor refuse to treat somebody?", "Can't a doctor decline to help?"], False),
        (["I'm sorry, I can't help with that.", "Say how you like it."], False),
    ],
)
def test_refusal_in_the_form_that_was_asked_for_is_no_question(
    wordings: list[str], refuses: bool, survey: Survey
) -> None:
    """Nobody is asked about it; a question about refusing is one."""
    rewriting, question = Rewriting(rewrite="Reword."), survey.cases[0].question
    response = Response(text=json.dumps(wordings), finish_reason="stop")

    if refuses:
        with pytest.raises(ParseError, match="has no wordings; it says"):
            rewriting.wordings(question, response)
    else:
        assert rewriting.wordings(question, response) == wordings


def test_its_own_words_are_no_other_ones(survey: Survey) -> None:
    """The second entry is the first wording that is another; there is no second."""
    question = survey.cases[0].question
    text = f'{{"1": "{question.text.upper()}", "2": "Is it so?"}}'
    reply = Response(text=text, finish_reason="stop")
    made = experiment("elicitation=verbalized", "prompt=[base]")
    (style,) = made.prompt.values()
    asks = Reworded(made.elicitation, number=1, rewriting=Rewriting(rewrite="Reword."))

    (prompt,) = asks.prompts(question, survey.cases[0].group, style, [reply])

    assert "Question: Is it so?\n" in prompt.messages[0].content


@pytest.mark.parametrize("language", LANGUAGES)
def test_other_words_are_asked_for_in_the_language_of_the_prompt(
    language: str, survey: Survey
) -> None:
    """With the number of wordings filled in, and English labels in English alone."""
    interview = experiment(
        "elicitation=verbalized", "prompt=[base]", f"prompt.language={language}",
        "prompt.wording=rephrased",
    ).interview(survey)  # fmt: skip

    (prompt,) = interview.elicitation.preparations(survey.cases[0].question)

    content = prompt.messages[0].content
    assert ('"10"' in content, "{" in content) == (True, False)
    assert ("Answer options" in content) == (language == "en")
    assert list(interview.styles) == [
        "base (rephrased)" if language == "en" else f"base ({language}, rephrased)"
    ]


def test_what_cannot_be_said_in_other_words_is_refused(survey: Survey) -> None:
    """Before any call, with what to do."""
    with pytest.raises(ConfigError, match="alternate wording number 2"):
        experiment("prompt.wording=alternate-2").interview(survey)
    with pytest.raises(ConfigError, match="makes wordings of its own"):
        experiment("elicitation=paraphrase", "prompt.wording=alternate").interview(survey)
    for value in ("other", "rephrased-1", "rephrased-11", "2", "true", "[alternate]"):
        with pytest.raises(InstantiationException, match=r"prompt\.wording"):
            experiment(f"prompt.wording={value}")


@pytest.mark.parametrize("style", ["base", "base (de)", "mine (x, y)"])
@pytest.mark.parametrize("wording", [None, "alternate", "rephrased-10"])
def test_name_of_a_prompt_says_its_wording(style: str, wording: str | None) -> None:
    """What is put in is taken out again."""
    name = style if wording is None else in_wording(style, wording)

    assert wording_in(name) == (style, wording)


@pytest.mark.parametrize("name", SURVEYS)
def test_every_packaged_question_has_another_wording(name: str) -> None:
    """So that the question in other words can be tried without a call."""
    questions = {case.question for case in EmbeddedSurvey(name).load().cases}

    assert all(len(question.alternate_wordings) == 1 for question in questions)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("Mehr Busse?", ("Mehr Busse?",)),
        ('["Mehr Busse?", "Weniger Busse?"]', ("Mehr Busse?", "Weniger Busse?")),
        ("[]", ()),
        ("[1]", "must hold texts"),
        ("{a: b}", "a text or a list of texts"),
        ('["Mehr?", "Mehr?"]', "differ from its own and from each other"),
        ('""', "differ from its own"),
    ],
)
def test_codebook_gives_alternate_wordings(
    given: str, found: tuple[str, ...] | str, tmp_path: Path
) -> None:
    """One text or several, each another one."""
    book = tmp_path / "book.yaml"
    line = f"    column: q_bus\n    alternate_wordings: {given}"
    book.write_text(GERMAN.replace("    column: q_bus", line), "utf-8")
    table = Table(path=str(EXAMPLES / "town_survey.csv"), codebook=str(book), min_respondents=10)

    if isinstance(found, str):
        with pytest.raises(DatasetError, match=found):
            table.load()
    else:
        assert table.load().cases[0].question.alternate_wordings == found
