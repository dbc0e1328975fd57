"""What Nix itself keeps and prints is read as the same closure: its database, path-info, registration."""

from pathlib import Path

import pytest

from sysimage.closure import Closure
from sysimage.store.database import registration_text
from sysimage.store.query import read_store
from tests.clients.conftest import Client, Small


@pytest.fixture
def nix_state(client: Client, nix_image: Small, tmp_path: Path) -> tuple[str, Path, Path]:
    """A store URL, its state directory and its files, as Nix made them from a registration."""
    real, state = tmp_path / "store", tmp_path / "state"
    real.mkdir()
    for item in nix_image.built.closure:
        assert item.location is not None
        client("cp", "-a", item.location, real)
    store = f"local?store=/nix/store&real={real}&state={state}&log={tmp_path}/log"
    text = registration_text(nix_image.built.closure)
    client("nix-store", "--store", store, "--load-db", stdin=text.encode())
    return store, state, real


def test_nixs_own_database_is_read(nix_state: tuple[str, Path, Path], nix_image: Small) -> None:
    _, state, real = nix_state
    closure = nix_image.built.closure
    found = read_store(state, closure.roots, location=real)
    assert [item.path for item in Closure(found.items, found.roots)] == [item.path for item in closure]
    assert {item.path: (item.nar_hash, item.nar_size, item.references) for item in found.items} == {
        item.path: (item.nar_hash, item.nar_size, item.references) for item in closure
    }


def test_what_nix_prints_is_read(
    client: Client, nix_state: tuple[str, Path, Path], nix_image: Small, tmp_path: Path
) -> None:
    store, state, real = nix_state
    roots = nix_image.built.closure.roots
    expected = read_store(state, roots, location=real)
    dump = client("nix-store", "--store", store, "--dump-db").stdout
    json = client(
        "nix", "--extra-experimental-features", "nix-command", "path-info", "--store", store, "--json", "--all"
    ).stdout
    for name, text in (("dump", dump), ("json", json)):
        (tmp_path / name).write_bytes(text)
        assert (
            read_store(
                tmp_path / name,
                roots,
                location=real,
            )
            == expected
        )
