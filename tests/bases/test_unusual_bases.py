"""Bases as other tools really leave them: each is taken as Docker and Podman take it, or refused with the true reason.

Where a tool cannot be had, its form is imitated from public reports, which are named as project#number.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sysimage.bases.read import read_base_image
from sysimage.closure import Closure
from sysimage.errors import IntegrityError, SysimageError
from sysimage.verify import verify_image
from tests.support import raw_tar as tar
from tests.support.builds import build_from_store, config_of, on
from tests.support.raw_image import RawImage, write_archive
from tests.support.store_builder import static_elf

SHELL = tar.file(b"bin/sh", static_elf(), mode=0o755)
OCI, DOCKER = "application/vnd.oci.image.", "application/vnd.docker.image.rootfs."


def layers(*members: tuple[bytes, ...]) -> RawImage:
    return RawImage(*(tar.archive(*one) for one in members))


def says(**runtime: Any) -> RawImage:
    return RawImage(tar.archive(SHELL), config={"config": runtime})


def typed(kind: str, compress: Callable[[bytes], bytes] = bytes) -> RawImage:
    image = layers((SHELL,))
    image.layer_type = kind
    image.blobs = [compress(layer) for layer in image.layers]
    return image


def zstd(data: bytes) -> bytes:
    import pyzstd

    return pyzstd.compress(data)


def xattrs(*names: bytes) -> bytes:
    return tar.pax([(name, b"y") for name in names])


def apk(name: bytes, content: bytes = b"") -> bytes:
    """A member as it is in a package of Alpine's."""
    checksum = (b"APK-TOOLS.checksum.SHA1", hashlib.sha1(content, usedforsecurity=False).hexdigest().encode())
    return tar.pax([checksum]) + tar.file(name, content or static_elf(), mode=0o755)


ALPINE = b"root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532:Account created by apko:/home/nonroot:/bin/sh\n"
AUFS = (
    SHELL, tar.directory(b".wh..wh.plnk"), tar.file(b".wh..wh.plnk/292.14", b"data"),
    tar.hard_link(b"data", b".wh..wh.plnk/292.14"), tar.directory(b".wh..wh.orph"), tar.file(b".wh..wh.aufs"),
)  # fmt: skip
CNB_LABELS = {"io.buildpacks.lifecycle.metadata": json.dumps({"layers": "x" * 200_000}), "a b": "two\nlines"}
EVERYTHING = (
    "Env", "Cmd", "Entrypoint", "Volumes", "ExposedPorts", "Labels", "OnBuild", "WorkingDir", "User", "StopSignal",
    "Healthcheck", "Shell", "ArgsEscaped",
)  # fmt: skip
TAKEN: dict[str, Callable[[], RawImage]] = {
    "kaniko: a root entry, absolute hard links (charliecloud#1280)": lambda: layers(
        (tar.directory(b"/"), SHELL, tar.hard_link(b"bin/ash", b"/bin/sh"))
    ),
    "kaniko: a folder becomes a link, its whiteout first (kaniko#2308)": lambda: layers(
        (SHELL, tar.directory(b"a"), tar.file(b"a/a"), tar.directory(b"b")),
        (tar.file(b"a/.wh.a"), tar.directory(b"/"), tar.symlink(b"a", b"b"), tar.directory(b"b")),
    ),
    "bazel: hard links whose parents have no entry (apple/container#1797)": lambda: layers(
        (SHELL, tar.hard_link(b"bin/app.runfiles/_main/app_/app", b"bin/sh"))
    ),
    "distroless: ./ and / mixed (rules_docker#1577)": lambda: layers(
        (tar.directory(b"./"), tar.directory(b"/usr/"), tar.directory(b"./var/"), SHELL)
    ),
    "apko: checksums of packages at members, directories again in each layer, no history but its own": lambda: RawImage(
        tar.archive(
            tar.directory(b"etc"), tar.directory(b"lib/apk/db"), apk(b"lib/apk/db/installed"), apk(b"bin/busybox")
        ),
        tar.archive(tar.directory(b"etc"), tar.symlink(b"bin/sh", b"/bin/busybox"), apk(b"etc/passwd", ALPINE)),
        config={"author": "github.com/chainguard-dev/apko", "history": [{"created_by": "apko", "comment": "apko"}] * 2},
    ),
    "chisel: a merged /usr, a manifest that is compressed, neither shell nor accounts": lambda: layers(
        (
            tar.directory(b"./"),
            tar.symlink(b"./bin", b"usr/bin"),
            tar.directory(b"./usr/bin/"),
            tar.file(b"./usr/bin/app", static_elf(), mode=0o755),
            tar.file(b"./var/lib/chisel/manifest.wall", zstd(b"{}\n")),
        )
    ),
    "AUFS: what old Docker left in layers (moby#15517)": lambda: layers(AUFS),
    "one path several times, of several kinds": lambda: layers(
        (SHELL, tar.file(b"x", b"1"), tar.symlink(b"x", b"bin"), tar.file(b"x", b"2"), tar.directory(b"x"))
    ),
    "whiteouts of what was never there": lambda: layers((SHELL,), (tar.file(b"no/.wh.x"), tar.file(b".wh.y"))),
    "a link in the place of a directory with files, in one layer": lambda: layers(
        (SHELL, tar.directory(b"a"), tar.file(b"a/x"), tar.symlink(b"a", b"bin"))
    ),
    "directories and files taking turns": lambda: layers(
        (SHELL, tar.file(b"a"), tar.directory(b"b"), tar.file(b"b/x")), (tar.directory(b"a"), tar.file(b"b"))
    ),
    "names that are not UTF-8, or have line breaks and backslashes": lambda: layers(
        (SHELL, tar.file(b"a\xff\xfeb"), tar.file(b"new\nline"), tar.file(b"back\\slash"))
    ),
    "jib: dates before 1970, as base-256 and in pax": lambda: layers(
        (SHELL, tar.file(b"old", mtime=b"\xff" * 12), tar.pax([(b"mtime", b"-62135596800.5")]) + tar.file(b"older"))
    ),
    "bsdtar: dates and attributes of its own": lambda: layers(
        (xattrs(b"LIBARCHIVE.creationtime", b"LIBARCHIVE.xattr.user.x", b"SCHILY.fflags", b"atime", b"ctime") + SHELL,)
    ),
    "selinux and capabilities": lambda: layers(
        (xattrs(b"SCHILY.xattr.security.capability", b"RHT.security.selinux", b"SCHILY.xattr.user.x") + SHELL,)
    ),
    "git archive: a comment for all members": lambda: layers((tar.pax([(b"comment", b"abc")], b"g"), SHELL)),
    "an upper directory of overlayfs: device 0/0": lambda: layers((SHELL, tar.header(b"gone", b"3"))),
    "buildah: a root that is closed and a user's": lambda: layers((tar.directory(b"./", 0o700, uid=1000), SHELL)),
    "estargz: landmarks and a table of contents": lambda: layers(
        (SHELL, tar.file(b".no.prefetch.landmark", b"\x0f"), tar.file(b"stargz.index.json", b"{}"))
    ),
    "zstd:chunked: frames to skip": lambda: typed(
        OCI + "layer.v1.tar+zstd", lambda data: zstd(data) + b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    ),
    "pigz: several gzip members": lambda: typed(
        OCI + "layer.v1.tar+gzip", lambda data: gzip.compress(data[:512]) + gzip.compress(data[512:])
    ),
    "kaniko on a base of Docker's: mixed media types (kaniko#851)": lambda: typed(DOCKER + "diff.tar"),
    "a layer that may not be given away": lambda: typed(OCI + "layer.nondistributable.v1.tar+gzip", gzip.compress),
    "a foreign layer of Docker's": lambda: typed(DOCKER + "foreign.diff.tar.gzip", gzip.compress),
    "containerd: zstd in Docker's words": lambda: typed(DOCKER + "diff.tar.zstd", zstd),
    "empty layers, of zeros and of nothing": lambda: RawImage(tar.archive(SHELL), bytes(1024), b""),
    "no layer at all": RawImage,
    "crane append: neither a system nor an architecture": lambda: RawImage(
        tar.archive(SHELL), config={"os": "", "architecture": ""}
    ),
    "no config, no history": lambda: RawImage(tar.archive(SHELL), config={"config": None, "history": None}),
    "Docker's nulls everywhere": lambda: RawImage(
        tar.archive(SHELL),
        config={"config": dict.fromkeys(EVERYTHING), "history": None, "created": None, "container_config": None},
    ),
    "ko, distroless: made in the year 1": lambda: RawImage(
        tar.archive(SHELL),
        config={"created": "0001-01-01T00:00:00Z", "history": [{"created": "0001-01-01T00:00:00Z"}]},
    ),
    "buildpacks: labels of 200 kB, a name with a space": lambda: says(Labels=CNB_LABELS, User="1000:1000"),
    "ports: no protocol, ranges, capitals, null": lambda: says(
        ExposedPorts={"8080": None, "53/udp": {}, "9/sctp": {}, "7000-7010/tcp": {}, "80/TCP": {}}
    ),
    "a signal by number, in small letters, counted": lambda: says(StopSignal="sigrtmin+3"),
    "a group alone": lambda: says(User=":100"),
    "variables twice, with line breaks, with dots": lambda: says(Env=["A=b", "A=c", "B= x\ny", "a.b-c=1"]),
    "health checks: none, inherited, with Podman's seconds": lambda: says(Healthcheck={"Test": ["NONE"]}),
    "a health check of nothing": lambda: says(Healthcheck={"Test": [], "StartInterval": 5}),
    "directories with dots and slashes": lambda: says(WorkingDir="/app/./x/../y/", Volumes={"/x/": None}),
    "Windows' leftovers": lambda: RawImage(
        tar.archive(SHELL),
        config={"os.version": "10", "os.features": ["x"], "variant": "v1", "config": {"ArgsEscaped": True}},
    ),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_a_base_is_taken_as_engines_take_it(kind: str, tmp_path: Path, closure: Closure) -> None:
    image = TAKEN[kind]()
    write_archive(image.layout(), tmp_path / "base")
    verify_image(tmp_path / "base")
    result = build_from_store(tmp_path, on("base", closure))
    verify_image(tmp_path / "top.tar")
    kept = config_of(result)["rootfs"]["diff_ids"]
    made = [layer for layer in image.config["rootfs"]["diff_ids"] if layer in kept]
    assert kept[: len(made)] == made


def test_what_aufs_kept_beside_the_files_is_not_there_but_what_was_linked_to_it(
    tmp_path: Path,
) -> None:
    write_archive(layers(AUFS).layout(), tmp_path / "base")
    tree = read_base_image(tmp_path / "base", "linux/amd64", "/gnu/store").tree
    assert sorted(tree.root.children) == [b"bin", b"data"]
    node = tree.find((b"data",))
    assert node is not None
    assert node.content_at == (b".wh..wh.plnk", b"292.14")


REFUSED: dict[str, tuple[Callable[[], RawImage], str]] = {
    "a hard link to a file of another layer (image-spec#1204)": (
        lambda: layers((SHELL,), (tar.hard_link(b"bin/ash", b"bin/sh"),)),
        "layer 2: /bin/ash is a hard link to bin/sh, no earlier file here",
    ),
    "files below a link, which engines place differently (image-spec#1221)": (
        lambda: layers((SHELL, tar.symlink(b"lib", b"usr/lib"), tar.directory(b"usr/lib")), (tar.file(b"lib/x"),)),
        "layer 2: /lib/x is below /lib, a symlink",
    ),
    "a whiteout of no name (image-spec#1301)": (
        lambda: layers((SHELL, tar.file(b".wh."))),
        "layer 1: /.wh. is a malformed whiteout",
    ),
    "a sparse file of GNU tar": (
        lambda: layers((SHELL, tar.header(b"s", b"S"))),
        "layer 1: holds a sparse file in GNU tar's old form, which engines refuse; pax has one they take",
    ),
    "a member of star's or of a vendor": (
        lambda: layers((SHELL, tar.header(b"x", b"V"))),
        "layer 1: holds a member of the type 'V', which layers may not",
    ),
    "a name that leads upwards, if only for a moment": (
        lambda: layers((SHELL, tar.file(b"a/../b"))),
        "layer 1: has a member whose name leads upwards: 'a/../b'",
    ),
    "attributes that overlayfs obeys": (
        lambda: layers((SHELL, xattrs(b"SCHILY.xattr.trusted.overlay.opaque") + tar.directory(b"o"))),
        "layer 1: /o has attributes of an overlay file system",
    ),
    "xz": (
        lambda: typed(OCI + "layer.v1.tar", lzma.compress),
        "layer 1: is compressed with xz; layers are tar, gzip or zstd",
    ),
    "bzip2": (
        lambda: typed(OCI + "layer.v1.tar+bzip2", bz2.compress),
        f"layer 1 is of type '{OCI}layer.v1.tar+bzip2', which is not read",
    ),
    "an encrypted layer": (
        lambda: typed(OCI + "layer.v1.tar+gzip+encrypted"),
        f"layer 1 is of type '{OCI}layer.v1.tar+gzip+encrypted', which is not read",
    ),
    "a layer that is a file system image": (
        lambda: typed(OCI + "layer.squashfs"),
        f"layer 1 is of type '{OCI}layer.squashfs', which is not read",
    ),
    "gzip that calls itself plain": (
        lambda: typed(OCI + "layer.v1.tar", gzip.compress),
        f"layer 1: is gzip inside, its media type is {OCI}layer.v1.tar",
    ),
    "a variable without a value": (
        lambda: says(Env=["FOO", "A=b"]),
        "config: the environment holds 'FOO', which is not NAME=VALUE",
    ),
    "a directory that is relative": (
        lambda: says(WorkingDir="app"),
        "config: the working directory 'app' is not absolute",
    ),
    "a volume that is relative": (lambda: says(Volumes={"data": {}}), "config: the volume 'data' is not absolute"),
    "an entry point that is one text": (lambda: says(Entrypoint="/bin/sh"), "'Entrypoint' is of the wrong type"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_base_is_refused_with_the_true_reason(kind: str, tmp_path: Path, closure: Closure) -> None:
    make, reason = REFUSED[kind]
    write_archive(make().layout(), tmp_path / "base")
    with pytest.raises(IntegrityError, match="not supported as a base") as caught:
        build_from_store(tmp_path, on("base", closure))
    assert [str(issue) for issue in caught.value.issues] == [reason]
    with pytest.raises(SysimageError) as verified:
        verify_image(tmp_path / "base")
    assert reason in str(verified.value)


def access_list(*entries: tuple[int, int, int]) -> bytes:
    """The value of ``system.posix_acl_access`` or ``…_default`` (linux/posix_acl_xattr.h): tag, permissions, ID."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NO_ID = 0xFFFFFFFF
LIST = access_list((1, 7, NO_ID), (2, 7, 8), (4, 5, NO_ID), (16, 7, NO_ID), (32, 5, NO_ID))
GIVEN = {
    b"SCHILY.xattr.system.posix_acl_access": LIST,
    b"SCHILY.xattr.system.posix_acl_default": LIST,
    b"SCHILY.acl.access": b"user::rwx,user:mail:rwx,group::r-x,mask::rwx,other::r-x",
    b"SCHILY.xattr.user.note": b"kept",
}


def members_of(archive: Path, number: int) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(archive) as image:
        listed = image.extractfile("manifest.json")
        assert listed is not None
        layer = image.extractfile(json.load(listed)[0]["Layers"][number])
        assert layer is not None
        with tarfile.open(fileobj=io.BytesIO(layer.read())) as members:
            return {member.name: member for member in members}


@pytest.mark.parametrize("mode", [None, 0o750])
def test_a_directory_that_our_layer_repeats_keeps_its_attributes(
    mode: int | None, tmp_path: Path, closure: Closure
) -> None:
    """A layer that has a directory again, without its access control list, takes that away in every engine."""
    attributes = tar.pax(GIVEN.items())
    layer = tar.archive(
        attributes + tar.directory(b"./", 0o755),
        attributes + tar.directory(b"srv", 0o775),
        attributes + tar.directory(b"srv/data", 0o775),
        attributes + tar.directory(b"alone", 0o775),
    )
    write_archive(RawImage(layer).layout(), tmp_path / "base")
    more = {} if mode is None else {"directories": {"/srv/data": {"mode": f"{mode:04o}"}}}
    build_from_store(tmp_path, on("base", closure, files={"/srv/data/notes": {"text": "x"}}, **more))
    verify_image(tmp_path / "top.tar")
    ours = members_of(tmp_path / "top.tar", -1)
    assert "alone" not in ours
    expected = {key.decode(): value.decode("utf-8", "surrogateescape") for key, value in GIVEN.items()}
    assert ours["."].pax_headers == ours["srv"].pax_headers == expected
    if mode is not None:  # which is about the same permissions
        expected = {key: value for key, value in expected.items() if "access" not in key}
    assert (ours["srv/data"].mode, ours["srv/data"].pax_headers) == (mode or 0o775, expected)
