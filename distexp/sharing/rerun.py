"""The runs of a bundle made again, from nothing but what is in it."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from distexp.cache import ResponseCache
from distexp.run_folder import CONFIG, OVERRIDES, PROVENANCE
from distexp.sharing.archive import BUNDLE, FORMATS, adopted
from distexp.sharing.checking import RECORDS
from distexp.sharing.confined import confined
from distexp.sharing.contents import (
    DATA,
    FIGURE,
    LEADERBOARD,
    LOCK,
    RUN,
    check_data,
    link,
    member,
)
from distexp.sharing.parcel import MANIFEST, Parcel, opened
from distexp.view import base
from distexp.view.summary import load_view, summarize


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle whose manifest and names were checked."""

    parcel: Parcel
    run: str
    jobs: tuple[str, ...]
    versions: Mapping[str, Any]
    withheld: Mapping[str, str]
    """SHA-256 of files of the run that must not be passed on, by the names they would have."""

    def text(self, job: str, name: str) -> str:
        """Return a text that a job left."""
        where = member(job, name)
        try:
            return self.parcel.read(where).decode()
        except UnicodeDecodeError as exc:
            raise self.parcel.refused(f"member {where!r} is no UTF-8 text") from exc

    def provenance(self, job: str) -> dict[str, Any]:
        """Return what a job says of where its numbers come from."""
        where = member(job, PROVENANCE)
        try:
            document = json.loads(self.text(job, PROVENANCE))
        except (ValueError, RecursionError) as exc:
            raise self.parcel.refused(f"member {where!r} is no JSON text") from exc
        match document:
            case {"models": list(), "files": dict(files)}:
                if any(Path(name).is_absolute() or ".." in name for name in files):
                    raise self.parcel.refused(f"member {where!r} names a file out of its folder")
                return dict(document)
        raise self.parcel.refused(f"member {where!r} lacks what a run says")


@contextmanager
def read(path: Path) -> Iterator[Bundle]:
    """Open a bundle.

    Raises
    ------
    ArchiveError
        If it is none, or has a member that is unsafe or does not belong into it.
    """
    with opened(path, {BUNDLE: FORMATS[BUNDLE]}) as parcel:
        for name in parcel.members:
            if name not in (RECORDS, LOCK) and name.split("/")[0] not in (RUN, DATA):
                raise parcel.refused(f"member {name!r} does not belong into a bundle")
        match parcel.about:
            case {
                "run": str(run),
                "jobs": [*jobs],
                "versions": dict(versions),
                "withheld": dict(withheld),
            } if jobs and {member(str(job), CONFIG) for job in jobs} <= parcel.members.keys():
                yield Bundle(
                    parcel=parcel,
                    run=run,
                    jobs=tuple(map(str, jobs)),
                    versions=versions,
                    withheld={str(name): str(digest) for name, digest in withheld.items()},
                )
            case _:
                raise parcel.refused(f"its {MANIFEST} does not say of which runs it is")


def run_again(bundle: Bundle, out: Path, data: Path | None = None) -> None:
    """Make the runs of a bundle again.

    Parameters
    ----------
    bundle : Bundle
    out : Path
        Folder for what they leave.
    data : Path, optional
        Folder of the human data, where they are not in the bundle.

    Raises
    ------
    ArchiveError
        If a member is not as listed.
    DatasetError
        If human data are missing, or not those that were read.
    CacheMissError
        If an answer is not in the bundle.
    DistexpError
        Whatever else a run fails on.
    """
    with tempfile.TemporaryDirectory(prefix="distexp-") as name:
        work = Path(name)
        for job in bundle.jobs:
            for file, sha256 in bundle.provenance(job)["files"].items():
                _gather(bundle.parcel, str(file), str(sha256), work / DATA, data)
        with closing(ResponseCache(work / "cache")) as cache:
            adopted(bundle.parcel, cache)
        views = [_run(bundle, job, out, work) for job in bundle.jobs]
    if bundle.jobs != (".",):
        for view in (load_view(LEADERBOARD), *views[:1]):
            if view is not None:
                drawn = f"{RUN}/{view.name}.svg" in bundle.parcel.members
                summarize(view, base.Runs.read([out]), out, figure=drawn)


def _gather(parcel: Parcel, name: str, sha256: str, folder: Path, given: Path | None) -> None:
    """Put a file that a dataset reads into a folder: from the bundle, or else a link to it."""
    if not (folder / name).exists():
        if f"{DATA}/{name}" in parcel.members:
            parcel.extract(f"{DATA}/{name}", folder / name)
        elif given is not None:
            check_data(given / name, sha256)
            link(given / name, folder / name)
    check_data(folder / name, sha256)


def _run(bundle: Bundle, job: str, out: Path, work: Path) -> base.View | None:
    """Make one run again, and return its view."""
    text, overrides = bundle.text(job, CONFIG), bundle.text(job, OVERRIDES)
    settings = confined(
        text,
        cache=work / "cache",
        data=work / DATA,
        scratch=work / "converted",
        models=[str(model) for model in bundle.provenance(job)["models"]],
    )
    experiment = instantiate(settings, _convert_="all")
    view: base.View | None = experiment.view
    if view is not None and Path(str(view.name)).name != view.name:
        raise bundle.parcel.refused(f"its view would be written to {view.name!r:.200}")
    report = experiment.run()
    folder = out / job
    drawn = member(job, FIGURE) in bundle.parcel.members
    report.write(folder, config=text, overrides=overrides, figures=drawn)
    if view is not None:
        base.write(view, base.Runs.read([folder]), folder, figure=drawn)
    return view
