"""Where a path leads in an image, and why it leads nowhere."""

from __future__ import annotations

import pytest

from sysimage.rules.files import FileInfo, FileKind, ResolvedPath, UnresolvedPath, resolve_path
from sysimage.rules.finding import escaped
from sysimage.rules.paths import as_parts
from sysimage.rules.programs import UNKNOWN_PROGRAM, Program, ProgramFormat
from tests.rules.test_runnable import Files

FILES = Files(
    {
        "/usr/bin/sh": b"",
        "/usr/empty": None,
        "/bin": "usr/bin",
        "/etc/motd": (0o644, b""),
        "/srv/gone": "/opt/app/run",
        "/srv/up": "../etc/none",
        "/srv/file": "/etc/motd/x",
        "/srv/through": "gone",
        "/srv/odd": b"/a\nb".decode(),
        "/loop": "loop",
        **{f"/chain/{number}": str(number + 1) for number in range(41)},
        "/chain/41": None,
    },
    modes={"/usr/empty": 0o700},
)


@pytest.mark.parametrize(
    ("path", "start", "leads_to", "kind"),
    [
        ("/bin/sh", "/", "/usr/bin/sh", FileKind.FILE),
        ("bin/sh", "/", "/usr/bin/sh", FileKind.FILE),
        ("sh", "/usr/bin", "/usr/bin/sh", FileKind.FILE),
        ("/etc/motd", "/usr/bin", "/etc/motd", FileKind.FILE),
        ("../../etc/./motd", "/usr/bin", "/etc/motd", FileKind.FILE),
        ("../../..//etc/motd", "/usr", "/etc/motd", FileKind.FILE),
        ("/bin/../empty", "/", "/usr/empty", FileKind.DIRECTORY),
        ("/usr/empty/", "/", "/usr/empty", FileKind.DIRECTORY),
        ("/bin/", "/", "/usr/bin", FileKind.DIRECTORY),
        ("/", "/usr", "/", FileKind.DIRECTORY),
        ("", "/usr", "/usr", FileKind.DIRECTORY),
        ("/chain/1", "/", "/chain/41", FileKind.DIRECTORY),
    ],
)
def test_a_path_leads_to_what_is_there(path: str, start: str, leads_to: str, kind: FileKind) -> None:
    found = resolve_path(FILES, path.encode(), as_parts(start))
    assert isinstance(found, ResolvedPath)
    assert (found.parts, found.seen.kind) == (as_parts(leads_to), kind)
    assert found.seen == FILES.at(as_parts(leads_to))


@pytest.mark.parametrize(
    ("path", "why", "at", "through_link"),
    [
        ("/opt/x", "/opt is not in the image", "/opt", False),
        ("/usr/bin/x/y", "/usr/bin/x is not in the image", "/usr/bin/x", False),
        ("/bin/x", "/usr/bin/x is not in the image", "/usr/bin/x", True),
        ("/srv/gone", "/srv/gone is a link to /opt/app/run, which is not in the image", "/opt", True),
        ("/srv/gone/x", "/srv/gone is a link to /opt/app/run, which is not in the image", "/opt", True),
        ("/srv/up", "/srv/up is a link to ../etc/none, which is not in the image", "/etc/none", True),
        ("/srv/through", "/srv/gone is a link to /opt/app/run, which is not in the image", "/opt", True),
        ("/srv/odd", "/srv/odd is a link to /a\\nb, which is not in the image", "/a\nb", True),
        ("/loop", "links lead in circles at /loop", "/loop", True),
        ("/chain/0", "links lead in circles at /chain/40", "/chain/40", True),
        ("/etc/motd/x", "/etc/motd is a file, no directory", "/etc/motd/x", False),
        ("/etc/motd/", "/etc/motd is a file, no directory", "/etc/motd/.", False),
        ("/srv/file", "/etc/motd is a file, no directory", "/etc/motd/x", True),
    ],
)
def test_a_path_that_leads_nowhere_says_where_it_ends(path: str, why: str, at: str, through_link: bool) -> None:
    plainly = not through_link and why.endswith("is not in the image")
    assert resolve_path(FILES, path.encode()) == UnresolvedPath(why, as_parts(at), through_link, plainly)


def test_an_image_without_files_has_its_root() -> None:
    assert resolve_path(Files({}), b"/") == ResolvedPath((), FileInfo(FileKind.DIRECTORY, 0o755))


def test_what_is_missing_is_below_a_place_that_it_is_in_or_that_it_is() -> None:
    lost = UnresolvedPath("", as_parts("/run/app/x"), False)
    assert not lost.plainly
    for places, is_below in (
        ((), False),
        (("/run",), True),
        (("/srv", "/run/app"), True),
        (("/run/app/x",), True),
        (("/run/app/x/y", "/ru", "/srv"), False),
        (("/",), True),
    ):
        assert lost.is_below(map(as_parts, places)) == is_below


def test_a_program_that_was_not_read_is_unknown() -> None:
    assert FileInfo(FileKind.FILE, 0o755).program() is UNKNOWN_PROGRAM


def test_what_is_at_a_path_is_compared_without_its_program() -> None:
    script = Program(ProgramFormat.SCRIPT)
    assert FileInfo(FileKind.FILE, 0o755, program=lambda: script) == FileInfo(FileKind.FILE, 0o755)
    assert FileInfo(FileKind.FILE, 0o755) != FileInfo(FileKind.FILE, 0o555)


@pytest.mark.parametrize(
    ("name", "in_a_message"),
    [
        ("plain", "plain"),
        (b"\xc3\xa4", "ä"),
        ("a\nb\x1b", "a\\nb\\x1b"),
        (b"\xff", "\\udcff"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 300 + "…"),
    ],
)
def test_a_name_is_shown_in_one_line_of_a_message(name: str | bytes, in_a_message: str) -> None:
    assert escaped(name) == in_a_message
