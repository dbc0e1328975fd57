"""The verbs that read images, on an image made by the rooms that make real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.cli import main
from tests.support.documents import read_document
from tests.support.images import build_image


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    return build_image(folder).archive(folder / "small.tar")


def test_verify_says_in_one_line_what_it_found(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--progress", "quiet", str(archive)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{archive}: verified: ")
    assert captured.out.count("\n") == 1
    assert captured.err == ""
    assert main(["verify", "-q", str(archive)]) == 0
    assert capsys.readouterr().out == ""


def test_verify_reports_the_same_as_json(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--json", "-q", str(archive)]) == 0
    document = read_document(capsys.readouterr().out)
    assert document["names"] == ["small:1.0"]
    held = sum(layer["item_count"] for layer in document["layers"])
    assert document["store"] == {"kind": "guix", "directory": "/gnu/store", "item_count": held}


def test_a_changed_byte_ends_with_the_status_of_a_failed_verification(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    changed = tmp_path / "changed.tar"
    changed.write_bytes(data)
    assert main(["verify", "-q", str(changed)]) == 4
    told = capsys.readouterr().err
    assert told.startswith(f"sysimage: cannot verify {changed}: ")
    assert "\n  " in told


def test_inspect_shows_configuration_and_layers(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(archive)]) == 0
    shown = capsys.readouterr().out
    assert "names:        small:1.0\n" in shown
    assert "platform:     linux/amd64\n" in shown
    assert main(["inspect", "--json", str(archive)]) == 0
    document = read_document(capsys.readouterr().out)
    assert f"{len(document['layers'])} layers" in shown
    assert document["size"] == sum(layer["size"] for layer in document["layers"])
    assert document["issues"] == []
