"""Each use of the system's places: whether it is refused, why, and where links lead."""

# ruff: noqa: E501 - faults are quoted whole
from __future__ import annotations

import json
from typing import Any

import pytest

from sysimage.spec import parse_spec
from sysimage.spec.reserved_paths import ReservedPaths, Use, refusal_in_any_image

KINDS: dict[str, dict[str, Any]] = {
    "made": {"packages": []},
    "nix": {"packages": [], "store": {"kind": "nix"}},
    "bare": {"packages": [], "store": {"database": False}},
    "pack": {"from-store": {"paths": ["result"]}},
    "system": {"from-store": {"system": "result"}},
}


def places(kind: str) -> ReservedPaths:
    return ReservedPaths.of(parse_spec(json.dumps({"name": "x", **KINDS[kind]})))


@pytest.mark.parametrize(
    ("path", "taken", "refused", "why"),
    [
        ("/etc", (0o755, 0o711), (0o754, 0o745, 0o655, 0o775, 0o757, 0o777), "every program's configuration is in it"),
        ("/var/lib", (0o755,), (0o775, 0o2775), "programs keep their data in it"),
        ("/var/log", (0o755, 0o775, 0o2775), (0o777, 0o774, 0o757), "programs keep their logs in it"),
        ("/var/spool", (0o775,), (0o777,), "programs keep their data in it"),
        ("/var/mail", (0o2775,), (0o2777,), "every user's mail is in it"),
    ],
)
def test_a_directory_of_the_system_is_declared_as_one_that_all_enter_and_root_writes(
    path: str, taken: tuple[int, ...], refused: tuple[int, ...], why: str
) -> None:
    fault = f"must be root's, with no other user able to write to it and every user able to enter it, for {path}: {why}"
    of = places("made").refusal
    assert [of(path, Use.DIRECTORY, mode=mode) for mode in taken] == [None] * len(taken)
    assert [of(path, Use.DIRECTORY, mode=mode) for mode in refused] == [fault] * len(refused)
    assert of(path, Use.DIRECTORY, mode=taken[0], owner="ann") == fault


@pytest.mark.parametrize(
    ("path", "taken", "refused", "fault"),
    [
        ("/root", (0o700, 0o755, 0), (0o770, 0o702), "must be root's, with no other user able to write to it, for /root: it "
         "is root's home, which no other user may enter"),
        ("/tmp", (0o1777,), (0o777, 0o1755), "must be root's, with the mode 1777: every program's temporary files are in it"),
        ("/run/lock", (0o1777,), (0o755,), "must be root's, with the mode 1777: every program's locks are in it"),
        ("/gnu", (0o755,), (0o750, 0o775), "must be root's, with no other user able to write to it and every user able to "
         "enter it, for /gnu/store: only store items are there"),
    ],
)  # fmt: skip
def test_other_directories_have_modes_of_their_own(
    path: str, taken: tuple[int, ...], refused: tuple[int, ...], fault: str
) -> None:
    of = places("made").refusal
    assert [of(path, Use.DIRECTORY, mode=mode) for mode in taken] == [None] * len(taken)
    assert [of(path, Use.DIRECTORY, mode=mode) for mode in refused] == [fault] * len(refused)
    assert of(path, Use.DIRECTORY, mode=taken[0], owner="ann") == fault


DEVICES = "nothing can be put at or below /dev: the container's runtime makes devices there"
ITEMS = "nothing can be put at or below /gnu/store: only store items are there"
IN_RUN = "nothing can be put at or below /run: running programs leave sockets and locks in it"
SOCKETS = "is the system's own: running programs leave sockets and locks in it"
MOUNTED = "is the system's own: the container's runtime mounts a file there"
PROGRAMS = "is the system's own: every program's files are in it"
NAMED = 'is made from what "host-name" says'
DATABASE = "the store keeps its database and GC roots there"
CURRENT = "nothing can be put at or below /run/current-system: the system itself is there"
WRAPPERS = "nothing can be put at or below /run/wrappers: the system puts its set-user-ID programs there"
BY_USE: list[tuple[str, str, list[str | None]]] = [
    ("made", "/dev/x", [DEVICES, DEVICES, DEVICES, DEVICES, DEVICES, None]),
    ("made", "/gnu/store", [ITEMS, ITEMS, ITEMS, None, ITEMS, ITEMS]),
    ("made", "/gnu", [
        "must be a directory, because /gnu/store is below it", None, "can't be a user's home, because /gnu/store is below it",
        "can't be a store, because /gnu/store is below it: only store items are there",
        "a volume would hide /gnu/store: only store items are there", "is a directory, because /gnu/store is below it",
    ]),
    ("made", "/run", [SOCKETS, None, SOCKETS, IN_RUN, None, SOCKETS]),
    ("made", "/etc/hosts", [None, *[MOUNTED] * 5]),
    ("made", "/etc/hostname", [NAMED] * 6),
    ("pack", "/etc/hostname", [None, *[MOUNTED] * 5]),
    ("made", "/usr/lib", [PROGRAMS, None, *[PROGRAMS] * 4]),
    ("pack", "/usr", [None, None, PROGRAMS, PROGRAMS, PROGRAMS, PROGRAMS]),
    ("made", "/var/cache", [None, None, *["is the system's own: programs keep their data in it"] * 2, None,
                            "is the system's own: programs keep their data in it"]),
    ("made", "/run/current-system/x", [*[CURRENT] * 3, IN_RUN, *[CURRENT] * 2]),
    ("pack", "/run/current-system/x", [None, None, None, IN_RUN, None, None]),
    ("system", "/run/wrappers", [WRAPPERS] * 6),
    ("made", "/srv", [None] * 6),
    ("made", "/var/guix/x", [f"nothing can be put at or below /var/guix: {DATABASE}"] * 6),
    ("nix", "/nix/var/nix", [f"nothing can be put at or below /nix/var/nix: {DATABASE}"] * 6),
    ("nix", "/var/guix/x", [None] * 6),
    ("bare", "/var/guix", [None] * 6),
    ("made", "/nix/store/x", [None] * 6),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "path", "expected"), BY_USE)
def test_each_use_of_a_place_is_refused_for_its_reason(kind: str, path: str, expected: list[str | None]) -> None:
    of = places(kind).refusal
    uses = (Use.FILE, Use.DIRECTORY, Use.HOME, Use.STORE, Use.VOLUME, Use.LOG)
    assert [of(path, use) for use in uses] == expected


def test_a_volume_hides_no_place_that_each_boot_makes() -> None:
    assert places("system").refusal("/run", Use.VOLUME) is None
    assert places("made").refusal("/var", Use.VOLUME) == f"a volume would hide /var/guix: {DATABASE}"
    assert places("bare").refusal("/var", Use.VOLUME) is None


def test_links_are_followed_as_far_as_they_do() -> None:
    made = places("made")
    assert [
        made.elsewhere(path) for path in ("/bin", "/bin/x/y", "/var/run/x", "/var/lock", "/usr/bin", "/binx", "/")
    ] == [*("/usr/bin", "/usr/bin/x/y", "/run/x", "/run/lock", None, None, None)]
    assert places("pack").elsewhere("/bin/x") is None
    links = {"/a": "b/../c", "/c": "/bin", "/up": "../../srv", "/d/e": ".", "/loop": "loop"}
    leads = {
        "/a/x": "/usr/bin/x",
        "/up/y": "/srv/y",
        "/d/e/f": "/d/f",
        "/loop/x": "/loop/x",
        "/z": "/z",
        "/": "/",
        "/b": "/b",
    }
    assert {path: made.through(path, links) for path in leads} == leads
    chain = {f"/{number}": f"/{number + 1}" for number in range(41)}
    assert (made.through("/1", chain), made.through("/0", chain)) == ("/41", "/40")


def test_what_no_image_may_have_is_known_without_a_spec() -> None:
    assert (
        refusal_in_any_image("/proc/x", Use.FILE)
        == "nothing can be put at or below /proc: the kernel shows processes there"
    )
    assert refusal_in_any_image("/usr/bin", Use.HOME) is None
    assert refusal_in_any_image("/lib", Use.HOME) == PROGRAMS
    assert refusal_in_any_image("/gnu/store/x", Use.FILE) is None
