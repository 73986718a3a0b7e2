"""Something for each of several models, told apart as objects, whether or not they are equal."""

from collections.abc import Iterable, Iterator, MutableMapping
from typing import Generic, TypeVar

from distexp.protocols import Model

Of = TypeVar("Of")


class ByModel(MutableMapping[Model, Of], Generic[Of]):
    """A mapping whose keys are models: each only equals itself, and need not be hashable.

    It holds its models, so that none of them makes way for another with the same identity.

    Parameters
    ----------
    pairs : iterable of model and value
        Of one model the last value counts, at the place of the first.
    """

    def __init__(self, pairs: Iterable[tuple[Model, Of]] = ()) -> None:
        self._pairs: dict[int, tuple[Model, Of]] = {}
        self.update(pairs)

    def __getitem__(self, model: Model) -> Of:
        try:
            return self._pairs[id(model)][1]
        except KeyError:
            raise KeyError(model) from None

    def __setitem__(self, model: Model, value: Of) -> None:
        self._pairs[id(model)] = (model, value)

    def __delitem__(self, model: Model) -> None:
        del self._pairs[id(model)]

    def __iter__(self) -> Iterator[Model]:
        return (model for model, _ in self._pairs.values())

    def __contains__(self, model: object) -> bool:
        return id(model) in self._pairs

    def __len__(self) -> int:
        return len(self._pairs)


def each_once(models: Iterable[Model]) -> list[Model]:
    """Return each model once, in order of first appearance."""
    return list(ByModel((model, None) for model in models))
