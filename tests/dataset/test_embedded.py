"""The embedded surveys hold the answers of the real ones, whole, in order and as plain text."""

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest
from hydra.utils import instantiate
from numpy.testing import assert_allclose
from omegaconf import OmegaConf

from distexp.dataset.embedded import EmbeddedSurvey
from distexp.errors import ConfigError, DatasetError
from distexp.types import Case

DATA = Path(str(files("distexp.dataset") / "data"))
CONF = Path(__file__).parents[2] / "conf" / "dataset"
BOTH = pytest.mark.parametrize("name", ["gss2018", "cces2016"])


@pytest.mark.parametrize(
    ("name", "n_questions", "n_attributes", "n_groups"),
    [("gss2018", 24, 12, 41), ("cces2016", 7, 9, 31)],
)
def test_the_default_is_every_question_by_every_group(
    name: str, n_questions: int, n_attributes: int, n_groups: int
) -> None:
    """No cell of either survey falls under the floor: 984 and 217 group distributions."""
    survey = EmbeddedSurvey(name).load()

    groups = {case.group for case in survey.cases}
    assert len({case.question for case in survey.cases}) == n_questions
    assert len({group.attribute for group in groups}) == n_attributes
    assert len(groups) == n_groups
    assert len(survey.cases) == n_questions * n_groups
    assert survey.n_dropped_cells == 0
    assert min((case.n_respondents or 0) for case in survey.cases) >= 50


@BOTH
def test_everyone_comes_only_when_named(name: str) -> None:
    """The overall distribution is a group of its own attribute, left out of the default."""
    default = EmbeddedSurvey(name).load()
    overall = EmbeddedSurvey(name, attributes=["everyone"]).load()

    assert "everyone" not in {case.group.attribute for case in default.cases}
    assert {case.group.phrase for case in overall.cases} == {
        "an adult living in the United States"
    }
    assert len(overall.cases) == len({case.question for case in default.cases})


@BOTH
def test_groups_add_up_to_no_more_than_everyone(name: str) -> None:
    """An attribute splits the respondents; each of them has a sex."""
    cells = table(name)
    sums: dict[tuple[str, str], list[int]] = {}
    for (question_id, attribute, _), counts in cells.items():
        total = sums.setdefault((question_id, attribute), [0] * len(counts))
        sums[question_id, attribute] = [a + b for a, b in zip(total, counts, strict=True)]

    for (question_id, attribute), total in sums.items():
        everyone = cells[question_id, "everyone", "everyone"]
        assert all(a <= b for a, b in zip(total, everyone, strict=True))
        assert attribute != "sex" or total == everyone
    assert min(min(counts) for counts in cells.values()) >= 0


@BOTH
def test_each_cell_counts_each_option_of_its_question(name: str) -> None:
    """Probabilities times respondents give back the packaged counts, option by option."""
    counts = table(name)

    for case in cases(name):
        packaged = counts[case.question.question_id, case.group.attribute, case.group.value]
        assert len(packaged) == len(case.question.options)
        assert_allclose(
            [p * (case.n_respondents or 0) for p in case.answers.probabilities], packaged
        )


def test_spending_on_the_environment_has_its_known_shares() -> None:
    """Both wordings of natenvir together: 1553 too little, 539 about right, 184 too much."""
    shares = by_group("gss2018", "natenvir", ["everyone", "party"])

    assert_allclose(shares["everyone"], [1553 / 2276, 539 / 2276, 184 / 2276])
    assert_allclose(shares["everyone"], [0.682, 0.237, 0.081], atol=5e-4)
    assert shares["Democrat"][0] == pytest.approx(0.810, abs=5e-4)
    assert shares["Republican"][0] == pytest.approx(0.462, abs=5e-4)


def test_yes_comes_first_in_the_abortion_items() -> None:
    """Far more accept abortion for health than for any reason, and Democrats more than others."""
    health = by_group("gss2018", "abhlth", ["everyone"])["everyone"]
    any_reason = by_group("gss2018", "abany", ["everyone", "party"])

    assert health[0] == pytest.approx(1366 / 1517)
    assert any_reason["everyone"][0] == pytest.approx(764 / 1524)
    assert any_reason["Democrat"][0] > any_reason["Independent"][0] > any_reason["Republican"][0]


@pytest.mark.parametrize(
    ("statement", "party_that_agrees"),
    [("angryracism", "Democrat"), ("whiteadv", "Democrat"), ("racerare", "Republican")],
)
def test_partisans_agree_with_what_partisans_say(statement: str, party_that_agrees: str) -> None:
    """A reversed item would make Democrats deny that white people have advantages."""
    shares = by_group("cces2016", statement, ["party"])

    agree = {party: sum(options[:2]) for party, options in shares.items()}
    assert agree.pop(party_that_agrees) > max(agree.values())


def test_few_say_that_they_fear_other_races() -> None:
    """The item that parties hardly divide on: 15 % agree and 63 % disagree in 2016."""
    shares = by_group("cces2016", "fearraces", ["everyone"])["everyone"]

    assert sum(shares[:2]) == pytest.approx((1364 + 6383) / 52775)
    assert sum(shares[3:]) == pytest.approx((12828 + 20233) / 52775)


@pytest.mark.parametrize("question_id", ["religimp", "churchatd", "prayerfreq"])
def test_the_born_again_are_more_religious(question_id: str) -> None:
    """The religion items run from most to least, so the born-again crowd the first option."""
    shares = by_group("cces2016", question_id, ["born_again"])

    assert shares["Born again"][0] > shares["Not born again"][0]
    assert shares["Born again"][-1] < shares["Not born again"][-1]


def test_items_asked_in_two_wordings_are_marked() -> None:
    """Ten GSS spending items pool two wordings; nothing else does."""
    questions = {case.question for name in ("gss2018", "cces2016") for case in cases(name)}

    pooled = {q.question_id for q in questions if q.wording == "pooled"}
    assert pooled == {
        *("natspac", "natenvir", "natheal", "natcity", "natcrime"),
        *("natdrug", "nateduc", "natrace", "natarms", "nataid"),
    }
    assert {q.wording for q in questions} == {"pooled", "exact"}


@BOTH
def test_every_question_has_an_ordered_scale_and_every_group_a_phrase(name: str) -> None:
    """Options count up from 1, texts ask, phrases complete "Imagine you are ..."."""
    for case in cases(name):
        question = case.question
        assert question.ordinals == tuple(range(1, len(question.options) + 1))
        assert question.text.endswith(("?", "."))
        assert case.group.phrase.startswith(("a ", "an "))


def test_cases_come_in_the_order_of_the_codebook() -> None:
    """The order of the settings changes nothing: by question, then attribute, then group."""
    asked = EmbeddedSurvey(
        "gss2018", attributes=["party", "sex"], questions=["abany", "natspac"]
    ).load()

    order = [(case.question.question_id, case.group.value) for case in asked.cases]
    groups = ["Female", "Male", "Democrat", "Independent", "Republican"]
    assert order == [(question, group) for question in ("natspac", "abany") for group in groups]


def test_small_cells_are_dropped_and_counted() -> None:
    """53 separated respondents were asked about abnomore: 53 keeps them, 54 does not."""
    kept, left = (
        EmbeddedSurvey(
            "gss2018", attributes=["marital"], questions=["abnomore"], min_respondents=n
        ).load()
        for n in (53, 54)
    )

    assert (len(kept.cases), kept.n_dropped_cells) == (5, 0)
    assert (len(left.cases), left.n_dropped_cells) == (4, 1)
    assert "Separated" not in {case.group.value for case in left.cases}


def test_a_survey_without_cases_is_an_error() -> None:
    """A floor above every cell says so instead of giving an empty survey."""
    with pytest.raises(DatasetError, match="Lower 'min_respondents'"):
        EmbeddedSurvey("gss2018", min_respondents=3000).load()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        pytest.param({"name": "gss2020"}, "one of gss2018, cces2016", id="name"),
        pytest.param({"attributes": "party"}, "null or a non-empty list of str", id="str"),
        pytest.param({"questions": []}, "null or a non-empty list of str", id="empty"),
        pytest.param({"questions": [3]}, "null or a non-empty list of str", id="not-str"),
        pytest.param({"min_respondents": 49}, "hold no smaller cell", id="under-the-floor"),
        pytest.param({"min_respondents": "many"}, "an int >= 50", id="not-int"),
        pytest.param({"min_respondents": True}, "an int >= 50", id="bool"),
    ],
)
def test_a_bad_setting_is_refused_by_the_constructor(
    setting: dict[str, object], message: str
) -> None:
    """The error names the parameter and says what it must be."""
    settings = {"name": "gss2018", **setting}

    with pytest.raises(ConfigError, match=message) as raised:
        EmbeddedSurvey(**settings)  # type: ignore[arg-type]

    assert f"'{next(iter(setting))}' parameter of EmbeddedSurvey" in str(raised.value)


@pytest.mark.parametrize(
    ("parameter", "known"),
    [("attributes", "religious_activity, party, ideology"), ("questions", "natspac, natenvir")],
)
def test_an_unknown_name_is_refused_with_the_known_ones(parameter: str, known: str) -> None:
    """A typing mistake must not shrink a survey in silence."""
    survey = EmbeddedSurvey("gss2018", **{parameter: ["partyy"]})  # type: ignore[arg-type]

    with pytest.raises(ConfigError, match=known) as raised:
        survey.load()

    assert "Got ['partyy'] instead" in str(raised.value)


@BOTH
def test_the_digest_is_that_of_the_packaged_files(name: str) -> None:
    """It identifies the data, whichever part of them is asked for."""
    packaged = (DATA / f"{name}.json").read_bytes() + (DATA / f"{name}.csv").read_bytes()

    part = EmbeddedSurvey(name, attributes=["sex"]).load()

    assert part.digest == EmbeddedSurvey(name).load().digest
    assert part.digest == hashlib.sha256(packaged).hexdigest()


def test_packaged_files_are_text_and_name_their_source() -> None:
    """Nothing in the folder can execute, and the attribution quotes both citations."""
    paths = sorted(DATA.iterdir())

    assert {path.suffix for path in paths} == {".csv", ".json", ".md", ".yaml"}
    for path in paths:
        text = path.read_bytes().decode("utf-8")
        assert text.isprintable() or set(filter(lambda c: not c.isprintable(), text)) == {"\n"}
    attribution = (DATA / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for name in ("gss2018", "cces2016"):
        survey = EmbeddedSurvey(name).load()
        assert survey.licence
        assert survey.citation.split(",")[0] in attribution


@pytest.mark.parametrize(("name", "n_cases"), [("gss2018", 24 * 8), ("cces2016", 7 * 10)])
def test_the_yaml_file_asks_for_a_short_run(name: str, n_cases: int) -> None:
    """Party, race and sex by default."""
    survey = instantiate(OmegaConf.load(CONF / f"{name}.yaml"), _convert_="all").load()

    assert survey.name == name
    assert len(survey.cases) == n_cases


def cases(name: str) -> tuple[Case, ...]:
    """Return the cases of all attributes."""
    return EmbeddedSurvey(name).load().cases


def by_group(
    name: str, question_id: str, attributes: list[str]
) -> Mapping[str, tuple[float, ...]]:
    """Return the distribution of each group's answers to one question."""
    survey = EmbeddedSurvey(name, attributes=attributes, questions=[question_id]).load()
    return {case.group.value: case.answers.probabilities for case in survey.cases}


def table(name: str) -> dict[tuple[str, str, str], list[int]]:
    """Read the packaged counts; no field of theirs holds a comma."""
    rows = (DATA / f"{name}.csv").read_text(encoding="utf-8").splitlines()[1:]
    cells = (row.split(",") for row in rows)
    return {(q, a, g): [int(n) for n in counts.split()] for q, a, g, counts in cells}
