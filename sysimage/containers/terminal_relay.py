"""The terminal of a container, and bytes between it and ours."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import pty
import select
import signal
import socket
import termios
import tty


def take_terminal(connection: socket.socket) -> None:
    """Make the container's own terminal ours, and hand its other side out."""
    master, slave = pty.openpty()
    socket.send_fds(connection, [b"."], [master])
    os.close(master)
    connection.close()
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for descriptor in range(3):
        os.dup2(slave, descriptor)
    os.close(slave)


def received_terminal(connection: socket.socket) -> int | None:
    """The other side of a container's terminal, as `take_terminal` hands it out; None if it could not be made."""
    with contextlib.suppress(OSError):
        received = socket.recv_fds(connection, 1, 1)[1]
        return received[0] if received else None
    return None


def relay(master: int) -> None:
    """Carry bytes between our terminal and the container's until the latter's last user has left."""
    before = termios.tcgetattr(0)

    def resize(*_: object) -> None:
        size = array.array("H", [0, 0, 0, 0])
        with contextlib.suppress(OSError):
            fcntl.ioctl(0, termios.TIOCGWINSZ, size, True)
            fcntl.ioctl(master, termios.TIOCSWINSZ, size)

    signal.signal(signal.SIGWINCH, resize)
    resize()
    listened = [0, master]
    try:
        tty.setraw(0)
        while True:
            ready, _, _ = select.select(listened, [], [])
            if master in ready:
                try:
                    data = os.read(master, 1 << 16)
                except OSError:  # EIO: no process has it open any more
                    return
                if not data:
                    return
                _write(1, data)
            if 0 in ready:
                if not (data := os.read(0, 1 << 16)):
                    listened.remove(0)
                _write(master, data)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
