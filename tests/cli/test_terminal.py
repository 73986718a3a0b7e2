"""What stands on the terminal: short, plain, and enough to go on with."""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from distexp.cli import doctor, listing, show
from distexp.cli.choices import GROUPS, choices
from distexp.cli.commands import COMMANDS
from distexp.cli.completion import SHELLS, completed
from distexp.cli.overview import overview
from distexp.cli.telling import manner_of
from distexp.errors import ConfigError
from tests.small_runs import distexp

QUICK = (
    "model=mock", "progress=false", "evaluation.n_splits=3", "evaluation.n_bootstrap=20",
    "evaluation.n_flips=50", "figures=false", "dataset.attributes=[sex]",
)  # fmt: skip


def printed(capsys: pytest.CaptureFixture[str], command: str, *arguments: str) -> str:
    """Return what a command prints."""
    COMMANDS[command](list(arguments))
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose cache has the answers of a small run."""
    folder = tmp_path_factory.mktemp("terminal")
    assert distexp(folder, *QUICK).returncode == 0
    return folder


@pytest.mark.parametrize(
    "more",
    [(), ("prompt=[base,sociodemographic,qa,bio,portray]", "dataset.attributes=[sex,party]"),
     ("experiment=paper/groups",)],
    ids=["default", "many prompts", "a view"],
)  # fmt: skip
def test_run_prints_at_most_25_lines_of_100_columns(folder: Path, more: tuple[str, ...]) -> None:
    """With the sentence on whether the model adds anything, a table, and where the report is."""
    shown = distexp(folder, *QUICK, *more)

    lines = shown.stdout.splitlines()
    assert shown.returncode == 0, shown.stderr
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith("mock on gss2018: 24 questions, ")
    assert lines[-1].startswith("Report: outputs/runs/")


def test_more_and_less_is_shown_where_asked_for(folder: Path) -> None:
    """-v shows every table, --quiet nothing, also of what is asked, --json one object."""
    full, as_json = (distexp(folder, *QUICK, option).stdout for option in ("-v", "--json"))
    settings = [one for one in QUICK if one != "progress=false"]
    quiet = distexp(folder, *settings, "--quiet", "cache.path=other")

    assert "| human sampling ceiling " in full
    assert "**uncalibrated**" in full
    assert quiet.stdout == quiet.stderr == ""
    document = json.loads(as_json)
    assert document["calls"]["misses"] == 0
    assert Path(document["report"]).is_file()


def test_sweep_prints_the_top_of_its_leaderboard_and_what_failed(folder: Path) -> None:
    """Not a table a job; the last line says what to do."""
    shown = distexp(folder, "-m", *QUICK, "calibrator=ridge,auto", "evaluation.seed=0,-1")

    assert shown.returncode == 1
    assert len(shown.stdout.splitlines()) <= 25
    assert shown.stdout.lstrip().startswith("0 of 6 configurations that ask the model are closer")
    assert "On gss2018 the nearest is mock, " in shown.stdout
    assert "leaderboard: outputs/sweeps/" in shown.stdout
    assert "2 jobs, 288 requests: 288 hits, 0 misses" in shown.stdout
    lines = shown.stderr.splitlines()
    assert [line.split(",")[0] for line in lines[1:3]] == ["  job 1", "  job 3"]
    assert lines[-1] == "The others are complete. The same command goes on from there."


def test_sweep_whose_jobs_all_fail_alike_says_why_once(folder: Path) -> None:
    """And that none is complete."""
    shown = distexp(folder, "-m", *QUICK, "dataset.questions=[abany]", "evaluation.seed=0,1,2")

    assert shown.stderr.startswith("distexp: error: 3 of 3 jobs failed: every job: Splitting into")
    assert shown.stderr.strip().endswith("None is complete. The same command goes on from there.")
    assert shown.stderr.count("Splitting into") == 1


def test_outside_text_moves_no_terminal(tmp_path: Path) -> None:
    """What a survey says of itself and its options is written out."""
    (tmp_path / "q.yaml").write_text(
        'name: "x\\e[31m"\npopulation: people\nquestions:\n  a: {text: "Who\\e[2J?", '
        'options: ["\\u202eyes", "no"], kind: nominal}\n'
    )

    shown = distexp(
        tmp_path, "show", "dataset=questionnaire", "dataset.path=q.yaml", "question=a"
    ).stdout

    assert "\\x1b[2J" in shown
    assert "\\u202eyes" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_cache_elsewhere_is_pointed_out_before_anything_is_asked(folder: Path) -> None:
    """In a folder below, or above; not where a cache was chosen."""
    below = folder / "below"
    below.mkdir()

    found = distexp(below, *QUICK, "dry_run=true")
    chosen = distexp(below, *QUICK, "dry_run=true", "cache.path=mine")

    assert f"there is one in {folder}/outputs/cache" in found.stderr
    assert "distexp: note:" not in chosen.stderr


def test_help_is_quick_and_lists_every_command_and_choice() -> None:
    """Without Hydra, NumPy or Polars; files that others build on are no choices."""
    code = (
        "import sys; sys.argv = ['distexp', '--help']\n"
        "from distexp.cli.main import main\n"
        "try: main()\n"
        "finally: print([m for m in ('hydra', 'numpy', 'polars', 'yaml') if m in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert shown.stdout.splitlines()[-1] == "[]"
    for word in (*COMMANDS, *GROUPS, *choices("model"), *choices("calibrator")):
        assert word in shown.stdout
    assert "_hosted" not in shown.stdout
    assert "exit codes:" in shown.stdout


def test_own_files_are_listed_too(tmp_path: Path) -> None:
    """As `--config-dir` names them, in the help, in lists and in completion."""
    (tmp_path / "calibrator").mkdir()
    (tmp_path / "calibrator" / "zigzag.yaml").write_text("# Goes to and fro. More.\nx: 1\n")

    assert "zigzag" in overview(["--config-dir", str(tmp_path)])
    assert choices("calibrator", tmp_path)["zigzag"] == "Goes to and fro."
    assert "calibrator=zigzag" in completed(f"distexp --config-dir={tmp_path} calibrator=z")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_own_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It begins with how the command is used."""
    with suppress(SystemExit):
        COMMANDS[command](["--help"])

    assert capsys.readouterr().out.startswith(
        f"usage: distexp {'[' * (command == 'run')}{command}"
    )


@pytest.mark.parametrize("group", GROUPS)
def test_every_choice_says_what_it_is(group: str) -> None:
    """The file of each begins with a sentence."""
    assert all(
        said.endswith((".", "?")) and len(said) < 200 for said in choices(group).values()
    ), group


@pytest.mark.parametrize("word", ["model", "models", "surveys", "prompts", "metrics"])
def test_lists_have_a_line_a_choice(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By the name of the group or its plural."""
    listing.main([word])

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 6
    assert max(map(len, lines)) <= 100


def test_list_of_what_there_is_not_says_what_was_meant() -> None:
    """And names the groups."""
    with pytest.raises(ConfigError, match="Did you mean 'prompts'"):
        listing.main(["pormpts"])


def test_show_has_wording_options_groups_and_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """Of one question, as the survey has it."""
    shown = printed(
        capsys, "show", "dataset=gss2018", "dataset.attributes=[sex]", "question=abany"
    )

    assert "for any reason?" in " ".join(shown.split())
    assert "  A. Yes" in shown
    assert [line.split()[:2] for line in shown.splitlines()[-2:]] == [
        ["sex:", "Female"], ["sex:", "Male"],
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_show_prompt_has_the_messages_that_are_sent(
    language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of the interview, to the letter, in its language; nothing is asked for that."""
    from distexp.sweep.composed import composed, made

    shown = printed(
        capsys, "show", "prompt", "elicitation=verbalized", "model=mock", "question=abany",
        "group=Male", "prompt=[sociodemographic]", f"prompt.language={language}",
    )  # fmt: skip

    chosen = ["prompt=[sociodemographic]", f"prompt.language={language}"]
    experiment = made(composed(["elicitation=verbalized", *chosen]))
    interview = experiment.interview(experiment.survey())
    (asked,) = (
        one for one in interview.ask({})
        if (one.case.question.question_id, one.case.group.value) == ("abany", "Male")
    )  # fmt: skip
    assert asked.prompts[0].messages[-1].content in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["question=abnay"], "Did you mean 'abany'?"),
        (["prompt", "group=Femal"], "Did you mean 'Female'"),
        (["promt"], "Did you mean 'prompt'?"),
        (["calibratr=ridge"], "Did you mean 'calibrator'?"),
    ],
)
def test_show_tells_typing_errors(arguments: list[str], said: str) -> None:
    """As runs do."""
    with pytest.raises(ConfigError) as raised:
        show.main(arguments)

    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("distexp pre", "predict"),
        ("distexp cache ver", "verify"),
        ("distexp fit elicitation=log", "elicitation=logprobs"),
        ("distexp -m prompt=base,soc", "prompt=base,sociodemographic"),
        ("distexp calibrator=[auto,ridge_j", "calibrator=[auto,ridge_joint"),
        ("distexp evaluation.n_spl", "evaluation.n_splits="),
        ("distexp list cal", "calibrators"),
        ("distexp model=mock --js", "--json"),
    ],
)
def test_completion_knows_commands_choices_and_settings(line: str, found: str) -> None:
    """Whatever stands before."""
    assert found in completed(line)


@pytest.mark.parametrize("shell", ["bash"])
def test_completion_works_in_the_shell(shell: str, tmp_path: Path) -> None:
    """The script is one that the shell runs, and it asks for the line that is typed."""
    script = tmp_path / "completion"
    script.write_text(SHELLS[shell])
    code = (
        f'source {script}; distexp() {{ {sys.executable} -m distexp "$@"; }}\n'
        "COMP_LINE='distexp prompt=soc' COMP_POINT=18 _distexp; echo \"${COMPREPLY[@]}\""
    )

    shown = subprocess.run([shell, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout == "sociodemographic\n", shown.stderr


def test_doctor_shows_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that there is one."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-indeed")

    found = {one.what: one for one in doctor.of_keys()}

    assert found["OPENAI_API_KEY"].said == "set, not shown"
    assert not any("secret" in one.said for one in found.values())


@pytest.mark.parametrize(
    ("text", "is_strange"),
    [
        ("import os; os.system('x')\n", True),
        ("import __editable___x_finder; __editable___x_finder.install()\n", False),
        ("/some/folder\n", False),
        ("import _virtualenv", False),
        ("import __editable___x_finder; import y\n", True),
        (" \n\timport x", True),
    ],
)
def test_doctor_finds_what_runs_at_every_start(
    tmp_path: Path, text: str, is_strange: bool
) -> None:
    """By reading the files: no other interpreter is started, which would run them."""
    (tmp_path / "distutils-precedence.pth").write_text(text)

    (found,) = doctor.startup([tmp_path])

    assert (found.state == "wrong") == is_strange


def test_last_of_several_manners_counts() -> None:
    """And what is no manner is left."""
    assert manner_of(["-v", "a=1", "--json"]) == ("json", ["a=1"])
    assert manner_of(["a=1"]) == ("brief", ["a=1"])
