"""Fits that several ask for, made once.

What ignores the model is the same for every prompt, and where a mixture holds it too. Of small
fits what they predict is kept, of large ones their coefficients.
"""

from collections.abc import Callable
from dataclasses import fields
from hashlib import sha256

import numpy as np

from distexp.calibrator.fitting.left_out import LeavesOut
from distexp.calibrator.fitting.panels import Coefficients
from distexp.types import Design, FloatArray

MOST = 2**18
"""Numbers predicted together, up to which they are kept."""
KEPT = 16
"""Results that are kept; the oldest goes first."""
MOST_FITS = 512
"""Fits whose coefficients are kept, likewise: more than the splits of a method."""
_kept: dict[bytes, tuple[FloatArray, ...]] = {}
_coefficients: dict[bytes, Coefficients] = {}


def is_small(y: FloatArray, weights: FloatArray) -> bool:
    """Whether what is predicted by a fit for each row of `weights` is kept."""
    return len(weights) * y.size <= MOST


def fit_predict(
    calibrator: LeavesOut, X: Design, y: FloatArray, weights: FloatArray
) -> FloatArray:
    """Return what the method of that name returns, or either of these two has for the same."""
    key = _key(calibrator, X, y, weights)
    if key is None:
        return calibrator.fit_predict(X, y, weights)
    both = _kept.get(key)
    if both is None:
        both = made(key + b" alone", lambda: (calibrator.fit_predict(X, y, weights),))
    return both[0]


def fit_leave_out(
    calibrator: LeavesOut, X: Design, y: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what the method of that name returns, or has returned for the same.

    Where one of the calibrator's settings is no number or text, nothing is kept.
    """
    key = _key(calibrator, X, y, weights)
    if key is None:
        return calibrator.fit_leave_out(X, y, weights)
    fitted, without = made(key, lambda: calibrator.fit_leave_out(X, y, weights))
    return fitted, without


def coefficients(key: bytes) -> Coefficients | None:
    """Return those of a fit that were kept."""
    return _coefficients.get(key)


def keep(key: bytes, found: Coefficients) -> None:
    """Keep the coefficients of a fit; `key` is a digest of all that they depend on."""
    while len(_coefficients) >= MOST_FITS:
        _coefficients.pop(next(iter(_coefficients)), None)
    _coefficients[key] = found


def made(key: bytes, make: Callable[[], tuple[FloatArray, ...]]) -> tuple[FloatArray, ...]:
    """Return what is kept under a key, or make and keep it; nobody may write into it."""
    found = _kept.get(key)
    if found is None:
        found = make()
        for array in found:
            array.flags.writeable = False  # whoever is given them next must find them as they are
        while len(_kept) >= KEPT:
            _kept.pop(next(iter(_kept)), None)
        _kept[key] = found
    return found


def _key(calibrator: LeavesOut, X: Design, y: FloatArray, weights: FloatArray) -> bytes | None:
    """Return a digest of all that predictions depend on, None where they are not kept."""
    settings: dict[str, object] = getattr(calibrator, "get_params", dict)()
    plain = settings and all(
        isinstance(one, str | int | float | None) for one in settings.values()
    )
    if not plain or not is_small(y, weights):
        return None
    arrays = *(getattr(X, field.name) for field in fields(X)), y, weights
    return digest(f"{type(calibrator)} {settings}", *arrays)


def digest(name: str, *arrays: object) -> bytes:
    """Return a digest of a name and of arrays, their shapes and types."""
    digested = sha256(name.encode())
    for array in arrays:
        of = np.asarray(array)
        content = repr(of.tolist()).encode() if of.dtype == object else of.tobytes()
        digested.update(f"\n{of.dtype} {of.shape} ".encode() + content)
    return digested.digest()
