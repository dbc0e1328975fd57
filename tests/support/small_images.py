"""Small images that run: one layer of busybox, and on top what a test puts there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sysimage import process
from tests.support import raw_tar
from tests.support.raw_image import RawImage, write_archive

PROGRAMS = ("cat", "env", "false", "id", "kill", "ls", "mkdir", "readlink", "rm", "sh", "sleep", "touch", "true", "wc")
ACCOUNTS = b"root:x:0:0::/root:/bin/sh\nann:x:1000:100::/home/ann:/bin/sh\n"
GROUPS = b"root:x:0:\nusers:x:100:\nstaff:x:50:ann\n"


def busybox_layer() -> bytes:
    """Busybox under the names of `PROGRAMS`, two accounts, and nothing else."""
    program = process.find("busybox", package="busybox-static").read_bytes()
    links = (raw_tar.header(f"bin/{name}".encode(), b"1", mode=0o755, link=b"bin/busybox") for name in PROGRAMS)
    return raw_tar.archive(
        raw_tar.header(b"bin/", b"5", mode=0o755),
        raw_tar.file(b"bin/busybox", program, mode=0o755),
        *links,
        raw_tar.header(b"etc/", b"5", mode=0o755),
        raw_tar.file(b"etc/passwd", ACCOUNTS),
        raw_tar.file(b"etc/group", GROUPS),
        raw_tar.header(b"tmp/", b"5", mode=0o1777),
    )


def small_image(*layers: bytes, **config: Any) -> RawImage:
    """An image whose containers run what ``config`` says, such as ``Entrypoint=["/bin/sh"]``."""
    return RawImage(busybox_layer(), *layers, config={"config": {"Env": ["PATH=/bin"], **config}})


def write_small(path: Path, *layers: bytes, **config: Any) -> Path:
    return write_archive(small_image(*layers, **config).layout(), path)
