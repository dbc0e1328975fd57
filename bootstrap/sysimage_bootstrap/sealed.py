"""Small JSON files of a cache that are written whole and believed only when whole.

<SHA-256 of the rest, 64 hexadecimal digits>
<one line of JSON>
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from sysimage.notices import notice
from sysimage.temporary import write_whole


def write_sealed(file: Path, value: Any, *, durable: bool) -> None:
    """Put ``value`` in place at once, however many do so at a time.

    What need not be ``durable`` may be lost when the machine's power is; its seal tells that it was.
    """
    body = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii")
    write_whole(file, hashlib.sha256(body).hexdigest().encode() + b"\n" + body, durable=durable)


def read_sealed(file: Path) -> Any | None:
    """What ``file`` says; None if it is not there, cut short, edited, or no file."""
    try:
        checksum, newline, body = file.read_bytes().partition(b"\n")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    if not newline or hashlib.sha256(body).hexdigest().encode() != checksum:
        notice(f"{file} was damaged: what it stands for is made again")
        return None
    return json.loads(body)
