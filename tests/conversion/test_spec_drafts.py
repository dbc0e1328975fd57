"""A spec that is written from another tool's file: its order, its name, and what its checks take out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sysimage.conversion.convert import convert
from sysimage.conversion.spec_draft import Note, SpecDraft, image_name
from sysimage.errors import SpecError
from tests.conversion.taken_over import files_in, whole


def test_keys_are_in_the_order_in_which_people_read_them_and_the_others_by_name(tmp_path: Path) -> None:
    text = (
        "FROM debian\nVOLUME /v\nLABEL a=b\nSTOPSIGNAL INT\nEXPOSE 80\nWORKDIR /w\nUSER ann\nENTRYPOINT a\nCMD b\n"
        "ENV A=b\nRUN ln -s /a /b && mkdir /c && groupadd g && echo x > /d && echo box > /etc/hostname\n"
    )
    spec, _ = whole(tmp_path, text)
    assert list(spec) == [
        *("users", "groups", "files", "directories", "symlinks", "environment", "entry-point", "command", "user"),
        *("working-directory", "exposed-ports", "host-name", "labels", "stop-signal", "volumes"),
    ]


@pytest.mark.parametrize(
    ("name", "expected"), [("My App_2", "my-app-2"), ("web", "web"), ("---", "system"), ("ÄÖ", "system")]
)
def test_an_image_without_a_name_is_called_after_its_directory(tmp_path: Path, name: str, expected: str) -> None:
    (tmp_path / name).mkdir()
    assert image_name(tmp_path / name) == expected
    (tmp_path / name / "Dockerfile").write_text("FROM debian\n")
    assert convert(tmp_path / name / "Dockerfile", tmp_path).spec["name"] == expected
    assert convert(tmp_path / name / "Dockerfile", tmp_path, "other").spec["name"] == "other"


def finished(directory: Path, **spec: Any) -> tuple[dict[str, Any], list[str]]:
    draft = SpecDraft(directory, directory)
    draft.spec = {"name": "app", **{key.replace("_", "-"): value for key, value in spec.items()}}
    found = draft.finished()
    return {key: value for key, value in found.spec.items() if key != "name"}, [note.text for note in found.notes]


def test_what_a_spec_may_not_have_is_taken_out_with_a_note_for_each(tmp_path: Path) -> None:
    spec, notes = finished(
        tmp_path,
        packages=["jq", "Not A Package", "git", "NOT"],
        users={"ann": {"shell": "sh", "system": True}},
        files={"/a": {"text": "x", "mode": "9"}, "/b": {"text": "y"}},
        symlinks={"/etc": "/srv"},
        volumes=["/data", "data"],
    )
    assert spec == {
        "packages": ["jq", "git"],
        "users": {"ann": {"system": True}},
        "files": {"/b": {"text": "y"}},
        "volumes": ["/data"],
    }
    assert sorted(note.partition(":")[0] for note in notes) == [
        "files/~1a/mode",
        "packages/1",
        "packages/2",
        "symlinks/~1etc",
        "users/ann/shell",
        "volumes/1",
    ]
    assert finished(tmp_path, packages=[], labels={}, essential=True) == ({"packages": []}, [])
    with pytest.raises(SpecError):
        finished(tmp_path, name="NO NAME")


def test_a_note_is_made_once_and_lists_have_each_value_once(tmp_path: Path) -> None:
    draft = SpecDraft(tmp_path, tmp_path)
    for line, text in enumerate("aba", 1):
        draft.note(text, line)
    assert draft.notes == [Note("a", 1), Note("b", 2)]
    draft.add("volumes", ["/a", "/b", "/a"])
    draft.add("volumes", ["/b", "/c"])
    assert draft.spec == {"volumes": ["/a", "/b", "/c"]}
    for name in ("ann", "ann", "1000", "root", "", "www-data"):
        draft.declare_user(name)
    assert draft.spec["users"] == {"ann": {"system": True}}


def test_variables_of_a_file_are_not_arguments_of_the_spec(tmp_path: Path) -> None:
    spec, _ = finished(tmp_path, labels={"a": "${b}"}, command=["sh", "-c", "echo ${c} $d"], max_layers=7)
    assert spec["labels"] == {"a": "$${b}"}
    assert (spec["command"], spec["max-layers"]) == (["sh", "-c", "echo $${c} $d"], 7)


def test_a_directory_that_is_copied_onto_one_of_the_system_goes_there_entry_by_entry(tmp_path: Path) -> None:
    files_in(tmp_path, "in/b/x", "in/a", "in/.git/x", "in/c/deep/y")
    (tmp_path / "in/link").symlink_to("a")
    for target, expected in {
        "/": {
            "files": {"/a": {"source": "in/a"}, "/b/x": {"source": "in/b/x"}},
            "symlinks": {"/link": "a"},
            "trees": {"/c/deep": {"source": "in/c/deep"}},
        },
        "/etc": {
            "files": {"/etc/a": {"source": "in/a"}},
            "symlinks": {"/etc/link": "a"},
            "trees": {"/etc/b": {"source": "in/b"}, "/etc/c": {"source": "in/c"}},
        },
        "/app": {"trees": {"/app": {"source": "in", "exclude": ["/.git"]}}},
        "/usr/share": {"trees": {"/usr/share": {"source": "in", "exclude": ["/.git"]}}},
    }.items():
        draft = SpecDraft(tmp_path, tmp_path)
        draft.copy("in", target)
        assert (draft.spec, draft.notes) == (expected, [])
    draft = SpecDraft(tmp_path, tmp_path)
    draft.copy("in", "/")
    assert list(draft.spec["files"]) == ["/a", "/b/x"], "whatever order the disk has"


def test_paths_are_those_of_the_directory_of_the_spec(tmp_path: Path) -> None:
    files_in(tmp_path, "docker/f", "f")
    inner = SpecDraft(tmp_path / "docker", tmp_path)
    inner.copy("/f", "/srv/f", 3, owner="ann", mode="0600")
    inner.copy("none", "/srv/none", 4)
    assert inner.spec == {"files": {"/srv/f": {"source": "docker/f", "owner": "ann", "mode": "0600"}}}
    assert inner.notes == [Note('none: there is no such file yet; then it is "/srv/none": {"source": "none"}', 4)]
    outside = SpecDraft(tmp_path, tmp_path / "docker")
    outside.copy("f", "/srv/f", 5)
    assert (outside.spec, outside.notes) == ({}, [Note("f for /srv/f: it is not in the spec's directory", 5)])
    assert (outside.beside_spec("docker/f"), outside.beside_spec("f")) == ("f", None)
