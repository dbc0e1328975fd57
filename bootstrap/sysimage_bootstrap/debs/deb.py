"""The container of a Debian package (deb(5)): an ar file of version, control and data, in this order, nothing more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, MachineError
from sysimage_bootstrap.debs.control_files import MAINTAINER_FILES
from sysimage_bootstrap.debs.decompress import DecompressionError, decompressed
from sysimage_bootstrap.debs.tar import TarError, TarReader, Type

CONTROL_LIMIT = 64 << 20
"""Bytes of the control archive, unpacked."""
CONTROL_FILE_LIMIT = 4 << 20
"""Bytes of one file in it that is read."""
DATA_LIMIT = 32 << 30
"""Bytes of the data archive, unpacked."""
MEMBER_LIMIT = 1_000_000

_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = re.compile(rb"([\x21-\x7e]{1,16}) *(\d+) *(\d+) *(\d+) *([0-7]+) *(\d+) *`\n")
_COMPRESSIONS = {b"": "", b".gz": "gz", b".xz": "xz", b".zst": "zst"}
_WANTED = ("control", "conffiles", *MAINTAINER_FILES)


@dataclass(frozen=True, slots=True)
class Deb:
    """An open package: its control information, and a reader of its data that can be used once."""

    control: str
    """The control file."""
    conffiles: tuple[str, ...]
    """Image paths of configuration files, as the package lists them."""
    maintainer_files: Mapping[str, str]
    """Those of `MAINTAINER_FILES` that the package has; bytes that are not UTF-8 are surrogate escapes."""
    data: TarReader


@contextmanager
def open_deb(
    path: Path, digest: Digest, label: str, *, data_limit: int = DATA_LIMIT, member_limit: int = MEMBER_LIMIT
) -> Iterator[Deb]:
    """Open the package with this SHA-256; every fault of it, also while its data is read, is an `IntegrityError`.

    ``label`` is what messages call it: the file's own name is often just its digest.
    """
    try:
        with open(path, "rb") as file:
            if Digest.of_file(file) != digest:
                raise TarError(f"it is not what the package list promised: its digest is not {digest}")
            file.seek(0)
            _version(file)
            control = _control(file)
            size, compression = _member(file, b"data.tar")
            end = file.tell() + size + size % 2
            file.seek(0, 2)
            if file.tell() not in (end, end - size % 2):
                raise TarError("its data archive is not the last thing in it")
            file.seek(end - size - size % 2)
            data = TarReader(decompressed(file, size, compression, data_limit), member_limit=member_limit)
            conffiles = [line.strip() for line in control.get("conffiles", "").splitlines()]
            # "remove-on-upgrade" before a path asks dpkg to delete it; the package does not hold it.
            maintainer_files = {name: control[name] for name in MAINTAINER_FILES if name in control}
            yield Deb(
                control["control"], tuple(line for line in conffiles if line.startswith("/")), maintainer_files, data
            )
    except (TarError, DecompressionError) as error:
        raise IntegrityError(
            f"cannot unpack {label}: {error}", hint="the file is damaged or was made to do harm; fetch it again"
        ) from None
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise MachineError(f"cannot unpack {label}: {error.strerror}{where}") from error


def _version(file: BinaryIO) -> None:
    if file.read(len(_AR_MAGIC)) != _AR_MAGIC:
        raise TarError("it is not an ar file")
    size, _ = _member(file, b"debian-binary")
    if size > 64 or not re.fullmatch(rb"2\.\d+\n.*", file.read(size + size % 2)[:size], re.DOTALL):
        raise TarError("it is not of format 2.0")


def _control(file: BinaryIO) -> dict[str, str]:
    size, compression = _member(file, b"control.tar")
    start = file.tell()
    found: dict[str, str] = {}
    reader = TarReader(decompressed(file, size, compression, CONTROL_LIMIT), member_limit=10_000)
    for member in reader:
        name = member.name.decode("utf-8", "surrogateescape")
        if name not in _WANTED:
            continue
        if member.type is not Type.FILE or member.size > CONTROL_FILE_LIMIT or name in found:
            raise TarError(f"its control archive holds {name} twice, too large, or not as a file")
        try:
            # Scripts may hold other bytes: these occur in texts and comments, which need not be understood.
            errors = "surrogateescape" if name in MAINTAINER_FILES else "strict"
            found[name] = b"".join(reader.content()).decode(errors=errors)
        except UnicodeDecodeError:
            raise TarError(f"its {name} is not UTF-8") from None
    if "control" not in found:
        raise TarError("it has no control file")
    file.seek(start + size + size % 2)
    return found


def _member(file: BinaryIO, stem: bytes) -> tuple[int, str]:
    """Read the header of the next ar member, which must be ``stem``; its size in bytes and compression."""
    header = _AR_HEADER.fullmatch(file.read(60))
    if header is None:
        raise TarError(f"where {stem.decode()} belongs there is no ar header")
    name = header[1].removesuffix(b"/")
    if not name.startswith(stem) or name.removeprefix(stem) not in _COMPRESSIONS:
        raise TarError(f"it holds {name.decode()} where {stem.decode()} belongs")
    return int(header[6]), _COMPRESSIONS[name.removeprefix(stem)]
