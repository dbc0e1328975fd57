"""Whole images: those that the rooms write verify in every form, and whatever is changed in one is named."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sysimage.closure import Closure
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, SpecError
from sysimage.image import HealthCheck, ImageConfig
from sysimage.rootfs.tree import Entry
from sysimage.rules.runnable import SEARCH_PATH
from sysimage.store.database import Schema, store_database
from sysimage.verify import store as verified_store
from sysimage.verify import verify_image
from tests.support import raw_tar
from tests.support.images import STORE_DIR, BuiltImage, build_image, customization
from tests.support.raw_image import RawImage, write_archive
from tests.support.store_builder import ELF, Link, Program, StoreBuilder, small_system
from tests.support.stores import store_path

SYSTEM = str(store_path("system"))
LIBC = str(store_path("libc-2.41"))
BASH = str(store_path("bash-5.2"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    return build_image(tmp_path_factory.mktemp("built"))


def faults(path: Path) -> list[str]:
    with pytest.raises(IntegrityError) as caught:
        verify_image(path)
    number = len(caught.value.issues)
    assert caught.value.message == f"cannot verify {path}: {'1 fault' if number == 1 else f'{number} faults'}"
    return [str(issue) for issue in caught.value.issues]


@pytest.fixture
def never_reread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("an image of ours was read twice")

    monkeypatch.setattr(verified_store, "reread_items", refuse)


@pytest.mark.usefixtures("never_reread")
@pytest.mark.parametrize(
    ("schema", "compression", "max_layers", "form"),
    [
        (Schema.GUIX, "gzip", 5, "archive"),
        (Schema.NIX, "zstd", 100, "archive"),
        (Schema.NIX, "none", 1, "oci-layout"),
        (Schema.GUIX, "none", 3, "docker-archive"),
        (Schema.GUIX, "gzip", 2, "docker-archive"),
    ],
)
def test_what_the_rooms_write_verifies(
    schema: Schema, compression: str, max_layers: int, form: str, tmp_path: Path
) -> None:
    image = build_image(tmp_path, schema=schema, compression=compression, max_layers=max_layers)
    path = image.layout(tmp_path / "out") if form == "oci-layout" else image.archive(tmp_path / "out", form)
    seen: list[tuple[int, int | None]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        assert (stage, unit) == ("verify", "bytes")
        seen.append((done, total))

    found = verify_image(path, progress)
    manifest = image.image.manifest.descriptor.digest
    assert (found.name, found.names) == ("small", ("small:1.0",))
    assert found.digest == (None if form == "docker-archive" else manifest)
    assert found.image_id == image.image.config.descriptor.digest
    assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in image.image.layers]
    assert [layer.uncompressed_size for layer in found.layers] == [layer.tar_size for layer in image.image.layers]
    assert [layer.comment for layer in found.layers] == [layer.label for layer in image.image.layers]
    assert sum(layer.items for layer in found.layers) == 6
    assert (found.items, found.store_kind, found.store_directory) == (6, schema.name.lower(), STORE_DIR[schema])
    lines = image.listing().splitlines()
    kinds = [line.split("  ", 1)[1].split()[0] for line in lines]
    assert (found.files, found.directories, found.symlinks) == tuple(map(kinds.count, ("file", "dir", "link")))
    if form != "docker-archive":
        blobs = [layer.descriptor for layer in image.image.layers]
        assert [(layer.digest, layer.size) for layer in found.layers] == [(blob.digest, blob.size) for blob in blobs]
    total = sum(layer.size for layer in found.layers)
    if form == "archive":
        total += image.image.manifest.descriptor.size
    assert {one for _, one in seen} == {total}
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert (seen[0][0] < total or len(seen) == 1, seen[-1][0]) == (True, total)


def replace(file: Path, data: bytes) -> None:
    file.unlink()
    file.write_bytes(data)


def test_one_byte_changed_anywhere_in_a_blob_is_noticed(built: BuiltImage, tmp_path: Path) -> None:
    layout = built.layout(tmp_path / "layout")
    for number, blob in enumerate(sorted((layout / "blobs/sha256").iterdir())):
        whole = blob.read_bytes()
        for at in {0, len(whole) // 2, len(whole) - 1, (number * 7919) % len(whole)}:
            replace(blob, whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(IntegrityError):
                verify_image(layout)
        for changed in (whole + b"\0", whole[:-1], b""):
            replace(blob, changed)
            with pytest.raises(IntegrityError):
                verify_image(layout)
        replace(blob, whole)
    verify_image(layout)


def with_database(tmp_path: Path, change: Callable[[Closure], bytes], schema: Schema = Schema.GUIX) -> Path:
    closure = small_system(StoreBuilder(tmp_path / "store", STORE_DIR[schema]))
    entries = customization(closure, schema, database=change(closure))
    return build_image(tmp_path, closure=closure, entries=entries, compression="none").archive(tmp_path / "image.tar")


def with_item(tmp_path: Path, name: str, change: Callable[[Any], dict[str, Any]]) -> Path:
    """An image whose database says something else of an item than its files."""

    def database(closure: Closure) -> bytes:
        store = StoreBuilder(tmp_path / "other")
        store.items = {item.path.name: item for item in closure}
        store.change(name, **change(store.items[name]))
        return store_database(store.closure("system"), Schema.GUIX)

    return with_database(tmp_path, database)


def with_sql(tmp_path: Path, script: str) -> Path:
    def database(closure: Closure) -> bytes:
        connection = sqlite3.connect(":memory:")
        connection.deserialize(store_database(closure, Schema.GUIX))
        connection.executescript(script)
        return connection.serialize()

    return with_database(tmp_path, database)


def test_a_wrong_nar_hash_names_the_item_and_both_hashes(tmp_path: Path) -> None:
    image = with_item(tmp_path, "bash-5.2", lambda item: {"nar_hash": Digest("0" * 64)})
    (fault,) = faults(image)
    assert fault.startswith(f"{BASH}: has the NAR hash sha256:")
    assert fault.endswith(f"the database says sha256:{'0' * 64}")


def test_a_wrong_nar_size_names_the_item_and_both_sizes(tmp_path: Path) -> None:
    (fault,) = faults(with_item(tmp_path, "tzdata-2025b", lambda item: {"nar_size": 7}))
    assert fault.startswith(f"{store_path('tzdata-2025b')}: has a NAR of ")
    assert fault.endswith("bytes, the database says 7")


def test_a_reference_that_the_database_lacks_is_named(tmp_path: Path) -> None:
    image = with_item(tmp_path, "bash-5.2", lambda item: {"references": ()})
    assert faults(image) == [f"{BASH}: contains the hash of {LIBC}, the database has no such reference"]


def test_a_self_reference_that_the_database_lacks_is_named(tmp_path: Path) -> None:
    image = with_item(tmp_path, "libc-2.41", lambda item: {"references": ()})
    assert faults(image) == [f"{LIBC}: contains the hash of {LIBC}, the database has no such reference"]


def test_a_reference_that_the_files_lack_is_named(tmp_path: Path) -> None:
    tzdata = store_path("tzdata-2025b")
    image = with_item(tmp_path, "bash-5.2", lambda item: {"references": tuple(sorted((*item.references, tzdata)))})
    assert faults(image) == [
        f"{BASH}: does not contain the hash of {tzdata}, the database says it refers to it",
    ]


def test_what_the_database_says_that_an_item_makes_is_compared_with_derivations(tmp_path: Path) -> None:
    names = [f"out{number}" for number in range(9)]
    image = with_item(tmp_path, "bash-5.2", lambda item: {"outputs": tuple((name, LIBC) for name in names)})
    assert faults(image) == [f"{BASH}: makes nothing as {name}, the database says {LIBC}" for name in names]


def test_an_item_that_only_the_database_has_is_named(tmp_path: Path) -> None:
    row = "('/gnu/store/00000000000000000000000000000000-ghost', 'sha256:" + "0" * 64 + "', 1, 96)"
    image = with_sql(tmp_path, f"insert into ValidPaths (path, hash, registrationTime, narSize) values {row}")
    assert faults(image) == [
        "/gnu/store/00000000000000000000000000000000-ghost: is in the database, but not in the image"
    ]


def test_an_item_that_only_the_image_has_is_named(tmp_path: Path) -> None:
    image = with_sql(
        tmp_path, f"delete from Refs where referrer = (select id from ValidPaths where path = '{SYSTEM}');"
        f"delete from ValidPaths where path = '{SYSTEM}'",
    )  # fmt: skip
    assert faults(image) == [f"{SYSTEM}: is in the image, but not in the database"]


def test_a_referrer_registered_before_its_reference_is_named(tmp_path: Path) -> None:
    image = with_sql(
        tmp_path,
        f"update ValidPaths set id = 900 where path = '{LIBC}';"
        "update Refs set referrer = 900 where referrer = 1; update Refs set reference = 900 where reference = 1;",
    )
    assert f"{BASH} comes before its reference {LIBC}" in "\n".join(faults(image))


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("pragma foreign_keys = off; delete from ValidPaths where id = 1", "refers to a missing row of ValidPaths"),
        ("drop index IndexReferrer", "has no index IndexReferrer"),
        ("drop trigger DeleteSelfRefs", "has no trigger DeleteSelfRefs"),
        ("drop table FailedPaths", "has no table FailedPaths, which schema 7 of guix has"),
        ("alter table ValidPaths add column ultimate integer", "ValidPaths has the columns"),
        ("create view v as select 1", "has a view v, which no store makes"),
        ("alter table Refs rename to R; create view Refs as select * from R", "has no table Refs"),
        ("update ValidPaths set hash = 'sha1:x' where id = 2", "has the hash 'sha1:x'"),
        ("update ValidPaths set narSize = null where id = 2", "has the NAR size None"),
        ("update ValidPaths set registrationTime = 0 where id = 2", "was registered at 0"),
        ("update ValidPaths set path = '/etc/passwd' where id = 1", "'/etc/passwd' is not a store path"),
    ],
)
def test_a_database_that_its_owner_would_not_accept_is_refused(script: str, fault: str, tmp_path: Path) -> None:
    assert fault in "\n".join(faults(with_sql(tmp_path, script)))


def test_a_database_in_write_ahead_log_mode_is_refused(tmp_path: Path) -> None:
    def database(closure: Closure) -> bytes:
        data = store_database(closure, Schema.GUIX)
        return data[:18] + b"\x02\x02" + data[20:]

    assert faults(with_database(tmp_path, database)) == [
        "/var/guix/db/db.sqlite: is in write-ahead-log mode (header bytes 18 and 19 are 2 and 2)"
    ]


@pytest.mark.parametrize("at", [100, 4096 + 10, 3 * 4096 + 7])
def test_a_damaged_database_is_refused(at: int, tmp_path: Path) -> None:
    def database(closure: Closure) -> bytes:
        data = store_database(closure, Schema.GUIX)
        return data[:at] + bytes(byte ^ 0xFF for byte in data[at : at + 40]) + data[at + 40 :]

    assert faults(with_database(tmp_path, database))


def test_a_damaged_name_in_the_schema_is_refused(tmp_path: Path) -> None:
    def database(closure: Closure) -> bytes:
        data = store_database(closure, Schema.GUIX).replace(b"IndexReference", b"Index\x80eference")
        return data.replace(b"on Refs(reference)", b"on Refs(xeference)")

    (fault,) = faults(with_database(tmp_path, database))
    assert fault.startswith("/var/guix/db/db.sqlite: cannot be read: ")


def test_the_other_owners_schema_is_refused(tmp_path: Path) -> None:
    found = faults(with_database(tmp_path, lambda closure: store_database(closure, Schema.NIX)))
    assert [fault.split(";")[0].split(",")[0] for fault in found] == [
        "/var/guix/db/db.sqlite: ValidPaths has the columns id",
        "/var/guix/db/db.sqlite: has no table FailedPaths",
    ]


def changed_entries(tmp_path: Path, change: Callable[[dict[str, Entry]], None], **options: Any) -> list[str]:
    closure = small_system(StoreBuilder(tmp_path / "store"))
    entries = {entry.path: entry for entry in customization(closure, Schema.GUIX)}
    change(entries)
    image = build_image(tmp_path, closure=closure, entries=list(entries.values()), compression="none", **options)
    return faults(image.archive(tmp_path / "image.tar"))


def put(*entries: Entry) -> Callable[[dict[str, Entry]], None]:
    return lambda tree: tree.update({entry.path: entry for entry in entries})


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda tree: tree.pop("/etc/passwd"), "/etc/passwd: is missing, so users have no names before the first boot"),
        (lambda tree: tree.pop("/bin/sh"), "/bin/sh: the shell is /bin/sh, which is not in the image"),
        (put(Entry.symlink("/bin/sh", "sh")), "/bin/sh: the shell is /bin/sh, but links lead in circles at /bin/sh"),
        (put(Entry.directory("/tmp", 0o755)), "/tmp: is a directory of mode 0755; it should be"),
        (put(Entry.symlink("/sbin/init", "/nowhere")), "/sbin/init is a link to /nowhere,"),
        (put(Entry.symlink("/sbin/init", "/etc/group")), "but /etc/group is not executable (its mode is 0644)"),
        (
            put(Entry.symlink("/var/guix/profiles/system-1-link", "/gnu/store/gone")),
            "/var/guix/profiles/system: points to system-1-link, which is not in the image",
        ),
        (put(Entry.file("/var/guix/db/db.sqlite-wal", b"x")), "db.sqlite-wal: is beside the database"),
        (put(Entry.file("/var/guix/db/schema", b"6")), "/var/guix/db/schema: says '6', guix's is 7"),
        (put(Entry.file("/gnu/store/stray", b"")), "/gnu/store/stray: is in the image, but not in the database"),
        (put(Entry.file("/nix/var/nix/db/db.sqlite", b"")), "image: has databases in /var/guix and /nix/var/nix"),
        (put(Entry.file("/var/guix/db/db.sqlite", b"text")), "/var/guix/db/db.sqlite: is not an SQLite database"),
    ],
)  # fmt: skip
def test_what_an_image_needs_before_its_first_boot_is_missed(
    change: Callable[[dict[str, Entry]], None], fault: str, tmp_path: Path
) -> None:
    assert fault in "\n".join(changed_entries(tmp_path, change))


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"user": "nobody"}, "nobody is to run the entry point, but is not in /etc/passwd"),
        ({"user": "alice:wheel"}, "wheel is to run the entry point, but is not in /etc/group"),
        (
            {"cmd": ("missing",)},
            f"what runs first is missing, which is not in the image's {SEARCH_PATH}",
        ),
        (
            {"healthcheck": HealthCheck(("/missing",))},
            "what checks the health is /missing, which is not in the image",
        ),
    ],
)
def test_a_config_that_the_tree_does_not_support_is_named(
    config: dict[str, Any], fault: str, built: BuiltImage, tmp_path: Path
) -> None:
    changed = changed_entries(tmp_path, lambda tree: None, config=ImageConfig("amd64", **config))
    assert changed == [f"config: {fault}"]


def test_a_program_is_looked_up_in_path(tmp_path: Path) -> None:
    config = ImageConfig("amd64", cmd=("bash",), env=(("PATH", f"/nowhere:{BASH}/bin"),))
    verify_image(build_image(tmp_path, config=config).archive(tmp_path / "image.tar"))


def test_an_item_that_no_gc_root_keeps_is_named(tmp_path: Path) -> None:
    store = StoreBuilder(tmp_path / "store")
    small_system(store)
    stray = store.add("stray", "nobody refers to this\n")
    closure = store.closure("system")
    image = build_image(tmp_path, closure=closure, entries=customization(closure, Schema.GUIX))
    assert faults(image.archive(tmp_path / "image.tar")) == [f"{stray.path}: is not kept by any GC root"]


def test_an_item_that_is_not_in_a_stores_modes_is_named(tmp_path: Path) -> None:
    def change(tree: dict[str, Entry]) -> None:
        tree[f"{SYSTEM}/extra"] = Entry.file(f"{SYSTEM}/extra", b"", 0o4755)

    found = changed_entries(tmp_path, change)
    assert f"{SYSTEM}/extra: is a file of mode 4755" in found
    assert any(fault.startswith(f"{SYSTEM}: has the NAR hash") for fault in found)


def test_all_faults_of_an_image_are_reported_together(tmp_path: Path) -> None:
    def change(tree: dict[str, Entry]) -> None:
        for path in ("/etc/passwd", "/etc/group", "/bin/sh", "/sbin/init"):
            del tree[path]

    assert len(changed_entries(tmp_path, change)) == 4


def test_faults_without_end_are_counted(tmp_path: Path) -> None:
    strays = [Entry.file(f"/gnu/store/stray-{number}", b"") for number in range(1000)]
    found = changed_entries(tmp_path, put(*strays))
    assert len(found) == 21
    assert found[-1] == "980 more faults of this kind: unregistered items"


def test_an_image_without_a_store_verifies(tmp_path: Path) -> None:
    store = StoreBuilder(tmp_path / "store")
    store.add("hello", {"bin": {"hello": Program(ELF)}, "share": {"link": Link("../bin")}})
    entries = [Entry.symlink("/hello", "{}/bin/hello".format(store.items["hello"].path))]
    config = ImageConfig("amd64", entrypoint=("/hello",))
    image = build_image(tmp_path, closure=store.closure("hello"), entries=entries, config=config)
    found = verify_image(image.archive(tmp_path / "image.tar"))
    assert (found.items, found.store_kind) == (0, None)


def test_a_file_that_is_not_there_is_a_fault_of_what_was_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"cannot read .*: there is no such file"):
        verify_image(tmp_path / "missing.tar")


@pytest.mark.parametrize("broken", [0, 1])
def test_of_an_image_whose_layers_cannot_all_be_read_nothing_else_is_judged(broken: int, tmp_path: Path) -> None:
    layers = [raw_tar.archive(raw_tar.file(b"a")), raw_tar.archive(raw_tar.file(b"b"))]
    layers[broken] = raw_tar.header(b"f", magic=bytes(8))
    image = RawImage(*layers, config={"config": {"Cmd": ["/missing"]}})
    assert faults(write_archive(image.layout(), tmp_path / "a.tar")) == [
        f"layer {broken + 1}: holds no tar header at byte 0"
    ]


def test_what_is_in_the_flattened_tree_is_counted_once(tmp_path: Path) -> None:
    layers = [
        raw_tar.archive(raw_tar.file(b"a", b"123"), raw_tar.hard_link(b"b", b"a"), raw_tar.directory(b"d")),
        raw_tar.archive(raw_tar.file(b"c", b"45"), raw_tar.symlink(b"l", b"a"), raw_tar.file(b"d/x")),
        raw_tar.archive(raw_tar.file(b"c", b"6"), raw_tar.file(b".wh.b"), raw_tar.header(b"n", b"6")),
    ]
    found = verify_image(write_archive(RawImage(*layers).layout(), tmp_path / "a.tar"))
    assert (found.files, found.directories, found.symlinks, found.size) == (3, 2, 1, 4)
    assert [(layer.entries, layer.uncompressed_size) for layer in found.layers] == [(3, len(one)) for one in layers]
    assert (found.name, found.names, found.platform) == ("", (), "linux/amd64")
