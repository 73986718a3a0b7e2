"""A module of scipy that is loaded when something of it is called.

scikit-learn imports `scipy.stats` for three functions that no calibrator calls, and takes half as
long without. Here a stand-in has these; for anything else it fetches the module itself.
"""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

NAME = "scipy.stats"
CALLED_LATER = ("gmean", "rankdata", "spearmanr")
"""What linear models of scikit-learn take out of it when they are imported."""


def stand_in() -> None:
    """Put a stand-in in the place of `scipy.stats`, unless that is loaded already."""
    if NAME not in sys.modules:
        sys.modules[NAME] = _StandIn(NAME)


class _StandIn(ModuleType):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)

    def __getattr__(self, name: str) -> object:
        if name == "__path__":
            return [f"{folder}/stats" for folder in import_module("scipy").__path__]
        if name not in CALLED_LATER:
            return getattr(_loaded(), name)

        def called(*arguments: object, **settings: object) -> object:
            return getattr(_loaded(), name)(*arguments, **settings)

        return called


def _loaded() -> ModuleType:
    if isinstance(sys.modules.get(NAME), _StandIn):
        del sys.modules[NAME]
    return import_module(NAME)
