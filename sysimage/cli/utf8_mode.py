"""File names are UTF-8 whatever the locale says.

A spec names files by text, and an image holds names by their bytes. In between Python takes the encoding of the locale,
which the same spec must not depend on; once the interpreter has started, only its next start can change that.
"""

from __future__ import annotations

import sys


def enter_utf8_mode() -> None:
    """Return if file names are UTF-8 in this process; otherwise run the same command in Python's UTF-8 mode (PEP 540),
    in this process's place."""
    if sys.getfilesystemencoding() == "utf-8" or sys.flags.utf8_mode:
        return
    from sysimage.process import become  # imports what most runs do without

    become([sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
