"""What a draft of an image may hold: both sides of each limit, and what the image is made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.bases import NO_BASE, BaseImage
from sysimage.bases.base_image import BaseLayer
from sysimage.blobs import Descriptor
from sysimage.closure import Closure
from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.image import ImageConfig
from sysimage.image.config import HealthCheck
from sysimage.layers import LayerBlob
from sysimage.preflight import ImageDraft, check_draft, check_layers
from sysimage.preflight.check import runtime_of
from sysimage.rootfs.account_files import AccountFile
from sysimage.rootfs.tree import Entry, RootTree
from sysimage.rules import limits
from sysimage.rules.runtime import Runtime
from sysimage.spec import parse_spec
from sysimage.store.items import StoreItem
from tests.support.store_builder import static_elf
from tests.support.stores import store_path

ITEM = StoreItem(store_path("tool-1"), Digest.of(b""), 100)
RUN = Entry.file("/run-it", static_elf(), 0o755)
PACK: dict[str, Any] = {"name": "pack", "from-store": {"paths": [str(ITEM.path)]}, "entry-point": ["/run-it"]}
PACKAGES: dict[str, Any] = {"name": "pack", "packages": [], "entry-point": ["/run-it"]}
BASED = {"from-image": "base.tar"}


def refused(
    entries: Sequence[Entry] = (),
    spec: dict[str, Any] = PACK,
    *,
    size: int = 100,
    base: BaseImage = NO_BASE,
    config: ImageConfig = ImageConfig("amd64", entrypoint=("/run-it",)),  # noqa: B008 - a frozen value
) -> SpecError | None:
    """Why an image of one item and some entries is refused."""
    closure = Closure([replace(ITEM, nar_size=size)], [ITEM.path])
    draft = ImageDraft(parse_spec(json.dumps(spec)), closure, RootTree((RUN, *entries)), config, ("a",), {}, (), base)
    try:
        check_draft(draft)
    except SpecError as error:
        return error
    return None


def faults(*arguments: Any, **more: Any) -> list[str]:
    error = refused(*arguments, **more)
    return [] if error is None else [str(issue) for issue in error.issues]


def sparse(top: Path, size: int) -> Path:
    with (top / str(size)).open("wb") as file:
        file.truncate(size)
    return top / str(size)


def layer_of(size: int) -> LayerBlob:
    return LayerBlob(Descriptor("x", Digest.of(b""), 5), Digest.of(b""), size, "")


def test_one_fault_is_in_words_and_several_are_counted() -> None:
    config = ImageConfig("amd64", entrypoint=("/gone",), volumes=("/run-it",))
    add = "say a program that the image has, or add the package or file that has it"
    one = refused(config=replace(config, volumes=()))
    assert one is not None
    assert (one.message, one.hint) == ("cannot build pack: it would not run as the spec says", add)
    first = "/entry-point/0: what runs first is /gone, which is not in the image"
    assert [str(issue) for issue in one.issues] == [first]
    both = refused(spec={**PACK, "volumes": ["/run-it"]}, config=config)
    assert both is not None
    assert (both.message, both.hint, len(both.issues)) == ("cannot build pack: 2 faults", add, 2)
    volume = refused(spec={**PACK, "volumes": ["/run-it"]}, config=replace(config, entrypoint=("/run-it",)))
    assert volume is not None
    assert volume.hint is None


def test_a_store_database_is_as_large_as_readers_take_it(tmp_path: Path) -> None:
    for more in (0, 1):
        content = sparse(tmp_path, limits.STORE_DATABASE + more)
        entry = Entry.file("/srv/db/db.sqlite", content, owner="/files/~1srv~1db~1db.sqlite")
        found = faults([entry], {**PACK, "files": {"/srv/db/db.sqlite": {"source": "db"}}})
        assert found == [f"/files/~1srv~1db~1db.sqlite: has more than {limits.STORE_DATABASE} bytes"] * more
    assert faults([Entry.file("/srv/db.sqlite", sparse(tmp_path, limits.STORE_DATABASE + 1))]) == []


@pytest.mark.parametrize(("spec", "where"), [(PACK, "/from-store"), (PACKAGES, "/packages")])
def test_an_image_is_as_large_as_readers_take_it(spec: dict[str, Any], where: str, tmp_path: Path) -> None:
    """Items, files and layers of the base together."""
    file, layer = Entry.file("/x", sparse(tmp_path, 1 << 20)), 1 << 30
    base = replace(NO_BASE, layers=(BaseLayer(layer_of(layer), "layer"),), history=({},))
    own = limits.UNCOMPRESSED_SIZE - file.size() - RUN.size()
    for size, below in ((own, NO_BASE), (own - layer, base)):
        assert faults([file], spec, size=size, base=below) == []
        assert faults([file], spec, size=size + 1, base=below) == [
            f"{where}: the image would have {limits.UNCOMPRESSED_SIZE + 1} bytes; at most {limits.UNCOMPRESSED_SIZE} "
            "are read"
        ]


def test_layers_are_as_large_as_readers_take_them() -> None:
    layers = [layer_of(1), layer_of(limits.UNCOMPRESSED_SIZE - 1)]
    check_layers("web", layers)
    with pytest.raises(SpecError) as caught:
        check_layers("web", [*layers, layers[0]])
    assert caught.value.message == (
        f"cannot build web: its layers have {limits.UNCOMPRESSED_SIZE + 1} bytes together; at most "
        f"{limits.UNCOMPRESSED_SIZE} are read"
    )
    assert caught.value.hint == "leave packages or files out"


def test_owners_names_and_links_are_those_that_an_image_can_have() -> None:
    long = "/" + "n" * 255
    said = {**PACK, "files": {"/a": {"text": ""}, "/b": {"text": ""}}}
    for more, expected in (
        (0, []),
        (
            1,
            [
                f"/files/~1a: has an owner beyond {limits.IDENTIFIER}",
                f"/files/~1b: has an owner beyond {limits.IDENTIFIER}",
                f"/from-store/paths: /l: is a link of {limits.PATH_LENGTH + 1} bytes; a path has at most 4095",
                f"/from-store/paths: {long}n: the name has a component of 256 bytes; a file system takes at most 255",
            ],
        ),
    ):
        entries = [
            Entry.file("/a", b"", uid=limits.IDENTIFIER + more),
            Entry.file("/b", b"", gid=limits.IDENTIFIER + more),
            Entry.symlink("/l", "x" * (limits.PATH_LENGTH + more)),
            Entry.file(long + "n" * more, b""),
        ]
        assert faults(entries, said) == expected


def test_directories_above_what_is_declared_are_not_named_beside_it() -> None:
    above, below = "/" + "n" * 256, "/" + "n" * 256 + "/x"
    only = [f"/from-store/paths: {above}: the name has a component of 256 bytes; a file system takes at most 255"]
    assert faults([Entry.directory(above)]) == []
    assert faults([Entry.directory(above, owner="tool")]) == only
    assert faults([Entry.file(below, b"")]) == [only[0].replace(above, below)]


@pytest.mark.parametrize(
    ("path", "store", "is_refused"),
    [
        ("/var/guix/db/x", {}, False),
        ("/var/guix/db/x", {"database": False}, True),
        ("/var/guix/db/x", {"kind": "nix"}, True),
        ("/nix/var/nix/db/x", {}, True),
        ("/nix/var/nix/db/x", {"kind": "nix"}, False),
        ("/nix/var/nix/dbs", {}, False),
        ("/srv/db/x", {"database": False}, False),
    ],
)
def test_a_store_database_is_where_the_image_has_its_store(path: str, store: dict[str, Any], is_refused: bool) -> None:
    message = "is where a store has its database, which this image has not"
    found = faults([Entry.file(path, b"")], {**PACK, "store": store})
    assert found == [f"/from-store/paths: {path}: {message}"] * is_refused
    assert faults([Entry.directory(path)], {**PACK, "store": store}) == []


@pytest.mark.parametrize(
    ("store", "fault"),
    [
        ({}, None),
        (
            {"database": False},
            "/store/database: the base has a store database in /var/guix, which must know the items on top",
        ),
        (
            {"kind": "nix"},
            "/store/kind: the base has a store database in /var/guix, and an image has only one: this would be in "
            "/nix/var/nix",
        ),
    ],
)
def test_an_image_has_the_store_database_of_its_base(store: dict[str, Any], fault: str | None) -> None:
    found = faults((), {**PACK, **BASED, "store": store}, base=replace(NO_BASE, state_dirs=("/var/guix",)))
    assert found == ([] if fault is None else [fault])


def test_a_user_is_looked_up_in_the_image_s_accounts_or_else_in_the_base_s() -> None:
    config = ImageConfig("amd64", entrypoint=("/run-it",), user="ann")
    spec = {**PACK, **BASED}
    missing = ["/from-image: ann is to run the entry point, but is not in /etc/passwd"]
    ann, bob = b"ann:x:1:1::/:/run-it\n", b"bob:x:1:1::/:/run-it\n"

    def found(entries: list[Entry], below: AccountFile | None = None) -> list[str]:
        base = replace(NO_BASE, account_files={} if below is None else {"passwd": below})
        return faults(entries, spec, config=config, base=base)

    assert found([]) == missing
    assert found([Entry.file("/etc/passwd", ann)]) == []
    assert found([Entry.file("/etc/passwd", bob)]) == missing
    assert found([Entry.symlink("/etc/passwd", "x")]) == missing
    assert found([], AccountFile("/etc/passwd", ann, 0o644)) == []
    assert found([], AccountFile("/etc/passwd", bob, 0o644)) == missing
    assert found([Entry.file("/etc/passwd", bob)], AccountFile("/etc/passwd", ann, 0o644)) == missing
    elsewhere = AccountFile("/usr/lib/passwd", ann, 0o644)
    assert found([], elsewhere) == []
    assert found([Entry.file("/usr/lib/passwd", bob)], elsewhere) == missing
    assert found([Entry.symlink("/etc/passwd", "/usr/lib/passwd"), Entry.file("/usr/lib/passwd", ann)], elsewhere) == []


def test_a_health_check_of_a_base_may_fail_and_a_declared_one_starts() -> None:
    config = ImageConfig("amd64", entrypoint=("/run-it",), healthcheck=HealthCheck(("/gone",)))
    assert faults((), {**PACK, **BASED}, config=config) == []
    said = {**PACK, "health-check": {"command": ["/gone"]}}
    assert faults((), said, config=config) == [
        "/health-check/command: what checks the health is /gone, which is not in the image"
    ]


def test_declared_login_shells_start() -> None:
    spec = {**PACK, "users": {"ann": {"shell": "/gone"}, "bob": {}, "cy": {"shell": "/run-it"}}}
    assert faults((), spec) == ["/users/ann/shell: the login shell of ann is /gone, which is not in the image"]


def test_a_config_says_how_a_container_runs() -> None:
    assert runtime_of(ImageConfig("arm64")) == Runtime("arm64")
    config = ImageConfig(
        *("arm64", "v8"),
        entrypoint=("a",),
        cmd=("b",),
        env=(("A", "b=c"), ("D", "")),
        working_dir="/srv",
        user="7:8",
        exposed_ports=("80", "53/udp"),
        volumes=("/v",),
        stop_signal="SIGINT",
        healthcheck=HealthCheck(("c", "d")),
    )
    assert runtime_of(config) == Runtime(
        *("arm64", ("a",), ("b",), ("A=b=c", "D="), "/srv", "7:8", ("80/tcp", "53/udp"), ("/v",), "SIGINT"),
        ("CMD", "c", "d"),
    )
