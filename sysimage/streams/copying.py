"""Bytes that go from file to file or into a pipe, where it can be without passing through this process."""

from __future__ import annotations

import errno
import os

from sysimage.errors import IntegrityError

_NOT_THIS_WAY = {errno.EXDEV, errno.EINVAL, errno.EBADF, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write to a file or a pipe, all of it."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def copy_all(source: int, target: int, size: int) -> None:
    """Append the ``size`` bytes of an open file to another file or a pipe, in the kernel where it can do that.

    A source that is shorter is an `IntegrityError`.
    """
    done = 0
    for copy in (_copy_file_range, _sendfile, _read_and_write):
        try:
            while done < size:
                count = copy(source, target, done, min(size - done, 1 << 30))
                if count == 0:
                    raise IntegrityError(f"cannot copy a blob: it ends after {done} of {size} bytes")
                done += count
        except OSError as error:
            if copy is _read_and_write or error.errno not in _NOT_THIS_WAY:
                raise
        else:
            return


def _copy_file_range(source: int, target: int, offset: int, count: int) -> int:
    return os.copy_file_range(source, target, count, offset_src=offset)


def _sendfile(source: int, target: int, offset: int, count: int) -> int:
    return os.sendfile(target, source, offset, count)


def _read_and_write(source: int, target: int, offset: int, count: int) -> int:
    data = os.pread(source, min(count, 1 << 20), offset)
    write_all(target, data)
    return len(data)
