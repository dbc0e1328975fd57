"""Checks which files may be overwritten, before any work: never an input, and only former outputs.

Two names mean the same file where they lead to the same one, through whatever links; a file that does not exist yet is
what its name says once links are followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.errors import Issue, MachineError, SpecError
from sysimage.pipeline.image_places import is_on_this_machine, path_of

if TYPE_CHECKING:
    from sysimage.pipeline.options import BuildRequest
    from sysimage.spec import SystemSpec

_ELSEWHERE = "name another output"
_LOOKED_AT = 4096
"""Bytes at the beginning of a file in which its format is."""


@dataclass(frozen=True, slots=True)
class Input:
    """Something that is read."""

    what: str
    """As messages call it: ``the spec``."""
    place: Path | int
    """A path, which need not exist, or an open descriptor."""
    whole: bool = False
    """Whether everything within a directory is read, too."""


def refuse_inputs(output: Path | int, inputs: Iterable[Input], *, hint: str = _ELSEWHERE) -> None:
    """A `SpecError` that names everything at ``output`` that is read, and what is read whole and has it within."""
    issues = []
    for one in inputs:
        if _same(output, one.place):
            issues.append(Issue(str(one.place), f"is {one.what}"))
        elif one.whole and _within(output, one.place):
            issues.append(Issue(str(one.place), f"is {one.what}, and holds it"))
    if issues:
        where = output if isinstance(output, Path) else "standard output"
        raise SpecError(f"cannot write {where}: it is also an input", hint=hint, issues=issues)


def require_file_output(output: Path, *, makes_directories: bool = False) -> None:
    """A `SpecError` for an output that is a directory, a disk or a socket; files, pipes and devices such as
    ``/dev/null`` are written to, and so is what does not exist yet, in a directory that exists unless it is made."""
    try:
        mode = output.stat().st_mode
    except FileNotFoundError:
        if not makes_directories:
            _refuse_nowhere(output)
        return
    except OSError as error:
        raise MachineError(f"cannot write {output}: {error.strerror}") from None
    kinds = {stat.S_ISDIR: "a directory", stat.S_ISBLK: "a block device", stat.S_ISSOCK: "a socket"}
    for is_kind, kind in kinds.items():
        if is_kind(mode):
            raise SpecError(f"cannot write {output}: it is {kind}", hint="name a file")
    if stat.S_ISCHR(mode) and _is_terminal(output):
        raise SpecError("cannot write an image to a terminal", hint="name a file, or pipe it: --output -")


def require_layout_output(output: Path) -> None:
    """Raise a `SpecError` for an output that cannot become an OCI layout."""
    from sysimage.destinations.layout import require_layout

    if output.is_dir():
        require_layout(output)
    elif os.path.lexists(output) and output.exists():
        raise SpecError(f"cannot write an OCI layout to {output}: it is not a directory", hint="name a directory")
    else:
        _refuse_nowhere(output)


def refuse_another_format(output: Path, mark: str, what: str) -> None:
    """A `SpecError` if there is something at ``output`` that does not say ``mark``, as what is replaced here does."""
    if not os.path.lexists(output):
        return
    if not output.is_file():
        raise SpecError(f"cannot write {output}: it is not a file", hint=f"{what} is written there")
    try:
        with output.open("rb") as file:
            head = file.read(_LOOKED_AT)
    except OSError as error:
        raise MachineError(f"cannot write {output}: {error.strerror}") from None
    if head.strip() and mark.encode() not in head:
        raise SpecError(
            f"cannot write {output}: what is there is not {what}", hint="rename it, or choose another output"
        )


def source_inputs(spec: SystemSpec, spec_dir: Path) -> Iterator[Input]:
    """What a spec names on this machine."""
    for path, file in spec.files.items():
        if file.source is not None:
            yield Input(f"the source of {path}", spec_dir / file.source)
    for archive in spec.archives:
        for named in filter(None, (archive.key, archive.file)):
            yield Input("the package sources", spec_dir / named)
    for package in spec.own_packages:
        yield Input(f"the package {package}", spec_dir / package)
    for path, tree in spec.trees.items():
        yield Input(f"the tree {path}", spec_dir / tree.source, whole=True)
    if spec.python is not None:
        if spec.python.lock is not None:
            yield Input("the lock file of Python packages", spec_dir / spec.python.lock)
        if spec.python.source is not None:
            yield Input("the Python code", spec_dir / spec.python.source, whole=True)
        if spec.python.wheels is not None:
            yield Input("the directory of wheels", spec_dir / spec.python.wheels, whole=True)
    if spec.node is not None:
        yield Input("the lock file of npm packages", spec_dir / spec.node.lock)
        if spec.node.tarballs is not None:
            yield Input("the directory of tarballs", spec_dir / spec.node.tarballs, whole=True)
    for source in spec.java.jars if spec.java is not None else ():
        yield Input("the jars", spec_dir / source, whole=True)
    if spec.from_image is not None and is_on_this_machine(spec.from_image, spec_dir):
        yield Input("the base image", path_of(spec.from_image, spec_dir), whole=True)
    if spec.from_store is not None:
        for what, place in (("source", spec.from_store.source), ("location", spec.from_store.location)):
            if place is not None:
                yield Input(f"the {what} of the store", spec_dir / place, whole=what == "location")


def check_outputs(
    request: BuildRequest, spec: Iterable[Input], named: Iterable[Input], *, hint: str = _ELSEWHERE
) -> None:
    """Refuse, before any work, an output that would overwrite an input of a build or a file that is not an image.

    ``spec`` is where the spec was read, and ``named`` is what was named beside it, such as earlier builds: the record
    beside the output may be one of those. ``hint`` says what to do about them.
    """
    from sysimage.layerplan.record import FORMAT_NAME
    from sysimage.pipeline.history import record_beside

    output = request.delivery.output
    if output is None:
        return
    systems = (request.system, *request.planning.together)
    read = [
        *(one for system in systems for one in source_inputs(system.spec, system.spec_dir)),
        *(Input("a file that the spec includes", file) for system in systems for file in system.files),
        *(Input("a lock file", system.lock_file) for system in systems if system.lock_file is not None),
        Input("the cache", request.sources.cache_dir, whole=True),
        *spec,
    ]
    refuse_inputs(output, [*read, *named], hint=hint)
    if isinstance(output, int):
        return
    if request.delivery.format == "oci-dir":
        require_layout_output(output)
    else:
        require_file_output(output)
    record = record_beside(output) if request.delivery.writes_record else None
    if record is not None:
        refuse_inputs(record, read, hint="the plan of an image is written beside it; " + _ELSEWHERE)
        refuse_another_format(record, FORMAT_NAME, "the record of a build, which belongs beside the image")


def _refuse_nowhere(output: Path) -> None:
    """A dangling link is followed: the directory that it leads to has to be there."""
    above = Path(os.path.realpath(output)).parent if output.is_symlink() else output.parent
    if not above.is_dir():
        raise MachineError(f"cannot write {output}: there is no directory {above}", hint="make it first")


def _is_terminal(output: Path) -> bool:
    try:
        fd = os.open(output, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.isatty(fd)
    finally:
        os.close(fd)


def _same(one: Path | int, other: Path | int) -> bool:
    here, there = _status(one), _status(other)
    if here is not None and there is not None:
        # Of a pipe or a device, such as a terminal, nothing is destroyed by writing to it.
        return os.path.samestat(here, there) and (stat.S_ISREG(here.st_mode) or stat.S_ISDIR(here.st_mode))
    if isinstance(one, int) or isinstance(other, int):
        return False
    return os.path.realpath(one) == os.path.realpath(other)


def _within(output: Path | int, place: Path | int) -> bool:
    if isinstance(output, int) or isinstance(place, int) or not place.is_dir() or not os.path.lexists(output):
        return False
    return Path(os.path.realpath(output)).is_relative_to(os.path.realpath(place))


def _status(place: Path | int) -> os.stat_result | None:
    try:
        return os.fstat(place) if isinstance(place, int) else place.stat()
    except OSError:
        return None
