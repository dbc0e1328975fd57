"""A whole system of a handful of packages: what is in its items, and what the image has beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.closure import Closure
from sysimage.errors import IntegrityError, SpecError, SysimageError
from sysimage.rootfs import RootTree
from sysimage.rootfs.capabilities import file_capabilities
from sysimage.rootfs.provision import account_files, provision
from sysimage.rootfs.system import SystemResult
from sysimage.rootfs.tree import Entry, Kind
from sysimage.spec.account_ids import NO_IDS, AccountIds
from sysimage.spec.model import SystemSpec
from sysimage.store.items import OwnFile
from sysimage.store.paths import StorePath
from sysimage_bootstrap.debs.inventory import Attributes
from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system.system import build_system
from tests.bootstrap.system.packages import FILES, make_packages, make_programs

More = dict[str, dict[str, str]]
EMPTY = {"share/": ""}
"""The files of a package that has nothing to do with it."""


def configured(tmp_path: Path, postinst: str, more: Mapping[str, str], **parts: Any) -> SystemResult:
    """A system with a package ``pkg`` of some files and this postinst."""
    spec = SystemSpec.model_validate({"name": "x", "packages": ["pkg"], **parts})
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    control = {"postinst": f"#!/bin/sh\nset -e\n{postinst}", "templates": "Template: pkg/port\nDefault: 25\n"}
    items, facts = make_packages(store, {"pkg": more}, {"pkg": control})
    return build_system(spec, tmp_path, items, facts, store, make_programs(spec, store))


def make(tmp_path: Path, more: More | None = None, **parts: Any) -> tuple[SystemResult, ItemStore]:
    spec = SystemSpec.model_validate({"name": "x", "packages": [], **parts})
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    items, facts = make_packages(store, more)
    return build_system(spec, tmp_path, items, facts, store, make_programs(spec, store)), store


def tree_of(result: SystemResult) -> RootTree:
    spec = SystemSpec.model_validate({"name": "x", "packages": []})
    assert result.accounts is not None
    accounts = account_files(result.accounts)
    return provision(spec, result.system, Closure(result.items), accounts, result.entries, None)


def lines(top: Path, relative: str = "") -> list[str]:
    """What an item holds: hash parts are left out of the targets of links."""
    found = []
    for file in sorted(top.iterdir()):
        path = f"{relative}{file.name}"
        if file.is_symlink():
            found.append(f"{path} -> {_short(str(file.readlink()))}")
        elif file.is_dir():
            found += [f"{path}/", *lines(file, f"{path}/")]
        else:
            found.append(path)
    return found


def _short(target: str) -> str:
    prefix = "/gnu/store/"
    return f"…{target[len(prefix) + 32 :]}" if target.startswith(prefix) else target


def test_the_system_item_leads_to_its_parts(tmp_path: Path) -> None:
    result, store = make(tmp_path)
    assert lines(store.location(result.system)) == [
        "activate",
        "boot",
        "etc -> …-etc",
        "gc-roots/",
        "gc-roots/0 -> …-boot-program",
        "packages",
        "profile -> /usr",
        "shepherd.conf",
        "system.json",
    ]


def usr_of(result: SystemResult) -> RootTree:
    """What is over the items in /usr."""
    return RootTree(entry for entry in result.entries if entry.path.startswith("/usr/") and "/local" not in entry.path)


def shown(entry: Entry) -> str:
    return f"{entry.path} {entry.mode:04o} {entry.uid}:{entry.gid}{f' -> {entry.target}' if entry.target else ''}"


def test_every_package_is_kept_by_the_system_and_appears_in_usr_by_itself(tmp_path: Path) -> None:
    result, store = make(tmp_path)
    names = {item.path.name for item in result.items if item.shown is not None}
    assert names == {f"{name}-1" for name in FILES}
    kept = (store.location(result.system) / "packages").read_text().splitlines()
    assert kept == [str(item.path) for item in result.items if item.shown is not None]
    assert set(kept) <= {str(path) for item in result.items if item.path == result.system for path in item.references}


def test_what_only_debian_sets_up_is_over_the_items_in_usr(tmp_path: Path) -> None:
    assert [shown(entry) for entry in usr_of(make(tmp_path)[0]) if entry.target] == [
        "/usr/bin/awk 0777 0:0 -> /etc/alternatives/awk",
        "/usr/bin/guile 0777 0:0 -> /etc/alternatives/guile",
        "/usr/bin/nawk 0777 0:0 -> /etc/alternatives/nawk",
    ]


def test_programs_with_fixed_ids_follow_from_their_item_and_others_are_over_it(tmp_path: Path) -> None:
    result, _ = make(
        tmp_path,
        groups={"own": {"gid": 556}},
        **{"privileged-programs": {"/bin/bash": {"mode": "2755", "group": "own"}}},
    )
    passwd = next(item.shown for item in result.items if item.path.name == "passwd-1")
    assert passwd is not None
    assert dict(passwd.own) == {"bin/chage": OwnFile(0o2755, 0, 42), "bin/su": OwnFile(0o4755, 0, 0)}
    assert [shown(entry) for entry in usr_of(result) if entry.kind is Kind.FILE] == [
        "/usr/bin/bash 2755 0:556",
    ]


def test_scanners_find_the_packages_that_are_in_the_image(tmp_path: Path) -> None:
    result, store = make(tmp_path, {"mawk": {"share/sysimage/packages/mawk": "Package: mawk\n"}})
    rows = {entry.path: entry for entry in result.entries if "/status.d/" in entry.path}
    assert {path: entry.read() for path, entry in rows.items()} == {
        "/var/lib/dpkg/status.d/mawk": b"Package: mawk\n",
        "/var/lib/dpkg/status.d/mawk.md5sums": b"",
    }
    (mawk,) = {entry.item for entry in rows.values()}
    assert mawk is not None
    assert mawk.name == "mawk-1"
    assert (store.location(mawk) / "share/sysimage/packages/mawk").is_file()


def test_the_root_before_the_first_boot(tmp_path: Path) -> None:
    hyphenated: dict[str, Any] = {"host-name": "box", "time-zone": "Europe/Berlin"}
    result, _ = make(
        tmp_path,
        users={"alice": {"uid": 1000}},
        files={"/etc/daemon/daemon.conf": {"text": "port 2\n"}},
        **hyphenated,
    )
    tree = tree_of(result)
    listed = [
        f"{e.path} {e.mode:04o} {e.uid}:{e.gid}{f' -> {_short(e.target)}' if e.target else ''}"
        for e in tree
        if not e.path.startswith(("/gnu", "/usr/local/", "/etc/pam.d"))
    ]
    assert result.accounts is not None
    daemon, spooler = result.accounts.user("daemond"), result.accounts.user("spooler")
    assert daemon is not None
    assert spooler is not None
    assert listed == [
        "/ 0755 0:0",
        "/bin 0777 0:0 -> usr/bin",
        "/dev 0755 0:0",
        "/etc 0755 0:0",
        "/etc/alternatives 0755 0:0",
        "/etc/alternatives/awk 0777 0:0 -> /usr/bin/mawk",
        "/etc/alternatives/guile 0777 0:0 -> /usr/bin/guile-3.0",
        "/etc/alternatives/nawk 0777 0:0 -> /usr/bin/mawk",
        "/etc/ca-certificates.conf 0777 0:0 -> /etc/static/ca-certificates.conf",
        "/etc/daemon 0755 0:0",
        "/etc/daemon/daemon.conf 0644 0:0",
        "/etc/debian_version 0644 0:0",
        "/etc/default 0755 0:0",
        "/etc/default/locale 0777 0:0 -> /etc/static/default/locale",
        "/etc/environment 0777 0:0 -> /etc/static/environment",
        "/etc/group 0644 0:0",
        "/etc/gshadow 0640 0:42",
        "/etc/hostname 0644 0:0",
        "/etc/hosts 0644 0:0",
        "/etc/locale.conf 0777 0:0 -> /etc/static/locale.conf",
        "/etc/localtime 0777 0:0 -> /usr/share/zoneinfo/Europe/Berlin",
        "/etc/mtab 0777 0:0 -> /proc/self/mounts",
        "/etc/os-release 0644 0:0",
        "/etc/pam.conf 0777 0:0 -> /etc/static/pam.conf",
        "/etc/passwd 0644 0:0",
        "/etc/profile 0777 0:0 -> /etc/static/profile",
        "/etc/shadow 0640 0:42",
        "/etc/shells 0777 0:0 -> /etc/static/shells",
        "/etc/skel 0755 0:0",
        "/etc/skel/.bashrc 0777 0:0 -> /etc/static/skel/.bashrc",
        "/etc/ssl 0755 0:0",
        "/etc/ssl/certs 0755 0:0",
        "/etc/ssl/certs/A.pem 0777 0:0 -> /usr/share/ca-certificates/mozilla/A.crt",
        "/etc/ssl/certs/B.pem 0777 0:0 -> /usr/share/ca-certificates/mozilla/B.crt",
        "/etc/ssl/certs/ca-certificates.crt 0777 0:0 -> …-ca-certificates.crt",
        "/etc/static 0777 0:0 -> …-system/etc",
        "/etc/subgid 0644 0:0",
        "/etc/subuid 0644 0:0",
        "/etc/timezone 0777 0:0 -> /etc/static/timezone",
        "/home 0755 0:0",
        "/home/alice 0700 1000:1000",
        "/home/alice/.bashrc 0644 1000:1000",
        "/lib 0777 0:0 -> usr/lib",
        "/mnt 0755 0:0",
        "/proc 0755 0:0",
        "/root 0700 0:0",
        "/root/.profile 0644 0:0",
        "/run 0755 0:0",
        "/run/current-system 0777 0:0 -> …-system",
        f"/run/daemon 0755 {daemon.uid}:{daemon.gid}",
        "/run/lock 1777 0:0",
        f"/run/spool 0750 {spooler.uid}:{spooler.gid}",
        "/sbin 0777 0:0 -> usr/sbin",
        "/srv 0755 0:0",
        "/sys 0755 0:0",
        "/tmp 1777 0:0",
        "/usr 0755 0:0",
        "/usr/bin 0755 0:0",
        "/usr/bin/awk 0777 0:0 -> /etc/alternatives/awk",
        "/usr/bin/guile 0777 0:0 -> /etc/alternatives/guile",
        "/usr/bin/nawk 0777 0:0 -> /etc/alternatives/nawk",
        "/usr/local 0755 0:0",
        "/var 0755 0:0",
        "/var/cache 0755 0:0",
        "/var/empty 0755 0:0",
        "/var/lib 0755 0:0",
        "/var/lib/daemon 0755 0:0",
        "/var/lib/daemon/latest 0777 0:0 -> pages/1",
        "/var/lib/daemon/pages 0755 0:0",
        "/var/lib/daemon/pages/1 0777 0:0 -> …-daemon-1/share/daemon/page",
        "/var/lib/daemon/settings 0777 0:0 -> ../../../etc/daemon",
        "/var/local 2775 0:42",
        "/var/lock 0777 0:0 -> /run/lock",
        "/var/log 0755 0:0",
        "/var/log/daemon 0750 33:0",
        "/var/run 0777 0:0 -> /run",
        "/var/tmp 1777 0:0",
    ]
    assert tree["/etc/daemon/daemon.conf"].read() == b"port 2\n"
    assert result.accounts is not None
    assert result.accounts.groups_with("daemond") == ("readers",)


def test_an_image_without_an_init_has_no_boot_program_and_needs_no_run(tmp_path: Path) -> None:
    result, _ = make(tmp_path, command=["/bin/bash"])
    assert result.boot_program is None
    assert (result.image_defaults.entry_point, result.image_defaults.command) == ((), ("/bin/bash",))
    assert tree_of(result)["/bin"].target == "usr/bin"
    assert "boot-program" not in {item.path.name for item in result.items}


def test_accounts_have_a_shell_that_is_there_or_cannot_log_in(tmp_path: Path) -> None:
    def root_shell(*absent: str) -> str:
        result, _ = make(tmp_path, dict.fromkeys(absent, EMPTY), command=["/srv/x"])
        assert result.accounts is not None
        root = result.accounts.user("root")
        assert root is not None
        return root.shell

    assert root_shell() == "/bin/bash"
    assert root_shell("bash") == "/bin/sh"
    assert root_shell("bash", "dash") == "/usr/sbin/nologin"


def test_utc_needs_no_data_and_any_other_zone_does(tmp_path: Path) -> None:
    none: More = {"tzdata": EMPTY}
    tree = tree_of(make(tmp_path, none, command=["/srv/x"])[0])
    assert tree.get("/etc/localtime") is None
    with pytest.raises(SpecError, match="cannot set the time zone"):
        make(tmp_path, none, command=["/srv/x"], **{"time-zone": "Europe/Berlin"})


def test_what_an_image_with_an_init_starts(tmp_path: Path) -> None:
    result, _ = make(tmp_path, environment={"LANG": "C", "A": "1"})
    defaults = result.image_defaults
    assert defaults.entry_point == (str(result.boot_program), str(result.system))
    assert defaults.stop_signal == "SIGTERM"
    assert dict(defaults.environment) == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C",
        "PYTHONDONTWRITEBYTECODE": "1",
        "A": "1",
    }


def test_the_same_system_is_made_wherever_it_is_made(tmp_path: Path) -> None:
    options: dict[str, Any] = {"services": {"s": {"command": ["daemon"]}}, "users": {"u": {}}}
    (tmp_path / "b").mkdir()
    one, other = make(tmp_path / "a", **options)[0], make(tmp_path / "b", **options)[0]
    assert [(i.path, i.nar_hash) for i in one.items] == [(i.path, i.nar_hash) for i in other.items]
    assert one.system == other.system


def test_a_change_of_one_service_leaves_all_but_the_system_alone(tmp_path: Path) -> None:
    one = {i.path for i in make(tmp_path, services={"s": {"command": ["daemon"]}})[0].items}
    other = {i.path for i in make(tmp_path, services={"s": {"command": ["daemon", "-x"]}})[0].items}
    assert [path.name for path in sorted(one - other)] == ["system"]


def test_secrets_do_not_get_into_the_store(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("beside-the-spec")
    result, store = make(
        tmp_path,
        users={"u": {"password-hash": "$y$hash"}},
        files={
            "/etc/secret": {"text": "in-the-spec", "mode": "0600"},
            "/etc/key": {"source": "key", "mode": "0600"},
        },
    )
    document = (store.location(result.system) / "system.json").read_bytes()
    for secret in (b"$y$hash", b"in-the-spec", b"beside-the-spec"):
        assert secret not in document
        assert not any(
            secret in file.read_bytes()
            for item in result.items
            for file in store.location(item.path).rglob("*")
            if file.is_file() and not file.is_symlink()
        )
    assert json.loads(document)["files"]["/etc/secret"]["mode"] == "0600"


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({"time-zone": "America/Coyhaique"}, "/time-zone: no package of the image has 'America/Coyhaique'"),
        ({"privileged-programs": {"/usr/bin/ghost": {}}}, "no package of the image has the program /usr/bin/ghost"),
        ({"locale": "de_DE.UTF-8"}, "the build has no locales-all"),
    ],
)
def test_what_the_packages_do_not_have_is_reported(tmp_path: Path, parts: dict[str, Any], fault: str) -> None:
    with pytest.raises(SpecError, match=fault):
        make(tmp_path, **parts)


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({"directories": {"/etc/daemon/daemon.conf": {}}}, "the system has a link at /etc/daemon/daemon.conf"),
        ({"directories": {"/etc/profile/x": {}}}, "the system has a link at /etc/profile"),
        ({"files": {"/etc/os-release/x": {"text": ""}}}, "the system has a file at /etc/os-release"),
        ({"users": {"ann": {"home": "/etc/shells"}}}, "/users/ann: the system has a link at /etc/shells"),
        (
            {"users": {"ann": {"home": "/var/lib/daemon/latest"}}},
            "/users/ann: the system has a link at /var/lib/daemon",
        ),
        (
            {"symlinks": {"/etc/ssl": "/srv"}},
            "/symlinks/~1etc~1ssl: must be a directory, because the system has /etc/ssl/",
        ),
        ({"files": {"/var/lib/daemon": {"text": ""}}}, "/files/~1var~1lib~1daemon: must be a directory"),
        ({"files": {"/usr/share/daemon": {"text": ""}}}, "/files/~1usr~1share~1daemon: must be a directory"),
        ({"files": {"/usr/share/daemon/page/x": {"text": ""}}}, "the system has a file at /usr/share/daemon/page"),
        ({"directories": {"/usr/bin/awk": {}}}, "the system has a link at /usr/bin/awk"),
        ({"directories": {"/usr/bin/bash": {}}}, "the system has a file at /usr/bin/bash"),
    ],
)
def test_what_the_packages_have_keeps_its_kind(tmp_path: Path, parts: dict[str, Any], fault: str) -> None:
    with pytest.raises(SpecError, match=fault):
        make(tmp_path, **parts)


def test_a_file_of_the_spec_takes_the_place_of_a_file(tmp_path: Path) -> None:
    files = {"/etc/os-release": {"text": "ID=x\n"}, "/etc/daemon/daemon.conf": {"text": "port 3\n"}}
    tree = tree_of(make(tmp_path, files=files, directories={"/etc/daemon": {"mode": "0700"}})[0])
    assert tree["/etc/daemon/daemon.conf"].read() == b"port 3\n"
    assert tree["/etc/daemon"].mode == 0o700


def test_two_packages_with_different_files_at_one_place_are_both_named(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"/bin/bash: .*-bash-1 and .*-impostor-1 have different things here"):
        make(tmp_path, {"impostor": {"bin/bash": "#!other"}})


def test_a_file_of_the_spec_settles_what_two_packages_have(tmp_path: Path) -> None:
    result, _ = make(tmp_path, {"impostor": {"bin/bash": "#!other"}}, files={"/usr/bin/bash": {"text": "#!own"}})
    assert usr_of(result)["/usr/bin/bash"].read() == b"#!own"


def test_the_same_file_in_two_packages_is_not_a_conflict(tmp_path: Path) -> None:
    result, _ = make(tmp_path, {"twin": {"bin/bash": "#!bash"}})
    assert "/usr/bin/bash" not in {entry.path for entry in result.entries}


def test_of_different_files_the_one_that_the_spec_chooses_is_over_both(tmp_path: Path) -> None:
    result, _ = make(tmp_path, {"impostor": {"bin/bash": "#!other"}}, alternatives={"bash": "impostor"})
    assert usr_of(result)["/usr/bin/bash"].read() == b"#!other"
    assert usr_of(result)["/usr/bin/bash"].mode == 0o555


@pytest.mark.parametrize("name", ["bash", "bin/bash", "/bin/bash", "/usr/bin/bash"])
def test_a_choice_can_name_the_path(name: str, tmp_path: Path) -> None:
    result, _ = make(tmp_path, {"impostor": {"bin/bash": "#!other"}}, alternatives={name: "impostor"})
    assert usr_of(result)["/usr/bin/bash"].read() == b"#!other"


def test_the_hint_of_a_conflict_is_one_that_works(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError) as caught:
        make(tmp_path / "one", {"impostor": {"bin/bash": "#!other"}})
    said = str(caught.value.hint)
    choice = json.loads("{" + said[said.index('"alternatives"') :] + "}")
    make(tmp_path / "other", {"impostor": {"bin/bash": "#!other"}}, **choice)


def test_what_a_package_diverts_is_at_its_other_place(tmp_path: Path) -> None:
    spec = SystemSpec.model_validate({"name": "x", "packages": []})
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    preinst = "#!/bin/sh\ndpkg-divert --add --rename /bin/bash\ndpkg-divert --divert /bin/x --add /bin/absent\n"
    items, facts = make_packages(store, {"newer": {"bin/bash": "-> newer"}}, {"newer": {"preinst": preinst}})
    usr = usr_of(build_system(spec, tmp_path, items, facts, store))
    assert (usr["/usr/bin/bash"].target, usr["/usr/bin/bash.distrib"].read()) == ("newer", b"#!bash")
    assert "/usr/bin/x" not in usr


def test_programs_have_the_capabilities_that_their_packages_and_the_spec_say(tmp_path: Path) -> None:
    files = {"/srv/probe": {"text": "x", "mode": "0755"}}
    wanted = {"/bin/su": "cap_net_raw+p", "/srv/probe": "cap_bpf+ep"}
    spec = SystemSpec.model_validate({"name": "x", "packages": [], "files": files, "capabilities": wanted})
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    postinst = "#!/bin/sh\nsetcap cap_net_raw+ep /bin/bash\nsetcap cap_bpf+ep /bin/absent\n"
    items, facts = make_packages(store, scripts={"bash": {"postinst": postinst}})
    entries = {entry.path: entry for entry in build_system(spec, tmp_path, items, facts, store).entries}
    assert entries["/usr/bin/bash"].capabilities == file_capabilities("cap_net_raw+ep")
    assert (entries["/usr/bin/su"].mode, entries["/usr/bin/su"].capabilities) == (
        0o4755,
        file_capabilities("cap_net_raw+p"),
    )
    assert entries["/srv/probe"].capabilities == file_capabilities("cap_bpf+ep")
    with pytest.raises(SpecError) as caught:
        make(tmp_path / "wrong", capabilities={"/bin/absent": "cap_net_raw+p", "/bin/su": "cap_flying+p"})
    assert {issue.where for issue in caught.value.issues} == {"/capabilities/~1bin~1absent", "/capabilities/~1bin~1su"}


def test_an_owner_that_the_system_lacks_has_the_packages_number(tmp_path: Path) -> None:
    spec = SystemSpec.model_validate({"name": "x", "packages": []})
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    items, facts = make_packages(store, {"own": {"bin/own": "#!own", "var/lib/own/": "", "etc/own": "x"}})
    foreign = Attributes(0o2750, "builder", "77", directory=False, uid=1001)
    said = {"bin/own": foreign, "etc/own": foreign, "var/lib/own": replace(foreign, directory=True)}
    facts["own"] = replace(facts["own"], attributes=said)
    entries = {entry.path: entry for entry in build_system(spec, tmp_path, items, facts, store).entries}
    for path in ("/usr/bin/own", "/etc/own", "/var/lib/own"):
        assert (entries[path].mode, entries[path].uid, entries[path].gid) == (0o2750, 1001, 77), path


@pytest.mark.parametrize(("replaces", "wins"), [("bash", True), ("bash (<< 2)", True), ("bash (<< 1)", False)])
def test_a_package_that_replaces_another_counts_for_the_files_of_both(
    replaces: str, wins: bool, tmp_path: Path
) -> None:
    spec = SystemSpec.model_validate({"name": "x", "packages": []})
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    items, facts = make_packages(store, {"newer": {"bin/bash": "-> newer"}})
    facts["newer"] = replace(facts["newer"], replaces=replaces)
    if wins:
        result = build_system(spec, tmp_path, items, facts, store)
        assert usr_of(result)["/usr/bin/bash"].target == "newer"
    else:
        with pytest.raises(IntegrityError, match=r"/usr/bin/bash: .*-bash-1 and .*-newer-1 have different things here"):
            build_system(spec, tmp_path, items, facts, store)


def test_a_directory_is_not_a_file_of_another_package(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"/usr/share/daemon: is a directory of one package, and not of .*-odd-1"):
        make(tmp_path, {"odd": {"share/daemon": "text"}})


def test_an_authority_of_the_administrators_is_in_the_bundle(tmp_path: Path) -> None:
    place = "/usr/local/share/ca-certificates/own/root.crt"
    result, store = make(tmp_path, files={place: {"text": "OWN\n"}})
    bundle = next(entry.target for entry in result.entries if entry.path == "/etc/ssl/certs/ca-certificates.crt")
    assert store.location(StorePath.parse(str(bundle))).read_text() == "A\nB\nOWN\n"
    assert next(entry for entry in result.entries if entry.path == place).read() == b"OWN\n"


def test_a_locale_becomes_an_item_without_what_it_was_taken_from(tmp_path: Path) -> None:
    everything = {
        "locales-all": {
            "lib/locale/de_DE.utf8/LC_TIME": "Montag",
            "lib/locale/de_AT.utf8/LC_TIME": "-> ../de_DE.utf8/LC_TIME",
        }
    }
    result, store = make(tmp_path, everything, locale="de_AT.UTF-8")
    names = {item.path.name for item in result.items}
    assert "locale-de_AT.utf8" in names
    assert "locales-all-1" not in names
    locale = next(item.path for item in result.items if item.path.name == "locale-de_AT.utf8")
    assert (store.location(locale) / "lib/locale/de_AT.utf8/LC_TIME").read_text() == "Montag"
    named, _ = make(tmp_path / "named", everything, locale="de_AT.UTF-8", packages=["locales-all"])
    assert {"locale-de_AT.utf8", "locales-all-1"} & {one.path.name for one in named.items} == {"locales-all-1"}
    with pytest.raises(SysimageError, match=r"did you mean 'de_AT.utf8'"):
        make(tmp_path, everything, locale="de_AU.UTF-8")


def test_what_scripts_make_is_in_the_image_with_its_owner(tmp_path: Path) -> None:
    result = configured(
        tmp_path,
        "adduser --system --group --home /var/lib/db --no-create-home db\n"
        "install -d -m 0750 -o db -g shadow /var/lib/db; chmod 0600 /etc/pkg.conf; chown db /etc/pkg.conf\n"
        "ucf /usr/share/pkg/main.conf /etc/pkg/main.conf; chgrp shadow /usr/bin/tool; chmod g+s /usr/bin/tool\n",
        {"share/pkg/main.conf": "listen 1\n", "etc/pkg.conf": "secret\n", "bin/tool": "#!tool"},
    )
    assert result.accounts is not None
    user = result.accounts.user("db")
    assert user is not None
    tree = tree_of(result)
    assert result.accounts.group_of(user).name == "db"
    assert shown(tree["/var/lib/db"]) == f"/var/lib/db 0750 {user.uid}:42"
    assert shown(tree["/etc/pkg.conf"]) == f"/etc/pkg.conf 0600 {user.uid}:0"
    assert tree["/etc/pkg.conf"].read() == b"secret\n"
    assert tree["/etc/pkg/main.conf"].target == "/etc/static/pkg/main.conf"
    assert shown(tree["/usr/bin/tool"]) == "/usr/bin/tool 2755 0:42"
    assert result.unread == ()


def test_an_account_that_a_package_makes_need_not_be_declared_and_keeps_its_id(tmp_path: Path) -> None:
    service = {"services": {"db": {"command": ["/usr/bin/tool"], "user": "db"}}}
    one = configured(tmp_path / "a", "adduser --system --group db", {"bin/tool": "#!"}, **service)
    more = "adduser --system aaa; adduser --system --group db; addgroup --system zzz"
    other = configured(tmp_path / "b", more, {"bin/tool": "#!"}, **service)
    assert one.accounts is not None
    assert other.accounts is not None
    assert one.accounts.user("db") == other.accounts.user("db")


ADDS = "if ! getent group app; then adduser --system --group --home /var/lib/app app; fi\n"


@pytest.mark.parametrize(
    ("postinst", "home"), [(ADDS, "/var/lib/app"), (f"systemd-sysusers app.conf\n{ADDS}", "/")], ids=["itself", "by it"]
)
def test_an_account_that_is_declared_is_made_by_its_packages_script_where_that_does_not_call_sysusers(
    tmp_path: Path, postinst: str, home: str
) -> None:
    result = configured(tmp_path, postinst, {"lib/sysusers.d/app.conf": "u app - 'App' -\n"})
    assert result.accounts is not None
    user = result.accounts.user("app")
    assert user is not None
    assert user.home == home


def test_an_account_that_nothing_makes_is_refused_with_the_name_that_may_be_meant(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match='/services/db/user: no user is called "dbb"; declare it under "users"'):
        configured(
            tmp_path,
            "adduser --system --group dba",
            {"bin/tool": "#!"},
            services={"db": {"command": ["/usr/bin/tool"], "user": "dbb"}},
        )


def test_an_answer_is_followed_and_one_to_no_question_is_refused(tmp_path: Path) -> None:
    script = '. /usr/share/debconf/confmodule\ndb_get pkg/port\necho "port $RET" > /etc/pkg.conf\n'
    for at, (answers, text) in enumerate([({}, b"port 25\n"), ({"pkg/port": "26"}, b"port 26\n")]):
        result = configured(tmp_path / str(at), script, {"bin/tool": "#!"}, debconf=answers)
        (etc,) = (item for item in result.items if item.path.name == "etc")
        assert etc.location is not None
        assert (etc.location / "pkg.conf").read_bytes() == text
    with pytest.raises(
        SpecError, match=r"/debconf/pkg~1prt: no package of the image asks 'pkg/prt' \(did you mean 'pkg/port'"
    ):
        configured(tmp_path / "refused", script, {"bin/tool": "#!"}, debconf={"pkg/prt": "1"})


def test_a_line_that_is_not_understood_is_reported(tmp_path: Path) -> None:
    (line,) = configured(tmp_path, "/usr/bin/tool --configure", {"bin/tool": "#!/usr/bin/perl"}).unread
    assert (line.package, line.script, line.line, line.text) == ("pkg", "postinst", 3, "/usr/bin/tool --configure")


def test_what_only_a_program_can_make_is_made_by_the_boot_where_it_is_not_there(tmp_path: Path) -> None:
    result = configured(tmp_path, "newaliases", {"bin/newaliases": "#!"})
    (system,) = (item for item in result.items if item.path == result.system)
    assert system.location is not None
    activate = (system.location / "activate").read_text()
    assert '(first-starts ("/etc/aliases.db" "/usr/bin/newaliases"))' in " ".join(activate.split())


def test_locked_ids_are_those_of_packages_accounts_and_all_chosen_ones_are_reported(tmp_path: Path) -> None:
    spec = SystemSpec.model_validate({"name": "x", "packages": [], "users": {"ann": {}, "bob": {"uid": 1234}}})
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    items, facts = make_packages(store)

    def made(locked: AccountIds) -> SystemResult:
        programs = make_programs(spec, store)
        return build_system(spec, tmp_path, items, facts, store, programs, locked=locked)

    free = made(NO_IDS)
    assert {"daemond", "spooler", "ann"} == free.account_ids.users.keys()
    assert {"daemond", "spooler", "readers", "ann", "bob"} == free.account_ids.groups.keys()
    locked = AccountIds({"daemond": 901, "ann": 1500}, {"readers": 902})
    kept = made(locked).account_ids
    # "readers" asks for 555, and what is locked counts more.
    assert (kept.users["daemond"], kept.users["ann"], kept.groups["readers"]) == (901, 1500, 902)
    assert made(kept).account_ids == kept
    assert made(free.account_ids) == free
