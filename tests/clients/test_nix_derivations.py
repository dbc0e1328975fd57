"""Derivations in an image are as Nix registers them: it realises them, knows what made what, builds what is missing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from sysimage.verify import verify_image
from tests.clients.conftest import Client
from tests.clients.test_nix_stores import NixRoot
from tests.support.builds import build_from_store

EXPRESSION = """
let
  run = more: derivation ({ system = "x86_64-linux"; builder = "/bin/sh"; PATH = "/bin"; } // more);
  dep = run { name = "dep"; args = [ "-c" "echo dep > $out" ]; };
  fixed = run {
    name = "fixed"; args = [ "-c" "printf a > $out" ];
    outputHashMode = "flat"; outputHashAlgo = "sha256";
    outputHash = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
  };
in run {
  name = "several"; outputs = [ "out" "dev" ];
  args = [ "-c" "echo ${dep} ${fixed} > $out; echo \\"quoted\\" > $dev" ];
}
"""


@dataclass(frozen=True)
class Instantiated:
    """A derivation in a store of Nix's, and what it makes."""

    nix: NixRoot
    derivation: str
    outputs: list[str]


@pytest.fixture(scope="module")
def made(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Instantiated:
    top = tmp_path_factory.mktemp("nix")
    nix = NixRoot(client, top / "root")
    (top / "several.nix").write_text(EXPRESSION)
    derivation = nix("nix-instantiate", top / "several.nix").stdout.decode().strip()
    return Instantiated(nix, derivation, nix.lines("-r", derivation))


def image_of(made: Instantiated, workspace: Path, name: str, paths: list[str], **more: object) -> Path:
    source = {"paths": paths, "source": str(made.nix.state), "location": str(made.nix.store)}
    build_from_store(workspace, {"name": name, "store": {"kind": "nix"}, "from-store": source, **more})
    verify_image(workspace / f"{name}.tar")
    return workspace / f"{name}.tar"


def unpacked(client: Client, archive: Path, place: Path) -> NixRoot:
    client("skopeo", "copy", "--insecure-policy", f"oci-archive:{archive}", f"oci:{place}/layout:1")
    client("umoci", "unpack", "--rootless", "--image", f"{place}/layout:1", place / "bundle")
    return NixRoot(client, place / "bundle/rootfs")


def table(database: Path) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(database)) as connection:
        return sorted(
            connection.execute(
                "SELECT v.path, d.id, d.path FROM DerivationOutputs d JOIN ValidPaths v ON v.id = d.drv"
            ).fetchall()
        )


def loaded(nix: NixRoot, place: Path) -> list[tuple[str, str, str]]:
    """What Nix itself makes of the registration of a store."""
    dump = nix("nix-store", "--dump-db").stdout
    store = f"local?real={nix.store}&state={place}&log={place}/log"
    nix.client("nix-store", "--store", store, "--load-db", stdin=dump)
    return table(place / "db/db.sqlite")


@pytest.mark.parametrize("on_a_base", [False, True])
def test_nix_realises_what_is_there_and_builds_what_is_not(
    on_a_base: bool, made: Instantiated, client: Client, tmp_path: Path
) -> None:
    """The same where the derivations come with a base, and what they made on top of it."""
    if on_a_base:
        below = image_of(made, tmp_path, "below", [made.derivation], **{"max-layers": 3})
        archive = image_of(made, tmp_path, "top", made.outputs, **{"from-image": str(below)})
    else:
        archive = image_of(made, tmp_path, "whole", [made.derivation, *made.outputs])
    nix = unpacked(client, archive, tmp_path)
    assert table(nix.state / "db/db.sqlite") == loaded(nix, tmp_path / "state")
    assert len(table(nix.state / "db/db.sqlite")) == 4
    assert nix.lines("-q", "--outputs", made.derivation) == made.outputs
    done = nix("nix-store", "-r", made.derivation)
    assert b"building" not in done.stderr
    assert sorted(done.stdout.decode().split()) == made.outputs
    for output in made.outputs:
        assert nix.lines("-q", "--deriver", output) == [made.derivation]
    (dep,) = (path for path, _, _ in table(nix.state / "db/db.sqlite") if path.endswith("-dep.drv"))
    assert len(nix.lines("-r", dep)) == 1


def test_a_derivation_alone_can_be_built_in_the_image(made: Instantiated, client: Client, tmp_path: Path) -> None:
    nix = unpacked(client, image_of(made, tmp_path, "alone", [made.derivation]), tmp_path)
    assert not set(nix.lines("--gc", "--print-live")) & set(made.outputs)
    done = nix("nix-store", "-r", made.derivation)
    assert b"building" in done.stderr
    assert sorted(done.stdout.decode().split()) == made.outputs
    assert b"was modified" not in nix("nix-store", "--verify", "--check-contents").stderr
