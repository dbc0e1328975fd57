"""Blobs and manifests on their way: how often an upload or a download is begun, what is counted, and in which order."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sysimage.blobs import BlobDirectory, Descriptor, media_types
from sysimage.destinations.image_content import ImageContent
from sysimage.destinations.registry import PushTarget, push_content
from sysimage.destinations.registry.download import download_blob
from sysimage.destinations.registry.replies import RefusedError
from sysimage.destinations.registry.upload import Uploader
from sysimage.destinations.written_image import Transfer
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, RegistryError
from sysimage.image import EncodedDocument
from tests.destinations.pushing import push_image
from tests.destinations.registry_server import Handler, Registry, running
from tests.destinations.test_registry import assert_holds, image_of
from tests.destinations.test_registry_habits import session_with

OCTETS = "application/octet-stream"


def upload(
    registry: Registry, blobs: BlobDirectory, size: int = 5000, waits: list[float] | None = None, **options: Any
) -> tuple[bool, list[int]]:
    """Send a blob and return whether it was sent, and what was counted."""
    blob = blobs.put(bytes(range(250)) * (size // 250) + bytes(size % 250), OCTETS)
    session, _ = session_with(registry, None, [] if waits is None else waits)
    moved: list[int] = []
    with closing(session):
        is_sent = Uploader(session, **options).send(blob, lambda: blobs.path(blob.digest), moved.append)
    assert len(registry.blobs["team/web"][str(blob.digest)]) == blob.size
    return is_sent, moved


@pytest.mark.parametrize(("refused", "is_sent"), [(1, True), (2, True), (3, False)])
@pytest.mark.parametrize("status", [400, 500])
def test_an_upload_is_begun_three_times(
    registry: Registry, blobs: BlobDirectory, status: int, refused: int, is_sent: bool
) -> None:
    registry.faults["PUT"] = [status] * refused
    if is_sent:
        sent, moved = upload(registry, blobs)
        assert (sent, sum(moved)) == (True, 5000)
    else:
        with pytest.raises(RefusedError) as caught:
            upload(registry, blobs)
        assert caught.value.status == status
    assert registry.count("POST") == min(refused + 1, 3)


@pytest.mark.parametrize("status", [401, 403])
def test_an_upload_that_this_account_may_not_make_is_begun_once(
    registry: Registry, blobs: BlobDirectory, status: int
) -> None:
    registry.faults["PUT"] = [status]
    with pytest.raises(RefusedError, match=f"status {status}"):
        upload(registry, blobs)
    assert registry.count("POST") == 1


@pytest.mark.parametrize(("breaks", "begun"), [(3, 1), (4, 2)])
@pytest.mark.parametrize("fault", [500, 0])
def test_an_upload_in_parts_goes_on_three_times_and_then_begins_again(
    registry: Registry, blobs: BlobDirectory, fault: int, breaks: int, begun: int
) -> None:
    registry.faults["PATCH"] = [fault] * breaks
    waits: list[float] = []
    sent, moved = upload(registry, blobs, waits=waits, chunk=1000)
    assert (sent, sum(moved), registry.count("POST")) == (True, 5000, begun)
    assert waits == [0.01] * breaks


class LosesItsLastAnswer(Handler):
    """Stores a blob, and the connection breaks before the answer."""

    def upload(self, query: dict[str, str], body: bytes, repository: str, number: str) -> None:
        if self.command == "PUT":
            self.registry.blobs[repository] = {query["digest"]: body}
            self.close_connection = True
            self.connection.close()
        else:
            super().upload(query, body, repository, number)


def test_a_blob_that_is_there_after_its_upload_broke_is_not_sent_again(blobs: BlobDirectory) -> None:
    with running(LosesItsLastAnswer) as registry:
        sent, moved = upload(registry, blobs)
        assert (sent, sum(moved)) == (True, 0), "it is not known what was sent"
        assert [registry.count(method) for method in ("POST", "PUT", "HEAD")] == [1, 1, 1]


def test_a_connection_that_breaks_once_leads_to_no_smaller_parts(registry: Registry, blobs: BlobDirectory) -> None:
    registry.faults["PUT"] = [0]
    assert upload(registry, blobs, 5 << 20)[0]
    assert (registry.count("PATCH"), registry.count("PUT")) == (0, 2)


@pytest.mark.parametrize(("size", "parts"), [(1000, 0), (1250, 1), (2000, 1), (2250, 2)])
def test_a_blob_goes_in_as_few_parts_as_it_can(registry: Registry, blobs: BlobDirectory, size: int, parts: int) -> None:
    assert upload(registry, blobs, size, chunk=1000)[0]
    assert (registry.count("PATCH"), registry.count("PUT")) == (parts, 1)


def test_bytes_that_are_in_memory_count_too(registry: Registry, blobs: BlobDirectory) -> None:
    blob = Descriptor(OCTETS, Digest.of(b"small"), 5)
    session, _ = session_with(registry)
    moved: list[int] = []
    assert Uploader(session).send(blob, lambda: b"small", moved.append)
    assert (moved, registry.blobs["team/web"]) == ([5], {str(blob.digest): b"small"})
    assert Uploader(session).send(replace(blob), lambda: b"small")


def test_a_mounted_blob_is_neither_read_nor_counted(registry: Registry) -> None:
    blob = Descriptor(OCTETS, Digest.of(b"there"), 5)
    registry.blobs["base"] = {str(blob.digest): b"there"}
    session, _ = session_with(registry)
    moved: list[int] = []
    uploader = Uploader(session, ("nowhere", "base", "not/asked"))
    assert not uploader.send(blob, lambda: pytest.fail("read"), moved.append)
    assert (moved, registry.count("POST"), registry.count("PUT")) == ([], 2, 0)


@pytest.mark.parametrize("location", ["/v2/team/web/blobs/uploads/1", "/v2/team/web/blobs/uploads/1?state=a"])
def test_the_digest_is_part_of_the_address_at_which_an_upload_ends(
    registry: Registry, blobs: BlobDirectory, location: str
) -> None:
    registry.upload_location = location
    upload(registry, blobs)
    (ended,) = (line for line in registry.requests if line.startswith("PUT "))
    assert ended.startswith(f"PUT {location}{'&' if '?' in location else '?'}digest=sha256%3A")


class StoresOtherBlobs(Handler):
    def upload(self, query: dict[str, str], body: bytes, repository: str, number: str) -> None:
        self.answer(201, Docker_Content_Digest="sha256:" + "0" * 64)


class SaysNoLocation(Handler):
    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        headers.pop("Location", None)
        super().answer(status, body, **headers)


@pytest.mark.parametrize(
    ("handler", "cause"),
    [
        (StoresOtherBlobs, r"^cannot upload sha256:\w{64}: the registry stored another blob$"),
        (SaysNoLocation, r"^cannot upload to 127\.0\.0\.1:\d+/team/web: the registry does not say where$"),
    ],
)
def test_an_upload_that_came_to_nothing_is_an_error(handler: type[Handler], cause: str, blobs: BlobDirectory) -> None:
    with running(handler) as registry, pytest.raises(RegistryError, match=cause):
        upload(registry, blobs)


class WantsParts(Handler):
    wants: ClassVar[str] = ""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if self.command == "POST":
            headers["OCI_Chunk_Min_Length"] = self.wants
        super().answer(status, body, **headers)


@pytest.mark.parametrize(("wants", "parts"), [("500", 4), ("2500", 1), ("5000", 0), ("", 4), ("-1", 4), ("1e4", 4)])
def test_parts_are_not_shorter_than_a_registry_wants_them(wants: str, parts: int, blobs: BlobDirectory) -> None:
    with running(type("Wants", (WantsParts,), {"wants": wants})) as registry:
        upload(registry, blobs, chunk=1000)
        assert registry.count("PATCH") == parts


class SaysSuccessInAnotherWay(Handler):
    status: ClassVar[int] = 0

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if 200 <= status < 300 and self.command != "HEAD":
            status = 201 if self.command == "POST" else self.status
        super().answer(status, body, **headers)


@pytest.mark.parametrize("status", [200, 202, 204])
def test_each_status_of_success_is_one(status: int, blobs: BlobDirectory) -> None:
    with running(type("Says", (SaysSuccessInAnotherWay,), {"status": status})) as registry:
        registry.faults["PATCH"] = [None, 500]
        assert upload(registry, blobs, chunk=1000)[0]
        assert (registry.begun, registry.count("PATCH")) == (1, 5)
        session, _ = session_with(registry, None, [])
        Uploader(session).try_out()
        assert registry.uploads == {}


class CountsFromTheSecondByte(Handler):
    """Breaks off the first two answers half way, and gives one byte less than what is asked for from there on."""

    def blob(self, query: dict[str, str], body: bytes, repository: str, digest: str) -> None:
        found = self.registry.blobs[repository][digest]
        if asked := self.headers.get("Range"):
            self.answer(206, found[int(asked[6:-1]) + 1 :] + b"x")
            return
        is_broken = len([line for line in self.registry.requests if line.startswith("GET ")]) < 4
        self.send_response(200)
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found[: len(found) // 2 if is_broken else len(found)])
        self.close_connection = is_broken


def test_storage_that_counts_otherwise_is_asked_for_all_of_a_blob_until_it_is_whole(tmp_path: Path) -> None:
    data = bytes(range(200))
    blob = Descriptor(OCTETS, Digest.of(data), len(data))
    with running(CountsFromTheSecondByte) as registry:
        registry.blobs["team/web"] = {str(blob.digest): data}
        session, _ = session_with(registry, None, [], attempts=1)
        moved: list[int] = []
        download_blob(session, blob, BlobDirectory(tmp_path / "into"), moved.append)
        assert (sum(moved), registry.count("GET")) == (200, 4)


class BreaksOff(Handler):
    """Gives ``step`` bytes of a blob and hangs up, each time."""

    step: ClassVar[int] = 1 << 16

    def blob(self, query: dict[str, str], body: bytes, repository: str, digest: str) -> None:
        found = self.registry.blobs[repository][digest]
        asked = self.headers.get("Range")
        rest = found[int(asked[6:-1]) if asked else 0 :]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.step])
        self.close_connection = len(rest) > self.step


@pytest.mark.parametrize(("step", "asked", "is_whole"), [(1 << 16, 10, True), ((1 << 16) - 1, 4, False)])
def test_a_download_goes_on_as_long_as_each_part_of_it_is_worth_a_request(
    blobs: BlobDirectory, tmp_path: Path, step: int, asked: int, is_whole: bool
) -> None:
    data = bytes(10 << 16)
    blob = Descriptor(OCTETS, Digest.of(data), len(data))
    with running(type("Breaks", (BreaksOff,), {"step": step})) as registry:
        registry.blobs["team/web"] = {str(blob.digest): data}
        waits: list[float] = []
        session, _ = session_with(registry, None, waits, attempts=1)
        into = BlobDirectory(tmp_path / "into")
        moved: list[int] = []
        if is_whole:
            download_blob(session, blob, into, moved.append)
            assert (into.read(blob), sum(moved)) == (data, len(data))
            download_blob(session, blob, into, moved.append)
            assert sum(moved) == len(data), "it is there"
        else:
            with pytest.raises(RegistryError, match=r"^cannot GET "):
                download_blob(session, blob, into)
            assert list(into.digests()) == []
        assert registry.count("GET") == asked
        assert waits == [0.01] * (asked - 1)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"12345", "the registry's bytes hash to"),
        (b"1234567", "it is longer than 6 bytes"),
    ],
)
def test_a_blob_of_other_bytes_is_refused_and_leaves_nothing(
    registry: Registry, tmp_path: Path, data: bytes, cause: str
) -> None:
    blob = Descriptor(OCTETS, Digest.of(b"123456"), 5 if len(data) == 5 else 6)
    registry.blobs["team/web"] = {str(blob.digest): data}
    session, target = session_with(registry)
    with pytest.raises(IntegrityError, match=rf"^cannot use blob {blob.digest} of {target.repository}: {cause}"):
        download_blob(session, blob, BlobDirectory(tmp_path / "into"))
    assert [path for path in (tmp_path / "into").rglob("*") if path.is_file()] == []


def test_a_blob_that_ends_early_is_asked_for_to_its_end(registry: Registry, tmp_path: Path) -> None:
    blob = Descriptor(OCTETS, Digest.of(b"123456"), 6)
    registry.blobs["team/web"] = {str(blob.digest): b"1234"}
    session, _ = session_with(registry, None, [])
    with pytest.raises(RegistryError, match=rf"^cannot GET http://.*{blob.digest}: it ends 2 bytes early$"):
        download_blob(session, blob, BlobDirectory(tmp_path / "into"))
    assert registry.count("GET") == 4


def test_an_empty_blob_is_asked_for(registry: Registry, tmp_path: Path) -> None:
    blob = Descriptor(OCTETS, Digest.of(b""), 0)
    into = BlobDirectory(tmp_path / "into")
    session, _ = session_with(registry)
    with pytest.raises(RefusedError, match="BLOB_UNKNOWN"):
        download_blob(session, blob, into)
    registry.blobs["team/web"] = {str(blob.digest): b""}
    download_blob(session, blob, into)
    assert into.read(blob) == b""


def test_what_is_there_is_not_sent_and_what_is_mounted_does_not_count_as_sent(registry: Registry) -> None:
    """An image whose blobs are all in memory."""
    data = [b"config", b"there already", b"is mounted", b"has to be sent"]
    config, *layers = (Descriptor(OCTETS, Digest.of(one), len(one)) for one in data)
    there, mounted, absent = layers
    manifest = EncodedDocument.of(
        {"config": config.as_json(), "layers": [one.as_json() for one in layers]}, media_types.MANIFEST
    )
    content = ImageContent(
        (manifest,), (config, *layers), frozenset(one.digest for one in layers), {Digest.of(one): one for one in data}
    )
    registry.blobs = {"team/web": {str(there.digest): data[1]}, "base": {str(mounted.digest): data[2]}}
    session, target = session_with(registry, None, [])
    steps: list[tuple[object, ...]] = []
    with closing(session):
        transfer = push_content(
            content,
            lambda blob: pytest.fail("it is in memory"),
            target,
            session,
            mount_from=["base"],
            progress=lambda stage, done, total, *, unit="items", at="": steps.append((stage, done, total, unit)),
        )
    sent = config.size + absent.size + len(manifest.data)
    assert transfer == Transfer(sent, content.size, 3, 2)
    assert set(registry.blobs["team/web"].values()) == set(data)
    assert registry.manifests["team/web:1"] == manifest.data
    moved = config.size + mounted.size + absent.size
    assert steps[-1] == ("push", moved, moved, "bytes")
    assert steps[0][1] in (config.size, mounted.size, absent.size)


def test_a_push_says_what_it_sent_and_how_far_it_is(registry: Registry, blobs: BlobDirectory) -> None:
    image = image_of(blobs, "a", "b")
    (first, second), config = (layer.descriptor for layer in image.layers), image.config.descriptor
    total = ImageContent.of(image).size
    manifest = len(image.manifest.data)
    steps: list[tuple[int, int | None, str]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        assert stage == "push"
        steps.append((done, total, unit))

    def push(*tags: str, mount_from: tuple[str, ...] = ()) -> Transfer:
        steps.clear()
        session, _ = session_with(registry, None, None, connections=1)
        target = PushTarget.parse(*(f"{registry.address}/team/web:{tag}" for tag in tags))
        with closing(session):
            return push_image(image, blobs, target, session, mount_from=mount_from, progress=progress)

    registry.blobs["team/web"] = {str(first.digest): blobs.read(first)}
    registry.blobs["base"] = {str(second.digest): blobs.read(second)}
    assert push("1", mount_from=("base",)) == Transfer(config.size + manifest, total, 2, 2)
    size = second.size + config.size
    assert steps[-1] == (size, size, "bytes")
    assert sorted(steps) == steps
    assert push("1") == Transfer(0, total, 2, 2)
    assert steps == []
    assert push("1", "2", "3") == Transfer(2 * manifest, total, 2, 2)
    for tag in "123":
        assert_holds(registry, image, tag)

    registry.blobs.clear()
    registry.manifests.clear()
    assert push("1", "2") == Transfer(total + manifest, total + manifest, 2, 0)
