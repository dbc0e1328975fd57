"""What a report reads of an image and of a plan: every value, whatever else is in the image."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.closure import Closure
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.layerplan import LayerPlan, PlannedLayer, Record
from sysimage.report import image_facts, plan_facts
from sysimage.report.facts import Facts, FileFact, ItemFact, LayerFact, LeftOutFact, PackageFact
from sysimage.report.packages import LARGEST_FILE, is_read, read_licences, read_stanza
from sysimage.rules.paths import as_parts
from sysimage.store import StoreItem
from sysimage.store.paths import StorePath
from sysimage.verify.limits import DEFAULT_LIMITS
from tests.report.made_facts import path_of
from tests.support.raw_image import RawImage, sha256, write_archive
from tests.support.raw_tar import archive, directory, file, hard_link, symlink

LIB, WEB = path_of("lib-1"), path_of("web-2")
FOLDERS = (b"/", b"/share/", b"/share/doc/", b"/share/doc/x/", b"/share/sysimage/", b"/share/sysimage/packages/")
STANZA = b"Package: web\nVersion: 2\nArchitecture: amd64\nInstalled-Size: 3\n"


def no_record(_: Mapping[str, str]) -> Record | None:
    return None


def item_at(place: str, **files: bytes) -> bytes:
    """An item with files below it; ``_stanza`` and ``_copyright`` stand for the paths of those."""
    names = {"_stanza": "share/sysimage/packages/web", "_copyright": "share/doc/x/copyright", "_spec": "system.json"}
    top = place[1:].encode()
    folders = b"".join(directory(top + below, 0o555) for below in FOLDERS)
    return folders + b"".join(file(top + b"/" + names.get(name, name).encode(), data) for name, data in files.items())


def read(tmp_path: Path, *layers: bytes, record: Record | None = None, **config: Any) -> Facts:
    path = write_archive(RawImage(*layers, config=config).layout(), tmp_path / "image.tar")
    return image_facts(path, lambda _: record)


def fact(path: str, data: bytes) -> FileFact:
    return FileFact(as_parts(path), len(data), hashlib.sha256(data).digest())


def test_an_image_is_its_layers_items_and_other_files(tmp_path: Path) -> None:
    lower = archive(item_at(LIB, data=b"data"), directory(b"usr/"), hard_link(b"usr/data", LIB[1:].encode() + b"/data"))
    upper = archive(
        item_at(WEB, data=b"web", _stanza=STANZA, _copyright=b"in the public domain"),
        file(b"usr/z", b"zz"),
        hard_link(b"a", b"usr/z"),
        hard_link(b"z", b"usr/z"),
        symlink(b"link", b"z"),
    )
    runtime = {
        "Entrypoint": ["/init"],
        "Cmd": ["x", "y"],
        "User": "web",
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "Volumes": {"/data": {}},
    }
    history = [{"created_by": "first", "comment": "a library"}, {"created_by": "second"}]
    path = write_archive(
        RawImage(
            lower, upper, config={"config": runtime, "history": history, "created": "2026-01-01T00:00:00Z"}
        ).layout(),
        tmp_path / "image.tar",
    )
    found = image_facts(path, no_record)
    web = (
        fact("/data", b"web"),
        fact("/share/doc/x/copyright", b"in the public domain"),
        fact("/share/sysimage/packages/web", STANZA),
    )
    package = PackageFact("web", "2", "amd64", "web", 3072)
    size = sum(one.size for one in web)
    assert replace(found, facts=(), items=()) == Facts(
        kind="image",
        name=str(path),
        facts=(),
        layers=(
            LayerFact(sha256(lower), sha256(lower), len(lower), "a library"),
            LayerFact(sha256(upper), sha256(upper), len(upper), "second"),
        ),
        items=(),
        roots=(LIB, WEB),
        moves_always=0,
        others={2: (fact("/a", b"zz"),)},
    )
    assert [replace(one, files=tuple(sorted(one.files, key=lambda file: file.parts))) for one in found.items] == [
        ItemFact(LIB, 1, 4, (), files=(fact("/data", b"data"),)),
        ItemFact(WEB, 2, size, (), package, ("public-domain",), web),
    ]
    facts = dict(found.facts)
    assert list(facts) == ["digest", "image ID", "platform", "created", "starts", "user", "ports", "volumes"]
    assert facts.pop("digest").startswith("sha256:")
    assert facts.pop("image ID").startswith("sha256:")
    assert facts == {
        "platform": "linux/amd64",
        "created": "2026-01-01T00:00:00Z",
        "starts": "/init x y",
        "user": "web",
        "ports": "53/udp 80/tcp",
        "volumes": "/data",
    }
    assert [name for name, _ in read(tmp_path, lower).facts] == ["digest", "image ID", "platform"]


def test_names_of_a_docker_archive_are_its_first_fact(tmp_path: Path) -> None:
    path = write_archive(RawImage(archive(file(b"x"))).docker_archive(), tmp_path / "docker.tar")
    found = image_facts(path, no_record)
    assert (found.name, found.facts[0], found.facts[1][0]) == ("raw:1", ("names", "raw:1"), "image ID")
    layer = sha256(archive(file(b"x")))
    assert [(one.identity, one.diff_id) for one in found.layers] == [(layer, layer)]


def path(text: str) -> StorePath:
    return StorePath.parse(text)


def store_item(text: str, size: int, *references: str, location: Path | None = None) -> StoreItem:
    return StoreItem(path(text), Digest("0" * 64), size, tuple(sorted(map(path, references))), location=location)


def test_without_a_database_references_and_reasons_are_those_of_the_record(tmp_path: Path) -> None:
    gone = path_of("gone-1")
    closure = Closure(
        [store_item(LIB, 10, LIB), store_item(WEB, 20, LIB, gone, WEB), store_item(gone, 5)], [path(WEB), path(gone)]
    )
    plan = LayerPlan(
        (
            PlannedLayer((path(gone),), 5, "is not there"),
            PlannedLayer((path(LIB),), 10, "alone", 1.5),
            PlannedLayer((path(WEB),), 20, "the rest", 0.5),
        ),
        9,
    )
    layers = [archive(item_at(LIB, data=b"1")), archive(item_at(WEB, data=b"2")), archive(file(b"x"))]
    found = read(tmp_path, *layers, record=Record(closure, plan))
    assert {one.path: one.references for one in found.items} == {LIB: (), WEB: (LIB,)}
    assert found.roots == (WEB,)
    assert [(one.reason, one.pulls_per_year) for one in found.layers] == [("alone", 1.5), ("the rest", 0.5), ("", None)]
    for propagates in (True, False):
        memory = replace(plan.memory, propagates=propagates)
        record = Record(closure, replace(plan, memory=memory))
        assert read(tmp_path, *layers, record=record).propagates is propagates


def test_a_database_that_cannot_be_read_gives_no_references_and_moves_its_layer(tmp_path: Path) -> None:
    database = archive(file(b"var/guix/db/db.sqlite", b"not a database"))
    found = read(tmp_path, archive(item_at(LIB, data=b"1")), database, archive(file(b"x")))
    assert (found.moves_always, found.roots, dict(found.facts)["store"]) == (2, (LIB,), "guix, 1 items")
    nix = read(tmp_path, archive(file(b"nix/var/nix/db/db.sqlite", b"no")))
    assert (nix.moves_always, dict(nix.facts)["store"]) == (1, "nix, 0 items")


def test_an_item_is_of_a_package_if_it_has_one_stanza_that_can_be_read(tmp_path: Path) -> None:
    def packages(*stanzas: bytes) -> PackageFact | None:
        below = WEB[1:].encode() + b"/share/sysimage/packages/"
        rows = b"".join(file(below + b"%d" % at, text) for at, text in enumerate(stanzas))
        (found,) = read(tmp_path, archive(item_at(WEB), rows)).items
        return found.package

    package = PackageFact("web", "2", "amd64", "web", 3072)
    assert packages(STANZA) == packages(STANZA, b"nothing") == package
    assert packages(STANZA, STANZA) is None
    assert packages() is None
    assert packages(STANZA + b" " * (LARGEST_FILE - len(STANZA))) == package
    assert packages(STANZA + b" " * (LARGEST_FILE - len(STANZA) + 1)) is None


def test_what_specs_in_the_image_name_is_declared_whatever_other_files_have_the_name(tmp_path: Path) -> None:
    layers = [archive(item_at(WEB, _stanza=STANZA)), archive(item_at(LIB, _spec=b'{"packages": ["web=2"]}'))]
    assert read(tmp_path, *layers).declared == {WEB}
    for text in (b"no json", b"{}", b'{"packages": 3}', b'{"packages": ["lib"]}'):
        other = archive(item_at(path_of("aaa"), _spec=text), file(b"system.json", b'{"packages": ["web"]}'))
        assert read(tmp_path, layers[0], other).declared == frozenset()
        assert read(tmp_path, layers[0], other, layers[1]).declared == {WEB}


def test_an_item_that_is_a_file_is_called_by_its_name_and_empty_ones_are_there(tmp_path: Path) -> None:
    single = path_of("single")
    found = read(tmp_path, archive(file(single[1:].encode(), b"123"), directory(LIB[1:].encode() + b"/", 0o555)))
    assert {one.path: [(file.parts, file.size) for file in one.files] for one in found.items} == {
        single: [((single.rpartition("/")[2].encode(),), 3)],
        LIB: [],
    }


def test_a_file_of_two_items_is_the_firsts_and_its_layer_counts(tmp_path: Path) -> None:
    first, second = sorted((LIB, WEB))
    again = hard_link(second[1:].encode() + b"/x", first[1:].encode() + b"/data")
    layer = archive(item_at(first, data=b"data"), item_at(second), again)
    found = {one.path: one for one in read(tmp_path, archive(file(b"x")), layer).items}
    assert [(file.parts, file.size) for file in found[first].files] == [((b"data",), 4)]
    assert (found[second].files, found[first].layer, found[second].layer) == ((), 2, 2)


def test_licences_of_several_copyright_files_are_sorted(tmp_path: Path) -> None:
    text = b"Format: x\nLicense: GPL-2 or MIT or BSD and Zlib, and Apache-2.0 or Expat or ISC\n"
    expected = ("Apache-2.0", "BSD", "Expat", "GPL-2", "ISC", "MIT", "Zlib", "public-domain")
    place = WEB[1:].encode()
    more = directory(place + b"/share/doc/y/", 0o555) + file(place + b"/share/doc/y/copyright", b"in the public domain")
    (found,) = read(tmp_path, archive(item_at(WEB, _copyright=text), more)).items
    assert found.licences == expected
    for name, data in (("x", text), ("y", b"in the public domain")):
        (tmp_path / "web/share/doc" / name).mkdir(parents=True)
        (tmp_path / "web/share/doc" / name / "copyright").write_bytes(data)
    closure = Closure([store_item(WEB, 20, location=tmp_path / "web")], [path(WEB)])
    plan = LayerPlan((PlannedLayer((path(WEB),), 20, "alone"),), 9)
    assert plan_facts(Record(closure, plan), "web").items[0].licences == expected


def test_an_image_of_more_entries_than_may_be_is_refused(tmp_path: Path) -> None:
    path = write_archive(RawImage(archive(file(b"a"), file(b"b")), archive(file(b"c"))).layout(), tmp_path / "a.tar")
    told: list[tuple[Any, ...]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        told.append((stage, done, total, unit))

    image_facts(path, no_record, progress, limits=replace(DEFAULT_LIMITS, entries=3))
    assert told == [("read", 1, 2, "layers"), ("read", 2, 2, "layers")]
    with pytest.raises(IntegrityError, match="more than 2 entries"):
        image_facts(path, no_record, limits=replace(DEFAULT_LIMITS, entries=2))


def test_a_plan_is_its_layers_and_items_as_the_machine_has_them(tmp_path: Path) -> None:
    place = tmp_path / "web"
    for name, text in (("share/sysimage/packages/web", STANZA), ("share/doc/a/copyright", b"in the public domain")):
        (place / name).parent.mkdir(parents=True)
        (place / name).write_bytes(text)
    (place / "share/doc/b").mkdir()
    (place / "share/doc/b/copyright").symlink_to(os.devnull)
    (tmp_path / "lib").mkdir()
    closure = Closure(
        [store_item(LIB, 10, LIB, location=tmp_path / "lib"), store_item(WEB, 20, LIB, WEB, location=place)],
        [path(WEB)],
    )
    layer = PlannedLayer(tuple(sorted((path(LIB), path(WEB)))), 30, "together", 1.5)
    plan = LayerPlan((layer,), 9)
    left = LeftOutFact(WEB, "manuals", 1, 2)
    found = plan_facts(Record(closure, plan), "web", left_out=iter([left]), customization=7)
    assert found == Facts(
        kind="plan",
        name="web",
        facts=(("items", "2"), ("layers", "2 of at most 9")),
        layers=(
            LayerFact("", "", 30, "lib-1, web-2", "together", 1.5),
            LayerFact("", "", 7, "boot program, store database, GC roots, accounts and /etc"),
        ),
        items=(
            ItemFact(LIB, 1, 10, ()),
            ItemFact(WEB, 1, 20, (LIB,), PackageFact("web", "2", "amd64", "web", 3072), ("public-domain",)),
        ),
        roots=(WEB,),
        moves_always=2,
        left_out=(left,),
    )
    (place / "share/sysimage/packages/other").write_bytes(STANZA)
    bare = plan_facts(Record(closure, LayerPlan((replace(layer, customized=True),), 1)), "web")
    assert (len(bare.layers), bare.moves_always, bare.left_out) == (1, 1, None)
    assert [one.package for one in bare.items] == [None, None], "an item of two packages is of none"
    nowhere = Closure([replace(one, location=None) for one in closure], [path(WEB)])
    assert [(one.package, one.licences) for one in plan_facts(Record(nowhere, plan), "web").items] == [(None, ())] * 2
    remembers = replace(plan, memory=replace(plan.memory, propagates=False))
    assert not plan_facts(Record(closure, remembers), "web").propagates
    (place / "share/doc/a/copyright").write_bytes(b"in the public domain".ljust(LARGEST_FILE))
    assert plan_facts(Record(closure, plan), "web").items[1].licences == ("public-domain",)
    (place / "share/doc/a/copyright").write_bytes(b"in the public domain".ljust(LARGEST_FILE + 1))
    assert plan_facts(Record(closure, plan), "web").items[1].licences == ()


@pytest.mark.parametrize(
    ("text", "licences"),
    [
        (b"Format: x\nLicense: " + b"a" * 80, {"a" * 80}),
        (b"Format: x\nLicense: " + b"a" * 81, set()),
        (b"Format: x\nLicense: GPL-2 with an exception, or Expat and BSD", {"GPL-2", "Expat", "BSD"}),
        (b"\n Format: x\nLicense: A\n", {"A"}),
        (b"License: A\nsee /usr/share/common-licenses/GPL-2.", {"GPL-2"}),
        (b"Format: x\nsee /usr/share/common-licenses/Apache-2.0, in the public domain", {"Apache-2.0"}),
        (b"Permission to use, copy, modify,\n and distribute this software", {"ISC"}),
        (b" " * (LARGEST_FILE - 20) + b"in the public domain", {"public-domain"}),
        (b" " * (LARGEST_FILE - 19) + b"in the public domain", set()),
    ],
)
def test_licences_are_looked_for_where_a_copyright_file_says_most(text: bytes, licences: set[str]) -> None:
    assert read_licences(text) == licences


def test_a_stanza_counts_its_first_fields_and_numbers_alone() -> None:
    assert read_stanza(b"PACKAGE: a\nversion:1:2\nVersion: 3\n Source: no\nSource: s (1)\nno field\n") == PackageFact(
        "a", "1:2", "", "s", None
    )
    for size, expected in ((b"0", 0), (b"9" * 12, 999999999999 * 1024), (b"9" * 13, None), (b"-1", None)):
        found = read_stanza(b"Package: a\nVersion: 1\nInstalled-Size: " + size)
        assert found is not None
        assert found.installed_size == expected
    assert read_stanza(b"Package: a\n") is read_stanza(b"Package:\nVersion: 1\n") is None
    assert is_read(as_parts("/gnu/store/x/share/sysimage/packages/web"))
    assert not is_read(as_parts("/gnu/store/x/share/sysimage/packages/web/more"))
    assert not is_read(as_parts("/usr/doc/web/copyright"))
    assert not is_read(as_parts("/usr/share/docs/web/copyright"))
