"""Prompts in six languages: words from files, replies in the marks of each read back."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from distexp.elicitation.verbalized import Verbalized
from distexp.errors import ConfigError
from distexp.experiment import Experiment
from distexp.prompt.spoken import LANGUAGES, speaking, words
from distexp.request import Prompt, Response
from distexp.types import Case, Group, Question, Reading, Shares, Survey

CONF = Path(__file__).parents[2] / "conf"
ELICITATIONS = sorted(words("en")["tasks"])
QUESTIONS = {
    "en": "How satisfied are you with the police?",
    "de": "Wie zufrieden sind Sie mit der Polizei?",
    "es": "¿Cómo de satisfecho está usted con la policía?",
    "fr": "Êtes-vous satisfait de la police dans votre ville ?",
    "zh": "您对警察满意吗？",
    "ar": "ما مدى رضاك عن الشرطة؟",
}
REPLIES = {
    "en": '{"A": 20, "B": 30, "C": 50}',
    "de": '{"A": "20 %", "B": "30 %", "C": "50 %"}',
    "es": "A: 20 %, B: 30 %, C: 50 %",
    "fr": "A\u202f: 20\u00a0%\nB\u202f: 30\u00a0%\nC\u202f: 50\u00a0%",
    "zh": "Ａ：２０％\nＢ：３０％\nＣ：５０％",
    "ar": "\u200fA: ٢٠٪\n\u200fB: ٣٠٪\n\u200fC: ٥٠٪",
}


def experiment(*overrides: str) -> Experiment:
    """Make what the command line would."""
    with initialize_config_module("distexp.conf", version_base="1.3"):
        config = compose("config", overrides=["model=mock", "calibrator=[]", *overrides])
    made = instantiate(config, _convert_="all")
    assert isinstance(made, Experiment)
    return made


def survey_of(question: Question, group: Group) -> Survey:
    """Return a survey of one case."""
    case = Case(question=question, group=group)
    return Survey(name="s", cases=(case,), digest="0" * 64, licence="", citation="")


def prompt_of(made: Experiment, survey: Survey) -> tuple[str, Prompt]:
    """Return the name of the first style, and its first prompt."""
    interview = made.interview(survey)
    (name, style), *_ = interview.styles.items()
    case = survey.cases[0]
    return name, interview.elicitation.prompts(case.question, case.group, style)[0]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("elicitation", ELICITATIONS)
def test_every_language_has_words_for_every_prompt(
    language: str, elicitation: str, question: Question, group: Group
) -> None:
    """Nothing of the English words is left but in English; the question and its letters stay."""
    made = experiment(
        f"elicitation={elicitation}", f"prompt.language={language}", "prompt=[sociodemographic]"
    )

    name, prompt = prompt_of(made, survey_of(question, group))

    content = prompt.messages[0].content
    assert question.text in content
    assert f"A. {question.options[prompt.option_order[0]]}" in content
    assert group.phrase in content
    assert ("Options" in content) == (language == "en")
    assert "{" not in content.replace("{}", "")
    assert name == ("sociodemographic" if language == "en" else f"sociodemographic ({language})")


@pytest.mark.parametrize("elicitation", ELICITATIONS)
def test_english_is_what_the_files_say(elicitation: str) -> None:
    """The words to be replaced are those of conf, letter by letter: English keys do not move."""
    task = yaml.safe_load((CONF / f"elicitation/{elicitation}.yaml").read_text())["task"]

    assert words("en")["tasks"][elicitation] == task


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_of_the_survey_is_found(language: str, group: Group) -> None:
    """By the wording of its questions."""
    asked = Question(
        question_id="q", text=QUESTIONS[language], options=("1", "2", "3"), ordinals=(1, 2, 3)
    )

    name, _ = prompt_of(
        experiment("elicitation=verbalized", "prompt.language=survey", "prompt=[base]"),
        survey_of(asked, group),
    )

    assert name == ("base" if language == "en" else f"base ({language})")


@pytest.mark.parametrize("language", LANGUAGES)
def test_replies_in_the_marks_of_the_language_are_read_back(
    language: str, question: Question
) -> None:
    """Full-width letters and digits, marks of direction, digits of other scripts."""
    asks = Verbalized(task="t")
    prompt = Prompt(messages=(), option_order=(0, 1, 2), max_tokens=99)

    read = asks.read(question, prompt, Response(text=REPLIES[language], finish_reason="stop"))

    assert read.distribution.probabilities == (0.2, 0.3, 0.5)


def test_own_words_stay_and_prompts_without_words_are_refused(
    question: Question, group: Group
) -> None:
    """What a user has written is not translated over."""
    survey = survey_of(question, group)
    own = experiment("elicitation.task=Mine.", "prompt.language=de", "prompt=[base]")
    assert prompt_of(own, survey)[1].messages[0].content.endswith("Mine.")

    with pytest.raises(ConfigError, match="'qa' has words in English only"):
        experiment("prompt.language=de", "prompt=[qa]").interview(survey)
    with pytest.raises(ConfigError, match="'paraphrase' has words in English only"):
        experiment("elicitation=paraphrase", "prompt.language=de").interview(survey)
    with pytest.raises(Exception, match="one of en, de, es, fr, zh, ar"):
        experiment("prompt.language=xx")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("labels", ["numbers", "texts"])
def test_other_labels_have_words_in_every_language(
    labels: str, language: str, question: Question, group: Group
) -> None:
    """As their English task, which speaks of them in place of letters."""
    survey = survey_of(question, group)
    chosen = ("elicitation=verbalized", f"elicitation.labels={labels}", "prompt=[base]")

    prompts = [
        prompt_of(experiment(*chosen, f"prompt.language={one}"), survey)[1].messages[0].content
        for one in dict.fromkeys([language, "en"])
    ]

    assert "JSON" in prompts[0]
    assert "{" not in prompts[0]
    assert len(set(prompts)) == len(prompts)
    assert all(option in prompts[0] for option in question.options)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("elicitation", ELICITATIONS)
def test_letters_of_letters_are_explained_in_the_language(
    language: str, elicitation: str, group: Group
) -> None:
    """Options that are letters get others as labels, and the note about them no English."""
    plans = Question(
        question_id="q", text="Which?", options=("Plan A", "Plan B", "Plan C"), ordinals=(1, 2, 3)
    )
    made = experiment(f"elicitation={elicitation}", f"prompt.language={language}", "prompt=[base]")

    content = prompt_of(made, survey_of(plans, group))[1].messages[0].content

    assert "J, K, L" in content
    assert ("in front of the options" in content) == (language == "en")


def test_what_was_laid_out_before_is_not_shown_in_another_language(
    question: Question, group: Group
) -> None:
    """An elicitation that has asked about a question asks anew where its words are others."""
    made = experiment("elicitation=verbalized", "prompt=[base]")
    survey = survey_of(question, group)
    first = prompt_of(made, survey)[1]

    styles, other = speaking("de", made.prompt, made.elicitation)
    style = next(iter(styles.values()))
    asked = other.prompts(question, group, style)[0]

    assert "Prozent" in asked.messages[0].content
    assert prompt_of(made, survey)[1] == first


MARKS = {"zh": ("Ａ", "："), "ar": ("\u200fA\u200f", ":"), "fr": ("«\u00a0A\u00a0»", "\u202f:")}


@pytest.mark.parametrize("language", sorted(MARKS))
@pytest.mark.parametrize("elicitation", ELICITATIONS)
def test_every_elicitation_reads_the_marks_of_a_language(
    language: str, elicitation: str, question: Question, group: Group
) -> None:
    """Full-width letters and digits, right-to-left marks, quotation marks of the language."""
    made = experiment(f"elicitation={elicitation}", f"prompt.language={language}", "prompt=[base]")
    interview = made.interview(survey_of(question, group))
    prompt = interview.elicitation.prompts(question, group, next(iter(interview.styles.values())))[
        0
    ]
    letter, colon = MARKS[language]
    digits = {"zh": "１２３４５６７８９０", "ar": "١٢٣٤٥٦٧٨٩٠"}.get(language, "1234567890")
    number = str.maketrans("1234567890", digits)
    others = [
        letter.replace("A", x).replace("Ａ", chr(ord("Ａ") + n)) for n, x in enumerate("ABC")
    ]
    percent = {"zh": "％", "ar": "٪"}.get(language, "\u00a0%")
    replies = {
        "verbalized": "\n".join(
            f"{mark}{colon} {share.translate(number)}{percent}"
            for mark, share in zip(others, ("100", "0", "0"), strict=True)
        ),
        "per_option": f"{letter}{colon} {'100'.translate(number)}{percent}",
        "sequence": "\n".join(
            f"{str(n).translate(number)}{colon} {letter}"
            for n in range(1, getattr(interview.elicitation, "n_answers", 1) + 1)
        ),
    }
    letter = "A" if language == "fr" else letter  # no token is quoted as a whole
    response = Response(
        text=replies.get(elicitation, letter),
        finish_reason="stop",
        top_logprobs=(((letter, -0.1),),) if elicitation == "logprobs" else (),
    )

    read = interview.elicitation.read(question, prompt, response)

    if elicitation == "per_option":
        assert isinstance(read, Shares)
        assert read.shares[prompt.option_order[0]] == pytest.approx(1.0)
    else:
        assert isinstance(read, Reading)
        assert read.distribution.probabilities[prompt.option_order[0]] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("said", "asked_in"), [("de", "base (de)"), ("zh-Hant", "base (zh)"), ("en-GB", "base")]
)
def test_survey_says_which_language_it_is_in(
    said: str, asked_in: str, question: Question, group: Group
) -> None:
    """Its word counts, whatever its questions look like."""
    survey = replace(survey_of(question, group), language=said)

    name, _ = prompt_of(experiment("elicitation=verbalized", "prompt.language=survey",
                                   "prompt=[base]"), survey)  # fmt: skip

    assert name == asked_in


def test_survey_in_a_language_without_words_is_told(question: Question, group: Group) -> None:
    """Nothing is asked in another one by itself."""
    survey = replace(survey_of(question, group), language="sw")

    with pytest.raises(ConfigError, match='in "sw", which there are no words for'):
        experiment("prompt.language=survey", "prompt=[base]").interview(survey)


@pytest.mark.parametrize(
    ("said", "asked", "note"),
    [
        ("en", "null", None),
        ("en-GB", "en", None),
        ("de", "survey", None),
        ("en", "de", "are in de, and so are the phrases of 1 of 1 groups; questions and options"),
        ("fr", "de", "questions and options are in fr"),
        (
            "de",
            "null",
            "Questions are in de, layout and task .* prompt.language=survey asks",
        ),
        ("sw", "null", "Questions are in sw, layout and task .* unless they were changed[.]"),
        (None, "null", None),
    ],
)
def test_report_says_where_two_languages_stand_in_a_prompt(
    said: str | None, asked: str, note: str | None, question: Question, group: Group
) -> None:
    """Of the question on one side, of layout, task and group on the other."""
    german = replace(group, phrases=(("de", "ein Demokrat"),))
    survey = replace(survey_of(replace(question, text="Q"), german), language=said)

    notes = experiment("prompt=[sociodemographic]", f"prompt.language={asked}").interview(survey)

    assert len(notes.notes) == (note is not None)
    assert all(re.search(note or "", one) for one in notes.notes)


def test_groups_are_spoken_of_in_the_language_of_the_prompt(
    question: Question, group: Group
) -> None:
    """Where the survey has such phrases; as it has them where the prompt names no language."""
    german = replace(group, phrases=(("de", "ein Demokrat"),))

    said = {
        language: prompt_of(
            experiment("prompt=[sociodemographic]", f"prompt.language={language}"),
            survey_of(question, german),
        )[1].messages[0].content
        for language in ("de", "fr", "en", "null")
    }  # fmt: skip

    assert "ein Demokrat" in said["de"]
    assert all(group.phrase in said[language] for language in ("fr", "en", "null"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_dont_know_is_offered_in_the_language_of_the_prompt(
    language: str, question: Question, group: Group
) -> None:
    """In another one's own words where they are not the English ones; the table's name stays."""
    usual, own = (
        experiment(
            "elicitation=verbalized", f"elicitation.dont_know='{said}'", "prompt=[base]",
            f"prompt.language={language}",
        )
        for said in ("Don\\'t know", "Keine Angabe")
    )  # fmt: skip

    (_, prompt), (_, other) = (prompt_of(one, survey_of(question, group)) for one in (usual, own))

    assert f"D. {words(language)['dont_know']}" in prompt.messages[0].content
    assert "D. Keine Angabe" in other.messages[0].content
    assert (
        usual.interview(survey_of(question, group)).elicitation.name == "verbalized (don't know)"
    )
