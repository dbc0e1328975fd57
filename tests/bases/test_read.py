"""What is read of a base: its layers and their history, how it runs, its accounts and its store."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pyzstd

from sysimage.bases import BaseImageError, BaseLayer, copy_layers, tell_lost_accounts, tell_sparse_files
from sysimage.bases.account_files import accounts_on
from sysimage.bases.read import read_base_image
from sysimage.blobs import BlobDirectory, Descriptor
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.layers import LayerBlob
from sysimage.notices import listen_to_notices
from sysimage.rootfs.account_files import AccountFile
from sysimage.rootfs.accounts import WantedUser
from sysimage.rootfs.add_accounts import add_accounts
from tests.bases.small_bases import base_of, spec_of
from tests.support import raw_tar as tar
from tests.support.raw_image import LAYER, RawImage, write_archive, write_directory

ONE, TWO, NONE = tar.archive(tar.directory(b"one")), tar.archive(tar.directory(b"two")), tar.archive()


def history_of(tmp_path: Path, layers: tuple[bytes, ...], history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    write_archive(RawImage(*layers, config={"history": history}).layout(), tmp_path / "base")
    return [dict(entry) for entry in read_base_image(tmp_path / "base", "linux/amd64", "/gnu/store").history]


ADDED = {"comment": "a layer of the base image"}


@pytest.mark.parametrize(
    ("layers", "history", "kept"),
    [
        ((ONE, TWO), [], [ADDED, ADDED]),
        ((ONE, TWO), [{"created_by": "a"}], [{"created_by": "a"}, ADDED]),
        ((ONE,), [{"comment": "c", "author": "d", "created": "2020-01-01T00:00:00Z"}], None),
        (
            (ONE, TWO),
            [{"created_by": "a"}, {"created_by": "b", "empty_layer": True}, {"created_by": "c", "x": "y"}],
            [{"created_by": "a"}, {"created_by": "b", "empty_layer": True}, {"created_by": "c"}],
        ),
        (
            (ONE, NONE, TWO),
            [{"created_by": "a"}, {"created_by": "b"}, {"created_by": "c"}],
            [{"created_by": "a"}, {"created_by": "b", "empty_layer": True}, {"created_by": "c"}],
        ),
        (
            (ONE,),
            [{"created_by": "a"}, {"created_by": "b"}],
            [{"created_by": "a"}, {"created_by": "b", "empty_layer": True}],
        ),
        ((ONE,), [{"author": 5, "created_by": None}], [{}]),
        ((NONE,), [], []),
    ],
)
def test_a_history_has_an_entry_for_each_layer_that_is_taken(
    layers: tuple[bytes, ...], history: list[dict[str, Any]], kept: list[dict[str, Any]] | None, tmp_path: Path
) -> None:
    assert history_of(tmp_path, layers, history) == (history if kept is None else kept)


@pytest.mark.parametrize(
    ("kind", "compress"),
    [("", bytes), ("+gzip", lambda data: gzip.compress(data, mtime=7)), ("+zstd", pyzstd.compress)],
)
@pytest.mark.parametrize("form", ["layout", "docker_archive"])
def test_a_layer_is_taken_as_it_is_stored_and_named_by_its_history(
    kind: str, compress: Any, form: str, tmp_path: Path
) -> None:
    history = [{"created_by": "ADD"}, {"created_by": "COPY", "comment": "words"}]
    image = RawImage(ONE, TWO, config={"history": history})
    image.blobs = [compress(layer) for layer in image.layers]
    image.layer_type = LAYER + kind
    write_archive(getattr(image, form)(), tmp_path / "base")
    base = read_base_image(tmp_path / "base", "linux/amd64", "/gnu/store")
    assert [layer.blob for layer in base.layers] == [
        LayerBlob(Descriptor(LAYER + kind, Digest.of(blob), len(blob)), Digest.of(layer), len(layer), label)
        for blob, layer, label in zip(image.blobs, image.layers, ("ADD", "words"), strict=True)
    ]
    copy_layers(base, blobs := BlobDirectory(tmp_path / "blobs"))
    assert set(blobs.digests()) == {Digest.of(blob) for blob in image.blobs}


def test_of_dockers_extensions_those_are_kept_that_an_image_can_have(tmp_path: Path) -> None:
    kept: dict[str, Any] = {
        "ArgsEscaped": False,
        "Healthcheck": {"Test": ["NONE"]},
        "Shell": ["/bin/sh", "-c"],
        "StopTimeout": 0,
    }
    base = base_of(tmp_path, tar.directory(b"usr"), **kept, OnBuild=["RUN true"], Hostname="x")
    assert base.extensions == kept
    assert base_of(tmp_path, tar.directory(b"usr"), Shell=None).extensions == {}


@pytest.mark.parametrize(
    ("change", "platform"),
    [({"architecture": "arm64", "variant": "v8"}, "linux/arm64/v8"), ({"os": "windows"}, "windows/amd64")],
)
def test_a_base_for_another_platform_is_refused(change: dict[str, str], platform: str, tmp_path: Path) -> None:
    write_archive(RawImage(ONE, config=change).layout(), tmp_path / "base")
    with pytest.raises(BaseImageError) as caught:
        read_base_image(tmp_path / "base", "linux/amd64", "/gnu/store")
    place = tmp_path / "base"
    assert str(caught.value) == f"cannot build on {place}: it is for {platform}, this image for linux/amd64"
    assert caught.value.hint == 'say "architecture", or take the base for the other architecture'


def test_a_damaged_base_and_an_unusual_one_have_different_hints(tmp_path: Path) -> None:
    damaged = RawImage(ONE)
    damaged.config["rootfs"]["diff_ids"][0] = "sha256:" + "1" * 64
    unusual = RawImage(tar.archive(tar.symlink(b"lib", b"usr"), tar.file(b"lib/x")))
    malformed = RawImage(ONE, config={"config": []})
    for image, what, hint in (
        (damaged, "its content is not what its documents say", "sysimage verify shows whether another copy is intact"),
        (
            unusual,
            "not supported as a base",
            "save it again with skopeo, Docker or Podman, or flatten it: docker export, podman import",
        ),
        (malformed, "not supported as a base", None),
    ):
        write_archive(image.layout(), tmp_path / "base")
        with pytest.raises(IntegrityError) as caught:
            read_base_image(tmp_path / "base", "linux/amd64", "/gnu/store")
        assert caught.value.message == f"cannot use the base image {tmp_path / 'base'}: {what}"
        assert caught.value.hint == hint
        assert len(caught.value.issues) == 1


def test_progress_counts_the_bytes_of_all_layers(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        assert (stage, unit) == ("base image", "bytes")
        seen.append((done, total))

    write_archive(RawImage(ONE, TWO).layout(), tmp_path / "base")
    read_base_image(tmp_path / "base", "linux/amd64", "/gnu/store", progress=progress)
    total = len(ONE) + len(TWO)
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert {whole for _, whole in seen} == {total}
    assert len(ONE) in {done for done, _ in seen}, "when the first of two has been read"


def test_account_files_are_where_links_lead_unless_that_is_a_store_item(tmp_path: Path) -> None:
    item = b"gnu/store/" + b"0" * 32 + b"-etc"
    base = base_of(
        tmp_path,
        tar.file(b"etc/passwd", b"p", mode=0o640, uid=1, gid=2),
        tar.symlink(b"etc/group", b"../srv/g"),
        tar.file(b"srv/g", b"g", mode=0o664, uid=3, gid=4),
        tar.symlink(b"etc/shadow", b"/" + item + b"/shadow"),
        tar.file(item + b"/shadow", b"s", mode=0o444),
        tar.symlink(b"etc/gshadow", b"nowhere"),
    )
    assert base.account_files == {
        "passwd": AccountFile("/etc/passwd", b"p", 0o640, 1, 2),
        "group": AccountFile("/srv/g", b"g", 0o664, 3, 4),
        "shadow": AccountFile("/etc/shadow", b"s", 0o600, 0, 0),
    }
    assert base.account_faults == {"gshadow": "is a link to nowhere, which is not a file in the base"}
    whole = base_of(
        tmp_path,
        tar.symlink(b"etc", b"/" + item),
        tar.directory(b"usr/etc"),
        tar.file(item + b"/passwd", b"p", mode=0o444),
    )
    assert whole.account_files == {"passwd": AccountFile("/etc/passwd", b"p", 0o644, 0, 0)}
    assert whole.account_faults == {}
    linked = base_of(
        tmp_path,
        tar.symlink(b"etc", b"usr/etc"),
        tar.symlink(b"usr/etc/group", b"/" + item),
        tar.file(item, b"g", mode=0o444),
    )
    assert linked.account_files == {"group": AccountFile("/usr/etc/group", b"g", 0o644, 0, 0)}


def test_a_base_has_accounts_where_it_has_a_file_of_them_or_what_cannot_be_read(tmp_path: Path) -> None:
    assert base_of(tmp_path, tar.directory(b"etc")).accounts is None
    odd = base_of(tmp_path, tar.directory(b"etc/passwd"))
    assert odd.accounts is not None
    assert odd.accounts.users == ()
    ann = add_accounts(odd.accounts, [WantedUser("ann", uid=1000)], [])
    with pytest.raises(BaseImageError) as caught:
        accounts_on(odd, ann, spec_of(users={"ann": {"uid": 1000}}))
    assert str(caught.value).splitlines() == [
        f"cannot add accounts to those of {odd.path}: not supported as a base for that",
        "  /etc/passwd: is a directory",
    ]
    assert caught.value.hint == "leave users and groups out, or mend the base"
    assert accounts_on(odd, odd.accounts, spec_of()) == ()
    assert accounts_on(odd, None, spec_of()) == ()


def test_what_engines_do_with_a_base_is_reported_only_where_it_is_so(tmp_path: Path) -> None:
    plain = base_of(tmp_path, tar.directory(b"etc"))
    heard: list[str] = []
    with listen_to_notices(heard.append):
        tell_lost_accounts(plain)
        tell_lost_accounts(base_of(tmp_path, tar.directory(b"usr")))
        tell_sparse_files(plain)
        assert heard == []
        tell_lost_accounts(base_of(tmp_path, tar.symlink(b"etc", b"usr/etc")))
        tell_sparse_files(replace(plain, sparse_files=("/a", "/b")))
    assert heard == [
        "the base image has a link in place of /etc: Docker puts an empty directory there, and finds no account of the "
        "image; Podman follows the link",
        "the base image has sparse files, such as /a: Docker and Podman load and run the image, and fail to save it",
    ]


def test_a_directory_is_found_through_links(tmp_path: Path) -> None:
    base = base_of(tmp_path, tar.directory(b"usr/bin"), tar.symlink(b"bin", b"usr/bin"), tar.file(b"usr/bin/x"))
    assert [base.has_directory(path) for path in ("/", "/usr/bin", "/bin", "/bin/x", "/nowhere")] == [
        True, True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(("change", "fault"), [(lambda data: data + b"\0", "it changed since it was read"),
                                               (lambda data: b"x" + data[1:], "it changed to sha256:")])  # fmt: skip
def test_a_layer_that_changed_since_the_base_was_read_is_refused(change: Any, fault: str, tmp_path: Path) -> None:
    place = write_directory(RawImage(ONE, TWO).layout(), tmp_path / "base")
    base = read_base_image(place, "linux/amd64", "/gnu/store")
    second = place / base.layers[1].file
    second.write_bytes(change(second.read_bytes()))
    blobs = BlobDirectory(tmp_path / "blobs")
    with pytest.raises(IntegrityError, match=f"cannot take {base.layers[1].file} from {place}: {fault}"):
        copy_layers(base, blobs)
    assert list(blobs.digests()) == [Digest.of(ONE)], "the first is taken, the second is not"


def test_of_several_images_the_one_with_the_name_is_read(tmp_path: Path) -> None:
    files: dict[str, bytes] = {}
    manifests = []
    for name, layer in (("a", ONE), ("b", TWO)):
        image = RawImage(layer)
        image.descriptor_changes = {"annotations": {"org.opencontainers.image.ref.name": name}}
        files |= image.layout()
        manifests += json.loads(files["index.json"])["manifests"]
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
    place = write_directory(files, tmp_path / "base")
    for name, layer in (("a", ONE), ("b", TWO)):
        (found,) = read_base_image(place, "linux/amd64", "/gnu/store", name=name).layers
        assert isinstance(found, BaseLayer)
        assert found.blob.diff_id == Digest.of(layer)
