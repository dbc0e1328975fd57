"""What is made while the wheel is built: man pages of the program and its verbs, from its own parser."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPages(BuildHookInterface[Any]):
    """Puts ``share/man/man1`` into the wheel, where pip, pipx and uv install it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the pages; an editable installation has none."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path[:0] = [str(root), str(root / "bootstrap"), str(root / "vmtests")]
        from sysimage.cli.main import program_manuals
        from sysimage.cli.manual import man_page

        self._made = tempfile.TemporaryDirectory()
        found = program_manuals()
        for manual in found:
            page = Path(self._made.name) / f"{manual.name.replace(' ', '-')}.1"
            page.write_text(man_page(manual, found), encoding="utf-8")
            build_data["shared_data"][str(page)] = f"share/man/man1/{page.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was made."""
        if version != "editable":
            self._made.cleanup()
