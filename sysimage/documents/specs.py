"""Documents about specs and their keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sysimage.documents.json_value import Document, Part
from sysimage.documents.problems import Issue


@dataclass(frozen=True, slots=True)
class ResolveDocument(Document):
    """`resolve`: what a spec says when all that it includes and all that is chosen of it is laid over one another."""

    KIND = "resolve"

    value: Mapping[str, Any]
    """What a system.json that includes nothing would say."""
    origins: Mapping[str, str]
    """JSON pointer to the place that has its value: `FILE:LINE:COLUMN`, or a flag."""
    files: tuple[str, ...]
    """The files that were included, in the order in which they are laid over one another."""


@dataclass(frozen=True, slots=True)
class LintDocument(Document):
    """`lint` of specs without a fault; faults are an `error`."""

    KIND = "lint"

    specs: tuple[str, ...]
    """What was read."""


@dataclass(frozen=True, slots=True)
class InitDocument(Document):
    """`init`."""

    KIND = "init"

    spec: str
    """The file that was written."""
    value: Mapping[str, Any]
    """What it says."""
    notes: tuple[Issue, ...]
    """What the other tool's file says that has no counterpart."""


@dataclass(frozen=True, slots=True)
class KeyChange(Part):
    """A key that was brought to today's form."""

    old: str
    """JSON pointer to the old key, where `*` stands for any name."""
    new: str
    """Its name now."""
    since: str
    """The version of sysimage that no longer reads the old one."""


@dataclass(frozen=True, slots=True)
class MigrateDocument(Document):
    """`migrate`."""

    KIND = "migrate"

    spec: str
    """The file."""
    changes: tuple[KeyChange, ...]


@dataclass(frozen=True, slots=True)
class Key(Part):
    """A key of system.json."""

    key: str
    type: str
    """What its value must be, in words."""
    default: Any
    """Null where it has no default."""
    required: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class ExplainDocument(Document):
    """`explain` of one key."""

    KIND = "explain"

    key: str
    """Its path, such as `services.*.ready`."""
    type: str
    """What its value must be, in words."""
    default: Any
    """Null where it has no default."""
    required: bool
    meaning: str
    keys: tuple[Key, ...]
    """The keys below it."""
    example: Mapping[str, Any]
    """A spec that has it."""


@dataclass(frozen=True, slots=True)
class KeyGroup(Part):
    """Keys that belong together."""

    title: str
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class KeysDocument(Document):
    """`explain` without a key."""

    KIND = "keys"

    groups: tuple[KeyGroup, ...]
