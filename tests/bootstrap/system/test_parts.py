"""The smaller parts of a system, one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.store.items import ShownFiles
from sysimage.store.paths import StorePath
from sysimage_bootstrap.debs.inventory import PackageFacts
from sysimage_bootstrap.packages.default_packages import is_built_in_locale
from sysimage_bootstrap.system.certificates import authorities, certificate_files
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.system.locales import directory_name
from sysimage_bootstrap.system.sysusers import SysusersError, parse_sysusers
from sysimage_bootstrap.system.tmpfiles import runtime_directories


def test_the_bundle_holds_every_certificate_in_the_order_of_bytes(tmp_path: Path) -> None:
    top = tmp_path / "share/ca-certificates/mozilla"
    top.mkdir(parents=True)
    for name, text in {"b.crt": "b", "É.crt": "e\n", "B.crt": "B\n", "note.txt": "no"}.items():
        (top / name).write_text(text)
    found = authorities([tmp_path], {"/usr/local/b.crt": b"own b", "/usr/local/a.crt": b"own a\n"})
    files = certificate_files(found)
    assert files["ssl/certs/ca-certificates.crt"] == b"B\nb\ne\nown a\nown b\n"
    assert files["ca-certificates.conf"].decode().splitlines() == ["mozilla/B.crt", "mozilla/b.crt", "mozilla/É.crt"]
    assert certificate_files(authorities([tmp_path / "share"], {})) == {}


@pytest.mark.parametrize(
    ("locale", "directory"),
    [("de_DE.UTF-8", "de_DE.utf8"), ("de_DE.ISO-8859-1", "de_DE.iso88591"), ("ca_ES@valencia", "ca_ES@valencia")],
)
def test_the_c_librarys_name_of_a_locale(locale: str, directory: str) -> None:
    assert directory_name(locale) == directory
    assert not is_built_in_locale(locale)


def test_accounts_of_packages() -> None:
    users, groups = parse_sysusers(
        [
            (
                "one",
                "#\n\nu _chrony - 'Chrony' /var/lib/chrony\nu! fixed 77\nu tail -:nogroup - /x\nr - 500-900",
            ),
            ("two", "g render -\ng input 104\nm _chrony ssl-cert"),
        ]
    )
    assert [(u.name, u.uid, u.group, u.groups, u.comment, u.home) for u in users] == [
        ("_chrony", None, None, ("ssl-cert",), "Chrony", "/var/lib/chrony"),
        ("fixed", 77, None, (), None, "/"),
        ("tail", None, "nogroup", (), None, "/x"),
    ]
    assert {g.name: g.gid for g in groups} == {"fixed": 77, "render": None, "input": 104, "ssl-cert": None}
    assert all(user.system and not user.make_home for user in users)


def test_lines_that_say_nothing_sensible_are_named_with_their_number() -> None:
    with pytest.raises(SysusersError) as caught:
        parse_sysusers([("file", "u ok -\nx what -\nu Bad! -\nu n 1:4321\nu open 'quote")])
    assert sorted((issue.line, issue.where) for issue in caught.value.issues) == [(n, "file") for n in (2, 3, 4, 5)]


def test_a_group_that_is_given_by_its_number_is_the_one_that_has_it() -> None:
    """As in systemd's basic.conf: a base group, or one that another file declares."""
    users, groups = parse_sysusers([("a", "u sync 4:65534\nu tail 70:104"), ("b", "g input 104")])
    assert [(user.name, user.uid, user.group) for user in users] == [("sync", 4, "nogroup"), ("tail", 70, "input")]
    assert [group.name for group in groups] == ["input"]


@pytest.mark.parametrize(
    "line",
    ["u a - 'A: b'", "u a - - /home:x", "u a - - - /bin/sh:x", "u a -5", "g a -5", "u a 4294967295", "u a - '\ud800'"],
)
def test_accounts_of_packages_that_no_line_holds_are_named(line: str) -> None:
    with pytest.raises(SysusersError, match="account"):
        parse_sysusers([("file", line)])


def test_directories_of_packages_are_made_at_the_paths_and_for_the_owners_they_name_plainly(tmp_path: Path) -> None:
    lines = [
        "d /var/lib/good 0750 _daemon 5 -",
        "d /var/lib/../../etc 0777 root root -",
        "d /var/lib/a:b 0999 root root -",
        "d /var/lib/colon 0750 a:0:0 root -",
        "d /var/lib/comma 0750 root a,b -",
        "d /var/lib/odd\x1b[0m 0750 root root -",
    ]
    unit = "[Service]\nUser=ev:il\nStateDirectory=evil\n"
    other = "[Service]\nStateDirectory=../../etc ok\nStateDirectoryMode=none\n"
    (tmp_path / "lib/tmpfiles.d").mkdir(parents=True)
    (tmp_path / "lib/tmpfiles.d/x.conf").write_text("\n".join(lines))
    (tmp_path / "lib/systemd/system").mkdir(parents=True)
    (tmp_path / "lib/systemd/system/x.service").write_text(unit)
    (tmp_path / "lib/systemd/system/y.service").write_text(other)
    facts = PackageFacts("x", "1", "amd64", {}, ())
    package = Installed("x", StorePath.parse(f"/gnu/store/{'0' * 32}-x"), tmp_path, facts, ShownFiles())
    assert [(d.path, d.mode, d.owner, d.group) for d in runtime_directories([package])] == [
        ("/var/lib/a:b", 0o755, "root", "root"),
        ("/var/lib/good", 0o750, "_daemon", "5"),
        ("/var/lib/ok", 0o755, "root", "root"),
    ]
