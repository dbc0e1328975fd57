"""The item of /etc and what else is made of all packages: unions, files that Debian generates, locales, first boots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import IntegrityError, SpecError
from sysimage.rootfs.accounts import parse_accounts
from sysimage.rootfs.tree import Entry, Kind
from sysimage.spec.model import SystemSpec
from sysimage.store.paths import StorePath
from sysimage_bootstrap.debs.inventory import Attributes
from sysimage_bootstrap.scripts.declarations import Declarations, FirstStartProgram
from sysimage_bootstrap.scripts.root_files import FileNode
from sysimage_bootstrap.system.boot import activation_text, boot_tools
from sysimage_bootstrap.system.certificates import authorities, certificate_files
from sysimage_bootstrap.system.configuration import configure, configured_entries
from sysimage_bootstrap.system.environment import image_environment, pam_environment, shell_profile
from sysimage_bootstrap.system.etc import (
    all_certificates,
    build_etc,
    etc_entries,
    generated_files,
    generated_links,
    not_wanted,
)
from sysimage_bootstrap.system.image_programs import ImagePrograms
from sysimage_bootstrap.system.locales import build_locale, directory_name, locale_source
from sysimage_bootstrap.system.service_commands import owner_issues, with_program_path
from sysimage_bootstrap.system.union import UnionSource, link_union
from tests.bootstrap.system.packages import GROUP, PASSWD, installed, put

ACCOUNTS = parse_accounts(PASSWD, GROUP)


def spec_of(**parts: Any) -> SystemSpec:
    said = {key.replace("_", "-"): value for key, value in parts.items()}
    return SystemSpec.model_validate({"name": "x", "packages": [], **said})


def shown(entry: Entry) -> str:
    return f"{entry.path} {entry.mode:04o} {entry.uid}:{entry.gid} {entry.target or ''}".strip()


def source(top: Path, name: str, files: Mapping[str, str]) -> UnionSource:
    put(top / name, {f"etc/{path}": text for path, text in files.items()})
    return UnionSource(StorePath.parse(f"/gnu/store/{'0' * 32}-{name}"), top / name, "etc")


def links(top: Path) -> dict[str, str]:
    prefix = f"/gnu/store/{'0' * 32}-"
    return {
        str(file.relative_to(top)): str(file.readlink()).removeprefix(prefix)
        for file in sorted(top.rglob("*"))
        if file.is_symlink()
    }


def test_a_union_links_to_the_first_package_that_has_a_path(tmp_path: Path) -> None:
    a = source(tmp_path, "a", {"x/one": "1", "same": "s", "skip": "s", "deep/skip": "s", "link": "-> same"})
    b = source(tmp_path, "b", {"x/two": "2", "same": "s", "link": "-> same", "put": "b"})
    none = UnionSource(a.path, tmp_path / "none", "etc")
    said = {"put": "/else", "new/place": "/new"}
    link_union([b, none, a], tmp_path / "top", skip=frozenset({"skip"}), replaced=said)
    assert links(tmp_path / "top") == {
        "deep/skip": "a/etc/deep/skip",
        "link": "a/etc/link",
        "new/place": "/new",
        "put": "/else",
        "same": "a/etc/same",
        "x/one": "a/etc/x/one",
        "x/two": "b/etc/x/two",
    }
    assert (tmp_path / "top/x").is_dir()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": "1"}, {"x": "2"}),
        ({"x": "1"}, {"x/y": "2"}),
        ({"x/y": "1"}, {"x": "-> /etc"}),
        ({"x": "-> a"}, {"x": "-> b"}),
        ({"x": "-> a"}, {"x": "a"}),
        ({"x": "a"}, {"x": "-> a"}),
    ],
)
def test_a_union_names_every_path_at_which_packages_disagree(
    tmp_path: Path, one: dict[str, str], other: dict[str, str]
) -> None:
    packages = [source(tmp_path, "a", {**one, "d/z": "1"}), source(tmp_path, "b", {**other, "d/z": "2"})]
    with pytest.raises(IntegrityError) as caught:
        link_union(packages, tmp_path / "top")
    sides = " and ".join(str(package.path) for package in packages)
    assert [str(issue) for issue in caught.value.issues] == [
        f"/d/z: {sides} have different things here",
        f"/x: {sides} have different things here",
    ]
    assert caught.value.hint == "leave one of them out with exclude, or say which counts with alternatives"


def test_debian_generates_files_from_what_packages_have(tmp_path: Path) -> None:
    base = installed(
        tmp_path,
        "a",
        {
            "etc/debian_version": "13\n",
            "share/libc-bin/nsswitch.conf": "n",
            "share/sudo/sudo.conf": "s",
            "lib/os-release": "os",
            "bin/sh": "#!",
            "bin/bash": "#!",
        },
    )
    other = installed(tmp_path, "b", {"etc/sudo.conf": "own", "etc/os-release": "-> ../lib/os-release"})
    files = generated_files(spec_of(time_zone="UTC"), [base, other], {"PATH": "/bin", "A": "1"}, {})
    assert {path: text for path, text in files.items() if path not in ("hosts", "profile")} == {
        "debian_version": b"13\n",
        "nsswitch.conf": b"n",
        "os-release": b"os",
        "shells": b"# Login shells.\n/bin/sh\n/usr/bin/sh\n/bin/bash\n/usr/bin/bash\n",
        "timezone": b"UTC\n",
        "locale.conf": b"LANG=C.UTF-8\n",
        "default/locale": b"LANG=C.UTF-8\n",
        "environment": b"PATH=/bin\nA=1\n",
        "subuid": b"",
        "subgid": b"",
    }
    runtime = installed(tmp_path, "libpam-runtime", {"share/": ""})
    more = generated_files(spec_of(host_name="box"), [runtime], {}, {"/usr/share/ca-certificates/a.crt": b"A"})
    assert more["hostname"] == b"box\n"
    assert {path for path in more if path.startswith("pam.d/")} == {
        *(f"pam.d/common-{kind}" for kind in ("account", "auth", "password", "session", "session-noninteractive")),
    }
    assert (more["ca-certificates.conf"], more["ssl/certs/ca-certificates.crt"]) == (b"a.crt\n", b"A\n")
    assert "systemd" in not_wanted(spec_of())
    assert not_wanted(spec_of()) - not_wanted(spec_of(init="systemd")) == {"systemd"}
    assert {f"rc{level}.d" for level in range(7)} < not_wanted(spec_of())
    assert "rc7.d" not in not_wanted(spec_of())


def test_the_time_zone_is_a_file_of_a_package_or_built_in(tmp_path: Path) -> None:
    zones = installed(tmp_path, "a", {"share/zoneinfo/UTC": "x", "share/zoneinfo/Europe/Oslo": "x"})
    mtab = {"mtab": "/proc/self/mounts"}
    assert generated_links(spec_of(time_zone="UTC"), []) == mtab
    assert generated_links(spec_of(time_zone="UTC"), [zones]) == {**mtab, "localtime": "/usr/share/zoneinfo/UTC"}
    assert generated_links(spec_of(time_zone="Europe/Oslo"), [zones])["localtime"] == "/usr/share/zoneinfo/Europe/Oslo"
    for zone in ("Europe", "Europe/None"):
        with pytest.raises(SpecError) as caught:
            generated_links(spec_of(time_zone=zone), [zones])
        assert [str(one) for one in caught.value.issues] == [f"/time-zone: no package of the image has {zone!r}"]
        assert caught.value.hint == "older names are in the package tzdata-legacy"


def test_the_image_has_links_into_the_item_of_etc_and_files_where_these_must_be(tmp_path: Path) -> None:
    own = Attributes(0o640, "www-data", "shadow", directory=False)
    package = installed(
        tmp_path,
        "a",
        {"etc/plain": "p", "etc/own": "o", "etc/d/x": "x", "etc/python3/sitecustomize.py": "no", "etc/dpkg/no": "no"},
        attributes={"etc/own": own, "etc/d": Attributes(0o750, "www-data", "root", directory=True)},
    )
    top = tmp_path / "etc"
    files = {"hosts": b"h", "hostname": b"x", "plain": b"generated"}
    build_etc([package], files, {"mtab": "/proc/self/mounts"}, not_wanted(spec_of()), top)
    assert {str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir()} == {
        *("plain", "own", "d/x", "hosts", "hostname", "mtab"),
    }
    assert (top / "plain").read_bytes() == b"generated"
    found = list(etc_entries("/gnu/store/system", top, [package], ACCOUNTS, {"mtab": "/proc/self/mounts"}))
    assert [shown(entry) for entry in found] == [
        "/etc/static 0777 0:0 /gnu/store/system/etc",
        "/etc/d 0750 33:0",
        "/etc/d/x 0777 0:0 /etc/static/d/x",
        "/etc/hostname 0644 0:0",
        "/etc/hosts 0644 0:0",
        "/etc/mtab 0777 0:0 /proc/self/mounts",
        "/etc/own 0640 33:42",
        "/etc/plain 0777 0:0 /etc/static/plain",
        "/etc/python3 0755 0:0",
    ]


def test_authorities_are_those_of_packages_and_the_administrators(tmp_path: Path) -> None:
    package = installed(tmp_path, "a", {"share/ca-certificates/m/b.crt": "b", "share/ca-certificates/m/note": "n"})
    place = "/usr/local/share/ca-certificates"
    declared = [
        Entry.file(f"{place}/z.crt", b"z"),
        Entry.file(f"{place}/a.crt", b"a\n"),
        Entry.file(f"{place}/note.txt", b"n"),
        Entry.file("/srv/x.crt", b"x"),
        Entry.symlink(f"{place}/l.crt", "z.crt"),
    ]
    found = all_certificates([package], declared)
    assert list(found.items()) == [
        ("/usr/share/ca-certificates/m/b.crt", b"b"),
        (f"{place}/a.crt", b"a\n"),
        (f"{place}/z.crt", b"z"),
    ]
    assert certificate_files(found) == {
        "ssl/certs/ca-certificates.crt": b"b\na\nz\n",
        "ca-certificates.conf": b"m/b.crt\n",
    }
    put(tmp_path / "odd", {"share/ca-certificates/a\nb.crt": "x"})
    with pytest.raises(IntegrityError, match="its name is not one line of text"):
        authorities([tmp_path / "odd"], {})


def test_a_locale_is_copied_whole_without_links(tmp_path: Path) -> None:
    put(tmp_path, {"lib/locale/de_DE.utf8/A": "a", "lib/locale/de_AT.utf8/A": "-> ../de_DE.utf8/A"})
    build_locale(locale_source("de_AT.UTF-8", tmp_path), tmp_path / "top")
    copied = tmp_path / "top/lib/locale/de_AT.utf8/A"
    assert (copied.read_text(), copied.is_symlink()) == ("a", False)
    with pytest.raises(SpecError) as caught:
        locale_source("de_AU.UTF-8", tmp_path)
    assert str(caught.value).startswith("cannot set the locale: locales-all has no de_AU.UTF-8")
    assert [str(one) for one in caught.value.issues] == [
        "/locale: there is no locale 'de_AU.UTF-8' (did you mean 'de_AT.utf8'?)"
    ]
    names = ["C", "de_DE", "de_DE@euro", "de_DE.ISO-8859-15@euro", "@x"]
    assert [directory_name(name) for name in names] == ["C", "de_DE", "de_DE@euro", "de_DE.iso885915@euro", "@x"]


def test_the_environment_is_ours_with_the_specs_over_it() -> None:
    found = image_environment(spec_of(environment={"B": "2", "LANG": "x", "A": "1"}))
    assert list(found.items())[1:] == [("LANG", "x"), ("PYTHONDONTWRITEBYTECODE", "1"), ("A", "1"), ("B", "2")]
    fits = {"A": "x" * 7998, "B": "é" * 3999}
    assert pam_environment(fits).decode().splitlines() == [f"{name}={value}" for name, value in fits.items()]
    assert pam_environment({"A": "x" * 7999}) == b"# A has a value that this file cannot hold.\n"
    assert pam_environment({"A": "'x", "B": '"', "C": "a b", "D": ""}) == b'A="\'x"\nB="""\nC="a b"\nD=\n'
    profile = shell_profile({"A": "it's"}).decode()
    assert "export PATH=''\nif [ -z \"${A+set}\" ]; then export A='it'\\''s'; fi\n" in profile


def test_what_a_container_may_have_covered_is_made_again_at_each_boot() -> None:
    entries = [
        Entry.directory("/var/x", 0o750, 5, 6),
        Entry.directory("/srv/x"),
        Entry.file("/run/file", b""),
        Entry.directory("/tmp/y"),
    ]
    start = FirstStartProgram("p", ("/bin/make", "a b"), "/etc/x")
    text = activation_text(entries, "box", [start]).at("/gnu/store/system")
    assert " ".join(text.split()) == (
        ';;; What \'boot\' has defined. (activate "/gnu/store/system" \'((directories ("/var/x" 488 5 6)'
        ' ("/tmp/y" 493 0 0)) (first-starts ("/etc/x" "/bin/make" "a b")) (host-name "box")))'
    )
    assert "'((directories) (host-name)))" in " ".join(activation_text([], None).at("/s").split())
    odd = [Entry.directory("/var/a\nb", owner="pkg"), Entry.directory("/srv/a\nb")]
    with pytest.raises(IntegrityError) as caught:
        activation_text(odd, None)
    assert [str(issue) for issue in caught.value.issues] == [r"'/var/a\nb': from pkg"]


def test_a_tool_of_the_boot_that_is_left_out_is_named(tmp_path: Path) -> None:
    programs = {"shepherd": "bin/shepherd", "dash": "bin/dash", "coreutils": "bin/env", "guile-3.0": "bin/guile-3.0"}
    packages = [installed(tmp_path, name, {path: "#!"}) for name, path in programs.items()]
    own = StorePath.parse(f"/gnu/store/{'2' * 32}-programs")
    tools = boot_tools(packages, own)
    prefix = f"/gnu/store/{'0' * 32}"
    assert (tools.shell, tools.env) == (f"{prefix}-dash-1/bin/dash", f"{prefix}-coreutils-1/bin/env")
    assert (tools.guile, tools.programs) == (f"{prefix}-guile-3.0-1/bin/guile-3.0", str(own))
    assert tools.items == tuple(sorted(package.path for package in packages))
    for name, path in programs.items():
        with pytest.raises(SpecError) as caught:
            boot_tools([package for package in packages if package.name != name], own)
        assert str(caught.value) == f"cannot boot the system: it has no {path}"
        assert caught.value.hint == f"do not leave {name} out of the packages"


def test_which_programs_an_image_has_is_known_by_all_of_their_paths(tmp_path: Path) -> None:
    package = installed(tmp_path, "a", {"bin/x": "#!"})
    spec = spec_of(
        files={"/srv/own": {"text": ""}, "/usr/bin/late": {"text": ""}},
        symlinks={"/srv/link": "own"},
        volumes=["/data"],
        trees={"/opt/app": {"source": "app"}, "/usr/local": {"source": "local"}},
    )
    exists = ImagePrograms(spec, [package], ["/usr/bin/alternative"])
    there = ["/bin/x", "/usr/bin/x", "/srv/own", "/srv/link", "/bin/late", "/data/any", "/opt/app/any"]
    there += ["/usr/bin/alternative", "/bin/alternative", f"{package.path}/bin/x"]
    assert [path for path in there if not exists(path)] == []
    absent = ["/bin/y", "/srv/other", "/dataother", "/usr/local/bin/x", f"{package.path}/bin/y", "/usr/usr/bin/x"]
    assert [path for path in absent if exists(path)] == []


def test_programs_of_services_are_looked_up_and_their_accounts_asked_for() -> None:
    spec = spec_of(
        services={"s": {"command": ["x", "-a"], "user": "ghost", "group": "ghosts"}, "t": {"command": ["x"]}}
    )
    service = spec.services["s"]
    assert with_program_path(("x", "-a"), service, lambda path: path == "/usr/bin/x") == ("/usr/bin/x", "-a")
    assert with_program_path(("x", "-a"), service, lambda path: False) == ("x", "-a")
    assert with_program_path(("./x",), service, lambda path: True) == ("./x",)
    assert [str(issue) for issue in owner_issues("s", service, ACCOUNTS)] == [
        "/services/s/user: there is no user 'ghost'",
        "/services/s/group: there is no group 'ghosts'",
    ]
    assert owner_issues("t", spec.services["t"], ACCOUNTS) == []


def test_changes_of_scripts_go_where_the_image_has_them() -> None:
    changes = {
        "/etc/plain": FileNode.file(b"plain"),
        "/etc/secret": FileNode(Kind.FILE, 0o600, "www-data", "shadow", b"secret"),
        "/etc/link": FileNode.symlink("/srv"),
        "/etc/os-release": FileNode.file(b"os"),
        "/etc/dpkg/no": FileNode.file(b"no"),
        "/etc/dir": FileNode.directory(0o700),
        "/etc/unknown": FileNode.file(None),
        "/etc/gone": None,
        "/usr/bin/x": FileNode.symlink("y"),
        "/usr/share/f": FileNode.file(b"f"),
        "/var/lib/app": FileNode(Kind.DIRECTORY, 0o750, "www-data", "33"),
        "/var/lib/dpkg/x": FileNode.file(b"no"),
        "/dev/x": FileNode.file(b"no"),
        "/tmp/x": FileNode.file(b"no"),
        "/run/systemd/x": FileNode.file(b"no"),
    }
    said = Declarations(changes=changes, makers=dict.fromkeys(changes, "pkg"))
    found = configured_entries(said, ACCOUNTS, {"dpkg"})
    assert (found.etc_files, found.etc_links) == ({"plain": b"plain"}, {"link": "/srv"})
    assert [shown(entry) for entry in found.usr] == ["/usr/bin/x 0777 0:0 y", "/usr/share/f 0644 0:0"]
    assert [shown(entry) for entry in found.others] == [
        *("/etc/secret 0600 33:42", "/etc/os-release 0644 0:0", "/etc/dir 0700 0:0", "/var/lib/app 0750 33:33"),
    ]
    assert {entry.owner for entry in (*found.usr, *found.others)} == {"the scripts of pkg"}


def test_an_answer_to_a_question_that_no_package_asks_is_refused(tmp_path: Path) -> None:
    package = installed(
        tmp_path, "a", {"bin/x": "#!"}, maintainer_files={"templates": "Template: a/port\nDefault: 1\n"}
    )
    configure(spec_of(debconf={"a/port": "1"}), [package], {}, (), "/gnu/store")
    with pytest.raises(SpecError) as caught:
        configure(spec_of(debconf={"a/prt": "1", "a/port": "2", "z": "3"}), [package], {}, (), "/gnu/store")
    assert [str(issue) for issue in caught.value.issues] == [
        "/debconf/a~1prt: no package of the image asks 'a/prt' (did you mean 'a/port'?)",
        "/debconf/z: no package of the image asks 'z'",
    ]
    assert caught.value.hint == "`debconf-show` lists those of a package"
