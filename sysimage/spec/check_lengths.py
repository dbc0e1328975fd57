"""Whether every path of the image that the spec names is short enough to be one."""

from __future__ import annotations

from collections.abc import Iterator

from sysimage.errors import Issue
from sysimage.rules.paths import as_parts, link_fault, path_fault
from sysimage.spec.json_text import pointer
from sysimage.spec.model import FileReady, SystemSpec


def check_lengths(spec: SystemSpec) -> Iterator[Issue]:
    """Every fault."""
    for where, path in _paths(spec):
        if wrong := path_fault(as_parts(path)):
            yield Issue(where, f"the path {wrong}")
    for path, target in spec.symlinks.items():
        if wrong := link_fault(target.encode("utf-8", "surrogateescape")):
            yield Issue(pointer("symlinks", path), wrong)


def _paths(spec: SystemSpec) -> Iterator[tuple[str, str]]:
    """Place in the spec → the path that is there."""
    for key in ("files", "directories", "symlinks", "privileged-programs", "capabilities"):
        for path in getattr(spec, key.replace("-", "_")):
            yield pointer(key, path), path
    for path in spec.from_store.links if spec.from_store is not None else ():
        yield pointer("from-store", "links", path), path
    for name, user in spec.users.items():
        for key, said in (("home", user.home), ("shell", user.shell)):
            if said is not None:
                yield pointer("users", name, key), said
    for name, service in spec.services.items():
        yield pointer("services", name, "working-directory"), service.working_directory
        if service.log.startswith("/"):
            yield pointer("services", name, "log"), service.log
        if isinstance(service.ready, FileReady):
            yield pointer("services", name, "ready", "file"), service.ready.file
    for index, path in enumerate(spec.volumes):
        yield pointer("volumes", index), path
    yield "/working-directory", spec.working_directory
    if spec.store.directory is not None:
        yield "/store/directory", spec.store.directory
