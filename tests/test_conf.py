"""Every configuration file composes and makes what it says; every typing error is named."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from hydra.errors import ConfigCompositionException, InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from distexp.experiment import Experiment
from distexp.report.tables import (
    cases_schema,
    comparisons_schema,
    predictions_schema,
    scores_schema,
)

CONF = Path(__file__).parents[1] / "conf"
FILES = sorted(
    path.relative_to(CONF)
    for path in CONF.rglob("*/*.yaml")
    if not path.name.startswith("_")  # what several files share: no choice by itself
    and "hydra" not in path.parts  # how Hydra runs a sweep: no part of an experiment
)


def composed(*overrides: str) -> DictConfig:
    """Compose as the command line would."""
    with initialize_config_module("distexp.conf", version_base="1.3"):
        return compose("config", overrides=list(overrides))


@pytest.mark.parametrize("file", FILES, ids=str)
def test_every_choice_of_every_group_makes_an_experiment(file: Path) -> None:
    """Each file composes with the defaults, and its class accepts what it says."""
    group, name = file.parts[0], Path(*file.parts[1:]).with_suffix("")
    config = composed(f"{group}={name}")
    for key in OmegaConf.missing_keys(config):  # what only its user knows: a path, an address
        OmegaConf.update(config, key, "http://127.0.0.1:1")

    assert isinstance(instantiate(config, _convert_="all"), Experiment)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_targets_lie_in_the_module_of_their_group(file: Path) -> None:
    """The folder of a file tells where its class lives."""
    config: Any = OmegaConf.load(CONF / file)

    if "_target_" in config:
        assert config._target_.startswith(f"distexp.{file.parts[0]}.")


@pytest.mark.parametrize("group", ["prompt", "calibrator"])
def test_several_choices_stand_side_by_side_under_their_names(group: str) -> None:
    """A list of choices becomes a mapping, so that each can be overridden by its name."""
    names = [file.stem for file in FILES if file.parts[0] == group]

    config = composed(f"{group}=[{','.join(names)}]")

    assert sorted({*config[group]} - {"language", "wording"}) == sorted(names)


def test_one_of_several_is_overridden_by_its_name() -> None:
    """`calibrator.random_forest.regressor.n_estimators=3` reaches the forest."""
    config = composed(
        "calibrator=[random_forest,uniform]", "calibrator.random_forest.regressor.n_estimators=3"
    )

    made = instantiate(config, _convert_="all")

    assert made.calibrator["random_forest"].regressor.n_estimators == 3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("calibrator=rigde", "Could not find 'calibrator/rigde'"),
        ("elicitation.n_smaples=3", "n_smaples"),
        ("evaluation.n_split=3", "n_split"),
    ],
)
def test_misspelt_choice_or_key_is_named(override: str, message: str) -> None:
    """A typing error never passes for a setting."""
    with pytest.raises(ConfigCompositionException) as caught:
        composed(override)

    assert message in f"{caught.value} {caught.value.__cause__}"


def test_wrong_value_names_its_place() -> None:
    """The class's own sentence comes with the key that holds the value."""
    config = composed("elicitation=verbalized", "elicitation.n_samples=lots")

    with pytest.raises(InstantiationException, match="full_key: elicitation") as caught:
        instantiate(config, _convert_="all")

    assert "must be an int >= 1. Got 'lots' instead." in str(caught.value.__cause__)


def test_tables_begin_with_the_condition() -> None:
    """Tables of different runs can be stacked: the same first columns, by the same names."""
    first = ["dataset", "model", "elicitation", "prompt"]

    assert list(predictions_schema())[:4] == list(cases_schema())[:4] == first
    assert list(scores_schema()) == [
        *first, "calibrator", "scope", "metric", "detail", "value", "low", "high",
        "n_questions", "n_groups", "n_respondents", "n_splits", "n_train",
    ]  # fmt: skip
    assert list(comparisons_schema()) == [
        *first, "method", "other", "metric", "difference", "low", "high", "p", "p_flips",
        "p_holm", "family", "detectable", "n_questions",
    ]  # fmt: skip
