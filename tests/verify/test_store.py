"""A store beside its database: what is a fault in an image of sysimage, and merely noted in one that others packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, Issue
from sysimage.store import StoreItem
from sysimage.store.database import Schema, store_database
from sysimage.store.nar import nar_hash_and_size
from sysimage.verify import verify_image
from tests.support import raw_tar
from tests.support.raw_image import RawImage, write_directory
from tests.support.stores import make_item, store_path

LIB, TOOL, DERIVATION = (str(store_path(name)) for name in ("lib-1", "tool-1", "tool-1.drv"))
WATCHED = ("/gnu/store", "/var/guix", "/nix", "image")
DATABASE = "/var/guix/db/db.sqlite"


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[StoreItem]:
    store = tmp_path_factory.mktemp("store")
    lib = make_item(store, "lib-1", {"text": "hello"})
    tool = make_item(store, "tool-1", {"bin/use": f"needs {LIB}".encode(), "l": f"-> {LIB}/text"})
    return [lib, replace(tool, references=(lib.path,))]


def packed(item: StoreItem) -> list[tuple[str, bytes]]:
    """Its members by their names, with the modes of a store."""
    found = []
    for path in (item.place, *sorted(item.place.rglob("*"))):
        name = str(item.path)[1:] + str(path)[len(str(item.place)) :]
        if path.is_symlink():
            found.append((name, raw_tar.symlink(name.encode(), str(path.readlink()).encode())))
        elif path.is_dir():
            found.append((name, raw_tar.directory(name.encode(), 0o555)))
        else:
            mode = 0o555 if path.stat().st_mode & 0o100 else 0o444
            found.append((name, raw_tar.file(name.encode(), path.read_bytes(), mode=mode)))
    return found


def with_parents(members: dict[str, bytes]) -> bytes:
    """A layer with these members, in order, each after its directory."""
    for name in list(members):
        for above in Path(name).parents:
            if str(above) != ".":
                members.setdefault(str(above), raw_tar.directory(str(above).encode()))
    return raw_tar.archive(*[members[name] for name in sorted(members, key=lambda name: name.split("/"))])


def verified(
    place: Path,
    items: Sequence[StoreItem],
    extra: dict[str, bytes],
    creator: str,
    *,
    registered: Sequence[StoreItem] | None = None,
    schema: Schema = Schema.GUIX,
) -> tuple[list[str], list[str]]:
    """Faults and notes that are about the store."""
    state = {Schema.GUIX: "var/guix", Schema.NIX: "nix/var/nix"}[schema]
    members = {name: member for item in items for name, member in packed(item)}
    data = store_database(items if registered is None else registered, schema)
    members[f"{state}/db/db.sqlite"] = raw_tar.file(f"{state}/db/db.sqlite".encode(), data)
    members |= extra
    image = RawImage(with_parents(members), config={"history": [{"created_by": creator}]})
    path = write_directory(image.layout(), place / "layout")
    found: list[tuple[Issue, ...]]
    try:
        found = [(), verify_image(path).notes]
    except IntegrityError as error:
        found = [error.issues, ()]
    faults, notes = ([str(issue) for issue in issues if issue.where.startswith(WATCHED)] for issues in found)
    return faults, notes


def file(name: str, data: bytes = b"", mode: int = 0o644) -> dict[str, bytes]:
    return {name: raw_tar.file(name.encode(), data, mode=mode)}


def test_a_store_as_it_should_be_has_neither_faults_nor_notes(items: list[StoreItem], tmp_path: Path) -> None:
    empty = file("var/guix/db/db.sqlite-wal") | file("var/guix/db/db.sqlite-shm") | file("var/guix/db/schema", b" 7\n")
    for number, creator in enumerate(("sysimage", "others")):
        faults, notes = verified(tmp_path / f"{number}", items, dict(empty), creator)
        assert notes == []
        # Both are kept by nothing here, which is a fault in an image of sysimage alone; they are sorted by name.
        assert faults == [f"{path}: is not kept by any GC root" for path in (LIB, TOOL) if creator == "sysimage"]
        assert LIB > TOOL


OPEN = "is beside the database, which is not closed"
STRAY = f"gnu/store/{'0' * 32}-stray"
MODES = {
    **file(f"{LIB[1:]}/text", b"hello", 0o644),
    f"{TOOL[1:]}/bin": raw_tar.directory(f"{TOOL[1:]}/bin".encode(), 0o755),
}
STYLE: dict[str, tuple[dict[str, bytes], list[str], bool]] = {
    "a log": (file("var/guix/db/db.sqlite-wal", b"x"), [f"{DATABASE}-wal: {OPEN}"], True),
    "shared memory": (file("var/guix/db/db.sqlite-shm", b"x"), [f"{DATABASE}-shm: {OPEN}"], True),
    "an item that is not registered": (
        file(STRAY, mode=0o444),
        [f"/{STRAY}: is in the image, but not in the database"],
        True,
    ),
    "a lock": (file(f"{STRAY}.lock"), [f"/{STRAY}.lock: is in the image, but not in the database"], False),
    "a file that is no item": (
        file("gnu/store/.links/a"),
        ["/gnu/store/.links: is in the image, but not in the database"],
        False,
    ),
    "other modes": (
        MODES,
        [f"{TOOL}/bin: is a directory of mode 0755", f"{LIB}/text: is a file of mode 0644"],
        True,
    ),
}


@pytest.mark.parametrize(("extra", "expected", "noted"), STYLE.values(), ids=STYLE)
def test_what_a_store_in_use_has_is_a_fault_only_in_an_image_of_sysimage(
    extra: dict[str, bytes], expected: list[str], noted: bool, items: list[StoreItem], tmp_path: Path
) -> None:
    assert verified(tmp_path / "ours", items, dict(extra), "sysimage")[0] == expected
    assert verified(tmp_path / "theirs", items, dict(extra), "others") == ([], expected if noted else [])


FAULTS: dict[str, tuple[dict[str, bytes], list[str]]] = {
    "a journal": (file("var/guix/db/db.sqlite-journal", b"x"), [f"{DATABASE}-journal: {OPEN}"]),
    "another schema": (
        file("var/guix/db/schema", b"10 and more than is shown"),
        ["/var/guix/db/schema: says '10 and more than is ', guix's is 7"],
    ),
    "another database": (
        file("nix/var/nix/db/db.sqlite", b"x"),
        ["image: has databases in /var/guix and /nix/var/nix"],
    ),
}


@pytest.mark.parametrize("creator", ["sysimage", "others"])
@pytest.mark.parametrize(("extra", "expected"), FAULTS.values(), ids=FAULTS)
def test_what_no_store_can_be_used_with_is_a_fault_in_every_image(
    creator: str, extra: dict[str, bytes], expected: list[str], items: list[StoreItem], tmp_path: Path
) -> None:
    assert verified(tmp_path, items, dict(extra), creator)[0] == expected


def test_nix_needs_the_number_of_its_schema(tmp_path: Path) -> None:
    missing = "/nix/var/nix/db/schema: is missing; Nix would take the database for one of an old version"
    assert verified(tmp_path / "without", [], {}, "others", schema=Schema.NIX) == ([missing], [])
    number = file("nix/var/nix/db/schema", b"10\n")
    assert verified(tmp_path / "with", [], number, "others", schema=Schema.NIX) == ([], [])


@pytest.mark.parametrize("schema", list(Schema))
def test_a_store_without_items_is_where_its_owner_has_it(schema: Schema, tmp_path: Path) -> None:
    state = {Schema.GUIX: "var/guix", Schema.NIX: "nix/var/nix"}[schema]
    members = file(f"{state}/db/db.sqlite", store_database([], schema)) | file(
        f"{state}/db/schema", b"%d" % schema.value
    )
    found = verify_image(write_directory(RawImage(with_parents(members)).layout(), tmp_path / "layout"))
    kind = schema.name.lower()
    assert (found.items, found.store_kind, found.store_directory) == (
        0,
        kind,
        {"guix": "/gnu/store"}.get(kind, "/nix/store"),
    )


def test_what_is_registered_and_what_is_there_are_compared_both_ways(items: list[StoreItem], tmp_path: Path) -> None:
    lib, tool = items
    elsewhere = StoreItem(store_path("x-1", "/nix/store"), lib.nar_hash, 1)
    gone = StoreItem(store_path("gone-1"), lib.nar_hash, 1)
    wrong = replace(tool, nar_size=7, references=(gone.path,))
    faults, _ = verified(tmp_path, items, {}, "others", registered=[gone, wrong, elsewhere])
    said = {
        f"{elsewhere.path}": f"{DATABASE}: {elsewhere.path} is in another store than /gnu/store",
        f"{gone.path}": f"{gone.path}: is in the database, but not in the image",
    }
    assert faults == [
        *(said[path] for path in sorted(said)),
        f"{TOOL}: has a NAR of {tool.nar_size} bytes, the database says 7",
        f"{TOOL}: does not contain the hash of {gone.path}, the database says it refers to it",
    ]


def test_references_that_are_missing_on_either_side_are_named_in_order(tmp_path: Path) -> None:
    libs = [make_item(tmp_path, f"lib-{number}", {"text": str(number)}) for number in range(9)]
    paths = sorted(str(lib.path) for lib in libs)
    knows = make_item(tmp_path, "knows", {"text": " ".join(paths)})
    claims = make_item(tmp_path, "claims", {"text": "nothing"})
    registered = [*libs, knows, replace(claims, references=tuple(sorted(lib.path for lib in libs)))]
    faults, _ = verified(tmp_path, [*libs, knows, claims], {}, "others", registered=registered)
    expected = {
        str(knows.path): ("contains the hash of {}, the database has no such reference"),
        str(claims.path): ("does not contain the hash of {}, the database says it refers to it"),
    }
    assert faults == [f"{item}: {expected[item].format(path)}" for item in sorted(expected) for path in paths]


def test_a_derivation_may_name_what_it_makes_without_a_reference(tmp_path: Path) -> None:
    store = tmp_path / "store"
    lib = make_item(store, "lib-1", {"text": "hello"})
    place = store / store_path("tool-1.drv").base_name
    place.write_text(f"not a derivation, but it names {LIB}")
    digest, size = nar_hash_and_size(place)
    derivation = StoreItem(store_path("tool-1.drv"), digest, size, location=place)
    assert verified(tmp_path / "a", [lib, derivation], {}, "others") == ([], [])
    text = replace(derivation, path=store_path("text-1"))
    assert verified(tmp_path / "b", [lib, text], {}, "others") == (
        [f"{text.path}: contains the hash of {LIB}, the database has no such reference"],
        [],
    )
    more = replace(derivation, references=tuple(sorted((derivation.path, lib.path))))
    assert verified(tmp_path / "c", [lib, more], {}, "others") == (
        [f"{DERIVATION}: does not contain the hash of {DERIVATION}, the database says it refers to it"],
        [],
    )


def test_a_reference_may_be_in_a_name_or_in_a_link_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    """An item whose files come in another order than in a NAR is read a second time."""
    lib = make_item(tmp_path, "lib-1", {"text": "hello"})
    in_name = make_item(tmp_path, "name-1", {f"d/{lib.path.base_name}": "x", "z": "y"})
    in_link = make_item(tmp_path, "link-1", {"l": f"-> {lib.path}/text", "z": "y"})
    items = [lib, *(replace(one, references=(lib.path,)) for one in (in_name, in_link))]
    members = [member for item in items for _, member in packed(item)]
    database = raw_tar.file(DATABASE.encode()[1:], store_database(items, Schema.GUIX))
    for number, arranged in enumerate((members, members[::-1])):
        image = RawImage(raw_tar.archive(*arranged, database))
        found = verify_image(write_directory(image.layout(), tmp_path / f"layout-{number}"))
        assert (found.items, found.notes) == (3, ())
