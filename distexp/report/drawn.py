"""Figures of a run, drawn from its tables when somebody wants them."""

from pathlib import Path

from distexp import atomic
from distexp.errors import DistexpError
from distexp.evaluation.baselines import LABELS
from distexp.report import figures
from distexp.run_folder import ALIGNMENT, DISTRIBUTIONS, PREDICTIONS, SCORES

DRAWN = (DISTRIBUTIONS, ALIGNMENT)
"""Each is drawn as SVG and as PDF."""


def draw(run_dir: Path) -> list[Path]:
    """Draw the figures of a run into its folder, and return their paths.

    Raises
    ------
    DistexpError
        If the folder is not that of one run, or cannot be written.
    """
    import polars as pl

    names = [Path(name).with_suffix(suffix) for name in DRAWN for suffix in (".svg", ".pdf")]
    if not all((run_dir / name).is_file() for name in (PREDICTIONS, SCORES)):
        msg = f"{run_dir} is not the folder of one run, and only these are drawn. Name one of it."
        raise DistexpError(msg)
    try:
        predictions = pl.read_parquet(run_dir / PREDICTIONS)
        scores = pl.read_parquet(run_dir / SCORES)
        with atomic.files(run_dir) as made:
            for name in names:
                if name.stem == Path(ALIGNMENT).stem:
                    figures.alignment(scores, LABELS, made / name)
                else:
                    figures.distributions(predictions, made / name)
    except (OSError, pl.exceptions.PolarsError) as exc:
        raise DistexpError(f"{run_dir} cannot be drawn: {exc}. Run it again.") from exc
    return [run_dir / name for name in names]
