"""The tables that are given out: frames of Polars that say what pandas would need."""

from typing import Any

import polars as pl  # noqa: TID253 - this module is imported where a table is made

from distexp.errors import ConfigError, to_install

NEEDS = (
    "A pandas frame needs pandas and pyarrow, and {name} is not installed. Install both with: "
    "{command}. Without them distexp.write(table, 'FILE.csv') writes a file."
)


class Table(pl.DataFrame):
    """A frame of Polars; what is made of it by Polars is one of Polars' own."""

    def to_pandas(self, *arguments: Any, **settings: Any) -> Any:
        """Return the same as a pandas frame, as Polars does.

        Raises
        ------
        ConfigError
            If pandas or pyarrow is not installed.
        """
        try:
            return super().to_pandas(*arguments, **settings)
        except ModuleNotFoundError as exc:
            msg = NEEDS.format(name=exc.name or "one of them", command=to_install("pandas"))
            raise ConfigError(msg) from exc
