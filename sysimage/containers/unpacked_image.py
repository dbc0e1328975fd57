"""An image's files in namespaces, held by a process of their own for as long as they are needed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sysimage.containers.image import RunnableImage, refused
from sysimage.containers.namespaces import ELSEWHERE, STAGE, UnpackedImage
from sysimage.containers.users import UserMap, is_privileged, user_map
from sysimage.errors import Issue, MachineError, SysimageError
from sysimage.process import spawn
from sysimage.progress import Progress, silent


@contextlib.contextmanager
def unpacked(image: RunnableImage, progress: Progress = silent) -> Iterator[UnpackedImage]:
    """Unpack ``image`` into memory that its containers alone see. Every layer is checked before anything of it runs.

    A layer that is not what the image says is an `IntegrityError`; what this machine does not allow a `MachineError`.
    """
    users = None if is_privileged() else user_map()
    hostname = secrets.token_hex(6)
    total = sum(layer.size for layer in image.documents.layers)
    with tempfile.TemporaryFile() as said:
        child = spawn(
            [
                sys.executable,
                "-P",
                "-m",
                "sysimage.containers.mount_namespace",
                json.dumps(_task(image, users, hostname)),
            ],
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        files = None
        try:
            answer = _answer(child, users, lambda done: progress(STAGE, min(done, total), total, unit="bytes"))
            if "ready" not in answer:
                said.seek(0)
                raise _failed(image, answer, said.read().decode("utf-8", "replace"))
            progress(STAGE, total, total, unit="bytes")
            files = UnpackedImage(image, child.pid, str(answer["ready"]), hostname, users)
            yield files
        finally:
            if files is not None:
                files.close()
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()


def _task(image: RunnableImage, users: UserMap | None, hostname: str) -> dict[str, Any]:
    """What the process that holds the files is to do."""
    return {
        "image": str(image.path.absolute()),
        "tag": image.tag,
        "own_users": users is not None,
        "owners": users is None or users.several,
        "parent": os.getpid(),
        "files": {
            "hostname": f"{hostname}\n",
            "hosts": f"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n127.0.1.1\t{hostname}\n",
            "resolv.conf": "nameserver 127.0.0.1\n",
        },
    }


def _answer(child: subprocess.Popen[bytes], users: UserMap | None, moved: Callable[[int], object]) -> Mapping[str, Any]:
    """What the holder says in the end. It gets its users meanwhile; ``moved`` gets the number of bytes it has read."""
    answer: dict[str, Any] = {}
    for line in child.stdout or ():
        answer = json.loads(line)
        if "users" in answer and users is not None and child.stdin is not None:
            users.write(child.pid)
            child.stdin.write(b"\n")
            child.stdin.flush()
        elif "done" in answer:
            moved(answer["done"])
        else:
            break
    return answer


def _failed(image: RunnableImage, answer: Mapping[str, Any], said: str) -> SysimageError:
    if "issues" in answer:
        return refused(image.name, tuple(Issue(where, message) for where, message in answer["issues"]))
    number, what = answer.get("errno"), answer.get("error") or said.strip().rpartition("\n")[2] or "its holder ended"
    if number == errno.ENOSPC and answer.get("where"):
        return MachineError(f"cannot unpack {image.name}: it does not fit into this machine's memory",
                            hint="--in docker, podman or vm unpacks to a disk")  # fmt: skip
    where = f" {answer['where']}" if answer.get("where") else ""
    return MachineError(f"cannot unpack {image.name} in namespaces:{where} {what}", hint=ELSEWHERE)
