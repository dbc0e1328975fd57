"""The certificate authorities in /etc/ssl/certs, as Debian's update-ca-certificates and what it calls write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from sysimage.characters import is_line, one_line
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.store.items import StoreItem
from sysimage_bootstrap.store import BuiltItem, ItemStore, Recipe
from sysimage_bootstrap.triggers.certificate_links import certificates_in, pem_name
from sysimage_bootstrap.triggers.java_keystore import java_keystore

BUNDLE = "ssl/certs/ca-certificates.crt"
"""Where in /etc everything looks for it."""
CERTIFICATES = "share/ca-certificates"
"""Where an item has its certificates."""
LOCAL_CERTIFICATES = "/usr/local/share/ca-certificates/"
"""Where an administrator puts authorities of their own."""


def authorities(packages: Iterable[Path], local: Mapping[str, bytes]) -> dict[str, bytes]:
    """The certificates by image path: those in the items of ``packages``, in the byte order of their names, and then
    those of the administrator."""
    found: dict[str, Path] = {}
    for location in packages:
        top = location / CERTIFICATES
        for file in top.rglob("*.crt"):
            name = file.relative_to(top).as_posix()
            if not is_line(name):
                raise IntegrityError(f"cannot list the certificate {name!r}: its name is not one line of text")
            found[name] = file
    names = sorted(found, key=lambda name: name.encode())
    texts = {f"/usr/{CERTIFICATES}/{name}": found[name].read_bytes() for name in names}
    return texts | {path: local[path] for path in sorted(local, key=lambda path: path.encode())}


def certificate_files(certificates: Mapping[str, bytes]) -> dict[str, bytes]:
    """Path in /etc → content: the bundle and the list it was made of, in which those of the administrator do not
    are; nothing without certificates."""
    if not certificates:
        return {}
    top = f"/usr/{CERTIFICATES}/"
    names = [path.removeprefix(top) for path in certificates if path.startswith(top)]
    bundle = b"".join(map(_terminated, certificates.values()))
    return {BUNDLE: bundle, "ca-certificates.conf": b"".join(one_line(name) for name in names)}


def keystore(certificates: Mapping[str, bytes]) -> bytes:
    """What Java programs trust."""
    found = {}
    for path, text in certificates.items():
        try:
            (found[pem_name(path)],) = certificates_in(text)
        except ValueError:  # not one, or not base64
            continue
    return java_keystore(found)


def bundle_item(name: str, bundle: bytes, packages: Iterable[StoreItem], store: ItemStore) -> StoreItem:
    """All certificates as an item of its own, a file: it is large, and changes with the ``packages`` that bring
    certificates, not with every other package that has something in /etc."""
    newest = max(packages, key=lambda item: (item.changed, item.path), default=None)
    recipe = Recipe(name, "file", (), {"content": str(Digest.of(bundle))})

    def build(top: Path) -> BuiltItem:
        top.write_bytes(bundle)
        return BuiltItem() if newest is None else BuiltItem(newest.source, newest.changed)

    return store.realise(recipe, build)


def _terminated(text: bytes) -> bytes:
    return text if text.endswith(b"\n") else text + b"\n"
