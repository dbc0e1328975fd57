"""Which files of a package's control archive are read besides ``control`` itself."""

from __future__ import annotations

SCRIPTS = ("preinst", "config", "postinst")
"""The maintainer scripts that run while a package is installed for the first time, in their order."""
MAINTAINER_FILES = (*SCRIPTS, "templates", "triggers")
"""What says how a package is configured. All are optional."""
