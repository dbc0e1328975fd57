"""The files of packages as their scripts find them, and the units and presets among them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.rootfs.accounts import WantedGroup, WantedUser
from sysimage.rootfs.tree import Kind
from sysimage.spec.model import SystemSpec
from sysimage.store.items import StoreItem
from sysimage_bootstrap.debs.inventory import Attributes
from sysimage_bootstrap.scripts.root_files import FileNode
from sysimage_bootstrap.system.installed_packages import Installed, provider
from sysimage_bootstrap.system.package_files import PackageFiles
from sysimage_bootstrap.system.unit_files import (
    accounts_of_units,
    enabled_units,
    find_presets,
    find_units,
    notices_of_units,
)
from sysimage_bootstrap.units.specifiers import Owner
from tests.bootstrap.system.packages import installed


def spec_of(**parts: Any) -> SystemSpec:
    return SystemSpec.model_validate({"name": "x", "packages": [], **parts})


@pytest.fixture
def packages(tmp_path: Path) -> Sequence[Installed]:
    said = {
        "bin/own": Attributes(0o4750, "app", "shadow", directory=False),
        "var/lib/own": Attributes(0o700, "app", "app", directory=True),
    }
    first = {
        "bin/own": "#!own",
        "bin/tool": "#!tool",
        "bin/both": "#!first",
        "bin/far": f"-> /gnu/store/{'1' * 32}-z-1/bin/z",
        "bin/etc": f"-> /gnu/store/{'1' * 32}-z-1/etc/z",
        "bin/near": "-> tool",
        "bin/said": "-> elsewhere",
        "etc/conf": "x",
        "share/sysimage/packages/a": "x",
        "share/dir/": "",
        "var/lib/own/": "",
    }
    second = {"bin/both": "#!second", "share/dir/": "", "share/file": "x", "var/lib/own/data": "x"}
    facts: dict[str, Any] = {"links": {"bin/said": "/usr/bin/debian"}, "left_out": {"share/man/x": ("manual", 5)}}
    return [
        installed(tmp_path, "a", first, attributes=said, **facts),
        installed(tmp_path, "b", second),
    ]


def test_scripts_find_debians_paths_modes_owners_and_links(packages: Sequence[Installed]) -> None:
    files = PackageFiles(packages, "/gnu/store")
    top = packages[0].location
    assert {path: files.node(path) for path in nodes(top)} == nodes(top)


def nodes(top: Path) -> dict[str, FileNode | None]:
    return {
        "/var/run": FileNode.symlink("/run"),
        "/var/lock": FileNode.symlink("/run/lock"),
        "/tmp": FileNode.directory(0o1777),
        "/var/tmp": FileNode.directory(0o1777),
        "/root": FileNode.directory(0o700),
        "/var/lib": FileNode.directory(0o755),
        "/bin": FileNode.symlink("usr/bin"),
        "/sbin": None,
        "/lib64": None,
        "/usr/bin/own": FileNode(Kind.FILE, 0o4750, "app", "shadow", top / "bin/own"),
        "/usr/bin/tool": FileNode(Kind.FILE, 0o755, "root", "root", top / "bin/tool"),
        "/usr/bin/both": FileNode(Kind.FILE, 0o755, "root", "root", top / "bin/both"),
        "/etc/conf": FileNode(Kind.FILE, 0o644, "root", "root", top / "etc/conf"),
        "/usr/etc/conf": None,
        "/conf": None,
        "/usr/bin/far": FileNode.symlink("/usr/bin/z"),
        "/usr/bin/etc": FileNode.symlink("/etc/z"),
        "/usr/bin/near": FileNode.symlink("tool"),
        "/usr/bin/said": FileNode.symlink("/usr/bin/debian"),
        "/usr/share/dir": FileNode(Kind.DIRECTORY, 0o755, "root", "root"),
        "/usr/share/sysimage/packages/a": None,
        "/var/lib/own": FileNode(Kind.DIRECTORY, 0o700, "app", "app"),
        "/bin/own": None,
    }


def test_names_in_a_directory_are_those_of_all_packages_and_debians(packages: Sequence[Installed]) -> None:
    files = PackageFiles(packages, "/gnu/store")
    plain = {"dev", "etc", "home", "mnt", "opt", "proc", "root", "run", "srv", "sys", "tmp", "usr", "var"}
    assert set(files.names("/")) == {*plain, "bin"}
    assert set(files.names("/usr")) == {"bin", "local", "share"}
    assert set(files.names("/usr/share/dir")) == set()
    assert set(files.names("/usr/share")) == {"dir", "file", "sysimage"}
    assert set(files.names("/usr/local")) == {"bin", "lib", "share", "sbin"}
    assert set(files.names("/var")) == {"cache", "lib", "log", "spool", "tmp", "run", "lock"}
    assert set(files.names("/var/lib")) == {"own", "dpkg", "systemd"}
    assert set(files.names("/var/lib/own")) == {"data"}
    assert set(files.names("/none")) == set()
    assert (files.left_out("/usr/share/man/x"), files.left_out("/usr/share/man/y")) == (True, False)


def test_all_that_a_package_has_is_listed_with_what_its_item_lacks(packages: Sequence[Installed]) -> None:
    files = PackageFiles(packages, "/gnu/store")
    listed = list(files.files_of("a") or ())
    assert [path for path in listed if "sysimage/" in path] == []
    assert {"/usr/bin/own", "/usr/bin", "/etc/conf", "/etc", "/usr/share/man/x", "/var/lib/own"} < set(listed)
    assert "/usr/share/file" in set(files.files_of("b") or ())
    assert files.files_of("c") is None


def test_an_item_is_looked_into_without_following_its_links(packages: Sequence[Installed], tmp_path: Path) -> None:
    first, second = packages
    assert [first.has(path) for path in ("bin/far", "bin", "share/dir", "share/dir/.", "none", "bin/tool/x")] == [
        *(True, True, True, True, False, False),
    ]
    assert first.names("bin/tool") == first.names("none") == frozenset()
    assert [path for path, _ in second.walk_all()] == [
        *("bin", "bin/both", "share", "share/dir", "share/file", "var", "var/lib", "var/lib/own", "var/lib/own/data"),
    ]
    assert [path for path, _ in second.walk("share")] == ["share/dir", "share/file"]
    link = installed(tmp_path, "c", {"real/x": "x", "link": "-> real"})
    assert list(link.walk("link")) == list(link.walk("none")) == []
    assert provider(packages, "bin/both") is first
    assert (provider(packages, "share/file"), provider(packages, "none")) == (second, None)
    with pytest.raises(IntegrityError, match=r"^cannot use /gnu/store/.*-a-1: its files are not on this machine"):
        Installed.of("a", StoreItem(first.path, Digest.of(b""), 1), first.facts)


UNITS = "lib/systemd/system"
RUN = "[Service]\nExecStart=/bin/{}\n"


def test_units_of_packages_give_way_to_those_in_etc_and_these_to_the_specs(tmp_path: Path) -> None:
    a = installed(
        tmp_path,
        "a",
        {
            f"{UNITS}/one.service": RUN.format("one"),
            f"{UNITS}/two.service": RUN.format("two"),
            f"{UNITS}/three.service": RUN.format("three"),
            f"{UNITS}/alias.service": "-> one.service",
            f"{UNITS}/self.service": "-> /usr/lib/systemd/system/self.service",
            f"{UNITS}/off.service": "-> /dev/null",
            f"{UNITS}/one.service.d/20-b.conf": "b",
            f"{UNITS}/one.service.d/10-a.conf": "a",
            f"{UNITS}/one.service.d/30.txt": "no",
            f"{UNITS}/multi-user.target.wants/one.service": "-> ../one.service",
            "etc/systemd/system/two.service": RUN.format("etc"),
            "etc/systemd/system/three.service": "-> /dev/null",
            "etc/init.d/old": "#!",
            "etc/init.d/older/script": "#!",
        },
    )
    (tmp_path / "beside").write_text("c")
    own = "/etc/systemd/system"
    spec = spec_of(
        files={
            f"{own}/own.service": {"text": RUN.format("own")},
            f"{own}/alias.service": {"text": RUN.format("alias")},
            f"{own}/one.service.d/30-c.conf": {"source": "beside"},
            "/etc/systemd/other/x.service": {"text": ""},
        },
        symlinks={f"{own}/two.service": "/dev/null", f"{own}/other.service": "/usr/lib/systemd/system/one.service"},
        units={"one": {"Service": {"User": "x", "PrivateTmp": True, "Nice": 3, "Environment": ["A=1", "B=2"]}}},
    )
    found = find_units([a], spec, tmp_path)
    assert {name: text.partition("/bin/")[2].strip() for name, text in found.texts.items()} == {
        "one.service": "one",
        "own.service": "own",
        "alias.service": "alias",
    }
    assert found.links == {"other.service": "one.service"}
    assert found.drop_ins == {"one.service": ("a", "b", "c")}
    assert found.in_etc == {"own.service", "alias.service", "two.service"}
    assert found.init_scripts == {"old", "older", "script"}
    assert [(one.section, one.key, one.value) for one in found.overrides["one.service"].assignments] == [
        ("Service", "User", "x"),
        ("Service", "PrivateTmp", "yes"),
        ("Service", "Nice", "3"),
        ("Service", "Environment", "A=1"),
        ("Service", "Environment", "B=2"),
    ]


def test_presets_in_etc_take_the_place_of_packages_and_the_specs_of_these(tmp_path: Path) -> None:
    a = installed(
        tmp_path,
        "a",
        {
            "lib/systemd/system-preset/50-a.preset": "disable a.service\n",
            "lib/systemd/system-preset/50-b.preset": "disable b.service\n",
            "lib/systemd/system-preset/50-c.preset": "disable c.service\n",
            "lib/systemd/system-preset/note.txt": "disable d.service\n",
            "etc/systemd/system-preset/50-b.preset": "enable b.service\n",
        },
    )
    spec = spec_of(files={"/etc/systemd/system-preset/50-c.preset": {"text": "enable c.service\n"}})
    presets = find_presets([a], spec, tmp_path)
    assert [presets.enables(f"{letter}.service") for letter in "abcd"] == [False, True, True, True]


def test_accounts_of_enabled_units_are_wanted_unless_they_are_numbers(tmp_path: Path) -> None:
    more = "SupplementaryGroups=extra 5\nReadOnlyPaths=/\n"
    units = {
        "a": f"{RUN.format('a')}User=app\nGroup=web\n{more}",
        "b": f"{RUN.format('b')}User=own\nGroup=own\nOdd=1\nPrivateTmp=yes\n",
        "c": f"{RUN.format('c')}User=7\nGroup=8\nPrivateTmp=yes\n",
        "d": RUN.format("d"),
    }
    package = installed(tmp_path, "p", {f"{UNITS}/{name}.service": text for name, text in units.items()})
    spec = spec_of(enable=list(units))
    files = find_units([package], spec, tmp_path)
    users, groups = accounts_of_units(spec, [package], files)
    assert users == [
        WantedUser("app", group="web", system=True, make_home=False, origin="/enable (a)"),
        WantedUser("own", group=None, system=True, make_home=False, origin="/enable (b)"),
    ]
    assert groups == [
        WantedGroup("web", system=True, origin="/enable (a)"),
        WantedGroup("extra", system=True, origin="/enable (a)"),
    ]
    enabled = enabled_units(spec, [package], files, lambda user, group: Owner())
    assert notices_of_units(enabled) == (
        "b: Odd: is not a key of the section Service that is known here",
        "a, b, c: PrivateTmp, ReadOnlyPaths: the container isolates the service, nothing inside it does",
    )
