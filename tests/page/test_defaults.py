"""What a page calls a default is what Hydra composes where nothing is said."""

from collections.abc import Mapping
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from distexp.page.defaults import ABSENT, defaults, differing

BLIND = defaults()["calibrator"]["blind"]


def composed(*overrides: str) -> Mapping[str, Any]:
    """Return the configuration as Hydra puts it together."""
    with initialize_config_module("distexp.conf", version_base="1.3"):
        found = OmegaConf.to_container(compose("config", overrides=list(overrides)))
    assert isinstance(found, dict)
    return {str(name): value for name, value in found.items()}


def test_defaults_are_those_that_hydra_composes() -> None:
    """The same settings in the same order."""
    assert repr(defaults()) == repr(composed())


@pytest.mark.parametrize(
    ("overrides", "rows"),
    [
        ([], []),
        (["evaluation.n_splits=7"], [("evaluation.n_splits", 7, 50)]),
        (["calibrator=[auto, ridge]"], [("calibrator.blind", ABSENT, BLIND)]),
        (["predictors=[{name: all}]"], [("predictors", [{"name": "all"}], [])]),
    ],
)
def test_what_differs_is_named_with_its_default(
    overrides: list[str], rows: list[tuple[str, object, object]]
) -> None:
    """One row a setting; what is gone as a whole is one."""
    assert differing(composed(*overrides)) == rows


def test_what_a_preset_sets_is_named_too() -> None:
    """Nobody typed it."""
    found = {name: value for name, value, _ in differing(composed("experiment=open/constraint"))}

    assert found["view._target_"] == "distexp.view.pairs.ContrastView"
    assert "calibrator.ridge_joint._target_" in found


def test_a_part_of_another_kind_has_settings_of_its_own() -> None:
    """All of the mock model's stand there, and none of the embedded one's as left out."""
    found = differing(composed("model=mock"))

    model = composed("model=mock")["model"]
    assert found == [(f"model.{name}", value, ABSENT) for name, value in model.items()]
