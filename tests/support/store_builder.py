"""A tiny store that is a real one: modes and times of a store, NAR hashes, references by scanning, a closure."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sysimage.closure import Closure
from sysimage.store import StoreItem, StorePath
from sysimage.store.scan import Candidates, scan_and_hash
from tests.support.stores import store_path


def static_elf(machine: int = 62) -> bytes:
    """An ELF file for x86-64 (or another machine) that needs nothing else: as far as any check looks, a program."""
    magic = b"\x7fELF\2\1\1" + bytes(9)
    return magic + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0x400000, 64, 0, 0, 64, 56, 0, 64, 0, 0)


ELF = static_elf().decode("ascii")


@dataclass(frozen=True)
class Program:
    """An executable file."""

    text: str


@dataclass(frozen=True)
class Link:
    """A symlink."""

    target: str


Content = str | bytes | Program | Link | Mapping[str, Any]
"""A file, a program, a symlink, or a directory. ``{name}`` in texts and targets becomes the store path of that item."""


class StoreBuilder:
    """Makes items one after the other; each may name those before it, and itself."""

    def __init__(self, location: Path, store_dir: str = "/gnu/store", *, reverse: bool = False) -> None:
        """``reverse`` creates directory entries last name first, so that a file system lists them differently."""
        self.location = location
        self.store_dir = store_dir
        self.items: dict[str, StoreItem] = {}
        self._reverse = reverse
        location.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, content: Content) -> StoreItem:
        """Make the item ``name``."""
        path = store_path(name, self.store_dir)
        top = self.location / path.base_name
        self._write(top, content, {**{key: item.path for key, item in self.items.items()}, name: path})
        candidates = Candidates([*(item.path for item in self.items.values()), path])
        nar_hash, nar_size, references = scan_and_hash(top, candidates)
        item = StoreItem(path, nar_hash, nar_size, tuple(sorted(references)), location=top)
        self.items[name] = item
        return item

    def change(self, name: str, **values: Any) -> StoreItem:
        """Say something else about an item than what is true."""
        self.items[name] = replace(self.items[name], **values)
        return self.items[name]

    def closure(self, *roots: str) -> Closure:
        """Everything made so far."""
        return Closure(self.items.values(), [self.items[root].path for root in roots])

    def _write(self, place: Path, content: Content, paths: Mapping[str, StorePath]) -> None:
        def filled(text: str) -> str:
            for name, path in paths.items():
                text = text.replace("{" + name + "}", str(path))
            return text

        match content:
            case Link(target):
                place.symlink_to(filled(target))
            case Program(text):
                place.write_text(filled(text))
                place.chmod(0o555)
            case str():
                place.write_text(filled(content))
                place.chmod(0o444)
            case bytes():
                place.write_bytes(content)
                place.chmod(0o444)
            case _:
                place.mkdir()
                place.chmod(0o755)
                for name in sorted(content, reverse=self._reverse):
                    self._write(place / name, content[name], paths)
                place.chmod(0o555)
        os.utime(place, (1, 1), follow_symlinks=False)


def small_system(store: StoreBuilder) -> Closure:
    """A system of six items that has what makes stores difficult; its root is the item ``system``."""
    libc = store.add(
        "libc-2.41",
        {"lib": {"ld.so": Program(ELF), "libc.so.6": b"\x7fELF" + bytes(5000), "self": "{libc-2.41}/lib\n"}},
    )
    reference = str(libc.path).encode()
    # Crosses the end of the first MiB, where readers begin a new piece.
    large = bytes(range(256)) * 4095 + b"\0" * (256 - 20) + reference + b"\xff" * 700_000
    store.add(
        "bash-5.2",
        {
            "bin": {"bash": Program("#!{libc-2.41}/lib/ld.so\n"), "sh": Link("bash")},
            "share": {"large.bin": large, "empty": {}, "nothing": b""},
        },
    )
    store.add("tzdata-2025b", "a file that is an item\n")
    store.add("current-tz", Link("{tzdata-2025b}"))
    deep: Content = "bottom {bash-5.2}\n"
    for letter in "abcdefgh":
        deep = {letter * 60: deep}
    store.add(
        "names-1",
        {
            "deep": deep,
            "grüße": "not ASCII\n",
            "a.b": {"after-a": ""},
            "a": {"x": ""},
            "a-b": "sorts between a.b and a\n",
            "long-link": Link("/" + "/".join(["target"] * 40)),
        },
    )
    store.add(
        "system",
        {
            "boot": Program("#!{bash-5.2}/bin/bash\nexec {bash-5.2}/bin/bash\n"),
            "profile": {"bin": Link("{bash-5.2}/bin"), "names": Link("{names-1}"), "tz": Link("{current-tz}")},
        },
    )
    return store.closure("system")
