"""Takes the pictures of a report that README and docs show: ``python -m tests.report.screenshots build/web.tar``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from sysimage.cli import main
from tests.support.chromium import browser
from tests.support.examples import ROOT

WIDTH, HEIGHT = 1200, 640
PICTURES = (("report-map.webp", False, "h-bytes", ""), ("report-why.webp", True, "h-why", "#item/libssl3t64"))
"""File, whether it is dark, the heading at its top, and what is chosen."""


def take(image: Path, folder: Path) -> None:
    """Write the pictures of ``image`` into ``folder``."""
    with tempfile.TemporaryDirectory() as scratch, browser(Path(scratch) / "profile") as page:
        place = Path(scratch) / "page.html"
        if main(["report", "-q", str(image), "-o", str(place)]):
            raise SystemExit(1)
        for name, dark, heading, chosen in PICTURES:
            page.open(place.as_uri() + chosen, width=WIDTH, height=HEIGHT, dark=dark)
            page.ask("document.activeElement.blur()")
            page.ask(f"document.getElementById('{heading}').scrollIntoView()")
            page.screenshot(folder / name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("image", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs")
    arguments = parser.parse_args()
    take(arguments.image, arguments.folder)
