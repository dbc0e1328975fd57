"""Builds the small system in a process of its own and says what came out: for tests that change what is around it.

    python -m tests.support.rebuild WORKSPACE [--umask 077] [--uid 65534] [--workers 2] [--reverse] [--worn]

Before the user changes one image is built for nothing: whatever a build imports or asks the interpreter's packages for
is there then, and the other user needs no access to where they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
from pathlib import Path

from tests.support.images import BuiltImage, build_image
from tests.support.store_builder import StoreBuilder, small_system


def wear(store: Path) -> None:
    """What a real store does to its files without changing their NARs: modes, times, hard links between equal ones."""
    first: dict[bytes, Path] = {}
    for path in sorted(store.rglob("*"), reverse=True):
        if path.is_symlink():
            continue
        path.chmod(0o700 if path.is_dir() or path.stat().st_mode & 0o100 else 0o640)
        if path.is_file():
            same = first.setdefault(path.read_bytes() + bytes([path.stat().st_mode >> 6 & 1]), path)
            if same is not path:
                path.unlink()
                path.hardlink_to(same)
        os.utime(path, (1_700_000_000, 1_600_000_000))


def described(built: BuiltImage, archive: Path) -> dict[str, object]:
    return {
        "manifest": str(built.image.manifest.descriptor.digest),
        "config": str(built.image.config.descriptor.digest),
        "layers": [[str(layer.descriptor.digest), str(layer.diff_id)] for layer in built.image.layers],
        "archive": hashlib.sha256(archive.read_bytes()).hexdigest(),
    }


def build(workspace: Path, options: argparse.Namespace) -> BuiltImage:
    store = StoreBuilder(workspace / "store", reverse=options.reverse)
    closure = small_system(store)
    if options.other_content:
        store.add("other", "another item\n")
        closure = store.closure("system", "other")
    if options.worn:
        wear(store.location)
    return build_image(workspace, closure=closure, workers=options.workers, compression=options.compression)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--umask", type=lambda text: int(text, 8), default=0o022)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--compression", default="gzip")
    parser.add_argument("--reverse", action="store_true")
    parser.add_argument("--worn", action="store_true")
    parser.add_argument("--other-content", action="store_true")
    options = parser.parse_args()
    if options.uid is not None:
        with tempfile.TemporaryDirectory() as nowhere:
            build(Path(nowhere), options)
        os.setgroups([])
        os.setgid(options.uid)
        os.setuid(options.uid)
    os.umask(options.umask)
    built = build(options.workspace, options)
    print(json.dumps(described(built, built.archive(options.workspace / "image.tar"))))


if __name__ == "__main__":
    main()
