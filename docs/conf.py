"""Sphinx's settings: `make docs` makes the pages in this repository into a site, with every warning an error."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from docs.reference import write_reference  # noqa: E402
from sysimage import __version__  # noqa: E402

project = "sysimage"
author = "The authors of sysimage"
version = release = __version__
copyright = "the authors, under the Apache License 2.0"  # noqa: A001 - Sphinx's name
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"sysimage {__version__}"
root_doc = "docs/index"
include_patterns = ["docs/**", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
exclude_patterns = ["docs/conf.py", "docs/__pycache__"]
myst_heading_anchors = 4
nitpicky = True
html_copy_source = False
smartquotes = False  # they would change the dashes of flags


def setup(app: Sphinx) -> None:
    """Pages of the reference are made of the program before any page is read."""
    app.connect("builder-inited", lambda _: write_reference(ROOT / "docs" / "reference"))
