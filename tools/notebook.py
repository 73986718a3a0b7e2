"""Run the cells of a notebook, and write it with what they show.

    python tools/notebook.py docs/first_look.ipynb
    python tools/notebook.py docs/first_look.ipynb --out elsewhere.ipynb --model mock

Each cell is run as if its lines were typed; texts and the values of expressions are kept. Nothing
but the standard library is needed.
"""

import argparse
import ast
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Run the cells and write the notebook."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--out", type=Path, help="where to write; the notebook if not given")
    parser.add_argument("--model", help="asked in place of smollm2")
    options = parser.parse_args()
    document = json.loads(options.notebook.read_text(encoding="utf-8"))
    run(document, options.model)
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    (options.out or options.notebook).write_text(text, encoding="utf-8")


def run(document: dict[str, Any], model: str | None = None) -> None:
    """Put the outputs of its cells into a notebook; what a cell raises ends the run."""
    names: dict[str, Any] = {"__name__": "__main__"}
    cells = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells, start=1):
        source = "".join(cell["source"])
        if model is not None:
            source = source.replace("smollm2", model)
        cell["outputs"] = outputs(source, names, number)
        cell["execution_count"] = number


def outputs(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """Return what one cell prints, and the value that it ends with."""
    printed, values = io.StringIO(), list[object]()
    before = sys.displayhook
    sys.displayhook = values.append
    try:
        with contextlib.redirect_stdout(printed):
            for statement in ast.parse(source).body:
                tree = ast.Interactive([statement])
                exec(compile(tree, f"<cell {number}>", "single"), names)
    finally:
        sys.displayhook = before
    found: list[dict[str, Any]] = []
    if text := printed.getvalue():
        lines = text.splitlines(keepends=True)
        found.append({"output_type": "stream", "name": "stdout", "text": lines})
    if values and values[-1] is not None and isinstance(ast.parse(source).body[-1], ast.Expr):
        data: dict[str, Any] = {"text/plain": repr(values[-1]).splitlines(keepends=True)}
        if hasattr(values[-1], "_repr_html_"):
            data["text/html"] = values[-1]._repr_html_().splitlines(keepends=True)
        found.append({
            "output_type": "execute_result", "execution_count": number, "metadata": {},
            "data": data,
        })  # fmt: skip
    return found


if __name__ == "__main__":
    main()
