"""The commands in the fenced blocks of the documentation."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts),
    ]
)
BEFORE_COMMENT = re.compile(r"""(?:[^\s'"#]|'[^']*'|"[^"]*"|\s(?!\#)|(?<=\S)\#)*""")
SHELLS = ("console", "bash", "sh")


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Command:
    """One call of `distexp`, without the name."""

    block: Block
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.block} {shlex.join(self.arguments)}"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    text = page.read_text()
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(page, text[: found.start()].count("\n") + 1, found[1], found[2])


def commands(block: Block) -> Iterator[Command]:
    """Yield the calls of `distexp` in a block, as a shell would read them."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if "distexp" not in line:
            continue
        found = BEFORE_COMMENT.match(line.removeprefix("$ "))
        words = shlex.split(re.sub(r"\$\(?\w+\)?", "1", found[0] if found else ""))
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):  # its environment
            words.pop(0)
        if words and Path(words[0]).name == "distexp":
            yield Command(block, tuple(words[1:]))


COMMANDS = [
    command
    for page in PAGES
    for block in blocks(page)
    if block.language in SHELLS
    for command in commands(block)
]
