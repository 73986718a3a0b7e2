"""How a sample was drawn, and how many people drawn one by one would tell as much.

References
----------
Särndal, Swensson and Wretman (1992), Model Assisted Survey Sampling, sections 5.5 and 5.8; Lumley
(2010), Complex Surveys, chapters 2 and 3. The numbers are those of R's `survey` with
``options(survey.lonely.psu = "adjust")``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from distexp.dataset.files.codes import parse_code
from distexp.errors import DatasetError
from distexp.types import FloatArray, IntArray

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDesign:
    """The strata and primary sampling units (PSUs) of a survey's respondents."""

    psu: IntArray
    """Shape (n_respondents,): a number from 0 for each PSU; those of two strata always differ."""
    stratum: IntArray
    """Shape (n_psus,): the number of the stratum of each PSU."""

    @classmethod
    def of(cls, stratum: IntArray | None, psu: IntArray | None, n_respondents: int) -> Self:
        """Return the design of a sample.

        Parameters
        ----------
        stratum : ndarray of shape (n_respondents,), optional
            Equal numbers mark the same stratum; None is one for all.
        psu : ndarray of shape (n_respondents,), optional
            Likewise, within a stratum; None makes each respondent one.
        n_respondents : int
        """
        none = np.zeros(n_respondents, dtype=np.int64)
        each = np.arange(n_respondents)
        pairs = np.c_[none if stratum is None else stratum, each if psu is None else psu]
        units, of_respondent = np.unique(pairs, axis=0, return_inverse=True)
        strata = np.unique(units[:, 0], return_inverse=True)[1]
        return cls(psu=of_respondent.ravel().astype(np.int64), stratum=strata.astype(np.int64))

    @property
    def n_lonely(self) -> int:
        """How many strata have but one PSU."""
        return int((np.bincount(self.stratum) == 1).sum())

    def effective_number(
        self, rows: IntArray, option: IntArray, weight: FloatArray, n_options: int
    ) -> float | None:
        r"""Return how many people drawn one by one would tell as much of the shares of a cell.

        Shares are ratios, linearised after Taylor: of person i, :math:`z_i = w_i (y_i - p) / W`
        in the cell and 0 outside, so that units without anybody of the cell count too. The
        variance of a share is that between the units' sums of z within strata; a unit alone in
        its stratum is compared with the mean of all, which is 0. The number is n over the design
        effect of all shares together,

        .. math:: \frac{n}{n - 1} \cdot \frac{\sum_k p_k (1 - p_k)}{\sum_k V_k}.

        Parameters
        ----------
        rows : ndarray of shape (n,)
            The respondents of the cell.
        option : ndarray of shape (n,)
            What each of them answered, from 0.
        weight : ndarray of shape (n,)
            Above 0.
        n_options : int

        Returns
        -------
        float or None
            None where the sample says nothing of it: one person, all of one mind, or a variance
            of 0.
        """
        shares = np.bincount(option, weight, n_options) / weight.sum()
        chosen = option[:, None] == np.arange(n_options)
        z = (weight / weight.sum())[:, None] * (chosen - shares)
        n_psus = len(self.stratum)
        sums = np.column_stack([np.bincount(self.psu[rows], of, n_psus) for of in z.T])
        size = np.bincount(self.stratum)
        squares, total = (
            np.column_stack([np.bincount(self.stratum, of, len(size)) for of in values.T])
            for values in (sums**2, sums)
        )
        alone = size == 1
        factor = np.where(alone, 1.0, size / np.where(alone, 1, size - 1))
        centre = np.where(alone[:, None], 0.0, total**2 / size[:, None])
        variance = float((factor[:, None] * (squares - centre)).sum())
        spread, n = float((shares * (1 - shares)).sum()), len(rows)
        if n < 2 or spread <= 0 or variance <= spread * np.finfo(float).eps:
            return None
        return n / (n - 1) * spread / variance


def units(column: str, table: "pl.DataFrame", path: Path, key: str) -> IntArray:
    """Return a number for what each respondent has in a column, shape (n_respondents,).

    Raises
    ------
    DatasetError
        If somebody has nothing there; `key` is what the codebook calls the column.
    """
    import polars as pl

    cells = table[column].cast(pl.String)
    codes = {cell: parse_code(cell) for cell in cells.unique(maintain_order=True).to_list()}
    blank = [cell for cell, code in codes.items() if code is None]
    if blank:
        n_blank = sum(int((cells == cell).sum()) for cell in blank if cell is not None)
        n_blank += cells.null_count()
        msg = (
            f"{n_blank} of {table.height} values in column {column!r} of {path} are blank, and "
            f"the codebook names it as {key}. Filter these respondents out, or leave {key} out."
        )
        raise DatasetError(msg)
    known = {code: place for place, code in enumerate(dict.fromkeys(codes.values()))}
    return np.array([known[codes[cell]] for cell in cells.to_list()], dtype=np.int64)
