"""A distribution that is not Debian's: a system boots that comes from an archive of the tests' own alone, which its own
key signs in a Release.gpg.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from sysimage.digest import Digest
from sysimage_bootstrap.archive.cache import FileCache
from tests.bootstrap.archive.fake_archive import Keys
from tests.support.examples import build_spec, default_cache
from tests.support.namespaces import boot, unpack

pytestmark = pytest.mark.programs

SPEC = {
    "name": "box",
    "packages": [],
    "services": {"hello": {"command": ["/bin/sh", "-c", "echo hello from robin; exec sleep 100000"]}},
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The archive of the distribution, with what a small system needs, and its keys beside it."""
    top = tmp_path_factory.mktemp("robin")
    keys = Keys(top / "gnupg")
    keys.make("robin")
    keys.keyring(top / "robin.asc", "robin", armour=True)
    suite = top / "archive/dists/robin"
    listed = {"main/binary-amd64/Packages.gz": gzip.compress("\n".join(_stanzas(top / "archive")).encode(), mtime=0)}
    lines = [
        "Origin: Robin",
        "Codename: robin",
        f"Date: {format_datetime(datetime.now(UTC)).replace('+0000', 'UTC')}",
        "Architectures: amd64",
        "Components: main",
        "SHA256:",
        *(f" {hashlib.sha256(data).hexdigest()} {len(data)} {path}" for path, data in listed.items()),
    ]
    for path, data in listed.items():
        (suite / path).parent.mkdir(parents=True)
        (suite / path).write_bytes(data)
    release = ("\n".join(lines) + "\n").encode()
    (suite / "Release").write_bytes(release)
    (suite / "Release.gpg").write_bytes(keys.detached(release, "robin"))
    yield top
    keys.stop()


def _stanzas(archive: Path) -> Iterator[str]:
    """Put the packages of a small system into the archive; the paragraph of each for its list."""
    archive.mkdir()
    spec = archive.parent / "debian.json"
    spec.write_text(json.dumps(SPEC))
    sysimage = [sys.executable, "-m", "sysimage"]
    subprocess.run([*sysimage, "lock", "--cache-dir", default_cache(), spec], check=True, capture_output=True)
    build_spec(spec, archive.parent / "debian.tar")
    fetched = FileCache(default_cache() / "archive")
    for package in json.loads((archive.parent / "debian.lock.json").read_text())["packages"]:
        deb = fetched.find(Digest(package["sha256"]), package["size"])
        assert deb is not None
        place = archive / "pool" / f"{package['name']}_{package['architecture']}.deb"
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(deb, place)
        fields = subprocess.run(["dpkg-deb", "--field", deb], capture_output=True, text=True, check=True).stdout
        where = f"Filename: pool/{place.name}\nSize: {package['size']}\nSHA256: {package['sha256']}\n"
        yield f"{fields.rstrip()}\n{where}"


def test_a_system_of_another_distribution_boots(archive: Path, tmp_path: Path) -> None:
    shutil.copy(archive / "robin.asc", tmp_path)
    source = {"address": (archive / "archive").as_uri(), "suites": ["robin"], "key": "robin.asc"}
    (tmp_path / "box.json").write_text(json.dumps({**SPEC, "package-sources": [source]}))
    cold = tmp_path / "cache"
    build_spec(tmp_path / "box.json", tmp_path / "box.tar", cache=cold)
    known = {path.name for path in (cold / "archive/releases").iterdir()}
    assert len(known) == 1
    with unpack(tmp_path / "box.tar") as files, boot(files) as booted:
        booted.wait_for("the service", lambda: "hello from robin" in booted.output())
