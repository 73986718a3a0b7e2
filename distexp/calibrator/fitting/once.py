"""Small fits that several ask for, made once.

What ignores the model is the same for every prompt, and where a mixture holds it too.
"""

from dataclasses import fields
from hashlib import sha256

import numpy as np

from distexp.calibrator.fitting.left_out import LeavesOut
from distexp.types import Design, FloatArray

MOST = 2**18
"""Numbers predicted together, up to which they are kept."""
KEPT = 16
"""Results that are kept; the oldest goes first."""
_kept: dict[bytes, tuple[FloatArray, FloatArray]] = {}


def is_small(y: FloatArray, weights: FloatArray) -> bool:
    """Whether what is predicted by a fit for each row of `weights` is kept."""
    return len(weights) * y.size <= MOST


def fit_leave_out(
    calibrator: LeavesOut, X: Design, y: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what the method of that name returns, or has returned for the same.

    Where one of the calibrator's settings is no number or text, nothing is kept.
    """
    settings: dict[str, object] = getattr(calibrator, "get_params", dict)()
    plain = settings and all(
        isinstance(one, str | int | float | None) for one in settings.values()
    )
    if not plain or not is_small(y, weights):
        return calibrator.fit_leave_out(X, y, weights)
    key = _digest(f"{type(calibrator)} {settings}", X, y, weights)
    found = _kept.get(key)
    if found is None:
        found = calibrator.fit_leave_out(X, y, weights)
        for array in found:
            array.flags.writeable = False  # whoever is given them next must find them as they are
        while len(_kept) >= KEPT:
            _kept.pop(next(iter(_kept)), None)
        _kept[key] = found
    return found


def _digest(name: str, X: Design, *arrays: FloatArray) -> bytes:
    """Return a digest of all that predictions depend on."""
    digest = sha256(name.encode())
    for array in (*(getattr(X, field.name) for field in fields(X)), *arrays):
        of = np.asarray(array)
        content = repr(of.tolist()).encode() if of.dtype == object else of.tobytes()
        digest.update(f"\n{of.dtype} {of.shape} ".encode() + content)
    return digest.digest()
