"""Files of known digest and size, fetched in parallel, resumed where an earlier attempt stopped."""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, Issue, MachineError, RegistryError, SpecError, SysimageError
from sysimage.progress import Progress, silent
from sysimage.workers import threads
from sysimage_bootstrap.archive.cache import FileCache
from sysimage_bootstrap.archive.sources import redacted
from sysimage_bootstrap.archive.transport import Answer, Transport, UnreachableError

PACKAGES, LISTS = "fetch packages", "fetch lists"
"""What progress calls it to fetch files of the one kind and of the other."""
_CHUNK = 1 << 18
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """A file to fetch."""

    what: str
    """How messages call it."""
    digest: Digest
    size: int
    """Bytes."""
    uris: tuple[str, ...]
    """Where it is; a later one is asked when an earlier one does not have it."""


def fetch_all(
    wanted: Iterable[FetchRequest],
    cache: FileCache,
    transport: Transport,
    progress: Progress = silent,
    *,
    stage: str = PACKAGES,
) -> dict[Digest, Path]:
    """Bring every file into the cache and return where each one is. ``stage`` is what progress calls that.

    All failures are reported together; the first kind found (an `IntegrityError` before a `RegistryError`) gives the
    class of the error.
    """
    files = {file.digest: file for file in sorted(wanted, key=lambda file: (file.digest, file.what))}
    found = {digest: cache.find(digest, file.size) for digest, file in files.items()}
    paths = {digest: path for digest, path in found.items() if path is not None}
    missing = [file for digest, file in files.items() if digest not in paths]
    if not missing:
        return paths
    if transport.options.offline:
        raise RegistryError(
            f"cannot fetch {missing[0].what}"
            + (f" and {len(missing) - 1} more files" if len(missing) > 1 else "")
            + ": not in the cache, and the network is off",
            hint="build once without --offline",
        )
    total = sum(file.size for file in missing)
    _require_room(cache.root, total, len(missing))
    meter = _Meter(progress, stage, total)
    errors: list[SysimageError] = []
    # The largest first, so that none of them is left to run alone at the end.
    missing.sort(key=lambda file: (-file.size, file.digest))
    with threads(transport.options.connections, "fetch") as pool:
        try:
            futures = [(file, pool.submit(_fetch, file, cache, transport, meter)) for file in missing]
            for file, future in futures:
                try:
                    paths[file.digest] = future.result()
                except SysimageError as error:
                    errors.append(error)
        except BaseException:
            meter.stopped.set()
            transport.abort()
            raise
    raise_together(errors, "files")
    return paths


def _require_room(place: Path, size: int, count: int) -> None:
    """A `MachineError` where files of ``size`` bytes do not fit, before the first of them is fetched."""
    existing = next(path for path in (place, *place.absolute().parents) if path.exists())
    left = shutil.disk_usage(existing).free
    if left < size:
        raise MachineError(
            f"cannot fetch {count} files into {place}: they need {size / 10**6:.0f} MB, its file system has "
            f"{left / 10**6:.0f} MB left",
            hint="`sysimage cache prune` makes room there; --cache-dir names another place",
        )


class _Meter:
    """Counts bytes over all threads, and stops them."""

    def __init__(self, progress: Progress, stage: str, total: int) -> None:
        self._progress, self._stage, self._total, self._done = progress, stage, total, 0
        self._lock = threading.Lock()
        self.stopped = threading.Event()
        progress(stage, 0, total, unit="bytes")

    def add(self, size: int, what: str) -> None:
        if self.stopped.is_set():
            raise RegistryError("cannot go on fetching: interrupted")
        with self._lock:
            self._done += size
            self._progress(self._stage, self._done, self._total, unit="bytes", at=what)


class _WrongContentError(IntegrityError):
    """The file was fetched to its end and is not the one that was promised."""


def _fetch(file: FetchRequest, cache: FileCache, transport: Transport, meter: _Meter) -> Path:
    try:
        return _fetch_into(cache, file, transport, meter)
    except OSError as error:
        raise MachineError(f"cannot keep {file.what} in {cache.root}: {error.strerror}") from None


def _fetch_into(cache: FileCache, file: FetchRequest, transport: Transport, meter: _Meter) -> Path:
    options = transport.options
    uris = list(file.uris)
    attempt = 1
    with cache.partial(file.digest, meter.stopped) as partial:
        # Another build may have fetched it while this one waited for the lock.
        if (path := cache.find(file.digest, file.size)) is not None:
            meter.add(file.size, file.what)
            return path
        while True:
            resumed = partial.seek(0, 2)
            try:
                with _counted(meter, file.what) as count:
                    _transfer(file, uris[0], partial, transport, count)
                return cache.keep(file.digest, partial)
            except _WrongContentError:
                partial.truncate(0)
                # What an earlier attempt left may have been the wrong part; a whole transfer is not tried again.
                if not resumed:
                    raise
            except UnreachableError:
                if attempt >= options.attempts:
                    raise
                if meter.stopped.wait(min(options.backoff * 2 ** (attempt - 1), 10.0)):
                    raise
                attempt += 1
            except RegistryError:
                if len(uris) == 1:
                    raise
                uris.pop(0)


class _Count:
    def __init__(self, meter: _Meter, what: str) -> None:
        self._meter, self._what, self.value = meter, what, 0

    def add(self, size: int) -> None:
        self.value += size
        self._meter.add(size, self._what)


@contextmanager
def _counted(meter: _Meter, what: str) -> Iterator[_Count]:
    """Take back what a failed transfer had counted: the next one counts what it finds in the partial file again."""
    count = _Count(meter, what)
    try:
        yield count
    except SysimageError:
        if not meter.stopped.is_set():
            meter.add(-count.value, what)
        raise


def _transfer(file: FetchRequest, uri: str, partial: BufferedRandom, transport: Transport, count: _Count) -> None:
    """Read what is missing; the file is complete and right when this returns."""
    start = partial.seek(0, 2)
    if start >= file.size:
        # Complete, or overlong: the digest below decides for the one, the other starts again.
        start = start if start == file.size else _restart(partial)
    hasher = _hash_of(partial)
    count.add(start)
    if start < file.size:
        headers = {"Range": f"bytes={start}-"} if start else {}
        with transport.open(uri, headers) as answer:
            if start and not _continues(answer, start):
                count.add(-start)
                start, hasher = _restart(partial), hashlib.sha256()
            if answer.status == 416:
                raise UnreachableError(f"cannot fetch {redacted(uri)}: the archive has only a part of it")
            _refuse_another_version(answer, file, uri)
            got = _read(answer, file, uri, partial, hasher, start, count, transport.options.timeout)
        if got < file.size:
            raise UnreachableError(f"cannot fetch {redacted(uri)}: it ends after {got} of {file.size} bytes")
    actual = Digest(hasher.hexdigest())
    if actual != file.digest:
        raise _WrongContentError(
            f"cannot use {file.what}: its digest is {actual}, where {file.digest} was promised",
            hint=f"it came from {redacted(uri)}; if the archive is just being updated, try again in a few minutes",
        )


def _refuse_another_version(answer: Answer, file: FetchRequest, uri: str) -> None:
    """A whole file that is shorter than what was signed will not become longer: it need not be tried again."""
    length = answer.headers.get("content-length", "")
    if answer.status == 200 and length.isdecimal() and int(length) < file.size:
        raise RegistryError(
            f"cannot fetch {redacted(uri)}: the archive has another version of it, of {length} bytes, than the one of "
            f"{file.size} bytes that it has signed",
            hint="it is being updated, or this mirror is out of date: try again later, or name another --archive",
        )


def _read(
    answer: Answer,
    file: FetchRequest,
    uri: str,
    partial: BufferedRandom,
    hasher: hashlib._Hash,
    start: int,
    count: _Count,
    timeout: float,
) -> int:
    got, begun = start, time.monotonic()
    while chunk := answer.body.read1(min(_CHUNK, file.size + 1 - got)):
        got += len(chunk)
        if got > file.size:
            partial.truncate(0)
            raise _WrongContentError(
                f"cannot use {file.what}: it is longer than the {file.size} bytes that were promised",
                hint=f"it came from {redacted(uri)}",
            )
        partial.write(chunk)
        hasher.update(chunk)
        count.add(len(chunk))
        # A peer that sends a byte now and then never times out; over a whole timeout it has to bring 1 KiB a second.
        elapsed = time.monotonic() - begun
        if elapsed > timeout and (got - start) / elapsed < 1024:
            raise UnreachableError(f"cannot fetch {redacted(uri)}: the archive is too slow")
    return got


def _restart(partial: BufferedRandom) -> int:
    partial.seek(0)
    partial.truncate(0)
    return 0


def _continues(answer: Answer, start: int) -> bool:
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    return answer.status == 206 and match is not None and int(match[1]) == start


def _hash_of(partial: BufferedRandom) -> hashlib._Hash:
    hasher = hashlib.sha256()
    partial.seek(0)
    while chunk := partial.read(_CHUNK):
        hasher.update(chunk)
    return hasher


def raise_together(errors: Sequence[SysimageError], things: str) -> None:
    """Raise what went wrong with several ``things`` as one error; nothing if nothing did.

    Its class is that of an `IntegrityError` among them, or else of the first.
    """
    if not errors:
        return
    first = next((error for error in errors if isinstance(error, IntegrityError)), errors[0])
    if len(errors) == 1:
        raise first
    kind = next(
        kind
        for kind in (IntegrityError, SpecError, RegistryError, MachineError, SysimageError)
        if isinstance(first, kind)
    )
    raise kind(
        f"cannot fetch {len(errors)} {things}", hint=first.hint, issues=[Issue("", error.message) for error in errors]
    )
