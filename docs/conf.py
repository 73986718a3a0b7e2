"""The documentation as a site: `make docs` builds it from the pages as they are."""

import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]

project = "distexp"
author = "The distexp authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_title = "distexp"
html_show_sphinx = False
html_show_copyright = False
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = False
highlight_language = "none"
nitpicky = False
smartquotes = False  # commands are to be copied


class Settings(Directive):
    """The choices of a configuration group: what each says of itself, and its settings."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a section for each file of the group."""
        folder = ROOT / "conf" / self.arguments[0]
        files = sorted(p for p in folder.rglob("*.yaml") if not p.name.startswith("_"))
        found: list[nodes.Node] = []
        for path in files:
            name = path.relative_to(folder).with_suffix("").as_posix()
            section = nodes.section(ids=[f"{self.arguments[0]}-{nodes.make_id(name)}"])
            section += nodes.title(text=name)
            text = re.sub(r"\A# @package.*\n", "", path.read_text())
            section += nodes.literal_block(text, text, language="yaml")
            found.append(section)
        return found


def setup(app: Sphinx) -> None:
    """Add the directive."""
    app.add_directive("settings", Settings)
