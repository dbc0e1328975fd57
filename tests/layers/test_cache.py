"""The layer cache as a whole: what a key is made of, what a record says, and what is forgotten first."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.blobs import media_types
from sysimage.blobs.file_fingerprint import FileFingerprint
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.layers import Compression, LayerBlob, LayerCache, LayerSource, layer_key
from sysimage.layers.cache import CachedLayer
from sysimage.notices import listen_to_notices
from sysimage.rootfs import Entry
from sysimage.store import StoreItem
from sysimage.store.items import OwnFile, ShownFiles
from tests.support.damaged import flip_a_byte
from tests.support.stores import store_path

NONE = Compression.parse("none")
ITEM = StoreItem(store_path("item"), Digest("0" * 64), 100, location=Path("/nowhere"))
SOURCE = LayerSource("label", (ITEM,), (Entry.file("/etc/x", b"x"), Entry.directory("/srv")))


@pytest.fixture
def cache(tmp_path: Path) -> LayerCache:
    return LayerCache(tmp_path / "cache")


def kept(cache: LayerCache, key: str, data: bytes, *, checked: bool = False, age: int | None = None) -> LayerBlob:
    """A layer that the cache knows, with ``data`` for its blob."""
    with cache.in_use():
        descriptor = cache.blobs.put(data, media_types.LAYER)
        blob = LayerBlob(descriptor, Digest.of(b"tar of " + data), 1024, "label")
        cache.remember(key, blob, SOURCE, checked=checked)
    if age is not None:
        os.utime(cache.record_path(key), (age, age))
    return blob


def keys(cache: LayerCache) -> list[str]:
    return [record.key for record in cache.layers()]


def test_a_record_says_which_blob_a_layer_gave_and_what_it_holds(cache: LayerCache) -> None:
    blob = kept(cache, "key", b"data", checked=True)
    (record,) = cache.layers()
    stamp = FileFingerprint.of(cache.blobs.path(blob.descriptor.digest))
    assert record == CachedLayer("key", blob, (str(ITEM.path), "/etc/x", "/srv"), stamp, checked=True)
    assert cache.find("key", "another") == replace(blob, label="another")
    assert cache.find("other key", "label") is None
    assert CachedLayer("key", blob, (), stamp).checked is False


def test_a_layer_of_items_that_were_not_checked_does_not_count_where_they_must_be(cache: LayerCache) -> None:
    believed, checked = kept(cache, "believed", b"1"), kept(cache, "checked", b"2", checked=True)
    assert cache.find("believed", "label") == believed
    assert cache.find("believed", "label", checked=True) is None
    assert cache.find("checked", "label") == cache.find("checked", "label", checked=True) == checked


def test_a_record_without_its_blob_is_dropped_in_silence_and_a_damaged_one_with_a_notice(cache: LayerCache) -> None:
    gone, damaged = kept(cache, "gone", b"gone"), kept(cache, "damaged", b"damaged")
    cache.blobs.remove(gone.descriptor.digest)
    flip_a_byte(cache.blobs.path(damaged.descriptor.digest))
    heard: list[str] = []
    with listen_to_notices(heard.append):
        assert cache.find("gone", "label") is None
        assert heard == []
        assert keys(cache) == ["damaged"]
        assert cache.find("damaged", "label") is None
    assert len(heard) == 1
    assert heard[0].startswith("a layer in the cache was damaged and is made again (")
    assert keys(cache) == []
    assert list(cache.blobs.digests()) == []


def test_a_blob_that_moved_is_proven_once_and_its_record_renewed(cache: LayerCache) -> None:
    blob = kept(cache, "key", b"data", checked=True)
    path = cache.blobs.path(blob.descriptor.digest)
    (before,) = cache.layers()
    os.utime(path, (5, 5))
    assert cache.find("key", "label") == blob
    (after,) = cache.layers()
    assert after == replace(before, stamp=FileFingerprint.of(path)) != before
    record = cache.record_path("key").read_bytes()
    cache.prove(after)
    assert cache.record_path("key").read_bytes() == record
    flip_a_byte(path)
    with pytest.raises(IntegrityError):
        cache.prove(after)


def test_another_name_of_a_blob_is_noted_where_it_was_right_before(cache: LayerCache, tmp_path: Path) -> None:
    blob = kept(cache, "key", b"data")
    path = cache.blobs.path(blob.descriptor.digest)
    before = FileFingerprint.of(path)
    os.link(path, tmp_path / "other name")
    after = FileFingerprint.of(path)
    cache.linked("no such key", before, after)
    cache.linked("key", replace(before, size=99), after)
    assert [record.stamp for record in cache.layers()] == [before]
    cache.linked("key", before, after)
    assert [record.stamp for record in cache.layers()] == [after]


def test_a_record_is_dropped_with_its_blob(cache: LayerCache) -> None:
    one, two = kept(cache, "one", b"1"), kept(cache, "two", b"22")
    assert cache.size() == 3
    cache.drop("three")
    cache.drop("one")
    assert keys(cache) == ["two"]
    assert list(cache.blobs.digests()) == [two.descriptor.digest]
    assert not cache.blobs.has(one.descriptor)
    assert cache.size() == 2


def test_blobs_that_no_record_knows_and_records_that_are_damaged_are_listed(cache: LayerCache) -> None:
    kept(cache, "known", b"known")
    kept(cache, "damaged", b"of a damaged record")
    stray = cache.blobs.put(b"stray", media_types.LAYER)
    assert cache.damaged_records() == ()
    assert cache.strays() == (cache.blobs.path(stray.digest),)
    flip_a_byte(cache.record_path("damaged"))
    assert cache.damaged_records() == (cache.record_path("damaged"),)
    assert set(cache.strays()) == {
        cache.blobs.path(digest) for digest in (stray.digest, Digest.of(b"of a damaged record"))
    }


def test_layers_are_listed_by_when_they_were_used_last(cache: LayerCache) -> None:
    for key, age in (("b", 30), ("a", 10), ("c", 20)):
        kept(cache, key, key.encode(), age=age)
    assert keys(cache) == ["a", "c", "b"]
    cache.find("a", "label")
    assert keys(cache) == ["c", "b", "a"]


@pytest.mark.parametrize(("room", "left"), [(0, ""), (2, ""), (3, "c"), (4, "c"), (5, "bc"), (6, "abc"), (100, "abc")])
def test_what_was_not_used_for_longest_goes_until_the_rest_fits(cache: LayerCache, room: int, left: str) -> None:
    sizes = {"a": 1, "b": 2, "c": 3}
    for age, (key, size) in enumerate(sizes.items(), 1):
        kept(cache, key, key.encode() * size, age=age)
    cache.blobs.put(b"stray", media_types.LAYER)
    assert cache.prune(room) == 11 - sum(sizes[key] for key in left)
    assert keys(cache) == list(left)
    assert cache.size() == sum(sizes[key] for key in left)


def test_records_of_one_blob_count_once_and_those_without_a_blob_go(cache: LayerCache) -> None:
    for age, (key, data) in enumerate((("old", b"12345"), ("gone", b"gone"), ("same", b"123"), ("again", b"123")), 1):
        kept(cache, key, data, age=age)
    cache.blobs.remove(Digest.of(b"gone"))
    assert cache.prune(8) == 5
    assert keys(cache) == ["same", "again"], "what was used before one that had to go is older"
    assert cache.size() == 3


def test_there_is_nothing_to_prune_before_the_first_build(cache: LayerCache, tmp_path: Path) -> None:
    assert cache.prune(0) == 0
    assert not (tmp_path / "cache").exists()
    assert (cache.size(), keys(cache), cache.strays(), cache.damaged_records()) == (0, [], (), ())


def test_a_key_follows_from_everything_that_a_layer_shows_and_from_nothing_else() -> None:
    def key(shown: ShownFiles | None, *entries: Entry, parents: tuple[Entry, ...] = (), label: str = "x") -> str:
        return layer_key(LayerSource(label, (replace(ITEM, shown=shown),), entries, parents), NONE)

    own, links = {"a": OwnFile(1, 2, 3), "b": OwnFile(4, 5, 6)}, {"c": "1", "d": "2"}
    file = Entry.file("/x", b"")
    xattr = (b"SCHILY.xattr.user.a", b"1")
    variants = [
        key(None),
        key(ShownFiles()),
        key(ShownFiles(("a",))),
        key(ShownFiles(("a", "b"))),
        key(ShownFiles(top="/opt")),
        *(key(ShownFiles(own={"a": one})) for one in (OwnFile(1, 2, 3), OwnFile(9, 2, 3), OwnFile(1, 9, 3))),
        key(ShownFiles(own={"a": OwnFile(1, 2, 9)})),
        key(ShownFiles(own={"b": OwnFile(1, 2, 3)})),
        key(ShownFiles(links={"a": "1"})),
        key(ShownFiles(links={"a": "2"})),
        key(ShownFiles(links={"b": "1"})),
        key(ShownFiles(own=own, links=links)),
        key(None, file),
        key(None, Entry.directory("/x")),
        key(None, Entry.symlink("/x", "y")),
        key(None, replace(file, gid=1)),
        key(None, replace(file, capabilities=b"x")),
        key(None, replace(Entry.directory("/x"), attributes=(xattr,))),
        key(None, replace(Entry.directory("/x"), attributes=((xattr[0], b"2"),))),
        key(None, parents=(Entry.directory("/gnu", 0o700),)),
        key(ShownFiles(), parents=(Entry.directory("/usr/bin", 0o700),)),
        layer_key(LayerSource("x", (replace(ITEM, nar_hash=Digest("1" * 64)),)), NONE),
        layer_key(LayerSource("x", (ITEM,)), Compression("gzip", 2)),
        layer_key(LayerSource("x", (ITEM,)), Compression("gzip", 1)),
    ]
    assert len(set(variants)) == len(variants)
    assert all(len(one) == 64 for one in variants)
    turned = ShownFiles(own=dict(reversed(own.items())), links=dict(reversed(links.items())))
    assert key(turned) == key(ShownFiles(own=own, links=links))
    assert key(None, label="y") == key(None, parents=(Entry.directory("/usr/bin", 0o700),)) == variants[0]
    sized = replace(ITEM, nar_size=9, location=Path("/elsewhere"), source="s", changed=(1,))
    assert layer_key(LayerSource("x", (sized,)), NONE) == variants[0]
