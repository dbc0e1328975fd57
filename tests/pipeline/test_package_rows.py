"""What scanners read of Debian packages: next to the files in each layer, on bases too, and proven by the verifier."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from sysimage.closure import Closure
from sysimage.errors import IntegrityError
from sysimage.rootfs.tree import Entry
from sysimage.store.database import Schema
from sysimage.verify import verify_image
from tests.support.builds import build_from_store, registered
from tests.support.images import build_image, customization
from tests.support.scanners import layers
from tests.support.store_builder import ELF, Content, Link, Program, StoreBuilder

STATUS = "var/lib/dpkg/status.d"


def stanza(name: str, version: str) -> str:
    return f"Package: {name}\nVersion: {version}\nArchitecture: amd64\n"


def package(name: str, version: str, more: Content = "") -> dict[str, Any]:
    said = {"sysimage": {"packages": {name: stanza(name, version)}}}
    return {"bin": {name: Program(ELF), "link": Link(name), "data": more}, "share": said}


def store_of(place: Path, version: str = "1:1.0-1") -> Closure:
    store = StoreBuilder(place)
    store.add("bash-5.2", {"bin": {"sh": Program(ELF)}})
    store.add("lib-2", package("lib", "2"))
    number = version.partition(":")[2]
    tool, system = f"tool-{number}", f"system-{number}"
    store.add(tool, package("tool", version, "{lib-2}\n"))
    # A profile, and an item without a package.
    store.add(
        system,
        {"boot": Program(ELF), "share": Link("{" + tool + "}/share"), "lib": Link("{lib-2}"), "sh": Link("{bash-5.2}")},
    )
    return store.closure(system)


def image_of(top: Path, name: str, closure: Closure, **more: Any) -> Path:
    registered(closure, top / f"{name}.registration")
    source = {"paths": [str(closure.roots[0])], "source": f"{name}.registration", "location": f"{name}-store"}
    spec = {"name": name, "from-store": source, "entry-point": [f"{closure.roots[0]}/boot"], **more}
    build_from_store(top, spec, top / f"{name}.tar")
    verify_image(top / f"{name}.tar")
    return top / f"{name}.tar"


def rows_in(archive: Path) -> list[dict[str, bytes]]:
    """What each layer has among the rows, by name."""
    return [
        {Path(name).name: content for name, (member, content) in layer.items() if member.isreg() and STATUS in name}
        for layer in layers(archive)
    ]


def test_a_row_and_its_digests_are_in_the_layer_of_the_item(tmp_path: Path) -> None:
    closure = store_of(tmp_path / "system-store")
    archive = image_of(tmp_path, "system", closure)
    found = {}
    for layer, rows in zip(layers(archive), rows_in(archive), strict=True):
        for name in (name for name in rows if not name.endswith(".md5sums")):
            found[name] = rows[name].decode()
            lines = rows[f"{name}.md5sums"].decode().splitlines()
            listed = {path: digest for digest, path in (line.split("  ", 1) for line in lines)}
            (item,) = (item for item in closure if item.path.name.startswith(name))
            assert item.location is not None
            files = [file for file in item.location.rglob("*") if file.is_file() and not file.is_symlink()]
            assert listed == {
                f"{top}/{file.relative_to(item.location)}": hashlib.md5(file.read_bytes()).hexdigest()
                for file in files
                for top in (str(item.path)[1:], "usr")
            }
            assert {str(item.path)[1:] + f"/{file.relative_to(item.location)}" for file in files} <= layer.keys()
    assert found == {"lib": stanza("lib", "2"), "tool": stanza("tool", "1:1.0-1")}


def test_an_image_in_one_layer_has_all_rows_there(tmp_path: Path) -> None:
    archive = image_of(tmp_path, "system", store_of(tmp_path / "system-store"), **{"max-layers": 1})
    assert [sorted(rows) for rows in rows_in(archive)] == [["lib", "lib.md5sums", "tool", "tool.md5sums"]]


def test_on_a_base_each_version_of_a_package_has_a_row_of_its_own(tmp_path: Path) -> None:
    base = image_of(tmp_path, "base", store_of(tmp_path / "base-store"))
    newer = store_of(tmp_path / "top-store", "1:1.1-1")
    archive = image_of(tmp_path, "top", newer, **{"from-image": "base.tar"})
    (item,) = (item.path.base_name for item in newer if item.path.name == "tool-1.1-1")
    on_top = rows_in(archive)[len(rows_in(base)) :]
    assert {name: text for rows in on_top for name, text in rows.items() if not name.endswith(".md5sums")} == {
        item: stanza("tool", "1:1.1-1").encode()
    }


FAULTS: dict[str, tuple[dict[str, str], str]] = {
    "no row": ({"lib": stanza("lib", "2")}, "is a Debian package, and no file in /var/lib/dpkg/status.d says so"),
    "another version": (
        {"lib": stanza("lib", "2"), "tool": stanza("tool", "1:1.0-2")},
        "reports a package to scanners, and no item of the image is that package",
    ),
    "a stranger": (
        {"lib": stanza("lib", "2"), "tool": stanza("tool", "1:1.0-1"), "x": stanza("x", "1")},
        f"/{STATUS}/x: reports a package to scanners",
    ),
    "digests of nothing": (
        {"lib": stanza("lib", "2"), "tool": stanza("tool", "1:1.0-1"), "x.md5sums": "0  x\n"},
        f"/{STATUS}/x.md5sums: lists the files of no package",
    ),
    "not every file": (
        {"lib": stanza("lib", "2"), "tool": stanza("tool", "1:1.0-1"), "tool.md5sums": "0  x\n"},
        "bin/data",
    ),
}


def image_with(tmp_path: Path, rows: dict[str, str], max_layers: int) -> Path:
    closure = store_of(tmp_path / "store")
    entries = [entry for entry in customization(closure, Schema.GUIX) if entry.path != "/etc/passwd"]
    entries += [Entry.file(f"/{STATUS}/{name}", text.encode()) for name, text in rows.items()]
    return build_image(tmp_path, closure=closure, entries=entries, max_layers=max_layers).archive(tmp_path / "x.tar")


@pytest.mark.parametrize("fault", FAULTS)
def test_rows_that_are_not_what_the_items_are_do_not_verify(fault: str, tmp_path: Path) -> None:
    rows, message = FAULTS[fault]
    with pytest.raises(IntegrityError) as caught:
        verify_image(image_with(tmp_path, rows, 1))
    assert any(message in str(issue) for issue in caught.value.issues), caught.value.issues


def test_digests_in_another_layer_than_their_files_do_not_verify(tmp_path: Path) -> None:
    rows = {"lib": stanza("lib", "2"), "tool": stanza("tool", "1:1.0-1"), "lib.md5sums": "0  x\n"}
    with pytest.raises(IntegrityError) as caught:
        verify_image(image_with(tmp_path, rows, 3))
    assert "the files of" in str(caught.value.issues[0])
