"""``icon-theme.cache`` of each theme of icons, which GTK reads in the place of the theme's directories.

The format is that of gtk-update-icon-cache(1): big-endian numbers and offsets from the file's beginning.

    header          version 1.0, offset of the hash table, offset of the list of directories
    hash table      number of buckets, for each the offset of its first icon
    icon            offsets of the next one in the bucket, of its name, of its images
    images          number; for each the directory's index, which suffixes it has there, and no data
    directories     number, offset of each name

GTK takes a cache that is not older than its theme's directory: in an image all times are the same.
"""

from __future__ import annotations

import posixpath
import struct
from collections.abc import Iterator, Mapping

from sysimage_bootstrap.triggers.merged_tree import MergedTree, canonical

TOP = "/usr/share/icons"
NAME = "icon-theme.cache"
_MAKERS = ("/usr/bin/gtk-update-icon-cache", "/usr/bin/gtk-update-icon-cache-3.0", "/usr/bin/gtk4-update-icon-cache")
"""Debian's scripts make caches where there is one of these."""
_SUFFIXES = {".xpm": 1, ".svg": 2, ".png": 4}
_NONE = 0xFFFFFFFF
_PRIMES = (
    *(11, 19, 37, 73, 109, 163, 251, 367, 557, 823, 1237, 1861, 2777, 4177, 6247, 9371, 14057, 21089, 31627, 47431),
    *(71143, 106721, 160073, 240101, 360163, 540217, 810343, 1215497, 1823231, 2734867, 4102283, 6153409, 9230113),
)
"""GLib's numbers of buckets."""
_DEEPEST = 16
"""Directories within each other; links among them may lead in a circle."""

Images = Mapping[str, Mapping[str, int]]
"""Directory of a theme → icon → which suffixes it has there."""


def icon_caches(tree: MergedTree) -> dict[str, bytes]:
    """Image path → content, for every theme that has icons; none where no program of the image would make them."""
    if not any(path in tree.paths for path in _MAKERS):
        return {}
    directories = _directories(tree)
    themes = (f"{TOP}/{name}" for name in sorted(directories.get(TOP, ())))
    found = {theme: dict(_images(tree, directories, theme)) for theme in themes if f"{theme}/index.theme" in tree.paths}
    return {f"{theme}/{NAME}": icon_cache(images) for theme, images in found.items() if images and _is_plain(images)}


def _is_plain(images: Images) -> bool:
    """Whether all names are ASCII: GTK refuses a cache with others, and Debian has none then."""
    return all(name.isascii() for directory, icons in images.items() for name in (directory, *icons))


def _directories(tree: MergedTree) -> dict[str, set[str]]:
    """Each directory below `TOP` → the names of those in it."""
    found: dict[str, set[str]] = {}
    for path in tree.paths:
        above = posixpath.dirname(path)
        while above.startswith(f"{TOP}/"):
            above, name = posixpath.split(above)
            found.setdefault(above, set()).add(name)
    return found


def _images(tree: MergedTree, directories: Mapping[str, set[str]], theme: str) -> Iterator[tuple[str, dict[str, int]]]:
    """The directories of a theme that have icons, those in a directory before it; links to directories are followed."""

    def walk(place: str, shown: str, depth: int) -> Iterator[tuple[str, dict[str, int]]]:
        names = tree.names(place)
        below = {name: f"{place}/{name}" for name in directories.get(place, ())}
        for name in names:
            target = _link_to_directory(tree, directories, f"{place}/{name}")
            if target is not None:
                below[name] = target
        if depth < _DEEPEST:
            for name, path in sorted(below.items()):
                yield from walk(path, f"{shown}/{name}".lstrip("/"), depth + 1)
        icons: dict[str, int] = {}
        for name in names:
            stem, suffix = posixpath.splitext(name)
            if shown and suffix in _SUFFIXES and tree.read(f"{place}/{name}") is not None:
                icons[stem] = icons.get(stem, 0) | _SUFFIXES[suffix]
        if icons:
            yield shown, icons

    yield from walk(theme, "", 0)


def _link_to_directory(tree: MergedTree, directories: Mapping[str, set[str]], path: str) -> str | None:
    said = tree.look(path)
    if not isinstance(said, str):
        return None
    target = canonical(posixpath.join(posixpath.dirname(path), said))
    return target if target in directories or tree.names(target) else None


def icon_cache(images: Images) -> bytes:
    """The cache of a theme. Icons in one bucket are sorted by name."""
    places = {directory: index for index, directory in enumerate(images)}
    icons = sorted({name for found in images.values() for name in found}, key=str.encode)
    size = next((prime for prime in _PRIMES if prime > len(icons) // 3), _PRIMES[-1])
    buckets: dict[int, list[str]] = {}
    for name in icons:
        buckets.setdefault(_hash(name) % size, []).append(name)
    table, at, body = [_NONE] * size, 12 + 4 + 4 * size, b""
    for bucket in sorted(buckets):
        table[bucket] = at + len(body)
        for name in buckets[bucket]:
            here = at + len(body)
            text = _text(name)
            having = [(places[one], images[one][name]) for one in reversed(tuple(images)) if name in images[one]]
            listed = struct.pack(">I", len(having)) + b"".join(struct.pack(">HHI", *pair, 0) for pair in having)
            following = here + 12 + len(text) + len(listed)
            is_last = name == buckets[bucket][-1]
            body += (
                struct.pack(">III", _NONE if is_last else following, here + 12, here + 12 + len(text)) + text + listed
            )
    list_at = at + len(body)
    names, offsets = b"", []
    for directory in images:
        offsets.append(list_at + 4 + 4 * len(images) + len(names))
        names += _text(directory)
    return b"".join(
        (
            struct.pack(">HHII", 1, 0, 12, list_at),
            struct.pack(f">I{size}I", size, *table),
            body,
            struct.pack(f">I{len(offsets)}I", len(offsets), *offsets),
            names,
        )
    )


def _text(name: str) -> bytes:
    """A text with its end, as many words of four bytes as it needs."""
    plain = name.encode("utf-8", "surrogateescape") + b"\0"
    return plain + b"\0" * (-len(plain) % 4)


def _hash(name: str) -> int:
    value = 0
    for at, byte in enumerate(name.encode("utf-8", "surrogateescape")):
        signed = byte - 256 if byte > 127 else byte
        value = signed & _NONE if at == 0 else ((value << 5) - value + signed) & _NONE
    return value
