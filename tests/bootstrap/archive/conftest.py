"""Keys, and an archive signed with them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sysimage_bootstrap.archive import Archive, ArchiveOptions, ArchiveSource, TransportOptions
from tests.bootstrap.archive.fake_archive import NOW, FakeSuite, Keys, Server, serve, stanza


@pytest.fixture(scope="session")
def keys() -> Iterator[Keys]:
    # A short path: the agent's socket is in it, and sockets' names may have 108 bytes.
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        made = Keys(Path(home, "h"))
        try:
            for name in ("good", "second", "stranger"):
                made.make(name)
            made.make("expired", time="20200101T000000", expire="2020-06-01")
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="session")
def keyring(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every key but the stranger's."""
    return keys.keyring(tmp_path_factory.mktemp("keyring") / "keys.gpg", "good", "second", "expired")


@pytest.fixture
def server() -> Iterator[Server]:
    with serve({}) as running:
        yield running


@pytest.fixture
def suite(keys: Keys, server: Server) -> FakeSuite:
    """A published suite with three packages."""
    made = FakeSuite(keys, server.files)
    made.packages = (
        stanza("libc6", "2.41-1", essential="no"),
        stanza("bash", "5.2-1", essential="yes", pre_depends="libc6 (>= 2.36)"),
        stanza("nginx", "1:1.26-3", depends="libc6 (>= 2.38), nginx-common (= 1:1.26-3)", source="nginx (1.26)"),
    )
    made.publish()
    return made


OpenArchive = Callable[..., Archive]


@pytest.fixture
def open_archive(server: Server, keyring: Path, tmp_path: Path) -> OpenArchive:
    """Opens the fake archive; further keyword arguments go to `ArchiveOptions`."""

    def open_it(
        *suites: str, keyring: Path = keyring, offline: bool = False, attempts: int = 2, **options: object
    ) -> Archive:
        transport = TransportOptions(offline=offline, attempts=attempts, backoff=0.01, timeout=2)
        sources = tuple(ArchiveSource(f"{server.uri}/debian", name) for name in suites or ("trixie",))
        return Archive(
            sources,
            tmp_path / "cache",
            ArchiveOptions(**{"now": NOW, "transport": transport, **options}),  # type: ignore[arg-type]
            keyring,
        )

    return open_it
