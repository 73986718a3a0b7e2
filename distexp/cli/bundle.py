"""`distexp bundle` and `distexp reproduce`."""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from distexp import atomic
from distexp.cli.parser import Parser
from distexp.cli.telling import as_json
from distexp.errors import DistexpError
from distexp.sharing.comparing import GIVEN, Compared, compare
from distexp.sharing.contents import jobs_in, link
from distexp.sharing.definitions import changed
from distexp.sharing.environment import differences
from distexp.sharing.nearness import TOLERANCE
from distexp.sharing.packing import pack
from distexp.sharing.rerun import Bundle, read, run_again
from distexp.terminal.texts import cut, fitting, rendered, width, wrapped

MOST_SHOWN, FEW = 16, 8
"""Files whose first difference is shown, in a line each; and in two where they are few."""
MOST_ROWS = 19
"""Rows of the table of files, which is shown where none differs."""


def bundle(arguments: Sequence[str]) -> None:
    """Run `distexp bundle RUN OUT.zip [--path FOLDER] [--json]`.

    Raises
    ------
    DistexpError
        If the run cannot be packed, or comes out otherwise when it is made again. Nothing is
        written then.
    """
    parser = Parser(
        prog="distexp bundle",
        description="Pack a run or a sweep with the answers that it rests on into one file, and "
        "make it again from that file to be sure that it can be.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a run or a sweep")
    parser.add_argument("out", type=Path, metavar="OUT.zip")
    parser.add_argument(
        "--path", type=Path, metavar="FOLDER", help="of the cache, if no longer where it was"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.read(arguments)
    with _beside(options.out) as folder:
        made = folder / "made" / options.out.name
        n_records = pack(options.run, made, options.path)
        with read(made) as packed:
            found, n_withheld = _checked(packed, options.run, folder), len(packed.withheld)
        os.replace(made, options.out)  # noqa: PTH105 - replaces, unlike rename
    if options.json:
        document = {"bundle": str(options.out), "answers": n_records, "withheld": n_withheld}
        print(as_json(document | {"files": _files(found)}))
        return
    less = f", {n_withheld} of them by their SHA-256 alone" if n_withheld else ""
    sys.stdout.write(
        f"Bundle: {options.out}, {n_records} answers and {len(found)} files{less}.\n"
        f"Made again from it, {_nearness(found)}. Elsewhere: distexp reproduce "
        f"{options.out.name}\n"
    )


def _nearness(found: Sequence[Compared]) -> str:
    """Say how equal files are, none of which is different."""
    n_near = sum(not one.exact for one in found)
    return f"{n_near} of them to {TOLERANCE:g}" if n_near else "byte for byte"


def _checked(packed: Bundle, run: Path, folder: Path) -> list[Compared]:
    """Make a run again from its bundle, and return how each file compares: none is different."""
    data, again = folder / "data", folder / "again"
    for job in jobs_in(run):
        for name, path in job.data():
            if not (data / name).is_symlink():
                link(path, data / name)
    run_again(packed, again, data)
    found = compare(packed, again)
    if any(one.difference for one in found):
        sys.stdout.write("\n".join(_told(packed, found)) + "\n")
        msg = (
            f"{run} does not come out the same when it is made again, so there would be no use "
            "in a bundle. Run its command once more, which takes the answers from the cache, and "
            "bundle that run."
        )
        raise DistexpError(msg)
    return found


def reproduce(arguments: Sequence[str]) -> int:
    """Run `distexp reproduce BUNDLE.zip [--data FOLDER] [--out FOLDER] [--json]`.

    Returns
    -------
    int
        0 if every file came out the same, else 1.

    Raises
    ------
    DistexpError
        If the bundle is refused, or its runs cannot be made.
    """
    parser = Parser(
        prog="distexp reproduce",
        description="Make the runs of a bundle again, offline and without keys, and compare every "
        f"file with the one in the bundle, numbers to {TOLERANCE:g}. The exit code is 0 if all "
        "are the same, else 1.",
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE.zip")
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="of the human data, if not in the bundle"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="new folder that keeps what is made"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.read(arguments)
    with read(options.bundle) as given, _kept(options.out) as out:
        run_again(given, out, options.data)
        found = compare(given, out)
        lines = list(_told(given, found, changed(given, out)))
    is_same = not any(one.difference for one in found)
    if options.json:
        document = {"run": given.run, "reproduced": is_same, "files": _files(found)}
        print(as_json(document))
    else:
        sys.stdout.write("\n".join(lines) + "\n")
    return int(not is_same)


def _files(found: Sequence[Compared]) -> list[dict[str, object]]:
    """Return how each file compares, for programs."""
    return [asdict(one) for one in found]


@contextmanager
def _kept(out: Path | None) -> Iterator[Path]:
    """Return a folder that stays, or one that goes again."""
    if out is None:
        with tempfile.TemporaryDirectory(prefix="distexp-") as folder:
            yield Path(folder)
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DistexpError(f"{out} is there already and not empty. Choose another --out FOLDER.")
    yield out


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Return a folder beside a file that is being made, which goes again."""
    try:
        with atomic.beside(path.parent) as folder:
            yield folder
    except OSError as exc:
        raise DistexpError(f"{path} cannot be written: {exc}. Choose another path.") from exc


def _told(
    given: Bundle, found: Sequence[Compared], redefined: Iterable[str] = ()
) -> Iterator[str]:
    """Yield what there is to say about runs that were made again."""
    columns = width()

    def said(text: str, most: int = 2) -> list[str]:
        return cut(wrapped(text, columns, indent=2), most, columns)

    unequal = [one for one in found if one.difference]
    if not unequal:
        yield from compared_table(found, columns)
        yield ""
    others = "; ".join(differences(given.provenance(given.jobs[0]).get("versions", {})))
    if others:
        yield from said(f"- Other software: {others}.")
    for one in unequal[:MOST_SHOWN]:
        yield from said(f"- {one.name}: {one.difference}.", 2 if len(unequal) <= FEW else 1)
    if len(unequal) > MOST_SHOWN:
        yield f"- and {len(unequal) - MOST_SHOWN} files more."
    if redefined := " ".join(redefined):
        yield from said(redefined)
    if unequal:
        yield f"Not reproduced: {len(unequal)} of {len(found)} files of {given.run} differ."
    else:
        n_answers = given.parcel.about.get("n_records")
        yield (
            f"Reproduced: {len(found)} files of {given.run}, from {n_answers} answers, "
            f"{_nearness(found)}."
        )


def compared_table(found: Sequence[Compared], columns: int) -> list[str]:
    """Lay out how each kind of file was compared, and what came of it; what differs first."""
    groups: dict[str, list[Compared]] = {}
    for one in sorted(found, key=lambda one: (one.difference is None, one.exact)):
        groups.setdefault(Path(one.name).name, []).append(one)
    rows = [(name, some[0].how, _outcome(some)) for name, some in groups.items()]
    rows += [(name, why, "") for name, why in GIVEN.items()]
    if len(rows) > MOST_ROWS:
        more = f"{len(rows) - MOST_ROWS + 1} names more"
        rows = [*rows[: MOST_ROWS - 1], (more, "", "")]
    header = ("file", "compared", "outcome")
    return rendered([fitting(header, rows, columns)], columns).splitlines()


def _outcome(files: Sequence[Compared]) -> str:
    n_same = sum(one.exact for one in files)
    n_near = sum(one.difference is None for one in files) - n_same
    near = f"equal to {TOLERANCE:g}"
    if len(files) == 1:
        return "identical" if n_same else near if n_near else "different"
    return f"{n_same} of {len(files)} identical" + (f", {n_near} {near}" if n_near else "")
