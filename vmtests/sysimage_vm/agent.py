#!/usr/bin/python3
"""The agent in the guest: does what the harness asks over a virtio-serial port, before and without any network.

This one file runs in the guest, with nothing but Python's standard library; the harness imports it for the protocol's
constants. A frame is a header (magic, kind, request number, length; big-endian) and a payload. Several requests may be
under way; while any is, the agent sends a heartbeat each second, so that a slow guest differs from a dead one. Either
side finds its footing again after a cut by looking for the magic. No request has a time limit here: how long is too
long is for the harness to judge, which sees what the guest gets of its host, and sends a KILL.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import hashlib
import json
import os
import queue
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path
from typing import IO, Any

PORT_NAME = "org.sysimage.agent.0"
SOURCE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
"""Which agent this is: harness and guest must have the very same file."""
MAGIC = b"\xf5SIv"
HEADER = struct.Struct(">4sBII")
CHUNK = 64 * 1024
"""Largest payload, bytes. A longer one is not a frame of this protocol."""
BEAT_SECONDS = 1.0

HELLO, WELCOME, START, INPUT, END_INPUT, OUTPUT, ERROR, DONE, BEAT, KILL = range(1, 11)


def frame(kind: int, request: int, payload: bytes = b"") -> bytes:
    return HEADER.pack(MAGIC, kind, request, len(payload)) + payload


class Unframer:
    """Cuts a byte stream into frames, skipping whatever is not one."""

    def __init__(self) -> None:
        self._buffer = b""
        self.skipped = 0
        """Bytes that belonged to no frame."""

    def feed(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """The frames (kind, request, payload) that ``data`` completes."""
        self._buffer += data
        frames: list[tuple[int, int, bytes]] = []
        while True:
            start = self._buffer.find(MAGIC)
            keep = len(MAGIC) - 1
            skip = start if start >= 0 else max(0, len(self._buffer) - keep)
            self.skipped += skip
            self._buffer = self._buffer[skip:]
            if start < 0 or len(self._buffer) < HEADER.size:
                return frames
            _, kind, request, length = HEADER.unpack_from(self._buffer)
            if not HELLO <= kind <= KILL or length > CHUNK:
                self.skipped += 1
                self._buffer = self._buffer[1:]
                continue
            if len(self._buffer) < HEADER.size + length:
                return frames
            frames.append((kind, request, self._buffer[HEADER.size : HEADER.size + length]))
            self._buffer = self._buffer[HEADER.size + length :]

    def reset(self) -> None:
        self._buffer = b""


class Request:
    """One thing asked for, served by a thread of its own."""

    def __init__(self, agent: Agent, number: int, order: dict[str, Any]) -> None:
        self.agent, self.number, self.order = agent, number, order
        self.input: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.process: subprocess.Popen[bytes] | None = None
        self.connection: socket.socket | None = None
        self.killed = False

    def serve(self) -> None:
        try:
            operations = {
                "run": self.run,
                "put": self.put,
                "get": self.get,
                "converse": self.converse,
                "clock": self.clock,
            }
            result = operations[str(self.order["op"])]()
        except OSError as error:
            result = {"failure": error.strerror or str(error), "errno": error.errno, "file": str(error.filename or "")}
        except Exception as error:
            result = {"failure": f"{type(error).__name__}: {error}"}
        self.agent.finish(self, result)

    def send(self, kind: int, data: bytes) -> None:
        for start in range(0, len(data), CHUNK):
            self.agent.send(kind, self.number, data[start : start + CHUNK])

    def run(self) -> dict[str, Any]:
        order = self.order
        self.process = process = subprocess.Popen(
            [str(word) for word in order["argv"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **order.get("env", {})},
            cwd=order.get("cwd") or "/",
            start_new_session=True,
        )
        threading.Thread(target=self._feed, args=(process.stdin,), daemon=True).start()
        if self.killed:  # while it was started
            self.kill()
        self._pump(process)
        self.input.put(None)
        return {"status": process.wait()}

    def _pump(self, process: subprocess.Popen[bytes]) -> None:
        """Pass on what the process writes, until it has ended: then its pipes hold all that it wrote."""
        assert process.stdout is not None
        assert process.stderr is not None
        pipes = {process.stdout.fileno(): (OUTPUT, process.stdout), process.stderr.fileno(): (ERROR, process.stderr)}
        poll = select.poll()
        for descriptor in pipes:
            poll.register(descriptor, select.POLLIN)
        ended = os.pidfd_open(process.pid)
        poll.register(ended, select.POLLIN)
        while ended not in (ready := {descriptor for descriptor, _ in poll.poll()}):
            for descriptor in ready:
                if data := os.read(descriptor, CHUNK):
                    self.send(pipes[descriptor][0], data)
                else:
                    poll.unregister(descriptor)
        os.close(ended)
        for descriptor, (kind, pipe) in pipes.items():
            left = _held(descriptor)
            while left > 0:
                data = os.read(descriptor, min(left, CHUNK))
                self.send(kind, data)
                left -= len(data)
            # A daemon that it left behind may keep a pipe, and must not be ended by writing to it.
            threading.Thread(target=_read_away, args=(pipe,), daemon=True).start()

    def _feed(self, pipe: IO[bytes]) -> None:
        try:
            while (data := self.input.get()) is not None:
                pipe.write(data)
                pipe.flush()
            pipe.close()
        except OSError:
            pass  # it does not want to read any more; its exit status says whether that is right

    def put(self) -> dict[str, Any]:
        path = Path(str(self.order["path"]))
        partial = path.with_name(f".{path.name}.partial")
        with open(partial, "wb") as file:
            while (data := self.input.get()) is not None:
                file.write(data)
        if self.killed:  # its end was not the content's
            partial.unlink()
            return {"status": 1}
        partial.chmod(int(self.order["mode"]))
        partial.rename(path)
        return {"status": 0}

    def get(self) -> dict[str, Any]:
        with open(str(self.order["path"]), "rb") as file:
            while data := file.read(CHUNK):
                self.send(OUTPUT, data)
        return {"status": 0}

    def converse(self) -> dict[str, Any]:
        """Say something to a Unix socket and pass on what it answers until it closes."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            self.connection = connection
            connection.connect(str(self.order["path"]))
            while (data := self.input.get()) is not None:
                connection.sendall(data)
            while data := connection.recv(CHUNK):
                self.send(OUTPUT, data)
        return {"status": 0}

    def clock(self) -> dict[str, Any]:
        time.clock_settime(time.CLOCK_REALTIME, float(self.order["now"]))
        return {"status": 0}

    def kill(self) -> None:
        self.killed = True
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        self.input.put(None)


def _held(pipe: int) -> int:
    """Bytes that a pipe holds."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def _read_away(pipe: IO[bytes]) -> None:
    with pipe:
        while pipe.read(CHUNK):
            pass


class Agent:
    """Reads frames from the port for ever."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._writing = threading.Lock()
        self._requests: dict[int, Request] = {}
        self._memory = os.urandom(16).hex()

    def send(self, kind: int, request: int, payload: bytes) -> None:
        data = memoryview(frame(kind, request, payload))
        with self._writing:
            while data:
                data = data[os.write(self._descriptor, data) :]

    def finish(self, request: Request, result: dict[str, Any]) -> None:
        self._requests.pop(request.number, None)
        self.send(DONE, request.number, json.dumps(result).encode())

    def beat(self) -> None:
        while True:
            time.sleep(BEAT_SECONDS)
            if self._requests:
                self.send(BEAT, 0, b"")

    def serve(self) -> None:
        threading.Thread(target=self.beat, daemon=True).start()
        unframer = Unframer()
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        while True:
            poll.poll()
            data = os.read(self._descriptor, CHUNK)
            if not data:  # the other end is closed: a port reads as empty until it is open
                unframer.reset()
                time.sleep(0.1)
                continue
            for kind, number, payload in unframer.feed(data):
                self.take(kind, number, payload)

    def take(self, kind: int, number: int, payload: bytes) -> None:
        request = self._requests.get(number)
        if kind == HELLO:
            hello = json.loads(payload)
            for old in list(self._requests.values()):
                old.kill()
            answer = {"source": SOURCE, "nonce": hello["nonce"], "memory": self._memory}
            self.send(WELCOME, 0, json.dumps(answer).encode())
        elif kind == START:
            request = self._requests[number] = Request(self, number, json.loads(payload))
            threading.Thread(target=request.serve, daemon=True).start()
        elif request is not None and kind == INPUT:
            request.input.put(payload)
        elif request is not None and kind == END_INPUT:
            request.input.put(None)
        elif request is not None and kind == KILL:
            request.kill()


def find_port(ports: Path = Path("/sys/class/virtio-ports"), devices: Path = Path("/dev")) -> Path:
    """The device of our port; the kernel's own listing is asked, since nothing else makes names for ports here."""
    while True:
        for port in sorted(ports.glob("*/name")):
            if port.read_text().strip() == PORT_NAME:
                return devices / port.parent.name
        time.sleep(0.1)


def main() -> None:
    os.environ.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    os.environ.setdefault("HOME", "/root")
    Agent(os.open(find_port(), os.O_RDWR)).serve()


if __name__ == "__main__":
    main()
