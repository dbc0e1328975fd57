"""The bundle of certificate authorities, as Debian's update-ca-certificates writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from sysimage.characters import is_line, one_line
from sysimage.errors import IntegrityError

BUNDLE = "ssl/certs/ca-certificates.crt"
"""Where in /etc everything looks for it."""
_CERTIFICATES = "share/ca-certificates"
LOCAL_CERTIFICATES = "/usr/local/share/ca-certificates/"
"""Where an administrator puts authorities of their own."""


def certificate_files(locations: Iterable[Path], local: Mapping[str, bytes]) -> dict[str, bytes]:
    """Path in /etc → content: the bundle and the list it was made of; nothing if there are no certificates.

    ``local`` are those of the administrator, by image path: they come last, and stand in no list.
    """
    found: dict[str, Path] = {}
    for location in locations:
        top = location / _CERTIFICATES
        for file in top.rglob("*.crt"):
            name = file.relative_to(top).as_posix()
            if not is_line(name):
                raise IntegrityError(f"cannot list the certificate {name!r}: its name is not one line of text")
            found[name] = file
    if not found and not local:
        return {}
    # Every certificate on lines of its own, in the byte order of their names.
    names = sorted(found, key=lambda name: name.encode())
    texts = [found[name].read_bytes() for name in names]
    texts += [local[path] for path in sorted(local, key=lambda path: path.encode())]
    bundle = b"".join(map(_terminated, texts))
    return {BUNDLE: bundle, "ca-certificates.conf": b"".join(one_line(name) for name in names)}


def _terminated(text: bytes) -> bytes:
    return text if text.endswith(b"\n") else text + b"\n"
