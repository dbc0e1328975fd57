"""Building many layers: the result is the plan's, however many work on it, and known layers are not read."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.blobs import BlobDirectory
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, MachineError, SysimageError
from sysimage.files.checksummed_file import write_checksummed
from sysimage.layers import (
    BrokenPromiseError,
    Check,
    Compression,
    LayerBlob,
    LayerCache,
    LayerChecks,
    LayerSource,
    build_layers,
    layer_key,
    tar_size,
    write_layer,
    write_tar,
)
from sysimage.notices import listen_to_notices
from sysimage.rootfs import Entry
from sysimage.store.scan import Candidates
from sysimage.streams.sink import plain_sink
from sysimage.workers import Report, run_tasks
from tests.support.damaged import flip_a_byte
from tests.support.refusing import refuse_to_open
from tests.support.stores import make_item

NONE, GZIP = Compression.parse("none"), Compression.parse("gzip")


@pytest.fixture
def sources(tmp_path: Path) -> list[LayerSource]:
    items = [make_item(tmp_path / "store", f"item-{n}", {"file": "x" * n * 1000, "bin/run": b"y"}) for n in range(6)]
    return [
        *(LayerSource(item.path.name, (item,)) for item in items[:4]),
        LayerSource("the rest", tuple(items[4:])),
        LayerSource("customization", (), (Entry.file("/etc/passwd", b"root:x:0:0::/:/bin/sh\n"),)),
    ]


@pytest.fixture
def cache(tmp_path: Path) -> LayerCache:
    return LayerCache(tmp_path / "cache")


def refusing_to_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on an item's file cannot be opened."""
    real = os.open

    def refuse(path: object, *arguments: int) -> int:
        if isinstance(path, bytes):
            raise AssertionError(f"opened {path!r}")
        return real(path, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)


@pytest.mark.parametrize("name", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_plans_order_for_any_number_of_workers(
    sources: list[LayerSource], tmp_path: Path, workers: int, name: str
) -> None:
    blobs = BlobDirectory(tmp_path / "blobs")
    layers = build_layers(sources, blobs, compression=Compression.parse(name), workers=workers)

    assert [layer.label for layer in layers] == [source.label for source in sources]
    for source, layer in zip(sources, layers, strict=True):
        pieces: list[bytes] = []
        write_tar(source, lambda piece, pieces=pieces: pieces.append(bytes(piece)))  # type: ignore[misc]
        assert layer.diff_id == Digest.of(b"".join(pieces))
        blobs.verify(layer.descriptor)


def test_nothing_is_opened_when_nothing_changed(
    sources: list[LayerSource], cache: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build_layers(sources, cache, compression=NONE)
    refusing_to_open(monkeypatch)

    assert build_layers(sources, cache, compression=NONE) == before
    assert build_layers(sources, cache, compression=NONE, workers=2) == before


def test_one_changed_item_costs_its_layer_only(
    sources: list[LayerSource], cache: LayerCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build_layers(sources, cache, compression=NONE)
    changed = make_item(tmp_path / "store", "item-2b", {"file": "changed"})
    sources[2] = LayerSource("changed", (changed,))
    opened = []
    real = os.open

    def record(path: object, *arguments: int) -> int:
        if isinstance(path, bytes):
            opened.append(path)
        return real(path, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", record)
    after = build_layers(sources, cache, compression=NONE)

    assert opened == [os.fsencode(changed.location or "") + b"/file"]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False, True, True, True]


@pytest.mark.parametrize(("layers", "workers", "threads"), [(1, 1, 0), (1, 3, 3), (2, 2, 0), (2, 3, 0), (0, 2, 0)])
def test_workers_without_a_layer_of_their_own_help_with_those_of_others(
    sources: list[LayerSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layers: int, workers: int, threads: int
) -> None:
    made = tmp_path / "made"

    class Noted(ThreadPoolExecutor):
        def __init__(self, most: int) -> None:
            super().__init__(most)
            with made.open("a") as file:
                file.write("x")

    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor", Noted)
    made.touch()
    build_layers(sources[:layers], BlobDirectory(tmp_path), compression=Compression.parse("zstd"), workers=workers)
    assert len(made.read_text()) == threads


def test_a_layer_found_again_carries_its_new_label(sources: list[LayerSource], cache: LayerCache) -> None:
    build_layers(sources[:1], cache, compression=NONE)
    (layer,) = build_layers([LayerSource("renamed", sources[0].items)], cache, compression=NONE)

    assert layer.label == "renamed"


def test_each_input_of_a_layer_is_part_of_its_key(sources: list[LayerSource], tmp_path: Path) -> None:
    item, other = sources[0].items[0], sources[1].items[0]
    (tmp_path / "host").write_text("one")
    variants = [
        LayerSource("x", (item,)),
        LayerSource("x", (other,)),
        LayerSource("x", (item, other)),
        LayerSource("x", (item,), uid=1),
        LayerSource("x", (item,), gid=1),
        LayerSource("x", (item,), parents=(Entry.directory("/gnu/store", 0o755),)),
        LayerSource("x", (item,), (Entry.file("/a", b"1"),)),
        LayerSource("x", (item,), (Entry.file("/a", b"2"),)),
        LayerSource("x", (item,), (Entry.file("/a", b"2", 0o600),)),
        LayerSource("x", (item,), (Entry.file("/a", b"2", uid=5),)),
        LayerSource("x", (item,), (Entry.symlink("/a", "b"),)),
        LayerSource("x", (item,), (Entry.file("/a", tmp_path / "host"),)),
    ]
    keys = [layer_key(variant, NONE) for variant in variants]
    (tmp_path / "host").write_text("two")
    keys += [layer_key(variants[-1], NONE), layer_key(variants[0], GZIP)]

    assert len(set(keys)) == len(keys)
    assert layer_key(LayerSource("other label", (item,), parents=(Entry.directory("/var"),)), NONE) == keys[0]


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "grow"])
def test_a_damaged_blob_in_the_cache_is_built_again(sources: list[LayerSource], cache: LayerCache, damage: str) -> None:
    before = build_layers(sources, cache, compression=NONE)
    path = cache.blobs.path(before[1].descriptor.digest)
    data = path.read_bytes()
    path.unlink()
    if damage != "remove":
        path.write_bytes({"flip": b"\1" + data[1:], "truncate": data[:-1], "grow": data + b"\0"}[damage])

    assert build_layers(sources, cache, compression=NONE) == before
    assert path.read_bytes() == data


def test_a_blob_with_another_byte_and_its_old_times_is_made_again(
    sources: list[LayerSource], cache: LayerCache
) -> None:
    before = build_layers(sources, cache, compression=GZIP)
    blob = cache.blobs.path(before[1].descriptor.digest)
    data = blob.read_bytes()
    flip_a_byte(blob)
    with listen_to_notices((heard := list[str]()).append):
        assert build_layers(sources, cache, compression=GZIP) == before
    assert blob.read_bytes() == data
    assert len(heard) == 1
    assert "a layer in the cache was damaged and is made again" in heard[0]
    assert blob.name in heard[0]


@pytest.mark.parametrize("field", ["diff_id", "size", "digest", "tar_size", "checked", "stamp", "label"])
def test_a_record_with_other_content_is_not_believed(
    sources: list[LayerSource], cache: LayerCache, tmp_path: Path, field: str
) -> None:
    before = build_layers(sources, cache, compression=NONE)
    for path in (tmp_path / "cache/layers").glob("*.memo"):
        text, begin = path.read_text(), path.read_text().index(f'"{field}"') + len(field) + 3
        changed = text[:begin] + re.sub("[0-9a-z]", lambda m: "b" if m[0] == "a" else "1", text[begin:], count=8)
        changed = changed.replace("1111", "true", 1) if field == "checked" else changed
        assert changed != text
        path.write_text(changed)
    assert list(cache.layers()) == []
    with listen_to_notices((heard := list[str]()).append):
        assert build_layers(sources, cache, compression=NONE) == before
    assert len(heard) == len(sources)


def test_a_record_of_an_older_version_is_ignored_in_silence(
    sources: list[LayerSource], cache: LayerCache, tmp_path: Path
) -> None:
    before = build_layers(sources, cache, compression=NONE)
    records = list((tmp_path / "cache/layers").glob("*.memo"))
    for path in records:
        path.rename(path.with_suffix(".json"))
    (tmp_path / "cache/layers/older.memo").write_text("")
    write_checksummed(tmp_path / "cache/layers/older.memo", b'{"key": "and other fields"}', durable=False)
    assert list(cache.layers()) == []
    assert cache.damaged_records() == ()
    with listen_to_notices((heard := list[str]()).append):
        assert build_layers(sources, cache, compression=NONE) == before
    assert heard == []
    assert cache.prune(1 << 30) == 0
    assert sorted((tmp_path / "cache/layers").iterdir()) == sorted(records)


def test_a_restored_cache_is_read_once_and_then_believed(
    sources: list[LayerSource], cache: LayerCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build_layers(sources, cache, compression=NONE)
    subprocess.run(["cp", "-a", tmp_path / "cache", tmp_path / "restored"], check=True)
    restored = LayerCache(tmp_path / "restored")
    assert build_layers(sources, restored, compression=NONE) == before
    refuse_to_open(monkeypatch, tmp_path / "restored/blobs")
    assert build_layers(sources, restored, compression=NONE) == before


def test_a_file_of_the_spec_that_changes_while_it_is_read_gives_no_layer(cache: LayerCache, tmp_path: Path) -> None:
    (tmp_path / "motd").write_text("before")
    source = LayerSource("motd", (), (Entry.file("/etc/motd", tmp_path / "motd"),))

    def change(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        (tmp_path / "motd").write_text("after!")

    with pytest.raises(IntegrityError, match="a file changed while it was read"):
        build_layers([source], cache, compression=NONE, progress=change)
    assert list(cache.layers()) == []


def test_what_an_ended_worker_was_writing_is_gone_when_the_error_is_raised(cache: LayerCache, tmp_path: Path) -> None:
    (tmp_path / "motd").write_text("before")
    source = LayerSource("motd", (), (Entry.file("/etc/motd", tmp_path / "motd"),))
    part = f".blob.{'0' * 12}.part"

    def leave(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        for directory in (cache.blobs.path(Digest("0" * 64)).parent, cache.record_path("x").parent):
            directory.mkdir(parents=True, exist_ok=True)
            (directory / part).write_text("half of it")
        (tmp_path / "motd").write_text("after!")

    with pytest.raises(IntegrityError, match="a file changed while it was read"):
        build_layers([source], cache, compression=NONE, progress=leave)
    assert not list((tmp_path / "cache").rglob(".*.part"))


def test_a_host_file_whose_digest_is_known_is_proven_while_it_is_read(cache: LayerCache, tmp_path: Path) -> None:
    (tmp_path / "sudo").write_bytes(b"program")
    entry = replace(Entry.file("/usr/bin/sudo", tmp_path / "sudo", 0o4755), known_digest=Digest.of(b"program"))
    source = LayerSource("privileged", (), (entry,))
    assert build_layers([source], BlobDirectory(tmp_path / "blobs"), compression=NONE)
    flip_a_byte(tmp_path / "sudo")
    with pytest.raises(BrokenPromiseError) as caught:
        build_layers([source], cache, compression=NONE)
    found = Digest.of((tmp_path / "sudo").read_bytes())
    assert str(caught.value).splitlines() == [
        "cannot use what the store holds: it is not what the store says of it",
        f"  {tmp_path}/sudo: its digest is {found}, where {Digest.of(b'program')} was promised",
    ]
    assert caught.value.hint == "items were changed or damaged; repair them in their store"
    assert list(cache.layers()) == []


def test_a_blob_that_only_looks_touched_is_hashed_and_kept(sources: list[LayerSource], cache: LayerCache) -> None:
    before = build_layers(sources, cache, compression=NONE)
    os.utime(cache.blobs.path(before[0].descriptor.digest), (1, 1))
    inode = cache.blobs.path(before[0].descriptor.digest).stat().st_ino

    assert build_layers(sources, cache, compression=NONE) == before
    assert cache.blobs.path(before[0].descriptor.digest).stat().st_ino == inode


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[]", b"null", b'{"key": "other"}', b"\xff\xfe", b"[" * 100_000])
def test_a_record_that_cannot_be_read_is_a_miss(
    sources: list[LayerSource], cache: LayerCache, tmp_path: Path, rubbish: bytes
) -> None:
    before = build_layers(sources, cache, compression=NONE)
    for record in (tmp_path / "cache/layers").glob("*.memo"):
        record.write_bytes(rubbish)
        write_checksummed(record.with_name(f"sealed-{record.name}"), rubbish.decode("latin-1").encode(), durable=False)

    assert list(cache.layers()) == []
    assert build_layers(sources, cache, compression=NONE) == before


def test_the_cache_can_be_inspected(sources: list[LayerSource], cache: LayerCache) -> None:
    layers = build_layers(sources, cache, compression=NONE)

    assert {record.blob for record in cache.layers()} == set(layers)
    assert {record.contents for record in cache.layers()} == {
        tuple(map(str, (i.path for i in source.items))) + tuple(e.path for e in source.entries) for source in sources
    }


def test_no_other_user_reads_what_the_cache_holds(sources: list[LayerSource], tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        build_layers(sources, LayerCache(tmp_path / "new" / "layers"), compression=NONE)
    finally:
        os.umask(before)
    assert (tmp_path / "new/layers").stat().st_mode & 0o777 == 0o700


def test_the_cache_is_bounded_and_forgets_what_was_unused_longest(
    sources: list[LayerSource], cache: LayerCache, tmp_path: Path
) -> None:
    layers = build_layers(sources, cache, compression=NONE)
    for age, source in enumerate(sources):
        os.utime(cache.record_path(layer_key(source, NONE)), (age, age))
    cache.blobs.put(b"nobody knows me", "text/plain")
    room = sum(layer.descriptor.size for layer in layers[3:])

    freed = cache.prune(room)

    assert [record.blob for record in cache.layers()] == list(layers[3:])
    assert set(cache.blobs.digests()) == {layer.descriptor.digest for layer in layers[3:]}
    assert freed == sum(layer.descriptor.size for layer in layers[:3]) + len(b"nobody knows me")


def test_an_older_layer_does_not_stay_where_a_younger_one_had_to_go(
    sources: list[LayerSource], cache: LayerCache
) -> None:
    layers = build_layers(sources, cache, compression=NONE)
    oldest, large, youngest = 0, 3, 5
    for age, at in enumerate((oldest, large, youngest), 1):
        os.utime(cache.record_path(layer_key(sources[at], NONE)), (age, age))
    for at in {*range(len(sources))} - {oldest, large, youngest}:
        cache.drop(layer_key(sources[at], NONE))
    small = [layers[at].descriptor.size for at in (oldest, youngest)]
    assert sum(small) < small[1] + layers[large].descriptor.size
    cache.prune(sum(small))
    assert [record.blob for record in cache.layers()] == [layers[youngest]]


def test_nothing_is_pruned_while_another_process_builds(sources: list[LayerSource], cache: LayerCache) -> None:
    layers = build_layers(sources, cache, compression=NONE)
    with cache.in_use():
        assert cache.prune(0) == 0
    assert all(cache.blobs.has(layer.descriptor) for layer in layers)
    assert cache.prune(0) > 0


def test_builds_that_share_a_cache_agree(sources: list[LayerSource], tmp_path: Path) -> None:
    def build(number: int, report: Report) -> tuple[LayerBlob, ...]:
        return build_layers(sources, LayerCache(tmp_path / "cache"), compression=GZIP)

    results = run_tasks(range(8), build, 4, abs)

    assert len(set(results.values())) == 1
    assert not list((tmp_path / "cache").rglob(".*.part"))


def test_an_error_in_a_worker_is_raised_here_with_its_hint(sources: list[LayerSource], tmp_path: Path) -> None:
    location = sources[2].items[0].location
    assert location
    os.mkfifo(location / "pipe")

    with pytest.raises(IntegrityError, match="it is neither a file") as caught:
        build_layers(sources, BlobDirectory(tmp_path / "blobs"), compression=NONE, workers=2)

    assert caught.value.hint
    build_layers(sources[:2], BlobDirectory(tmp_path / "blobs"), compression=NONE)
    assert not list((tmp_path / "blobs").rglob(".*.part"))


def test_a_task_is_asked_for_when_a_worker_is_free(tmp_path: Path) -> None:
    def tasks() -> Iterator[str]:
        yield "a"
        yield "b"
        assert list(tmp_path.iterdir()), "the third was asked for before one of the first was done"
        yield "c"

    def work(task: str, report: Report) -> str:
        time.sleep(0.05)
        (tmp_path / task).touch()
        return task.upper()

    assert run_tasks(tasks(), work, 2, abs) == {"a": "A", "b": "B", "c": "C"}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_tasks_are_done_too(workers: int, count: int) -> None:
    assert run_tasks(iter(range(count)), lambda task, _: -task, workers, abs) == {n: -n for n in range(count)}


def test_a_worker_that_is_killed_is_an_error_and_not_a_hang() -> None:
    def die(number: int, report: Report) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    with pytest.raises(MachineError, match="a worker process was killed"):
        run_tasks(range(4), die, 2, abs)


def test_an_exception_of_sysimage_keeps_its_message_across_processes() -> None:
    def fail(number: int, report: Report) -> int:
        raise SysimageError(f"cannot do {number}", hint="do not")

    with pytest.raises(SysimageError, match=r"cannot do \d") as caught:
        run_tasks(range(3), fail, 2, abs)
    assert caught.value.hint == "do not"


def test_progress_counts_bytes_up_to_the_total(sources: list[LayerSource], tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        assert (stage, unit) == ("layers", "bytes")
        seen.append((done, total))

    build_layers(sources, BlobDirectory(tmp_path), compression=NONE, progress=progress)

    total = sum(source.weight for source in sources)
    assert seen[0] == (0, total)
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {whole for _, whole in seen} == {total}

    cache, seen[:] = LayerCache(tmp_path / "cache"), []
    build_layers(sources[:2], cache, compression=NONE)
    build_layers(sources[:2], cache, compression=NONE, progress=progress)
    first, second = (source.weight for source in sources[:2])
    assert seen == [(done, first + second) for done in (0, first, first + second, first + second)], "known layers count"

    seen.clear()
    build_layers([], cache, compression=NONE, progress=progress)
    assert seen == [(0, 0)]


@pytest.mark.parametrize(
    ("kind", "version"), [("zstd", "pyzstd.zstd_version"), ("gzip:6", "zlib.ZLIB_RUNTIME_VERSION")]
)
def test_a_layer_of_another_compressor_is_another_layer(
    sources: list[LayerSource], monkeypatch: pytest.MonkeyPatch, kind: str, version: str
) -> None:
    compression = Compression.parse(kind)
    before, plain = layer_key(sources[0], compression), layer_key(sources[0], NONE)
    monkeypatch.setattr(version, "0.0.1")
    assert layer_key(sources[0], compression) != before
    assert layer_key(sources[0], NONE) == plain


def test_an_item_of_another_length_than_its_store_says_is_named(sources: list[LayerSource], cache: LayerCache) -> None:
    item = sources[0].items[0]
    longer = replace(item, nar_size=item.nar_size + 1)
    with pytest.raises(BrokenPromiseError) as caught:
        build_layers([LayerSource("longer", (longer,))], cache, compression=NONE, check=Check())
    (issue,) = caught.value.issues
    assert issue.where == str(item.path)
    assert issue.message.endswith(f"and {item.nar_size} bytes, its store says {item.nar_hash} and {longer.nar_size}")


@pytest.mark.parametrize("compression", [NONE, GZIP])
@pytest.mark.parametrize("more", [-512, 0, 512])
def test_a_layer_of_another_length_than_promised_is_refused(
    sources: list[LayerSource], compression: Compression, more: int
) -> None:
    promised = LayerChecks(tar_size=tar_size(sources[0]) + more)
    refused = pytest.raises(IntegrityError, match="its files changed while they were read")
    with refused if more else contextlib.nullcontext():
        assert write_layer(sources[0], compression, plain_sink(len), promised).tar_size == tar_size(sources[0])


@pytest.mark.parametrize("workers", [1, 2])
def test_all_items_that_changed_in_their_store_are_named_when_asked_for(
    sources: list[LayerSource], cache: LayerCache, workers: int
) -> None:
    changed = [sources[1].items[0], sources[4].items[1]]
    for item in changed:
        assert item.location
        (item.location / "file").write_text("changed")

    build_layers(sources[:1], cache, compression=NONE, workers=workers, check=Check())
    with pytest.raises(BrokenPromiseError, match="cannot use what the store holds") as caught:
        build_layers(sources, cache, compression=NONE, workers=workers, check=Check())
    assert [issue.where for issue in caught.value.issues] == sorted(str(item.path) for item in changed)
    assert cache.find(layer_key(sources[1], NONE), "x") is None


def test_a_layer_of_items_that_were_believed_is_built_again_when_they_are_to_be_checked(
    sources: list[LayerSource], cache: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = sources[1].items[0].location
    assert location
    content = (location / "file").read_text()
    (location / "file").write_text("changed")
    build_layers(sources, cache, compression=NONE)
    with pytest.raises(BrokenPromiseError):
        build_layers(sources, cache, compression=NONE, check=Check())

    (location / "file").write_text(content)
    mended = build_layers(sources, cache, compression=NONE, check=Check())
    refusing_to_open(monkeypatch)
    assert build_layers(sources, cache, compression=NONE, check=Check()) == mended
    assert build_layers(sources, cache, compression=NONE) == mended


def test_an_item_may_mention_no_other_of_the_image_but_its_references(tmp_path: Path, cache: LayerCache) -> None:
    mentioned = make_item(tmp_path / "store", "mentioned", {"file": "x"})
    honest = make_item(tmp_path / "store", "honest", {"file": f"see {mentioned.path}"})
    honest = replace(honest, references=(mentioned.path,))
    silent = make_item(tmp_path / "store", "silent", {"deep/file": f"see {mentioned.path}", "self": "->deep"})
    stranger = make_item(tmp_path / "store", "stranger", {"file": "x" * 32})
    sources = [LayerSource(item.path.name, (item,)) for item in (mentioned, honest, silent, stranger)]
    everything = Check(Candidates(item.path for source in sources for item in source.items))

    build_layers(sources, cache, compression=NONE, check=Check())
    with pytest.raises(BrokenPromiseError) as caught:
        build_layers(sources, cache, compression=NONE, check=everything)

    assert [(issue.where, issue.message) for issue in caught.value.issues] == [
        (str(silent.path), f"mentions {mentioned.path}, which its store does not call a reference of it")
    ]
    del sources[2]
    assert len(build_layers(sources, cache, compression=NONE, check=everything)) == 3
