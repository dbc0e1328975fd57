"""Gathers the maintainer scripts of packages into `corpus.json.zst`, which the tests read.

    python -m tests.bootstrap.scripts.gather SPEC.json … [package …]

What each spec or package needs is resolved as a build would resolve it; of every package only the beginning is fetched,
since the control archive is there.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pyzstd
import urllib3

from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.archive import Archive, ArchiveOptions, Package, default_sources
from sysimage_bootstrap.debs.control_files import MAINTAINER_FILES
from sysimage_bootstrap.packages.choose import package_request
from sysimage_bootstrap.packages.resolve import resolve

CORPUS = Path(__file__).parent / "corpus.json.zst"
_FIRST = 1 << 17


def gather(arguments: list[str], cache_dir: Path) -> dict[str, dict[str, object]]:
    """Package → its version, the packages it needs, and its control files."""
    archive = Archive(default_sources(Path("/etc/apt"), uri=None), cache_dir, ArchiveOptions(datetime.now(UTC)))
    index = archive.packages("amd64")
    packages: dict[str, Package] = {}
    needs: dict[str, tuple[str, ...]] = {}
    for argument in arguments:
        document = json.loads(Path(argument).read_text()) if argument.endswith(".json") else {"packages": [argument]}
        spec = SystemSpec.model_validate({"name": "x", "packages": document["packages"]})
        try:
            resolution = resolve(index, package_request(spec, Path(), cache_dir))
        except Exception as error:
            print(argument, error, file=sys.stderr)
            continue
        packages |= {package.name: package for package in resolution.packages}
        needs |= resolution.edges
    uris = {source.suite: source.uri for source in archive.sources}
    pool = urllib3.PoolManager(maxsize=16, retries=5)
    with ThreadPoolExecutor(16) as threads:
        read = threads.map(lambda one: _control(pool, uris[one.suite], one), packages.values())
        files = dict(zip(packages, read, strict=True))
    return {
        name: {"version": packages[name].version, "needs": sorted(needs[name]), "files": files[name]}
        for name in sorted(packages)
        if files[name]
    }


def _control(pool: urllib3.PoolManager, uri: str, package: Package) -> dict[str, str]:
    data = _first(pool, f"{uri}/{package.filename}", _FIRST)
    start = 8 + 60 + int(data[56:66])  # debian-binary is before it; its size is even
    name, size = data[start : start + 16].strip().rstrip(b"/").decode(), int(data[start + 48 : start + 58])
    if start + 60 + size > len(data):
        data = _first(pool, f"{uri}/{package.filename}", start + 60 + size)
    body = data[start + 60 : start + 60 + size]
    body = pyzstd.decompress(body) if name.endswith(".zst") else body
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        members = {member.name.removeprefix("./"): member for member in tar if member.isfile()}
        return {
            name: file.read().decode("utf-8", "surrogateescape")
            for name in MAINTAINER_FILES
            if name in members and (file := tar.extractfile(members[name])) is not None
        }


def _first(pool: urllib3.PoolManager, address: str, size: int) -> bytes:
    answer = pool.request("GET", address, headers={"Range": f"bytes=0-{size - 1}"})
    if answer.status not in (200, 206):
        raise ValueError(f"{address}: {answer.status}")
    return answer.data


@cache
def read_corpus() -> dict[str, dict[str, object]]:
    return dict(json.loads(pyzstd.decompress(CORPUS.read_bytes())))


if __name__ == "__main__":
    found = gather(sys.argv[2:], Path(sys.argv[1]))
    text = json.dumps(found, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    CORPUS.write_bytes(pyzstd.compress(text.encode(), 19))
    print(f"{len(found)} packages, {len(text)} bytes, {CORPUS.stat().st_size} compressed")
