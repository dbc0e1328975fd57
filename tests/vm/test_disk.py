"""Bootable disks: read back with the file system's own tools, byte for byte the same wherever they are made."""

from __future__ import annotations

import lzma
import os
import re
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from sysimage.errors import SysimageError
from sysimage.rootfs.tree import Entry, RootTree
from sysimage_vm.disk import BootableDisk, write_disk
from sysimage_vm.initrd import Kernel, KernelError, resolve_modules

pytestmark = pytest.mark.programs

SIZE = 64 << 20


def elf_module(depends: str) -> bytes:
    """The smallest ELF file that has a ``.modinfo`` section."""
    info = b"license=GPL\0depends=" + depends.encode() + b"\0"
    names = b"\0.modinfo\0.shstrtab\0"
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 1, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, 3, 2)
    start = 64 + 3 * 64

    def section(name: int, kind: int, offset: int, size: int) -> bytes:
        return struct.pack("<IIQQQQIIQQ", name, kind, 0, 0, offset, size, 0, 0, 1, 0)

    table = bytes(64) + section(1, 1, start, len(info)) + section(10, 3, start + len(info), len(names))
    return header + table + info + names


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    modules = tmp_path / "modules"
    (modules / "kernel").mkdir(parents=True)
    (modules / "modules.builtin").write_text("kernel/fs/ext4/ext4.ko\n")
    (modules / "kernel" / "bridge.ko.xz").write_bytes(lzma.compress(elf_module("stp,llc")))
    (modules / "kernel" / "stp.ko").write_bytes(elf_module("llc"))
    (modules / "kernel" / "llc.ko").write_bytes(elf_module(""))
    (modules / "kernel" / "nf-tables.ko").write_bytes(elf_module("ext4"))
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    return Kernel(tmp_path / "vmlinuz", modules)


def names(modules: Sequence[object]) -> list[str]:
    return [module.name for module in modules]  # type: ignore[attr-defined]


def test_modules_come_after_what_they_depend_on(kernel: Kernel) -> None:
    assert names(resolve_modules(kernel.modules, ["bridge", "nf_tables", "ext4"])) == [
        "llc",
        "stp",
        "bridge",
        "nf_tables",
    ]


def test_all_missing_modules_are_named(kernel: Kernel) -> None:
    with pytest.raises(KernelError, match=r"(?s)absent.*other"):
        resolve_modules(kernel.modules, ["absent", "llc", "other"])


def test_a_cycle_of_modules_is_named(kernel: Kernel) -> None:
    (kernel.modules / "kernel" / "llc.ko").write_bytes(elf_module("stp"))
    with pytest.raises(KernelError, match="cycle"):
        resolve_modules(kernel.modules, ["bridge"])


@pytest.fixture
def tree(tmp_path: Path) -> RootTree:
    store = tmp_path / "store-file"
    store.write_bytes(b"\0store" * 20_000)
    store.chmod(0o444)
    return RootTree(
        [
            Entry.directory("/tmp", 0o1777),
            Entry.file("/gnu/store/item/bin/prog", store, 0o555),
            Entry.file("/gnu/store/item/bin/same", store, 0o444),
            Entry.file("/usr/bin/prog", store, 0o555),
            Entry.file("/etc/shadow", b"root:!::::::\n", 0o640, 0, 42),
            Entry.file('/etc/a "quoted" name', b"x", 0o4755, 70_000, 80_000),
            Entry.symlink("/bin", "usr/bin", 3, 4),
            Entry.symlink("/long", "x" * 200),
            Entry.directory("/home/alice", 0o700, 1000, 1000),
        ]
    )


def write(tree: RootTree, directory: Path, kernel: Kernel) -> BootableDisk:
    busybox = kernel.image.parent / "busybox"
    busybox.write_bytes(b"busybox")
    return write_disk(
        tree, directory, kernel=kernel, busybox=busybox, init=["/gnu/store/boot", "it's"], modules=["bridge"],
        read_only=["/gnu/store"], size=SIZE,
    )  # fmt: skip


def debugfs(image: Path, command: str) -> str:
    return subprocess.run(["debugfs", "-R", command, image], capture_output=True, text=True, check=True).stdout


def listed(image: Path, path: str) -> tuple[str, int, int, int]:
    said = debugfs(image, 'stat "' + path.replace('"', '""') + '"')
    found = re.search(r"Type: (\w+).*Mode:\s+(\d+).*?User:\s+(\d+)\s+Group:\s+(\d+)", said, re.S)
    assert found, said
    return found[1], int(found[2], 8), int(found[3]), int(found[4])


def test_the_root_holds_the_tree_with_its_owners_and_modes(tree: RootTree, kernel: Kernel, tmp_path: Path) -> None:
    disk = write(tree, tmp_path / "disk", kernel)
    assert subprocess.run(["e2fsck", "-fn", disk.root], capture_output=True).returncode == 0
    kinds = {"dir": "directory", "file": "regular", "symlink": "symlink"}
    for entry in tree:
        expected = kinds[entry.kind.value], entry.mode, entry.uid, entry.gid
        assert listed(disk.root, entry.path) == expected, entry.path
    (out := tmp_path / "out").mkdir()
    debugfs(disk.root, f"dump /gnu/store/item/bin/prog {out / 'prog'}")
    assert (out / "prog").read_bytes() == b"\0store" * 20_000
    assert "Links: 1" in debugfs(disk.root, "stat /gnu/store/item/bin/same"), "one inode, one mode"
    assert "Links: 2" in debugfs(disk.root, "stat /gnu/store/item/bin/prog"), "the same file, with its mode, twice"


def test_a_disk_is_the_same_bytes_under_another_umask_and_clock(tree: RootTree, kernel: Kernel, tmp_path: Path) -> None:
    one = write(tree, tmp_path / "one", kernel)
    store = tmp_path / "store-file"
    os.utime(store, (1, 2))
    store.chmod(0o600)
    (tmp_path / "a").mkdir()
    before = os.umask(0o077)
    try:
        two = write(RootTree(reversed(list(tree))), tmp_path / "a" / "two", kernel)
    finally:
        os.umask(before)
    assert one.root.read_bytes() == two.root.read_bytes()
    assert one.initrd.read_bytes() == two.initrd.read_bytes()


def test_a_disk_is_there_whole_or_not_at_all(kernel: Kernel, tmp_path: Path) -> None:
    with pytest.raises(SysimageError):
        write(RootTree([Entry.file("/big", b"x" * SIZE)]), tmp_path / "out" / "disk", kernel)
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(SysimageError, match="control character"):
        write(RootTree([Entry.file("/new\nline", b"")]), tmp_path / "out" / "disk", kernel)
    assert list((tmp_path / "out").iterdir()) == []


def members(initrd: bytes) -> dict[str, tuple[int, bytes]]:
    """Name → mode and content of a ``newc`` archive."""
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert initrd[at : at + 6] == b"070701"
        fields = [int(initrd[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = initrd[at + 110 : at + 110 + length - 1].decode()
        at = (at + 110 + length + 3) & ~3
        if name == "TRAILER!!!":
            return found
        found[name] = mode, initrd[at : at + size]
        at = (at + size + 3) & ~3


def test_the_initrd_is_an_archive_with_a_script_that_a_shell_reads(
    tree: RootTree, kernel: Kernel, tmp_path: Path
) -> None:
    disk = write(tree, tmp_path / "disk", kernel)
    found = members(disk.initrd.read_bytes())
    assert {
        name: oct(mode) for name, (mode, _) in found.items() if name in ("init", "bin", "bin/sh", "bin/busybox")
    } == {
        "init": "0o100755",
        "bin": "0o40755",
        "bin/sh": "0o120777",
        "bin/busybox": "0o100755",
    }
    assert found["modules/bridge.ko"][1] == elf_module("stp,llc"), "decompressed"
    script = found["init"][1].decode()
    assert subprocess.run(["sh", "-n"], input=script, text=True).returncode == 0
    loads = re.findall(r"insmod /modules/(\w+)\.ko", script)
    assert loads == ["llc", "stp", "bridge"]
    assert script.rstrip().endswith("""switch_root /root /gnu/store/boot 'it'"'"'s'""")
    assert "mount -o remount,bind,ro /root/gnu/store" in script
