"""What `sysimage test` refuses before it builds or starts anything; what it does then needs a virtual machine."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from sysimage.cli import main
from tests.support.raw_image import RawImage, write_archive


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An archive of an image without a layer."""
    return write_archive(RawImage().docker_archive(), tmp_path / "small.tar")


def told(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, str]:
    try:
        status = main(["test", *map(str, argv)])
    except SystemExit as ended:
        status = int(ended.code or 0)
    return status, capsys.readouterr().err


def test_every_program_that_is_missing_is_named_with_what_to_install(
    image: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    status, said = told(capsys, image, "--cache-dir", tmp_path / "cache")
    assert status == 7
    assert said.splitlines() == [
        "sysimage: cannot start a virtual machine: qemu-system-x86_64, qemu-img, mke2fs, debugfs are not installed",
        "hint: apt-get install --no-install-recommends e2fsprogs qemu-system-x86 qemu-utils",
    ]
    assert not (tmp_path / "cache").exists()


def test_the_extra_that_is_missing_is_named(
    image: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    status, said = told(capsys, image)
    assert status == 7
    assert "pytest and testinfra are not installed\nhint: pip install 'sysimage[vm]'" in said


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        (["none.tar"], 2, "cannot read none.tar: there is no such file"),
        (["none.tar", "--expect", "none.py"], 2, "cannot read none.py: there is no such file"),
        (["none.tar", "--runtime", "podman", "--store", "containerd"], 2, "the image store of podman"),
        (["none.tar", "--shell", "--json"], 2, "cannot print a shell as JSON"),
        (["none.tar", "--accel", "hvf"], 2, "must be one of auto, kvm, tcg, not 'hvf'"),
    ],
)
def test_what_cannot_be_tested_is_refused_at_once(
    argv: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, *argv)[0] == status
    assert message in told(capsys, *argv)[1]


def test_what_is_not_an_image_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.tar").write_text("not an image")
    status, said = told(capsys, tmp_path / "notes.tar")
    assert status == 4
    assert "notes.tar: the archive ends inside a header" in said


def test_a_spec_is_built_before_it_is_tested_and_its_faults_are_a_spec_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "web.json"
    spec.write_text('{"name": "web", "packages": [],\n "variants": {"x": {"max-layers": 0}}}')
    status, said = told(capsys, "--in", "namespaces", "--variant", "x", spec)
    assert status == 2
    assert "/max-layers: must be at least 1, not 0" in said
