"""Jobs of a sweep are composed quickly, and exactly as Hydra composes them."""

from collections.abc import Iterator

import pytest
from hydra import initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from distexp.sweep.composer import Composer
from tests.conftest import ABLE

JOBS = [
    ["model=mock", "evaluation.seed=1"],
    ["model=mock", "evaluation.seed=2"],
    ["evaluation.seed=1", "model=mock", "prompt=[base]"],
    ["model=mock", "calibrator=[ridge,lasso]", "calibrator.ridge.regressor.alpha=3"],
    ["model=mock", "+calibrator.ridge.regressor.fit_intercept=false", "~calibrator.auto"],
    ["model=openai_compatible", *ABLE, "model.name=m", "model.api_base=http://127.0.0.1:1/v1"],
    ["experiment=paper/calibration", "model=mock", "dataset.attributes=[sex]"],
    ["model=mock", "model.name='a, b'", "prompt={base: {x: 1}}"],
    ["model=mock", "~view", "+view=leaderboard"],
]


@pytest.fixture(scope="module")
def composers() -> Iterator[tuple[list[object], Composer]]:
    """Return Hydra's loader with the configuration of a sweep, and a composer of its own."""
    with initialize_config_module("distexp.conf", version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        master = loader.load_configuration("config", ["hydra.sweep.dir=x"], RunMode.MULTIRUN)

        def by_hydra(job: list[str]) -> object:
            return loader.load_sweep_config(master, job)

        expected: list[object] = []
        for job in JOBS:
            try:
                expected.append(by_hydra(job))
            except HydraException as exc:
                expected.append(exc)
        yield expected, Composer(loader, master)


@pytest.mark.parametrize("number", range(len(JOBS)), ids=lambda n: " ".join(JOBS[n]))
def test_jobs_are_composed_as_hydra_does(
    composers: tuple[list[object], Composer], number: int
) -> None:
    """The same settings, notes of the overrides and flags; or the same error."""
    expected, composer = composers[0][number], composers[1]
    if isinstance(expected, HydraException):
        with pytest.raises(type(expected)) as caught:
            composer.job(JOBS[number])
        assert str(caught.value) == str(expected)
        return

    for _ in range(2):  # composed, and taken from what is remembered
        config = composer.job(JOBS[number])
        assert OmegaConf.to_container(config) == OmegaConf.to_container(expected)
        assert OmegaConf.is_struct(config)


def test_jobs_do_not_share_what_they_change(composers: tuple[list[object], Composer]) -> None:
    """What one job writes into its configuration is not in that of the next."""
    composer = composers[1]
    first = composer.job(JOBS[0])
    first.evaluation.seed = 99
    first.calibrator.ridge.regressor.alpha = 99

    assert composer.job(JOBS[0]).evaluation.seed == 1
    assert composer.job(JOBS[1]).calibrator.ridge.regressor.alpha == 1
