"""Layers become files below the root directory of this process, which has changed its root for that.

Every bound and every check of the format is the reader's of `sysimage.verify`. Links of an image lead where they would
inside it, because there is nothing else below this root; and before anything of a layer is run, its blob's digest and
its diff ID are compared with the documents.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator

from sysimage.digest import Digest
from sysimage.errors import Issue
from sysimage.verify.chunk_stream import ChunkStream
from sysimage.verify.compression import decompressed, sniff
from sysimage.verify.image_source import ImageSource
from sysimage.verify.issue_collector import MalformedError, escaped
from sysimage.verify.limits import Limits
from sysimage.verify.manifest import LayerDocument
from sysimage.verify.tar import MemberKind, TarMember, read_members
from sysimage.verify.tree import is_of_aufs

_OF_THE_LAYER = {
    errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL,
}  # fmt: skip
"""Errors of the system that come of what a layer says, wherever it is unpacked."""
_WHITEOUT, _OPAQUE = b".wh.", b".wh..wh..opq"
_NODES = (MemberKind.CHARACTER_DEVICE, MemberKind.BLOCK_DEVICE, MemberKind.FIFO)


def unpack_layer(
    layer: LayerDocument, source: ImageSource, limits: Limits, count: Callable[[int], None], *, owners: bool
) -> list[Issue]:
    """Unpack a layer on top of the earlier ones; return its faults. ``count`` is called with the bytes of each blob
    chunk.

    Without ``owners`` this user owns everything, for a user namespace with one user. Raises OSError for faults of this
    machine.
    """
    blob, diff = hashlib.sha256(), hashlib.sha256()

    def counted(chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            blob.update(chunk)
            count(len(chunk))
            yield chunk

    def hashed(chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            diff.update(chunk)
            yield chunk

    try:
        raw = counted(source.chunks(layer.file))
        first = next(raw, b"")
        content = hashed(decompressed(_again(first, raw), sniff(first), limits))
        _Unpacking(ChunkStream(content), owners).all(limits)
        for _ in content:
            pass
        for _ in raw:
            pass
    except MalformedError as error:
        return [Issue(layer.where, str(error))]
    except OSError as error:
        if error.errno not in _OF_THE_LAYER:
            raise
        return [Issue(layer.where, f"{escaped(error.filename or b'a file')} cannot be made: {error.strerror}")]
    issues = []
    if (found := Digest(diff.hexdigest())) != layer.diff_id:
        issues.append(Issue(layer.where, f"its content has the diff ID {found}, the config {layer.diff_id}"))
    if layer.digest is not None and (found := Digest(blob.hexdigest())) != layer.digest:
        issues.append(Issue(layer.where, f"its blob has the digest {found}, the manifest {layer.digest}"))
    return issues


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


class _Unpacking:
    """The unpacking of one layer."""

    def __init__(self, stream: ChunkStream, owners: bool) -> None:
        self._stream = stream
        self._owners = owners
        self._placed: set[bytes] = set()
        self._times: list[tuple[bytes, float]] = []

    def all(self, limits: Limits) -> None:
        for member in read_members(self._stream, limits, end_required=False):
            path = b"/" + b"/".join(member.parts)
            name = member.parts[-1] if member.parts else b""
            if is_of_aufs(member.parts):
                if member.kind is MemberKind.FILE:
                    self._place(path, member)
            elif name == _OPAQUE:
                self._empty(os.path.dirname(path))
            elif name.startswith(_WHITEOUT):
                if (hidden := name[len(_WHITEOUT) :]) not in (b"", b".", b".."):
                    self._hide(os.path.join(os.path.dirname(path), hidden))
            else:
                self._place(path, member)
        for name in os.listdir(b"/"):
            if is_of_aufs((name,)):
                self._delete(b"/" + name)
        for path, time in reversed(self._times):
            os.utime(path, (time, time))

    def _place(self, path: bytes, member: TarMember) -> None:
        kind = member.kind
        if len(member.parts) > 1 and not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        if kind is MemberKind.DIRECTORY:
            self._make_directory(path)
        else:
            self._make_way(path)
        time = float(member.mtime)
        if kind is MemberKind.FILE:
            self._write(path, member, time)
        elif kind is MemberKind.SYMLINK:
            os.symlink(member.link, path)
        elif kind is MemberKind.HARD_LINK:
            os.link(b"/" + member.link.lstrip(b"/"), path, follow_symlinks=False)
        elif kind in _NODES and not self._make_node(path, member):
            return
        if kind is not MemberKind.FILE and kind is not MemberKind.HARD_LINK:
            if self._owners:
                os.chown(path, member.uid, member.gid, follow_symlinks=False)
            if kind is MemberKind.SYMLINK:
                os.utime(path, (time, time), follow_symlinks=False)
            else:
                os.chmod(path, member.mode)
        if kind is MemberKind.DIRECTORY:
            self._times.append((path, time))
        self._placed.add(path)

    def _make_directory(self, path: bytes) -> None:
        try:
            os.mkdir(path, 0o755)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                os.unlink(path)
                os.mkdir(path, 0o755)

    def _make_way(self, path: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._delete(path)

    def _write(self, path: bytes, member: TarMember, time: float) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            for piece in member.content(self._stream):
                view = memoryview(piece)
                while view:
                    view = view[os.write(descriptor, view) :]
            if self._owners and (member.uid or member.gid):
                os.fchown(descriptor, member.uid, member.gid)
            os.fchmod(descriptor, member.mode)
            if member.capabilities:  # last: a new owner takes them away
                with contextlib.suppress(OSError):  # a namespace whose root may give none runs without
                    os.setxattr(descriptor, "security.capability", member.capabilities)
            os.utime(descriptor, (time, time))
        finally:
            os.close(descriptor)

    def _make_node(self, path: bytes, member: TarMember) -> bool:
        """Pipes are made; devices are left out: their numbers are not kept by the reader, and /dev is mounted over."""
        if member.kind is not MemberKind.FIFO:
            return False
        os.mkfifo(path, member.mode & 0o777)
        return True

    def _empty(self, directory: bytes) -> None:
        """An opaque directory hides what lower layers put there."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for entry in os.scandir(directory):
                self._hide(entry.path)

    def _hide(self, path: bytes) -> None:
        """Remove what lower layers put at a path, and nothing of this layer, wherever in it the whiteout is."""
        try:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                if path not in self._placed:
                    os.unlink(path)
                return
        except (FileNotFoundError, NotADirectoryError):
            return
        self._empty(path)
        if path not in self._placed:
            with contextlib.suppress(OSError):  # something of this layer is in it
                os.rmdir(path)

    def _delete(self, path: bytes) -> None:
        if stat.S_ISDIR(os.lstat(path).st_mode):
            shutil.rmtree(path)
        else:
            os.unlink(path)
