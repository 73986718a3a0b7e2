"""Thousands of damaged files: ``python -m tests.faults.mutations [N] [KIND ...]``.

Each file is read by distexp and compared with what stood in it before it was changed, and with
what a plain reader finds in it now. What is neither refused in one line nor read as one of the two
is printed, and the exit status is 1.
"""

import json
import random
import subprocess
import sys
import tempfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hydra.errors import InstantiationException
from hydra.utils import instantiate

from distexp.calibrator.regression import OptionRegression
from distexp.card.card import Card
from distexp.card.sealed import digest
from distexp.dataset.table import Table
from distexp.errors import DistexpError
from distexp.sharing.confined import confined
from distexp.sharing.rerun import read as read_bundle
from tests.faults import survey_mutations as survey
from tests.sharing.parcels import content, listed

TEXT, BINARY = (".csv", ".tsv"), (".parquet", ".sav", ".dta", ".xlsx")


def shares(path: Path, codebook: Path) -> survey.Shares:
    """Return what distexp finds in a file."""
    loaded = Table(str(path), str(codebook), min_respondents=1).load()
    return [
        (case.question.question_id, case.group.value, case.answers.probabilities)
        for case in loaded.cases
    ]


def of_surveys(suffixes: Sequence[str], rng: random.Random, folder: Path) -> str:
    """Read a changed survey file."""
    book = folder / "codebook.yaml"
    book.write_text(survey.CODEBOOK, encoding="utf-8")
    table = survey.rows()
    before = survey.tallied(survey.text_of(table).encode(), survey.CODEBOOK)
    kind = rng.choices(["respelled", "damaged", "bytes"], [2, 3, 3])[0]
    suffix = rng.choice(suffixes)
    if kind != "bytes":
        changes = survey.RESPELLED if kind == "respelled" else survey.DAMAGED
        table = rng.choice(changes)(rng, table)
    text = survey.text_of(table)
    if suffix in TEXT:
        data = text.encode()
        if kind == "respelled":
            style = rng.choice(["", "crlf", "bom", "open"])
            data = data.replace(b"\n", b"\r\n") if style == "crlf" else data
            data = b"\xef\xbb\xbf" + data if style == "bom" else data.rstrip(b"\n") + b"\n"
        data = survey.damaged(rng, data) if kind == "bytes" else data
        path = folder / f"survey{suffix}"
        path.write_bytes(data)
        if suffix == ".tsv":  # with commas all the same, by a setting
            book.write_text(survey.CODEBOOK + 'file: {separator: ","}\n', encoding="utf-8")
    else:
        try:
            path = survey.file_of(rng, folder, table, suffix)
        except Exception:  # noqa: BLE001 - the writer has no form for such a table
            return "no such file"
        if kind == "bytes":
            path.write_bytes(survey.damaged(rng, path.read_bytes()))
        wide = len(table[0]) if table else 0  # such a file has a cell in each place
        data = survey.text_of([[*row, *[""] * wide][:wide] for row in table]).encode()
    now = survey.tallied(data, survey.CODEBOOK)
    try:
        found = shares(path, book)
    except DistexpError as exc:
        return _line(exc)
    if survey.alike(found, before):
        return "as before"
    if kind == "bytes" and suffix in BINARY:
        return "another answer in a format without checksums"
    return "as the file says now" if survey.alike(found, now) else f"SILENT {kind} {suffix}"


def of_codebooks(rng: random.Random, folder: Path) -> str:
    """Read a survey through a changed codebook."""
    path, book = folder / "survey.csv", folder / "codebook.yaml"
    data = survey.text_of(survey.rows()).encode()
    path.write_bytes(data)
    text = survey.codebook(rng)
    book.write_text(text, encoding="utf-8", newline="")
    try:
        found = shares(path, book)
    except DistexpError as exc:
        return _line(exc)
    if survey.alike(found, survey.tallied(data, survey.CODEBOOK)):
        return "as before"
    now = survey.tallied(data, text.lstrip("\ufeff"))
    return "as the codebook says now" if survey.alike(found, now) else f"SILENT\n{text}"


class Cards:
    """Reads changed cards."""

    def __init__(self, here: Path) -> None:
        self.card = _card()
        self.examples = self.card.trained_on.examples()
        self.before = self.card.predict(self.examples)

    def __call__(self, rng: random.Random, folder: Path) -> str:
        """Read one, sealed anew or not."""
        path = folder / "card.json"
        self.card.write(path)
        sealed = rng.random() < 0.6
        if sealed:
            document = json.loads(path.read_text(encoding="utf-8"))
            for _ in range(rng.randint(1, 3)):
                _change(rng, document["calibrator"] if rng.random() < 0.5 else document)
                if not isinstance(document.get("calibrator"), dict):
                    break
            try:
                document["sha256"] = digest(document)
                path.write_text(json.dumps(document), encoding="utf-8")
            except (ValueError, TypeError, DistexpError, RecursionError, UnicodeEncodeError):
                return "no such file"
        else:
            path.write_bytes(survey.damaged(rng, path.read_bytes()))
        try:
            card = Card.read(path)
            found = card.predict(card.trained_on.examples() if sealed else self.examples)
        except DistexpError as exc:
            return _line(exc)
        if found.shape == self.before.shape and np.array_equal(found, self.before):
            return "as before"
        return "as the card says now" if sealed else "SILENT"


def _card() -> Card:
    from sklearn.linear_model import Ridge

    from distexp.dataset.embedded import EmbeddedSurvey
    from tests.card.test_card import fitted, study_of

    cases = EmbeddedSurvey("gss2018", attributes=["sex"]).load().cases
    return fitted(study_of(cases[:40]), OptionRegression(Ridge(alpha=0.1), layout="per_position"))


class Bundles:
    """Opens changed bundles and prepares what would run, without running it."""

    def __init__(self, here: Path) -> None:
        arguments = (
            "model=mock",
            "dataset=gss2018",
            "calibrator=ridge",
            "dataset.attributes=[sex]",
        )
        quiet = ("progress=false", "figures=false", "hydra.run.dir=run", "cache.path=cache")
        for words in ((*arguments, *quiet), ("bundle", "run", "run.zip")):
            subprocess.run(
                [sys.executable, "-m", "distexp", *words],
                cwd=here,
                check=True,
                capture_output=True,
            )
        self.path = here / "run.zip"
        self.data = self.path.read_bytes()
        self.before = content(self.path)

    def __call__(self, rng: random.Random, folder: Path) -> str:
        """Open one, listed truthfully or not."""
        path = folder / "run.zip"
        truthful = rng.random() < 0.6
        if truthful:
            members = {name: of for name, of in self.before.items() if name != "manifest.json"}
            about = json.loads(self.before["manifest.json"])
            about.pop("members")
            if rng.random() < 0.3:
                _change(rng, about)
            else:
                name = rng.choice([*members])
                members[name] = _changed_member(rng, name, members[name])
            try:
                listed(path, members, about if isinstance(about, dict) else {})
            except (ValueError, TypeError, RecursionError, zipfile.error, UnicodeEncodeError):
                return "no such file"
        else:
            path.write_bytes(survey.damaged(rng, self.data))
        try:
            found = self._read(path, folder)
        except DistexpError as exc:
            return _line(exc)
        if found == self.before:
            return "as before"
        return "as the bundle says now" if truthful else "SILENT"

    @staticmethod
    def _read(path: Path, folder: Path) -> dict[str, bytes]:
        with read_bundle(path) as bundle:
            found = {name: bundle.parcel.read(name) for name in bundle.parcel.members}
            for job in bundle.jobs:
                settings = confined(
                    bundle.text(job, "config.yaml"),
                    cache=folder / "cache",
                    data=folder / "data",
                    scratch=folder / "scratch",
                    models=[str(model) for model in bundle.provenance(job)["models"]],
                )
                try:
                    instantiate(settings, _convert_="all")
                except InstantiationException as exc:  # the command line makes one line of it
                    raise DistexpError(" ".join(str(exc).split())) from exc
        with zipfile.ZipFile(path) as file:
            return {**found, "manifest.json": file.read("manifest.json")}


def _changed_member(rng: random.Random, name: str, data: bytes) -> bytes:
    if name.endswith(".json"):
        document = json.loads(data)
        _change(rng, document)
        try:
            return json.dumps(document).encode()
        except (ValueError, TypeError, RecursionError):
            return data
    if name.endswith(".yaml"):
        return survey.codebook(rng, data.decode()).encode("utf-8", "replace")
    return survey.damaged(rng, data)


VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        -1,
        0,
        1,
        2,
        10**9,
        10**400,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "x",
        "\ud800",
    ),
    *([], {}, [[]], [0.5, 0.5], {"a": 1}, "../../etc/passwd", 1.5, "NaN", [None], "9" * 5000),
)


def _change(rng: random.Random, document: Any) -> None:
    """Change, drop or add a value somewhere in a JSON document."""
    node = document
    while True:
        keys: list[Any] = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(node[key], dict | list) and node[key] and rng.random() < 0.8:
            node = node[key]
            continue
        match rng.randrange(5):
            case 0:
                del node[key]
            case 1 if isinstance(node, dict):
                node["odd"] = rng.choice(VALUES)
            case 2 if type(node[key]) in (int, float) and abs(node[key]) < 1e300:
                node[key] *= rng.choice([-1, 10, 1e-9, 1e9, 0])
            case _:
                node[key] = rng.choice(VALUES)
        return


def _line(exc: DistexpError) -> str:
    text = str(exc)
    return "refused" if text and "\n" not in text and len(text) < 1500 else f"MANY LINES {text}"


KINDS: dict[str, Callable[[Path], Callable[[random.Random, Path], str]]] = {
    "texts": lambda here: partial(of_surveys, TEXT),
    "binaries": lambda here: partial(of_surveys, BINARY),
    "codebooks": lambda here: of_codebooks,
    "cards": Cards,
    "bundles": Bundles,
}
GOOD = ("refused", "as ", "no such file", "another answer")


def run(kind: str, n: int, seed: int = 0, *, tell: bool = False) -> Counter[str]:
    """Return how often each thing happened."""
    with tempfile.TemporaryDirectory() as home:
        return _counted(kind, KINDS[kind](Path(home)), n, seed, tell=tell)


def _counted(
    kind: str, read: Callable[[random.Random, Path], str], n: int, seed: int, *, tell: bool
) -> Counter[str]:
    found: Counter[str] = Counter()
    for number in range(n):
        rng = random.Random(f"{kind}-{seed}-{number}")
        with tempfile.TemporaryDirectory() as folder:
            try:
                outcome = read(rng, Path(folder))
            except Exception as exc:  # noqa: BLE001 - that is what is looked for
                outcome = f"TRACEBACK {type(exc).__name__}: {str(exc)[:200]}"
                if tell:
                    traceback.print_exc()
        if not outcome.startswith(GOOD):
            _tell(f"{kind} {number}: {outcome}")
            outcome = outcome.split()[0]
        found[outcome] += 1
    return found


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    bad = False
    for chosen in sys.argv[2:] or KINDS:
        outcomes = run(chosen, count, tell=True)
        _tell(f"{count} {chosen}: {dict(outcomes.most_common())}")
        bad |= not all(outcome.startswith(GOOD) for outcome in outcomes)
    sys.exit(bad)
