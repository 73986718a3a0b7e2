"""What calibrators have in common with scikit-learn's estimators, without importing them.

scikit-learn's functions take calibrators all the same: they ask for `get_params` alone.
"""

from collections.abc import Mapping
from copy import deepcopy
from inspect import Parameter, signature
from typing import Any, Self


class Parameters:
    """An object whose constructor keeps each of its parameters under the same name."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; `deep` adds theirs, as in `regressor__alpha`."""
        found = {name: getattr(self, name) for name in sorted(_parameters(self))}
        for name, value in [*found.items()] if deep else ():
            if hasattr(value, "get_params") and not isinstance(value, type):
                found |= {f"{name}__{inner}": of for inner, of in value.get_params().items()}
        return found

    def set_params(self, **params: Any) -> Self:
        """Set parameters; `__` reaches those of a parameter.

        Raises
        ------
        ValueError
            If there is none of that name.
        """
        for name, value in sorted(params.items(), key=lambda item: "__" in item[0]):
            outer, _, inner = name.partition("__")
            known = sorted(_parameters(self))
            if outer not in known:
                msg = f"{type(self).__name__} has no parameter {outer!r}, only {', '.join(known)}."
                raise ValueError(msg)
            if inner:
                getattr(self, outer).set_params(**{inner: value})
            else:
                setattr(self, outer, value)
        return self

    def __repr__(self) -> str:
        given = [
            f"{name}={getattr(self, name)!r}"
            for name, parameter in _parameters(self).items()
            if parameter.default is Parameter.empty
            or repr(parameter.default) != repr(getattr(self, name))
        ]
        return f"{type(self).__name__}({', '.join(given)})"


def clone(part: Any) -> Any:
    """Copy an object with its parameters, and without what it has learnt."""
    if isinstance(part, list | tuple):
        return type(part)(map(clone, part))
    if isinstance(part, type) or not hasattr(part, "get_params"):
        return deepcopy(part)
    if hasattr(part, "__sklearn_clone__"):
        return part.__sklearn_clone__()
    return type(part)(**{name: clone(of) for name, of in part.get_params(deep=False).items()})


def check_fitted(part: object) -> None:
    """Raise scikit-learn's `NotFittedError` where nothing has been learnt."""
    if not any(name.endswith("_") and not name.startswith("__") for name in vars(part)):
        from sklearn.exceptions import NotFittedError

        raise NotFittedError(f"This {type(part).__name__} is not fitted yet. Call fit first.")


def _parameters(part: object) -> Mapping[str, Parameter]:
    return signature(type(part)).parameters
