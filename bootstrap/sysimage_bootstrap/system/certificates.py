"""The bundle of certificate authorities, as Debian's update-ca-certificates writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from sysimage.characters import is_line, one_line
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.store.items import StoreItem
from sysimage_bootstrap.store import BuiltItem, ItemStore, Recipe

BUNDLE = "ssl/certs/ca-certificates.crt"
"""Where in /etc everything looks for it."""
CERTIFICATES = "share/ca-certificates"
"""Where an item has its certificates."""
LOCAL_CERTIFICATES = "/usr/local/share/ca-certificates/"
"""Where an administrator puts authorities of their own."""


def certificate_files(locations: Iterable[Path], local: Mapping[str, bytes]) -> dict[str, bytes]:
    """Path in /etc → content: the bundle and the list it was made of; nothing if there are no certificates.

    ``local`` are those of the administrator, by image path: they come last, and stand in no list.
    """
    found: dict[str, Path] = {}
    for location in locations:
        top = location / CERTIFICATES
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


def bundle_item(bundle: bytes, packages: Iterable[StoreItem], store: ItemStore) -> StoreItem:
    """The bundle as an item of its own, a file: it is large, and changes with the ``packages`` that bring certificates,
    not with every other package that has something in /etc."""
    newest = max(packages, key=lambda item: (item.changed, item.path), default=None)
    recipe = Recipe("ca-certificates.crt", "file", (), {"content": str(Digest.of(bundle))})

    def build(top: Path) -> BuiltItem:
        top.write_bytes(bundle)
        return BuiltItem() if newest is None else BuiltItem(newest.source, newest.changed)

    return store.realise(recipe, build)


def _terminated(text: bytes) -> bytes:
    return text if text.endswith(b"\n") else text + b"\n"
