"""Each limit is the most that is taken: an image that has exactly so much is read, one that has one more is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pyzstd

from sysimage.errors import IntegrityError
from sysimage.verify import verify_image
from sysimage.verify.limits import Limits
from tests.support.raw_image import INDEX, LAYER, RawImage, descriptor, dump, write_archive, write_directory
from tests.support.raw_tar import archive, directory, file, header, long_name, pax

ROW = b"Package: a\n"
LAYERS = (
    archive(directory(b"d"), file(b"d/f", b"content")),
    archive(
        pax([(b"GNU.sparse.map", b"0,3"), (b"GNU.sparse.size", b"5000"), (b"GNU.sparse.name", b"hole")]),
        file(b"x", b"abc"),
    ),
    archive(file(b"var/lib/dpkg/status.d/a", ROW), file(b"var/lib/dpkg/status.d/b", ROW)) + bytes(700),
    archive(long_name(b"n" * 150), file(b"n")),
    archive(pax([(b"path", b"p" * 100)]), file(b"p")),
)
MADE = RawImage(*LAYERS)
INDEXED = RawImage(*LAYERS)
_MANIFESTS = MADE.layout()["index.json"]
INDEXED.files = {
    f"blobs/sha256/{descriptor(_MANIFESTS, INDEX)['digest'][7:]}": _MANIFESTS,
    "index.json": dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(_MANIFESTS, INDEX)]}),
}
DOCUMENTS = [data for data in MADE.layout().values() if data.startswith(b"{")]
AMOUNTS = {
    "document_size": max(map(len, DOCUMENTS)),
    "document_depth": 3,
    "index_depth": 1,
    "archive_members": len(INDEXED.layout()),
    "entries": 7,
    "uncompressed_size": sum(map(len, LAYERS)) + 5000 - 3,
    "padding": 700,
    "extended_header": 151,
    "captured_file": len(ROW),
    "captured_files": 2 * len(ROW),
    "layers": len(LAYERS),
}
"""What the image has of what each limit is about."""


@pytest.mark.parametrize(("limit", "amount"), AMOUNTS.items(), ids=AMOUNTS)
def test_what_is_as_much_as_a_limit_is_read_and_one_more_is_not(limit: str, amount: int, tmp_path: Path) -> None:
    path = write_archive(INDEXED.layout(), tmp_path / "a.tar")

    def within(amount: int) -> Limits:
        changes: dict[str, Any] = {limit: amount}
        return replace(Limits(), **changes)

    assert verify_image(path, limits=within(amount)).files == 6
    with pytest.raises(IntegrityError):
        verify_image(path, limits=within(amount - 1))


def test_the_amounts_that_are_not_tested_here_refuse_no_image() -> None:
    others = {"zstd_window_log", "remembered_runs", "derivations", "faults_per_rule"}
    assert {*AMOUNTS, *others} == set(Limits.__dataclass_fields__)


@pytest.mark.parametrize("log", [17, 21])
def test_a_window_as_large_as_the_limit_is_taken_and_a_larger_one_is_not(log: int, tmp_path: Path) -> None:
    layer = archive(file(b"f", bytes(range(256)) * (1 << (log - 7))))
    options: dict[int, int] = {pyzstd.CParameter.windowLog: log, pyzstd.CParameter.contentSizeFlag: 0}
    made = RawImage(layer)
    compressor = pyzstd.ZstdCompressor(options)
    made.blobs, made.layer_type = [compressor.compress(layer) + compressor.flush()], LAYER + "+zstd"
    path = write_directory(made.layout(), tmp_path / "layout")
    assert verify_image(path, limits=Limits(zstd_window_log=log)).files == 1
    with pytest.raises(IntegrityError, match="is broken zstd"):
        verify_image(path, limits=Limits(zstd_window_log=log - 1))


@pytest.mark.parametrize("faults", [1, 2, 3, 4])
def test_faults_of_a_kind_are_listed_up_to_the_limit_and_then_counted(faults: int, tmp_path: Path) -> None:
    layer = archive(*[header(b"%d" % number, b"1", link=b"none") for number in range(faults)])
    with pytest.raises(IntegrityError) as caught:
        verify_image(write_directory(RawImage(layer).layout(), tmp_path / "layout"), limits=Limits(faults_per_rule=2))
    issues = [str(issue) for issue in caught.value.issues]
    assert len([issue for issue in issues if "is a hard link to none" in issue]) == min(faults, 2)
    more = [issue for issue in issues if "more faults of this kind: hard links" in issue]
    assert more == ([] if faults <= 2 else [f"{faults - 2} more faults of this kind: hard links"])
