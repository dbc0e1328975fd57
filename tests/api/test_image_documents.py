"""What was read of an image as a document: every field with its value, and null for what the image does not say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sysimage import api
from sysimage.digest import Digest
from sysimage.errors import Issue
from sysimage.pipeline.history import ANNOTATION
from sysimage.rules.runtime import Runtime
from sysimage.verify import ImageSummary, LayerSummary, VerifiedImage, VerifiedLayer
from sysimage.verify.config import Config

A, B, C = (Digest(letter * 64) for letter in "abc")


def headed(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "format_version": api.FORMAT_VERSION, **fields}


NOTE = Issue("layer 1", "has no name", suggestion="name")
NOTE_DOCUMENT = {
    "where": "layer 1",
    "file": None,
    "line": None,
    "column": None,
    "message": "has no name",
    "suggestion": "name",
}


def test_a_verified_image_has_notes_and_layers_and_may_have_no_store() -> None:
    image = VerifiedImage(
        name="web",
        names=("web:1",),
        digest=A,
        image_id=B,
        platform="linux/amd64",
        layers=(
            VerifiedLayer(digest=A, diff_id=B, size=1, uncompressed_size=2, entries=3, items=4, comment="bash"),
            VerifiedLayer(digest=None, diff_id=C, size=1, uncompressed_size=2, entries=3, items=0, comment=""),
        ),
        items=4,
        files=5,
        directories=6,
        symlinks=7,
        size=800,
        store_kind="guix",
        store_directory="/gnu/store",
        notes=(NOTE,),
    )
    layer = {"size": 1, "unpacked_size": 2, "entry_count": 3}
    fields = {
        "names": ["web:1"],
        "platform": "linux/amd64",
        "digest": str(A),
        "image_id": str(B),
        "unpacked_size": 800,
        "file_count": 5,
        "directory_count": 6,
        "symlink_count": 7,
        "store": {"kind": "guix", "directory": "/gnu/store", "item_count": 4},
        "notes": [NOTE_DOCUMENT],
        "layers": [
            {"digest": str(A), "diff_id": str(B), **layer, "item_count": 4, "comment": "bash"},
            {"digest": None, "diff_id": str(C), **layer, "item_count": 0, "comment": ""},
        ],
    }
    assert api.document(image) == headed("verify", **fields)
    plain = replace(image, digest=None, store_kind=None, store_directory=None, notes=())
    assert api.document(plain) == headed("verify", **{**fields, "digest": None, "store": None, "notes": []})


def summary(**more: Any) -> ImageSummary:
    runtime = Runtime(
        architecture="amd64",
        environment=("A=1",),
        entry_point=("/init",),
        command=("--all",),
        working_directory="/srv",
        user="web",
        exposed_ports=("80/tcp",),
        volumes=("/data",),
        stop_signal="SIGTERM",
    )
    values: dict[str, Any] = {
        "names": ("web:1",),
        "digest": A,
        "image_id": B,
        "config": Config("linux", "arm", "v7", None, (C,), (), runtime, {"team": "web"}),
        "layers": (LayerSummary(None, C, 5, "a tar", "sysimage", "bash", {"k": "v"}),),
        "size": 5,
        "items": 8,
        "store_kind": "guix",
        "store_directory": None,
        "annotations": {"title": "web", ANNOTATION: "no record"},
        "faults": (NOTE,),
    }
    return ImageSummary(**{**values, **more})


def test_an_inspected_image_has_its_record_apart_from_other_annotations() -> None:
    layer = {"diff_id": str(C), "size": 5, "media_type": "a tar", "created_by": "sysimage", "comment": "bash"}
    fields = {
        "names": ["web:1"],
        "platform": "linux/arm/v7",
        "digest": str(A),
        "image_id": str(B),
        "created": None,
        "size": 5,
        "store": {"kind": "guix", "directory": None, "item_count": 8},
        "config": {
            "entry_point": ["/init"],
            "command": ["--all"],
            "environment": ["A=1"],
            "working_directory": "/srv",
            "user": "web",
            "labels": {"team": "web"},
            "exposed_ports": ["80/tcp"],
            "volumes": ["/data"],
            "stop_signal": "SIGTERM",
        },
        "annotations": {"title": "web"},
        "record": None,  # a record that cannot be read is left out
        "layers": [{"digest": None, **layer, "annotations": {"k": "v"}}],
        "issues": [NOTE_DOCUMENT],
    }
    assert api.document(summary()) == headed("inspect", **fields)
    without = summary(digest=None, store_kind=None, items=None, annotations={})
    unsaid: dict[str, Any] = {"digest": None, "store": None, "annotations": {}}
    assert api.document(without) == headed("inspect", **{**fields, **unsaid})
