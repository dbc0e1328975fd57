"""Snapshots on disk: found when whole, removed when not; found by everything that shaped them. And words of engines."""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SysimageError
from sysimage.store.nar import nar_hash_and_size
from sysimage_vm import snapshot
from sysimage_vm.channel import Result
from sysimage_vm.engine import Engine
from sysimage_vm.errors import (
    EntryPointMissingError,
    GuestDiskError,
    ImageCorruptError,
    ImageFaultError,
    ImageRefusedError,
    WrongArchitectureError,
)
from sysimage_vm.image import archive_for_guest, read_archive
from sysimage_vm.machine import MachineFiles
from sysimage_vm.qemu import Accelerator, Hardware
from sysimage_vm.services import parse_herd_status
from sysimage_vm.store_check import Nar, check
from tests.support.raw_image import RawImage, blob_name, dump, write_archive, write_directory


def make(directory: Path) -> Path:
    directory.mkdir(parents=True)
    (directory / "root.qcow2").write_bytes(b"root")
    (directory / "state").write_bytes(b"state!")
    (directory / "snapshot.json").write_text(json.dumps({"memory": "m", "root_size": 4, "state_size": 6}))
    return directory


def test_a_whole_snapshot_is_found(tmp_path: Path) -> None:
    found = snapshot.find(make(tmp_path / "s"))
    assert found is not None
    assert (found.memory, found.state.read_bytes()) == ("m", b"state!")
    assert snapshot.find(tmp_path / "absent") is None


class Stopped:
    """Stands for a QEMU that was asked to stop, and writes its state or fails."""

    def __init__(self, overlay: Path, state: bytes | None) -> None:
        self.files, self._state = MachineFiles(overlay.parent), state
        overlay.write_bytes(b"root")

    def save(self, descriptor: int) -> None:
        if self._state is None:
            raise GuestDiskError("cannot save")
        os.write(descriptor, self._state)

    def quit(self) -> None: ...


def saved(tmp_path: Path, state: bytes | None) -> snapshot.Snapshot:
    machine: Any = Stopped(MachineFiles(tmp_path).overlay, state)
    return snapshot.save(machine, "m", tmp_path / "snapshots/s")


def test_a_snapshot_is_saved_whole_and_for_its_owner_or_not_at_all(tmp_path: Path) -> None:
    for state in (b"state!", b"another one"):
        assert saved(tmp_path, state) == snapshot.find(tmp_path / "snapshots/s")
        assert (tmp_path / "snapshots/s/state").read_bytes() == state
        with pytest.raises(GuestDiskError):
            saved(tmp_path, None)
        assert [path.name for path in (tmp_path / "snapshots").iterdir()] == ["s"]
        assert (tmp_path / "snapshots/s").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("file", ["root.qcow2", "state", "snapshot.json"])
def test_a_snapshot_that_was_cut_short_is_removed(tmp_path: Path, file: str) -> None:
    directory = make(tmp_path / "s")
    os.truncate(directory / file, 3)
    assert snapshot.find(directory) is None
    assert not directory.exists()


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for age, name in enumerate(["old", "middle", "new"]):
        os.utime(make(tmp_path / name), (age, age))
    snapshot.forget(tmp_path, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["middle", "new"]


def test_everything_that_shapes_a_machine_changes_its_key() -> None:
    hardware = Hardware(Accelerator.TCG)
    keys = {
        snapshot.key(hardware, "QEMU 1", "guest"),
        snapshot.key(hardware, "QEMU 2", "guest"),
        snapshot.key(hardware, "QEMU 1", "another"),
        *(
            snapshot.key(dataclasses.replace(hardware, **change), "QEMU 1", "guest")
            for change in ({"accelerator": Accelerator.KVM}, {"cpus": 3}, {"memory": 512}, {"arguments": ("quiet",)})
        ),
    }
    assert len(keys) == 7
    assert snapshot.key(hardware, "QEMU 1", "guest") in keys


def test_the_states_of_services_are_read() -> None:
    said = "Started:\n + nginx\n + root\nRunning timers:\n + report\nStopped:\n - off\n"
    said += "One-shot:\n * once\nFailed to start:\n ! bad\n"
    assert parse_herd_status(said) == {
        "nginx": "started",
        "root": "started",
        "report": "timer",
        "off": "stopped",
        "once": "one-shot",
        "bad": "failed",
    }


@pytest.mark.parametrize(
    ("what", "said", "kind"),
    [
        ("load the image", 'invalid diffID for layer 0: expected "sha256:a", got "sha256:b"', ImageCorruptError),
        ("load the image", "open /var/lib/docker/tmp/x: no such file or directory", ImageRefusedError),
        ("load the image", "write /x: no space left on device", GuestDiskError),
        ("docker run", 'exec: "/gnu/x": stat /gnu/x: no such file or directory: unknown', EntryPointMissingError),
        ("docker run", 'exec: "init": executable file not found in $PATH: unknown', EntryPointMissingError),
        ("docker run", "exec /boot/init: no such file or directory", EntryPointMissingError),
        ("podman run", "crun: executable file `/x` not found: No such file or directory", EntryPointMissingError),
        ("podman run", "netavark: unable to execute nft: No such file or directory (os error 2)", ImageFaultError),
        ("docker run", "exec /bin/x: exec format error", WrongArchitectureError),
        ("docker run", "something else", ImageFaultError),
    ],
)
def test_an_engines_words_are_understood(what: str, said: str, kind: type[Exception]) -> None:
    fault = Engine(None).diagnose(what, Result(("docker",), 1, b"", said.encode()))  # type: ignore[arg-type]
    assert type(fault) is kind
    assert said in str(fault)


def test_an_archive_and_a_layout_are_read_alike(tmp_path: Path) -> None:
    """What is in a directory, or has no document for Docker, becomes an archive that has; another one stays itself."""
    raw = RawImage(b"", config={"config": {"Cmd": ["x"]}})
    raw.descriptor_changes = {"annotations": {"io.containerd.image.name": "x:1"}}
    layout = raw.layout()
    config = blob_name(dump(raw.config))
    entry = {"Config": config, "RepoTags": ["x:1"], "Layers": [blob_name(raw.blobs[0])]}
    whole = write_archive({**layout, "manifest.json": dump([entry])}, tmp_path / "whole.tar")
    for place in (write_directory(layout, tmp_path / "layout"), write_archive(layout, tmp_path / "plain.tar"), whole):
        with archive_for_guest(place) as found:
            assert (found.names, found.layers, found.declared["Cmd"]) == (("x:1",), 1, ["x"])
            assert (found.path == place) == (place == whole)
            with tarfile.open(found.path) as packed:
                written = packed.extractfile("manifest.json")
                assert written is not None
                assert json.load(written) == [entry]
        assert found.path.exists() == (place == whole)


@pytest.mark.parametrize("files", [{}, {"manifest.json": b"[]"}, {"manifest.json": b"{"}, {"index.json": b"{}"}])
def test_what_is_not_an_image_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(SysimageError, match="cannot read the image"):
        read_archive(write_archive(files, tmp_path / "a.tar"))


def test_the_check_of_a_store_sees_what_changed(tmp_path: Path) -> None:
    store = tmp_path / "gnu" / "store"
    for name in ("a", "b", "c"):
        (store / name / "bin").mkdir(parents=True)
        (store / name / "bin" / "prog").write_text(name)
        (store / name / "link").symlink_to("bin/prog")
    database = tmp_path / "db.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE ValidPaths (path TEXT, hash TEXT, narSize INTEGER)")
        for name in ("a", "b", "gone"):
            nar = Nar()
            nar.add(os.fsencode(store / (name if name != "gone" else "a")))
            row = (f"/gnu/store/{name}", f"sha256:{nar.hash.hexdigest()}", nar.size)
            connection.execute("INSERT INTO ValidPaths VALUES (?, ?, ?)", row)
    (store / "b" / "bin" / "__pycache__").mkdir()
    report = check(str(tmp_path), "/gnu/store", "/db.sqlite")
    assert report == {
        "items": 3,
        "changed": ["/gnu/store/b"],
        "missing": ["/gnu/store/gone"],
        "stray": ["/gnu/store/c"],
        "database": [],
    }


def test_a_nar_is_the_one_that_the_store_writes(tmp_path: Path) -> None:
    (tmp_path / "item" / "sub").mkdir(parents=True)
    (tmp_path / "item" / "sub" / "x").write_bytes(b"12345")
    (tmp_path / "item" / "run").write_text("#!")
    (tmp_path / "item" / "run").chmod(0o555)
    (tmp_path / "item" / "l").symlink_to("run")
    ours = Nar()
    ours.add(os.fsencode(tmp_path / "item"))
    hashed = nar_hash_and_size(tmp_path / "item")
    assert (ours.hash.hexdigest(), ours.size) == (hashed[0].hex, hashed[1])
