"""A result as a document: every field with its value, and null for what there is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage import api
from sysimage.api.documents import document_of, locked_document, planned_document
from sysimage.api.values import LeftOutFile, UnreadScriptLine
from sysimage.compare.compared_contents import HeldLayer
from sysimage.compare.difference import Difference, FileChange, LayerChange, PackageChange, SettingChange
from sysimage.digest import Digest
from sysimage.documents import document_value
from sysimage.errors import IntegrityError, Issue
from sysimage_bootstrap.packages.lock import InputChange

A, B, C = (Digest(letter * 64) for letter in "abc")
PLAN = api.Plan(
    names=("web:1", "web:latest"),
    platform="linux/arm64",
    architecture="arm64",
    store_kind="nix",
    store_directory="/nix/store",
    system="/nix/store/x-system",
    items=3,
    nar_size=700,
    created=86400,
    max_layers=9,
    layers=(
        api.PlannedLayer(("/nix/store/a-1",), 300, "alone", 1.5),
        api.PlannedLayer(("/nix/store/b-1", "/nix/store/x-system"), 400, "the rest", None, customized=True),
    ),
    layer_count=2,
    customization_entries=12,
    customization_size=99,
    first_pull_seconds=1.26,
    updates_per_year_seconds=3.14,
    left_out=(
        LeftOutFile("/nix/store/a-1", "share/man/b", "manuals", 20),
        LeftOutFile("/nix/store/a-1", "share/doc/a", "documentation", 7),
        LeftOutFile("/nix/store/b-1", "share/man/a", "manuals", 5),
    ),
    unread=(UnreadScriptLine("web", "postinst", 7, "frob", "is no command that is known"),),
    updates_per_year=26.0,
    update_size=1234.5,
    update_sizes_by_rule={"single": 5000.0},
    update_steps=4,
)
PUSHED = api.PushedImage(("host/web:1",), 10, 20, 3, 2)
BUILT = api.BuiltImage(
    digest=A,
    image_id=B,
    size=555,
    format="archive",
    output=Path("web.tar"),
    record=Path("web.plan.json"),
    pushed=("host/web:1",),
    transfers=(PUSHED,),
    loaded=("podman",),
    layers=(api.BuiltLayer(B, C, "a tar", 33),),
    plan=PLAN,
)
PUSH = {"names": ["host/web:1"], "sent_size": 10, "size": 20, "layer_count": 3, "present_layer_count": 2}
STORE = {"kind": "nix", "directory": "/nix/store", "item_count": 3}
BUILD_DOCUMENT: dict[str, Any] = {
    "names": ["web:1", "web:latest"],
    "platform": "linux/arm64",
    "digest": str(A),
    "image_id": str(B),
    "created": "1970-01-02T00:00:00Z",
    "size": 555,
    "unpacked_size": 700,
    "layers": [{"digest": str(B), "diff_id": str(C), "media_type": "a tar", "size": 33}],
    "store": STORE,
    "system": "/nix/store/x-system",
    "format": "archive",
    "output": "web.tar",
    "record_file": "web.plan.json",
    "pushed": [PUSH],
    "loaded": ["podman"],
}


def headed(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "format_version": api.FORMAT_VERSION, **fields}


def test_a_built_image_has_every_place_that_it_went_to() -> None:
    assert api.document(BUILT) == headed("build", **BUILD_DOCUMENT)
    nowhere = replace(BUILT, output=None, record=None, transfers=(), loaded=(), plan=replace(PLAN, system=""))
    absent: dict[str, Any] = {"output": None, "record_file": None, "pushed": [], "loaded": [], "system": None}
    assert api.document(nowhere) == headed("build", **{**BUILD_DOCUMENT, **absent})


def test_an_index_has_its_images() -> None:
    index = api.BuiltIndex(C, 900, 100, "oci-dir", Path("web"), ("host/web:1",), (PUSHED,), ("docker",), (BUILT,))
    fields = {
        "names": ["web:1", "web:latest"],
        "digest": str(C),
        "size": 900,
        "shared_size": 100,
        "format": "oci-dir",
        "output": "web",
        "pushed": [PUSH],
        "loaded": ["docker"],
        "images": [BUILD_DOCUMENT],
    }
    assert api.document(index) == headed("build-index", **fields)
    assert api.document(replace(index, output=None)) == headed("build-index", **{**fields, "output": None})


PLAN_DOCUMENT: dict[str, Any] = {
    "names": ["web:1", "web:latest"],
    "platform": "linux/arm64",
    "created": "1970-01-02T00:00:00Z",
    "unpacked_size": 700,
    "max_layers": 9,
    "layer_count": 2,
    "layers": [
        {
            "unpacked_size": 300,
            "paths": ["/nix/store/a-1"],
            "reason": "alone",
            "pulls_per_year": 1.5,
            "customized": False,
        },
        {
            "unpacked_size": 400,
            "paths": ["/nix/store/b-1", "/nix/store/x-system"],
            "reason": "the rest",
            "pulls_per_year": None,
            "customized": True,
        },
    ],
    "customization": {"entry_count": 12, "unpacked_size": 99},
    "store": STORE,
    "system": "/nix/store/x-system",
    "seconds": {"first_pull": 1.3, "updates_per_year": 3.1},
    "updates": {
        "per_year": 26.0,
        "unpacked_size": 1234.5,
        "unpacked_size_by_rule": {"single": 5000.0},
        "step_count": 4,
    },
    "left_out": {
        "file_count": 3,
        "unpacked_size": 32,
        "unpacked_size_by_kind": {"documentation": 7, "manuals": 25},
        "files": None,
    },
    "unread_scripts": {"line_count": 1, "lines": None},
}


def test_a_plan_counts_what_is_left_out_and_names_it_where_it_is_asked_to() -> None:
    assert api.document(PLAN) == headed("plan", **PLAN_DOCUMENT)
    assert list(api.document(PLAN)["left_out"]["unpacked_size_by_kind"]) == ["documentation", "manuals"]
    unknown = api.document(replace(PLAN, updates_per_year_seconds=None, system=""))
    seconds = {"first_pull": 1.3, "updates_per_year": None}
    assert unknown == headed("plan", **{**PLAN_DOCUMENT, "seconds": seconds, "system": None})
    files = [{"item": one.item, "path": one.path, "what": one.what, "unpacked_size": one.size} for one in PLAN.left_out]
    line = {"package": "web", "script": "postinst", "line": 7, "text": "frob", "reason": "is no command that is known"}
    with_files = {**PLAN_DOCUMENT, "left_out": {**PLAN_DOCUMENT["left_out"], "files": files}}
    with_lines = {**PLAN_DOCUMENT, "unread_scripts": {"line_count": 1, "lines": [line]}}
    assert document_value(planned_document(PLAN, files=True)) == headed("plan", **with_files)
    assert document_value(planned_document(PLAN, lines=True)) == headed("plan", **with_lines)


def test_a_copy_says_where_from_and_where_to() -> None:
    copied = api.CopiedImage(A, 50, 4, (PUSHED,), "web.tar", ("host/web:1", "host/web:2"))
    fields = {
        "source": "web.tar",
        "targets": ["host/web:1", "host/web:2"],
        "digest": str(A),
        "size": 50,
        "layer_count": 4,
        "pushed": [PUSH],
    }
    assert api.document(copied) == headed("copy", **fields)


LOCKED = api.LockedPackages(
    Path("web.lock.json"),
    (api.LockedPackage("bash", "5.2", "arm64", 30, A), api.LockedPackage("zsh", "5.9", "all", 12, B)),
)


def test_a_lock_says_what_changed_where_that_was_asked() -> None:
    fields: dict[str, Any] = {
        "lock_file": "web.lock.json",
        "size": 42,
        "packages": [
            {"name": "bash", "version": "5.2", "architecture": "arm64", "size": 30, "digest": str(A)},
            {"name": "zsh", "version": "5.9", "architecture": "all", "size": 12, "digest": str(B)},
        ],
        "changes": None,
        "input_changes": None,
    }
    assert api.document(LOCKED) == headed("lock", **fields)
    assert api.document(replace(LOCKED, lock_file=None)) == headed("lock", **{**fields, "lock_file": None})
    inputs = [
        InputChange("trees", "/srv", None, "1"),
        InputChange("python", "flask", "1", "2"),
        InputChange("node", "left-pad", "1", None),
        InputChange("java", "/a.jar", "1", "2"),
    ]
    changed = document_value(locked_document(LOCKED, [PackageChange("bash", "up", "5.1", "5.2", "bash")], inputs))
    assert changed["changes"] == [
        {"name": "bash", "change": "up", "old": "5.1", "new": "5.2", "source": "bash", "fixes": None}
    ]
    assert [tuple(one.values()) for one in changed["input_changes"]] == [
        ("tree", "/srv", None, "1"),
        ("wheel", "flask", "1", "2"),
        ("npm-package", "left-pad", "1", None),
        ("jar", "/a.jar", "1", "2"),
    ]
    nothing_new = document_value(locked_document(LOCKED, [], []))
    assert nothing_new == headed("lock", **{**fields, "changes": [], "input_changes": []})


DIFFERENCE = Difference(
    "old.tar",
    "new.tar",
    (PackageChange("bash", "up", "5.1", "5.2", "bash", ("CVE-2026-1234",)),),
    (SettingChange("user", None, "web"),),
    (FileChange("/etc/motd", "changed", "content", ""),),
    LayerChange(3, 4, (HeldLayer(str(A), 9, "bash"),), 9, 40),
)


def test_a_difference_is_null_where_one_side_cannot_say() -> None:
    packages = [
        {
            "name": "bash",
            "change": "up",
            "old": "5.1",
            "new": "5.2",
            "source": "bash",
            "fixes": ["CVE-2026-1234"],
        }
    ]
    fields = {
        "old": "old.tar",
        "new": "new.tar",
        "packages": packages,
        "configuration": [{"name": "user", "old": None, "new": "web"}],
        "files": [{"path": "/etc/motd", "change": "changed", "what": "content", "owner": ""}],
        "pull": {
            "size": 9,
            "layers": [{"digest": str(A), "size": 9, "comment": "bash"}],
            "image_size": 40,
            "layer_count": 4,
            "kept_layer_count": 3,
        },
    }
    assert api.document(DIFFERENCE) == headed("diff", **fields)
    of_specs = replace(DIFFERENCE, configuration=None, files=None, layers=None)
    unsaid = {"configuration": None, "files": None, "pull": None}
    assert api.document(of_specs) == headed("diff", **{**fields, **unsaid})


@pytest.mark.parametrize(
    ("error", "status"),
    [(api.SpecError, 2), (api.LockError, 3), (IntegrityError, 4), (api.RegistryError, 6), (api.MachineError, 7)],
)
def test_an_error_has_its_issues_its_hint_and_the_status_of_its_kind(
    error: type[api.SysimageError], status: int
) -> None:
    issue = Issue("/a", "is wrong", line=3, column=9, file="x.json")
    fields = {
        "message": "cannot build x: it is wrong",
        "issues": [
            {
                "where": "/a",
                "file": "x.json",
                "line": 3,
                "column": 9,
                "message": "is wrong",
                "suggestion": None,
            }
        ],
        "hint": "say a",
        "exit_status": status,
    }
    raised = error("cannot build x: it is wrong", hint="say a", issues=[issue])
    assert api.document(raised) == headed("error", error=fields)
    plain: dict[str, Any] = {"message": "cannot", "issues": [], "hint": None, "exit_status": status}
    assert api.document(error("cannot")) == headed("error", error=plain)
    assert document_of(error("cannot")).KIND == "error"
