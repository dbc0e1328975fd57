"""Which modules a Guile source, or the Guile library, may load: everything in it that could be a module's name.

What is read is a superset on purpose. Guile loads modules by forms that no list of keywords covers (autoloads, names in
data, names in C), and a name without a module does no harm: the caller knows which modules exist.
"""

from __future__ import annotations

import re

_COMMENT = re.compile(rb";[^\n]*")
_LIST = re.compile(rb"\(([a-z][a-z0-9-]*(?:\s+[a-z0-9][a-z0-9+-]*){0,4})\s*(?:\([0-9\s]*\)\s*)?\)")
_PATH = re.compile(rb'"([a-z0-9-]+(?:/[a-z0-9+-]+)+)"')
_TEXT_IN_C = re.compile(rb"\0([a-z][a-z0-9-]*(?:[ /][a-z0-9][a-z0-9+-]*){1,4})(?:\.scm)?(?=\0)")


def modules_in_source(text: bytes) -> frozenset[str]:
    """Names of modules as paths: ``(rnrs base)`` is ``rnrs/base``, and so is ``(rnrs base (6))``, one of a version."""
    text = _COMMENT.sub(b"", text)
    lists = (b"/".join(found.split()) for found in _LIST.findall(text))
    return frozenset(name.decode("ascii") for name in (*lists, *_PATH.findall(text)))


def modules_in_library(data: bytes) -> frozenset[str]:
    """Names of modules among the texts of a program or library."""
    return frozenset(name.replace(b" ", b"/").decode("ascii") for name in _TEXT_IN_C.findall(data))
