"""What a run folder holds, what of it goes into a bundle, and under which names."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from distexp.errors import DatasetError, DistexpError
from distexp.run_folder import (
    ALIGNMENT,
    CONFIG,
    DISTRIBUTIONS,
    OVERRIDES,
    PREDICTIONS,
    PROVENANCE,
    REPORT,
    REQUESTS,
    SENTENCES,
    SUMMARY,
)
from distexp.trust import checked

RUN, DATA, LOCK = "run", "data", "lock.txt"
"""Members of a bundle: folders of the run's files and of the data, and the versions installed."""

TEXTS = (CONFIG, OVERRIDES, PROVENANCE, SUMMARY, REQUESTS, SENTENCES, REPORT)
TABLES = (
    "scores", "comparisons", "cases", "predictions", "unreadable", "replies", "questions",
    "new_topics", "group_scores", "spreads", "refits", "trials", "estimates",
)  # fmt: skip
FIGURE = ALIGNMENT
"""There if the run was drawn."""
FILES = (*TEXTS, *(f"{name}.parquet" for name in TABLES), FIGURE, DISTRIBUTIONS)
"""But for the page, which is made of these."""
HUMAN = frozenset({PREDICTIONS, DISTRIBUTIONS})
"""Files of a run that state the human answers, which must not always be passed on."""

OF_VIEW = (".md", ".parquet", ".svg")
LEADERBOARD = "leaderboard"
PATHS = ("path", "codebook")
"""Settings of a dataset that lead to its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A finished run: a folder of its own, or one in that of a sweep."""

    folder: Path
    name: str
    """Below the folder of the sweep; "." for a run by itself."""
    config: DictConfig
    provenance: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path, name: str) -> Self:
        """Read what a finished run says of itself.

        Raises
        ------
        DistexpError
            If files are missing or say too little.
        """
        try:
            config = OmegaConf.load(folder / CONFIG)
            provenance = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as exc:
            raise DistexpError(f"{folder} is no finished run: {exc}") from exc
        said = {"versions", "files", "gated", "shows_human_answers", "requests_sha256"}
        if missing := sorted(said - set(provenance)):
            msg = (
                f"{folder / PROVENANCE} lacks {', '.join(missing)}: an earlier distexp wrote it. "
                "Run the same command again, which costs nothing, and take the new folder."
            )
            raise DistexpError(msg)
        assert isinstance(config, DictConfig)
        return cls(folder=folder, name=name, config=config, provenance=provenance)

    @property
    def view(self) -> str | None:
        """The name of the view that was written beside the results."""
        if self.config.get("view") is None:
            return None
        return str(instantiate(checked(self.config.view)).name)

    def request_keys(self) -> list[str]:
        """Return the keys of the requests that were answered.

        Raises
        ------
        DistexpError
            If the file is missing or was changed.
        """
        path = self.folder / REQUESTS
        try:
            content = path.read_bytes()
        except OSError as exc:
            raise DistexpError(f"{path} cannot be read: {exc.strerror}.") from exc
        if hashlib.sha256(content).hexdigest() != self.provenance["requests_sha256"]:
            raise DistexpError(f"{path} was changed: it has not the SHA-256 in {PROVENANCE}.")
        return content.decode().split()

    def files(self) -> list[str]:
        """Return the names of the files that the run left, others in its folder left out."""
        return there(self.folder, [*FILES, *files_of_views([self.view])])

    def data(self) -> Iterator[tuple[str, Path]]:
        """Yield name and path of each file that the dataset read.

        Raises
        ------
        DatasetError
            If one is no longer where it was, or no longer what it was.
        """
        names = (*(f"dataset.{name}" for name in PATHS), "questions")
        listed = [OmegaConf.select(self.config, name) for name in names]
        values = [one if OmegaConf.is_list(one) else [one] for one in listed if one is not None]
        roots = {Path(one).absolute() for value in values for one in value}
        for name, sha256 in self.provenance["files"].items():
            top = name.split("/")[0]
            path = next((root.parent / name for root in roots if root.name == top), Path(name))
            check_data(path, sha256)
            yield name, path


def jobs_in(folder: Path) -> list[Job]:
    """Return the run in a folder, or those of a sweep.

    Raises
    ------
    DistexpError
        If there is none.
    """
    if (folder / PROVENANCE).is_file():
        return [Job.read(folder, ".")]
    found = sorted(path.parent for path in folder.rglob(REPORT))
    if not found:
        msg = f"{folder} is no finished run, and holds none: there is no {REPORT}."
        raise DistexpError(msg)
    return [Job.read(one, one.relative_to(folder).as_posix()) for one in found]


def member(job: str, name: str) -> str:
    """Return the name in a bundle of a file that a job left."""
    return f"{RUN}/{name}" if job == "." else f"{RUN}/{job}/{name}"


def files_of_sweep(folder: Path, jobs: Sequence[Job]) -> list[str]:
    """Return the names of the files that a sweep left beside its jobs."""
    return there(folder, files_of_views([LEADERBOARD, *(job.view for job in jobs)]))


def files_of_views(names: Sequence[str | None]) -> list[str]:
    """Return the names of the files that views write."""
    different = dict.fromkeys(name for name in names if name is not None)
    return [f"{name}{suffix}" for name in different for suffix in OF_VIEW]


def there(folder: Path, names: Sequence[str]) -> list[str]:
    """Return those names that are files in a folder."""
    return [name for name in names if (folder / name).is_file()]


def link(path: Path, place: Path) -> None:
    """Have a file appear in another place too."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(path.absolute())


def check_data(path: Path, sha256: str) -> None:
    """Raise `DatasetError` unless a file of human data is there, and the one that was read."""
    if not path.is_file():
        msg = (
            f"There is no {path}, which the run read. Where it is not in the bundle, name the "
            "folder that it lies in with --data FOLDER."
        )
        raise DatasetError(msg)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        msg = (
            f"{path} is not the file that the run read: its SHA-256 is {found}, and that was "
            f"{sha256}. Get the same release of the data."
        )
        raise DatasetError(msg)
