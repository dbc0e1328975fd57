"""The machine against an emulator that misbehaves on demand: every failure has a name, and nothing outlives us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sysimage.errors import MachineError
from sysimage_vm import accelerator
from sysimage_vm import agent as protocol
from sysimage_vm.console import Console
from sysimage_vm.errors import (
    DeadlineError,
    EmulatorEndedError,
    EmulatorStoppedError,
    GuestDiskError,
    GuestOutOfMemoryError,
    GuestPanicError,
    GuestSilentError,
    MachineFaultError,
)
from sysimage_vm.host_lock import host_lock
from sysimage_vm.machine import Machine, MachineFiles, start
from sysimage_vm.qemu import Accelerator, Hardware
from sysimage_vm.waiting import Patience

pytestmark = pytest.mark.slow  # much of it waits for what does not answer

PLAY = Path(__file__).with_name("fake_qemu.py")


@pytest.fixture
def emulator(tmp_path: Path) -> Path:
    script = tmp_path / "qemu"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -I {PLAY} "$@"\n')
    script.chmod(0o755)
    return script


def play(emulator: Path, part: str) -> Machine:
    hardware = Hardware(Accelerator.TCG, arguments=(part,))
    return start(emulator, hardware, MachineFiles(emulator.parent / "run"), kernel=Path("kernel"))


def never() -> None:
    return None


@pytest.mark.parametrize(
    ("part", "kind", "said"),
    [
        ("internal-error", EmulatorStoppedError, "KVM internal error. Suberror: 1"),
        ("panics", GuestPanicError, "VFS: Unable to mount root fs"),
        ("out-of-memory", GuestOutOfMemoryError, "Killed process 1"),
        ("dies", EmulatorEndedError, "SIGSEGV"),
        ("powers-off", GuestPanicError, "turned itself off"),
    ],
)
def test_every_end_has_its_own_diagnosis(emulator: Path, part: str, kind: type[MachineFaultError], said: str) -> None:
    with pytest.raises(kind) as fault, play(emulator, part) as machine:
        machine.wait("something that never comes", never)
    assert said in str(fault.value)


def test_an_emulator_that_refuses_its_command_line_is_quoted(emulator: Path) -> None:
    with pytest.raises(EmulatorEndedError, match="cannot set up guest memory"):
        play(emulator, "refuses-to-start")


def test_a_silent_guest_is_given_up_with_what_was_last_seen(emulator: Path) -> None:
    with play(emulator, "boots") as machine, pytest.raises(GuestSilentError, match="for the moon") as silent:
        machine.wait("the moon", never, Patience(quiet=1))
    assert "Linux version 6.12" in silent.value.console, "the console's tail is shown"
    assert "\nlast console line: next line\nthe agent has sent nothing\nprocessor time: 0." in silent.value.message


@pytest.mark.parametrize(("part", "sign"), [("chatters", "line 99"), ("works", "worked")])
def test_a_guest_is_waited_for_as_long_as_it_speaks_or_works(emulator: Path, part: str, sign: str) -> None:
    with play(emulator, part) as machine:
        machine.wait("the sign", lambda: True if sign in machine.console.text() else None, Patience(quiet=0.6))


def test_a_guest_that_works_for_ever_is_given_up_by_the_processor_time_it_took(emulator: Path) -> None:
    with play(emulator, "works-for-ever") as machine, pytest.raises(DeadlineError, match="s of processor time"):
        machine.wait("the moon", never, Patience(quiet=60, work=1))


def test_a_disk_that_does_not_come_is_given_up_although_the_guest_answers(emulator: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").touch()
    with play(emulator, f"agent={protocol.__file__}") as machine:
        machine.channel.handshake()
        with pytest.raises(GuestSilentError, match=r"for the guest to find .*/disk as a new disk") as fault:
            machine.disks.plug(tmp_path / "disk", Patience(quiet=1))
    assert "last answer: no such disk" in fault.value.message


def test_an_emulator_that_does_not_answer_is_given_up(emulator: Path) -> None:
    with play(emulator, "boots") as machine:
        os.kill(machine.process.pid, signal.SIGSTOP)
        with pytest.raises(GuestSilentError, match="for QEMU's answer to query-status"):
            machine.qmp.execute("query-status", patience=Patience(quiet=1))


def test_an_emulator_that_is_asked_to_quit_is_waited_for(emulator: Path) -> None:
    with play(emulator, "boots") as machine:
        machine.quit()
        assert machine.process.returncode == 0


def test_a_killed_emulator_is_an_ended_one(emulator: Path) -> None:
    with play(emulator, "boots") as machine:
        machine.kill()
        with pytest.raises(EmulatorEndedError, match="SIGKILL"):
            machine.wait("the moon", never)


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if status == "Z":
            return True
        time.sleep(0.05)
    return False


def test_no_emulator_outlives_a_harness_that_is_killed(emulator: Path, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = (
        "import sys, time; from pathlib import Path\n"
        "from sysimage_vm.machine import start, MachineFiles; from sysimage_vm.qemu import Hardware, Accelerator\n"
        f"m = start(Path({str(emulator)!r}), Hardware(Accelerator.TCG, arguments=('pid-to={pid_file}',)),"
        f" MachineFiles(Path({str(tmp_path / 'other')!r})), kernel=Path('k'))\n"
        "time.sleep(60)\n"
    )
    harness = subprocess.Popen([sys.executable, "-c", program])
    try:
        deadline = time.monotonic() + 20
        while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        emulator_pid = int(pid_file.read_text())
        assert Path(f"/proc/{emulator_pid}").exists()
    finally:
        harness.kill()
        harness.wait()
    assert _gone(emulator_pid)


def test_closing_ends_the_emulator(emulator: Path) -> None:
    machine = play(emulator, "boots")
    pid = machine.process.pid
    machine.close()
    assert _gone(pid)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("[ 2.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100", GuestPanicError),
        ("[ 2.0] Kernel panic - not syncing: Out of memory: compulsory panic_on_oom", GuestOutOfMemoryError),
        ("sysimage-initrd: cannot find the root disk /dev/vda", GuestPanicError),
        ("[ 5.0] EXT4-fs error (device vda): ext4_lookup:1: inode #2", GuestDiskError),
        ("[ 5.0] I/O error, dev vda, sector 0 op 0x1:(WRITE)", GuestDiskError),
        ("[ 5.0] Memory cgroup out of memory: Killed process 77 (x)", None),
        ("EXT4-fs (vda): mounted filesystem r/w", None),
    ],
)
def test_a_console_line_says_what_it_says(tmp_path: Path, line: str, kind: type[MachineFaultError] | None) -> None:
    console = tmp_path / "console"
    console.write_bytes(b"before\r\n" + line.encode() + b"\r\nafter\r\n")
    fault = Console(console).fault()
    assert (type(fault) if fault else None) is kind


# --- the accelerator ---


@pytest.fixture
def kvm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = tmp_path / "kvm"
    device.touch()
    monkeypatch.setattr(accelerator, "KVM_DEVICE", device)


def boot_as(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    monkeypatch.setattr(
        accelerator, "Hardware", lambda chosen, memory: Hardware(chosen, memory=memory, arguments=(part,))
    )


def choose(emulator: Path, choice: accelerator.Choice = accelerator.Choice.AUTO) -> accelerator.Verdict:
    kernel = emulator.parent / "kernel"
    kernel.write_bytes(b"kernel")
    return accelerator.choose(choice, emulator, kernel, emulator.parent / "cache")


@pytest.mark.usefixtures("kvm")
@pytest.mark.parametrize("part", ["internal-error", "dies", "refuses-to-start", "out-of-memory", "powers-off"])
def test_kvm_that_does_not_boot_is_not_used_and_the_reason_is_printed(
    emulator: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    boot_as(monkeypatch, part)
    verdict = choose(emulator)
    assert verdict.accelerator is Accelerator.TCG
    assert "does not boot a kernel" in verdict.reason
    with pytest.raises(MachineError, match="cannot use KVM: KVM answers but does not boot"):
        choose(emulator, accelerator.Choice.KVM)


@pytest.mark.usefixtures("kvm")
def test_kvm_that_boots_is_used_and_asked_once(emulator: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boot_as(monkeypatch, "boots")
    assert (choose(emulator).accelerator, choose(emulator).cached) == (Accelerator.KVM, True)
    boot_as(monkeypatch, "dies")
    assert choose(emulator).accelerator is Accelerator.KVM, "the verdict is kept"
    (emulator.parent / "kernel").write_bytes(b"another kernel")
    assert (
        accelerator.choose(
            accelerator.Choice.AUTO, emulator, emulator.parent / "kernel", emulator.parent / "cache"
        ).accelerator
        is Accelerator.TCG
    )


@pytest.mark.usefixtures("kvm")
def test_a_damaged_verdict_is_found_out_again(emulator: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boot_as(monkeypatch, "boots")
    choose(emulator)
    for record in (emulator.parent / "cache").rglob("*.memo"):
        record.write_text("{")
    assert not choose(emulator).cached


def test_without_the_device_nothing_is_tried(emulator: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(accelerator, "KVM_DEVICE", tmp_path / "absent")
    verdict = choose(emulator)
    assert (verdict.accelerator, verdict.seconds) == (Accelerator.TCG, 0)
    assert choose(emulator, accelerator.Choice.TCG).reason == "asked for"


# --- the lease ---


def test_a_lease_names_its_holder_and_dies_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    program = (
        "import time; from pathlib import Path; from sysimage_vm.host_lock import host_lock\n"
        f"with host_lock(Path({str(path)!r}), 'it'):\n    print('held', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(MachineError, match=f"process {holder.pid}"), host_lock(path, "it", patience=Patience(quiet=1)):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with host_lock(path, "it"):
        pass


def test_a_holder_that_works_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    program = (
        "import time; from pathlib import Path; from sysimage_vm.host_lock import host_lock\n"
        f"with host_lock(Path({str(path)!r}), 'it'):\n"
        "    print('held', flush=True)\n"
        "    while time.process_time() < 1.2: pass\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with host_lock(path, "it", patience=Patience(quiet=0.6)):
            assert holder.wait() == 0
