"""More Docker daemons in the same guest: with the containerd image store, or with user namespaces.

Each has its own socket and its own data beside the guest's first daemon, and no bridge: its containers have no network
but their own loopback.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sysimage_vm.channel import Task
from sysimage_vm.engine import Engine
from sysimage_vm.errors import EngineDiedError
from sysimage_vm.machine import Machine

REMAPPED_USER = "dockremap"
"""Its subordinate IDs are in the guest's /etc/subuid and /etc/subgid."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that runs until `close`."""

    engine: Engine
    task: Task

    def close(self) -> None:
        self.task.kill()


def use_containerd_store(machine: Machine) -> None:
    """Restart the guest's own daemon with the containerd image store."""
    machine.channel.run(["mkdir", "-p", "/etc/docker"])
    machine.channel.put("/etc/docker/daemon.json", json.dumps({"features": {"containerd-snapshotter": True}}).encode())
    for deed in ("stop", "start"):
        done = machine.channel.run(["herd", deed, "docker"])
        if done.status != 0:
            raise EngineDiedError(f"cannot {deed} Docker for its other image store", console=done.output)


def start_docker(
    machine: Machine, name: str, *, containerd_store: bool = False, user_namespaces: bool = False
) -> Daemon:
    """Start a daemon called ``name`` and wait until it is ready."""
    config = {"features": {"containerd-snapshotter": containerd_store}}
    machine.channel.put(f"/run/docker-{name}.json", json.dumps(config).encode())
    socket = f"/run/docker-{name}.sock"
    argv = [
        *("dockerd", "--config-file", f"/run/docker-{name}.json", "--host", f"unix://{socket}"),
        *("--data-root", f"/var/lib/docker-{name}", "--exec-root", f"/run/docker-{name}"),
        *("--pidfile", f"/run/docker-{name}.pid", "--containerd", "/run/containerd/containerd.sock"),
        *("--containerd-namespace", name, "--containerd-plugins-namespace", f"{name}-plugins"),
        *("--bridge", "none", "--iptables=false", "--ip6tables=false"),
        *(("--userns-remap", REMAPPED_USER) if user_namespaces else ()),
    ]
    order = {"op": "run", "argv": argv, "env": {}, "cwd": "/"}
    daemon = Daemon(Engine(machine, socket=socket), machine.channel.start(order))
    daemon.engine.wait_ready()
    return daemon
