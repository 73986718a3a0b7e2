"""Numbers in place of codes, without sorting where codes are small."""

import numpy as np

from distexp.types import IntArray


def numbered(codes: IntArray) -> IntArray:
    """Return numbers from 0 on in the order of the codes, equal ones alike.

    As ``np.unique(codes, return_inverse=True)[1]``.

    Parameters
    ----------
    codes : ndarray of shape (n,)

    Examples
    --------
    >>> numbered(np.array([7, 3, 7, -1])).tolist()
    [2, 1, 2, 0]
    """
    if not len(codes):
        return np.zeros(0, dtype=np.int64)
    first = codes.min()
    if codes.max() - first > 4 * len(codes):
        return np.unique(codes, return_inverse=True)[1]
    codes = codes - first
    places: IntArray = np.cumsum(np.bincount(codes) > 0) - 1
    return places[codes]
