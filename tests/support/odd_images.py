"""Layouts of other tools that hold more or less than an image for one machine: indexes of several platforms, indexes of
indexes, what refers to images, charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support import raw_tar
from tests.support.raw_image import CONFIG, INDEX, LAYER, MANIFEST, Files, blob_name, config_of, descriptor, dump

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
EMPTY = "application/vnd.oci.empty.v1+json"
ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
HELM = "application/vnd.cncf.helm.config.v1+json"
UNKNOWN = {"architecture": "unknown", "os": "unknown"}
AMD64 = {"architecture": "amd64", "os": "linux"}
ARM64 = {"architecture": "arm64", "os": "linux", "variant": "v8"}
LAYERS = (raw_tar.archive(raw_tar.header(b"etc/", b"5", mode=0o755), raw_tar.file(b"etc/motd", b"hello\n")),)


class Documents:
    """A layout that grows by descriptors of what it holds."""

    def __init__(self) -> None:
        self.files: Files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def blob(self, value: Any, media_type: str, **changes: Any) -> dict[str, Any]:
        data = dump(value)
        self.files[blob_name(data)] = data
        return descriptor(data, media_type, **changes)

    def image(self, platform: Mapping[str, str] = AMD64, **changes: Any) -> dict[str, Any]:
        """The image for a platform, and nothing that says so."""
        config = self.blob(config_of(LAYERS, **platform), CONFIG)
        return self.manifest(config, [self.blob(layer, LAYER) for layer in LAYERS], **changes)

    def entry(self, platform: Mapping[str, str]) -> dict[str, Any]:
        """The same, as an index of several says it."""
        return {**self.image(platform), "platform": dict(platform)}

    def manifest(self, config: Any, layers: list[Any], **changes: Any) -> dict[str, Any]:
        value = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers, **changes}
        return self.blob(value, MANIFEST)

    def index(self, *entries: Any, media_type: str = INDEX, **changes: Any) -> dict[str, Any]:
        value = {"schemaVersion": 2, "mediaType": media_type, "manifests": list(entries), **changes}
        return self.blob(value, media_type)

    def attestation(self, subject: Mapping[str, Any]) -> dict[str, Any]:
        """What BuildKit puts beside an image: how it was made."""
        config = self.blob({**UNKNOWN, "rootfs": {"type": "layers", "diff_ids": []}}, CONFIG)
        about = {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": subject["digest"],
        }
        return {
            **self.manifest(config, [self.blob(b"{}", IN_TOTO)]),
            "platform": UNKNOWN,
            "annotations": about,
        }

    def artifact(self, kind: str = EMPTY, **changes: Any) -> dict[str, Any]:
        """As `oras push` makes it: a manifest of something else than an image."""
        layer = self.blob(b"words\n", "text/plain")
        return self.manifest(self.blob(b"{}", kind), [layer], artifactType="text/plain", **changes)

    def layout(self, *entries: Any, **changes: Any) -> Files:
        """The files, with an ``index.json`` of these entries."""
        return {
            **self.files,
            "index.json": dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries), **changes}),
        }


def _layouts() -> dict[str, tuple[Files, str | None]]:
    found: dict[str, tuple[Files, str | None]] = {}

    def add(name: str, made: Documents, *entries: Any, says: str | None = None) -> None:
        found[name] = (made.layout(*entries), says)

    made = Documents()
    add("one image", made, made.image())
    made = Documents()
    image = made.entry(AMD64)
    add("an attestation beside its image", made, made.index(image, made.attestation(image)))
    made = Documents()
    image = made.image()
    add("an artifact that refers to the image", made, image, made.artifact(subject=image))
    made = Documents()
    add("an image in an index in an index", made, made.index(made.index(made.entry(AMD64))))
    made = Documents()
    add("a list of Docker's", made, made.index(made.entry(AMD64), media_type=DOCKER_LIST))

    made = Documents()
    several = [made.entry(AMD64), made.entry(ARM64)]
    which = "does not hold one image, but: linux/amd64, linux/arm64/v8; say which, with --platform"
    add("two platforms", made, *several, says=which)
    made = Documents()
    several = [made.entry(AMD64), made.entry(ARM64)]
    add("an index of two platforms", made, made.index(*several), says=which)
    made = Documents()
    several = [made.index(made.entry(AMD64)), made.index(made.entry(ARM64))]
    add("an index for each of two platforms", made, made.index(*several), says=which)
    made = Documents()
    several = [made.entry(AMD64), made.entry(ARM64)]
    several += [made.attestation(one) for one in several]
    add("two platforms with attestations", made, made.index(*several), says=which)
    made = Documents()
    several = [made.entry(AMD64), made.entry(ARM64)]
    add("a list of Docker's of two platforms", made, made.index(*several, media_type=DOCKER_LIST), says=which)

    made = Documents()
    deep = made.entry(AMD64)
    for _ in range(10):
        deep = made.index(deep)
    add("indexes without an end", made, deep, says="indexes are nested deeper than")
    made = Documents()
    add("an attestation alone", made, made.attestation({"digest": "sha256:" + "0" * 64}), says="unknown/unknown")
    made = Documents()
    add("an artifact", made, made.artifact(), says="is of type")
    made = Documents()
    add("a chart", made, made.artifact(HELM), says="is of type")
    made = Documents()
    add(
        "an artifact manifest",
        made,
        made.blob({"mediaType": ARTIFACT, "blobs": []}, ARTIFACT),
        says="does not hold one image, but: sha256:",
    )
    made = Documents()
    add("nothing", made, says="but: nothing")
    made = Documents()
    add("an index of nothing", made, made.index(), says="but: nothing")
    made = Documents()
    add("a manifest without a config", made, made.blob({"schemaVersion": 2, "layers": []}, MANIFEST), says="'config'")
    made = Documents()
    wrong = made.index(made.entry(AMD64))
    add("an index that its descriptor calls a manifest", made, {**wrong, "mediaType": MANIFEST}, says="'layers'")
    made = Documents()
    absent = made.entry(AMD64)
    del made.files["blobs/sha256/" + absent["digest"][7:]]
    add("an image that is not there", made, absent, says="has no file blobs/sha256/")
    return found


LAYOUTS = _layouts()
"""What is there -> its files, and what every verb that wants one image reports; None where it is one image."""
