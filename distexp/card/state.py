"""A fitted calibrator as plain JSON, and back: data that is read, never code that is run."""

import math
import re
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass, fields
from importlib import import_module
from importlib.util import find_spec
from inspect import isabstract, signature
from typing import Any

import numpy as np

from distexp.calibrator.fitting.exported import Linear, Monotone, Trees, exported
from distexp.calibrator.fitting.parameters import clone
from distexp.calibrator.fitting.ridge import PlainRidge
from distexp.card.fields import field_error
from distexp.errors import ConfigError
from distexp.protocols import Calibrator
from distexp.request import Json

ARRAYS = {kind.__name__: kind for kind in (Linear, Trees, Monotone)}
DTYPES = {"f": "float64", "i": "int64", "u": "int64", "b": "bool"}
"""By numpy's kind of a number, how arrays of it are written."""
_ITEMS = {"float64": (int, float), "int64": (int,), "bool": (bool,)}
_INFINITE = {"inf": math.inf, "-inf": -math.inf}
_MODULE = re.compile(r"distexp\.calibrator\.[a-z_]+")
_METHODS = ("check_params", "fit", "predict")
_LEARNED = re.compile(r"[a-z]([a-z0-9_]*[a-z0-9])?_")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a constructor was given that is no calibrator: shown, and never made again."""

    name: str
    """Its class."""
    params: Mapping[str, object]


def to_json(calibrator: Calibrator) -> Json:
    """Write the settings of a calibrator and what it has learnt.

    It becomes ``{"calibrator": CLASS, "params": ..., "state": ...}``: the state is every attribute
    whose name ends in an underscore, and in it fitted scikit-learn regressors become the arrays of
    `distexp.calibrator.fitting.exported`. What its settings hold is written as if never fitted.

    Returns
    -------
    JSON value
        `from_json` makes a calibrator of it with the same predictions.

    Raises
    ------
    ConfigError
        If it holds something that has no such form; says what and where.
    """
    return _encoded(calibrator, "calibrator", learned=True)


def from_json(document: Json) -> Calibrator:
    """Make the calibrator that `to_json` wrote.

    Nothing is made but calibrators that a module of `distexp.calibrator` defines, and arrays.

    Raises
    ------
    ConfigError
        If the document is not of that form; says what is wrong and where.
    """
    try:
        calibrator = _decoded(document, "calibrator")
    except RecursionError as exc:
        raise ConfigError("The calibrator is nested too deeply.") from exc
    if not isinstance(calibrator, Calibrator):
        raise field_error("calibrator", "a calibrator", document)
    return calibrator


def tells_groups_apart(calibrator: object) -> bool:
    """Return whether a fitted calibrator, or one that it learnt, treats groups differently.

    Its scope says so, or it has learnt something under a name in which groups occur.
    """
    if isinstance(calibrator, Mapping):
        return any(map(tells_groups_apart, calibrator.values()))
    if isinstance(calibrator, list | tuple):
        return any(map(tells_groups_apart, calibrator))
    if not isinstance(calibrator, Calibrator):
        return False
    learned = {name: of for name, of in vars(calibrator).items() if _LEARNED.fullmatch(name)}
    return (
        calibrator.scope in ("per_group", "partial")
        or any("group" in name and not _is_empty(of) for name, of in learned.items())
        or tells_groups_apart(learned)
    )


def _is_empty(value: object) -> bool:
    return isinstance(value, Sized) and len(value) == 0


def _encoded(value: Any, where: str, *, learned: bool) -> Json:
    """Write a value; `learned` tells whether what was fitted in it is kept."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic):
        return _encoded(value.item(), where, learned=learned)
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value, where, learned)
    return _encoded_object(value, where, learned=learned)


def _write_number(value: float, where: str, _: bool) -> Json:
    number = _number(value, where)
    return {"float": number} if isinstance(number, str) else number


def _write_array(values: Any, where: str, _: bool) -> Json:
    dtype = DTYPES.get(values.dtype.kind)
    if dtype is None:
        raise ConfigError(f"{where} is an array of {values.dtype}: only numbers can be written.")
    flat = values.astype(dtype).ravel().tolist()
    if dtype == "float64":
        flat = [_number(value, where) for value in flat]
    return {"array": dtype, "shape": list(values.shape), "values": flat}


def _write_list(values: Any, where: str, learned: bool) -> Json:
    return [_encoded(of, f"{where}[{i}]", learned=learned) for i, of in enumerate(values)]


def _write_tuple(values: Any, where: str, learned: bool) -> Json:
    return {"tuple": _write_list(values, where, learned)}


def _write_dict(values: Any, where: str, learned: bool) -> Json:
    pairs = [
        [_key(key, where), _encoded(of, f"{where}[{key}]", learned=learned)]
        for key, of in values.items()
    ]
    return {"dict": pairs}


def _write_regressor(regressor: Any, where: str, _: bool) -> Json:
    arrays = {field.name: getattr(regressor, field.name) for field in fields(regressor)}
    return {"arrays": type(regressor).__name__, "fields": _fields(arrays, where, learned=True)}


def _write_setting(setting: Any, where: str, _: bool) -> Json:
    return {"setting": setting.name, "params": _fields(setting.params, where, learned=False)}


_WRITERS: tuple[tuple[Any, Callable[[Any, str, bool], Json]], ...] = (
    (int | float, _write_number),
    (np.ndarray, _write_array),
    (list, _write_list),
    (tuple, _write_tuple),
    (Mapping, _write_dict),
    (Linear | Trees | Monotone, _write_regressor),
    (Setting, _write_setting),
)
"""By type, how a value is written; anything else is an object with settings of its own."""


def _encoded_object(value: Any, where: str, *, learned: bool) -> Json:
    """Write a calibrator, or a scikit-learn estimator."""
    value = clone(value) if isinstance(value, PlainRidge) else value
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    is_calibrator = _class(name) is not None
    if not is_calibrator and not name.startswith(
        "sklearn." if learned else ("sklearn.", "distexp.")
    ):
        msg = f"{where} holds a {name}, which a card cannot: it is no calibrator of distexp's own."
        raise ConfigError(msg)
    state = {key: of for key, of in sorted(vars(value).items()) if _LEARNED.fullmatch(key)}
    if state and learned and not is_calibrator:
        try:
            return _encoded(exported(value), where, learned=True)
        except ConfigError as exc:
            raise ConfigError(f"In {where}: {exc}") from exc
    names = signature(type(value)).parameters
    params = _fields({key: getattr(value, key) for key in names}, where, learned=False)
    if not is_calibrator:
        return {"setting": name, "params": params}
    kept = state if learned else {}
    return {"calibrator": name, "params": params, "state": _fields(kept, where, learned=True)}


def _fields(values: Mapping[str, object], where: str, *, learned: bool) -> dict[str, Json]:
    return {name: _encoded(of, f"{where}.{name}", learned=learned) for name, of in values.items()}


def _number(value: float, where: str) -> float | str:
    if math.isnan(value):
        raise ConfigError(f"{where} is not a number (NaN), and a card holds none.")
    return value if math.isfinite(value) else str(value)


def _key(key: object, where: str) -> int | str:
    if isinstance(key, np.integer):
        return int(key)
    if isinstance(key, bool) or not isinstance(key, int | str):
        raise ConfigError(f"{where} has the key {key!r}: only texts and whole numbers can be one.")
    return key


def _decoded(value: Json, where: str) -> Any:
    if isinstance(value, list):
        return [_decoded(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        if (read := _READERS.get(frozenset(value))) is None:
            known = "; ".join(", ".join(sorted(form)) for form in _READERS)
            raise field_error(where, f"an object with one of the sets of keys {known}", value)
        return read(value, where)
    if isinstance(value, float) and not math.isfinite(value):
        raise field_error(where, "a finite number", value)
    return value


def _read_float(value: Any, where: str) -> float:
    if not isinstance(value["float"], str) or value["float"] not in _INFINITE:
        raise field_error(where, "one of inf, -inf", value["float"])
    return _INFINITE[value["float"]]


def _read_tuple(value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value["tuple"], list):
        raise field_error(where, "a list", value["tuple"])
    return tuple(_decoded(value["tuple"], where))


def _read_dict(value: Any, where: str) -> dict[int | str, Any]:
    pairs = value["dict"]
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list)
        and len(pair) == 2
        and isinstance(pair[0], int | str)
        and not isinstance(pair[0], bool)
        for pair in pairs
    ):
        raise field_error(where, "a list of pairs of a text or whole number and a value", pairs)
    return {key: _decoded(of_key, f"{where}[{key}]") for key, of_key in pairs}


def _read_array(value: Any, where: str) -> Any:
    dtype, shape, values = value["array"], value["shape"], value["values"]
    kinds = _ITEMS.get(dtype) if isinstance(dtype, str) else None
    if kinds is None or not isinstance(shape, list) or not isinstance(values, list):
        raise field_error(where, f"an array of one of {', '.join(_ITEMS)}", value)
    if (
        not all(type(length) is int and length >= 0 for length in shape)
        or math.prod(shape) != len(values)
        or len(shape) > 8
    ):
        raise field_error(where, f"an array of {len(values)} values, but has the shape", shape)
    if dtype == "float64":
        values = [_INFINITE.get(item, item) if isinstance(item, str) else item for item in values]
    if not all(type(item) in kinds and not _is_nan(item) for item in values):
        raise field_error(where, f"an array of {dtype}, and holds something else", value)
    try:
        return np.array(values, dtype=dtype).reshape(shape)
    except (OverflowError, ValueError) as exc:
        raise ConfigError(f"{where} is no array: {exc}") from exc


def _is_nan(item: object) -> bool:
    return isinstance(item, float) and math.isnan(item)


def _read_arrays(value: Any, where: str) -> Any:
    kind = ARRAYS.get(str(value["arrays"]))
    if kind is None or not isinstance(value["fields"], Mapping):
        raise field_error(where, f"one of {', '.join(ARRAYS)} with its fields", value["arrays"])
    return _made(kind, _decoded_fields(value["fields"], where), where)


def _read_setting(value: Any, where: str) -> Setting:
    name, params = value["setting"], value["params"]
    if not isinstance(name, str) or not isinstance(params, Mapping):
        raise field_error(where, "a class and its parameters", value)
    return Setting(name=name, params=_decoded_fields(params, where))


def _read_calibrator(value: Any, where: str) -> Any:
    name, params, state = value["calibrator"], value["params"], value["state"]
    kind = _class(name) if isinstance(name, str) else None
    if kind is None:
        raise field_error(where, "a class of calibrators that this distexp has", name)
    if not isinstance(params, Mapping) or not isinstance(state, Mapping):
        raise field_error(where, "a calibrator with objects as params and state", value)
    calibrator = _made(kind, _decoded_fields(params, where), where)
    for key, of_key in _decoded_fields(state, where).items():
        if not _LEARNED.fullmatch(key):
            raise field_error(where, "a state of names that end in an underscore", key)
        setattr(calibrator, key, of_key)
    return calibrator


_READERS: dict[frozenset[str], Callable[[Any, str], Any]] = {
    frozenset({"float"}): _read_float,
    frozenset({"tuple"}): _read_tuple,
    frozenset({"dict"}): _read_dict,
    frozenset({"array", "shape", "values"}): _read_array,
    frozenset({"arrays", "fields"}): _read_arrays,
    frozenset({"setting", "params"}): _read_setting,
    frozenset({"calibrator", "params", "state"}): _read_calibrator,
}
"""By the keys of an object, what it is read as."""


def _decoded_fields(values: Mapping[str, Json], where: str) -> dict[str, Any]:
    return {name: _decoded(of, f"{where}.{name}") for name, of in values.items()}


def _made(kind: type, arguments: Mapping[str, Any], where: str) -> Any:
    try:
        return kind(**arguments)
    except (AttributeError, IndexError, TypeError, ValueError) as exc:
        raise ConfigError(f"{where} is no {kind.__name__}: {exc}") from exc


def _class(name: str) -> type | None:
    """Return the class of calibrators of that name; None if distexp defines none."""
    module, _, of_module = name.rpartition(".")
    if not _MODULE.fullmatch(module) or find_spec(module) is None:
        return None
    found = getattr(import_module(module), of_module, None)
    if not isinstance(found, type) or found.__module__ != module or isabstract(found):
        return None
    return found if all(callable(getattr(found, name, None)) for name in _METHODS) else None
