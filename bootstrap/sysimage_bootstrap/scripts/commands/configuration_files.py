"""``ucf``: configuration files that a package installs from copies of its own."""

from __future__ import annotations

import posixpath
from dataclasses import replace

from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command


@command("ucf")
def ucf(call: Call) -> int:
    options = call.options("sD", frozenset({"sum-file", "src-dir", "state-dir"}))
    if options.has("p", "purge"):
        return 0
    source, place = (call.path(path) for path in options.operands)
    node = call.files.node(source)
    if node is None:
        return 2
    there = call.files.node(place)
    if there is not None:
        if there.content != node.content:
            old, new = call.files.read(place), call.files.read(source)
            if old is None or new is None:
                raise UnknownError(f"how {place} differs from {source}")
        return 0  # the existing file is kept: no question is asked
    if call.files.node(posixpath.dirname(place)) is None:
        call.files.make_directories(posixpath.dirname(place))
    call.files.put(place, replace(node, target=None), follow=True)
    return 0


@command("ucfr")
def ucfr(call: Call) -> int:
    return 0


@command("ucfq")
def ucfq(call: Call) -> int:
    call.out.unknown = "what ucf knows of a file"
    return 0
