"""Every command that the documentation shows is one that distexp takes."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import instantiate

from distexp.cli.main import COMMANDS as WORDS
from distexp.cli.telling import manner_of
from distexp.errors import DistexpError
from distexp.experiment import Experiment
from distexp.sweep.command_line import chosen, options_and_settings, readable
from tests.docs.blocks import COMMANDS, PAGES, ROOT, Command

RUNS = ("run", "fit", "predict")
"""Commands that are a configuration; the others have options."""
GROUPS = sorted(path.name for path in (ROOT / "conf").iterdir() if path.is_dir())


def settings(command: Command) -> list[str] | None:
    """Return the settings of a run, or None of a command that has options."""
    word = command.arguments[0] if command.arguments else "run"
    if word in WORDS and word not in RUNS:
        return None
    rest = [text for text in command.arguments[word in RUNS :] if text not in ("...", "…")]
    options, found, sweep = options_and_settings(manner_of(rest)[1])
    assert options in ([], ["-m"])
    return [
        chosen(readable(text, sweep=sweep), GROUPS)
        for text in found
        if not text.startswith(("hydra/", "hydra."))  # launchers are extras
    ]


@pytest.mark.parametrize(
    "command", [one for one in COMMANDS if settings(one) is not None], ids=str
)
def test_the_settings_shown_make_an_experiment(command: Command) -> None:
    """Each choice and setting exists, and the classes accept the values; of a sweep, the first."""
    overrides = OverridesParser.create().parse_overrides(settings(command) or [])
    first = [
        text if one.sweep_string_iterator is None or not one.is_sweep_override()
        else f"{one.get_key_element()}={next(iter(one.sweep_string_iterator()))}"
        for one in overrides
        if (text := one.input_line) is not None
    ]  # fmt: skip
    GlobalHydra.instance().clear()
    with initialize_config_module("distexp.conf", version_base="1.3"):
        config = compose("config", first)
    assert isinstance(instantiate(config, _convert_="all"), Experiment)


@pytest.mark.parametrize("command", [one for one in COMMANDS if settings(one) is None], ids=str)
def test_the_options_shown_are_those_of_the_command(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an empty folder a command may lack what it needs, and never misunderstands its words."""
    monkeypatch.chdir(tmp_path)
    words = [text for text in command.arguments[1:] if not re.fullmatch(r"\[.*\]|…|\.\.\.", text)]
    with suppress(DistexpError):
        try:
            WORDS[command.arguments[0]](words)
        except SystemExit as exc:
            understood = exc.code != 2
        else:
            understood = True
        assert understood


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_is_left_to_be_filled_in(page: Path) -> None:
    """No page has a placeholder that a script was to replace."""
    assert not re.findall(r"@@?[A-Z_]+@", page.read_text())
