"""Files that begin with a digest over their own name and content, so that damage is seen when they are read.

    sealed 3 <SHA-256 of the file's name, a NUL and the rest, 64 hexadecimal digits>
    <the rest>

The name as well: a file in the place of another one is not taken for it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sysimage.files.atomic import atomic_write


class DamagedFileError(ValueError):
    """A file is not what was written there: cut short, changed, or another one."""


def write_checksummed(path: Path, data: bytes, *, durable: bool, private: bool = False) -> None:
    """Write a file at once, however many processes do so at a time; the parameters are those of `atomic_write`.

    A power failure may truncate a file that is not durable; its checksum shows that.
    """
    atomic_write(path, _seal(path.name, data) + data, durable=durable, private=private)


def read_checksummed(path: Path) -> bytes | None:
    """The content of a file; None if it is absent, a `DamagedFileError` if it is not what was written there."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        raise DamagedFileError(f"{path} is a directory") from None
    seal, newline, content = data.partition(b"\n")
    if seal + newline != _seal(path.name, content):
        raise DamagedFileError(f"{path} is damaged")
    return content


def _seal(name: str, content: bytes) -> bytes:
    state = hashlib.sha256(name.encode() + b"\0")
    state.update(content)
    return f"sealed 3 {state.hexdigest()}\n".encode()
