"""An image in a registry as something to read: documents and blobs are fetched when they are asked for."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from sysimage.blobs import BlobDirectory, Descriptor
from sysimage.destinations.registry import ImageReference, Registries, RegistrySession, fetch_manifest
from sysimage.destinations.registry.download import download_blob
from sysimage.destinations.registry.manifest import media_type_of, not_there
from sysimage.destinations.registry.referrers import list_referrers
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.image import EncodedDocument, canonical_json
from sysimage.verify.issue_collector import MalformedError, escaped
from sysimage.verify.limits import Limits

_CONNECTIONS = 4
_PIECE = 1 << 20
_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


class RegistryImage:
    """An image in a registry, which is what its tag points to when it is opened first.

    Blobs are kept in ``keep``, where later readers find them, or are gone when it is closed. ``whole`` fetches all
    layers, several at a time, when the first is read.
    """

    def __init__(
        self, reference: ImageReference, registries: Registries, keep: Path | None = None, *, whole: bool = False
    ) -> None:
        self.reference = reference
        self._registries = registries
        self._keep = keep
        self._whole = whole
        self._root: EncodedDocument | None = None

    def __str__(self) -> str:
        return str(self.reference)

    def open(self, limits: Limits) -> RegistrySource:
        """Open it; a `SpecError` if the registry has no such image, or does not show it."""
        return RegistrySource(self, self._registries, self._keep, whole=self._whole)

    def root(self, session: RegistrySession) -> EncodedDocument:
        """What the name leads to: a manifest or an index."""
        if self._root is None:
            self._root = self._kept()
        if self._root is None:
            self._root = fetch_manifest(session, self.reference.version)
        if self._root is None:
            raise not_there(f"read {self}", "image")
        return self._root

    def _kept(self) -> EncodedDocument | None:
        """The document of a pinned image, where it was kept: no registry has to be asked for it."""
        digest = self.reference.digest
        if self._keep is None or digest is None:
            return None
        with contextlib.suppress(OSError, ValueError, IntegrityError):
            path = BlobDirectory(self._keep).path(digest)
            data = BlobDirectory(self._keep).read(Descriptor("", digest, path.stat().st_size))
            return EncodedDocument(Descriptor(media_type_of(json.loads(data), ""), digest, len(data)), data)
        return None

    def digest(self) -> Digest:
        """What the name leads to, asked for now."""
        with self._registries.session(self.reference.repository) as session:
            return self.root(session).descriptor.digest


class RegistrySource:
    """The image in the shape of an OCI layout. Several threads may read."""

    complete = False
    distant = True

    def __init__(self, image: RegistryImage, registries: Registries, keep: Path | None, *, whole: bool) -> None:
        self._image = image
        self._keep = keep
        self._whole = whole
        self._held = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._known: dict[Digest, tuple[Descriptor, bool]] = {}
        self._fetching: dict[Digest, Future[None]] = {}
        with contextlib.ExitStack() as held:
            self._session = held.enter_context(registries.session(image.reference.repository))
            place = keep or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="sysimage-")))
            self._blobs = BlobDirectory(place)
            self._pool = held.enter_context(ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="download"))
            root = image.root(self._session)
            self._keep_document(root)
            self._index = _index(root, image.reference)
            self._held = held.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._held.close()

    @property
    def root(self) -> EncodedDocument:
        """The document that the name leads to."""
        return self._image.root(self._session)

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        """What refers to a manifest or index of the repository, and is there; it can be read from now on."""
        found = []
        for one in list_referrers(self._session, subject):
            document = fetch_manifest(self._session, str(one.digest))
            if document is not None:
                self._keep_document(document)
                found.append(document.descriptor)
        return tuple(found)

    def names(self) -> tuple[str, ...]:
        return ("index.json", "oci-layout")

    def size(self, name: str) -> int | None:
        if name in ("index.json", "oci-layout"):
            return len(self._small(name))
        found = self._known.get(_digest(name) or Digest("0" * 64))
        return found[0].size if found is not None else None

    def chunks(self, name: str) -> Iterator[bytes]:
        if name in ("index.json", "oci-layout"):
            yield self._small(name)
            return
        yield from self._blobs.chunks(self._fetched(name), _PIECE)

    def read(self, name: str, most: int) -> bytes:
        size = self.size(name)
        if size is None:
            raise MalformedError(f"has no file {escaped(name)}")
        if size > most:
            raise MalformedError(f"has {size} bytes in {escaped(name)}; more than {most} are not read")
        return b"".join(self.chunks(name))

    def _small(self, name: str) -> bytes:
        return _LAYOUT if name == "oci-layout" else self._index

    def path(self, descriptor: Descriptor) -> Path:
        """The file of a blob that one of the documents names, fetched now if it is not here."""
        self._fetched(f"blobs/sha256/{descriptor.digest.hex}")
        return self._blobs.path(descriptor.digest)

    def _fetched(self, name: str) -> Descriptor:
        digest = _digest(name)
        if digest is None or digest not in self._known:
            raise OSError(f"{self._image} names no {escaped(name)}")
        descriptor, is_document = self._known[digest]
        if is_document:
            self._fetch_document(descriptor)
            return descriptor
        with self._lock:
            wanted = [digest]
            if self._whole:
                wanted += [one for one, (_, document) in self._known.items() if not document]
            for one in wanted:
                if one not in self._fetching:
                    self._fetching[one] = self._pool.submit(
                        download_blob, self._session, self._known[one][0], self._blobs
                    )
        self._fetching[digest].result()
        if self._keep is not None:
            with contextlib.suppress(OSError):
                os.utime(self._blobs.path(digest))  # used: `cache prune` removes the others
        return descriptor

    def _fetch_document(self, descriptor: Descriptor) -> None:
        if self._blobs.has(descriptor):
            self._learn(self._blobs.read(descriptor))
            return
        found = fetch_manifest(self._session, str(descriptor.digest), missing=())
        if found is None or found.descriptor.size != descriptor.size:
            raise IntegrityError(f"cannot read {self._image}: its index names a manifest of another length")
        self._keep_document(found)

    def _keep_document(self, document: EncodedDocument) -> None:
        self._blobs.put(document.data, document.descriptor.media_type)
        with self._lock:
            self._known[document.descriptor.digest] = (document.descriptor, True)
        self._learn(document.data)

    def _learn(self, data: bytes) -> None:
        """Remember what a manifest or index names; what is malformed is for the reader to complain about."""
        value = EncodedDocument(Descriptor("", Digest.of(data), len(data)), data).value
        with self._lock:
            for key, is_document in (("manifests", True), ("layers", False), ("config", False)):
                for one in _as_list(value, key):
                    with contextlib.suppress(ValueError):
                        descriptor = Descriptor.parse(one)
                        self._known.setdefault(descriptor.digest, (descriptor, is_document))


def _as_list(value: Mapping[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else [found]


def _digest(name: str) -> Digest | None:
    try:
        return Digest(name.removeprefix("blobs/sha256/"))
    except ValueError:
        return None


def _index(root: EncodedDocument, reference: ImageReference) -> bytes:
    """The index of a layout with this image alone."""
    entry = root.descriptor.as_json()
    if reference.tag is not None:
        name = f"{reference.repository}:{reference.tag}"
        entry["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": reference.tag}
    return canonical_json({"schemaVersion": 2, "manifests": [entry]})
