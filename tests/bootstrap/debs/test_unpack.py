"""Unpacking takes what a package may hold, refuses everything else, and touches nothing outside."""

from __future__ import annotations

import gzip
import lzma
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import pyzstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sysimage.errors import IntegrityError, SysimageError
from sysimage_bootstrap.building.inventories import Inventories
from sysimage_bootstrap.debs import deb as deb_module
from sysimage_bootstrap.debs.inventory import Attributes, Inventory
from sysimage_bootstrap.debs.inventory_cache import INVENTORIES, InventoryCache
from sysimage_bootstrap.debs.unpack import unpack
from tests.bootstrap.debs.made_debs import (
    BLOCK,
    Member,
    ar,
    compressed,
    control,
    deb_bytes,
    directory,
    hard_link,
    header,
    package_of,
    padded,
    program,
    symlink,
    tar,
)


def unpacked(top: Path, deb: bytes, name: str = "sample", version: str = "1.0-1") -> Inventory:
    top.mkdir(parents=True, exist_ok=True)
    (top / "sample.deb").write_bytes(deb)
    return unpack(top / "sample.deb", top / "out", package_of(name, deb, version=version))


def listing(top: Path) -> list[str]:
    return [
        f"{path.relative_to(top)} {stat.filemode(path.lstat().st_mode)}"
        + (f" {path.read_bytes()!r}" if path.is_file() else "")
        for path in sorted(top.rglob("*"))
    ]


GOOD = [
    directory("./"),
    directory("./bin/"),
    directory("./usr/"),
    directory("./usr/bin/"),
    program("./usr/bin/hello", b"#!/bin/sh -e\necho hello\n"),
    program("./usr/bin/su", b"su", 0o4755),
    symlink("./lib64", "usr/lib64"),
    symlink("./usr/bin/hi", "hello"),
    hard_link("./usr/bin/hey", "./usr/bin/hello"),
    hard_link("./usr/libexec/sample/hello", "./usr/bin/hey"),
    hard_link("./usr/bin/runuser", "./usr/bin/su"),
    directory("./usr/share/"),
    directory("./usr/share/empty/"),
    directory("./var/spool/mail/", 0o2775, group="mail"),
    Member("./etc/sample.conf", b"x=1\n"),
    symlink("./etc/rc.d", "init.d"),
    Member("./usr/share/" + "long" * 40, b"long"),
]


@pytest.mark.parametrize("compression", ["xz", "zst", "gz", ""])
def test_a_package_is_unpacked_without_usr_links_and_special_modes(tmp_path: Path, compression: str) -> None:
    deb = deb_bytes("sample", GOOD, compression=compression, conffiles="/etc/sample.conf\nremove-on-upgrade /etc/old\n")
    inventory = unpacked(tmp_path, deb)
    assert listing(tmp_path / "out") == [
        "bin drwxr-xr-x",
        "bin/hello -rwx------ b'#!/bin/sh -e\\necho hello\\n'",
        "bin/su -rwx------ b'su'",
        "etc drwxr-xr-x",
        "etc/sample.conf -rw------- b'x=1\\n'",
        "libexec drwxr-xr-x",
        "libexec/sample drwxr-xr-x",
        "share drwxr-xr-x",
        "share/empty drwxr-xr-x",
        f"share/{'long' * 40} -rw------- b'long'",
        "var drwxr-xr-x",
        "var/spool drwxr-xr-x",
        "var/spool/mail drwxr-xr-x",
    ]
    assert inventory.links == {
        "bin/hey": "hello",
        "bin/hi": "hello",
        "bin/runuser": "su",
        "etc/rc.d": "init.d",
        "libexec/sample/hello": "../../bin/hello",
    }
    assert inventory.root_links == {"etc/rc.d"}
    assert inventory.scripts == {"bin/hello": "/bin/sh -e"}
    assert inventory.conffiles == ("/etc/sample.conf",)
    assert inventory.attributes == {
        "bin/runuser": Attributes(0o4755, "root", "root", False),
        "bin/su": Attributes(0o4755, "root", "root", False),
        "var/spool/mail": Attributes(0o2775, "root", "mail", True),
    }


def test_a_further_name_of_a_symlink_says_what_it_says(tmp_path: Path) -> None:
    members = [symlink("./usr/share/a/y", "../z"), hard_link("./usr/share/b/x", "./usr/share/a/y")]
    members += [symlink("./etc/y", "z"), hard_link("./usr/share/x", "./etc/y")]
    inventory = unpacked(tmp_path, deb_bytes("sample", members))
    assert inventory.links == {"share/a/y": "../z", "share/b/x": "../z", "etc/y": "z", "share/x": "z"}
    assert inventory.root_links == {"etc/y"}


@pytest.mark.parametrize("target", ["/bin/x", "../../bin/x", "x"])
@pytest.mark.parametrize("link_first", [True, False])
def test_a_link_from_usr_to_the_same_place_outside_is_the_file(target: str, link_first: bool, tmp_path: Path) -> None:
    members = [Member("./bin/x", b"x"), symlink("./usr/bin/x", target)]
    inventory = unpacked(tmp_path, deb_bytes("sample", members[::-1] if link_first else members))
    assert (inventory.files, dict(inventory.links)) == (("bin/x",), {})


def test_a_link_from_usr_to_another_place_of_the_same_name_stays(tmp_path: Path) -> None:
    members = [symlink("./usr/share/x", "/etc/x"), symlink("./usr/sbin/x", "/bin/x")]
    assert unpacked(tmp_path, deb_bytes("sample", members)).links == {"share/x": "/etc/x", "sbin/x": "/bin/x"}


def test_owners_without_names_are_numbers_and_root_is_root(tmp_path: Path) -> None:
    members = [
        Member("./usr/a", b"", owner="", group=""),
        Member("./usr/b", b"", owner="", group="", uid=33, gid=1000),
        Member("./usr/c", b"", owner="builder", group="root", uid=1001),
    ]
    assert unpacked(tmp_path, deb_bytes("sample", members)).attributes == {
        "b": Attributes(0o644, "33", "1000", False, 33, 1000),
        "c": Attributes(0o644, "builder", "root", False, 1001, 0),
    }


def test_what_changed_when_is_read_from_the_changelog(tmp_path: Path) -> None:
    text = (
        "sample (1.0-1) unstable; urgency=low\n\n  * Two.\n\n"
        " -- A Name <a@example.org>  Fri, 02 Jan 1970 00:00:00 +0100\n\n"
        "sample (0.9-1) unstable; urgency=low\n\n  * One.\n -- no date at all\n"
        " -- B Name <b@example.org>  Thu, 01 Jan 1970 00:01:00 +0000\n"
        " -- B Name <b@example.org>  Sometime in spring\n"
    )
    members = [Member("./usr/share/doc/sample/changelog.Debian.gz", gzip.compress(text.encode()))]
    assert unpacked(tmp_path, deb_bytes("sample", members)).changed == (60, 82800)


@pytest.mark.parametrize("damage", [b"", b"not gzip", gzip.compress(b"x" * 5000, mtime=0)[:20]])
def test_a_changelog_that_cannot_be_read_says_nothing(tmp_path: Path, damage: bytes) -> None:
    members = [Member("./usr/share/doc/sample/changelog.Debian.gz", damage)]
    assert unpacked(tmp_path, deb_bytes("sample", members)).changed == ()


def test_an_inventory_survives_being_kept(tmp_path: Path) -> None:
    deb = deb_bytes("sample", [*GOOD, Member("./usr/caf\udce9", b"")])
    (tmp_path / "deb").write_bytes(deb)
    package = package_of("sample", deb, version="1.0-1")
    inventories = InventoryCache(tmp_path / "store")
    (tmp_path / "unpacked").mkdir()
    assert inventories.find(package) is None
    inventory = inventories.unpack(tmp_path / "deb", package, tmp_path / "unpacked")
    assert "caf\udce9" in inventory.files
    assert InventoryCache(tmp_path / "store").find(package) == inventory
    assert inventories.find(replace(package, name="other")) is None


def test_what_an_ended_worker_kept_of_an_inventory_is_gone_when_the_error_is_raised(tmp_path: Path) -> None:
    package, part = package_of("sample", b""), f".x.memo.{'0' * 12}.part"
    kept = tmp_path / "store" / INVENTORIES

    def leave(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        kept.mkdir(parents=True)
        (kept / part).write_text("half of it")

    inventories = Inventories(InventoryCache(tmp_path / "store"), tmp_path / "unpacked", workers=1)
    with pytest.raises((OSError, SysimageError)):
        inventories.of({package: tmp_path / "absent.deb"}, {"sample": package}, leave)
    assert list(kept.iterdir()) == []


HOSTILE: dict[str, Sequence[Member]] = {
    "climbs": [Member("../x", b"")],
    "climbs in the middle": [Member("./a/../../x", b"")],
    "is absolute": [Member("/etc/passwd", b"")],
    "names the parent": [directory("..")],
    "has an empty name": [Member("", b"")],
    "has an empty component": [Member("./usr//bin", b"")],
    "is the root as a file": [Member("./", b"")],
    "is the root as a link": [symlink(".", "/tmp")],
    "replaces usr by a link": [symlink("./usr", "/tmp"), Member("./usr/x", b"")],
    "writes through a link": [symlink("./usr/d", "/tmp"), Member("./usr/d/f", b"")],
    "writes through a link that comes later": [Member("./usr/d/f", b""), symlink("./usr/d", "/tmp")],
    "writes through a file": [Member("./usr/d", b""), Member("./usr/d/f", b"")],
    "links hard to outside": [hard_link("./usr/x", "../../etc/shadow")],
    "links hard to an absolute path": [hard_link("./usr/x", "/etc/shadow")],
    "links hard to a later file": [hard_link("./usr/x", "./usr/y"), Member("./usr/y", b"")],
    "occurs twice": [Member("./usr/x", b"1"), Member("./usr/x", b"2")],
    "occurs twice, with and without usr": [Member("./usr/bin/x", b"1"), Member("./bin/x", b"2")],
    "is a file and a directory": [Member("./usr/x", b""), directory("./usr/x")],
    "is a directory and a file": [directory("./usr/x"), Member("./usr/x", b"")],
    "is a directory and a link": [directory("./usr/x"), symlink("./usr/x", "y")],
    "is a character device": [Member("./dev/null", kind=b"3")],
    "is a block device": [Member("./dev/sda", kind=b"4")],
    "is a pipe": [Member("./run/p", kind=b"6")],
    "is sparse": [Member("./usr/x", kind=b"S")],
    "is contiguous": [Member("./usr/x", kind=b"7")],
    "has a pax header": [Member("./pax", b"12 path=../x\n", kind=b"x"), Member("./x", b"")],
    "has a global pax header": [Member("./pax", b"12 path=../x\n", kind=b"g"), Member("./x", b"")],
    "is a whiteout": [Member("./usr/.wh.x", b"")],
    "is an opaque whiteout": [Member("./usr/.wh..wh..opq", b"")],
    "has a long component": [Member("./usr/" + "x" * 256, b"")],
    "has a long path": [Member("./" + "d/" * 2100 + "x", b"")],
    "is a link to nothing": [symlink("./usr/x", "")],
    "is a directory with content": [Member("./usr/d", b"content", kind=b"5")],
    "is a link with content": [Member("./usr/d", b"content", kind=b"2", target="x")],
    "has a negative size": [Member("./usr/x", size=-1)],
    "has a size in base 256": [Member("./usr/x", size=8**12)],
    "claims eight GiB": [Member("./usr/x", size=8**11 - 1)],
    "has a wrong checksum": [Member("./usr/x", checksum=1)],
    "is not of ustar": [Member("./usr/x", magic=b"\0" * 8)],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_member_that_could_do_harm_is_refused(tmp_path: Path, members: Sequence[Member]) -> None:
    with pytest.raises(IntegrityError, match=r"cannot unpack sample 1\.0-1: "):
        unpacked(tmp_path / "inside", deb_bytes("sample", members))
    assert [p.name for p in tmp_path.iterdir()] == ["inside"]
    assert sorted(p.name for p in (tmp_path / "inside").iterdir()) == ["out", "sample.deb"]
    assert not any(path.is_symlink() for path in (tmp_path / "inside").rglob("*"))


FILE = Member("./usr/x", b"content" * 100)
STREAMS: dict[str, bytes] = {
    "ends in a header": tar([FILE])[:300],
    "ends in a file": tar([FILE])[:700],
    "has no end": tar([FILE], end=b""),
    "has half an end": tar([FILE], end=bytes(BLOCK)),
    "has an empty block in the middle": tar([], end=bytes(BLOCK)) + tar([FILE]),
    "has something after its end": tar([FILE]) + b"x",
    "is two archives": tar([FILE]) + tar([FILE]),
    "has dirt in the padding": tar([FILE])[:-1100] + b"x" + tar([FILE])[-1099:],
    "has a long name without a member": header(Member("././@LongLink", b"./x\0", kind=b"L"))
    + padded(b"./x\0")
    + bytes(1024),
    "has two long names": (header(Member("././@LongLink", b"./x\0", kind=b"L")) + padded(b"./x\0")) * 2 + tar([FILE]),
    "has a long name with a NUL": header(Member("././@LongLink", b"./x\0y\0", kind=b"L"))
    + padded(b"./x\0y\0")
    + tar([FILE]),
    "has a long name of a GiB": header(Member("././@LongLink", kind=b"L", size=1 << 30)) + tar([FILE]),
    "has a long name of nothing": header(Member("././@LongLink", kind=b"L")) + tar([FILE]),
    "is noise": b"noise" * 300,
    "is empty": b"",
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS.keys())
def test_a_stream_that_is_not_one_whole_archive_is_refused(tmp_path: Path, stream: bytes) -> None:
    with pytest.raises(IntegrityError, match="cannot unpack"):
        unpacked(tmp_path, deb_bytes("sample", data=compressed(stream, "gz"), compression="gz"))


@pytest.mark.parametrize("how", ["xz", "zst", "gz"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-3],
        lambda data: data + b"x",
        lambda data: data + data,
        lambda data: data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 0xFF]) + data[len(data) // 2 + 1 :],
        lambda data: b"BZh9" + data,
        lambda data: b"",
    ],
    ids=["cut", "tail", "twice", "flipped", "foreign", "empty"],
)
def test_a_damaged_compressed_stream_is_refused(tmp_path: Path, how: str, damage: Callable[[bytes], bytes]) -> None:
    data = tar([Member("./usr/x", bytes(range(256)) * 40)])
    whole = pyzstd.compress(data, {pyzstd.CParameter.checksumFlag: 1}) if how == "zst" else compressed(data, how)
    assert unpacked(tmp_path / "good", deb_bytes("sample", data=whole, compression=how)).files == ("x",)
    with pytest.raises(IntegrityError, match="cannot unpack"):
        unpacked(tmp_path / "bad", deb_bytes("sample", data=damage(whole), compression=how))


def test_bombs_are_refused_by_size_count_and_memory(tmp_path: Path) -> None:
    many = deb_bytes("sample", [directory(f"./usr/{number}") for number in range(30)])
    path = tmp_path / "sample.deb"
    for limits in ({"data_limit": 8000}, {"member_limit": 20}):
        path.write_bytes(many)
        with (
            pytest.raises(IntegrityError, match=r"it h(olds|as) more than"),
            deb_module.open_deb(path, package_of("sample", many).digest, "sample", **limits) as opened,
        ):
            list(opened.data)
    window = pyzstd.ZstdCompressor({pyzstd.CParameter.windowLog: 28, pyzstd.CParameter.compressionLevel: 1})
    greedy = deb_bytes("sample", data=window.compress(bytes(1 << 16)) + window.flush(), compression="zst")
    with pytest.raises(IntegrityError, match="zst stream is damaged"):
        unpacked(tmp_path / "zst", greedy)
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 3 << 28, "mf": lzma.MF_HC3, "mode": lzma.MODE_FAST}]
    hungry = deb_bytes("sample", data=lzma.compress(bytes(1 << 16), filters=filters), compression="xz")
    with pytest.raises(IntegrityError, match="xz stream is damaged"):
        unpacked(tmp_path / "xz", hungry)


PARTS = [
    ("debian-binary", b"2.0\n"),
    ("control.tar.gz", compressed(tar([Member("./control", control("sample").encode())]), "gz")),
    ("data.tar.gz", compressed(tar([FILE]), "gz")),
]
CONTAINERS: dict[str, bytes] = {
    "is empty": b"",
    "is not an ar file": b"PK\3\4" + b"\0" * 100,
    "is reordered": ar([PARTS[0], PARTS[2], PARTS[1]]),
    "lacks its version": ar(PARTS[1:]),
    "lacks its data": ar(PARTS[:2]),
    "is of another version": ar([("debian-binary", b"3.0\n"), *PARTS[1:]]),
    "has an extra member in the middle": ar([*PARTS[:2], ("_gpgorigin", b"x"), PARTS[2]]),
    "has an extra member at its end": ar([*PARTS, ("more", b"x")]),
    "has its data twice": ar([*PARTS, PARTS[2]]),
    "is followed by something": ar(PARTS) + b"xx",
    "is cut": ar(PARTS)[:-5],
    "has another compression than its name says": ar([*PARTS[:2], ("data.tar.xz", PARTS[2][1])]),
    "has an unknown compression": ar([*PARTS[:2], ("data.tar.lzma", PARTS[2][1])]),
    "has a negative size": ar(PARTS).replace(b"%-10d`" % len(PARTS[2][1]), b"%-10d`" % -5),
    "has no control file": ar([PARTS[0], ("control.tar.gz", compressed(tar([]), "gz")), PARTS[2]]),
    "has control as a link": ar(
        [PARTS[0], ("control.tar.gz", compressed(tar([symlink("./control", "/etc/passwd")]), "gz")), PARTS[2]]
    ),
}


@pytest.mark.parametrize("deb", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_a_container_that_is_not_just_so_is_refused(tmp_path: Path, deb: bytes) -> None:
    assert unpacked(tmp_path / "good", ar(PARTS)).files == ("x",)
    with pytest.raises(IntegrityError, match="cannot unpack"):
        unpacked(tmp_path / "bad", deb)


@pytest.mark.parametrize(
    "text",
    [
        control("another"),
        control("sample", "1.0-2"),
        control("sample", architecture="arm64"),
        control("sample") + "Package: sample\n",
        control("sample") + "\n" + control("sample"),
        "nonsense",
    ],
)
def test_a_control_file_that_says_something_else_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(IntegrityError, match="cannot use the package sample"):
        unpacked(tmp_path, deb_bytes("sample", GOOD, control_text=text))


def test_a_package_whose_bytes_are_not_the_promised_ones_is_refused(tmp_path: Path) -> None:
    deb = deb_bytes("sample", GOOD)
    (tmp_path / "sample.deb").write_bytes(deb.replace(b"2.0\n", b"2.1\n"))
    with pytest.raises(IntegrityError, match="not what the package list promised"):
        unpack(tmp_path / "sample.deb", tmp_path / "out", package_of("sample", deb))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10_000), value=st.integers(0, 255), data=st.data())
def test_any_changed_byte_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int, data: st.DataObject
) -> None:
    top = tmp_path_factory.mktemp("flip")
    deb = bytearray(deb_bytes("sample", GOOD, compression=""))
    deb[position % len(deb)] = value
    with suppress(IntegrityError):
        unpacked(top, bytes(deb))
    assert sorted(path.name for path in top.iterdir()) in (["out", "sample.deb"], ["sample.deb"])
    assert not any(path.is_symlink() for path in top.rglob("*"))
