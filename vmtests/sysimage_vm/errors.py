"""Why a test in the virtual machine did not pass: a class for each diagnosis, distinguished by evidence."""

from __future__ import annotations

from sysimage.errors import BootTestError


class MachineFaultError(BootTestError):
    """The machine itself failed, so nothing is known about the image. ``console`` ends the message."""

    def __init__(self, message: str, *, console: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.console = console
        """The last lines of the guest's console."""

    def __str__(self) -> str:
        shown = "\n".join(f"  | {line}" for line in self.console.splitlines())
        return f"{self.message}\n{shown}" if shown else self.message


class EmulatorEndedError(MachineFaultError):
    """QEMU ended by itself, or was killed."""


class EmulatorStoppedError(MachineFaultError):
    """QEMU stopped the guest: an internal error of the accelerator, or a disk error of the host."""


class GuestPanicError(MachineFaultError):
    """The guest's kernel panicked, or its first process ended."""


class GuestOutOfMemoryError(MachineFaultError):
    """The guest's kernel ran out of memory."""


class GuestDiskError(MachineFaultError):
    """The guest's disk is full, or its file system reported an error."""


class GuestSilentError(MachineFaultError):
    """Nothing moved any more: no console line, no byte of an answer, hardly any processor time."""


class DeadlineError(MachineFaultError):
    """Things moved, but took more processor time than they may, or time without any measure."""


class AgentLostError(MachineFaultError):
    """The agent in the guest ended, started again, or sent invalid data: the command's own result is not known."""


class AgentRefusedError(MachineFaultError):
    """The agent could not do what was asked: no such program, no such file."""

    def __init__(self, message: str, *, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno
        """The system's error number, where it was the system that refused."""


class CommandStuckError(MachineFaultError):
    """A command in the guest made no progress, or took more processor time than it may, and was killed there."""


class ImageFaultError(BootTestError):
    """The machine is well and the image is not. The evidence follows the message."""

    def __init__(self, message: str, *, evidence: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.evidence = evidence
        """What the diagnosis rests on: the loader's words, the container's state and its last lines of output."""

    def __str__(self) -> str:
        shown = "\n".join(f"  | {line}" for line in self.evidence.splitlines())
        return f"{self.message}\n{shown}" if shown else self.message


class ImageRefusedError(ImageFaultError):
    """The engine did not load the image."""


class ImageCorruptError(ImageRefusedError):
    """The engine did not load the image: a layer or another blob is not what its digest says."""


class WrongArchitectureError(ImageFaultError):
    """The image is for another architecture than the machine."""


class EntryPointMissingError(ImageFaultError):
    """The engine did not find what the image says is to be started."""


class InitEndedError(ImageFaultError):
    """The first process of the container ended although it should go on."""


class ServiceNotStartedError(ImageFaultError):
    """The init runs, and a declared service does not."""


class EngineDiedError(MachineFaultError):
    """The container engine's daemon ended or does not answer."""
