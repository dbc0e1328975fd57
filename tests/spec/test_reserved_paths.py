"""What the system has is not the spec's to take, by whatever key and spelling; what is beside it is."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.errors import SpecError
from sysimage.spec import parse_spec
from sysimage.spec.reserved_paths import ReservedPaths, Use

SERVICE = {"command": ["daemon"]}
MADE: dict[str, Any] = {"name": "x", "packages": []}
PACK: dict[str, Any] = {"name": "x", "from-store": {"paths": ["result"]}}
SYSTEM: dict[str, Any] = {"name": "x", "from-store": {"system": "result"}}
KINDS = {"made": MADE, "pack": PACK, "system": SYSTEM}


def asking(use: str, path: str) -> dict[str, Any]:
    """The part of a spec that uses a path."""
    parts: dict[str, dict[str, Any]] = {
        "file": {"files": {path: {"text": ""}}},
        "link": {"symlinks": {path: "/data"}},
        "directory": {"directories": {path: {"owner": "ann"}}, "users": {"ann": {"home": "/nonexistent"}}},
        "home": {"users": {"ann": {"home": path}}},
        "store": {"store": {"directory": path}},
        "volume": {"volumes": [path]},
        "log": {"services": {"s": {**SERVICE, "log": path}}},
        "item link": {"from-store": {"paths": ["result"], "links": {path: "."}}},
    }
    return parts[use]


def faults(around: dict[str, Any], part: dict[str, Any]) -> list[str]:
    try:
        parse_spec(json.dumps({**around, **part}))
    except SpecError as error:
        return [f"{issue.where}: {issue.message}" for issue in error.issues]
    return []


TAKEN = {
    "home": ["/etc", "/etc/passwd", "/usr", "/bin", "/sbin", "/lib", "/dev", "/proc", "/sys", "/run", "/tmp", "/var",
             "/var/lib", "/var/log", "/var/tmp", "/home", "/root", "/root/ann", "/dev/shm", "/gnu", "/gnu/store",
             "/gnu/store/x", "/var/guix", "/var/guix/db", "/var/empty", "/etc/hosts/x", "/var/spool", "/var/mail"],
    "link": ["/tmp", "/etc", "/run", "/var", "/var/lib", "/var/tmp", "/dev", "/proc", "/sys", "/root", "/gnu", "/",
             "/gnu/store", "/var/guix", "/etc/passwd", "/etc/shadow", "/etc/group", "/proc/x", "/etc/passwd/x"],
    "directory": ["/", "/etc", "/tmp", "/var", "/var/lib", "/home", "/root", "/run", "/gnu", "/dev", "/proc", "/sys",
                  "/usr", "/etc/passwd", "/etc/hosts", "/gnu/store", "/var/guix", "/etc/resolv.conf"],
    "store": ["/", "/usr", "/usr/store", "/etc", "/etc/store", "/bin", "/lib", "/dev", "/proc/x", "/sys", "/run",
              "/run/store", "/tmp", "/tmp/store", "/var", "/var/guix", "/var/guix/store", "/root", "/root/store",
              "/home", "/var/tmp/x", "/var/lib"],
    "volume": ["/", "/etc", "/dev", "/proc", "/sys", "/sys/fs/cgroup", "/gnu", "/gnu/store", "/var", "/var/guix",
               "/usr", "/bin", "/etc/passwd", "/etc/hosts"],
}  # fmt: skip


@pytest.mark.parametrize("kind", ["made", "pack"])
@pytest.mark.parametrize(("use", "path"), [(use, path) for use, paths in TAKEN.items() for path in paths])
def test_the_systems_places_are_refused_with_the_reason(kind: str, use: str, path: str) -> None:
    found = faults(KINDS[kind], asking(use, path))
    assert found
    assert all(len(fault.partition(": ")[2]) > 15 for fault in found)
    assert any(
        path.replace("/", "~1") in fault.partition(": ")[0] or use in ("home", "store", "volume") for fault in found
    )


OF_PACKAGES = [
    ("file", "/bin/x", "/files/~1bin~1x: is /usr/bin/x by a link of the system's: say /usr/bin/x"),
    ("link", "/usr/bin", "/symlinks/~1usr~1bin: is the system's own: every program's files are in it"),
    ("directory", "/usr", "/directories/~1usr: must be root's, with no other user able to write to it and every user "
     "able to enter it, for /usr: every program's files are in it"),
    ("file", "/usr", "/files/~1usr: is the system's own: every program's files are in it"),
    ("store", "/usr/local/store", "/store/directory: nothing can be put at or below /usr: every program's "
     "files are in it"),
    ("directory", "/var/run/x", "/directories/~1var~1run~1x: is /run/x by a link of the system's: say /run/x"),
    ("home", "/var/run", "/users/ann/home: is /run by a link of the system's, and that is the system's own: running "
     "programs leave sockets and locks in it"),
    ("home", "/usr/local/bin", "/users/ann/home: is the system's own: every user's programs look into it"),
    ("home", "/var/lock", "/users/ann/home: is /run/lock by a link of the system's, and that is the system's own: "
     "every program's locks are in it"),
    ("store", "/var/run/store", "/store/directory: is /run/store by a link of the system's, and that nothing can be "
     "put at or below /run: running programs leave sockets and locks in it"),
    ("volume", "/bin", "/volumes/0: leads to /usr/bin, and that is the system's own: every program's files are in it"),
    ("log", "/etc/passwd", '/services/s/log: is made from what "users" says'),
    ("log", "/gnu/store/x", "/services/s/log: nothing can be put at or below /gnu/store: only store items are there"),
    ("log", "/var/log", "/services/s/log: is the system's own: programs keep their logs in it"),
    ("file", "/etc/static/x", "/files/~1etc~1static~1x: nothing can be put at or below /etc/static: the system's own "
     "configuration is there"),
    ("home", "/etc", "/users/ann/home: is the system's own: every program's configuration is in it"),
    ("link", "/tmp", "/symlinks/~1tmp: is the system's own: every program's temporary files are in it"),
    ("directory", "/tmp", "/directories/~1tmp: must be root's, with the mode 1777: every program's temporary files are "
     "in it"),
    ("directory", "/gnu", "/directories/~1gnu: must be root's, with no other user able to write to it and every "
     "user able to enter it, for /gnu/store: only store items are there"),
    ("volume", "/gnu", "/volumes/0: a volume would hide /gnu/store: only store items are there"),
]  # fmt: skip


@pytest.mark.parametrize(("use", "path", "fault"), OF_PACKAGES)
def test_the_reason_is_the_places(use: str, path: str, fault: str) -> None:
    assert faults(MADE, asking(use, path)) == [fault]


FREE = [
    ("home", "/nonexistent"),
    ("home", "/"),
    ("home", "/var/lib/x"),
    ("home", "/srv"),
    ("home", "/srv/ann"),
    ("home", "/home/ann"),
    ("home", "/opt/ann"),
    ("home", "/etc/freeradius"),
    ("home", "/data"),
    ("home", "/run/sshd"),
    ("home", "/gnus"),
    ("file", "/etc/x"),
    ("file", "/usr/local/bin/x"),
    ("file", "/usr/local/share/ca-certificates/own.crt"),
    ("file", "/usr/share/x/y"),
    ("directory", "/usr/local/lib/x"),
    ("home", "/usr/games/ann"),
    ("volume", "/usr/local"),
    ("volume", "/usr/share/x"),
    ("file", "/etc/hosts"),
    ("file", "/root/.profile"),
    ("file", "/tmp/x"),
    ("file", "/run/x"),
    ("file", "/home/x"),
    ("link", "/srv"),
    ("link", "/home"),
    ("link", "/etc/resolv.conf"),
    ("directory", "/srv"),
    ("directory", "/var/log/x"),
    ("directory", "/etc/x"),
    ("directory", "/home/ann"),
    ("volume", "/var/lib/x"),
    ("volume", "/data"),
    ("volume", "/srv"),
    ("volume", "/home"),
    ("volume", "/root"),
    ("volume", "/tmp"),
    ("volume", "/run"),
    ("volume", "/var/log"),
    ("volume", "/etc/nginx"),
    ("store", "/opt/store"),
    ("store", "/gnu/store"),
    ("store", "/var/lib/store"),
]


@pytest.mark.parametrize("kind", ["made", "pack"])
@pytest.mark.parametrize(("use", "path"), FREE)
def test_what_is_beside_them_is_free(kind: str, use: str, path: str) -> None:
    assert faults(KINDS[kind], asking(use, path)) == []


@pytest.mark.parametrize("path", ["/var/log/s.log", "/dev/stderr", "/run/s.log", "/srv/s", "console", "none"])
def test_a_service_logs_where_logs_can_be(path: str) -> None:
    assert faults(MADE, asking("log", path)) == []


@pytest.mark.parametrize("path", ["/bin", "/usr/local/bin/tool", "/usr", "/app", "/lib64", "/etc/tool"])
def test_a_pack_has_its_links_where_nothing_else_is(path: str) -> None:
    assert faults(PACK, asking("item link", path)) == []


@pytest.mark.parametrize(
    "path", ["/", "/etc", "/tmp", "/var", "/proc", "/dev/x", "/run", "/gnu", "/gnu/store/x", "/root"]
)
def test_the_links_of_a_pack_take_no_place_of_the_systems(path: str) -> None:
    assert faults(PACK, asking("item link", path))


@pytest.mark.parametrize("path", ["/etc/.", "//etc", "/etc/../etc", "/etc/", "/srv/../etc", "/./etc", "etc", ""])
@pytest.mark.parametrize("use", ["file", "link", "directory", "home", "store", "volume"])
def test_another_spelling_is_not_reserved(use: str, path: str) -> None:
    assert any("must be an absolute path" in fault for fault in faults(MADE, asking(use, path)))


def test_what_the_system_has_may_be_declared_as_it_is() -> None:
    same = {"/etc": {}, "/tmp": {"mode": "1777"}, "/root": {"mode": "0700"}, "/gnu": {}, "/var/lib": {"mode": "0711"},
            "/var/mail": {"mode": "2775", "group": "mail"}}  # fmt: skip
    assert faults(MADE, {"directories": same}) == []
    for path, mode in (("/etc", "0700"), ("/etc", "0777"), ("/tmp", "0777"), ("/root", "0770"), ("/gnu", "0750")):
        assert len(faults(MADE, {"directories": {path: {"mode": mode}}})) == 1


def test_the_home_of_root_is_roots_alone() -> None:
    assert faults(MADE, {"users": {"root": {"home": "/root"}}}) == []
    assert faults(MADE, {"users": {"root": {"home": "/etc"}}})
    assert faults(MADE, {"users": {"daemon": {"home": "/root"}}})
    assert faults(MADE, {"users": {"sys": {"shell": "/bin/bash"}, "daemon": {"comment": "x"}}}) == []


def test_links_of_the_spec_do_not_lead_around_the_rule() -> None:
    links = {"/data": "etc", "/far": "/data", "/up": "/srv/../gnu", "/circle": "/circle"}
    for path, leads in (("/data", "/etc"), ("/far", "/etc"), ("/up/store", "/gnu/store")):
        (fault,) = faults(MADE, {"symlinks": links, "volumes": [path]})
        assert fault.startswith(f"/volumes/0: leads to {leads}, and that ")
    assert faults(MADE, {"symlinks": links, "volumes": ["/circle", "/srv"]}) == []
    assert faults(MADE, {"symlinks": links, **asking("home", "/data/ann")})
    assert faults(MADE, {"symlinks": links, **asking("store", "/data/store")})
    assert faults(MADE, {"symlinks": links, **asking("log", "/data/passwd")})
    (fault,) = faults(PACK, {"from-store": {"paths": ["x"], "links": {"/app": "."}}, "volumes": ["/app/data"]})
    assert fault.startswith("/volumes/0: leads to /gnu/store/data, and that nothing can be put")


def test_one_home_is_one_users() -> None:
    two = {"ann": {"home": "/srv/x"}, "bob": {"home": "/srv/x"}}
    (fault,) = faults(MADE, {"users": two})
    assert fault == '/users/bob/home: is another user\'s home already: /users/ann/home; declare it under "directories"'
    assert faults(MADE, {"users": two, "directories": {"/srv/x": {"mode": "0770"}}}) == []
    assert faults(MADE, {"users": {"ann": {}}, "files": {"/home/ann": {"text": ""}}}) == [
        "/users/ann: /home/ann is declared as something else than a directory: /files/~1home~1ann"
    ]
    assert faults(MADE, {"users": {"ann": {}}, "store": {"directory": "/home/ann/store"}})


def test_a_system_from_a_store_keeps_its_own_places() -> None:
    for path in ("/run/current-system", "/run/booted-system", "/etc/static", "/run/privileged/bin", "/run/wrappers"):
        assert faults(SYSTEM, asking("link", path))
    assert faults({**SYSTEM, "store": {"kind": "nix"}}, asking("link", "/nix/var/nix/profiles/x"))
    assert faults({**SYSTEM, "store": {"kind": "nix"}}, asking("directory", "/nix"))
    assert faults(SYSTEM, {"files": {"/etc/motd": {"text": ""}}}) == []


@settings(deadline=None)
@given(st.sampled_from(list(KINDS)), st.sampled_from(Use), st.data())
def test_whatever_is_above_a_place_cannot_be_taken_either(kind: str, use: Use, data: st.DataObject) -> None:
    """No use gets at a place from above: not by a link, a user's own directory, a store, nor a volume."""
    places = ReservedPaths.of(parse_spec(json.dumps(KINDS[kind])))
    place = data.draw(st.sampled_from(places.places))
    above = data.draw(st.sampled_from([str(parent) for parent in PurePosixPath(place.path).parents] or ["/"]))
    refusal = places.refusal(above, use, mode=0o700, owner="ann")
    assert refusal is not None or (use is Use.VOLUME and (Use.VOLUME not in place.at or place.remade))


@pytest.mark.parametrize("path", ["/etc", "/var/lib", "/usr/share", "/gnu"])
def test_trees_and_jars_may_be_in_a_directory_of_the_system(path: str) -> None:
    assert faults(MADE, {"trees": {path: {"source": "files"}}}) == []
    assert faults(MADE, {"java": {"jars": ["lib"], "at": path}}) == []
    assert len(faults(MADE, {"trees": {path: {"source": "files", "owner": "daemon"}}})) == 1
