"""Building on other images: layers byte for byte, configs overlaid, stores merged, and hostile bases refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.bases import BaseImageError
from sysimage.closure import Closure
from sysimage.errors import IntegrityError, SpecError, SysimageError
from sysimage.notices import listen_to_notices
from sysimage.store.database import Schema, store_database
from sysimage.verify import verify_image
from tests.support import raw_tar
from tests.support.builds import build_from_store, config_of, on, registered
from tests.support.listing import listing_of_image
from tests.support.raw_image import RawImage, write_archive, write_directory
from tests.support.store_builder import Program, StoreBuilder, static_elf

DEBIAN = raw_tar.archive(
    raw_tar.directory(b"etc", 0o755),
    raw_tar.file(b"etc/passwd", b"root:x:0:0:root:/root:/bin/bash\nmail:x:8:8::/var/mail:/bin/false\n"),
    raw_tar.file(b"etc/group", b"root:x:0:\nmail:x:8:\n"),
    raw_tar.directory(b"root", 0o711),
    raw_tar.directory(b"tmp", 0o1777),
    raw_tar.directory(b"usr/bin", 0o755),
    raw_tar.file(b"usr/bin/dash", static_elf(), mode=0o755),
    raw_tar.symlink(b"usr/bin/sh", b"dash"),
    raw_tar.symlink(b"bin", b"usr/bin"),
)
MORE = raw_tar.archive(raw_tar.directory(b"srv", 0o700), raw_tar.file(b"srv/data", b"data\n"))
RUNTIME = {
    "Entrypoint": ["/bin/sh"],
    "Cmd": ["-l"],
    "Env": ["PATH=/usr/bin", "LANG=C", "EMPTY="],
    "User": "mail",
    "WorkingDir": "/srv",
    "Labels": {"base": "yes", "both": "base"},
    "ExposedPorts": {"80": {}},
    "Volumes": {"/srv": {}},
    "StopSignal": "SIGINT",
    "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000, "StartInterval": 1_000_000_000},
    "Shell": ["/bin/sh", "-ec"],
    "StopTimeout": 3,
    "OnBuild": ["RUN true"],
    "Hostname": "where-it-was-built",
}
HISTORY = [
    {"created": "2020-01-02T03:04:05Z", "created_by": "ADD rootfs.tar /"},
    {"created_by": "ENV LANG=C", "empty_layer": True},
    {"created_by": "COPY data /srv"},
]


def debian(**changes: Any) -> RawImage:
    return RawImage(DEBIAN, MORE, config={"config": RUNTIME, "history": HISTORY, **changes})


def layers_of(path: Path) -> list[bytes]:
    """The blobs of an archive of sysimage, bottom first."""
    import tarfile

    with tarfile.open(path) as archive:
        (entry,) = json.loads(archive.extractfile("manifest.json").read())  # type: ignore[union-attr]
        return [archive.extractfile(name).read() for name in entry["Layers"]]  # type: ignore[union-attr]


FORMS: dict[str, Callable[[RawImage, Path], Path]] = {
    "archive": lambda image, path: write_archive(image.layout(), path),
    "docker-archive": lambda image, path: write_archive(image.docker_archive(), path),
    "layout": lambda image, path: write_directory(image.layout(), path),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_bases_layers_stay_byte_for_byte(form: str, compression: str, tmp_path: Path, closure: Closure) -> None:
    image = debian()
    if compression == "gzip":
        image.blobs = [gzip.compress(layer, mtime=7) for layer in image.layers]
        image.layer_type = "application/vnd.oci.image.layer.v1.tar+gzip"
    FORMS[form](image, tmp_path / "base")
    result = build_from_store(tmp_path, on("base", closure))
    assert layers_of(tmp_path / "top.tar")[:2] == image.blobs
    assert verify_image(tmp_path / "top.tar").items == len(closure)
    types = {layer.descriptor.media_type for layer in result.written.image.layers[:2]}
    assert types == {"application/vnd.oci.image.layer.v1.tar" + ("+gzip" if compression == "gzip" else "")}


def test_a_base_compressed_with_zstd_is_kept_too(tmp_path: Path, closure: Closure) -> None:
    import pyzstd

    image = debian()
    image.blobs = [pyzstd.compress(layer) for layer in image.layers]
    image.layer_type = "application/vnd.oci.image.layer.v1.tar+zstd"
    write_directory(image.layout(), tmp_path / "base")
    build_from_store(tmp_path, on("base", closure))
    assert layers_of(tmp_path / "top.tar")[:2] == image.blobs


def test_the_config_is_overlaid_and_the_history_kept(tmp_path: Path, closure: Closure) -> None:
    write_archive(debian().layout(), tmp_path / "base")
    spec = on(
        "base", closure, environment={"LANG": "C.UTF-8", "MINE": "1"}, labels={"both": "mine", "mine": "yes"},
        volumes=["/data"], **{"exposed-ports": ["80/tcp", "443"]},
    )  # fmt: skip
    value = config_of(build_from_store(tmp_path, spec))
    assert value["config"] == {
        "Entrypoint": ["/bin/sh"],
        "Cmd": ["-l"],
        "Env": ["PATH=/usr/bin", "LANG=C.UTF-8", "EMPTY=", "MINE=1"],
        "User": "mail",
        "WorkingDir": "/srv",
        "Labels": {"base": "yes", "both": "mine", "mine": "yes"},
        "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
        "Volumes": {"/data": {}, "/srv": {}},
        "StopSignal": "SIGINT",
        "Healthcheck": RUNTIME["Healthcheck"],
        "Shell": ["/bin/sh", "-ec"],
        "StopTimeout": 3,
    }
    assert value["history"][:3] == HISTORY
    assert len([entry for entry in value["history"] if not entry.get("empty_layer")]) == len(
        value["rootfs"]["diff_ids"]
    )


def test_a_volume_over_the_store_is_not_taken_over(tmp_path: Path, closure: Closure) -> None:
    """An engine would put an empty directory, or a copy of an older store, in its place."""
    volumes = ["/gnu", "/gnu/store", "/var/guix/profiles", "/link", "/srv/", "/data", "/gnutella"]
    layer = raw_tar.archive(raw_tar.symlink(b"link", b"var"), raw_tar.directory(b"var/guix"))
    image = RawImage(layer, config={"config": {"Volumes": {volume: {} for volume in volumes}}})
    write_archive(image.layout(), tmp_path / "base")
    told: list[str] = []
    with listen_to_notices(told.append):
        value = config_of(build_from_store(tmp_path, on("base", closure, volumes=["/mine"])))
    assert list(value["config"]["Volumes"]) == ["/data", "/gnutella", "/mine", "/srv/"]
    assert [line.split()[6].rstrip(",") for line in told] == ["/gnu", "/gnu/store", "/link", "/var/guix/profiles"]
    assert told[0] == (
        "the base image declares the volume /gnu, in which a container engine would hide the store in /gnu/store: the "
        "image does not take it over"
    )
    verify_image(tmp_path / "top.tar")
    with pytest.raises(BaseImageError) as error:
        build_from_store(tmp_path, on("base", closure, volumes=["/link/guix/db"]))
    assert [str(one) for one in error.value.issues] == [
        "/volumes/0: the base has a link on the way, and /link/guix/db would hide /gnu/store"
    ]


def test_an_entry_point_drops_the_bases_program(tmp_path: Path, closure: Closure) -> None:
    write_archive(debian().layout(), tmp_path / "base")
    spec = on("base", closure, **{"entry-point": ["profile/bin/bash"], "user": "root", "working-directory": "/"})
    runtime = config_of(build_from_store(tmp_path, spec))["config"]
    assert runtime["Entrypoint"] == [f"{closure.roots[0]}/profile/bin/bash"]
    assert (runtime["User"], runtime["WorkingDir"]) == ("root", "/")
    assert not {"Cmd", "Healthcheck"} & runtime.keys()
    kept = config_of(build_from_store(tmp_path, on("base", closure, command=["-c", "true"])))["config"]
    assert (kept["Entrypoint"], kept["Cmd"]) == (["/bin/sh"], ["-c", "true"])


@pytest.mark.parametrize(
    ("declared", "entry_point", "command"),
    [
        ({"entry-point": []}, None, None),
        ({"command": []}, ["/bin/sh"], None),
        ({"entry-point": [], "command": ["/bin/sh", "-l"]}, None, ["/bin/sh", "-l"]),
        ({"entry-point": [], "command": []}, None, None),
    ],
)
def test_an_empty_list_means_no_program_of_the_base(
    declared: dict[str, Any], entry_point: Any, command: Any, tmp_path: Path, closure: Closure
) -> None:
    write_archive(debian().layout(), tmp_path / "base")
    runtime = config_of(build_from_store(tmp_path, on("base", closure, **declared)))["config"]
    assert (runtime.get("Entrypoint"), runtime.get("Cmd")) == (entry_point, command)
    assert ("Healthcheck" in runtime) == ("entry-point" not in declared), "it was about the base's program"
    verify_image(tmp_path / "top.tar")


def test_what_adds_up_is_the_bases_where_the_spec_has_it_empty(tmp_path: Path, closure: Closure) -> None:
    write_archive(debian().layout(), tmp_path / "base")
    empty: dict[str, Any] = {"environment": {}, "labels": {}, "exposed-ports": [], "volumes": []}
    nothing = config_of(build_from_store(tmp_path, on("base", closure)))["config"]
    assert config_of(build_from_store(tmp_path, on("base", closure, **empty)))["config"] == nothing
    unsaid = dict.fromkeys(("user", "stop-signal", "health-check"))
    assert config_of(build_from_store(tmp_path, on("base", closure, **unsaid)))["config"] == nothing


def test_variables_that_we_derive_are_added_to_those_of_the_base(tmp_path: Path) -> None:
    """The base's program is found by its PATH, as in envd#1673; a spec that gives PATH itself replaces it."""
    store = StoreBuilder(tmp_path / "store")
    store.add("tool-1", {"bin": {"tool": Program("#!/bin/sh\n")}})
    closure = store.closure("tool-1")
    registered(closure, tmp_path / "registration")
    runtime = {"Env": ["PATH=/usr/local/bin:/bin", "LANG=C"], "Entrypoint": ["entry"]}
    layer = raw_tar.archive(
        raw_tar.file(b"usr/local/bin/entry", b"#!/bin/sh\n", mode=0o755),
        raw_tar.file(b"bin/sh", static_elf(), mode=0o755),
    )
    write_archive(RawImage(layer, config={"config": runtime}).layout(), tmp_path / "base")
    value = config_of(build_from_store(tmp_path, on("base", closure)))["config"]
    assert value["Env"] == [f"PATH={closure.roots[0]}/bin:/usr/local/bin:/bin", "LANG=C"]
    assert value["Entrypoint"] == ["entry"]
    verify_image(tmp_path / "top.tar")
    spec = on("base", closure, environment={"PATH": "/usr/local/bin"})
    assert config_of(build_from_store(tmp_path, spec))["config"]["Env"] == ["PATH=/usr/local/bin", "LANG=C"]
    write_archive(RawImage(layer, config={"config": {**runtime, "Env": []}}).layout(), tmp_path / "base")
    value = config_of(build_from_store(tmp_path, on("base", closure)))["config"]
    assert value["Env"] == [
        f"PATH={closure.roots[0]}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    ], "where engines look by themselves"
    verify_image(tmp_path / "top.tar")


def test_ours_is_where_the_bases_links_lead_and_its_directories_stay(tmp_path: Path, closure: Closure) -> None:
    write_archive(debian().layout(), tmp_path / "base")
    spec = on("base", closure, symlinks={"/bin/tool": "/app/tool"}, files={"/srv/more": {"text": "more\n"}})
    build_from_store(tmp_path, spec)
    listing = {line.split()[0]: line.split()[1:] for line in listing_of_image(tmp_path / "top.tar").splitlines()}
    assert listing["/bin"][-1] == "usr/bin"
    assert listing["/usr/bin/tool"][-1] == "/app/tool"
    assert listing["/usr/bin/sh"][-1] == "dash"
    assert listing["/root"][1] == "0711"
    assert listing["/srv"][1] == "0700"
    assert {"/srv/data", "/srv/more"} <= listing.keys()
    assert listing["/gnu/store"][1] == "1775"


def test_accounts_join_those_of_the_base(tmp_path: Path, closure: Closure) -> None:
    write_archive(debian().layout(), tmp_path / "base")
    spec = on("base", closure, users={"ann": {"uid": 1000}}, files={"/srv/x": {"text": "", "owner": "ann"}})
    result = build_from_store(tmp_path, spec)
    passwd = result.planned.tree["/etc/passwd"].read()
    assert passwd.splitlines()[:2] == [b"root:x:0:0:root:/root:/bin/bash", b"mail:x:8:8::/var/mail:/bin/false"]
    assert b"ann:x:1000:" in passwd
    group = result.planned.tree["/etc/group"].read()
    assert group.splitlines()[:2] == [b"root:x:0:", b"mail:x:8:"]
    assert b"ann:x:1000:" in group
    joined = build_from_store(tmp_path, on("base", closure, groups={"mail": {"members": ["root"]}, "new": {}}))
    lines = joined.planned.tree["/etc/group"].read().splitlines()
    assert lines[:2] == [b"root:x:0:", b"mail:x:8:root"]
    assert lines[2].startswith(b"new:x:")
    assert "/etc/passwd" not in joined.planned.tree, "to which nothing is added"
    alone = build_from_store(tmp_path, on("base", closure)).planned.tree
    assert not {"/etc/passwd", "/etc/group"} & {entry.path for entry in alone}


def test_half_of_a_surrogate_pair_in_a_base_is_refused(tmp_path: Path, closure: Closure) -> None:
    base = debian(config={"config": {**RUNTIME, "Labels": {"a": "\ud800"}}, "history": HISTORY})
    write_archive(base.layout(), tmp_path / "base")
    with pytest.raises(IntegrityError, match="half of a surrogate pair"):
        build_from_store(tmp_path, on("base", closure))


def test_what_would_take_the_place_of_a_directory_is_named(tmp_path: Path, closure: Closure) -> None:
    write_archive(debian().layout(), tmp_path / "base")
    spec = on("base", closure, symlinks={"/usr": "/app"}, files={"/usr/bin/dash/x": {"text": ""}})
    spec["symlinks"] = {"/usr/bin": "/app"}
    spec["files"] = {"/bin/dash/x": {"text": ""}}
    with pytest.raises(BaseImageError) as error:
        build_from_store(tmp_path, spec)
    assert [(issue.where, issue.message.split(" (")[0]) for issue in error.value.issues] == [
        ("/bin/dash", "is a directory, the base has a file there"),
        ("/bin/dash/x", "the base has a file at /usr/bin/dash"),
        ("/usr/bin", "is a symlink, the base has a directory there"),
    ]


def test_a_link_of_the_bases_to_a_directory_stays(tmp_path: Path, closure: Closure) -> None:
    """What is declared at /bin would hide every program of a base with a merged /usr."""
    write_archive(debian().layout(), tmp_path / "base")
    spec = on("base", closure)
    spec["from-store"]["links"] = {"/bin": "boot"}
    with pytest.raises(BaseImageError) as error:
        build_from_store(tmp_path, spec)
    (issue,) = error.value.issues
    assert (
        str(issue) == "/bin: is a symlink, the base has a link to its directory /usr/bin there (from /from-store/links)"
    )


def test_a_link_of_a_pack_can_be_another_in_the_pack_on_top(tmp_path: Path, closure: Closure) -> None:
    under = on("unused", closure)
    del under["from-image"]
    under["from-store"]["links"] = {"/app": "."}
    build_from_store(tmp_path, {**under, "name": "under"})
    again = on("under.tar", closure)
    again["from-store"]["links"] = {"/app": "boot"}
    assert build_from_store(tmp_path, again).planned.tree["/app"].target == f"{closure.roots[0]}/boot"


def test_links_of_the_base_do_not_lead_around_what_is_the_systems(tmp_path: Path, closure: Closure) -> None:
    odd = raw_tar.archive(
        raw_tar.symlink(b"srv", b"/"), raw_tar.directory(b"tmp", 0o1777), raw_tar.directory(b"etc", 0o755)
    )
    write_archive(RawImage(odd).layout(), tmp_path / "base")
    with pytest.raises(BaseImageError) as error:
        build_from_store(tmp_path, on("base", closure, users={"ann": {"home": "/srv/tmp"}}, symlinks={"/srv/etc": "x"}))
    assert [str(issue) for issue in error.value.issues] == [
        "/srv/etc: the base has a link on the way, to /etc, and that is the system's own: every program's configuration"
        " is in it (from /symlinks/~1srv~1etc)",
        "/srv/tmp: the base has a link on the way, to /tmp, and that is the system's own: every program's temporary"
        " files are in it (from /users/ann)",
    ]


def test_a_link_to_a_directory_counts_as_the_directory(tmp_path: Path, closure: Closure) -> None:
    """As in nixpkgs#110696: a link at /bin would take all programs away from a base whose own /bin is a link."""
    write_archive(debian().layout(), tmp_path / "base")
    build_from_store(tmp_path, on("base", closure, symlinks={"/bin": "usr/bin"}))
    build_from_store(tmp_path, on("base", closure, directories={"/bin": {"mode": "0711"}}))
    listing = {line.split()[0]: line.split()[1:] for line in listing_of_image(tmp_path / "top.tar").splitlines()}
    assert listing["/bin"][-1] == "usr/bin"
    assert listing["/usr/bin"][1] == "0711"


def test_a_base_without_room_is_refused_before_any_work(tmp_path: Path, closure: Closure) -> None:
    write_archive(debian().layout(), tmp_path / "base")
    with pytest.raises(BaseImageError, match="has 2 layers, and the image may have 2"):
        build_from_store(tmp_path, on("base", closure, **{"max-layers": 2}))
    assert len(build_from_store(tmp_path, on("base", closure, **{"max-layers": 3})).written.image.layers) == 3
    assert len(build_from_store(tmp_path, on("base", closure, **{"max-layers": 5})).written.image.layers) <= 5
    verify_image(tmp_path / "top.tar")


def test_a_store_on_a_store_is_one_store(tmp_path: Path, closure: Closure) -> None:
    """The second image has the base's items and its own, registered together, and none is written twice."""
    build_from_store(tmp_path, {**on("", closure), "name": "base", "from-image": None})
    store = StoreBuilder(tmp_path / "store")
    store.items = {item.path.name: item for item in closure}
    added = store.add("more-1", {"bin": {"more": Program("#!{bash-5.2}/bin/bash\n")}})
    grown = Closure([*closure, added])
    registered(grown, tmp_path / "registration")
    spec = on("base.tar", closure)
    spec["from-store"]["paths"] = [str(added.path)]
    result = build_from_store(tmp_path, spec)
    assert [[path.name for path in layer.paths] for layer in result.planned.plan.layers] == [["more-1"]]
    found = verify_image(tmp_path / "top.tar")  # compares the database with every item
    assert found.items == len(grown)
    again = build_from_store(tmp_path, spec, from_image=tmp_path / "top.tar")
    assert again.planned.tree == result.planned.tree


def test_what_the_base_is_made_of_keeps_its_gc_roots(tmp_path: Path, closure: Closure) -> None:
    items = {item.path.name: str(item.path) for item in closure}
    below = {**on("", closure), "name": "base", "from-image": None}
    below["from-store"]["paths"] = [items["tzdata-2025b"]]
    build_from_store(tmp_path, below)
    top = on("base.tar", closure)
    top["from-store"]["paths"] = [items["bash-5.2"]]
    build_from_store(tmp_path, top)
    listing = listing_of_image(tmp_path / "top.tar")
    for name in ("tzdata-2025b", "bash-5.2"):
        path = items[name]
        assert f"/var/guix/gcroots/image/{path[11:43]}  link 0777 0:0 -> {path}" in listing


def store_layer(closure: Closure, database: bytes | None, names: tuple[str, ...] | None = None) -> bytes:
    """A layer with items as Guix's tar would write them, and a database."""
    members = [raw_tar.directory(b"gnu/store", 0o755)]
    for item in closure:
        if names is None or item.path.name in names:
            members += item_members(str(item.path)[1:].encode(), item.location)
    if database is not None:
        members.append(raw_tar.file(b"var/guix/db/db.sqlite", database))
    return raw_tar.archive(*members)


def item_members(name: bytes, place: Any) -> list[bytes]:
    if place.is_symlink():
        return [raw_tar.symlink(name, str(place.readlink()).encode())]
    if place.is_file():
        return [raw_tar.file(name, place.read_bytes(), mode=0o555 if place.stat().st_mode & 0o100 else 0o444)]
    below = sorted(place.iterdir(), key=lambda path: path.name.encode())
    found = [raw_tar.directory(name, 0o555)]
    return found + [part for path in below for part in item_members(name + b"/" + path.name.encode(), path)]


LEAVES = ("libc-2.41", "bash-5.2", "tzdata-2025b")


def test_items_of_a_base_without_a_database_are_measured_and_registered(tmp_path: Path, closure: Closure) -> None:
    write_directory(RawImage(store_layer(closure, None, LEAVES)).layout(), tmp_path / "base")
    result = build_from_store(tmp_path, on("base", closure))
    assert {path.name for layer in result.planned.plan.layers for path in layer.paths} == {
        "current-tz", "names-1", "system",
    }  # fmt: skip
    assert verify_image(tmp_path / "top.tar").items == len(closure)


def test_the_same_path_with_other_content_is_a_conflict(tmp_path: Path, closure: Closure) -> None:
    write_directory(RawImage(store_layer(closure, None, LEAVES)).layout(), tmp_path / "base")
    changed = next(item for item in closure if item.path.name == "tzdata-2025b")
    assert changed.location is not None
    changed.location.chmod(0o644)
    changed.location.write_text("another zone\n")
    spec = on("base", closure)
    spec["from-store"]["source"] = "store"
    with pytest.raises(BaseImageError, match="not those of the same path") as error:
        build_from_store(tmp_path, spec)
    assert [issue.where for issue in error.value.issues] == [str(changed.path)]


def test_a_bases_database_must_be_true(tmp_path: Path, closure: Closure) -> None:
    lying = [replace(item, nar_hash=closure.items[0].nar_hash) for item in closure]
    layer = store_layer(closure, store_database(lying, Schema.GUIX))
    write_directory(RawImage(layer).layout(), tmp_path / "base")
    with pytest.raises(BaseImageError, match="cannot build on the store") as error:
        build_from_store(tmp_path, on("base", closure))
    names = {issue.where.partition("-")[2] for issue in error.value.issues}
    assert names == {item.path.name for item in closure.items[1:]}  # the first is the one whose hash they all claim
    layer = store_layer(closure, store_database(closure, Schema.GUIX), LEAVES)
    write_directory(RawImage(layer).layout(), tmp_path / "half")
    with pytest.raises(BaseImageError) as error:
        build_from_store(tmp_path, on("half", closure))
    assert {issue.message for issue in error.value.issues} == {"is in the base's database, but not in the base"}


def test_a_base_of_the_other_kind_is_refused(tmp_path: Path, closure: Closure) -> None:
    database = store_database([], Schema.NIX)
    layer = raw_tar.archive(
        raw_tar.file(b"nix/var/nix/db/db.sqlite", database), raw_tar.file(b"nix/var/nix/db/schema", b"10")
    )
    write_directory(RawImage(layer).layout(), tmp_path / "base")
    with pytest.raises(BaseImageError, match="cannot merge store databases"):
        build_from_store(tmp_path, on("base", closure))


def test_a_layer_without_entries_is_left_out(tmp_path: Path, closure: Closure) -> None:
    image = RawImage(
        DEBIAN, raw_tar.archive(), MORE, config={"history": [HISTORY[0], {"created_by": "WORKDIR /"}, HISTORY[2]]}
    )
    write_directory(image.layout(), tmp_path / "base")
    value = config_of(build_from_store(tmp_path, on("base", closure)))
    assert layers_of(tmp_path / "top.tar")[:2] == [DEBIAN, MORE]
    assert value["history"][1] == {"created_by": "WORKDIR /", "empty_layer": True}


def other(image: RawImage, path: Path, change: Callable[[RawImage], None]) -> None:
    change(image)
    write_directory(image.layout(), path)


def set_files(name: str, data: bytes) -> Callable[[RawImage], None]:
    return lambda image: image.files.__setitem__(name, data)


def deep(image: RawImage) -> None:
    image.files["index.json"] = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


HOSTILE: dict[str, Callable[[RawImage], None]] = {
    "a digest that is a path": lambda i: i.descriptor_changes.update(digest="sha256:../../../etc/passwd"),
    "a digest of another kind": lambda i: i.descriptor_changes.update(digest="md5:" + "0" * 32),
    "a size that is negative": lambda i: i.descriptor_changes.update(size=-1),
    "layers to fetch from elsewhere": lambda i: i.manifest_changes.update(
        layers=[{"mediaType": i.layer_type, "digest": "sha256:" + "0" * 64, "size": 1, "urls": ["x"]}] * 2
    ),
    "fewer layers than diff IDs": lambda i: i.config["rootfs"]["diff_ids"].pop(),
    "a wrong diff ID": lambda i: i.config["rootfs"]["diff_ids"].__setitem__(0, "sha256:" + "1" * 64),
    "a document nested without end": deep,
    "a document of 5 MiB": set_files("index.json", b" " * (5 << 20)),
    "two names in one object": set_files("index.json", b'{"manifests": [], "manifests": []}'),
    "a relative working directory": lambda i: i.config.update(config={"WorkingDir": "../x"}),
    "a user that is a sentence": lambda i: i.config.update(config={"User": "root; id"}),
    "another architecture": lambda i: i.config.update(architecture="s390x"),
    "another system": lambda i: i.config.update(os="windows"),
    "a member outside the root": lambda i: bad_layer(i, raw_tar.file(b"../../etc/passwd", b"")),
    "a hard link to the host": lambda i: bad_layer(i, raw_tar.hard_link(b"x", b"../../etc/shadow")),
    "a member below a link": lambda i: bad_layer(i, raw_tar.symlink(b"d", b"/etc"), raw_tar.file(b"d/x", b"")),
    "a malformed whiteout": lambda i: bad_layer(i, raw_tar.file(b".wh...", b"")),
}


def bad_layer(image: RawImage, *members: bytes) -> None:
    image.__init__(raw_tar.archive(*members))  # type: ignore[misc]


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_base_is_refused_and_nothing_is_written(what: str, tmp_path: Path, closure: Closure) -> None:
    other(debian(), tmp_path / "base", HOSTILE[what])
    with pytest.raises(SysimageError) as error:
        build_from_store(tmp_path, on("base", closure))
    assert isinstance(error.value, (IntegrityError, SpecError))
    assert not (tmp_path / "top.tar").exists()
    assert [path.name for path in (tmp_path / "cache").rglob("*")] == ["lock"]


def test_a_store_that_a_link_of_the_base_leads_to_is_refused(tmp_path: Path, closure: Closure) -> None:
    layer = raw_tar.archive(
        raw_tar.directory(b"srv", 0o755), raw_tar.directory(b"var", 0o755), raw_tar.symlink(b"var/guix", b"/srv")
    )
    write_directory(RawImage(layer).layout(), tmp_path / "base")
    with pytest.raises(BaseImageError) as error:
        build_from_store(tmp_path, on("base", closure))
    assert any("where the store must be itself" in issue.message for issue in error.value.issues)


def test_a_base_that_changes_after_it_was_read_is_noticed(tmp_path: Path, closure: Closure) -> None:
    from sysimage.bases import copy_layers
    from sysimage.bases.read import read_base_image
    from sysimage.blobs import BlobDirectory

    path = write_archive(debian().layout(), tmp_path / "base")
    base = read_base_image(path, "linux/amd64", "/gnu/store")
    path.write_bytes(path.read_bytes().replace(b"data\n", b"DATA\n"))
    with pytest.raises(IntegrityError, match="changed"):
        copy_layers(base, BlobDirectory(tmp_path / "blobs"))
