"""What of a source is in a tree, what is left out, and what is refused."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from sysimage.spec.trees import Tree
from sysimage.trees.selection import Selection


def selected(
    top: Path, *exclude: str, allowed: tuple[str, ...] = (), source: str = "dist"
) -> tuple[list[str], list[str]]:
    """The paths of the tree at /srv/shop, and the faults."""
    selection = Selection.of("/srv/shop", Tree(source=source, exclude=exclude), top, allowed)
    paths = [member.path for member in selection.members()]
    return paths, [f"{Path(issue.where).relative_to(top)}: {issue.message}" for issue in selection.issues]


def files(top: Path, *paths: str) -> Path:
    for path in paths:
        place = top / "dist" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("x")
    return top


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        ((), ["a.pyc", "lib", "lib/b.pyc", "lib/keep.pyc", "lib/cache", "lib/cache/c", "run"]),
        (("*.pyc",), ["lib", "lib/cache", "lib/cache/c", "run"]),
        (("*.pyc", "!keep.pyc"), ["lib", "lib/cache", "lib/cache/c", "lib/keep.pyc", "run"]),
        (("/*.pyc",), ["lib", "lib/b.pyc", "lib/keep.pyc", "lib/cache", "lib/cache/c", "run"]),
        (("lib/cache",), ["a.pyc", "lib", "lib/b.pyc", "lib/keep.pyc", "run"]),
        (("cache/",), ["a.pyc", "lib", "lib/b.pyc", "lib/keep.pyc", "run"]),
        (("lib", "!lib/keep.pyc"), ["a.pyc", "run"]),
        (("**/c", "# a comment"), ["a.pyc", "lib", "lib/b.pyc", "lib/keep.pyc", "lib/cache", "run"]),
    ],
)
def test_patterns_exclude_as_in_a_gitignore(patterns: tuple[str, ...], kept: list[str], tmp_path: Path) -> None:
    files(tmp_path, "a.pyc", "run", "lib/b.pyc", "lib/keep.pyc", "lib/cache/c")
    assert selected(tmp_path, *patterns) == (sorted(kept, key=lambda path: path.split("/")), [])
    with tarfile.open(tmp_path / "dist.tar", "w") as archive:
        archive.add(tmp_path / "dist", ".")
    assert sorted(selected(tmp_path, *patterns, source="dist.tar")[0]) == sorted(kept)


def test_links_stay_inside_and_those_that_lead_out_are_refused(tmp_path: Path) -> None:
    files(tmp_path, "lib/x")
    for name, target in {
        "lib/inside": "../lib/x",
        "lib/top": "..",
        "lib/itself": "/srv/shop",
        "lib/own": "/srv/shop/lib/x",
        "dangling": "nowhere",
        "up": "../other",
        "lib/absolute": "/etc/passwd",
        "lib/far": "../../../../srv/shopping",
    }.items():
        (tmp_path / "dist" / name).symlink_to(target)
    paths, faults = selected(tmp_path)
    assert paths == ["dangling", "lib", "lib/inside", "lib/itself", "lib/own", "lib/top", "lib/x"]
    assert faults == [
        'dist/lib/absolute: is a link that leads out of the tree, to /etc/passwd; declare it under "symlinks"',
        'dist/lib/far: is a link that leads out of the tree, to ../../../../srv/shopping; declare it under "symlinks"',
        'dist/up: is a link that leads out of the tree, to ../other; declare it under "symlinks"',
    ]


def test_names_like_those_of_secrets_are_refused_unless_named(tmp_path: Path) -> None:
    files(
        tmp_path,
        ".env",
        ".env.example",
        "conf/site.pem",
        "conf/id_ed25519",
        "conf/id_ed25519.pub",
        "id_list.py",
        ".git/HEAD",
    )
    paths, faults = selected(tmp_path)
    assert paths == [".env.example", ".git/HEAD", "conf", "conf/id_ed25519.pub", "id_list.py"]
    assert faults == [
        f'dist/{path}: its name says that it holds {what}; exclude it, or say "allow-secrets": ["/srv/shop/{path}"]'
        for path, what in [
            (".env", "variables, often with passwords"),
            (".git", "a repository with all its history"),
            ("conf/id_ed25519", "a key of SSH"),
            ("conf/site.pem", "keys or certificates"),
        ]
    ]
    assert selected(tmp_path, "*", "!.env.example") == ([".env.example"], [])
    allowed = ("/srv/shop/.env", "/srv/shop/.git", "/srv/shop/conf/*")
    assert selected(tmp_path, allowed=allowed)[1] == []


def test_what_no_image_can_hold_is_refused_all_at_once(tmp_path: Path) -> None:
    files(tmp_path, ".wh.gone", "n" * 200)
    os.mkfifo(tmp_path / "dist/fifo")
    (tmp_path / os.fsdecode(b"dist/\xff")).write_text("")
    _, faults = selected(tmp_path)
    assert [fault.partition(": ")[2] for fault in faults] == [
        'a name can\'t begin with ".wh.": layers mark deleted files so',
        "is neither a file, a directory nor a symlink",
        "its name is not UTF-8",
    ]


def test_an_archive_cannot_write_beside_its_tree(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("/etc/passwd", "../up", "a/../../b"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "file"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("link/below"), io.BytesIO())
        hard = tarfile.TarInfo("hard")
        hard.type, hard.linkname = tarfile.LNKTYPE, "nothing"
        archive.addfile(hard)
        archive.addfile(tarfile.TarInfo("d/f"), io.BytesIO())
        archive.addfile(tarfile.TarInfo("d"), io.BytesIO())
        for name, target in (("again", "d/f"), ("of-link", "link"), ("of-directory", "d")):
            hard = tarfile.TarInfo(name)
            hard.type, hard.linkname = tarfile.LNKTYPE, target
            archive.addfile(hard)
        for name, kind in (("d", tarfile.DIRTYPE), ("e", tarfile.DIRTYPE), ("e/", tarfile.DIRTYPE)):
            directory = tarfile.TarInfo(name)
            directory.type = kind
            archive.addfile(directory)
        for name in ("e", "d/f", "d/f/below", "n" * 256, "n" * 255, "x/.wh.y/z"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    paths, faults = selected(tmp_path, source="a.tar")
    assert paths == ["link", "d/f", "again", "e", "d/f", "n" * 255]
    assert [fault.partition(": ")[2] for fault in faults] == [
        "leads out of the archive",
        "leads out of the archive",
        "leads out of the archive",
        "is below link, which is a link",
        "is a hard link to nothing, no earlier file of the tree",
        "is a directory and a file",
        "is a hard link to link, no earlier file of the tree",
        "is a hard link to d, no earlier file of the tree",
        "is a directory and a file",
        "is below d/f, which is a file",
        "the name has a component of 256 bytes; a file system takes at most 255",
        'a name can\'t begin with ".wh.": layers mark deleted files so',
    ]


def test_a_link_says_something(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, target in (("sound", b"a"), ("empty", b""), ("cut", b"a\0b")):
            link = zipfile.ZipInfo(name)
            link.create_system, link.external_attr = 3, 0o120777 << 16
            archive.writestr(link, target)
    faults = ["a.zip/empty: is a link to nothing", "a.zip/cut: is a link to nothing"]
    assert selected(tmp_path, source="a.zip") == (["sound"], faults)


def test_a_selection_that_is_read_twice_has_its_faults_once(tmp_path: Path) -> None:
    chosen = Selection.of("/srv/shop", Tree(source="dist"), files(tmp_path, ".env", "x"), ())
    for _ in range(2):
        assert [member.path for member in chosen.members()] == ["x"]
        assert [issue.where for issue in chosen.issues] == [f"{tmp_path}/dist/.env"]
