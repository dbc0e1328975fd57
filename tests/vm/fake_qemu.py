"""Plays QEMU: takes its command line, speaks QMP, writes a console, and does what the first word of -append says."""

import json
import os
import re
import runpy
import signal
import socket
import sys
import threading
import time
from pathlib import Path

words = sys.argv[1:]
if words == ["--version"]:
    print("QEMU emulator version 0.0 (a play)")
    sys.exit(0)
chardevs = {m[1]: m[2] for word in words if (m := re.match(r"(?:socket|file),id=(\w+),(?:fd|path)=(.*)", word))}
console = Path(chardevs["console"])
qmp = socket.socket(fileno=int(chardevs["qmp"]))
part = words[words.index("-append") + 1]
reader = qmp.makefile("rb")


def say(message: object) -> None:
    qmp.sendall(json.dumps(message).encode() + b"\r\n")


def event(name: str, **data: object) -> None:
    say({"event": name, "data": data, "timestamp": {"seconds": 0, "microseconds": 0}})


def write(text: str) -> None:
    with console.open("a") as file:
        file.write(text)


if part == "refuses-to-start":
    print("qemu: cannot set up guest memory", file=sys.stderr)
    sys.exit(1)
say({"QMP": {"version": {}, "capabilities": []}})
state = "running"
while line := reader.readline():
    command = json.loads(line)
    name = command["execute"]
    answer: dict[str, object] = {"return": {}}
    if name == "query-status":
        answer = {"return": {"status": state, "running": state == "running"}}
    elif name not in ("qmp_capabilities", "quit", "blockdev-add", "device_add"):
        answer = {"error": {"class": "CommandNotFound", "desc": f"no {name} in this play"}}
    say({**answer, "id": command["id"]})
    if name == "quit":
        sys.exit(0)
    if name != "qmp_capabilities":
        continue
    if part == "works":
        while time.process_time() < 1.2:
            pass
        write("worked\r\n")
    elif part == "works-for-ever":
        while True:
            pass
    elif part.startswith("agent="):
        agent = runpy.run_path(part.removeprefix("agent="))["Agent"](int(chardevs["agent"]))
        threading.Thread(target=agent.serve, daemon=True).start()
    elif part == "boots":
        write("Linux version 6.12 (play)\r\n\x1b[0mnext line\r\n")
    elif part == "internal-error":
        print("KVM internal error. Suberror: 1", file=sys.stderr, flush=True)
        state = "internal-error"
        event("STOP")
    elif part == "panics":
        write("[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n")
        time.sleep(0.1)
        event("SHUTDOWN", guest=True, reason="guest-reset")
        sys.exit(0)
    elif part == "out-of-memory":
        write("[    9.0] Out of memory: Killed process 1 (init)\r\n")
    elif part == "dies":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif part == "powers-off":
        sys.exit(0)
    elif part == "chatters":
        for number in range(100):
            write(f"line {number}\r\n")
            time.sleep(0.02)
    elif part.startswith("pid-to="):
        Path(part.removeprefix("pid-to=")).write_text(str(os.getpid()))
