"""Modules of scipy and NumPy that are loaded when something of them is called.

The default calibrators need neither scikit-learn nor scipy; others do. These import the modules
for a few functions that no calibrator calls, and take twice as long. Here stand-ins have these;
for anything else they fetch the module itself.
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

CALLED_LATER = {
    "numpy.f2py": (),
    "scipy.integrate": ("trapezoid",),
    "scipy.interpolate": ("BSpline",),
    "scipy.optimize": ("linear_sum_assignment", "linprog", "minimize"),
    "scipy.spatial": ("distance",),
    "scipy.stats": ("gmean", "rankdata", "spearmanr"),
}
"""What linear models of scikit-learn take out of modules when they are imported."""
ALONE = ("scipy.optimize._linesearch", "scipy.optimize._dcsrch")
"""Modules of theirs that it takes, and that need nothing else of them."""


def stand_in() -> None:
    """Have a stand-in imported in the place of each module that is not loaded already."""
    if not any(isinstance(one, _Finder) for one in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder, Loader):
    """Finds stand-ins where the modules would be found."""

    def __init__(self) -> None:
        self.wanted = set(CALLED_LATER)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in self.wanted:
            return ModuleSpec(fullname, self)
        parent = sys.modules.get(fullname.rpartition(".")[0])
        if isinstance(parent, _StandIn) and fullname not in ALONE:
            parent.itself()
            if fullname in sys.modules:
                return ModuleSpec(fullname, _Loaded(sys.modules[fullname]))
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name, self)

    def exec_module(self, module: ModuleType) -> None:
        """Leave it as it is."""


class _Loaded(Loader):
    """Gives a module that was loaded together with the one that it is in."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


class _StandIn(ModuleType):
    def __init__(self, name: str, finder: _Finder) -> None:
        super().__init__(name)
        self._finder = finder

    def __getattr__(self, name: str) -> object:
        if name == "__path__":
            package, _, last = self.__name__.rpartition(".")
            return [f"{folder}/{last}" for folder in import_module(package).__path__]
        if name in CALLED_LATER[self.__name__]:
            return _Later(self, name)
        return getattr(self.itself(), name)

    def itself(self) -> ModuleType:
        """Return the module, in whose place nothing stands any more."""
        name = self.__name__
        self._finder.wanted.discard(name)
        if sys.modules.get(name) is self:
            del sys.modules[name]
        return import_module(name)


class _Later:
    """A function, class or module that is fetched when it is called, or asked for what it has."""

    def __init__(self, module: _StandIn, name: str) -> None:
        self._of = module, name

    def __call__(self, *arguments: object, **settings: object) -> object:
        found: Callable[..., object] = self._found()
        return found(*arguments, **settings)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._found(), name)

    def _found(self) -> Any:
        module, name = self._of
        return getattr(module.itself(), name)
