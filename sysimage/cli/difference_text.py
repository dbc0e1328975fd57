"""A difference as people read it: on a terminal, and in a pull request."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from sysimage.cli.terminal import in_bytes
from sysimage.compare.difference import Difference, FileChange, LayerChange, PackageChange, SettingChange

if TYPE_CHECKING:
    from sysimage_bootstrap.packages.lock import InputChange

_FILES = 20
"""Files of the system itself that are named without being asked for all."""
_CHANGES = ("up", "down", "changed", "added", "removed")
_SIGNS = {"up": "↑", "down": "↓", "changed": "≠", "added": "+", "removed": "-"}


def lines(found: Difference, width: int, *, every: bool) -> Iterator[str]:
    """A section for each kind of thing that both sides know, with a line for each change."""
    if found.is_empty:
        yield f"{found.old} and {found.new} hold the same"
        return
    yield f"packages: {_count(one.change for one in found.packages)}"
    name_width = max((len(one.name) for one in found.packages), default=0)
    for package in found.packages:
        yield f"  {_SIGNS[package.change]} {package.name.ljust(name_width)}  {_versions(package)}"
    yield from _fixes(found.packages, width)
    if found.configuration is not None:
        yield f"configuration: {_number(len(found.configuration), 'change')}"
        for setting in found.configuration:
            yield from _setting(setting, width)
    if found.files is not None:
        yield from _files(found.files, every=every)
    if found.layers is not None:
        yield from _layers(found.layers, every=every)


_KINDS = {"trees": "tree", "python": "wheel", "node": "npm package", "java": "jar"}


def inputs(changes: Sequence[InputChange], *, markdown: bool) -> Iterator[str]:
    """What a spec takes besides packages and took otherwise before: a line for each."""
    if not changes:
        return
    rows = [
        ("+" if one.old is None else "-" if one.new is None else "≠", _KINDS[one.kind], one.name, one.old, one.new)
        for one in changes
    ]
    if not markdown:
        yield f"besides packages: {_number(len(rows), 'change')}"
        for sign, kind, name, old, new in rows:
            yield f"  {sign} {kind} {name}  {' -> '.join(_short(text) for text in (old, new) if text is not None)}"
        return
    yield "| | besides packages | old | new |"
    yield "| --- | --- | --- | --- |"
    for sign, kind, name, old, new in rows:
        cells = (sign, f"{kind} {name}", _short(old or ""), _short(new or ""))
        yield f"| {' | '.join(map(_cell, cells))} |"
    yield ""


def _short(text: str) -> str:
    """A version, with the beginning of its hash."""
    version, _, digest = text.rpartition(" ")
    algorithm, _, value = digest.partition(":")
    return f"{version} {algorithm}:{value[:12]}".strip() if value else text


def markdown(found: Difference, *, every: bool) -> Iterator[str]:
    """The same as GitHub-flavoured Markdown."""
    yield f"### {_code(found.old)} → {_code(found.new)}"
    yield ""
    if found.is_empty:
        yield "Both hold the same."
        return
    if found.layers is not None:
        layers = found.layers
        yield (
            f"A client of the old image pulls **{in_bytes(layers.pulled_size)}** of {in_bytes(layers.total_size)}: "
            f"{layers.kept} of {layers.total} layers are kept."
        )
        yield ""
    if found.packages:
        yield f"**Packages**: {_count(one.change for one in found.packages)}"
        yield ""
        yield "| | package | old | new |"
        yield "| --- | --- | --- | --- |"
        for package in found.packages:
            cells = (_SIGNS[package.change], package.name, package.old or "", package.new or "")
            yield f"| {' | '.join(map(_cell, cells))} |"
        yield ""
    if fixes := _by_source(found.packages):
        yield "| source | fixes, by its changelog |"
        yield "| --- | --- |"
        for source, numbers in fixes.items():
            yield f"| {source} | {', '.join(numbers)} |"
        yield ""
    if found.configuration:
        yield "| setting | old | new |"
        yield "| --- | --- | --- |"
        for setting in found.configuration:
            yield f"| {_cell(setting.name)} | {_cell(setting.old or '')} | {_cell(setting.new or '')} |"
        yield ""
    if found.files:
        yield "<details><summary>Files</summary>"
        yield ""
        yield "```"
        yield from _files(found.files, every=every)
        yield "```"
        yield ""
        yield "</details>"


def _versions(package: PackageChange) -> str:
    return " -> ".join(version for version in (package.old, package.new) if version is not None)


def _count(changes: Iterable[str]) -> str:
    counted = Counter(changes)
    return ", ".join(f"{counted[change]} {change}" for change in _CHANGES if counted[change]) or "no change"


def _number(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"


def _by_source(packages: Iterable[PackageChange]) -> dict[str, tuple[str, ...]]:
    """The CVE numbers of each source package: its packages have one changelog."""
    found: dict[str, tuple[str, ...]] = {}
    for one in packages:
        if one.fixes:
            found[one.source or one.name] = one.fixes
    return found


def _fixes(packages: Sequence[PackageChange], width: int) -> Iterator[str]:
    by_source = _by_source(packages)
    if by_source:
        yield f"fixes, by the changelogs: {len({number for each in by_source.values() for number in each})}"
    for source, numbers in by_source.items():
        yield from textwrap.wrap(
            f"{source}: {', '.join(numbers)}",
            width,
            initial_indent="  ",
            subsequent_indent="      ",
            break_on_hyphens=False,
        )


def _setting(setting: SettingChange, width: int) -> Iterator[str]:
    sign = "+" if setting.old is None else "-" if setting.new is None else "≠"
    values = [value for value in (setting.old, setting.new) if value is not None]
    line = f"  {sign} {setting.name}: {' -> '.join(values)}"
    if len(line) <= width or len(values) == 1:
        yield line
    else:
        yield f"  {sign} {setting.name}:"
        yield f"      - {setting.old}"
        yield f"      + {setting.new}"


def _files(files: Sequence[FileChange], *, every: bool) -> Iterator[str]:
    """Those of packages by package, the system's own by name."""
    yield f"files: {_count(one.change for one in files)}"
    by_owner: dict[str, list[FileChange]] = {}
    for one in files:
        by_owner.setdefault(one.owner, []).append(one)
    own = by_owner.pop("", [])
    shown = own if every else own[:_FILES]
    for one in shown:
        yield _file(one)
    if len(own) > len(shown):
        yield f"    and {len(own) - len(shown)} more; --all names them"
    for owner, changes in sorted(by_owner.items()):
        if every:
            yield f"  of {owner}:"
            yield from (f"  {_file(one)}" for one in changes)
        else:
            yield f"  of {owner}: {_count(one.change for one in changes)}"


def _file(one: FileChange) -> str:
    return f"  {_SIGNS[one.change]} {one.path}" + (f"  ({one.what})" if one.what else "")


def _layers(layers: LayerChange, *, every: bool) -> Iterator[str]:
    yield f"layers: {layers.kept} of {layers.total} kept"
    for layer in layers.pulled if every else ():
        yield f"  + {in_bytes(layer.size)}  {layer.holds}"
    yield f"a client of the old image pulls {in_bytes(layers.pulled_size)} of {in_bytes(layers.total_size)}"


def _code(text: str) -> str:
    return f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
