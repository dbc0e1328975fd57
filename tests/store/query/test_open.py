"""Every kind of source gives the same items for the same store, and says clearly what it lacks."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sysimage.closure import Closure, ClosureError
from sysimage.digest import Digest, nix_base32
from sysimage.errors import IntegrityError, MachineError
from sysimage.store import StorePath
from sysimage.store.database import Schema, registration_text, store_database
from sysimage.store.query import PathInfo, StoreSourceError, find_items, read_store
from sysimage.store.query.catalogue import ListedCatalogue
from tests.support.store_builder import StoreBuilder, small_system

Writer = Callable[[Closure, Path], Path]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> StoreBuilder:
    builder = StoreBuilder(tmp_path_factory.mktemp("store"))
    small_system(builder)
    return builder


@pytest.fixture(scope="module")
def closure(store: StoreBuilder) -> Closure:
    return store.closure("system")


def info(closure: Closure, write_hash: Callable[[Digest], Any] = str, short: bool = False) -> list[dict[str, Any]]:
    def name(path: StorePath) -> str:
        return path.base_name if short else str(path)

    return [
        {
            "path": name(item.path),
            "narHash": write_hash(item.nar_hash),
            "narSize": item.nar_size,
            "references": [name(reference) for reference in item.references],
            "ca": None,
            "registrationTime": 1,
        }
        for item in closure
    ]


def by_path(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {entry["path"]: {key: value for key, value in entry.items() if key != "path"} for entry in entries}


def in_base64(digest: Digest) -> str:
    return "sha256-" + base64.b64encode(digest.raw).decode()


def in_base32(digest: Digest) -> str:
    return "sha256:" + nix_base32(digest.raw)


def written(text: Callable[[Closure], Any]) -> Writer:
    def write(closure: Closure, directory: Path) -> Path:
        value = text(closure)
        file = directory / "source"
        file.write_text(value if isinstance(value, str) else json.dumps(value))
        return file

    return write


def graph_text(closure: Closure) -> str:
    lines: list[str] = []
    for item in closure:
        lines += [str(item.path), "", str(len(item.references)), *map(str, item.references)]
    return "\n".join(lines) + "\n"


def database_at(place: str, schema: Schema) -> Writer:
    def write(closure: Closure, directory: Path) -> Path:
        file = directory / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(store_database(closure, schema))
        return directory if "/" in place else file

    return write


FORMS: dict[str, Writer] = {
    "Guix database": database_at("db.sqlite", Schema.GUIX),
    "Nix database": database_at("db.sqlite", Schema.NIX),
    "root of a Guix system": database_at("var/guix/db/db.sqlite", Schema.GUIX),
    "root of a NixOS system": database_at("nix/var/nix/db/db.sqlite", Schema.NIX),
    "path-info, array": written(lambda closure: info(closure, in_base32)),
    "path-info, object by path": written(lambda closure: by_path(info(closure, in_base64))),
    "path-info, object with storeDir": written(
        lambda closure: {
            "version": 2,
            "storeDir": "/gnu/store",
            "info": by_path(
                info(
                    closure,
                    lambda digest: {"algorithm": "sha256", "format": "base64", "hash": in_base64(digest)[7:]},
                    short=True,
                )
            ),
        }
    ),
    "structured attributes": written(lambda closure: {"name": "x", "env": ["a"], "graph": info(closure)}),
    "registration": written(registration_text),
    "references graph": written(graph_text),
}


@pytest.mark.parametrize("write", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_same_items(write: Writer, closure: Closure, store: StoreBuilder, tmp_path: Path) -> None:
    found = read_store(write(closure, tmp_path), closure.roots, location=store.location)
    assert Closure(found.items, found.roots).items == closure.items


def test_a_bare_directory_gives_the_same_items(closure: Closure, store: StoreBuilder) -> None:
    found = read_store(store.location, closure.roots)
    assert Closure(found.items, found.roots).items == closure.items


def test_without_roots_everything_is_taken(closure: Closure, store: StoreBuilder, tmp_path: Path) -> None:
    source = written(registration_text)(closure, tmp_path)
    found = read_store(source, location=store.location)
    assert set(found.roots) == {item.path for item in closure}


def test_only_what_the_roots_refer_to_is_taken(closure: Closure, store: StoreBuilder, tmp_path: Path) -> None:
    source = database_at("db.sqlite", Schema.GUIX)(closure, tmp_path)
    (root,) = (item.path for item in closure if item.path.name == "current-tz")
    found = read_store(source, [root], location=store.location)
    assert [item.path.name for item in found.items] == ["current-tz", "tzdata-2025b"]


def test_a_root_that_the_source_does_not_have_is_named(closure: Closure, store: StoreBuilder, tmp_path: Path) -> None:
    source = database_at("db.sqlite", Schema.GUIX)(closure, tmp_path)
    missing = StorePath("/gnu/store", "0" * 32, "missing")
    with pytest.raises(StoreSourceError, match=r"cannot find all store items in .*: 1 missing") as caught:
        read_store(source, [*closure.roots, missing], location=store.location)
    assert [str(issue) for issue in caught.value.issues] == [f"{missing}: is not a valid path there"]


def test_a_reference_that_the_source_does_not_have_is_named_with_its_referrer(
    closure: Closure, store: StoreBuilder, tmp_path: Path
) -> None:
    entries = [entry for entry in info(closure) if not entry["path"].endswith("-libc-2.41")]
    with pytest.raises(StoreSourceError) as caught:
        read_store(written(lambda _: entries)(closure, tmp_path), closure.roots, location=store.location)
    (issue,) = caught.value.issues
    assert issue.where.endswith("-libc-2.41")
    assert "is not there, but /gnu/store/" in issue.message


def _given(value: object, _: Closure) -> object:
    return value


def test_a_path_that_is_not_valid_is_missing(closure: Closure, store: StoreBuilder, tmp_path: Path) -> None:
    old = [{**entry, "valid": not entry["path"].endswith("-libc-2.41")} for entry in info(closure)]
    new = {path: None if path.endswith("-libc-2.41") else entry for path, entry in by_path(info(closure)).items()}
    forms: tuple[object, ...] = (old, new)
    for value in forms:
        with pytest.raises(StoreSourceError, match="1 missing"):
            read_store(written(partial(_given, value))(closure, tmp_path), closure.roots, location=store.location)


def test_items_that_are_not_on_this_machine_are_named(closure: Closure, tmp_path: Path) -> None:
    source = database_at("db.sqlite", Schema.GUIX)(closure, tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreSourceError, match="cannot find the files of 6 store items") as caught:
        read_store(source, closure.roots, location=tmp_path / "empty")
    assert len(caught.value.issues) == 6


@pytest.mark.parametrize("changes", [{"nar_hash": Digest("0" * 64)}, {"nar_size": 8}])
def test_what_is_read_is_compared_with_what_the_source_knows(
    changes: dict[str, Any], closure: Closure, store: StoreBuilder
) -> None:
    facts = [
        PathInfo(item.path, item.references, **(changes if item.path.name == "tzdata-2025b" else {}))
        for item in closure
    ]
    with pytest.raises(IntegrityError, match="1 are not what it says") as caught:
        find_items(ListedCatalogue(facts), "list", closure.roots, location=store.location)
    (issue,) = caught.value.issues
    assert issue.where.endswith("-tzdata-2025b")


def test_a_cycle_is_named_by_the_closure(store: StoreBuilder, closure: Closure, tmp_path: Path) -> None:
    (libc,) = (item for item in closure if item.path.name == "libc-2.41")
    items = [replace(item, references=closure.roots) if item is libc else item for item in closure]
    found = read_store(
        written(lambda _: registration_text(items))(closure, tmp_path), closure.roots, location=store.location
    )
    with pytest.raises(ClosureError, match="references form a cycle: "):
        Closure(found.items, found.roots)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it holds none"),
        ("[]", "it holds none"),
        ("/etc/passwd\n", "line 1: not a store path"),
        ("{", "Expecting property name"),
        ("[1]", "an entry without a path"),
        ('{"/gnu/store/x": 1}', "it has no entry for /gnu/store/x"),
        ('{"a": [{}], "b": [{}]}', "2 references graphs, not one"),
        ("/gnu/store/" + "0" * 32 + "-a\n", "the text ends inside an entry"),
        ("/gnu/store/" + "0" * 32 + "-a\n\n-1\n", "not a number of references: '-1'"),
        ("/gnu/store/" + "0" * 32 + "-a\n" + "e" * 52 + "\n1\n\n0\n", "not nix base-32"),
    ],
)
def test_what_is_not_a_source_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "source").write_text(text)
    with pytest.raises(StoreSourceError) as caught:
        read_store(tmp_path / "source")
    assert message in caught.value.message


def test_a_source_that_contradicts_itself_is_refused(closure: Closure, tmp_path: Path) -> None:
    text = registration_text(closure) + registration_text([replace(closure.items[0], nar_size=8)])
    with pytest.raises(StoreSourceError, match="says two different things of"):
        read_store(written(lambda _: text)(closure, tmp_path))


def test_a_source_that_is_not_there_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="No such file"):
        read_store(tmp_path / "missing")


def test_a_directory_without_items_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreSourceError, match="neither a store database nor items"):
        read_store(tmp_path)


def test_another_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "db.sqlite") as connection:
        connection.execute("create table ValidPaths (id, path)")
    connection.close()
    with pytest.raises(StoreSourceError, match="its table ValidPaths lacks"):
        read_store(tmp_path)


@pytest.fixture
def live(closure: Closure, tmp_path: Path) -> tuple[sqlite3.Connection, Path]:
    """A database in log mode that another process has open, as a daemon has."""
    file = tmp_path / "db" / "db.sqlite"
    file.parent.mkdir()
    file.write_bytes(store_database(closure, Schema.GUIX))
    daemon = sqlite3.connect(file, isolation_level=None)
    daemon.execute("pragma journal_mode = wal")
    daemon.execute("pragma wal_autocheckpoint = 0")
    return daemon, file


def rename_tzdata(daemon: sqlite3.Connection, name: str) -> StorePath:
    path = StorePath("/gnu/store", "0" * 32, name)
    daemon.execute("insert into ValidPaths (path, hash, registrationTime, narSize) values (?, ?, 1, 8)",
                   (str(path), "sha256:" + "0" * 64))  # fmt: skip
    return path


def test_what_a_daemon_has_committed_to_its_log_is_seen_and_nothing_else(
    live: tuple[sqlite3.Connection, Path], store: StoreBuilder
) -> None:
    daemon, file = live
    committed = rename_tzdata(daemon, "committed")
    daemon.execute("begin immediate")
    pending = rename_tzdata(daemon, "pending")
    before = file.read_bytes()
    for path, fault in ((committed, "cannot find the files of 1 store items"), (pending, "is not a valid path there")):
        with pytest.raises(StoreSourceError) as caught:
            read_store(file, [path], location=store.location)
        assert fault in str(caught.value)
    daemon.execute("commit")
    assert file.read_bytes() == before
    with pytest.raises(StoreSourceError, match="cannot find the files"):
        read_store(file, [pending], location=store.location)
    daemon.close()


def as_nobody(work: Callable[[], object]) -> str:
    """Do something as a user who may write nowhere, in a child process; returns what it raised, if anything."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        message = ""
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            work()
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
        os.write(write_end, message.encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as end:
        message = end.read()
    os.waitpid(child, 0)
    return message


def open_up(path: Path) -> None:
    """Let the other user, if there is one, come as far as ``path``."""
    for above in [path, *path.parents][:-2] if os.geteuid() == 0 else []:
        above.chmod(above.stat().st_mode | 0o055)


def test_a_database_in_log_mode_in_a_directory_that_cannot_be_written_is_read(
    live: tuple[sqlite3.Connection, Path], closure: Closure, store: StoreBuilder
) -> None:
    daemon, file = live
    daemon.close()
    assert sorted(path.name for path in file.parent.iterdir()) == ["db.sqlite"]
    open_up(file.parent)
    open_up(store.location)
    file.parent.chmod(0o555)
    assert as_nobody(lambda: read_store(file, closure.roots, location=store.location)) == ""
    assert sorted(path.name for path in file.parent.iterdir()) == ["db.sqlite"]
    file.parent.chmod(0o755)


def test_the_root_of_a_system_has_its_store_in_it(closure: Closure, store: StoreBuilder, tmp_path: Path) -> None:
    root = database_at("var/guix/db/db.sqlite", Schema.GUIX)(closure, tmp_path)
    (root / "gnu").mkdir()
    (root / "gnu/store").symlink_to(store.location)
    found = read_store(root, closure.roots)
    assert [(item.path, item.nar_hash) for item in found.items] == sorted((i.path, i.nar_hash) for i in closure)
