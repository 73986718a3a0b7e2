"""Experiments on how well language models estimate the answers of human groups to surveys.

The public parts are the protocols in `distexp.protocols`, the records in `distexp.types` and
`distexp.experiment.Experiment`; the command `distexp` puts an experiment together from YAML.
Importing this package imports nothing heavy.
"""

from importlib.metadata import version as _version

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    """Look the version up only when asked for."""
    if name == "__version__":
        return _version("distexp")
    msg = f"module 'distexp' has no attribute {name!r}"
    raise AttributeError(msg)
