"""The parts of the model that are about stores: the one inside the image, and one that the image is made from."""

# ruff: noqa: RUF012 - pydantic copies defaults
from __future__ import annotations

import enum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from sysimage.spec.field_metadata import SPEC_PATH
from sysimage.spec.spec_object import SpecObject
from sysimage.spec.value_types import (
    AccountName,
    Capabilities,
    Identifier,
    ImagePath,
    LinkTarget,
    Mode,
    RelativePath,
    StoreDirectory,
)


class StoreKind(enum.StrEnum):
    GUIX = "guix"
    NIX = "nix"


class Store(SpecObject):
    """The functional package store inside the image."""

    kind: StoreKind = StoreKind.GUIX
    """Whose database schema and state directory the image has."""
    directory: StoreDirectory | None = None
    """The store directory; ``/gnu/store`` or ``/nix/store`` by kind."""
    database: bool = True
    """Whether the image holds the store's database, GC roots and profiles."""
    uid: Identifier = 0
    """The owner of the store directory, its items and its database: 0, or a user who manages the store without root."""
    gid: Identifier = 0
    """The group of the same."""

    @property
    def store_dir(self) -> str:
        return self.directory or f"/{'gnu' if self.kind is StoreKind.GUIX else 'nix'}/store"

    @property
    def state_dir(self) -> str:
        """Where the store's owner keeps database, GC roots and profiles."""
        return "/var/guix" if self.kind is StoreKind.GUIX else "/nix/var/nix"

    @property
    def owner_dirs(self) -> tuple[str, ...]:
        """Directories beside store and state that belong to an owner other than root: where builds log, and above."""
        if self.kind is StoreKind.GUIX:
            return "/gnu", "/var/log/guix", "/var/log/guix/drvs"
        return "/nix", "/nix/var", "/nix/var/log", "/nix/var/log/nix", "/nix/var/log/nix/drvs"


class SystemKind(enum.StrEnum):
    """The tool that made a system item, which decides how it boots."""

    GUIX = "guix"
    NIXOS = "nixos"


def _system_or_items(schema: dict[str, Any]) -> None:
    items = {"anyOf": [{"required": ["paths"]}, {"required": ["contents"]}]}
    schema["oneOf"] = [{"required": ["system"]}, items]


def _path_or_object(schema: dict[str, Any]) -> None:
    path = {key: value for key, value in schema["properties"]["path"].items() if key != "description"}
    described = {**schema, "description": schema.pop("description")}
    schema.clear()
    schema["anyOf"] = [path, described]


class StoreContent(SpecObject):
    """An item whose files are at the root of the image: a path as text, or with more to say about it."""

    model_config = ConfigDict(json_schema_extra=_path_or_object)

    path: Annotated[LinkTarget, SPEC_PATH]
    """A store path, or a link that leads to one."""
    copy_: bool = False
    """Whether files are copied to the root, not linked from there."""
    owner: AccountName = "root"
    """Of copied files and their directories: a user."""
    group: AccountName = "root"
    """Of the same: a group."""
    mode: Mode | None = None
    """Permission bits of copied files; by default as the item has them, and writable for the owner."""
    capabilities: dict[RelativePath, Capabilities] = {}
    """Of copied files, by path in the item: what a program may do, whichever user starts it, such as
    ``{"bin/ping": "cap_net_raw+ep"}``."""

    @model_validator(mode="before")
    @classmethod
    def _of_path(cls, value: object) -> object:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_copied(self) -> StoreContent:
        if self.capabilities and not self.copy_:
            raise ValueError('"capabilities" belong to copies: say "copy": true, since a store item can have none')
        return self


class StoreSource(SpecObject):
    """What a Guix or Nix store on this machine holds, and where it is read. Sources are relative to the spec."""

    model_config = ConfigDict(json_schema_extra=_system_or_items)

    system: Annotated[LinkTarget | None, SPEC_PATH] = None
    """A system that boots: a store path, or a link that leads to one, such as ``result``."""
    paths: Annotated[tuple[Annotated[LinkTarget, SPEC_PATH], ...], Field(min_length=1)] | None = None
    """Items without an init, as in a pack: store paths, or links that lead to them; the first is what ``links`` and a
    relative program are about."""
    source: Annotated[LinkTarget | None, SPEC_PATH] = None
    """Where the closure is read: the store's database or a directory that has it, path-info JSON, a registration, a
    references graph, or a directory of items; by default the database of the machine's own store."""
    location: Annotated[LinkTarget | None, SPEC_PATH] = None
    """The directory in which the items are, if it is not the store directory that their paths say."""
    system_kind: SystemKind | None = None
    """The tool that made the system; by default recognised from its contents."""
    check: bool = False
    """Whether every item is read and compared with the hash that the source says."""
    links: dict[ImagePath, RelativePath] = {}
    """Image path → a path in the first of the items: the link leads there; ``.`` is the item itself."""
    contents: Annotated[tuple[StoreContent, ...], Field(min_length=1)] | None = None
    """Items whose files are at the root of the image, directories of several merged."""

    @model_validator(mode="after")
    def _is_one(self) -> StoreSource:
        if (self.system is None) == (self.paths is None and self.contents is None):
            raise ValueError('must have either "system" or "paths" or "contents"')
        return self

    @property
    def items(self) -> tuple[str, ...]:
        """What ``paths`` and ``contents`` name, in this order."""
        return (*(self.paths or ()), *(content.path for content in self.contents or ()))
