"""A shell in the container or in the guest, for a person: lines go in, what it says comes out."""

from __future__ import annotations

import os
from collections.abc import Callable

from sysimage_vm.channel import refuse
from sysimage_vm.machine import Machine
from sysimage_vm.waiting import TURN

SHELL = ("/bin/sh", "-i")


def converse(
    machine: Machine,
    argv: list[str],
    source: int,
    out: Callable[[bytes], None],
    err: Callable[[bytes], None],
) -> int:
    """Run ``argv`` in the guest with what the descriptor ``source`` gives as its input; the exit status.

    Whatever it says is handed to ``out`` and ``err`` at once. Ends when the program does; an end of input is passed on.
    Raises the diagnosis if the machine dies meanwhile; there is no limit to how long a person thinks.
    """
    order = {"op": "run", "argv": argv, "env": {}, "cwd": "/"}
    task = machine.channel.start(order)
    reading = True
    try:
        while True:
            ended = task.done is not None  # checked first: all earlier output has arrived then
            for said, take in ((task.stdout, out), (task.stderr, err)):
                if said:
                    take(bytes(said))
                    said.clear()
            if ended and task.done is not None:
                refuse(f"`{' '.join(argv)}`", order, task.done)
                return int(task.done["status"])
            if machine.rest(TURN, *([source] if reading else [])):
                data = os.read(source, 1 << 16)
                if data:
                    task.write(data)
                else:
                    reading = False
                    task.end_input()
            machine.check()
    finally:
        task.kill()
