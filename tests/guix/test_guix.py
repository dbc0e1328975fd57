"""Guix accepts the store of an image of sysimage: the image has Guix in it, which looks at its own store."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from sysimage.containers.namespaces import UnpackedImage
from tests.guix.conftest import HERE, Guix
from tests.support.examples import ROOT


def items(root: Path) -> list[str]:
    return sorted(f"/gnu/store/{path.name}" for path in (root / "gnu/store").iterdir())


def contents(image: bytes) -> tuple[object, list[list[str]]]:
    """The documents and layers of an image of Guix, without two orders that Guix takes from its disk:
    that of a layer's members, and that of layers whose items are equally popular."""
    with tarfile.open(fileobj=io.BytesIO(image)) as archive:
        files = {member.name.removeprefix("./"): archive.extractfile(member) for member in archive if member.isfile()}
        data = {name: file.read() for name, file in files.items() if file}
    layers = {name: listing(content) for name, content in data.items() if name.endswith("/layer.tar")}
    documents = json.dumps({name: content.decode() for name, content in data.items() if name not in layers})
    for name, lines in layers.items():
        ours = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        documents = documents.replace(hashlib.sha256(data[name]).hexdigest(), ours)
    texts = {name: json.loads(text) for name, text in json.loads(documents).items() if name.endswith(".json")}
    texts["manifest.json"][0]["Layers"].sort()
    texts["config.json"]["rootfs"]["diff_ids"].sort()
    return texts, sorted(layers.values())


def listing(layer: bytes) -> list[str]:
    lines = []
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            digest = hashlib.sha256(file.read()).hexdigest() if file else ""
            fields = (member.name, member.type, oct(member.mode), member.uid, member.gid, member.mtime, member.linkname)
            lines.append(f"{fields} {digest}")
    return sorted(lines)


def test_guix_verifies_every_hash_by_the_images_own_database(guix: Guix, image: UnpackedImage) -> None:
    said = guix("gc", "--verify=contents").stderr
    assert "checking hashes" in said
    assert "modified" not in said
    assert guix.lines("gc", "-R", guix.path) == items(image.root)
    link = guix.system.run(["readlink", "-f", "/var/guix/profiles/system"]).stdout.strip()
    assert link == guix.path


def test_guix_notices_one_byte_that_differs(guix: Guix) -> None:
    netbase = guix.item("netbase")
    guix.system.run(["sh", "-c", f"chmod u+w {netbase}/etc/services && echo x >> {netbase}/etc/services"])
    done = guix("gc", "--verify=contents", accept=(0, 1))
    assert f"path `{netbase}' was modified!" in done.stderr


def test_guix_finds_the_references_that_we_found(guix: Guix, image: UnpackedImage) -> None:
    """Every item is copied by a build, and Guix scans the copy with its own scanner."""
    dash = guix.item("dash-")
    coreutils = guix.item("coreutils-")
    lines = guix.script(HERE / "rebuild.scm", f"{dash}/bin/dash", f"{coreutils}/bin")
    assert len(lines) == 2 * len(items(image.root))
    different = [(scanned, ours) for scanned, ours in zip(lines[::2], lines[1::2], strict=True) if scanned != ours]
    assert different == []


def test_guix_builds_on_top_and_collects_only_strays(guix: Guix, image: UnpackedImage) -> None:
    on_top, stray = guix.script(HERE / "on-top.scm", guix.item("dash-"), guix.path)
    assert guix.lines("gc", "--references", on_top) == [guix.path]
    guix.system.run(["ln", "-s", on_top, "/var/guix/gcroots/mine"])
    guix("gc")
    left = guix.system.run(["ls", on_top, stray]).stdout.split()
    assert left == [on_top]
    assert guix.lines("gc", "-R", on_top) == sorted([*items(image.root), on_top])
    guix("gc", "--verify=contents")


@pytest.mark.parametrize("form", ["layered", "plain"])
def test_guix_writes_images_as_they_are_kept_for_the_tests(form: str, guix: Guix) -> None:
    kept = ROOT / "tests" / "bases" / "guix_images"
    guix.script(kept / "make.scm", "/root/image.tar.gz", form)
    made = base64.b64decode(guix.system.run(["base64", "/root/image.tar.gz"]).stdout)
    assert contents(made) == contents((kept / f"{form}.tar.gz").read_bytes())


def test_guix_writes_the_variables_of_a_profile_as_they_are_kept_for_the_tests(guix: Guix) -> None:
    kept = ROOT / "tests" / "from_store" / "guix_profile"
    guile, tzdata, profile = (
        f"/gnu/store/{letter * 32}-{name}"
        for letter, name in [("g", "guile-3.0.9"), ("t", "tzdata-2025a"), ("p", "profile")]
    )
    files = [f"{guile}/{name}" for name in ("bin/x", "sbin/x", "share/guile/site/3.0/x", "lib/guile/3.0/site-ccache/x")]
    names = ("share/zoneinfo/x", "etc/ssl/certs/ca-certificates.crt", "xml/catalog.xml", "share/texmf/x")
    files += [f"{tzdata}/{name}" for name in names]
    made = guix.system.run(["sh", "-c", 'for f; do mkdir -p "${f%/*}" && : > "$f" || exit; done', "sh", *files])
    assert made.returncode == 0, made.stderr
    guix.script(kept / "make.scm", "/gnu/store", profile)
    assert guix.system.run(["cat", f"{profile}/etc/profile"]).stdout == (kept / "profile").read_text()
