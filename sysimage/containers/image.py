"""An image as something to run: what it starts, and the layers that its root file system is made of."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sysimage.errors import IntegrityError, Issue, MachineError
from sysimage.host_platform import host_platform
from sysimage.verify.image_source import ImageSource
from sysimage.verify.issue_collector import IssueCollector, MalformedError
from sysimage.verify.limits import DEFAULT_LIMITS, Limits
from sysimage.verify.manifest import ImageDocuments
from sysimage.verify.open import open_source
from sysimage.verify.read_documents import read_config, read_documents

FIRST_REAL_TIME = 34
"""The number of SIGRTMIN: the C library keeps the first two real-time signals for itself."""
SYSTEMD_STOPS = ("SIGRTMIN+3", "RTMIN+3", str(FIRST_REAL_TIME + 3))
"""The stop signal of images that start systemd (systemd(1)), as configs and engines write it."""
_REAL_TIME = re.compile(r"RTMIN(?:\+(\d+))?")


@dataclass(frozen=True, slots=True)
class RunnableImage:
    """An opened image whose documents are sound; layers are checked when they are read."""

    path: Path
    name: str
    """For messages."""
    tag: str | None
    """What it was asked for by, where several images are at ``path``."""
    source: ImageSource
    documents: ImageDocuments
    raw: bytes = field(repr=False)
    """The config document."""
    config: Mapping[str, Any] = field(repr=False)
    """The same, parsed."""

    @property
    def section(self) -> Mapping[str, Any]:
        """The ``config`` of the config: what a container of it runs."""
        section = self.config.get("config")
        return section if isinstance(section, dict) else {}

    @property
    def environment(self) -> dict[str, str]:
        pairs = (variable.partition("=") for variable in self.documents.config.runtime.environment)
        return {name: value for name, _, value in pairs}

    @property
    def boots_a_system(self) -> bool:
        """Whether the entry point is a boot program and a system of the store, or systemd, which take no more words."""
        entry, command = self.documents.config.runtime.entry_point, self.documents.config.runtime.command
        return not command and ((len(entry) == 2 and entry[1].endswith("-system")) or self.starts_systemd(list(entry)))

    def starts_systemd(self, argv: Sequence[str]) -> bool:
        """Whether ``argv`` starts the image's own systemd, which needs more of its container than other programs do."""
        runtime = self.documents.config.runtime
        is_own = list(argv[:1]) == list(runtime.entry_point[:1])
        return is_own and is_systemd(runtime.entry_point, runtime.stop_signal)

    @property
    def stop_signal(self) -> int:
        return signal_number(self.documents.config.runtime.stop_signal or "SIGTERM")

    def argv(self, command: tuple[str, ...] = (), entry_point: str | None = None) -> list[str]:
        """What is started, by OCI's rule: the entry point with ``command``, or else with the image's own command.

        ``entry_point`` replaces the image's and drops its command; an empty one means no entry point.
        """
        config = self.documents.config
        if entry_point is not None:
            return [*([entry_point] if entry_point else []), *command]
        return [*config.runtime.entry_point, *(command or config.runtime.command)]


def is_systemd(entry_point: Sequence[str], stop_signal: str | None) -> bool:
    """Whether an image's own program is systemd: by its name, or as an init that is stopped by the signal that only
    systemd knows, as NixOS has it."""
    name = entry_point[0].rpartition("/")[2] if entry_point else ""
    return name == "systemd" or (name == "init" and stop_signal in SYSTEMD_STOPS)


@contextlib.contextmanager
def open_image(
    path: Path,
    limits: Limits = DEFAULT_LIMITS,
    *,
    name: str | None = None,
    tag: str | None = None,
    machine: str | None = None,
) -> Iterator[RunnableImage]:
    """Open an archive or an OCI layout, or of several images in it the one that is called ``tag`` and is for
    ``machine`` (``os/architecture``; this one). Messages call it ``name``.

    What is not as it says is an `IntegrityError` with every fault; an image of another architecture a `MachineError`.
    """
    called = name or str(path)
    faults = IssueCollector(limits.faults_per_rule)
    wanted = machine or host_platform()
    with open_source(path, limits) as source:
        try:
            documents = read_documents(source, faults, limits, wanted, tag)
            data, config = read_config(source, documents, limits)
        except MalformedError as error:
            if faults:
                raise refused(called, (*faults.issues, Issue("image", str(error)))) from None
            raise IntegrityError(f"cannot run {called}: {error}") from None
        except OSError as error:
            raise MachineError(f"cannot read {called}: {error.strerror}") from error
        if faults:
            raise refused(called, faults.issues)
        found = f"{documents.config.os}/{documents.config.architecture}"
        if found != wanted:
            which = "this machine" if machine is None else "the machine"
            raise MachineError(f"cannot run {called}: it is for {found}, and {which} is {wanted}")
        yield RunnableImage(path, called, tag, source, documents, data, config)


def refused(name: str, issues: tuple[Issue, ...]) -> IntegrityError:
    """The error for an image whose content contradicts its documents."""
    return IntegrityError(
        f"cannot run {name}: its content is not what its documents say",
        hint="sysimage verify shows whether another copy is intact",
        issues=issues,
    )  # fmt: skip


def signal_number(name: str) -> int:
    """The number of a signal as images name it: SIGTERM, TERM, 15, SIGRTMIN+3. A MachineError for any other text."""
    text = name.upper().removeprefix("SIG")
    if text.isdigit() and 0 < int(text) <= 64:
        return int(text)
    if found := _REAL_TIME.fullmatch(text):
        return FIRST_REAL_TIME + int(found[1] or 0)
    try:
        return int(signal.Signals[f"SIG{text}"])
    except KeyError:
        raise MachineError(f"cannot stop the image: this machine has no signal {name}") from None
