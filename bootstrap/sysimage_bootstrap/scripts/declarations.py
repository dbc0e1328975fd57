"""The effects of the maintainer scripts of a system's packages, as values that the rooms which make the system
apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sysimage.rootfs.accounts import WantedGroup, WantedUser
from sysimage_bootstrap.scripts.root_files import FileNode


@dataclass(frozen=True, slots=True)
class AlternativeLink:
    """A name that an alternative, or one that follows it, has in the root file system."""

    name: str
    """In /etc/alternatives."""
    link: str
    """The image path that leads there."""
    path: str
    """The image path of what is meant in the end."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of several things that a name may mean (``update-alternatives --install``)."""

    package: str
    master: AlternativeLink
    priority: int
    followers: tuple[AlternativeLink, ...] = ()
    """``--slave``."""


@dataclass(frozen=True, slots=True)
class Diversion:
    """A file that other packages ship at ``path`` is at ``to`` (``dpkg-divert``)."""

    package: str
    path: str
    to: str


@dataclass(frozen=True, slots=True)
class EnabledUnit:
    """A unit of systemd that a script enables (``deb-systemd-helper enable``)."""

    package: str
    unit: str
    """Such as ``redis-server.service``."""


@dataclass(frozen=True, slots=True)
class ActivatedTrigger:
    """``dpkg-trigger``: a name or a path."""

    package: str
    trigger: str


@dataclass(frozen=True, slots=True)
class FirstStartProgram:
    """A program of the image that has to run once before services start, since only it can make its file."""

    package: str
    command: tuple[str, ...]
    creates: str
    """The image path of what it makes: where that is, the program does not run."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A line of a script that was not understood."""

    package: str
    script: str
    """``preinst``, ``config`` or ``postinst``."""
    line: int
    text: str
    why: str
    """What is not known, as in ``what systemctl is-active prints``."""


@dataclass(frozen=True, slots=True)
class Declarations:
    """What all scripts of a system say together."""

    changes: Mapping[str, FileNode | None] = field(default_factory=dict)
    """Image path → what the scripts make of it; None where they remove it. Sorted by path. Alternatives are in it."""
    makers: Mapping[str, str] = field(default_factory=dict)
    """Image path → the package whose script changed it last."""
    alternatives: tuple[Alternative, ...] = ()
    users: tuple[WantedUser, ...] = ()
    groups: tuple[WantedGroup, ...] = ()
    units: tuple[EnabledUnit, ...] = ()
    triggers: tuple[ActivatedTrigger, ...] = ()
    first_starts: tuple[FirstStartProgram, ...] = ()
    diversions: tuple[Diversion, ...] = ()
    """Sorted by path. Paths are real ones, below /usr."""
    capabilities: Mapping[str, str] = field(default_factory=dict)
    """Image path of a program → what it may do, as for setcap(8); sorted by path."""
    unread: tuple[Unread, ...] = ()
    """In the order of packages and lines."""
