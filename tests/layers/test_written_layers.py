"""Headers and archives, byte for byte: what a layer's digest hangs on in every version."""

from __future__ import annotations

import contextlib
import hashlib
import random
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError
from sysimage.layers import Check, Compression, LayerChecks, LayerSource, tar_size, write_layer, write_tar
from sysimage.layers.headers import Headers
from sysimage.rootfs import Entry
from sysimage.rules import limits
from sysimage.store.items import OwnFile, ShownFiles
from sysimage.store.scan import Candidates
from sysimage.streams.sink import plain_sink
from tests.support.stores import make_item

LONG, PREFIXED = b"n" * 101, b"p" * 155 + b"/" + b"n" * 100
XATTRS = [(b"SCHILY.xattr.user.b", b"2"), (b"SCHILY.xattr.user.a", b"1" * 480)]


def headers() -> dict[str, bytes]:
    roots, far = Headers(0, 0), Headers(3_000_000, 8**7)
    return {
        "file": roots.item_file(b"gnu/store/x", 5, executable=False),
        "program": roots.item_file(b"gnu/store/x", 5, executable=True),
        "file of an owner": Headers(7, 8**7 - 1).item_file(b"x", 8**11 - 1, executable=False),
        "file of a far owner": far.item_file(b"x", 8**11, executable=True),
        "prefixed file": roots.item_file(PREFIXED, 1, executable=False),
        "file with a long name": roots.item_file(LONG, 1, executable=False),
        "hard link": roots.item_link(b"a", b"b", executable=False),
        "hard link to a program": roots.item_link(b"a", b"t" * 100, executable=True),
        "hard link to a long name": roots.item_link(LONG, LONG, executable=True),
        "directory": roots.item_directory(b"gnu/store/x"),
        "prefixed directory": roots.item_directory(b"p" * 155 + b"/" + b"n" * 99),
        "directory with a long name": roots.item_directory(b"n" * 100),
        "entry": Headers(1, 2).file(b"etc/shadow", 0o640, 20),
        "entry with capabilities": roots.file(b"bin/ping", 0o755, 20, b"\1\0\0\2\0 \0\0"),
        "directory of an entry": Headers(1, 2).directory(b"tmp", 0o1777),
        "directory with attributes": far.directory(b"tmp", 0o1777, XATTRS),
        "symlink": roots.symlink(b"a", b"b"),
        "symlink that says much": roots.symlink(PREFIXED, b"t" * 101),
        "bytes": roots.symlink(b"\xff" * 100, b"\xff" * 100),
    }


DIGESTS: dict[str, tuple[int, str]] = {
    "file": (1, "df13d002af5f72bc"),
    "program": (1, "c692bf32422e965a"),
    "file of an owner": (1, "6070c58657ee044b"),
    "file of a far owner": (3, "447385f343c300c5"),
    "prefixed file": (1, "b26d4b6fc4f19b4c"),
    "file with a long name": (3, "e3bce241a03abd95"),
    "hard link": (1, "afd83beb00d78fee"),
    "hard link to a program": (1, "0bd051d58d5d1f80"),
    "hard link to a long name": (3, "f0b19bb7cd566cd5"),
    "directory": (1, "d1592e9438b83a58"),
    "prefixed directory": (1, "b7ddbdeaceae36e3"),
    "directory with a long name": (3, "a2a41bc18bd5b2c7"),
    "entry": (1, "cf8ff8f88ad3327a"),
    "entry with capabilities": (3, "1db85281dad663a4"),
    "directory of an entry": (1, "26733ec33c22c93a"),
    "directory with attributes": (4, "9e60944a75aaa87c"),
    "symlink": (1, "6134c197ff18ddb1"),
    "symlink that says much": (3, "29cdd916f4da4fdc"),
    "bytes": (1, "b690d15d33b0f855"),
}
"""Blocks, and the SHA-256 of them."""


def digest(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def test_headers_are_as_they_were_written_down() -> None:
    made = headers()
    assert {what: (len(header) / 512, digest(header)) for what, header in made.items()} == DIGESTS


@pytest.mark.parametrize("owner", [(-1, 0), (0, -1)])
def test_there_is_no_owner_below_zero(owner: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"owner {owner[0]}:{owner[1]}"):
        Headers(*owner)


def test_names_and_targets_that_readers_refuse_are_refused() -> None:
    roots = Headers(0, 0)
    longest = b"/".join([b"n" * (limits.COMPONENT_LENGTH - 1)] * (limits.PATH_LENGTH // limits.COMPONENT_LENGTH))
    assert roots.item_file(longest, 1, executable=False)
    assert roots.item_directory(longest)
    assert roots.symlink(b"a", b"t" * limits.PATH_LENGTH)
    for name, target, fault in (
        (b"n" * 256, b"t", "cannot put /n+ into a layer: the name has a component of 256 bytes"),
        (longest + b"/" + b"n" * 200, b"t", r"cannot put /[n/]+ into a layer: the name has \d+ bytes"),
        (b"a", b"t" * (limits.PATH_LENGTH + 1), r"cannot put /a into a layer: the name is a link of \d+ bytes"),
    ):
        with pytest.raises(IntegrityError, match=fault):
            roots.symlink(name, target)


def test_an_archive_is_as_it_was_written_down(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "bin/tool": b"#!",
        "bin/su": b"su",
        "bin/sh": "->/gnu/store/x/bin/sh",
        "etc/tool.conf": "conf",
        "share/ours/note": "ours" * 200,
        "share/doc": None,
        "d" * 60 + "/" + "e" * 90: "deep",
    }
    shown = ShownFiles(("share/ours",), {"bin/su": OwnFile(0o4755, 0, 42)}, {"bin/sh": "shell"})
    tool = replace(make_item(tmp_path, "tool-1", files), shown=shown)
    plain = make_item(tmp_path, "plain-1", {"file": "x" * 512, "none": ""})
    (tmp_path / "host").write_bytes(b"host" * 300)
    entries = (
        Entry.directory("/", 0o711),
        Entry.file("/etc/shadow", b"root:!::\n", 0o600, 0, 42),
        Entry.file("/etc/host", tmp_path / "host", 0o4755, 1, 2),
        replace(Entry.file("/etc/ping", b"p" * 512, 0o755), capabilities=b"\1\0\0\2\0 \0\0"),
        Entry.file("/etc/empty", b""),
        Entry.symlink("/bin", "usr/bin"),
    )
    parents = (
        replace(Entry.directory("/usr/share", 0o750, 3, 4), attributes=((b"SCHILY.xattr.user.a", b"1"),)),
        Entry.directory("/etc", 0o700),
    )
    source = LayerSource("x", (tool, plain), entries, parents, uid=7, gid=8)
    assert tar_size(source) == 28160
    for check in (None, Check(), Check(Candidates([tool.path, plain.path]))):
        pieces: list[bytes] = []
        size = write_tar(source, lambda piece: pieces.append(bytes(piece)), check=check)  # noqa: B023
        assert (size, digest(b"".join(pieces))) == (28160, "a2833f7c8c8cca2b")


BLOBS: dict[str, dict[str, str]] = {
    "isal 1.9.1": {"gzip:1": "b332ed9985473ea8", "gzip:2": "72e3588cd93773b1"},
    "zlib 1.2.13": {"gzip:3": "83d983d41d551b4e", "gzip:9": "c94a4b62a1a8089c"},
    "zstd 1.5.7": {
        "zstd:1": "6667020c9ef43eb8",
        "zstd:3": "2b43b55e9bdcbb4b",
        "zstd:4": "ae84989cd08311b2",
        "zstd:10": "e0db1f598a1fb84c",
    },
}
"""By library, of each compression."""


@pytest.mark.parametrize("name", ["gzip:1", "gzip:2", "gzip:3", "gzip:9", "zstd:1", "zstd:3", "zstd:4", "zstd:10"])
def test_a_blob_is_as_the_library_made_it_in_every_version(name: str) -> None:
    draw = random.Random(1)
    words = [draw.randbytes(draw.randrange(1, 9)) for _ in range(3000)]
    text = b"".join(words[min(draw.randrange(3000), draw.randrange(3000))] for _ in range(100_000))
    source = LayerSource("x", (), (Entry.file("/x", text),))
    compression = Compression.parse(name)
    if compression.library not in BLOBS:
        pytest.skip(f"what {compression.library} makes is not written down")
    out = bytearray()
    write_layer(source, compression, plain_sink(out.extend))
    assert digest(out) == BLOBS[compression.library][name]


@pytest.mark.parametrize("name", ["none", "gzip", "zstd"])
def test_a_layer_is_called_as_its_source_and_reports_every_byte_that_it_moves(name: str) -> None:
    source = LayerSource("label", (), (Entry.file("/x", b"x" * 3_000_000),))
    moved: list[int] = []
    layer = write_layer(source, Compression.parse(name), plain_sink(len), moved=moved.append)
    assert (layer.label, layer.tar_size, sum(moved)) == ("label", tar_size(source), tar_size(source))
    assert len(moved) > 1
    assert layer.descriptor.media_type == Compression.parse(name).media_type
    for promised, refused in ((layer.tar_size, False), (layer.tar_size + 1, True), (0, True)):
        with pytest.raises(IntegrityError) if refused else contextlib.nullcontext() as caught:
            write_layer(source, Compression.parse(name), plain_sink(len), LayerChecks(tar_size=promised))
        if caught is not None:
            assert str(caught.value) == "cannot write layer 'label': its files changed while they were read"
            assert caught.value.hint == "a store is read-only; build again when nothing writes to it"
