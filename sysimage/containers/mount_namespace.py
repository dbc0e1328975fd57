"""Holds an image's files in a mount namespace for its containers. `namespaces` starts it as a program:
``python -m sysimage.containers.mount_namespace JSON``.

The files are in memory, in a mount namespace of this process and its containers: when the last of them is gone, however
it ended, so are the files, and nothing of the image ever was on a disk. The process ends with its standard input, and
the kernel kills it with its parent.

Says one JSON document a line on standard output: ``{"users": true}`` when its user namespace waits for its maps (and
then reads a line), ``{"done": bytes}`` while it unpacks, ``{"ready": true}``, or ``{"error": …}``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from sysimage.containers import kernel_calls
from sysimage.containers.image import open_image
from sysimage.containers.unpack import unpack_layer
from sysimage.verify.limits import DEFAULT_LIMITS

MOUNT_POINTS = ("/mnt", "/media", "/srv", "/opt", "/home")
"""Where the files are mounted: the first that this machine has. All other processes still see the original content."""
SHARE = 80
"""Per cent of the machine's memory that an image's files and what its containers write may take."""
_STEP = 8 << 20


def main(todo: dict[str, Any]) -> None:
    parent = todo["parent"]
    kernel_calls.die_with_parent(parent)
    os.umask(0)
    with open_image(Path(todo["image"]), tag=todo["tag"]) as image:  # while this machine's files are still visible
        place = _own_mounts(todo, parent)
        root = f"{place}/root"
        Path(root).mkdir(mode=0o755)
        for name, text in todo["files"].items():
            Path(place, name).write_text(text)
            Path(place, name).chmod(0o644)
        outside = os.open("/", os.O_PATH | os.O_CLOEXEC)
        os.chroot(root)
        os.chdir("/")
        done = told = 0

        def count(amount: int) -> None:
            nonlocal done, told
            done += amount
            if done - told >= _STEP:
                told = done
                say({"done": done})

        issues = []
        for layer in image.documents.layers:
            issues += unpack_layer(layer, image.source, DEFAULT_LIMITS, count, owners=todo["owners"])
        os.fchdir(outside)
        os.chroot(".")
    if issues:
        say({"issues": [[issue.where, issue.message] for issue in issues]})
        return
    say({"ready": place})
    sys.stdin.read()


def _own_mounts(todo: dict[str, Any], parent: int) -> str:
    """Leave the machine's mounts, and its users where we are not root, for our own; where our file system is."""
    if todo["own_users"]:
        kernel_calls.unshare(kernel_calls.NEW_USERS | kernel_calls.NEW_MOUNTS)
        say({"users": True})
        sys.stdin.readline()
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        kernel_calls.die_with_parent(parent)
    else:
        kernel_calls.unshare(kernel_calls.NEW_MOUNTS)
    kernel_calls.mount("none", "/", None, kernel_calls.MS_REC | kernel_calls.MS_PRIVATE)
    place = next(path for path in MOUNT_POINTS if Path(path).is_dir())
    kernel_calls.mount("tmpfs", place, "tmpfs", kernel_calls.MS_NODEV, f"mode=755,size={SHARE}%,nr_inodes=0")
    return place


def say(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except OSError as error:
        say({"error": error.strerror or str(error), "errno": error.errno, "where": os.fsdecode(error.filename or "")})
