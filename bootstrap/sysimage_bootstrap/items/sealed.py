"""Small JSON files of a cache that are written whole and believed only when whole.

<SHA-256 of the rest, 64 hexadecimal digits>
<one line of JSON>
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any


def write_sealed(file: Path, value: Any, *, durable: bool) -> None:
    """Put ``value`` in place at once, however many do so at a time.

    What need not be ``durable`` may be lost when the machine's power is; its seal tells that it was.
    """
    body = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii")
    draft = file.with_name(f".{file.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with open(draft, "wb") as out:
            out.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            out.flush()
            if durable:
                os.fsync(out.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read_sealed(file: Path) -> Any | None:
    """What ``file`` says; None if it is not there, cut short, edited, or no file."""
    try:
        checksum, newline, body = file.read_bytes().partition(b"\n")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    if not newline or hashlib.sha256(body).hexdigest().encode() != checksum:
        return None
    return json.loads(body)
