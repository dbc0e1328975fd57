"""Questions about images, specs and lock files, as a user asks them: diff, why, tree, size."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sysimage.cli import main
from sysimage.rootfs.tree import Entry
from sysimage.store.database import Schema
from tests.pipeline.test_package_rows import STATUS, stanza, store_of
from tests.support.documents import read_document
from tests.support.images import build_image, customization


def image(top: Path, version: str, motd: str, mode: int = 0o644) -> Path:
    """An image of two packages, of which one has a version of its own, and a file of the system."""
    top.mkdir(parents=True)
    closure = store_of(top / "store", version)
    entries = [*customization(closure, Schema.GUIX), Entry.file("/etc/motd", motd.encode(), mode)]
    rows = {"lib": stanza("lib", "2"), "tool": stanza("tool", version) + "Depends: lib\n"}
    entries += [Entry.file(f"/{STATUS}/{name}", text.encode()) for name, text in rows.items()]
    return build_image(top, closure=closure, entries=entries).archive(top / "image.tar")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    top = tmp_path_factory.mktemp("images")
    new = image(top / "new", "1:1.1-1", "good evening\n", 0o600)
    return str(image(top / "old", "1:1.0-1", "hello\n")), str(new)


@pytest.fixture(autouse=True)
def no_archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Changelogs cannot be fetched, which is not an error of a question."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SYSIMAGE_OFFLINE", "1")


def test_a_difference_names_packages_files_and_what_a_client_pulls(
    images: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", *images]) == 0
    told = capsys.readouterr()
    assert "packages: 1 up\n  ↑ tool  1:1.0-1 -> 1:1.1-1\n" in told.out
    assert "  ≠ /etc/motd  (content, mode 0644 -> 0600)\n" in told.out
    assert (
        "\n  ≠ entry point: /sbin/init /gnu/store/…-system-1.0-1 -> /sbin/init /gnu/store/…-system-1.1-1\n" in told.out
    )
    assert re.search(r"^layers: [1-9]\d* of \d+ kept\n", told.out, re.MULTILINE)
    assert "db.sqlite" not in told.out
    assert told.err.startswith("sysimage: CVE numbers are not known: cannot ")


def test_a_file_that_only_names_another_item_of_the_store_is_the_same(
    images: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", "--json", "--no-changelogs", *images]) == 0
    document = read_document(capsys.readouterr().out)
    assert [(one["path"], one["change"]) for one in document["files"] if one["owner"] != "system-1.1-1"][:1] == [
        ("/etc/motd", "changed")
    ]
    assert document["packages"] == [
        {"name": "tool", "change": "up", "old": "1:1.0-1", "new": "1:1.1-1", "source": "tool", "fixes": None}
    ]
    pull = document["pull"]
    assert pull["size"] == sum(layer["size"] for layer in pull["layers"])
    assert pull["kept_layer_count"] + len(pull["layers"]) == pull["layer_count"]


def test_an_image_does_not_differ_from_itself(images: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", images[0], images[0]]) == 0
    assert capsys.readouterr().out == f"{images[0]} and {images[0]} hold the same\n"


def test_a_pull_request_gets_tables(images: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--markdown", "--no-changelogs", *images]) == 0
    shown = capsys.readouterr().out
    assert "| ↑ | tool | 1:1.0-1 | 1:1.1-1 |\n" in shown
    assert "A client of the old image pulls **" in shown


def test_why_says_for_each_step_what_leads_to_the_next(
    images: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", images[0], "lib"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].endswith("in 2 ways")
    assert shown[2:] == [
        "  system-1.0-1",
        "    lib-2  (mentioned in its contents)",
        "",
        "  system-1.0-1",
        "    tool-1.0-1  (mentioned in its contents)",
        "      lib-2  (declared)",
    ]
    assert main(["why", "--most", "1", images[0], "lib"]) == 0
    assert capsys.readouterr().out.endswith("--most 10 shows more of them\n")


def test_why_asks_back_where_a_name_is_wrong(images: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", images[0], "tol"]) == 2
    assert capsys.readouterr().err == (
        "sysimage: cannot find 'tol': there is no such item\n"
        "hint: did you mean 'tool'? `sysimage size --top 0` lists all items\n"
    )


def test_size_shows_what_would_go_with_an_item(images: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "--json", "--top", "0", images[0]]) == 0
    document = read_document(capsys.readouterr().out)
    found = {one["name"]: one for one in document["items"]}
    assert document["item_count"] == len(found) == 4
    assert found["system-1.0-1"]["kept_size"] == document["unpacked_size"]
    assert document["unpacked_size"] == sum(one["unpacked_size"] for one in found.values())
    assert found["tool-1.0-1"]["kept_size"] == found["tool-1.0-1"]["unpacked_size"]  # the system has lib, too
    assert main(["size", "--top", "2", images[0]]) == 0
    assert "; 2 are shown" in capsys.readouterr().out


def test_a_tree_prints_what_is_below_an_item_once(images: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tree", images[0]]) == 0
    names = [re.sub(r" \([\d.]+ k?B\)", "", line) for line in capsys.readouterr().out.splitlines()]
    assert names == ["system-1.0-1", "├── bash-5.2", "├── lib-2", "└── tool-1.0-1", "    └── lib-2"]
    assert main(["tree", "--depth", "1", images[0], "tool"]) == 0
    assert capsys.readouterr().out.count("\n") == 2


def test_a_question_about_nothing_is_the_command_lines_fault(
    images: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["diff", "nothing.tar", images[0]], ["why", "nothing.tar", "x"], ["size", "nothing.json"]):
        assert main(words) == 2
        assert "there is no such file" in capsys.readouterr().err
