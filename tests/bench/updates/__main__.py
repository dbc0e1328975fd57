"""Measures which bytes move when one package of an image gets a new version, or one file of an application changes.

    python -m tests.bench.updates [--spec examples/web.json] [--compression zstd] [--cache-dir DIR]
                                  [--update PACKAGE …] [--file PATH]

The image is built from a lock. Then, one after the other, each package is packed again with a higher version and
nothing else changed, the lock names that one, and the image is built with the first as `--previous`; what a client of
the first does not have is what moves. A package that others refer to moves them too: their items name its path.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysimage.digest import Digest
from sysimage_bootstrap.archive.cache import FileCache
from tests.support.examples import ROOT, default_cache

Document = dict[str, Any]


@dataclass(frozen=True)
class Built:
    """An image as its documents describe it."""

    layers: dict[str, tuple[int, frozenset[str]]]
    """Digest → bytes of the blob, and the names of its items."""
    documents: dict[str, int]
    """Manifest and config → bytes."""
    record: int
    """Bytes of the manifest that are our own record."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.updates", description=__doc__.splitlines()[0])
    parser.add_argument("--spec", type=Path, default=ROOT / "examples/web.json")
    parser.add_argument("--compression", default="zstd")
    parser.add_argument("--cache-dir", type=Path, default=default_cache())
    parser.add_argument("--update", nargs="*", default=["libc6", "libssl3t64", "nginx", "tzdata"], metavar="PACKAGE")
    parser.add_argument("--file", default="web/visits.py", help="beside the spec")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sysimage-updates-") as top:
        bench = Bench(Path(top), args.spec, args.compression, args.cache_dir)
        bench.run(args.update, args.file)


class Bench:
    """Builds one spec again and again."""

    def __init__(self, top: Path, spec: Path, compression: str, cache_dir: Path) -> None:
        self._top, self._compression, self._cache = top, compression, cache_dir
        self._spec = top / spec.name
        shutil.copy(spec, self._spec)
        if (folder := spec.with_suffix("")).is_dir():
            shutil.copytree(folder, top / folder.name)
        self._lock = self._spec.with_suffix(".lock.json")

    def run(self, packages: list[str], file: str) -> None:
        """Print one line for each update."""
        self._sysimage("lock", self._spec)
        first = self._build("first")
        print(
            f"{self._spec.name}: {len(first.layers)} layers, {_sum(first.layers.values())} bytes, {self._compression}"
        )
        print(f"manifest {first.documents['manifest']} (our record {first.record}), config {first.documents['config']}")
        print(f"\n{'update of':<14}{'all':>12}{'itself':>12}{'rebuilt':>12}{'system':>10}{'documents':>11}")
        for package in packages:
            with self._updated(package) as name:
                self._report(package, first, self._build(package), name)
        with _changed(self._top / file):
            self._report(file, first, self._build("file"), None)

    def _report(self, what: str, before: Built, after: Built, package: str | None) -> None:
        moved = [layer for digest, layer in after.layers.items() if digest not in before.layers]
        parts = dict.fromkeys(("itself", "rebuilt", "system"), 0)
        for size, names in moved:
            parts[_part(names, package)] += size
        documents = sum(after.documents.values())
        print(
            f"{what:<14}{_sum(moved) + documents:>12}"
            + "".join(f"{parts[part]:>{width}}" for part, width in zip(parts, (12, 12, 10), strict=True))
            + f"{documents:>11}",
            flush=True,
        )

    def _build(self, name: str) -> Built:
        archive = self._top / f"{name}.tar"
        previous: list[str | Path] = [] if name == "first" else ["--previous", self._top / "first.tar"]
        self._sysimage(
            "build", "--record", "--locked", "--compression", self._compression, *previous, "-o", archive, self._spec
        )
        found = json.loads(self._sysimage("inspect", "--json", archive))
        record = json.loads((self._top / f"{name}.plan.json").read_text())
        names = [frozenset(record["items"][at][0][33:] for at in layer["items"]) for layer in record["layers"]]
        if not record["layers"][-1].get("customized"):
            names.append(frozenset())
        layers = {layer["digest"]: (layer["size"], held) for layer, held in zip(found["layers"], names, strict=True)}
        manifest, config = _documents(archive)
        said = json.dumps(json.loads(manifest)["annotations"]["io.sysimage.plan"], ensure_ascii=False)
        return Built(layers, {"manifest": len(manifest), "config": len(config)}, len(said))

    def _updated(self, package: str) -> _Update:
        return _Update(package, self._lock, FileCache(self._cache / "archive"), self._top)

    def _sysimage(self, *words: str | Path) -> str:
        verb, *rest = map(str, words)
        cache = ["--cache-dir", str(self._cache)] if verb in ("build", "lock") else []
        command = [sys.executable, "-m", "sysimage", verb, *(["-q", *cache] if cache else []), *rest]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return done.stdout


class _Update:
    """While it is open, the lock names a package of a higher version."""

    def __init__(self, name: str, lock: Path, cache: FileCache, top: Path) -> None:
        self._name, self._lock, self._cache, self._top = name, lock, cache, top
        self._before = lock.read_bytes()

    def __enter__(self) -> str:
        lock: Document = json.loads(self._before)
        (entry,) = (package for package in lock["packages"] if package["name"] == self._name)
        with tempfile.TemporaryDirectory(dir=self._top) as scratch:
            deb = self._packed_again(entry, Path(scratch))
            digest = Digest.of(deb.read_bytes())
            place = self._cache.path(digest)
            place.parent.mkdir(parents=True, exist_ok=True)
            entry |= {"version": entry["version"] + "+new", "sha256": digest.hex, "size": deb.stat().st_size}
            shutil.move(deb, place)
        self._lock.write_text(json.dumps(lock))
        return str(entry["name"])

    def __exit__(self, *failure: object) -> None:
        self._lock.write_bytes(self._before)

    def _packed_again(self, entry: Document, scratch: Path) -> Path:
        old = self._cache.path(Digest(entry["sha256"]))
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
        subprocess.run(["dpkg-deb", "-R", old, scratch / "tree"], check=True)
        control = scratch / "tree/DEBIAN/control"
        said = f"Version: {entry['version']}\n"
        control.write_text(control.read_text().replace(said, f"Version: {entry['version']}+new\n"))
        command: list[str | Path] = [
            "dpkg-deb",
            "--root-owner-group",
            "-Znone",
            "-b",
            scratch / "tree",
            scratch / "new.deb",
        ]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        return scratch / "new.deb"


class _changed:  # noqa: N801 (reads as a phrase where it is used)
    """While it is open, a file has one more line."""

    def __init__(self, file: Path) -> None:
        self._file, self._before = file, file.read_bytes()

    def __enter__(self) -> None:
        self._file.write_bytes(self._before + b"# another\n")

    def __exit__(self, *failure: object) -> None:
        self._file.write_bytes(self._before)


def _part(names: frozenset[str], package: str | None) -> str:
    """Why a layer moved: it holds the package, or what was rebuilt for it, or what the system is made of besides."""
    if package is not None and any(name.startswith(f"{package}-") and name.endswith("+new") for name in names):
        return "itself"
    return "system" if names <= _OWN else "rebuilt"


_OWN = {"system", "profile", "etc", "boot-program"}
"""The items that are the system itself; they and the customization move with every update."""


def _documents(archive: Path) -> tuple[bytes, bytes]:
    """Manifest and config of an archive."""
    import tarfile

    with tarfile.open(archive) as image:

        def read(name: str) -> bytes:
            return image.extractfile(name).read()  # type: ignore[union-attr]

        (entry,) = json.loads(read("index.json"))["manifests"]
        manifest = read("blobs/" + entry["digest"].replace(":", "/"))
        return manifest, read("blobs/" + json.loads(manifest)["config"]["digest"].replace(":", "/"))


def _sum(layers: Any) -> int:
    return sum(size for size, _ in layers)


if __name__ == "__main__":
    main()
