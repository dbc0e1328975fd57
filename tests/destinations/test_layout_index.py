"""The index of a layout: which entry takes whose place, and which blobs are needed by what stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.blobs import BlobDirectory, media_types
from sysimage.destinations.image_content import Referrer
from sysimage.destinations.layout_index import LayoutIndex, read_index
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.image import EncodedDocument

NAME, TAG = "io.containerd.image.name", "org.opencontainers.image.ref.name"
WEB = {NAME: "docker.io/library/web:1", TAG: "1"}


def entry(of: str, annotations: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    named = {} if annotations is None else {"annotations": annotations}
    return {"mediaType": media_types.MANIFEST, "digest": str(Digest.of(of.encode())), "size": 1, **named, **more}


def index(*entries: dict[str, Any], **more: Any) -> LayoutIndex:
    return LayoutIndex({"schemaVersion": 2, "manifests": list(entries), **more})


@pytest.mark.parametrize(
    ("old", "new", "is_replaced"),
    [
        (entry("a", WEB), entry("b", WEB), True),
        (entry("a", {NAME: WEB[NAME]}), entry("b", WEB), True),
        (entry("a", {NAME: "docker.io/library/db:1", TAG: "1"}), entry("b", WEB), False),
        (entry("a", {NAME: "docker.io/library/db:1", TAG: "1"}), entry("a", WEB), False),
        (entry("a", {TAG: "1"}), entry("b", WEB), True),
        (entry("a", {TAG: WEB[NAME]}), entry("b", WEB), True),
        (entry("a", {TAG: "2"}), entry("b", WEB), False),
        (entry("a", {TAG: "1"}), entry("b", {TAG: "1"}), True),
        (entry("a", {TAG: "1"}), entry("a", {TAG: "2"}), False),
        (entry("a", {TAG: "1"}), entry("a", {NAME: "1"}), False),
        (entry("a", {NAME: WEB[NAME]}), entry("a", {TAG: "1"}), False),
        (entry("a", WEB), entry("a"), False),
        (entry("a", {TAG: "1"}), entry("a"), False),
        (entry("a"), entry("a", WEB), True),
        (entry("a"), entry("b", WEB), False),
        (entry("a"), entry("b", {NAME: "x"}), False),
        (entry("a"), entry("b", {TAG: "x"}), False),
        (entry("a"), entry("b"), True),
        (entry("a", {"other": "x"}), entry("b", {"other": "y"}), True),
        (entry("a", ["1"]), entry("b"), True),  # type: ignore[arg-type]
        (entry("a", artifactType="sbom"), entry("b"), False),
        (entry("a", artifactType="sbom"), entry("a"), True),
    ],
)
def test_an_entry_takes_the_place_of_what_its_reference_led_to(
    old: dict[str, Any], new: dict[str, Any], is_replaced: bool
) -> None:
    other = entry("other", {NAME: "docker.io/library/other:1"})
    found = index(old, other).with_entry({"manifests": [new]})
    assert found.manifests == [*([] if is_replaced else [old]), other, new]


def test_what_an_index_says_beside_its_entries_stays_and_annotations_are_joined() -> None:
    before = index(entry("a", WEB), annotations={"a": "old", "b": "old"}, x=1)
    new = {"manifests": [entry("b", WEB)], "annotations": {"a": "new"}}
    joined = before.with_entry(new, {"a": "new"})
    assert joined == index(entry("b", WEB), annotations={"a": "new", "b": "old"}, x=1)
    assert json.loads(joined.data) == joined.value
    assert before.with_entry({"manifests": [entry("b", WEB)]}).value["annotations"] == {"a": "old", "b": "old"}
    assert index().with_entry(new, {"a": "new"}).value["annotations"] == {"a": "new"}
    assert "annotations" not in index().with_entry({"manifests": [entry("b")]}).value


@pytest.mark.parametrize(
    ("name", "is_there"),
    [("web:1", True), ("docker.io/library/web:1", True), ("web", False), ("web:2", False), ("team/web:1", False)],
)
def test_an_image_is_known_by_its_name_with_or_without_a_registry(name: str, is_there: bool) -> None:
    assert index(entry("a"), entry("b", {TAG: "1"}), entry("c", WEB)).names(name) is is_there
    assert index(entry("a"), entry("b", {TAG: "1"})).names(name) is False


def test_referrers_are_entries_without_a_name_and_each_is_there_once() -> None:
    documents = [EncodedDocument.of({"n": number}, media_types.MANIFEST) for number in range(3)]
    referrers = [Referrer(Digest.of(b"subject"), (document,), ()) for document in documents]
    before = index(entry("a", WEB), documents[1].descriptor.as_json())
    after = before.with_referrers(referrers)
    assert after.manifests == [*before.manifests, documents[0].descriptor.as_json(), documents[2].descriptor.as_json()]
    assert after.with_referrers(referrers) == after


@pytest.fixture
def blobs(tmp_path: Path) -> BlobDirectory:
    return BlobDirectory(tmp_path)


def put(blobs: BlobDirectory, value: Any, media_type: str = media_types.MANIFEST) -> dict[str, Any]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return blobs.put(data, media_type).as_json()


def digests(*entries: dict[str, Any]) -> frozenset[Digest]:
    return frozenset(Digest.parse(one["digest"]) for one in entries)


def test_everything_that_documents_name_is_reached_whether_it_is_there_or_not(blobs: BlobDirectory) -> None:
    config, layer, blob, missing = (entry(name) for name in ("config", "layer", "blob", "missing"))
    subject = put(blobs, {"config": config, "layers": [layer, missing]})
    artifact = put(blobs, {"blobs": [blob, 1, {"x": 1}], "subject": subject, "layers": None})
    root = put(blobs, {"manifests": [artifact]}, media_types.INDEX)
    stray = put(blobs, b"of no document")
    reached = index(root, missing, put(blobs, [1], "text/plain")).reached(blobs)
    assert reached is not None
    assert digests(root, artifact, subject, config, layer, blob, missing) <= reached
    assert not digests(stray) & reached


def test_documents_in_a_circle_are_read_once(blobs: BlobDirectory) -> None:
    layer = entry("layer")
    subject = put(blobs, {"layers": [layer]})
    both = [put(blobs, {"subject": subject, "n": number}) for number in range(2)]
    assert index(*both, *both, subject).reached(blobs) == digests(*both, subject, layer)


@pytest.mark.parametrize(("depth", "is_known"), [(1, True), (9, True), (10, False)])
def test_indexes_in_indexes_are_followed_to_a_bound(blobs: BlobDirectory, depth: int, is_known: bool) -> None:
    chain = [put(blobs, {"layers": [entry("layer")]})]
    while len(chain) < depth:
        chain.append(put(blobs, {"manifests": [chain[-1]]}, media_types.INDEX))
    assert index(chain[-1]).reached(blobs) == (digests(*chain, entry("layer")) if is_known else None)


@pytest.mark.parametrize(
    "kind",
    [
        *(media_types.MANIFEST, media_types.INDEX, media_types.DOCKER_MANIFEST, media_types.DOCKER_INDEX),
        *("application/octet-stream", None),
    ],
)
def test_what_is_certainly_a_document_and_cannot_be_read_may_name_anything(
    blobs: BlobDirectory, kind: str | None
) -> None:
    is_certain = kind not in ("application/octet-stream", None)
    for data in (b"{broken", b"[" * 100_000):
        one = put(blobs, data)
        one["mediaType"] = kind
        assert index(one).reached(blobs) == (None if is_certain else digests(one))


def test_a_document_of_more_than_four_mebibytes_is_not_read(blobs: BlobDirectory) -> None:
    layer = entry("layer")
    whole = json.dumps({"layers": [layer]}).encode()
    one, other = (put(blobs, whole.ljust((4 << 20) + more)) for more in (0, 1))
    assert index(one).reached(blobs) == digests(one, layer)
    assert index(other).reached(blobs) is None
    other["mediaType"] = "application/octet-stream"
    assert index(other).reached(blobs) == digests(other)


@pytest.mark.parametrize("bad", [{"digest": "md5:x"}, {"digest": 1}])
def test_a_digest_of_another_form_may_be_anything(blobs: BlobDirectory, bad: dict[str, Any]) -> None:
    for value in ({"layers": [bad]}, {"config": bad}, {"manifests": [bad]}, {"subject": bad}):
        assert index(put(blobs, value)).reached(blobs) is None
    assert index(bad).reached(blobs) is None


def test_only_what_no_entry_needs_any_more_is_left_over(blobs: BlobDirectory) -> None:
    shared, only = entry("shared"), entry("only")
    old, other, new = (put(blobs, {"layers": layers}) for layers in ([shared, only], [shared], [entry("new")]))
    before = index(old, other)
    assert before.unreached(blobs, index(other, new)) == digests(old, only)
    assert before.unreached(blobs, index(old, other, new)) == set()
    broken = put(blobs, b"{")
    assert before.unreached(blobs, index(other, broken)) == set(), "it may name the same"
    assert index(old, broken).unreached(blobs, index(other)) == set()


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "1", '{"schemaVersion": 2}', '{"manifests": []}', '{"schemaVersion": 1, "manifests": []}'),
        *(f'{{"schemaVersion": 2, "manifests": {entries}}}' for entries in ("1", "[1]", "[{}]", "[" * 100_000)),
        '{"schemaVersion": 2, "manifests": [{"digest": "x"}, {}]}',
    ],
)
def test_an_index_of_another_form_cannot_be_written_to(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(IntegrityError) as caught:
        read_index(tmp_path)
    assert caught.value.message == (
        f"cannot write to the OCI layout {tmp_path}: its index.json is malformed, so the images that it names could "
        "not be kept"
    )
    assert caught.value.hint == "remove the layout, or name another directory"


def test_a_layout_without_an_index_names_nothing(tmp_path: Path) -> None:
    assert read_index(tmp_path) == index()
    (tmp_path / "index.json").write_bytes(index(entry("a")).data)
    assert read_index(tmp_path) == index(entry("a"))
