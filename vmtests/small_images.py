"""Images of a few programs, well and broken, made on the spot: what a diagnosis has to be right about."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

LOOP = ("/bin/busybox", "sh", "-c", "echo up; trap 'exit 0' TERM; while :; do sleep 1; done")


PROGRAMS = ("busybox", "cat", "env", "grep", "ps", "sh")
"""Busybox goes by these names; the others are links to the first."""


def _tar(members: list[tuple[str, bytes | str | None, int]]) -> bytes:
    """Directories (None), files, and hard links (the name of what they link to)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content, mode in members:
            info = tarfile.TarInfo(name)
            info.mode = mode
            if content is None:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.LNKTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def write_small_image(
    path: Path,
    busybox: Path,
    *,
    entry: tuple[str, ...] = LOOP,
    architecture: str = "amd64",
    damaged: bool = False,
    filler: int = 0,
    health_check: Any = None,
) -> Path:
    """Write an archive with one layer: busybox, and ``filler`` bytes that do not compress. ``damaged`` changes one byte
    of the layer after its digest was taken. ``health_check`` is one of an image config."""
    program = busybox.read_bytes()
    programs = [(f"bin/{name}", program if name == "busybox" else "bin/busybox", 0o755) for name in PROGRAMS]
    noise = hashlib.shake_256(b"filler").digest(filler)
    layer = _tar([("bin", None, 0o755), *programs, ("filler", noise, 0o644)])
    diff_id = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Entrypoint": list(entry),
            "Env": ["PATH=/bin"],
            **({"Healthcheck": health_check} if health_check else {}),
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
        "history": [{"created_by": "small image"}],
    }
    written = _json(config)
    manifest: list[Any] = [
        {"Config": _blob(written), "RepoTags": [f"{path.stem}:latest"], "Layers": [f"blobs/sha256/{diff_id}"]}
    ]
    if damaged:
        layer = layer[: len(layer) // 2] + bytes([layer[len(layer) // 2] ^ 1]) + layer[len(layer) // 2 + 1 :]
    path.write_bytes(
        _tar(
            [
                ("manifest.json", _json(manifest), 0o644),
                (_blob(written), written, 0o644),
                (f"blobs/sha256/{diff_id}", layer, 0o644),
            ]
        )
    )
    return path


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _blob(content: bytes) -> str:
    return f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"
