"""Accounts on a base image: found where its links lead, kept line by line, and known to both build and verify."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.bases import BaseImageError
from sysimage.closure import Closure
from sysimage.errors import SpecError
from sysimage.rootfs.tree import Kind
from sysimage.verify import verify_image
from tests.support import raw_tar
from tests.support.builds import build_from_store, config_of, on
from tests.support.raw_image import RawImage, write_archive
from tests.support.store_builder import static_elf

PASSWD = b"root:x:0:0:root:/root:/bin/sh\nmail:x:8:8::/var/mail:/bin/false\n+::::::\n# the end"
GROUP = b"root:x:0:\nmail:x:8:root\n"
SHADOW = b"root:$6$salt$hash:19000:0:99999:7:::\n"
ANN = b"ann:x:1000:1000::/home/ann:/bin/sh\n"
STORE = b"gnu/store/z1h1k2m3n4p5q6r7s8v9w0x1y2z3a4b5-etc"


def base(tmp_path: Path, *layers: tuple[bytes, ...], **config: object) -> None:
    runtime = {"User": "mail", "Entrypoint": ["sh"], "Env": ["PATH=/bin"], **config}
    shell = raw_tar.file(b"bin/sh", static_elf(), mode=0o755)
    archives = [raw_tar.archive(*members) for members in layers]
    archives[0] = raw_tar.archive(shell, *layers[0])
    write_archive(RawImage(*archives, config={"config": runtime}).layout(), tmp_path / "base")


@pytest.fixture(params=["file", "relative link", "absolute link", "chain", "hard link", "directory link", "late link"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Makes a base and says where its passwd is written."""
    passwd = {"mode": 0o664, "uid": 3, "gid": 4}
    match request.param:
        case "file":
            base(tmp_path, (raw_tar.file(b"etc/passwd", PASSWD, **passwd),))
            return "/etc/passwd"
        case "relative link":
            members = raw_tar.symlink(b"etc/passwd", b"../usr/etc/p"), raw_tar.file(b"usr/etc/p", PASSWD, **passwd)
            base(tmp_path, members)
            return "/usr/etc/p"
        case "absolute link":
            base(tmp_path, (raw_tar.symlink(b"etc/passwd", b"/etc/p"), raw_tar.file(b"etc/p", PASSWD, **passwd)))
            return "/etc/p"
        case "chain":
            links = [raw_tar.symlink(b"etc/passwd", b"/etc/one/p"), raw_tar.symlink(b"etc/one", b"../srv/./two")]
            links.append(raw_tar.symlink(b"srv/two/p", b"../../../var/p"))
            base(tmp_path, (*links, raw_tar.file(b"var/p", PASSWD, **passwd)))
            return "/var/p"
        case "hard link":
            members = raw_tar.file(b"etc/passwd-", PASSWD, **passwd), raw_tar.hard_link(b"etc/passwd", b"etc/passwd-")
            base(tmp_path, members)
            return "/etc/passwd"
        case "directory link":
            base(tmp_path, (raw_tar.symlink(b"etc", b"usr/etc"), raw_tar.file(b"usr/etc/passwd", PASSWD, **passwd)))
            return "/usr/etc/passwd"
    whited_out = raw_tar.file(b"etc/.wh.passwd"), raw_tar.symlink(b"etc/passwd", b"q")
    base(
        tmp_path,
        (raw_tar.file(b"etc/passwd", b"gone:x:0:0:::\n"), raw_tar.file(b"etc/p", PASSWD, **passwd)),
        (raw_tar.file(b"etc/.wh.passwd"),),
        (*whited_out[1:], raw_tar.symlink(b"etc/q", b"p")),
    )
    return "/etc/p"


def test_accounts_are_added_where_the_links_of_the_base_lead(place: str, tmp_path: Path, closure: Closure) -> None:
    result = build_from_store(tmp_path, on("base", closure, users={"ann": {"uid": 1000}}, user="ann"))
    entry = result.planned.tree[place]
    assert entry.read() == PASSWD + b"\n" + ANN
    assert (entry.mode, entry.uid, entry.gid) == (0o664, 3, 4)
    verify_image(tmp_path / "top.tar")  # finds ann in the passwd that programs find
    unchanged = build_from_store(tmp_path, on("base", closure))
    assert not any("passwd" in one.path or one.path.endswith("/p") for one in unchanged.planned.tree)
    assert config_of(unchanged)["config"]["User"] == "mail"
    verify_image(tmp_path / "top.tar")


@pytest.mark.parametrize("through_directory", [False, True])
def test_what_is_in_a_store_item_is_left_there(through_directory: bool, tmp_path: Path, closure: Closure) -> None:
    link = raw_tar.symlink(b"etc/passwd", b"/" + STORE + b"/passwd")
    if through_directory:
        link = raw_tar.symlink(b"etc/passwd", b"static/passwd") + raw_tar.symlink(b"etc/static", b"/" + STORE)
    item = raw_tar.directory(STORE, 0o555), raw_tar.file(STORE + b"/passwd", PASSWD, mode=0o444)
    base(tmp_path, (raw_tar.directory(b"etc"), link, *item))
    entry = build_from_store(tmp_path, on("base", closure, users={"ann": {"uid": 1000}})).planned.tree["/etc/passwd"]
    assert (entry.kind, entry.mode, entry.read()) == (Kind.FILE, 0o644, PASSWD + b"\n" + ANN)
    assert verify_image(tmp_path / "top.tar").items == len(closure) + 1


def test_hashes_stay_and_a_new_one_is_as_secret(tmp_path: Path, closure: Closure) -> None:
    """As in nixpkgs#275705, where declaring one user wiped all hashes."""
    members = (
        raw_tar.file(b"etc/group", GROUP),
        raw_tar.file(b"etc/passwd", PASSWD),
        raw_tar.file(b"etc/shadow", SHADOW, mode=0o600, gid=15),
    )
    base(tmp_path, members)
    users = {"ann": {"uid": 1000, "groups": ["mail"], "password-hash": "$y$j9T$x"}}
    tree = build_from_store(tmp_path, on("base", closure, users=users)).planned.tree
    assert tree["/etc/shadow"].read() == SHADOW + b"ann:$y$j9T$x:::::::\n"
    assert (tree["/etc/shadow"].mode, tree["/etc/shadow"].gid) == (0o600, 15)
    assert tree["/etc/group"].read() == b"root:x:0:\nmail:x:8:root,ann\nann:x:1000:\n"
    assert "/etc/gshadow" not in tree


def test_users_and_groups_of_the_base_may_be_named_and_joined(tmp_path: Path, closure: Closure) -> None:
    """IDs are the base's: 82 is www-data in Alpine, 33 in Debian."""
    passwd = PASSWD.replace(b"+::::::\n", b"www-data:x:82:82::/:/sbin/nologin\n")
    base(tmp_path, (raw_tar.file(b"etc/group", GROUP + b"web:x:82:\n"), raw_tar.file(b"etc/passwd", passwd)))
    spec = on(
        "base", closure,
        files={"/srv/x": {"text": "", "owner": "www-data", "group": "web"}},
        groups={"web": {"members": ["mail"]}},
        users={"www-data": {"uid": 82, "groups": ["mail"]}},
        user="www-data:web",
    )  # fmt: skip
    tree = build_from_store(tmp_path, spec).planned.tree
    assert (tree["/srv/x"].uid, tree["/srv/x"].gid) == (82, 82)
    assert tree["/etc/group"].read() == b"root:x:0:\nmail:x:8:root,www-data\nweb:x:82:mail\n"
    assert "/etc/passwd" not in tree
    with pytest.raises(SpecError, match="cannot place") as caught:
        build_from_store(tmp_path, on("base", closure, files={"/srv/x": {"text": "", "owner": "nobody-has-it"}}))
    assert [str(issue) for issue in caught.value.issues] == ["/files/~1srv~1x/owner: there is no user 'nobody-has-it'"]


def test_ids_that_the_base_gave_away_are_named(tmp_path: Path, closure: Closure) -> None:
    base(tmp_path, (raw_tar.file(b"etc/group", GROUP), raw_tar.file(b"etc/passwd", PASSWD)))
    with pytest.raises(SpecError) as caught:
        build_from_store(tmp_path, on("base", closure, users={"ann": {"uid": 8}, "mail": {"uid": 1000}}))
    assert [str(issue) for issue in caught.value.issues] == [
        "/users/ann: the user ID 8 belongs to 'mail' already",
        "/users/mail: 'mail' has the user ID 8 already, not 1000",
    ]


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (raw_tar.symlink(b"etc/passwd", b"/run/passwd"), "is a link to /run/passwd, which is not a file in the base"),
        (raw_tar.symlink(b"etc/passwd", b"passwd"), "is a link to passwd, which is not a file in the base"),
        (raw_tar.directory(b"etc/passwd"), "is a directory"),
        (raw_tar.header(b"etc/passwd", b"6"), "is a FIFO"),
    ],
)
def test_accounts_in_what_is_not_a_file_stay_and_are_not_added_to(
    member: bytes, why: str, tmp_path: Path, closure: Closure
) -> None:
    base(tmp_path, (raw_tar.file(b"etc/group", GROUP), member), User="8")
    tree = build_from_store(tmp_path, on("base", closure)).planned.tree
    assert not {"/etc/passwd", "/etc/group"} & {entry.path for entry in tree}
    with pytest.raises(BaseImageError, match="not supported as a base for that") as caught:
        build_from_store(tmp_path, on("base", closure, users={"ann": {"uid": 1000}}))
    assert [str(issue) for issue in caught.value.issues] == [f"/etc/passwd: {why}"]
    only_group = on("base", closure, groups={"staff": {"gid": 50}})
    assert build_from_store(tmp_path, only_group).planned.tree["/etc/group"].read() == GROUP + b"staff:x:50:\n"


def test_a_base_without_accounts_gets_all_that_a_system_has(tmp_path: Path, closure: Closure) -> None:
    base(tmp_path, (raw_tar.directory(b"etc"),), User="")
    passwd = build_from_store(tmp_path, on("base", closure)).planned.tree["/etc/passwd"].read()
    assert passwd.startswith(b"root:x:0:0:")


def test_a_base_with_groups_alone_keeps_them(tmp_path: Path, closure: Closure) -> None:
    base(tmp_path, (raw_tar.file(b"etc/group", b"root:x:0:\nwheel:x:10:\n"),), User="")
    tree = build_from_store(tmp_path, on("base", closure, users={"ann": {"uid": 1000}})).planned.tree
    assert tree["/etc/group"].read() == b"root:x:0:\nwheel:x:10:\nann:x:1000:\n"
    assert tree["/etc/passwd"].read() == ANN
