"""Writing a bundle: what a run rests on, and what it left, as far as it may be passed on."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from omegaconf import OmegaConf

from distexp.cache import ResponseCache
from distexp.errors import ConfigError
from distexp.model.http.secrets import Leaks
from distexp.report.software import software
from distexp.request import Json
from distexp.run_folder import SUMMARY
from distexp.sharing.archive import BUNDLE, FORMATS, add_records, stored
from distexp.sharing.contents import (
    DATA,
    HUMAN,
    LOCK,
    RUN,
    Job,
    files_of_sweep,
    jobs_in,
    member,
)
from distexp.sharing.environment import lock
from distexp.sharing.parcel import ParcelWriter, writing

CACHE = "distexp.cache.ResponseCache"
_CHUNK = 1 << 20


def pack(folder: Path, path: Path, cache: Path | None = None) -> int:
    """Write the bundle of a run, or of a sweep, and return the number of answers in it.

    Parameters
    ----------
    folder : Path
        Of the run or sweep.
    path : Path
        The file to write. The same run gives the same bytes.
    cache : Path, optional
        Folder of the cache that has the answers; the one that the run used if None.

    Raises
    ------
    DistexpError
        If the folder holds no finished run, or data that the run read are no longer there.
    CacheError
        If answers are missing, or something holds a secret of the environment.
    ConfigError
        If the answers may not be passed on.
    """
    jobs = jobs_in(folder)
    for job in jobs:
        _check_whole(job)
        _check_prompts(job)
    keys = sorted({key for job in jobs for key in job.request_keys()})
    about: dict[str, Json] = {
        "format": {"name": BUNDLE, "version": FORMATS[BUNDLE]},
        "jobs": [job.name for job in jobs],
        "run": folder.absolute().name,
        "versions": {**software()},
    }
    with writing(path, about) as parcel:
        n_records = add_records(parcel, stored(_cache(jobs, cache), keys) if keys else ())
        parcel.add(LOCK, [lock().encode()])
        _add_files(parcel, folder, jobs)
        _add_data(parcel, jobs)
    return n_records


def _check_whole(job: Job) -> None:
    """Refuse a run whose budget was spent: it would not stop at the same place again."""
    summary = json.loads((job.folder / SUMMARY).read_text(encoding="utf-8"))
    if summary.get("partial"):
        msg = f"{job.folder} is partial: {summary['partial']} Finish the run, and bundle that."
        raise ConfigError(msg)


def _check_prompts(job: Job) -> None:
    """Refuse to pass on prompts that state human answers which must not be passed on."""
    said = job.provenance
    if said["gated"] and said["shows_human_answers"] and said["n_requests"]:
        msg = (
            f"The prompts of {job.folder} state human answers of {said['dataset']}, which may not "
            f"be passed on, and without them there is nothing to replay. {said['licence']}"
        )
        raise ConfigError(msg)


def _cache(jobs: Sequence[Job], given: Path | None) -> Path:
    """Return the folder of the cache that all jobs used, or the one given."""
    if given is not None:
        return given
    used = {
        str(OmegaConf.select(job.config, "cache.path"))
        if job.config.cache.get("_target_") == CACHE
        else None
        for job in jobs
    }
    path = used.pop()
    if used or path is None:
        msg = (
            "The answers of this run are not all in one cache on disk. Take them into one with "
            "'distexp cache merge', and name it with --path FOLDER."
        )
        raise ConfigError(msg)
    return ResponseCache(path, "replay").path


def _add_files(parcel: ParcelWriter, folder: Path, jobs: Sequence[Job]) -> None:
    """Add what the run left; of what must not be passed on, the SHA-256 alone."""
    withheld: dict[str, Json] = {}
    paths = {
        member(job.name, name): (job.folder / name, job) for job in jobs for name in job.files()
    }
    for name, (path, job) in paths.items():
        if job.provenance["gated"] and path.name in HUMAN:
            with path.open("rb") as file:
                withheld[name] = hashlib.file_digest(file, "sha256").hexdigest()
        else:
            parcel.add(name, _chunks(path))
    if jobs[0].name != ".":
        for name in files_of_sweep(folder, jobs):
            parcel.add(f"{RUN}/{name}", _chunks(folder / name))
    parcel.about["withheld"] = withheld


def _add_data(parcel: ParcelWriter, jobs: Sequence[Job]) -> None:
    """Add the files that the datasets read, where their licence allows."""
    added: dict[str, str] = {}
    for job in jobs:
        for name, path in () if job.provenance["gated"] else job.data():
            sha256 = job.provenance["files"][name]
            if added.setdefault(name, sha256) != sha256:
                msg = f"Two jobs read different files called {name}: bundle them one by one."
                raise ConfigError(msg)
            if f"{DATA}/{name}" not in parcel.names:
                parcel.add(f"{DATA}/{name}", _chunks(path))


def _chunks(path: Path) -> Iterator[bytes]:
    """Yield the content of a file that is free of secrets."""
    secrets, before = Leaks(os.environ), b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            secrets.check(before + chunk, str(path))
            before = chunk
            yield chunk
