"""The machine's state after "the engine is ready", kept so that later tests restore it instead of booting.

A snapshot is a directory: ``root.qcow2`` (what the guest had written by then, over its root disk), ``state`` (its
memory and devices) and ``snapshot.json``. It is found by a key of everything that shaped it, it is only believed when
the restored agent says the number that it keeps in memory and nowhere else, and it holds the guest's memory, so no
other user may read it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from sysimage.files.atomic import atomic_directory, sync
from sysimage.files.code_digest import code_digest
from sysimage.files.temporary import sweep_beside
from sysimage_vm import qemu
from sysimage_vm.errors import MachineFaultError
from sysimage_vm.machine import Machine
from sysimage_vm.qemu import Hardware


class SnapshotError(MachineFaultError):
    """A snapshot is not what it should be; the machine has to boot instead."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A saved state; see the module."""

    directory: Path
    memory: str
    """The number that the agent drew when the guest booted."""
    root_size: int
    """Bytes of ``root.qcow2``."""
    state_size: int
    """Bytes of ``state``."""

    @property
    def root(self) -> Path:
        return self.directory / "root.qcow2"

    @property
    def state(self) -> Path:
        return self.directory / "state"


def key(hardware: Hardware, emulator_version: str, guest: str) -> str:
    """What a snapshot is found by: 32 hexadecimal digits. ``guest`` stands for kernel, initrd and root disk."""
    nowhere = Path("/nowhere")
    devices = qemu.command(
        nowhere, hardware, kernel=nowhere, initrd=nowhere, root=nowhere, console=nowhere, qmp=0, agent=0, incoming=True
    )
    parts = [code_digest(save), emulator_version, guest, os.uname().machine, devices]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def find(directory: Path) -> Snapshot | None:
    """The snapshot in ``directory`` if it is whole; one that is cut short or not readable is removed."""
    try:
        said = json.loads((directory / "snapshot.json").read_text())
        snapshot = Snapshot(directory, str(said["memory"]), int(said["root_size"]), int(said["state_size"]))
        whole = (snapshot.root.stat().st_size, snapshot.state.stat().st_size) == (said["root_size"], said["state_size"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        whole, snapshot = False, None
    if not whole:
        discard(directory)
        return None
    return snapshot


def discard(directory: Path) -> None:
    """Remove a snapshot; its description first, so that an incomplete one is never used."""
    (directory / "snapshot.json").unlink(missing_ok=True)
    shutil.rmtree(directory, ignore_errors=True)


def forget(directory: Path, *, keep: int) -> None:
    """Remove all but the newest snapshots of a directory; the caller holds the machine's lock."""
    found = sorted((path for path in directory.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in found[:-keep]:
        discard(path)


def save(machine: Machine, memory: str, directory: Path) -> Snapshot:
    """Save a machine's state into ``directory``, which appears whole or not at all. The machine is over after that."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    sweep_beside(directory)
    with atomic_directory(directory, durable=True, private=True) as draft:
        descriptor = os.open(draft / "state", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            machine.save(descriptor)
        finally:
            os.close(descriptor)
        machine.quit()
        shutil.copyfile(machine.files.overlay, draft / "root.qcow2")
        (draft / "root.qcow2").chmod(0o400)
        saved = Snapshot(directory, memory, (draft / "root.qcow2").stat().st_size, (draft / "state").stat().st_size)
        said = {name: value for name, value in asdict(saved).items() if name != "directory"}
        (draft / "snapshot.json").write_text(json.dumps(said))
        for path in sorted(draft.iterdir()):
            sync(path)
        if directory.exists():
            discard(directory)
    return saved


def load(machine: Machine, snapshot: Snapshot, now: float) -> None:
    """Bring a machine that was started with ``incoming`` to the saved state; ``now`` becomes the guest's clock.

    Raises `SnapshotError`, or another `MachineFaultError`, when the result is not the machine that was saved.
    """
    descriptor = os.open(snapshot.state, os.O_RDONLY | os.O_CLOEXEC)
    try:
        machine.load(descriptor)
    finally:
        os.close(descriptor)
    welcome = machine.channel.handshake()
    if welcome.memory != snapshot.memory:
        raise SnapshotError("cannot use the snapshot: the guest that answers is not the one that was saved")
    machine.channel.set_clock(now)
