"""Experiments on how well language models estimate the answers of human groups to surveys.

From Python (`docs/python.md`)::

    import distexp as dx
    run = dx.ask(dx.survey("gss2018"), model="smollm2")
    run.evaluate(["auto", "ridge"]).summary()

The protocols of the parts are in `distexp.protocols`, the records in `distexp.types`; the command
`distexp` puts an experiment together from YAML. Importing this package imports nothing heavy.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distexp.api.arrays import Calibrator
    from distexp.api.asking import ask, forecast
    from distexp.api.cards import read_card
    from distexp.api.runs import runs, write
    from distexp.api.surveys import questionnaire, survey

    __version__: str

__all__ = (
    "Calibrator", "__version__", "ask", "forecast", "questionnaire", "read_card", "runs", "survey",
    "write",
)  # fmt: skip

_HOMES = {
    "Calibrator": "arrays",
    "ask": "asking",
    "forecast": "asking",
    "questionnaire": "surveys",
    "read_card": "cards",
    "runs": "runs",
    "survey": "surveys",
    "write": "runs",
}
"""Modules of `distexp.api`, which are imported when a name of them is first asked for."""


def __getattr__(name: str) -> object:
    """Look up the version, or what `distexp.api` holds, only when asked for (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("distexp")
    if name in _HOMES:
        return getattr(_import_module(f"distexp.api.{_HOMES[name]}"), name)
    msg = f"module 'distexp' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
