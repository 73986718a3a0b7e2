"""What is typed after `distexp` is taken as it was meant, or what to type is said."""

import re

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from distexp.errors import ConfigError
from distexp.sweep.command_line import (
    chosen,
    in_quotes,
    options_and_settings,
    readable,
    refuse_words,
)

COMMANDS = ("apply", "bundle", "cache", "fit", "reproduce", "summarize")
GROUPS = ("model", "view", "experiment", "calibrator")
NAMES = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"])
    | st.sampled_from("=(){}[],:;'\"\\~ #&éß调/.%$@!|*?<>^`"),
    min_size=1,
)


def value(setting: str) -> object:
    """Return what Hydra takes a setting for."""
    return OverridesParser.create().parse_override(setting).value()


@given(NAMES)
def test_quoted_text_is_that_text(text: str) -> None:
    """Hydra reads out of the quotes what was put into them."""
    assert value(f"dataset.path={in_quotes(text)}") == text


@given(NAMES)
def test_every_file_name_is_read(text: str) -> None:
    """Behind a folder's name it is that text; only commas and escapes are Hydra's."""
    path = f"/data/{text}"
    setting = readable(f"dataset.path={path}", sweep=False)
    read = OverridesParser.create().parse_override(setting)
    if not read.is_sweep_override() and "\\" not in text and not text.endswith(" "):
        assert read.value() == path


@pytest.mark.parametrize(
    "path",
    [
        "country=US/survey.csv", "données.csv", "Umfrage (2024).csv", "Bob's survey.csv",
        "调查.csv",
        "/a b/(x)=é.csv", "x[1].csv", "[x].csv", "{x}.csv", 'say "hi".csv', "a;b#c&d.csv",
        "it's \"both\".csv", "epoch=999.ckpt", "a(b,c).csv", "!.csv", "f(x)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("sweep", [False, True])
def test_signs_in_paths_are_part_of_them(path: str, sweep: bool) -> None:
    """One text, in a run and in a sweep."""
    assert value(readable(f"dataset.path={path}", sweep=sweep)) == path


def test_comma_parts_the_jobs_of_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its values is a text of its own."""
    setting = readable("dataset.path=a (1).csv,é.csv,b.csv", sweep=True)

    assert setting == 'dataset.path="a (1).csv","é.csv",b.csv'


def test_comma_of_a_file_is_part_of_its_name(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of a sweep a file that is there is meant."""
    monkeypatch.chdir(str(tmp_path))
    with open("a,b.csv", "w"):  # noqa: PTH123
        pass

    assert value(readable("dataset.path=a,b.csv", sweep=False)) == "a,b.csv"
    assert readable("prompt=base,qa", sweep=False) == "prompt=base,qa"


@pytest.mark.parametrize(
    ("setting", "read"),
    [
        ("dataset.attributes=[région,âge]", ["région", "âge"]),
        ("dataset.questions=[q(1),q2]", ["q(1)", "q2"]),
        ("model.headers={a: é, b: c}", {"a": "é", "b": "c"}),
        ("x=[[é,a],b]", [["é", "a"], "b"]),
    ],
)
def test_texts_in_lists_and_mappings_are_quoted_one_by_one(setting: str, read: object) -> None:
    """The brackets stay what they are."""
    assert value(readable(setting, sweep=False)) == read


@pytest.mark.parametrize(
    "setting",
    ["a=1", "a=[1,2]", "a={b:1}", "a=null", "a='x,y'", "a=range(1,3)", "a=choice(x,y)", "~a",
     "+a.b=1", "a=${b}", "a=", "a=x\\,y"],
)  # fmt: skip
def test_what_hydra_reads_stays_as_it_is(setting: str) -> None:
    """Its grammar comes first."""
    assert readable(setting, sweep=True) == setting


def test_tilde_is_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell leaves it alone behind an equals sign."""
    monkeypatch.setenv("HOME", "/home/é")

    assert value(readable("dataset.path=~/a.csv", sweep=False)) == "/home/é/a.csv"
    assert value(readable("cache.path=[~/a,~/b]", sweep=False)) == ["/home/é/a", "/home/é/b"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("é=1", "'é' cannot be the name of a setting, in 'é=1'"),
        ("a={é}", "If it is one text, type 'a=\"{é}\"'; in a list or mapping"),
    ],
)
def test_what_cannot_be_read_is_said(setting: str, message: str) -> None:
    """With the setting, and what to type."""
    with pytest.raises(ConfigError, match=re.escape(message)):
        readable(setting, sweep=False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["summarise", "x"], "There is no command 'summarise'. Did you mean 'summarize'"),
        (["ls"], "There is no command 'ls'. Did you mean 'distexp list'"),
        (["reproduc"], "Did you mean 'reproduce'"),
        (["a=1", "calibrater"], "'calibrater' is no setting: .* Did you mean 'calibrator'"),
        (["model"], "model needs a choice: type model=NAME"),
        (["a=1", "(2024).csv"], "A value with spaces stands in quotes"),
    ],
)
def test_word_that_is_no_setting_is_refused(words: list[str], message: str) -> None:
    """The message says what may have been meant."""
    with pytest.raises(ConfigError, match=message):
        refuse_words(words, words, COMMANDS, GROUPS)


def test_options_may_stand_anywhere() -> None:
    """Hydra itself takes settings only in one stretch."""
    arguments = ["a=1", "--cfg", "job", "b=2", "-m", "--config-dir", "x", "c=3"]

    assert options_and_settings(arguments) == (
        ["--cfg", "job", "-m", "--config-dir", "x"],
        ["a=1", "b=2", "c=3"],
        True,
    )


@pytest.mark.parametrize(
    ("option", "meant"),
    [("--multirn", "--multirun"), ("--hepl", "--help"), ("-multirun", "--multirun"),
     ("--configdir=x", "--config-dir")],
)  # fmt: skip
def test_misspelt_option_is_told_from_the_right_one(option: str, meant: str) -> None:
    """In one line, without the usage of all."""
    with pytest.raises(ConfigError, match=rf"Did you mean '{meant}'"):
        options_and_settings(["a=1", option])


def test_null_is_a_choice_only_of_groups_that_need_none() -> None:
    """Elsewhere, and as one of several, it is refused with what to type."""
    assert chosen("view=null", GROUPS) == "~view"
    assert chosen("model=nullmodel", GROUPS) == "model=nullmodel"
    for setting in ("model=null", "+model=null", "calibrator=ridge,null", "view=null,leaderboard"):
        with pytest.raises(ConfigError, match="cannot be null: type"):
            chosen(setting, GROUPS)


@pytest.mark.parametrize(
    ("argument", "typed"),
    [
        ("--dataset=gss2018", "type dataset=gss2018."),
        ("--dry-run=true", "type dry_run=true."),
        ("--model.name=m", "type model.name=m."),
        ("--dataset", "type dataset=VALUE."),
    ],
)
def test_setting_that_was_typed_as_an_option_is_told(argument: str, typed: str) -> None:
    """With what to type."""
    with pytest.raises(ConfigError, match=re.escape(typed)):
        options_and_settings([argument], ("dataset", "dry_run", "model"))
