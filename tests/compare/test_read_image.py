"""What an image holds: packages, files, settings, layers and the store's graph, whatever is wrong in some of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from sysimage.compare.compared_contents import HeldFile, HeldLayer, HeldPackage, Holding
from sysimage.compare.read_image import read_image
from sysimage.errors import IntegrityError, MachineError
from sysimage.store.database import Schema
from tests.support.images import build_image
from tests.support.raw_image import RawImage, sha256, write_archive, write_directory
from tests.support.raw_tar import archive, directory, file, hard_link, header, symlink
from tests.support.stores import store_path

WEB, LIB, TOP = (str(store_path(name)) for name in ("web-1", "lib-2", "system"))
ROWS = b"var/lib/dpkg/status.d/"


def read(tmp_path: Path, *layers: bytes, files: bool = True, **config: Any) -> Holding:
    path = write_archive(RawImage(*layers, config=config).layout(), tmp_path / "image.tar")
    return read_image(path, name="web", files=files)


def content(data: bytes) -> str:
    """The digest of a content without names of store items."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def row(name: str, text: str) -> bytes:
    return file(ROWS + name.encode(), f"Package: {name}\n{text}".encode())


def test_packages_are_those_of_rows_with_what_they_depend_on(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        archive(
            row(
                "web", "Version: 1-2\nArchitecture: amd64\nDepends: lib (>= 1), mail-agent | other\nPre-Depends: init\n"
            ),
            row("lib", "Version: 2\nSource: lib-source (1:2.0)\n"),
            row("mta", "Version: 3\nSource: mail\nProvides: mail-agent (= 3), mta-too\n"),
            row("more", "Version: 4\nProvides: mail-agent\nDepends: mta-too\n"),
            row("broken", "no version here\n"),
            row("unversioned", "Architecture: amd64\n"),
            file(ROWS + b"binary", b"\xff\xfe"),
            file(ROWS + b"web.md5sums", b"Package: sums\nVersion: 1\n"),
            file(b"var/lib/dpkg/web", b"Package: elsewhere\nVersion: 1\n"),
        ),
    )
    assert found.packages == {
        "web": HeldPackage("web", "1-2", "amd64", "web", "1-2"),
        "lib": HeldPackage("lib", "2", "", "lib-source", "1:2.0"),
        "mta": HeldPackage("mta", "3", "", "mail", "3"),
        "more": HeldPackage("more", "4", "", "more", "4"),
    }
    assert found.depends == {
        "web": {"lib", "mail-agent", "other", "init", "mta", "more"},
        "lib": set(),
        "mta": set(),
        "more": {"mta-too", "mta"},
    }


def test_files_are_compared_by_what_layers_on_top_of_one_another_show(tmp_path: Path) -> None:
    web, lib = WEB[1:].encode(), LIB[1:].encode()
    lower = archive(
        directory(b"etc/", 0o750, uid=3, gid=4),
        file(b"etc/old", b"old"),
        file(b"etc/gone", b"gone"),
        directory(web + b"/", 0o555),
        file(web + b"/bin", b"run " + LIB.encode() + b"/x", mode=0o555),
        symlink(web + b"/link", b"bin"),
        directory(lib + b"/", 0o555),
        file(lib + b"/data", b"data", mode=0o444),
        file(lib + b"/share/sysimage/packages/lib", b"Package: lib\nVersion: 2\n"),
        directory(b"usr/"),
        hard_link(b"usr/data", lib + b"/data"),
    )
    upper = archive(
        file(b"etc/old", b"newer", mode=0o600, uid=1, gid=2),
        file(b"etc/.wh.gone"),
        symlink(b"etc/web", WEB.encode() + b"/bin"),
        symlink(b"link", b"bin"),
        file(b"var/lib/dpkg/status.d/web", b"Package: web\nVersion: 1\n"),
        file(b"nix/var/nix/db/db.sqlite", b"not a database"),
    )
    found = read(tmp_path, lower, upper)
    assert found.items == {LIB: "lib"}
    assert found.files is not None
    shown = {path: one for path, one in found.files.items() if one.kind != "directory"}
    assert shown == {
        "/etc/old": HeldFile("file", 0o600, 1, 2, 5, content(b"newer"), ""),
        "/etc/web": HeldFile("symlink", 0o777, 0, 0, 0, "/gnu/store/…-web-1/bin", ""),
        "/link": HeldFile("symlink", 0o777, 0, 0, 0, "bin", ""),
        "web-1: /bin": HeldFile("file", 0o555, 0, 0, 4 + len(LIB) + 2, content(b"run //x"), "web-1"),
        "/usr/data": HeldFile("file", 0o444, 0, 0, 4, content(b"data"), "lib"),
    }
    assert found.files["/etc"] == HeldFile("directory", 0o750, 3, 4, 0, "", "")
    assert not any(
        path.startswith(("/gnu/store/", "/var/lib/dpkg/status.d", "/nix/var/nix/db")) for path in found.files
    )
    assert read(tmp_path, lower, upper, files=False).files is None


def test_what_several_items_have_below_usr_belongs_to_none_of_them(tmp_path: Path) -> None:
    web, lib = WEB[1:].encode(), LIB[1:].encode()
    layer = archive(
        *(directory(name + b"/", 0o555) for name in (web, web + b"/share", lib, lib + b"/share", web + b"/only")),
        symlink(lib + b"/name", b"x"),
        directory(b"usr/"),
        directory(b"usr/share/"),
        directory(b"usr/only/"),
        symlink(b"usr/name", b"x"),
    )
    files = read(tmp_path, layer).files or {}
    assert {path: files[path].owner for path in ("/usr/share", "/usr/only", "/usr/name")} == {
        "/usr/share": "",
        "/usr/only": "web-1",
        "/usr/name": "lib-2",
    }


def test_settings_are_what_the_image_starts_with_and_no_hash_is_in_them(tmp_path: Path) -> None:
    runtime = {
        "Entrypoint": [f"{WEB}/init", "-x"],
        "Cmd": ["a", "b"],
        "User": "web",
        "WorkingDir": "/srv",
        "StopSignal": "SIGINT",
        "Healthcheck": {"Test": ["CMD", "true"]},
        "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/data": {}},
        "Env": ["A=1=2", f"LIB={LIB}", "EMPTY="],
        "Labels": {"team": "web"},
    }
    found = read(tmp_path, archive(file(b"x")), config=runtime)
    assert found.configuration == {
        "platform": "linux/amd64",
        "entry point": "/gnu/store/…-web-1/init -x",
        "command": "a b",
        "user": "web",
        "working directory": "/srv",
        "stop signal": "SIGINT",
        "health check": "CMD true",
        "port 80/tcp": "exposed",
        "volume /data": "declared",
        "environment A": "1=2",
        "environment LIB": "/gnu/store/…-lib-2",
        "label team": "web",
    }
    assert read(tmp_path, archive(file(b"x"))).configuration == {"platform": "linux/amd64"}


def test_layers_are_named_by_what_made_them(tmp_path: Path) -> None:
    layers = archive(file(b"a")), archive(file(b"b"))
    history = [{"created_by": "first", "comment": "a file"}, {"empty_layer": True}, {"created_by": "second"}]
    found = read(tmp_path, *layers, history=history)
    assert (found.name, found.kind) == ("web", "image")
    assert found.layers == (
        HeldLayer(sha256(layers[0]), len(layers[0]), "a file"),
        HeldLayer(sha256(layers[1]), len(layers[1]), "second"),
    )
    image = RawImage(*layers)
    docker = write_archive(image.docker_archive(), tmp_path / "docker.tar")
    of_docker = read_image(docker, files=False)
    assert of_docker.name == str(docker)
    assert [layer.digest for layer in of_docker.layers or ()] == [sha256(layer) for layer in layers]


@pytest.mark.parametrize("schema", list(Schema))
def test_the_graph_is_the_databases(schema: Schema, tmp_path: Path) -> None:
    built = build_image(tmp_path, schema=schema, max_layers=3)
    held = read_image(built.archive(tmp_path / "image.tar"), files=False)
    assert held.closure is not None
    assert {item.path: (item.nar_hash, item.nar_size, item.references) for item in held.closure} == {
        item.path: (item.nar_hash, item.nar_size, item.references) for item in built.closure
    }


def test_what_was_asked_for_is_in_the_newest_system_that_is_shown(tmp_path: Path) -> None:
    top, web = TOP[1:].encode(), WEB[1:].encode()

    def system(place: bytes, text: bytes) -> bytes:
        return directory(place + b"/", 0o555) + file(place + b"/system.json", text)

    old = archive(system(top, b'{"packages": ["nginx=1.26", "git"]}'))
    assert read(tmp_path, old).asked == frozenset({"nginx", "git"})
    assert read(tmp_path, old, archive(system(web, b'{"packages": []}'))).asked == frozenset()
    for text in (b"no json", b"{}", b"[]", b'{"packages": 3}', b'{"packages": [3]}'):
        assert read(tmp_path, old, archive(system(web, text))).asked is None
    elsewhere = archive(
        file(b"system.json", b'{"packages": ["no"]}'), directory(web + b"/"), file(web + b"/a/system.json", b"[]")
    )
    assert read(tmp_path, old, elsewhere).asked == frozenset({"nginx", "git"})
    assert (
        read(tmp_path, old, archive(file(top.rpartition(b"/")[0] + b"/.wh." + top.rpartition(b"/")[2]))).asked is None
    )


def test_a_database_that_cannot_be_read_gives_no_graph(tmp_path: Path) -> None:
    for place in (b"var/guix", b"nix/var/nix"):
        assert read(tmp_path, archive(file(place + b"/db/db.sqlite", b"not a database"))).closure is None
        assert read(tmp_path, archive(directory(place + b"/db/db.sqlite/"))).closure is None
    assert read(tmp_path, archive(file(b"x"))).closure is None


def test_an_image_that_cannot_be_followed_is_refused(tmp_path: Path) -> None:
    layer = archive(file(b"x"))
    layout = write_directory(RawImage(layer).layout(), tmp_path / "layout")
    blob = layout / "blobs/sha256" / sha256(layer)[7:]
    blob.write_bytes(header(b"x")[:100])
    with pytest.raises(IntegrityError, match=f"^cannot read {layout}: layer 1 ") as caught:
        read_image(layout, files=True)
    blob.unlink()
    with pytest.raises(IntegrityError) as caught:
        read_image(layout, files=True)
    assert caught.value.message == f"cannot read {layout}: it has no blobs/sha256/{blob.name}, which is layer 1"
    (tmp_path / "short.tar").write_bytes(b"short")
    with pytest.raises((IntegrityError, MachineError), match=f"^cannot read {tmp_path}/short.tar: "):
        read_image(tmp_path / "short.tar", files=True)


def test_a_layer_without_an_end_is_read_and_progress_is_in_bytes(tmp_path: Path) -> None:
    layers = [archive(file(b"a", b"1")), archive(file(b"b", b"22"))[: 512 * 2]]
    path = write_archive(RawImage(*layers).layout(), tmp_path / "image.tar")
    told: list[tuple[Any, ...]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        told.append((stage, done, total, unit))

    assert set(read_image(path, files=True, progress=progress).files or {}) >= {"/a", "/b"}
    total = sum(map(len, layers))
    assert len(told) == 2
    assert told[-1] == ("read layers", total, total, "bytes")
    assert told[0][1] in map(len, layers)
