"""/etc/ld.so.cache, byte for byte as ldconfig(8) of glibc 2.33 and later writes it (its ``--format=new``, the default).

    header   "glibc-ld.so.cache1.1", number of entries, bytes of strings, byte order, place of the extensions
    entries  flags, SONAME, path: places in the file, sorted by SONAME, the newest first
    strings  each ends with NUL; a string that ends another one is not there by itself
    extensions   the program that wrote the file

The dynamic linker finds by it what is opened by bare name, and ``ldconfig -p``, from which Python's find_library takes
its answers.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cmp_to_key

from sysimage_bootstrap.debian.architectures import ElfTarget
from sysimage_bootstrap.debs.elf import ElfError, read_elf
from sysimage_bootstrap.triggers.merged_tree import MergedTree, canonical

CACHE_PATH = "/etc/ld.so.cache"
_CONFIGURATION = "/etc/ld.so.conf"
_MOST_INCLUDES = 10
_FLAGS: Mapping[int, int] = {62: 0x0303, 183: 0x0A03}
"""Machine → FLAG_ELF_LIBC6 with what glibc requires of its libraries (sysdeps/generic/ldconfig.h)."""
_MAGIC = b"glibc-ld.so.cache1.1"
_HEADER = struct.Struct("<20sIIB3xI12x")
_ENTRY = struct.Struct("<iIIIQ")
_LITTLE_ENDIAN = 2
_EXTENSIONS, _GENERATOR = 0xEAA42174, 0
_EXTENSION = struct.Struct("<IIIIII")


@dataclass(frozen=True, slots=True)
class Library:
    """What a name leads to."""

    soname: str
    path: str


def ld_so_cache(libraries: Iterable[Library], target: ElfTarget, generator: str) -> bytes:
    """The cache of ``libraries``, in the order in which they are found; ``generator`` is the program that it names."""
    ordered = sorted(libraries, key=lambda library: _BY_NAME(library.soname), reverse=True)
    size = _HEADER.size + _ENTRY.size * len(ordered)
    strings, places = _string_table({text for library in ordered for text in (library.soname, library.path)})
    flags = _FLAGS[target.machine]
    entries = b"".join(
        _ENTRY.pack(flags, size + places[library.soname], size + places[library.path], 0, 0) for library in ordered
    )
    end = size + len(strings)
    extensions_at = -(-end // 4) * 4
    text = generator.encode("ascii")
    extensions = _EXTENSION.pack(_EXTENSIONS, 1, _GENERATOR, 0, extensions_at + _EXTENSION.size, len(text)) + text
    header = _HEADER.pack(_MAGIC, len(ordered), len(strings), _LITTLE_ENDIAN, extensions_at)
    return header + entries + strings + bytes(extensions_at - end) + extensions


def libraries_of(tree: MergedTree, target: ElfTarget) -> tuple[Library, ...]:
    """Every library that ldconfig would find, directory by directory."""
    found: dict[str, Library] = {}
    seen: set[str] = set()
    for directory in library_directories(tree, target):
        if canonical(directory) not in seen:
            seen.add(canonical(directory))
            for soname in sorted(_sonames(tree, directory, target)):
                path = f"{directory}/{soname}"
                found.setdefault(path, Library(soname, path))
    return tuple(found.values())


def generator(version: str) -> str:
    """What ldconfig of a version of Debian's libc-bin calls itself."""
    return f"ldconfig (Debian GLIBC {version}) stable release version {version.partition('-')[0]}"


def library_directories(tree: MergedTree, target: ElfTarget) -> tuple[str, ...]:
    """The directories of /etc/ld.so.conf and those that need not be named, in the order in which they are searched."""
    standard = (f"/lib/{target.triplet}", f"/usr/lib/{target.triplet}", "/lib", "/usr/lib")
    return tuple(dict.fromkeys((*_configured(tree, _CONFIGURATION, _MOST_INCLUDES), *standard)))


def compare_names(one: str, other: str) -> int:
    """The order of library names in glibc (``_dl_cache_libcmp``): runs of digits by value, digits after all else."""
    a, b = one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape")
    at = to = 0
    while at < len(a):
        first, second = a[at : at + 1], b[to : to + 1]
        if first.isdigit() and second.isdigit():
            left, right = _digits(a, at), _digits(b, to)
            if int(left) != int(right):
                return -1 if int(left) < int(right) else 1
            at, to = at + len(left), to + len(right)
        elif first.isdigit() or second.isdigit():
            return 1 if first.isdigit() else -1
        elif first != second:
            return -1 if first < second else 1
        else:
            at, to = at + 1, to + 1
    return 0 if to == len(b) else -1


_BY_NAME = cmp_to_key(compare_names)


def _digits(text: bytes, start: int) -> bytes:
    match = re.compile(rb"[0-9]+").match(text, start)
    return b"" if match is None else match[0]


def _configured(tree: MergedTree, path: str, depth: int) -> Iterator[str]:
    text = tree.read(path)
    if text is None or not depth:
        return
    for line in text.decode("utf-8", "surrogateescape").splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["include"]:
            for pattern in words[1:]:
                absolute = pattern if pattern.startswith("/") else f"/etc/{pattern}"
                directory, _, name = absolute.rpartition("/")
                fits = re.compile(re.escape(name).replace(r"\*", "[^/]*").replace(r"\?", "[^/]"))
                for found in tree.names(directory):
                    if fits.fullmatch(found) and not found.startswith("."):
                        yield from _configured(tree, f"{directory}/{found}", depth - 1)
        elif words[:1] != ["hwcap"]:
            yield from (word.rstrip("/") for word in words if word.startswith("/"))


def _sonames(tree: MergedTree, directory: str, target: ElfTarget) -> set[str]:
    found = set()
    for name in tree.names(directory):
        if not name.startswith(("lib", "ld-", "ld.so.", "ld64.so.")) or ".so" not in name:
            continue
        file = tree.file(f"{directory}/{name}")
        if file is None:
            continue
        try:
            elf = read_elf(file)
        except ElfError:
            continue
        if elf is not None and elf.machine == target.machine:
            soname = elf.soname or name
            # A link that compilers look for, libz.so of libz.so.1, is known by its own name.
            for_compilers = tree.is_link(f"{directory}/{name}") and name.endswith(".so") and soname.startswith(name)
            found.add(name if for_compilers else soname)
    return found


def _string_table(texts: Iterable[str]) -> tuple[bytes, dict[str, int]]:
    """The strings, and where each begins: sorted from their ends, the last first, the longer of two that end alike
    before the other."""
    raw = {text: text.encode("utf-8", "surrogateescape") for text in texts}
    ordered = sorted(raw, key=lambda text: [*(-byte for byte in reversed(raw[text])), 1])
    table, places, last = bytearray(), dict[str, int](), b""
    for text in ordered:
        own = raw[text]
        if places and last.endswith(own):
            places[text] = len(table) - 1 - len(own)
        else:
            places[text] = len(table)
            table += own + b"\0"
            last = own
    return bytes(table), places
