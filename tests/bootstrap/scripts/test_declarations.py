"""What the scripts of packages declare together: whole values, in an order that does not depend on theirs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.rootfs.accounts import WantedGroup, WantedUser
from sysimage_bootstrap.scripts.declarations import (
    ActivatedTrigger,
    Alternative,
    AlternativeLink,
    Diversion,
    EnabledUnit,
    FirstStartProgram,
    Unread,
)
from sysimage_bootstrap.scripts.read_scripts import PackageScripts, ScriptSettings, read_scripts
from sysimage_bootstrap.scripts.root_files import FileNode
from tests.bootstrap.scripts.written_files import WrittenFiles, files_after, read

ORIGIN = "pkg's postinst"
ZED = WantedUser(
    "zed", 150, "zed", (), "Zed", "/var/lib/zed", "/bin/sh", "!", system=True, make_home=False, origin=ORIGIN
)
ACCOUNTS = {
    "adduser --system --group --uid 150 --home /var/lib/zed --gecos Zed --shell /bin/sh zed": (ZED,),
    "adduser --system --group zed": (
        replace(ZED, uid=None, comment="", home="/nonexistent", shell="/usr/sbin/nologin"),
    ),
    "adduser --system --uid 150 --comment Zed zed": (
        replace(ZED, group="nogroup", home="/nonexistent", shell="/usr/sbin/nologin"),
    ),
    "adduser --uid 1500 --gecos Zed zed": (
        replace(ZED, uid=1500, home="/home/zed", shell="/bin/bash", password_hash=None, system=False),
    ),
    "addgroup --system zed; adduser --system --gid 7 zed": (
        replace(ZED, uid=None, comment="", home="/nonexistent", shell="/usr/sbin/nologin"),
    ),
    "useradd -r -u 150 -c Zed -d /var/lib/zed -s /bin/sh zed": (ZED,),
    "useradd --uid 150 --comment Zed --home-dir /var/lib/zed --shell /bin/sh -G adm,,audio zed": (
        replace(ZED, groups=("adm", "audio"), password_hash=None, system=False),
    ),
    "useradd -N zed": (
        replace(ZED, uid=None, group="users", comment="", home="/home/zed", password_hash=None, system=False),
    ),
    "useradd --system zed; usermod --shell /bin/x -d /new -c New -g adm -L zed; usermod -a -G audio,video zed": (
        replace(ZED, uid=None, group="adm", groups=("audio", "video"), comment="New", home="/new", shell="/bin/x"),
    ),
    "adduser there audio; gpasswd -a there adm": (
        WantedUser("there", groups=("adm", "audio"), home="/srv", system=True, make_home=False, origin=ORIGIN),
    ),
    "usermod -s /bin/x there": (WantedUser("there", shell="/bin/x", system=True, make_home=False, origin=ORIGIN),),
    "adduser --system zed; adduser --system abe; adduser zed adm": (
        replace(ZED, name="abe", uid=None, group="nogroup", comment="", home="/nonexistent", shell="/usr/sbin/nologin"),
        replace(
            ZED, uid=None, group="nogroup", groups=("adm",), comment="", home="/nonexistent", shell="/usr/sbin/nologin"
        ),
    ),
    "adduser --system there; useradd there || true; adduser --group there; addgroup adm; usermod -s x none || true": (),
}
"""Script → the accounts that it makes."""


@pytest.mark.parametrize("script", ACCOUNTS)
def test_accounts_have_what_the_tools_give_them(script: str) -> None:
    said = read(script, settings=ScriptSettings(users={"there": "/srv"}))
    assert (said.users, said.unread) == (ACCOUNTS[script], ())


def test_groups_have_their_numbers_and_are_sorted() -> None:
    said = read("groupadd -g 700 team; addgroup --gid 60 late; adduser --group --gid 61 alone; groupadd -r early")
    assert said.groups == tuple(
        WantedGroup(name, gid, system=True, origin=ORIGIN)
        for name, gid in (("alone", 61), ("early", None), ("late", 60), ("team", 700))
    )


def test_what_is_declared_is_sorted_by_name_and_has_the_package_that_declares_it() -> None:
    lines = (
        "adduser --system --group {0}; dpkg-divert --add /usr/bin/{0}; setcap cap_bpf=ep /usr/bin/{0}",
        "update-alternatives --install /usr/bin/a-{0} a-{0} /usr/bin/{0} 5 --slave /usr/s-{0} s-{0} /usr/t-{0}",
        "deb-systemd-helper enable {0}.service; dpkg-trigger --by-package x {0}; echo > /etc/{0}",
    )
    packages = [
        PackageScripts(f"p-{name}", "1", {"postinst": "#!/bin/sh\n" + "\n".join(lines).format(name)})
        for name in ("zed", "abe")
    ]
    said = read_scripts(packages, WrittenFiles({"/usr/bin/zed": "#!", "/usr/bin/abe": "#!"}), ScriptSettings())
    names = ("abe", "zed")
    assert said.unread == ()
    assert [user.name for user in said.users] == [group.name for group in said.groups] == list(names)
    assert said.diversions == tuple(
        Diversion(f"p-{name}", f"/usr/bin/{name}", f"/usr/bin/{name}.distrib") for name in names
    )
    assert list(said.capabilities.items()) == [(f"/usr/bin/{name}", "cap_bpf=ep") for name in names]
    assert said.alternatives == tuple(
        Alternative(
            f"p-{name}",
            AlternativeLink(f"a-{name}", f"/usr/bin/a-{name}", f"/usr/bin/{name}"),
            5,
            (AlternativeLink(f"s-{name}", f"/usr/s-{name}", f"/usr/t-{name}"),),
        )
        for name in names
    )
    assert said.units == tuple(EnabledUnit(f"p-{name}", f"{name}.service") for name in names)
    assert said.triggers == tuple(ActivatedTrigger(f"p-{name}", name) for name in reversed(names))
    assert list(said.changes) == sorted(said.changes)
    assert list(said.makers) == list(said.changes)
    assert {path: maker for path, maker in said.makers.items() if path.startswith("/etc/") and path[5:] in names} == {
        "/etc/abe": "p-abe",
        "/etc/zed": "p-zed",
    }


def test_what_is_left_in_temporary_places_is_not_kept() -> None:
    assert files_after("for d in /tmp /var/tmp /run /etc; do mkdir -p $d/x; echo a > $d/x/y; done") == {
        "/etc/x": "directory",
        "/etc/x/y": "a\n",
        "/run": "directory",
        "/var/tmp": "directory",
    }


def test_files_that_are_taken_away_are_listed_by_path_with_the_line_that_does_it() -> None:
    said = read("rm -f /etc/b\ntouch /etc/c\nrm -rf /etc/d\necho on", {"/etc/b": "", "/etc/d/a": "", "/etc/a/": ""})
    assert said.unread == (
        Unread("pkg", "postinst", 3, "rm -f /etc/b", "/etc/b stays, since it is a package's"),
        Unread("pkg", "postinst", 5, "rm -rf /etc/d", "/etc/d/a stays, since it is a package's"),
    )


@pytest.mark.parametrize(
    ("script", "unread"),
    [
        ("#!/usr/bin/perl -w\nuse x;\n", (1, "#!/usr/bin/perl -w", "a program for /usr/bin/perl -w")),
        ("\n", (1, "", "a program for ")),
        ("#!/bin/sh\n\n if x; then\n", (4, "", "'then' is missing before ''")),
        ("#!/bin/sh\n\n fi ;\n", (3, "fi ;", "'fi' in an unexpected place")),
        ("#!/bin/sh -e\nfalse\n", (2, "false", "why this would fail with status 1")),
        ("#!/bin/bash -ue\nfalse | false\n", (2, "false | false", "why this would fail with status 1")),
        ("#!/usr/bin/env dash\nset -e\n(exit 3)\n", (3, "(exit 3)", "why this would fail with status 3")),
        ("#! /bin/sh\nf() {\n  vi\n}\n\nf\n", (6, "f", "what vi does")),
        ("#!/bin/sh\ng() { vi; }\nf() {\n g\n}\nf\n", (6, "f", "what vi does")),
        ("#!/bin/sh\n\nasks\n", (3, "asks", "what vi does")),
        ("#!/bin/sh\n. /lib.sh\n", (2, ". /lib.sh", "what vi does")),
        ("#!/bin/sh\n\techo a\fb\n\tvi  x \\\n  y\n", (3, "vi  x \\", "what vi does")),
        ("#!/bin/sh\n{ vi; }\n# end", (2, "{ vi; }", "what vi does")),
        ("#!/bin/sh\nf() { false; }\nif f; then :; fi\n! true\nfalse || vi", (5, "false || vi", "what vi does")),
    ],
)
def test_a_line_that_is_not_understood_is_listed_with_its_place(script: str, unread: tuple[int, str, str]) -> None:
    files = {"/usr/bin/vi": "#!/usr/bin/vim", "/usr/bin/asks": "#!/bin/sh\n\n\n\n\nvi\n", "/lib.sh": "\n\n\n\nvi\n"}
    said = read_scripts([PackageScripts("pkg", "1", {"postinst": script})], WrittenFiles(files), ScriptSettings())
    if script == "\n":
        unread = (1, "", "a program for ")
    elif "if x" in script:
        assert [(one.package, one.script, one.line) for one in said.unread] == [("pkg", "postinst", 4)]
        return
    assert said.unread == (Unread("pkg", "postinst", *unread),)


def test_scripts_know_their_name_and_how_they_are_called() -> None:
    line = '#!/bin/sh\necho "$0 $# $1 [$2] $DPKG_MAINTSCRIPT_NAME $DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT" > /etc/{0}\n'
    control = {name: line.format(name) for name in ("preinst", "config", "postinst")}
    said = read_scripts([PackageScripts("pkg", "1", control)], WrittenFiles({}), ScriptSettings())
    assert {path: node.content for path, node in said.changes.items() if node is not None} == {
        "/etc/config": b"config 2 configure [] config 1\n",
        "/etc/postinst": b"postinst 2 configure [] postinst 1\n",
        "/etc/preinst": b"preinst 1 install [] preinst 1\n",
    }


MAKE_SECRETS = {
    "openssl rand -base64 -out /etc/key 42": (
        ("/usr/bin/openssl", "rand", "-base64", "-out", "/etc/key", "42"),
        "/etc/key",
    ),
    "cd /etc; openssl rand -out key 8": (("/usr/bin/openssl", "rand", "-out", "key", "8"), "/etc/key"),
    "ssh-keygen -q -t rsa -N '' -f /etc/key": (
        ("/usr/bin/ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", "/etc/key"),
        "/etc/key",
    ),
    "mkdir /etc/bind; rndc-confgen -a": (("/usr/sbin/rndc-confgen", "-a"), "/etc/bind/rndc.key"),
    "dropbearkey -t rsa -f /etc/key >/dev/null": (("/usr/bin/dropbearkey", "-t", "rsa", "-f", "/etc/key"), "/etc/key"),
    "mkdir /etc/courier; mkdhparams": (("/usr/sbin/mkdhparams",), "/etc/courier/dhparams.pem"),
    "mkdir /etc/courier; mkesmtpdcert": (("/usr/sbin/mkesmtpdcert",), "/etc/courier/esmtpd.pem"),
    "mkdir /etc/courier; mkpop3dcert": (("/usr/sbin/mkpop3dcert",), "/etc/courier/pop3d.pem"),
}
"""Script → the program that makes a secret at the first start, and where."""


@pytest.mark.parametrize("script", MAKE_SECRETS)
def test_a_secret_is_made_at_the_first_start_by_the_program_that_the_script_calls(script: str) -> None:
    command, path = MAKE_SECRETS[script]
    said = read(script)
    (first,) = said.first_starts
    assert (first.package, first.creates, said.unread) == ("pkg", path, ())
    assert first.command[:2] == ("/usr/bin/sh", "-c")
    assert first.command[3:] == ("secret", path, "root:root", "600", *command)
    assert said.changes[path] == FileNode.file(None, 0o600)


def test_programs_that_only_a_first_start_can_run_are_left_to_it_in_their_order() -> None:
    said = read("unbound-control-setup; nsd-control-setup; newaliases; update-exim4.conf; newaliases")
    assert said.first_starts == (
        FirstStartProgram("pkg", ("/usr/sbin/unbound-control-setup",), "/etc/unbound/unbound_server.key"),
        FirstStartProgram("pkg", ("/usr/sbin/nsd-control-setup",), "/etc/nsd/nsd_server.key"),
        FirstStartProgram("pkg", ("/usr/bin/newaliases",), "/etc/aliases.db"),
        FirstStartProgram("pkg", ("/usr/sbin/update-exim4.conf",), "/var/lib/exim4/config.autogenerated"),
    )


SITE, SMARTHOST, SATELLITE = "Internet Site", "Internet with smarthost", "Satellite system"
LOCAL = "localhost.example.org, localhost"


@pytest.mark.parametrize(
    ("host", "debconf", "answers"),
    [
        ("box.example.org", {}, ("box.example.org", "", f"$myhostname, box.example.org, {LOCAL}")),
        ("box", {}, ("box.localdomain", "", "$myhostname, box.localdomain, localhost.localdomain, localhost")),
        (
            None,
            {},
            ("localhost.localdomain", "", "$myhostname, localhost.localdomain, localhost.localdomain, localhost"),
        ),
        (
            "box.example.org",
            {"postfix/mailname": "example.org", "postfix/main_mailer_type": SITE},
            ("example.org", "", f"$myhostname, example.org, box.example.org, {LOCAL}"),
        ),
        (
            "box.example.org",
            {"postfix/mailname": "example.org", "postfix/main_mailer_type": SMARTHOST},
            ("example.org", "smtp.example.org", f"$myhostname, box.example.org, {LOCAL}"),
        ),
        (
            "box.example.org",
            {"postfix/mailname": "other.net", "postfix/main_mailer_type": SATELLITE, "postfix/relayhost": "r"},
            ("other.net", "r", f"other.net, $myhostname, box.example.org, {LOCAL}"),
        ),
    ],
)
def test_postfix_answers_what_its_config_would_where_no_user_is_asked(
    host: str | None, debconf: dict[str, str], answers: tuple[str, str, str]
) -> None:
    ask = 'for q in mailname relayhost destinations protocols; do db_get postfix/$q; echo "$RET"; done > /etc/o'
    templates = "\n".join(f"Template: postfix/{name}\nType: string\n" for name in ("mailname", "relayhost"))
    control = {"config": "#!/usr/bin/perl\n", "postinst": f"#!/bin/sh\n{ask}\n", "templates": templates}
    settings = ScriptSettings(host_name=host, debconf=debconf)
    said = read_scripts([PackageScripts("postfix", "3", control)], WrittenFiles({}), settings)
    node = said.changes["/etc/o"]
    assert said.unread == ()
    assert node == FileNode.file("\n".join((*answers, "all", "")).encode())


class FilesOfThisMachine(WrittenFiles):
    """A tree with a file whose content is on this machine."""

    def __init__(self, path: str, file: Path) -> None:
        super().__init__({})
        self._path, self._file = path, file

    def node(self, path: str) -> FileNode | None:
        return FileNode.file(self._file, 0o640) if path == self._path else super().node(path)


def test_a_file_that_sed_leaves_as_it_is_stays_the_packages(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("text\n")
    scripts = {"s/no/x/": {}, "s/text/new/": {"/etc/a": FileNode.file(b"new\n", 0o640)}}
    for script, changes in scripts.items():
        control = {"postinst": f"#!/bin/sh\nsed -i {script} /etc/a\n"}
        source = FilesOfThisMachine("/etc/a", file)
        assert read_scripts([PackageScripts("pkg", "1", control)], source, ScriptSettings()).changes == changes


def test_an_alternative_that_the_image_lacks_on_purpose_is_left_out() -> None:
    class Lean(WrittenFiles):
        def left_out(self, path: str) -> bool:
            return path == "/usr/share/man/vi.1"

    control = {"postinst": "#!/bin/sh\nupdate-alternatives --install /usr/v.1 v.1 /usr/share/man/vi.1 5\n"}
    said = read_scripts([PackageScripts("pkg", "1", control)], Lean({}), ScriptSettings())
    assert (said.unread, said.alternatives, said.changes) == ((), (), {})
