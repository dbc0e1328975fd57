"""The tree that is measured: Debian packages, each unpacked as a store item, or the subdirectories of any directory."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from sysimage.digest import Digest, fold, nix_base32
from sysimage.errors import MachineError
from sysimage.layers import LayerSource
from sysimage.process import run
from sysimage.store import StoreItem, StorePath
from sysimage.store.nar import nar_hash_and_size

ROOTS = [
    "gcc",
    "git",
    "python3-numpy",
    "nginx",
    "postgresql",
    "vim",
    "ruby",
    "php-cli",
    "golang-go",
    "libboost-dev",
    "linux-headers-amd64",
    "python3-django",
    "python3-sympy",
    "texlive-latex-base",
    "r-base-core",
    "emacs-nox",
    "octave",
    "nodejs",
    "llvm",
    "openjdk-17-jdk-headless",
    "linux-image-amd64",
    "libboost-all-dev",
    "ghc",
]
"""Their dependencies, in this order, until there are enough bytes: small and large files, few and many of them."""

LAYERS = 100
_DEPENDS = "apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces"


def prepare(directory: Path, wanted_bytes: int) -> None:
    """Download and unpack packages into ``directory`` until it holds ``wanted_bytes``; what is there is kept."""
    directory.mkdir(parents=True, exist_ok=True)
    ready = directory / f"ready-{wanted_bytes}"
    if ready.exists():
        return
    total = 0
    for package in _packages():
        place = directory / "items" / package
        if not place.is_dir() and not _unpack(package, place, directory):
            continue
        total += sum(path.lstat().st_size for path in place.rglob("*") if path.is_file() and not path.is_symlink())
        if total >= wanted_bytes:
            break
    else:
        raise MachineError(f"cannot make a tree of {wanted_bytes} bytes: the packages have {total} in all")
    ready.touch()


def _packages() -> Iterator[str]:
    seen = set()
    for root in ROOTS:
        listing = run([*_DEPENDS.split(), "--no-enhances", root], accept=range(256)).stdout.decode()
        for line in listing.splitlines():
            if line and not line.startswith((" ", "<", "|")) and line not in seen:
                seen.add(line)
                yield line


def _unpack(package: str, place: Path, directory: Path) -> bool:
    """Whether there was such a package; virtual ones are not."""
    download = directory / "download"
    shutil.rmtree(download, ignore_errors=True)
    download.mkdir()
    done = run(["apt-get", "download", "-o", "APT::Sandbox::User=root", package], cwd=download, accept=range(256))
    if done.status:
        return False
    (deb,) = download.glob("*.deb")
    unpacked = directory / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    run(["dpkg-deb", "-x", deb, unpacked])
    place.parent.mkdir(exist_ok=True)
    unpacked.rename(place)
    shutil.rmtree(download)
    return True


def items_of(directory: Path, small_only: bool = False) -> list[StoreItem]:
    """A store item for each directory below ``directory/items`` (or ``directory``), hashed once and remembered."""
    top = directory / "items" if (directory / "items").is_dir() else directory
    remembered = directory / "hashes.json"
    known: dict[str, tuple[str, int]] = json.loads(remembered.read_text()) if remembered.exists() else {}
    items = []
    for place in sorted(path for path in top.iterdir() if path.is_dir() and any(path.iterdir())):
        if place.name not in known:
            digest, size = nar_hash_and_size(place)
            known[place.name] = (digest.hex, size)
        hexadecimal, size = known[place.name]
        hash_part = nix_base32(fold(hashlib.sha256(place.name.encode()).digest(), 20))
        name = "".join(letter if letter.isalnum() else "-" for letter in place.name)
        path = StorePath("/gnu/store", hash_part, name)
        items.append(StoreItem(path, Digest(str(hexadecimal)), int(size), location=place))
    remembered.write_text(json.dumps(known))
    return [item for item in items if _is_small(item)] if small_only else items


def entries_of(items: Sequence[StoreItem]) -> int:
    """Files, directories and links of all items."""
    return sum(1 + sum(1 for _ in (item.location or Path()).rglob("*")) for item in items)


def _is_small(item: StoreItem) -> bool:
    sizes = [p.lstat().st_size for p in (item.location or Path()).rglob("*") if p.is_file() and not p.is_symlink()]
    return len(sizes) > 200 and sum(sizes) / len(sizes) < 12_000


def layers_of(items: Sequence[StoreItem], count: int = LAYERS) -> list[LayerSource]:
    """The plan of the note the targets come from: the biggest alone, all others in the last layer."""
    by_size = sorted(items, key=lambda item: (-item.nar_size, str(item.path)))
    alone, rest = by_size[: count - 1], by_size[count - 1 :]
    sources = [LayerSource(item.path.name, (item,)) for item in alone]
    return [*sources, LayerSource("the rest", tuple(rest))] if rest else sources
