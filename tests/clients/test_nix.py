"""Nix accepts the stores in our images: databases, hashes, references, GC roots; and our NARs are its own."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from sysimage.process import Completed
from sysimage.store.database import registration_text
from sysimage.store.nar import nar_hash_and_size, write_nar
from tests.clients.conftest import Client, Small

STATE = {"/gnu/store": "var/guix", "/nix/store": "nix/var/nix"}


@dataclass
class Unpacked:
    """The root of an image, and Nix looking at the store in it."""

    client: Client
    root: Path
    store_dir: str
    state: Path

    def nix_store(self, *words: str | Path, accept: tuple[int, ...] = (0,), stdin: bytes | None = None) -> Completed:
        real, log = f"{self.root}{self.store_dir}", self.root / "log"
        store = f"local?store={self.store_dir}&real={real}&state={self.state}&log={log}"
        return self.client("nix-store", "--store", store, *words, accept=accept, stdin=stdin)

    def file(self, name: str) -> Path:
        """The one file of this name in the store."""
        (found,) = Path(f"{self.root}{self.store_dir}").rglob(name)
        return found

    def verify(self, *, accept: tuple[int, ...] = (0,)) -> str:
        return self.nix_store("--verify", "--check-contents", accept=accept).stderr.decode()


def unpack(client: Client, small: Small, place: Path) -> Unpacked:
    client("umoci", "unpack", "--rootless", "--image", f"{small.layout}:1.0", place)
    root = place / "rootfs"
    return Unpacked(client, root, small.store_dir, root / STATE[small.store_dir])


@pytest.fixture
def nix_root(client: Client, nix_image: Small, tmp_path: Path) -> Unpacked:
    return unpack(client, nix_image, tmp_path / "bundle")


@pytest.fixture
def guix_root(client: Client, guix_image: Small, tmp_path: Path) -> Unpacked:
    return unpack(client, guix_image, tmp_path / "bundle")


def lines(done: Completed) -> list[str]:
    return sorted(done.stdout.decode().split())


def paths(small: Small) -> list[str]:
    return sorted(str(item.path) for item in small.built.closure)


def test_nix_verifies_the_contents_by_the_images_own_database(nix_root: Unpacked, nix_image: Small) -> None:
    assert "was modified" not in nix_root.verify()
    assert lines(nix_root.nix_store("-qR", nix_image.system)) == paths(nix_image)
    for item in nix_image.built.closure:
        assert lines(nix_root.nix_store("-q", "--references", str(item.path))) == sorted(map(str, item.references))
        assert lines(nix_root.nix_store("-q", "--hash", str(item.path)))[0].startswith("sha256:")


def test_nix_notices_one_byte_that_differs(nix_root: Unpacked, nix_image: Small) -> None:
    file = nix_root.file("self")
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    file.chmod(0o444)
    libc = next(path for path in paths(nix_image) if path.endswith("-libc-2.41"))
    assert f"path '{libc}' was modified!" in nix_root.verify(accept=(1,))


def test_nix_sees_the_systems_gc_root_and_calls_nothing_dead(nix_root: Unpacked, nix_image: Small) -> None:
    assert nix_root.nix_store("--gc", "--print-dead").stdout == b""
    assert lines(nix_root.nix_store("--gc", "--print-live")) == paths(nix_image)


def test_nix_adds_to_the_store_and_collects_what_is_not_the_system(
    nix_root: Unpacked, nix_image: Small, tmp_path: Path
) -> None:
    (tmp_path / "stray").write_text("nobody refers to this\n")
    (stray,) = lines(nix_root.nix_store("--add", tmp_path / "stray"))
    assert stray in lines(nix_root.nix_store("--gc", "--print-dead"))
    nix_root.nix_store("--gc")
    assert not Path(f"{nix_root.root}{stray}").exists()
    assert lines(nix_root.nix_store("-qR", nix_image.system)) == paths(nix_image)
    nix_root.verify()


def test_a_guix_database_is_taken_for_version_7_and_verified(guix_root: Unpacked, guix_image: Small) -> None:
    """Nix reads Guix's schema by upgrading it, as it would one that old Nix left behind."""
    (guix_root.state / "db/schema").write_text("7")
    assert "was modified" not in guix_root.verify()
    assert (guix_root.state / "db/schema").read_text() == "10"
    assert lines(guix_root.nix_store("-qR", guix_image.system)) == paths(guix_image)
    assert guix_root.nix_store("--gc", "--print-dead").stdout == b""


def test_registration_text_is_loaded_and_the_contents_verified(
    guix_root: Unpacked, guix_image: Small, tmp_path: Path
) -> None:
    guix_root.state = tmp_path / "state"
    guix_root.nix_store("--load-db", stdin=registration_text(guix_image.built.closure).encode())
    assert "was modified" not in guix_root.verify()
    assert lines(guix_root.nix_store("-qR", guix_image.system)) == paths(guix_image)


def _copied(into: list[bytes], piece: bytes | memoryview) -> None:
    into.append(bytes(piece))


def test_our_nars_are_the_ones_that_nix_dumps(client: Client, guix_image: Small) -> None:
    for item in guix_image.built.closure:
        assert item.location is not None
        ours: list[bytes] = []
        write_nar(item.location, partial(_copied, ours))
        assert b"".join(ours) == client("nix-store", "--dump", item.location).stdout


def test_our_nar_hashes_are_the_ones_that_nix_computes(client: Client, guix_image: Small) -> None:
    locations = [item.location for item in guix_image.built.closure if item.location is not None]
    hashes = client("nix-hash", "--type", "sha256", *locations).stdout.decode().split()
    assert hashes == [nar_hash_and_size(location)[0].hex for location in locations]
    assert hashes == [item.nar_hash.hex for item in guix_image.built.closure]
