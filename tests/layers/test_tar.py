"""Layers as archives: what is in them, in which order, and that each byte is read once."""

from __future__ import annotations

import importlib
import io
import os
import pkgutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sysimage import layers
from sysimage.errors import IntegrityError, MachineError
from sysimage.layers import BrokenPromiseError, Check, LayerSource, tar_size, write_tar
from sysimage.layers.items import FOR_LAYER
from sysimage.process import run
from sysimage.rootfs import Entry
from sysimage.store import StoreItem, StorePath
from sysimage.store.nar import nar_hash_and_size
from sysimage.store.walk import Visitor
from tests.support.descriptors import no_descriptor_is_left
from tests.support.stores import make_item, store_path


def archive_of(source: LayerSource, piece_size: int = 1 << 20) -> bytes:
    pieces: list[bytes] = []
    size = write_tar(source, lambda piece: pieces.append(bytes(piece)), piece_size)
    assert all(len(piece) == piece_size for piece in pieces[:-1])
    data = b"".join(pieces)
    assert len(data) == size == tar_size(source)
    return data


def listing(source: LayerSource) -> list[str]:
    """Lines like ``drwxr-xr-x 0/0 gnu``, files with their size, links with their target."""
    with tarfile.open(fileobj=io.BytesIO(archive_of(source))) as archive:
        return [
            f"{tarfile.stat.filemode(member.mode | _KINDS[member.type])} {member.uid}/{member.gid} {member.name}"  # type: ignore[attr-defined]
            + (f" {member.size}" if member.isreg() else f" -> {member.linkname}" if member.issym() else "")
            for member in archive
        ]


_KINDS = {tarfile.DIRTYPE: 0o040000, tarfile.REGTYPE: 0o100000, tarfile.SYMTYPE: 0o120000}


@pytest.fixture
def hello(tmp_path: Path) -> StoreItem:
    return make_item(
        tmp_path / "store",
        "hello-2.12",
        {"bin/hello": b"\x7fELF", "share/doc/hello/README": "read me\n", "lib": "->share", "empty": None},
    )


def test_a_layer_reads_like_a_listing(hello: StoreItem) -> None:
    top = str(hello.path)[1:]
    source = LayerSource(
        "hello",
        (hello,),
        (
            Entry.directory("/tmp", 0o1777),
            Entry.file("/etc/shadow", b"root:!::\n", 0o600, 0, 42),
            Entry.symlink("/bin/sh", f"{hello.path}/bin/hello"),
        ),
    )

    assert listing(source) == [
        "drwxr-xr-x 0/0 .",
        "drwxr-xr-x 0/0 bin",
        f"lrwxrwxrwx 0/0 bin/sh -> {hello.path}/bin/hello",
        "drwxr-xr-x 0/0 etc",
        "-rw------- 0/42 etc/shadow 9",
        "drwxr-xr-x 0/0 gnu",
        "drwxrwxr-t 0/0 gnu/store",
        f"dr-xr-xr-x 0/0 {top}",
        f"dr-xr-xr-x 0/0 {top}/bin",
        f"-r-xr-xr-x 0/0 {top}/bin/hello 4",
        f"dr-xr-xr-x 0/0 {top}/empty",
        f"lrwxrwxrwx 0/0 {top}/lib -> share",
        f"dr-xr-xr-x 0/0 {top}/share",
        f"dr-xr-xr-x 0/0 {top}/share/doc",
        f"dr-xr-xr-x 0/0 {top}/share/doc/hello",
        f"-r--r--r-- 0/0 {top}/share/doc/hello/README 8",
        "drwxrwxrwt 0/0 tmp",
    ]


def test_parents_are_written_as_the_image_has_them_and_nothing_else_of_it(hello: StoreItem) -> None:
    source = LayerSource(
        "hello",
        (hello,),
        parents=(Entry.directory("/gnu/store", 0o1775, 0, 30000), Entry.directory("/var/empty"), Entry.directory("/")),
        uid=7,
        gid=8,
    )

    assert listing(source)[:4] == [
        "drwxr-xr-x 0/0 .",
        "drwxr-xr-x 0/0 gnu",
        "drwxrwxr-t 0/30000 gnu/store",
        f"dr-xr-xr-x 7/8 {str(hello.path)[1:]}",
    ]
    assert not [line for line in listing(source) if "var" in line]


def test_the_root_directory_is_written_because_engines_make_different_ones() -> None:
    assert listing(LayerSource("x", (), (Entry.directory("/", 0o700), Entry.directory("/a"))))[0] == "drwx------ 0/0 ."
    assert listing(LayerSource("x", (), (Entry.directory("/a"),)))[0] == "drwxr-xr-x 0/0 ."


def test_siblings_are_sorted_by_their_bytes_whatever_the_directory_says(tmp_path: Path) -> None:
    names = ["a", "a-b", "a.b", "B", "_", "z", "é", "\U0001f600", "\uffff", "a b"]
    item = make_item(tmp_path, "names", dict.fromkeys(reversed(names), "x"))
    with tarfile.open(fileobj=io.BytesIO(archive_of(LayerSource("x", (item,))))) as archive:
        found = [name.rpartition("/")[2] for name in archive.getnames()[4:]]

    assert found == sorted(names, key=os.fsencode)


def test_a_directory_comes_right_before_what_it_holds(tmp_path: Path) -> None:
    item = make_item(tmp_path, "x", {"a/file": "1", "a-b": "2", "a/b/c": "3"})
    with tarfile.open(fileobj=io.BytesIO(archive_of(LayerSource("x", (item,))))) as archive:
        found = [name.removeprefix(str(item.path)[1:]) for name in archive.getnames()[3:]]

    assert found == ["", "/a", "/a/b", "/a/b/c", "/a/file", "/a-b"]


def test_modes_times_owners_and_hard_links_on_the_disk_do_not_matter(hello: StoreItem) -> None:
    before = archive_of(LayerSource("x", (hello,)))
    assert hello.location
    readme = hello.location / "share/doc/hello/README"
    readme.chmod(0o600)
    os.utime(hello.location / "bin", (9, 9))
    (hello.location / "share").chmod(0o700)
    os.link(readme, hello.location.parent / "linked")

    assert archive_of(LayerSource("x", (hello,))) == before


@pytest.mark.parametrize("piece_size", [1, 3, 511, 512, 513, 1024, 4096, 65536])
def test_the_archive_is_the_same_for_every_piece_size(hello: StoreItem, piece_size: int) -> None:
    source = LayerSource("x", (hello,), (Entry.file("/etc/text", b"t" * 512), Entry.file("/etc/none", b"")))

    assert archive_of(source, piece_size) == archive_of(source)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(sizes=st.lists(st.integers(0, 1600), min_size=1, max_size=8), piece_size=st.integers(1, 2100))
def test_a_header_or_a_file_may_end_anywhere_in_the_buffer(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], piece_size: int
) -> None:
    top = tmp_path_factory.mktemp("fuzz")
    for number, size in enumerate(sizes):
        (top / str(number)).write_bytes(bytes([number + 1]) * size)
    path = StorePath("/gnu/store", "0" * 32, "fuzz")
    source = LayerSource("x", (StoreItem(path, *nar_hash_and_size(top), location=top),))

    with tarfile.open(fileobj=io.BytesIO(archive_of(source, piece_size))) as archive:
        for number, size in enumerate(sizes):
            member = archive.extractfile(f"{str(path)[1:]}/{number}")
            assert member is not None
            assert member.read() == bytes([number + 1]) * size


def test_every_length_is_padded_to_whole_blocks(tmp_path: Path) -> None:
    item = make_item(tmp_path, "x", {str(size): "x" * size for size in range(513)})
    data = archive_of(LayerSource("x", (item,)))

    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {member.name.rpartition("/")[2]: member.size for member in archive if member.isreg()}
    assert found == {str(size): size for size in range(513)}
    assert len(data) % 512 == 0


def test_gnu_tar_unpacks_exactly_the_item(hello: StoreItem, tmp_path: Path) -> None:
    (tmp_path / "layer.tar").write_bytes(archive_of(LayerSource("x", (hello,))))
    out = tmp_path / "out"
    out.mkdir()
    run(["tar", "-C", out, "--no-same-permissions", "-xf", tmp_path / "layer.tar"])

    assert nar_hash_and_size(out / str(hello.path)[1:]) == (hello.nar_hash, hello.nar_size)


def test_an_entry_may_take_its_content_from_a_file_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "motd").write_text("hi\n")
    (tmp_path / "motd").chmod(0o777)
    from_file = LayerSource("x", (), (Entry.file("/etc/motd", tmp_path / "motd", 0o644),))
    from_bytes = LayerSource("x", (), (Entry.file("/etc/motd", b"hi\n", 0o644),))

    assert archive_of(from_file) == archive_of(from_bytes)


def test_no_file_stays_open(hello: StoreItem, tmp_path: Path) -> None:
    (tmp_path / "motd").write_text("hi\n")
    os.mkfifo(tmp_path / "pipe")
    with no_descriptor_is_left():
        write_tar(LayerSource("x", (hello,), (Entry.file("/etc/motd", tmp_path / "motd"),)), len)
        with pytest.raises(IntegrityError):
            write_tar(LayerSource("x", (), (Entry.file("/x", tmp_path / "pipe"),)), len)


def test_an_item_may_be_a_file_or_a_link(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\n")
    (tmp_path / "script").chmod(0o755)
    (tmp_path / "link").symlink_to("/gnu/store/elsewhere")
    items = tuple(
        StoreItem(store_path(name), *nar_hash_and_size(tmp_path / name), location=tmp_path / name)
        for name in ("script", "link")
    )

    lines = listing(LayerSource("x", items))

    assert f"-r-xr-xr-x 0/0 {str(items[0].path)[1:]} 10" in lines
    assert f"lrwxrwxrwx 0/0 {str(items[1].path)[1:]} -> /gnu/store/elsewhere" in lines


def whole_tar(source: LayerSource) -> object:
    return write_tar(source, len)


def checked_tar(source: LayerSource) -> object:
    return write_tar(source, len, check=Check())


WAYS_INTO_A_LAYER = [whole_tar, checked_tar, tar_size]


@pytest.mark.parametrize("way", WAYS_INTO_A_LAYER)
@pytest.mark.parametrize("name", [".wh.file", "share/.wh.file", "share/.wh..wh..opq/file"])
def test_a_name_that_readers_take_for_a_whiteout_is_refused_on_every_way(tmp_path: Path, name: str, way: Any) -> None:
    item = make_item(tmp_path, "x", {name: ""})

    with pytest.raises(IntegrityError, match=r"/\.wh\..* into a layer: readers would take"):
        way(LayerSource("x", (item,)))


def test_every_visitor_of_this_room_walks_for_a_layer() -> None:
    """So that a new one cannot forget the refusal."""
    for module in pkgutil.iter_modules(layers.__path__, "sysimage.layers."):
        importlib.import_module(module.name)
    waiting: list[Any] = [Visitor]
    purposes = {}
    while waiting:
        waiting += (kind := waiting.pop()).__subclasses__()
        if kind.__module__.startswith("sysimage.layers."):
            purposes[kind.__name__] = kind.purpose
    assert len(purposes) >= 4
    assert set(purposes.values()) == {FOR_LAYER}


@pytest.mark.parametrize("way", WAYS_INTO_A_LAYER)
def test_a_pipe_is_refused_without_waiting_for_a_writer(hello: StoreItem, way: Any) -> None:
    assert hello.location
    os.mkfifo(hello.location / "share/pipe")

    with pytest.raises(IntegrityError, match=r"share/pipe into a layer: it is neither"):
        way(LayerSource("x", (hello,)))


def test_a_pipe_in_the_place_of_a_file_of_the_spec_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(IntegrityError, match=r"cannot put .*/pipe into a layer: it is neither"):
        write_tar(LayerSource("x", (), (Entry.file("/x", tmp_path / "pipe"),)), len)


def test_a_missing_file_of_the_spec_is_named(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=rf"^cannot read {tmp_path}/none: No such file or directory$"):
        write_tar(LayerSource("x", (), (Entry.file("/x", tmp_path / "none"),)), len)


def test_a_missing_item_is_named(hello: StoreItem) -> None:
    assert hello.location
    hello.location.rename(hello.location.with_name("gone"))

    with pytest.raises(MachineError, match=r"cannot read .*-hello-2\.12: No such file"):
        write_tar(LayerSource("x", (hello,)), len)


def test_each_file_is_opened_once_and_each_byte_read_once(hello: StoreItem, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hello.location
    files = {os.fsencode(path): path.lstat().st_size for path in hello.location.rglob("*") if path.is_file()}
    counts: dict[str, Any] = {"open": [], "read": 0, "fstat": 0, "close": 0}
    real = {name: getattr(os, name) for name in ("open", "readv", "fstat", "close")}

    def counting_open(path: bytes, *arguments: int) -> int:
        counts["open"].append(path)
        return int(real["open"](path, *arguments))

    def counting_readv(fd: int, buffers: Any) -> int:
        count = int(real["readv"](fd, buffers))
        counts["read"] += count
        return count

    def counting(name: str) -> Any:
        def call(fd: int) -> Any:
            counts[name] += 1
            return real[name](fd)

        return call

    monkeypatch.setattr(os, "open", counting_open)
    monkeypatch.setattr(os, "readv", counting_readv)
    monkeypatch.setattr(os, "fstat", counting("fstat"))
    monkeypatch.setattr(os, "close", counting("close"))
    write_tar(LayerSource("x", (hello,)), len)
    monkeypatch.undo()

    assert sorted(counts["open"]) == sorted(files)
    assert counts["read"] == sum(files.values())
    assert counts["fstat"] == counts["close"] == len(files)


def test_the_size_of_an_archive_is_known_without_opening_a_file(
    hello: StoreItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> int:
        raise AssertionError(f"opened {arguments}")

    source = LayerSource("x", (hello,), (Entry.file("/a", b"b"),))
    expected = len(archive_of(source))
    monkeypatch.setattr(os, "open", refuse)

    assert tar_size(source) == expected


@pytest.mark.parametrize("piece_size", [1, 600, 4096, 1 << 20])
def test_checking_the_items_changes_no_byte(hello: StoreItem, tmp_path: Path, piece_size: int) -> None:
    (tmp_path / "script").write_text("#!/bin/sh")
    (tmp_path / "link").symlink_to("/gnu/store/elsewhere")
    others = tuple(
        StoreItem(store_path(name), *nar_hash_and_size(tmp_path / name), location=tmp_path / name)
        for name in ("script", "link")
    )
    source = LayerSource("x", (hello, *others), (Entry.file("/etc/x", b"x"),))
    pieces: list[bytes] = []
    write_tar(source, lambda piece: pieces.append(bytes(piece)), piece_size, check=Check())

    assert b"".join(pieces) == archive_of(source)


@pytest.mark.parametrize(
    "change",
    [
        lambda top: (top / "share/doc/hello/README").write_text("rEad me\n"),
        lambda top: (top / "share/doc/hello/README").chmod(0o755),
        lambda top: (top / "share/doc/hello/README").unlink(),
        lambda top: (top / "empty/more").touch(),
        lambda top: ((top / "lib").unlink(), (top / "lib").symlink_to("bin")),
    ],
)
def test_an_item_that_is_not_what_its_store_says_is_named(hello: StoreItem, change: Any) -> None:
    assert hello.location
    change(hello.location)

    with pytest.raises(BrokenPromiseError, match=rf"{hello.path}: .* its store says {hello.nar_hash} and"):
        write_tar(LayerSource("x", (hello,)), len, check=Check())


def test_checking_reads_each_file_once(hello: StoreItem, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    real = os.readv

    def counting(fd: int, buffers: Any) -> int:
        nonlocal read
        count = real(fd, buffers)
        read += count
        return count

    monkeypatch.setattr(os, "readv", counting)
    write_tar(LayerSource("x", (hello,)), len, check=Check())

    assert read == len("read me\n") + len(b"\x7fELF")
