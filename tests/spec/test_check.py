"""What the parts of a spec say about each other: every fault with its place, and what is beside it without one."""

# ruff: noqa: E501 - faults are quoted whole
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.spec import parse_spec
from sysimage.spec.parse import check_spec

RUN: dict[str, Any] = {"command": ["run"]}
MADE: dict[str, Any] = {"name": "x", "packages": []}
ITEM = "/gnu/store/8hd1a0xv1k3v7h2z1cn0gm5s5qf1q8xk-hello-2.12.1"
PACK: dict[str, Any] = {"name": "x", "from-store": {"paths": [ITEM]}}
SYSTEM: dict[str, Any] = {"name": "x", "from-store": {"system": ITEM}}
NO_NAME = "the program has no name"
INIT_NAME = "is a name of the init itself"
ROOT_STARTS = 'the init starts services as others and must itself be root; say "user" in the services'


def faults(*parts: dict[str, Any], path: Path | None = None) -> list[str]:
    spec = {key: value for part in parts for key, value in part.items()}
    try:
        parse_spec(json.dumps(spec), path)
    except SpecError as error:
        return [str(replace(issue, line=None, column=None, file=None)) for issue in error.issues]
    return []


def services(**named: dict[str, Any]) -> dict[str, Any]:
    return {"services": {name: {**RUN, **said} for name, said in named.items()}}


CASES: list[tuple[dict[str, Any], list[str]]] = [
    # what runs first
    *(({"user": user}, []) for user in ("root", "0", "root:staff", "0:0")),
    *(({"user": user}, [f"/user: {ROOT_STARTS}"]) for user in ("1", "nobody:root", "00")),
    ({"user": "nobody", "command": ["a"]}, []),
    ({"entry-point": ["a"], "enable": ["b"]}, ['/entry-point: replaces the init, so nothing would start what is under "enable"']),
    ({"command": ["a"], "enable": ["b"]}, ['/command: replaces the init, so nothing would start what is under "enable"']),
    ({"command": ["a"], "enable": ["b"], **services(s={})},
     ['/command: replaces the init, so nothing would start what is under "services"']),
    ({"entry-point": [""], "command": [""]}, [f"/entry-point/0: {NO_NAME}"]),
    ({"entry-point": ["a"], "command": [""]}, []),
    ({"command": ["", "a"]}, [f"/command/0: {NO_NAME}"]),
    ({"command": ["a", ""]}, []),
    ({"health-check": {"command": ["", "a"]}}, [f"/health-check/command/0: {NO_NAME}"]),
    ({"health-check": {"command": ["a", ""]}}, []),
    # services
    (services(root={}), [f"/services/root: {INIT_NAME}"]),
    ({"services": {"s": {}}}, ['/services/s: needs the key "command"']),
    ({"services": {"s": {}}, "enable": ["s"]}, []),
    ({"services": {"s": {}, "t": {"requires": ["s"]}}, "enable": ["s.service", "t"]}, []),
    (services(s={"command": ["", "a"]}), [f"/services/s/command/0: {NO_NAME}"]),
    (services(s={"command": ["a", ""]}), []),
    (services(s={"ready": {"command": [""]}}), [f"/services/s/ready/command/0: {NO_NAME}"]),
    (services(s={"ready": {"command": ["a", ""]}}), []),
    (services(s={"ready": {"tcp": 80, "address": "999.0.0.1"}}), ["/services/s/ready/address: is not an IP address: 999.0.0.1"]),
    (services(s={"ready": {"tcp": 80, "address": "::1"}}), []),
    (services(s={"requires": ["nginx"]}), ['/services/s/requires/0: no service is called "nginx"']),
    ({**services(s={"requires": ["nginx", "ngin"]}), "enable": ["nginx.service"]},
     ["/services/s/requires/1: no service is called \"ngin\" (did you mean 'nginx'?)"]),
    ({"enable": ["root", "shepherd.service", "nginx"]}, [f"/enable/0: {INIT_NAME}", f"/enable/1: {INIT_NAME}"]),
    ({"units": {"a": {"Service": {"Nice": "1"}}}}, ['/units: changes units, and none is under "enable"']),
    ({"units": {"a": {"Service": {"Nice": "1"}}}, "enable": ["a"]}, []),
    # kinds of services
    (services(s={"timer": {}, "one-shot": True, "respawn": True, "ready": {"tcp": 80}}), [
        '/services/s/one-shot: contradicts "timer": a service runs once at start or at certain times',
        '/services/s/ready: contradicts "timer": only a service that goes on running becomes ready',
        '/services/s/respawn: contradicts "timer": such a service is meant to end by itself',
    ]),
    (services(s={"one-shot": True, "ready": {"tcp": 80}}),
     ['/services/s/ready: contradicts "one-shot": only a service that goes on running becomes ready']),
    (services(s={"respawn": True, "ready": {"tcp": 80}}, t={"timer": {}}, u={"timer": {}, "respawn": False}), []),
    # circles
    (services(b={"requires": ["c"]}, c={"requires": ["b"]}, a={"requires": ["b"]}, d={"requires": ["d", "a"]}), [
        "/services/b/requires: these services wait for one another: b, c",
        "/services/d/requires: requires itself",
    ]),
    (services(z={"requires": ["y"]}, y={"requires": ["x"]}, x={"requires": ["z", "w"]}, w={}),
     ["/services/x/requires: these services wait for one another: x, y, z"]),
    (services(a={"requires": ["b", "c"]}, b={"requires": ["d"]}, c={"requires": ["d"]}, d={}), []),
    # lists
    ({"packages": ["a0", "b0", "a0@vendor", "./a.deb", "./a.deb"]}, [
        '/packages/2: no archive under "package-sources" is called "vendor"',
        '/packages/2: "a0" is listed twice',
        '/packages/4: "./a.deb" is listed twice',
    ]),
    ({"packages": ["a0", "./x=1.deb", "./x=2.deb"], "exclude": ["b0", "b0", "c0=1", "a0"]}, [
        '/exclude/1: "b0" is listed twice',
        "/exclude/2: a package is excluded in every version; leave the version out",
        '/packages/0: "a0" is listed under "exclude" too',
    ]),
    ({"enable": ["a", "b.service", "a.service", "b"]}, ['/enable/2: "a" is listed twice', '/enable/3: "b" is listed twice']),
    ({"tags": ["a", "b", "a"], "translations": ["de", "fr", "fr"]},
     ['/tags/2: "a" is listed twice', '/translations/2: "fr" is listed twice']),
    # contents
    ({"essential": False, "entry-point": ["a"]}, []),
    ({"translations": ["de"], "slim": True}, []),
    ({"slim": False}, []),
    # accounts
    ({"groups": {"g": {"members": ["root", "ann"]}}}, ['/groups/g/members/1: no user is called "ann"; declare it under "users"']),
    ({"users": {"ann": {}, "bob": {"group": "ann", "groups": ["bob", "annn"]}}}, [
        "/users/bob/groups/0: no group is called \"bob\"; declare it under \"groups\"",
        "/users/bob/groups/1: no group is called \"annn\"; declare it under \"groups\" (did you mean 'ann'?)",
    ]),
    (services(s={"user": "ann", "group": "staf"}), [
        "/services/s/group: no group is called \"staf\"; declare it under \"groups\" (did you mean 'staff'?)",
        '/services/s/user: no user is called "ann"; declare it under "users"',
    ]),
    *((
        {key: {path: {**said, "owner": "ann", "group": "ann"}}},
        [
            f'/{key}/{path.replace("/", "~1")}/group: no group is called "ann"; declare it under "groups"',
            f'/{key}/{path.replace("/", "~1")}/owner: no user is called "ann"; declare it under "users"',
        ],
    ) for key, path, said in (
        ("files", "/a", {"text": ""}), ("trees", "/a", {"source": "a"}), ("directories", "/a", {}),
        ("privileged-programs", "/usr/bin/a", {}),
    )),
    ({"user": "ann:ann", "command": ["a"]}, [
        '/user: no group is called "ann"; declare it under "groups"',
        '/user: no user is called "ann"; declare it under "users"',
    ]),
    ({"user": "7:ann", "command": ["a"]}, ['/user: no group is called "ann"; declare it under "groups"']),
    ({"user": "root:7", "command": ["a"]}, []),
    ({"packages": ["nginx"], **services(s={"user": "ann"})}, []),
    ({"users": {"a": {"uid": 999, "system": True}, "b": {"uid": 1000}}}, []),
    ({"users": {"a": {"uid": 1000, "system": True}, "b": {"system": True}}},
     ["/users/a/uid: a system user's ID is below 1000, not 1000"]),
    ({"groups": {"b": {"gid": 7000}, "a": {"gid": 7000}, "c": {}, "adm": {"gid": 4}, "tty": {"gid": 6}}}, [
        "/groups/b/gid: 7000 is the gid of a already",
        "/groups/tty/gid: tty has the gid 5 in every Debian system, not 6",
    ]),
    # locales
    *(({"locale": name}, []) for name in ("C", "POSIX", "eo", "syr", "de_DE.UTF-8", "ca_ES.UTF-8@valencia", "de_DE", "eo.UTF-8",
                                          "de_DE.ISO-8859-1")),
    ({"locale": "de"}, ["/locale: there is no locale \"de\": one names a language and a country (did you mean 'de_DE.UTF-8'?)"]),
    ({"locale": "DE-at"}, ["/locale: there is no locale \"DE-at\": one names a language and a country (did you mean 'de_AT.UTF-8'?)"]),
    ({"locale": "c.utf8"}, ["/locale: there is no locale \"c.utf8\": one names a language and a country (did you mean 'C.UTF-8'?)"]),
    ({"locale": "qq"}, ['/locale: there is no locale "qq": one names a language and a country']),
    *(({"locale": f"de_DE.{said}@euro"},
       [f"/locale: there is no locale \"de_DE.{said}@euro\": what follows the dot is spelt UTF-8 (did you mean 'de_DE.UTF-8@euro'?)"])
      for said in ("utf8", "utf-8", "UTF_8", "Utf8")),
    # archives
    ({"packages": ["a0@vendor"]}, ['/packages/0: no archive under "package-sources" is called "vendor"']),
    ({"packages": ["a0@vendr", "b0@vendor", "./c@d.deb"],
      "package-sources": [{}, {"name": "vendor", "address": "https://a.example", "suites": ["x"], "key": "k.asc"}]},
     ["/packages/0: no archive under \"package-sources\" is called \"vendr\" (did you mean 'vendor'?)"]),
    ({"package-sources": [{"file": "a.sources"}, {"file": "a.list"}, {"suites": ["x"]}, {"suites": ["y"]}]}, [
        '/package-sources/1: is "a", and so is /package-sources/0: give one of them another "name"',
        "/package-sources/3: is that of this machine's apt, and so is /package-sources/2: give one of them another \"name\"",
    ]),
    # privileged programs and capabilities
    ({"privileged-programs": {path: {} for path in ("/usr/bin/a", "/sbin/b", "/usr/libexec/c", "/usr/share/d")}},
     ["/privileged-programs/~1usr~1share~1d: is not a program's place: they are in /usr/bin or /usr/sbin"]),
    ({"capabilities": dict.fromkeys(("/usr/bin/a", "/srv/f", "/srv/g"), "cap_net_raw+ep"), "files": {"/srv/f": {"text": ""}}},
     ["/capabilities/~1srv~1g: is neither a declared file nor a program of a package"]),
]  # fmt: skip


@pytest.mark.parametrize(("part", "expected"), CASES, ids=range(len(CASES)))
def test_each_fault_is_at_its_place_and_nothing_else_is_one(part: dict[str, Any], expected: list[str]) -> None:
    assert sorted(faults(MADE, part)) == sorted(expected)


SYSTEMD: dict[str, Any] = {**MADE, "init": "systemd"}
PATH_ENDS = 'is not supported with "init": "systemd": the path ends with a backslash or a blank'
PASSES = 'is not supported with "init": "systemd", which passes no variable whose name has "-" or "."'
NOT_A_SERVICE = 'is not supported with "init": "systemd": it names a timer unit; "units" changes one'
STOPS = "SIGRTMIN+3 or SIGRTMIN+4 or SIGRTMIN+13 or SIGRTMIN+14"


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({**services(root={"requires": ["gone"]}, shepherd={}), "enable": ["root"]}, []),
        ({"services": {"s": {}}, "units": {"a": {"Service": {"Nice": "1"}}}}, []),
        (services(**{"a.timer": {}}), [f"/services/a.timer: {NOT_A_SERVICE}"]),
        (services(**{"a.service": {}, "timer.a": {}, "a@b.c": {}}), []),
        (services(s={"log": "/var/log/a "}), [f"/services/s/log: {PATH_ENDS}"]),
        (services(s={"log": "/var/log/a b", "working-directory": "/srv\\"}), [f"/services/s/working-directory: {PATH_ENDS}"]),
        ({"environment": {"A_1": "", "B.C": ""}}, [f"/environment/B.C: {PASSES}"]),
        (services(s={"environment": {"A-B": "", "_": ""}}), [f"/services/s/environment/{name}: {PASSES}" for name in ("A-B", "_")]),
        ({"stop-signal": "SIGTERM"}, [f"/stop-signal: does not stop systemd; leave it out, or say {STOPS}"]),
        *(({"stop-signal": signal}, []) for signal in STOPS.split(" or ")),
        ({"command": ["a"], "stop-signal": "SIGTERM"}, ['/init: has no effect with "command", which replaces the init']),
    ],
)  # fmt: skip
def test_with_systemd_other_things_are_faults(part: dict[str, Any], expected: list[str]) -> None:
    assert faults(SYSTEMD, part) == expected


OF_PACKAGES = 'is for images made of packages; "from-store" has its own'


@pytest.mark.parametrize(
    ("spec", "part", "expected"),
    [
        (MADE, {"architecture": "riscv64"}, ["/architecture: packages are taken for amd64 and arm64; riscv64 is for stores"]),
        (MADE, {"architectures": ["riscv64", "amd64", "s390x"]}, [
            "/architectures/0: packages are taken for amd64 and arm64; riscv64 is for stores",
            "/architectures/2: packages are taken for amd64 and arm64; s390x is for stores",
        ]),
        (PACK, {"architectures": ["riscv64", "amd64"]}, []),
        (PACK, {"architectures": ["riscv64", "riscv64"]}, ["/architectures: names an architecture twice"]),
        *((PACK, {key: value}, [f"/{key}: {OF_PACKAGES}"]) for key, value in {
            "exclude": [], "alternatives": {}, "debconf": {}, "package-sources": {}, "essential": True, "slim": True,
            "translations": [], "init": "shepherd", "services": {}, "enable": [], "units": {}, "privileged-programs": {},
            "host-name": "x", "time-zone": "UTC", "locale": "C",
            "python": {"source": "src"}, "java": {"jars": ["a"], "at": "/a"}, "node": {"lock": "package-lock.json", "at": "/a"},
        }.items()),
        (PACK, {"users": {"ann": {}}, "groups": {"g": {}}}, []),
        (SYSTEM, {"users": {"ann": {}}, "groups": {"g": {}}}, [
            "/groups: a system from a store makes its accounts itself, when it boots",
            "/users: a system from a store makes its accounts itself, when it boots",
        ]),
        (SYSTEM, {"users": {}, "groups": {}}, []),
        (PACK, {"from-store": {"paths": [ITEM], "system-kind": "guix"}},
         ['/from-store/system-kind: belongs to "system"; nothing boots "paths"']),
        (SYSTEM, {"from-store": {"system": ITEM, "system-kind": "guix", "links": {"/a": "."}}},
         ['/from-store/links: belongs to "paths"; a system makes its links itself']),
        (SYSTEM, {"from-store": {"system": ITEM, "links": {}}}, []),
        (PACK, {"user": "ann"}, ['/user: no user is called "ann"; declare it under "users"']),
        (PACK, {"user": "ann", "from-image": "base.tar"}, []),
        (PACK, {"users": {"ann": {"uid": 33}}}, ["/users/ann/uid: 33 is the uid of www-data already"]),
        (PACK, {"users": {"ann": {"uid": 33}}, "from-image": "base.tar"}, []),
        (PACK, {"users": {"ann": {"uid": 33}, "bob": {"uid": 33}}, "from-image": "base.tar"},
         ["/users/bob/uid: 33 is the uid of ann already"]),
        (MADE, {"users": {"ann": {"uid": 33}}, "from-image": "base.tar"}, ["/users/ann/uid: 33 is the uid of www-data already"]),
        (PACK, {"capabilities": {"/usr/bin/a": "cap_net_raw+ep"}},
         ["/capabilities/~1usr~1bin~1a: is neither a declared file nor a program of a package"]),
        (PACK, {"store": {"database": False}}, []),
    ],
)  # fmt: skip
def test_what_an_image_of_a_store_may_say(spec: dict[str, Any], part: dict[str, Any], expected: list[str]) -> None:
    assert sorted(faults(spec, part)) == expected


LONG = "/" + "n" * 256
TOO_LONG = "the path has a component of 256 bytes; a file system takes at most 255"


@pytest.mark.parametrize(
    ("spec", "part", "where"),
    [
        (MADE, {"files": {LONG: {"text": ""}}}, f"/files/~1{LONG[1:]}"),
        (MADE, {"symlinks": {LONG: "x"}}, f"/symlinks/~1{LONG[1:]}"),
        (MADE, {"directories": {LONG: {}}}, f"/directories/~1{LONG[1:]}"),
        (MADE, {"privileged-programs": {f"/usr/bin{LONG}": {}}}, f"/privileged-programs/~1usr~1bin~1{LONG[1:]}"),
        (MADE, {"capabilities": {f"/usr/bin{LONG}": "cap_net_raw+ep"}}, f"/capabilities/~1usr~1bin~1{LONG[1:]}"),
        (MADE, {"users": {"ann": {"home": LONG}}}, "/users/ann/home"),
        (MADE, {"users": {"ann": {"shell": LONG}}}, "/users/ann/shell"),
        (MADE, services(s={"working-directory": LONG}), "/services/s/working-directory"),
        (MADE, services(s={"log": f"/var/log{LONG}"}), "/services/s/log"),
        (MADE, services(s={"ready": {"file": LONG}}), "/services/s/ready/file"),
        (MADE, {"volumes": ["/a", LONG]}, "/volumes/1"),
        (MADE, {"working-directory": LONG}, "/working-directory"),
        (PACK, {"from-store": {"paths": [ITEM], "links": {LONG: "."}}}, f"/from-store/links/~1{LONG[1:]}"),
    ],
)
def test_every_path_is_short_enough(spec: dict[str, Any], part: dict[str, Any], where: str) -> None:
    assert faults(spec, part) == [f"{where}: {TOO_LONG}"]
    assert faults(spec, json.loads(json.dumps(part).replace(LONG, LONG[:-1]))) == []


def test_a_link_is_short_enough() -> None:
    assert faults(MADE, {"symlinks": {"/a": "x" * 4095}}) == []
    assert faults(MADE, {"symlinks": {"/a": "x" * 4096}}) == [
        "/symlinks/~1a: is a link of 4096 bytes; a path has at most 4095"
    ]


def test_files_beside_the_spec_are_what_they_are_to_be(tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    for name in ("a.deb", "key.asc", "a.tar.gz", "a.txt", "a.sources"):
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to("loop")
    sources = {"address": "https://a.example", "suites": ["x"]}
    assert faults(
        MADE,
        {
            "packages": ["./a.deb", "./none.deb", "./dir/../dir/x.deb"],
            "package-sources": [{**sources, "key": "key.asc"}, {**sources, "key": "dir"}, {"file": "none.sources"}],
            "trees": {
                "/a": {"source": "dir"},
                "/b": {"source": "a.tar.gz"},
                "/c": {"source": "a.txt"},
                "/d": {"source": "none"},
                "/tmp/e": {"source": "dir"},
                "/f": {"source": "loop"},
            },
        },
        path=tmp_path / "system.json",
    ) == [
        "/package-sources/1/key: is not a file",
        "/package-sources/2/file: there is no file none.sources beside the spec",
        "/packages/1: there is no package ./none.deb beside the spec",
        "/packages/2: must be a path inside the spec's own directory: relative, and without '..'",
        "/trees/~1c/source: is a file, and no archive (.tar, .tar.gz, .tgz, .tar.bz2, .tar.xz, .tar.zst, .zip); put single files "
        'under "files"',
        "/trees/~1d/source: there is no directory or archive none beside the spec",
        "/trees/~1f/source: there is no directory or archive loop beside the spec",
        "/trees/~1tmp~1e: the directory is empty when a container starts; put the tree elsewhere",
    ]


def test_a_spec_of_values_is_checked_beside_its_directory(tmp_path: Path) -> None:
    spec = parse_spec(json.dumps({**MADE, "files": {"/a": {"source": "a"}}}))
    (tmp_path / "a").touch()
    assert check_spec(spec, tmp_path) is spec
    (tmp_path / "a").unlink()
    with pytest.raises(SpecError) as caught:
        check_spec(spec, tmp_path)
    assert caught.value.message == "cannot read the spec: one fault"
    assert [str(issue) for issue in caught.value.issues] == ["/files/~1a/source: there is no file a beside the spec"]
