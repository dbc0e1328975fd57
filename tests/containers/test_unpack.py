"""What is unpacked is what an engine would show, and nothing of an image ever leads out of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sysimage.containers.users import is_privileged
from sysimage.errors import IntegrityError
from tests.support import raw_tar
from tests.support.namespaces import unpack
from tests.support.raw_image import write_archive, write_directory
from tests.support.small_images import small_image, write_small

pytestmark = pytest.mark.programs

LOWER = raw_tar.archive(
    raw_tar.header(b"a/", b"5", mode=0o750, uid=1000, gid=100, mtime=7),
    raw_tar.file(b"a/kept", b"kept", mode=0o640, uid=1000, gid=100, mtime=5),
    raw_tar.file(b"a/gone", b"gone"),
    raw_tar.header(b"b/", b"5", mode=0o755),
    raw_tar.file(b"b/lower", b"lower"),
    raw_tar.header(b"c/", b"5", mode=0o755),
    raw_tar.file(b"c/lower", b"lower"),
    raw_tar.directory(b"d/", 0o1777, mtime=9),
    raw_tar.file(b"d/file", b""),
    raw_tar.file(b"program", b"program", mode=0o4755),
    raw_tar.header(b"again", b"1", link=b"program"),
)


def test_layers_are_unpacked_over_each_other_with_modes_owners_and_times(tmp_path: Path) -> None:
    upper = raw_tar.archive(
        raw_tar.file(b"a/.wh.gone", b""),
        raw_tar.file(b"b/upper", b"upper"),  # before the whiteout, which means the layers below all the same
        raw_tar.file(b"b/.wh..wh..opq", b""),
        raw_tar.file(b".wh.c", b""),
        raw_tar.header(b"link", b"2", link=b"/a/kept"),
    )
    with unpack(write_small(tmp_path / "x.tar", LOWER, upper, Entrypoint=["/bin/true"])) as files:
        root = files.root
        kept, directory, program = (root / name for name in ("a/kept", "a", "program"))
        assert kept.read_bytes() == b"kept"
        assert sorted(path.name for path in directory.iterdir()) == ["kept"]
        assert [path.name for path in (root / "b").iterdir()] == ["upper"]
        assert not (root / "c").exists()
        assert (root / "link").readlink() == Path("/a/kept")
        assert (kept.stat().st_mode & 0o7777, kept.stat().st_mtime) == (0o640, 5)
        assert directory.stat().st_mode & 0o7777 == 0o750
        assert ((root / "d").stat().st_mode & 0o7777, (root / "d").stat().st_mtime) == (0o1777, 9)
        assert program.stat().st_mode & 0o7777 == 0o4755
        assert program.samefile(root / "again")
        if is_privileged():
            assert (kept.stat().st_uid, kept.stat().st_gid) == (1000, 100)


@pytest.mark.parametrize("link", ["etc", "dev", "proc", "sys"])
def test_a_link_of_the_image_never_leads_to_this_machine(link: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    hostile = raw_tar.archive(
        raw_tar.file(f"{str(outside)[1:]}/here".encode(), b""),
        raw_tar.file(f".wh.{link}".encode(), b""),
        raw_tar.header(link.encode(), b"2", link=bytes(outside)),
    )
    through = raw_tar.archive(raw_tar.file(f"{link}/written".encode(), b"x"))
    path = write_small(tmp_path / "x.tar", hostile, through, Entrypoint=["/bin/true"])
    with unpack(path) as files:
        inside = files.root / str(outside).lstrip("/")
        assert (inside / "written").read_bytes() == b"x"
        assert files.start(["/bin/true"], stdin=subprocess.DEVNULL).wait() == 0
    assert list(outside.iterdir()) == []


def test_a_file_that_cannot_be_made_is_a_fault_of_the_image(tmp_path: Path) -> None:
    nowhere = raw_tar.archive(raw_tar.symlink(b"link", b"/nowhere"), raw_tar.file(b"link/file", b"x"))
    path = write_small(tmp_path / "x.tar", nowhere, Entrypoint=["/bin/true"])
    with pytest.raises(IntegrityError) as caught, unpack(path):
        pass
    assert "layer 2: /link cannot be made: File exists" in str(caught.value)


@pytest.mark.parametrize("form", ["layout", "docker_archive"])
def test_a_layer_that_is_not_what_the_image_says_is_refused(form: str, tmp_path: Path) -> None:
    image = small_image(raw_tar.archive(raw_tar.file(b"file", b"right")), Entrypoint=["/bin/true"])
    files = getattr(image, form)()
    name = next(name for name, data in files.items() if data == image.layers[1])
    files[name] = image.layers[1].replace(b"right", b"wrong")
    with (
        pytest.raises(IntegrityError, match="its content is not what its documents say") as caught,
        unpack(write_archive(files, tmp_path / "x.tar")),
    ):
        pass
    assert "layer 2: its content has the diff ID" in str(caught.value)


def test_a_layout_runs_as_well_as_an_archive(tmp_path: Path) -> None:
    layout = write_directory(small_image(Entrypoint=["/bin/true"]).layout(), tmp_path / "layout")
    with unpack(layout) as files:
        assert files.start(files.image.argv(), stdin=subprocess.DEVNULL).wait() == 0


def mounted(*tables: str) -> set[int]:
    """The devices of all file systems that the tables of mounts name."""
    lines = [line.split() for table in tables for line in Path(table).read_text().splitlines()]
    return {os.makedev(*map(int, fields[2].split(":"))) for fields in lines}


def test_nothing_is_left_where_the_files_were(tmp_path: Path) -> None:
    with unpack(write_small(tmp_path / "x.tar", Entrypoint=["/bin/true"])) as files:
        holder = files.holder
        device = files.root.stat().st_dev
        # Other processes of this machine mount, too: only the file system of the files is looked for.
        assert device in mounted("/proc/self/mountinfo", f"/proc/{holder}/mountinfo") - mounted("/proc/self/mountinfo")
    assert not Path(f"/proc/{holder}").exists()
    assert os.listdir(tmp_path) == ["x.tar"]  # noqa: PTH208
