"""How two holdings differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from sysimage.compare.compared_contents import HeldFile, HeldLayer, HeldPackage, Holding
from sysimage_bootstrap.archive.versions import version_key

Change = Literal["added", "removed", "up", "down", "changed"]


@dataclass(frozen=True, slots=True)
class PackageChange:
    """One package that differs."""

    name: str
    change: Change
    old: str | None
    """The version before; None for one that is new."""
    new: str | None
    source: str = ""
    fixes: tuple[str, ...] | None = None
    """CVE numbers that changelog entries since the old version name; None where no changelog was read."""


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting of the configuration that differs; None where it is not there."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path that differs."""

    path: str
    change: Change
    what: str
    """What is different of it, such as ``content`` or ``mode 0644 -> 0600``; empty for what comes or goes."""
    owner: str
    """The package or item that has it; empty for what belongs to the system as a whole."""


@dataclass(frozen=True, slots=True)
class LayerChange:
    """What a client of the old image pulls for the new one."""

    kept: int
    """Layers of the new image that the old one has."""
    total: int
    pulled: tuple[HeldLayer, ...]
    """Those that it does not have, bottom first."""
    pulled_size: int
    """Bytes of them."""
    total_size: int
    """Bytes of all layers of the new image."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs; None for what one side cannot say."""

    old: str
    new: str
    packages: tuple[PackageChange, ...]
    """Sorted by name."""
    configuration: tuple[SettingChange, ...] | None
    files: tuple[FileChange, ...] | None
    """Sorted by owner and path."""
    layers: LayerChange | None

    def with_fixes(self, fixes: Mapping[str, tuple[str, ...]]) -> Difference:
        """The same with the CVE numbers by package name."""
        return replace(
            self, packages=tuple(replace(one, fixes=fixes.get(one.name, one.fixes)) for one in self.packages)
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs, as far as both sides say."""
        pulled = self.layers is not None and bool(self.layers.pulled)
        return not (self.packages or self.configuration or self.files or pulled)


def compare(old: Holding, new: Holding) -> Difference:
    """What is different in ``new``."""
    return Difference(
        old.name,
        new.name,
        compare_packages(old.packages, new.packages),
        _settings(old, new),
        None if old.files is None or new.files is None else _files(old.files, new.files),
        None if old.layers is None or new.layers is None else _layers(old.layers, new.layers),
    )


def compare_packages(old: Mapping[str, HeldPackage], new: Mapping[str, HeldPackage]) -> tuple[PackageChange, ...]:
    """The packages that come, go, or have another version, sorted by name."""
    found = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before is None and after is not None:
            found.append(PackageChange(name, "added", None, after.version, after.source))
        elif after is None and before is not None:
            found.append(PackageChange(name, "removed", before.version, None, before.source))
        elif before is not None and after is not None and before.version != after.version:
            found.append(
                PackageChange(
                    name, _direction(before.version, after.version), before.version, after.version, after.source
                )
            )
    return tuple(found)


def _direction(old: str, new: str) -> Change:
    try:
        return "up" if version_key(new) > version_key(old) else "down"
    except ValueError:
        return "changed"


def _settings(old: Holding, new: Holding) -> tuple[SettingChange, ...] | None:
    if old.configuration is None or new.configuration is None or old.kind != new.kind:
        return None  # a spec says other things than an image
    before, after = old.configuration, new.configuration
    return tuple(
        SettingChange(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _files(old: Mapping[str, HeldFile], new: Mapping[str, HeldFile]) -> tuple[FileChange, ...]:
    found = []
    for path in old.keys() | new.keys():
        before, after = old.get(path), new.get(path)
        if before is None and after is not None:
            found.append(FileChange(path, "added", "", after.owner))
        elif after is None and before is not None:
            found.append(FileChange(path, "removed", "", before.owner))
        elif before is not None and after is not None and (what := _what_differs(before, after)):
            found.append(FileChange(path, "changed", what, after.owner))
    return tuple(sorted(found, key=lambda one: (one.owner, one.path)))


def _what_differs(old: HeldFile, new: HeldFile) -> str:
    if old.kind != new.kind:
        return f"{old.kind} -> {new.kind}"
    words = []
    if old.content != new.content:
        words.append(f"{old.content} -> {new.content}" if new.kind == "symlink" else "content")
    if old.mode != new.mode and new.kind != "symlink":
        words.append(f"mode {old.mode:04o} -> {new.mode:04o}")
    if (old.uid, old.gid) != (new.uid, new.gid):
        words.append(f"owner {old.uid}:{old.gid} -> {new.uid}:{new.gid}")
    return ", ".join(words)


def _layers(old: tuple[HeldLayer, ...], new: tuple[HeldLayer, ...]) -> LayerChange:
    there = {layer.digest for layer in old}
    pulled = tuple(layer for layer in new if layer.digest not in there)
    return LayerChange(
        kept=len(new) - len(pulled),
        total=len(new),
        pulled=pulled,
        pulled_size=sum(layer.size for layer in {layer.digest: layer for layer in pulled}.values()),
        total_size=sum(layer.size for layer in {layer.digest: layer for layer in new}.values()),
    )
