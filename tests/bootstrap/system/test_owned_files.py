"""Files and directories with modes and owners of their own: where they get them from, and which are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.rootfs.accounts import WantedUser, parse_accounts
from sysimage.rootfs.add_accounts import add_accounts
from sysimage.rootfs.capabilities import file_capabilities
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemSpec
from sysimage.store.items import OwnFile
from sysimage_bootstrap.debs.inventory import Attributes
from sysimage_bootstrap.system.attributes import attribute_entries
from sysimage_bootstrap.system.owners import group_id, owner_ids, unknown_owner, user_id
from sysimage_bootstrap.system.package_roots import package_entries
from sysimage_bootstrap.system.root_entries import home_entries, var_entries
from sysimage_bootstrap.system.tmpfiles import final_path, mentioned_accounts, runtime_directories
from tests.bootstrap.system.packages import GROUP, PASSWD, installed

ACCOUNTS = add_accounts(parse_accounts(PASSWD, GROUP), [WantedUser("app", uid=900, home="/home/app")], [])
PLACE = f"/gnu/store/{'0' * 32}"


def spec_of(**parts: Any) -> SystemSpec:
    return SystemSpec.model_validate({"name": "x", "packages": [], **parts})


def said(mode: int, owner: str = "root", group: str = "root", **more: Any) -> Attributes:
    return Attributes(mode, owner, group, **{"directory": False, **more})


def shown(entry: Entry) -> str:
    return f"{entry.path} {entry.mode:04o} {entry.uid}:{entry.gid} {entry.target or ''}".strip()


@pytest.mark.parametrize(
    ("owner", "group", "numbers", "ids", "unknown"),
    [
        ("root", "shadow", {}, (0, 42), None),
        ("app", "utmp", {"uid": 5, "gid": 6}, (900, 43), None),
        ("7", "8", {"uid": 5, "gid": 6}, (7, 8), None),
        ("ghost", "ghosts", {"uid": 5, "gid": 6}, (5, 6), None),
        ("ghost", "root", {}, (0, 0), "user 'ghost'"),
        ("root", "ghosts", {}, (0, 0), "group 'ghosts'"),
        ("ghost", "ghosts", {}, (0, 0), "group 'ghosts'"),
        ("0", "0", {}, (0, 0), None),
    ],
)
def test_an_owner_is_an_account_or_a_number(
    owner: str, group: str, numbers: dict[str, int], ids: tuple[int, int], unknown: str | None
) -> None:
    attributes = said(0o644, owner, group, **numbers)
    assert owner_ids(ACCOUNTS, attributes) == ids
    assert unknown_owner(ACCOUNTS, attributes) == unknown
    assert (user_id(ACCOUNTS, "none"), group_id(ACCOUNTS, "none")) == (0, 0)


def test_only_what_its_layer_does_not_say_is_put_over_a_package(tmp_path: Path) -> None:
    files = {"bin/fixed": "#!", "bin/app": "#!", "bin/link": "-> app", "share/d/": "", "share/e/": "", "etc/x": "x"}
    package = installed(
        tmp_path,
        "a",
        files,
        attributes={
            "bin/fixed": said(0o4755, "root", "shadow"),
            "bin/app": said(0o2755, "app"),
            "bin/link": said(0o755, "app"),
            "bin/absent": said(0o755, "app"),
            "share/d": said(0o2775, directory=True),
            "share/e": said(0o755, directory=True),
            "etc/x": said(0o600, "app"),
        },
    )
    found = attribute_entries(spec_of(), [package], ACCOUNTS, {})
    assert [shown(entry) for entry in found] == ["/usr/bin/app 2755 900:0", "/usr/share/d 2775 0:0"]
    assert {entry.owner for entry in found} == {f"{PLACE}-a-1"}
    assert package.usr.own == {"bin/fixed": OwnFile(0o4755, 0, 42)}


def test_every_privileged_program_that_cannot_be_is_named(tmp_path: Path) -> None:
    package = installed(
        tmp_path,
        "a",
        {"bin/a": "#!", "bin/b": "#!", "bin/c": "#!", "share/d/": "", "bin/l": "-> a"},
        attributes={
            "bin/a": said(0o4755, "ghost"),
            "bin/b": said(0o755, "ghost"),
            "share/d": said(0o2755, "ghost", directory=True),
        },
    )
    programs = {
        "/bin/none": {},
        "/usr/share/d": {},
        "/bin/b": {"owner": "nobody2"},
        "/bin/c": {"group": "ghosts"},
    }
    spec = spec_of(**{"privileged-programs": programs}, capabilities={"/bin/l": "cap_kill+p", "/bin/d": "cap_kill+p"})
    with pytest.raises(SpecError) as caught:
        attribute_entries(spec, [package], ACCOUNTS, {"/usr/bin/gone": "cap_kill+p", "/usr/bin/b": "bad"})
    assert str(caught.value).startswith("cannot install the privileged programs")
    assert [issue.where for issue in caught.value.issues] == [
        f"{PLACE}-a-1/bin/a",
        "/privileged-programs/~1bin~1b",
        "/privileged-programs/~1bin~1c",
        "/privileged-programs/~1bin~1none",
        "/privileged-programs/~1usr~1share~1d",
        f"{PLACE}-a-1/bin/b",
        "/capabilities/~1bin~1d",
        "/capabilities/~1bin~1l",
    ]
    assert [issue.message for issue in caught.value.issues][:5] == [
        "there is no user 'ghost'",
        "there is no user 'nobody2'",
        "there is no group 'ghosts'",
        "no package of the image has the program /bin/none",
        "no package of the image has the program /usr/share/d",
    ]


def test_declared_programs_and_capabilities_are_joined(tmp_path: Path) -> None:
    package = installed(tmp_path, "a", {"bin/a": "#!", "bin/b": "#!", "bin/c": "#!"})
    spec = spec_of(
        **{"privileged-programs": {"/bin/b": {"owner": "app", "group": "shadow", "mode": "6755"}, "/usr/bin/a": {}}},
        capabilities={"/bin/b": "cap_kill+p", "/srv/x": "cap_kill+p"},
        files={"/srv/x": {"text": "", "mode": "0755"}},
    )
    found = attribute_entries(spec, [package], ACCOUNTS, {"/usr/bin/c": "cap_chown+ep", "/usr/bin/none": "cap_kill+p"})
    assert [(shown(one), one.capabilities) for one in found] == [
        ("/usr/bin/a 4755 0:0", b""),
        ("/usr/bin/b 6755 900:42", file_capabilities("cap_kill+p")),
        ("/usr/bin/c 0555 0:0", file_capabilities("cap_chown+ep")),
    ]


UNIT = "lib/systemd/system/{}.service"


def test_directories_of_units_and_tmpfiles_are_made_as_they_are_plainly_described(tmp_path: Path) -> None:
    units = {
        "a": "User=app\nRuntimeDirectory=a b:c\nRuntimeDirectoryMode=0700\n",
        "b": "Group=web\nStateDirectory=s\nCacheDirectory=c\nLogsDirectory=l\nConfigurationDirectory=no\n",
        "c@": "StateDirectory=no\n",
        "d": "DynamicUser=yes\nStateDirectory=no\n",
        "e": "User=%i\nStateDirectory=no\n",
        "f": "StateDirectory=%n\n",
    }
    lines = """D /run//x/ 01777 - - -
v /var/lib/v ~0750 app 7 -
q /var/lib/q :0700 - - -
Q /var/lib/Q - - - -
f /var/lib/no - - - -
d var/lib/no - - - -
d /var/lib/%u - - - -
d /var/lib/s 0711 app app -
d /var/lock/here 99 - - -
"""
    files = {UNIT.format(name): f"[Service]\n{text}" for name, text in units.items()}
    package = installed(
        tmp_path, "p", {**files, "lib/tmpfiles.d/p.conf": lines, "lib/tmpfiles.d/p.txt": "d /var/lib/no - - - -\n"}
    )
    found = runtime_directories([package])
    assert [f"{one.path} {one.mode:04o} {one.owner}:{one.group}" for one in found] == [
        "/run/a 0700 app:app",
        "/run/b 0700 app:app",
        "/run/lock/here 0755 root:root",
        "/run/x 1777 root:root",
        "/var/cache/c 0755 root:web",
        "/var/lib/Q 0755 root:root",
        "/var/lib/q 0700 root:root",
        "/var/lib/s 0711 app:app",
        "/var/lib/v 0750 app:7",
        "/var/log/l 0755 root:web",
    ]
    users, groups = mentioned_accounts(found, ["root"], ["root"])
    assert [(one.name, one.system, one.make_home, one.origin) for one in users][:1] == [
        ("app", True, False, f"{PLACE}-p-1")
    ]
    assert {one.name for one in users} == {"app"}
    assert {(one.name, one.system) for one in groups} == {("web", True)}
    assert mentioned_accounts(found, ["root", "app"], ["root", "web", "app"]) == ([], [])
    assert [final_path(path) for path in ("/var/run", "/var/run/x", "/var/runner", "/var/lock/y")] == [
        *("/run", "/run/x", "/var/runner", "/run/lock/y"),
    ]


def test_what_packages_have_outside_of_usr_is_in_the_image_to_be_changed(tmp_path: Path) -> None:
    first = installed(
        tmp_path,
        "a",
        {
            "opt/": "",
            "srv/script": "#!x",
            "srv/text": "x",
            "srv/own": "x",
            "srv/up": "-> ../share/a/page",
            "srv/etc": "-> ../etc/a",
            "srv/abs": "-> /usr/bin/x",
            "var/lib/dpkg/info": "x",
            "var/lib/shared/": "",
            "var/lib/plain/": "",
            "var/run/a/": "",
            "run/": "",
            "usr/no": "x",
            "etc/no": "x",
            "lib/tmpfiles.d/a.conf": "d /etc/no - - - -\nd /dev/no - - - -\n"
            "d /var/lib/apt/no - - - -\nd /srv/t 0700 - app -\n",
        },
        attributes={"srv/own": said(0o640, "app", "shadow"), "var/lib/plain": said(0o750, directory=True)},
    )
    second = installed(
        tmp_path,
        "b",
        {"var/lib/shared/": "", "var/lib/plain/": ""},
        attributes={"var/lib/shared": said(0o2770, "app", "app", directory=True)},
    )
    found = package_entries([first, second], ACCOUNTS)
    assert [shown(entry) for entry in found] == [
        "/opt 0755 0:0",
        "/run/a 0755 0:0",
        "/srv 0755 0:0",
        "/srv/abs 0777 0:0 /usr/bin/x",
        "/srv/etc 0777 0:0 ../etc/a",
        "/srv/own 0640 900:42",
        "/srv/script 0755 0:0",
        "/srv/t 0700 0:900",
        "/srv/text 0644 0:0",
        f"/srv/up 0777 0:0 {PLACE}-a-1/share/a/page",
        "/var 0755 0:0",
        "/var/lib 0755 0:0",
        "/var/lib/plain 0750 0:0",
        "/var/lib/shared 2770 900:900",
    ]


def test_homes_hold_what_the_skeleton_has_and_roots_what_debian_gives_it(tmp_path: Path) -> None:
    skel = {"etc/skel/.bashrc": "x", "etc/skel/run": "#!", "etc/skel/d/": "", "etc/skel/.a": "x"}
    more = {"share/base-files/dot.bashrc": "x", "share/base-files/dot.profile": "x"}
    package = installed(tmp_path, "a", {**skel, **more})
    accounts = add_accounts(
        parse_accounts(PASSWD, GROUP),
        [
            WantedUser("ann", uid=1000, home="/home/ann", make_home=True),
            WantedUser("bob", uid=1001, home="/srv/bob", make_home=True),
            WantedUser("eve", uid=1002, home="/home/eve", make_home=False),
        ],
        [],
    )
    assert [shown(entry) for entry in home_entries(accounts, [package])] == [
        "/root/.bashrc 0644 0:0",
        "/root/.profile 0644 0:0",
        "/home/ann 0700 1000:1000",
        "/home/ann/.a 0644 1000:1000",
        "/home/ann/.bashrc 0644 1000:1000",
        "/home/ann/run 0755 1000:1000",
        "/srv/bob 0700 1001:1001",
    ]
    assert [shown(entry) for entry in var_entries()] == [
        *("/var/run 0777 0:0 /run", "/var/lock 0777 0:0 /run/lock", "/run/lock 1777 0:0"),
    ]
