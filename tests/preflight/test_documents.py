"""Documents of an image are refused before it is written where no engine would read them, at what makes them large."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sysimage.image import ImageConfig, ImageName
from sysimage.image.config import HealthCheck
from sysimage.preflight.documents import check_documents
from sysimage.rules.finding import Finding
from sysimage.rules.limits import DOCUMENT_SIZE


def found(
    config: ImageConfig = ImageConfig("amd64"),  # noqa: B008 - a frozen value
    labels: Sequence[str] = ("a",),
    annotations: dict[str, str] | None = None,
    names: Sequence[ImageName] = (),
    base_layers: int = 0,
    base_history: Sequence[dict[str, object]] = (),
) -> list[Finding]:
    return list(check_documents(config, labels, annotations or {}, names, base_layers, base_history))


def text_of(size: int) -> str:
    """Text of so many bytes, of few characters."""
    return chr(0x1F600) * (size // 4) + "x" * (size % 4)


def size_of(finding: Finding) -> int:
    return int(re.findall(r"would have (\d+) bytes", finding.message)[0])


@pytest.mark.parametrize(
    ("what", "made"),
    [
        ("config", lambda size: found(ImageConfig("amd64", labels=(("a", text_of(size)),)))),
        ("config", lambda size: found(labels=[text_of(size)])),
        ("config", lambda size: found(base_layers=1, base_history=[{"created_by": text_of(size)}])),
        ("manifest", lambda size: found(annotations={"a": text_of(size)})),
    ],
)
def test_a_document_may_be_as_large_as_engines_read(what: str, made: Callable[[int], list[Finding]]) -> None:
    beyond = made(DOCUMENT_SIZE)
    assert [one.message.split()[1] for one in beyond] == [what]
    most = 2 * DOCUMENT_SIZE - size_of(beyond[0])
    assert made(most) == []
    assert [size_of(one) for one in made(most + 1)] == [DOCUMENT_SIZE + 1]


def test_the_size_of_a_manifest_follows_from_its_layers() -> None:
    """Those of the base count as the others do, and an index has the names."""
    text = {"a": text_of(DOCUMENT_SIZE)}
    (one,), (more,) = (
        found(annotations=text),
        found(labels=["a"] * 2, annotations=text, base_layers=2, base_history=[{}] * 2),
    )
    layer = "application/vnd.oci.image.layer.v1.tar+gzip", f"sha256:{0:064}", 10**12
    entry = '{"mediaType":"%s","digest":"%s","size":%d},' % layer  # noqa: UP031 - braces
    assert size_of(more) - size_of(one) == 3 * len(entry)


LARGE = text_of(DOCUMENT_SIZE)
HALF = text_of(DOCUMENT_SIZE // 2)


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        ({"labels": (("a", LARGE), ("b", "x"))}, ("label", "a")),
        ({"labels": ((LARGE, "a"), ("b", "x" * 100))}, ("label", LARGE)),
        ({"labels": (("a", HALF), ("b", HALF))}, ("labels",)),
        ({"labels": (("a", HALF), ("b", HALF + "x"))}, ("label", "b")),
        ({"env": (("A", LARGE), ("B", "x"))}, ("environment", "A")),
        ({"env": ((LARGE, "A"), ("B", "x" * 100))}, ("environment", LARGE)),
        ({"entrypoint": ("a", LARGE)}, ("entry-point", "1")),
        ({"cmd": (LARGE, "a")}, ("command", "0")),
        ({"healthcheck": HealthCheck(("a", "b", LARGE))}, ("health-check", "2")),
        ({"volumes": ("/a", "/" + LARGE)}, ("volume", "/" + LARGE)),
    ],
    ids=range(10),
)
def test_the_largest_part_is_what_is_at_fault(config: dict[str, Any], cause: tuple[str, ...]) -> None:
    """One value that is more than half of its kind, or many together."""
    (finding,) = found(ImageConfig("amd64", **config))
    size = size_of(finding)
    assert DOCUMENT_SIZE < size < DOCUMENT_SIZE + 2000
    assert finding == Finding(
        "documents",
        cause,
        f"the config of the image would have {size} bytes, of which this is the largest part; engines read at most "
        f"{DOCUMENT_SIZE}",
        "keep long texts in files of the image",
    )


def test_names_are_at_fault_where_they_alone_make_a_document_large() -> None:
    names = [ImageName.parse(f"{'x' * 100}:{number:05}") for number in range(40_000)]
    sizes = {finding.message.split()[1]: (finding.cause, size_of(finding)) for finding in found(names=names)}
    whole = 40_000 * len(f'"{names[0]}",')
    assert sizes == {"manifest.json": (("tags",), whole + len(f"sha256:{0:064}") + 20)}
    more = found(ImageConfig("amd64", labels=(("a", text_of(3 << 20)),)), names=names[:39_000])
    assert {one.message.split()[1]: one.cause for one in more}["manifest.json"] == ("tags",)
