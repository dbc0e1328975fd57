"""What of a source is in a tree, what is left out, and what is refused."""

from __future__ import annotations

import io
import os
import tarfile
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
        "lib/own": "/srv/shop/lib/x",
        "dangling": "nowhere",
        "up": "../other",
        "lib/absolute": "/etc/passwd",
        "lib/far": "../../../../srv/shopping",
    }.items():
        (tmp_path / "dist" / name).symlink_to(target)
    paths, faults = selected(tmp_path)
    assert paths == ["dangling", "lib", "lib/inside", "lib/own", "lib/x"]
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
    paths, faults = selected(tmp_path, source="a.tar")
    assert paths == ["link", "d/f"]
    assert [fault.partition(": ")[2] for fault in faults] == [
        "leads out of the archive",
        "leads out of the archive",
        "leads out of the archive",
        "is below link, which is a link",
        "is a hard link to nothing, no earlier file of the tree",
        "is a directory and a file",
    ]
