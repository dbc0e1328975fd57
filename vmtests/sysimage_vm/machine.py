"""One virtual machine: a QEMU process, its control socket, its console and the channel to the agent in its guest.

Everything that waits here waits in `Machine.wait` or `Machine.ask` (see `sysimage_vm.waiting`), which on every turn
look for what makes waiting pointless: QEMU gone, the guest stopped, a panic on the console. QEMU dies with the thread
that started it, whatever ends that (the kernel sees to it), and owns no port and no socket in the file system.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sysimage import process
from sysimage_vm import qemu, waiting
from sysimage_vm.channel import Channel
from sysimage_vm.console import Console
from sysimage_vm.disks import Disks
from sysimage_vm.errors import EmulatorEndedError, EmulatorStoppedError, GuestPanicError, MachineFaultError
from sysimage_vm.qemu import AMD64, Board, Hardware
from sysimage_vm.qmp import Qmp
from sysimage_vm.resource_usage import UsageMeter
from sysimage_vm.waiting import USUAL, NotYet, Patience, ProgressClock, Signs

T = TypeVar("T")

LAST_WORDS = Patience(quiet=2.0, work=2.0, bound=60.0)
"""For a dying kernel to finish what it writes to the console, and for QEMU to end."""
STOPPING_EVENTS = frozenset({"STOP", "GUEST_PANICKED", "BLOCK_IO_ERROR"})


@dataclass(frozen=True, slots=True)
class MachineFiles:
    """Where one machine's run leaves its traces, all in a directory of its own."""

    directory: Path

    @property
    def console(self) -> Path:
        return self.directory / "console.log"

    @property
    def emulator(self) -> Path:
        """QEMU's own output."""
        return self.directory / "qemu.log"

    @property
    def overlay(self) -> Path:
        """What the guest wrote to its root disk: qcow2 over a base that never changes."""
        return self.directory / "root.qcow2"

    def clear(self) -> None:
        """Remove what an earlier run left; a console is believed from its first byte."""
        for path in (self.console, self.emulator, self.overlay):
            path.unlink(missing_ok=True)


class Machine:
    """A running machine. Make one with `start`; use it as a context manager, or call `close`."""

    def __init__(
        self, child: subprocess.Popen[bytes], qmp: socket.socket, agent: socket.socket, files: MachineFiles
    ) -> None:
        self.process = child
        self.files = files
        self.console = Console(files.console)
        self.qmp = Qmp(qmp, self.wait)
        self.channel = Channel(agent, self.wait)
        self._meter = UsageMeter(lambda: (child.pid,))
        self._expect_stop = self._expect_end = False
        self.disks = Disks(self.qmp, self.channel, self.ask)

    # --- waiting ---------------------------------------------------------------------------------------------------

    def wait(self, what: str, ready: Callable[[], T | None], patience: Patience = USUAL) -> T:
        """Return what ``ready`` returns as soon as that is not None; see `waiting.wait`."""
        return waiting.wait(self, what, ready, patience)

    def ask(
        self, what: str, question: Callable[[], T | NotYet], patience: Patience = USUAL, *, pause: float = 2.0
    ) -> T:
        """Ask the guest until the answer is something else than `NotYet`, and return it; see `waiting.ask`."""
        return waiting.ask(self, what, question, patience, pause=pause)

    def now(self) -> float:
        return time.monotonic()

    def signs(self) -> Signs:
        return Signs((self.console.size, self.channel.moved), self._meter.read())

    def rest(self, seconds: float, *also: int) -> list[int]:
        """Sleep until QEMU or the agent sends something or one of ``also`` can be read; return those that can be
        read."""
        talking = self.channel.fileno()
        listened = [self.qmp.fileno(), talking, *also]
        readable, _, _ = select.select(listened, [talking] if self.channel.wants_to_write else [], [], seconds)
        return [descriptor for descriptor in also if descriptor in readable]

    def last_seen(self) -> str:
        return f"last console line: {self.console.tail(1).strip() or 'none'}\n{self.channel.last_seen()}"

    def console_tail(self) -> str:
        return self.console.tail()

    def check(self) -> None:
        """Take in what has arrived; raise the diagnosis if the machine can't go on."""
        if self._expect_end:
            return
        try:
            self.qmp.pump()
            self.channel.pump()
        except MachineFaultError:
            self._raise_end()
            raise
        stopped = None
        for event in self.qmp.events:
            if event["event"] in STOPPING_EVENTS and not self._expect_stop:
                stopped = event
            if event["event"] == "VSERPORT_CHANGE" and not event["data"]["open"]:
                self.channel.lost()
        self.qmp.events.clear()
        if stopped is not None:
            self._raise_stop(stopped)
        if self.process.poll() is not None:
            self._raise_end()
        if fault := self.console.fault():
            self._linger()
            raise self.console.fault() or fault

    def _linger(self) -> None:
        """Let a dying kernel finish its last words, and a dying QEMU end."""
        began = self.now()
        clock = ProgressClock(began, self.signs())
        while self.process.poll() is None and waiting.exhausted(clock, LAST_WORDS, self.now() - began) is None:
            time.sleep(0.1)
            clock.look(self.now(), self.signs())

    def _raise_stop(self, event: Mapping[str, Any]) -> None:
        status = self.qmp.execute("query-status")["status"]
        if fault := self.console.fault():
            raise fault
        if event["event"] == "GUEST_PANICKED":
            raise GuestPanicError("cannot go on with the machine: the guest panicked", console=self.console.tail())
        raise EmulatorStoppedError(
            f"cannot go on with the machine: QEMU stopped it ({event['event']}, {status})\n{self.emulator_said()}",
            console=self.console.tail(),
        )

    def _raise_end(self) -> None:
        self._linger()
        status = self.process.poll()
        if status is None:
            return
        if fault := self.console.fault():
            raise fault
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        if status == 0:
            raise GuestPanicError(
                "cannot go on with the machine: the guest turned itself off or rebooted", console=self.console.tail()
            )
        raise EmulatorEndedError(
            f"cannot go on with the machine: QEMU ended with {how}\n{self.emulator_said()}", console=self.console.tail()
        )

    def emulator_said(self) -> str:
        try:
            return self.files.emulator.read_text(errors="replace").strip()[-2000:]
        except FileNotFoundError:
            return ""

    # --- state -----------------------------------------------------------------------------------------------------

    def save(self, descriptor: int) -> None:
        """Stop the machine and write its state to an open file; only `close` makes sense after that."""
        self._expect_stop = True
        self.qmp.execute("stop")
        self.qmp.execute("getfd", {"fdname": "state"}, fd=descriptor)
        self.qmp.execute("migrate", {"uri": "fd:state"})
        self._migrated("the machine's state to be saved")

    def load(self, descriptor: int) -> None:
        """Fill a machine that was started with ``incoming`` from a saved state, and let it run."""
        self.qmp.execute("getfd", {"fdname": "state"}, fd=descriptor)
        self._expect_stop = True
        self.qmp.execute("migrate-incoming", {"uri": "fd:state"})
        self._migrated("the machine's state to be restored")
        self.qmp.execute("cont")

        def runs() -> bool | NotYet:
            status = self.qmp.execute("query-status")
            return True if status["running"] else NotYet(str(status["status"]))

        self.ask("the machine to run", runs, pause=0.1)
        self.qmp.pump()
        self.qmp.events.clear()
        self._expect_stop = False

    def _migrated(self, what: str) -> None:
        def done() -> bool | NotYet:
            said = self.qmp.execute("query-migrate")
            if said.get("status") in ("failed", "cancelled"):
                raise EmulatorStoppedError(f"cannot wait for {what}: {said.get('error-desc', said['status'])}")
            moved = said.get("ram", {}).get("transferred", 0)
            return True if said.get("status") == "completed" else NotYet(f"{said.get('status')}, {moved} bytes")

        self.ask(what, done, pause=0.1)

    # --- the end ---------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """A power cut."""
        self.process.kill()
        self.process.wait()

    def quit(self) -> None:
        """End QEMU so that the overlay is whole; the guest is not asked."""
        if self.process.poll() is None:
            with contextlib.suppress(MachineFaultError):
                self.qmp.execute("quit")
            self._expect_end = True
            try:
                self.wait("QEMU to end", self.process.poll)
            except MachineFaultError:
                self.kill()
                raise

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self.qmp.close()
        self.channel.close()

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start(
    emulator: Path,
    hardware: Hardware,
    files: MachineFiles,
    *,
    kernel: Path,
    initrd: Path | None = None,
    overlay: Path | None = None,
    incoming: bool = False,
    board: Board = AMD64,
) -> Machine:
    """Start QEMU and return as soon as it obeys; the guest is then at its first instruction."""
    files.directory.mkdir(parents=True, exist_ok=True)
    files.console.touch(mode=0o600)
    qmp, qmp_child = socket.socketpair()
    agent, agent_child = socket.socketpair()
    words = qemu.command(
        emulator,
        hardware,
        kernel=kernel,
        initrd=initrd,
        root=overlay,
        console=files.console,
        qmp=qmp_child.fileno(),
        agent=agent_child.fileno(),
        incoming=incoming,
        board=board,
    )
    with open(files.emulator, "wb") as said, qmp_child, agent_child:
        child = process.spawn(
            words,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            pass_fds=(qmp_child.fileno(), agent_child.fileno()),
        )
    machine = Machine(child, qmp, agent, files)
    try:
        machine.qmp.negotiate()
    except BaseException:
        machine.close()
        raise
    return machine


def make_overlay(base: Path, overlay: Path, *, base_format: str = "raw") -> None:
    """A new, empty qcow2 file over ``base``, which must not change as long as the overlay is used."""
    image_tool = process.find("qemu-img", package="qemu-utils")
    process.run([image_tool, "create", "-q", "-f", "qcow2", "-F", base_format, "-b", base.resolve(), overlay])
    overlay.chmod(0o600)
