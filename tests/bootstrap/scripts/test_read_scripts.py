"""What maintainer scripts come to: files, owners, accounts, alternatives, and what is not understood."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sysimage.process import run
from sysimage.rootfs.accounts import WantedUser
from sysimage_bootstrap.scripts.read_scripts import PackageScripts, ScriptSettings, read_scripts
from sysimage_bootstrap.scripts.root_files import FileNode
from tests.bootstrap.scripts.written_files import WrittenFiles, files_after, read

SSLEAY = Path(__file__).parent / "ssleay.cnf"
"""What ssl-cert 1.1.3 ships below /usr/share/ssl-cert."""


def changed(script: str, path: str, files: dict[str, str] | None = None) -> FileNode:
    """What a script makes of a path."""
    said = read(script, files)
    assert said.unread == ()
    node = said.changes[path]
    assert node is not None
    return node


def test_owners_and_modes_of_shipped_directories_are_those_that_the_script_sets() -> None:
    script = (
        "adduser --system --group --home /var/lib/db --no-create-home db\n"
        "chown db:adm /var/log/db\nchmod 2750 /var/log/db\ninstall -d -m 0750 -o db -g db /var/lib/db\n"
    )
    log = changed(script, "/var/log/db", {"/var/log/db/": ""})
    assert (log.mode, log.owner, log.group) == (0o2750, "db", "adm")
    assert changed(script, "/var/lib/db", {"/var/log/db/": ""}).owner == "db"


def test_an_account_that_the_script_makes_has_what_adduser_gives() -> None:
    said = read(
        "adduser --quiet --system --group --no-create-home --home /var/lib/db --gecos 'A db' db\nadduser db adm"
    )
    (user,) = said.users
    assert (user.name, user.group, user.groups, user.home, user.shell) == (
        "db", "db", ("adm",), "/var/lib/db", "/usr/sbin/nologin",
    )  # fmt: skip
    assert [group.name for group in said.groups] == ["db"]
    assert isinstance(user, WantedUser)
    assert user.system


def test_an_account_that_is_there_is_not_made() -> None:
    there = ScriptSettings(users={"db": "/srv/db"}, groups={"db"})
    assert read("getent passwd db >/dev/null || adduser --system db", settings=there).users == ()


def test_a_group_is_joined_where_the_account_is_not_in_it_yet() -> None:
    made = "adduser --system --group db\n"
    join = "if ! id -Gn db 2>/dev/null | grep -qw ssl-cert; then adduser db ssl-cert; touch /etc/joined; fi\n"
    said = read(made + join + join.replace("joined", "joined-again"), settings=ScriptSettings(groups={"ssl-cert"}))
    assert [(user.name, user.groups) for user in said.users] == [("db", ("ssl-cert",))]
    assert said.unread == ()
    assert set(said.changes) == {"/etc/joined"}


def test_ucf_installs_a_configuration_file_once() -> None:
    files = {"/usr/share/pkg/a.conf": "new\n", "/usr/share/pkg/b.conf": "new\n", "/etc/b.conf": "old\n"}
    script = (
        "ucf --debconf-ok /usr/share/pkg/a.conf /etc/pkg/a.conf\n"
        "ucf /usr/share/pkg/b.conf /etc/b.conf\nucfr pkg /etc/b.conf\n"
    )
    assert files_after(script, files) == {"/etc/pkg": "directory", "/etc/pkg/a.conf": "new\n"}


def test_the_alternative_of_the_highest_priority_counts_and_its_followers_with_it() -> None:
    files = dict.fromkeys(("/usr/bin/mawk", "/usr/bin/gawk", "/usr/share/man/gawk.1"), "#!")
    script = (
        "update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5\n"
        "update-alternatives --install /usr/bin/awk awk /usr/bin/gawk 10"
        " --slave /usr/share/man/awk.1 awk.1 /usr/share/man/gawk.1 --slave /usr/bin/absent absent /usr/bin/no-file\n"
    )
    assert files_after(script, files) == {
        "/etc/alternatives": "directory",
        "/etc/alternatives/awk": "-> /usr/bin/gawk",
        "/etc/alternatives/awk.1": "-> /usr/share/man/gawk.1",
        "/usr/bin/awk": "-> /etc/alternatives/awk",
        "/usr/share/man/awk.1": "-> /etc/alternatives/awk.1",
    }


@pytest.mark.parametrize("name", ["editor", "editor.1"])
def test_the_spec_chooses_an_alternative_by_any_of_its_names(name: str) -> None:
    line = (
        "update-alternatives --install /usr/bin/editor editor /usr/bin/{0} {1}"
        " --slave /usr/share/editor.1 editor.1 /usr/bin/{0}"
    )
    packages = [
        PackageScripts(one, "1", {"postinst": f"#!/bin/sh\n{line.format(one, priority)}"})
        for one, priority in (("vim", 50), ("nano", 40))
    ]
    source = WrittenFiles({"/usr/bin/vim": "#!", "/usr/bin/nano": "#!"})
    said = read_scripts(packages, source, ScriptSettings(alternatives={name: "nano"}))
    assert said.changes["/etc/alternatives/editor"] == FileNode.symlink("/usr/bin/nano")


TEMPLATES = (
    "Template: pkg/kind\nType: select\nDefault: local\nDescription: kind\n\n"
    "Template: pkg/port\nType: string\nDefault: 25\n"
)
CONFIG = """#!/bin/sh
. /usr/share/debconf/confmodule
db_set pkg/port 25
db_input high pkg/kind || true
db_go
"""


@pytest.mark.parametrize(("answers", "text"), [({}, "local 25\n"), ({"pkg/kind": "mail hub"}, "mail hub 25\n")])
def test_questions_have_the_answers_of_the_spec_or_of_their_templates(answers: dict[str, str], text: str) -> None:
    script = (
        ". /usr/share/debconf/confmodule\n"
        'db_get pkg/kind; kind="$RET"\ndb_get pkg/port || true\necho "$kind $RET" > /etc/o\n'
    )
    said = read(script, settings=ScriptSettings(debconf=answers), templates=TEMPLATES, config=CONFIG)
    assert said.unread == ()
    assert said.changes["/etc/o"] == FileNode.file(text.encode())


def test_modules_of_apache_are_enabled_with_what_they_depend_on() -> None:
    top = "/etc/apache2/mods-available"
    files = {
        f"{top}/ssl.load": "# Depends: socache setenvif\nLoadModule\n",
        f"{top}/ssl.conf": "",
        f"{top}/socache.load": "",
        f"{top}/setenvif.load": "",
        "/etc/apache2/mods-enabled/": "",
    }
    after = files_after("a2enmod -m -q ssl\na2query -m ssl >/dev/null && touch /etc/yes", files)
    assert {path.rpartition("/")[2] for path in after if "mods-enabled" in path} == {
        "ssl.load", "ssl.conf", "socache.load", "setenvif.load",
    }  # fmt: skip
    assert "/etc/yes" in after


def test_units_and_triggers_are_reported() -> None:
    said = read(
        "if deb-systemd-helper --quiet was-enabled 'db.service'; then\n"
        "deb-systemd-helper enable 'db.service' >/dev/null; fi\n"
        "dpkg-trigger --no-await /usr/lib/db\n"
    )
    assert [unit.unit for unit in said.units] == ["db.service"]
    assert [one.trigger for one in said.triggers] == ["/usr/lib/db"]


def test_a_file_below_tmp_is_not_a_change() -> None:
    assert files_after('t=$(mktemp); echo a > "$t"; cp "$t" /etc/a; rm "$t"') == {"/etc/a": "a\n"}


@pytest.mark.parametrize("command", ["find -L /etc/d", "find /etc/d -follow"])
def test_find_looks_at_what_a_link_leads_to_where_it_is_asked_to(command: str) -> None:
    links = "ln -s a /etc/d/b; ln -s none /etc/d/c\n"
    script = f"{links}{command} -type f | sort > /etc/files; {command} -type l > /etc/links\n"
    after = files_after(script, {"/etc/d/a": "x"})
    assert (after["/etc/files"], after["/etc/links"]) == ("/etc/d/a\n/etc/d/b\n", "/etc/d/c\n")


def test_find_does_not_guess_what_is_in_a_directory_that_a_link_leads_to() -> None:
    said = read("mkdir -p /etc/d /etc/e; ln -s ../e /etc/d/e; find -L /etc/d -name a -delete")
    assert [line.why for line in said.unread] == ["what find finds where a link leads to a directory"]


@pytest.mark.parametrize(
    ("name", "full", "domain"), [("box", "box", ""), ("box.example.org", "box.example.org", "example.org")]
)
def test_the_machine_has_a_domain_only_where_its_name_has_one(name: str, full: str, domain: str) -> None:
    script = "(hostname; hostname --fqdn; hostname -d) > /etc/names"
    assert files_after(script, settings=ScriptSettings(host_name=name)) == {"/etc/names": f"box\n{full}\n{domain}\n"}


def test_the_image_own_shell_programs_are_followed() -> None:
    program = '#!/bin/sh\nset -e\n. /usr/share/pkg/lib.sh\nmake_link "$1"\n'
    library = 'make_link() { ln -s "../$1" "/etc/$1.enabled"; }\n'
    files = {"/usr/sbin/pkg-enable": program, "/usr/share/pkg/lib.sh": library}
    assert files_after("pkg-enable mod", files) == {"/etc/mod.enabled": "-> ../mod"}


def test_a_program_of_the_image_that_fails_gives_its_status() -> None:
    files = {"/usr/bin/ask": "#!/bin/sh\nset -e\nfind_it() { return 3; }\nfind_it\ntouch /etc/after\n"}
    assert files_after("status=0; ask || status=$?; echo $status > /etc/o", files) == {"/etc/o": "3\n"}


MAIN = {
    "/usr/share/postfix/main.cf": "a = 1\nrelayhost =\n  more\n# end\n",
    "/etc/postfix/": "",
    "/usr/sbin/postconf": "#!",
}


def test_postconf_edits_what_is_there_and_adds_what_is_not() -> None:
    script = (
        "cp /usr/share/postfix/main.cf /etc/postfix/main.cf\n"
        'postconf -e "relayhost=smtp.example" "inet_interfaces = loopback-only"\n'
        '[ "$(postconf -hx default_transport)" = smtp ] && touch /etc/default-transport\n'
    )
    after = files_after(script, MAIN)
    text = "a = 1\nrelayhost = smtp.example\n# end\ninet_interfaces = loopback-only\n"
    assert after == {"/etc/postfix/main.cf": text, "/etc/default-transport": ""}


def test_what_only_a_program_of_the_image_can_make_is_left_to_the_first_start() -> None:
    said = read("newaliases\nmake-ssl-cert generate-default-snakeoil\nnewaliases")
    assert [(one.command[0], one.creates) for one in said.first_starts] == [
        ("/usr/bin/newaliases", "/etc/aliases.db"),
        ("/usr/bin/sh", "/etc/ssl/certs/ssl-cert-snakeoil.pem"),
    ]


@pytest.mark.programs
def test_the_certificate_of_the_first_start_has_a_key_that_only_its_group_reads(tmp_path: Path) -> None:
    (first,) = read("make-ssl-cert generate-default-snakeoil").first_starts
    *program, template, made, key, group = first.command
    assert (template, made, group) == ("/usr/share/ssl-cert/ssleay.cnf", first.creates, "ssl-cert")
    assert key == "/etc/ssl/private/ssl-cert-snakeoil.key"
    certificate, secret = tmp_path / "made.pem", tmp_path / "made.key"
    run([*program, str(SSLEAY), str(certificate), str(secret), str(os.getgid())])
    found = run(["openssl", "x509", "-in", str(certificate), "-noout", "-pubkey"]).stdout
    assert found == run(["openssl", "pkey", "-in", str(secret), "-pubout"]).stdout
    assert [path.stat().st_mode & 0o777 for path in (certificate, secret)] == [0o644, 0o640]
    assert [link.readlink() for link in tmp_path.glob("????????.0")] == [Path("made.pem")]


def test_a_key_that_is_made_later_is_there_for_scripts_and_no_file_of_the_image() -> None:
    said = read(
        "make-ssl-cert generate-default-snakeoil\n[ -e /etc/ssl/private/ssl-cert-snakeoil.key ] && touch /etc/tls"
    )
    assert "/etc/tls" in said.changes
    key = said.changes["/etc/ssl/private/ssl-cert-snakeoil.key"]
    assert key is not None
    assert key.content is None


def test_a_program_that_is_not_imitated_is_listed_with_its_line() -> None:
    said = read("touch /etc/before\nmystery --now\ntouch /etc/after", {"/usr/bin/mystery": "#!/usr/bin/perl\n"})
    (unread,) = said.unread
    assert (unread.package, unread.script, unread.line, unread.text) == ("pkg", "postinst", 4, "mystery --now")
    assert unread.why == "what mystery does"
    assert {"/etc/before", "/etc/after"} <= said.changes.keys()


def test_what_depends_on_something_unknown_is_not_done_and_is_listed() -> None:
    said = read('if [ "$(date +%Y)" -gt 2000 ]; then rm -rf /etc/x; fi\ndate > /etc/stamp', {"/etc/x/y": "1"})
    assert {unread.line for unread in said.unread} == {3, 4}
    assert "/etc/x/y" not in said.changes


@pytest.mark.parametrize(("place", "is_there"), [("/proc", True), ("/srv", False)])
def test_the_file_systems_of_a_running_system_are_mounted(place: str, is_there: bool) -> None:
    said = read(f"if ! mountpoint -q {place}; then exit 1; fi\nmkdir /etc/after")
    assert ("/etc/after" in said.changes, said.unread) == (is_there, ())


def test_a_condition_that_changes_nothing_is_not_listed() -> None:
    assert read('if [ "$(date +%Y)" -gt 2000 ]; then echo "happy new year"; fi').unread == ()


def test_a_program_in_another_language_is_one_line() -> None:
    said = read_scripts(
        [PackageScripts("p", "1", {"postinst": "#!/usr/bin/perl -w\nuse strict;\n"})],
        WrittenFiles({}),
        ScriptSettings(),
    )
    assert [(one.line, one.why) for one in said.unread] == [(1, "a program for /usr/bin/perl -w")]


def test_a_line_that_would_fail_is_listed_and_the_rest_is_read() -> None:
    said = read("mkdir /etc/no/where\ntouch /etc/after")
    assert [unread.why for unread in said.unread] == ["why this would fail with status 1"]
    assert "/etc/after" in said.changes


def test_a_preinst_runs_before_the_files_of_its_package_are_there() -> None:
    squid = "#!/bin/sh\nif ! test -e /etc/a.conf; then mkdir /etc/off; ln -s /etc/a.conf /etc/off/a.conf; fi\n"
    said = read("test -e /etc/a.conf && touch /etc/later", {"/etc/a.conf": "x\n"}, preinst=squid)
    assert said.unread == ()
    assert set(said.changes) == {"/etc/off", "/etc/off/a.conf", "/etc/later"}


def test_what_a_preinst_puts_in_the_place_of_a_file_of_its_package_gives_way_to_it() -> None:
    early = "#!/bin/sh\necho old > /usr/share/a\n"
    said = read("cat /usr/share/a > /etc/copy", {"/usr/share/a": "shipped"}, preinst=early)
    assert "/usr/share/a" not in said.changes
    copy = said.changes["/etc/copy"]
    assert copy is not None
    assert copy.content == b"shipped"


@pytest.mark.parametrize(
    "command",
    [
        "date | xargs rm -f",
        "date | xargs -0 -r -n 1 chown db",
        'find "$(date)" -delete',
        'find /etc -name "$(date)" -exec rm {} ";"',
        'sed -i "s/a/$(date)/" /etc/a',
        'sed -Ei.bak "s/a/$(date)/" /etc/a',
        'sed --in-place -e "s/a/$(date)/" /etc/a',
    ],
)
def test_a_command_that_would_change_what_is_not_known_is_listed(command: str) -> None:
    assert [one.text for one in read(f"{command} || true", {"/etc/a": "a"}).unread] == [f"{command} || true"]


@pytest.mark.parametrize(
    "command", ["date | xargs -r -n 1 echo", 'find "$(date)" -exec ls {} +', 'sed -n "s/a/$(date)/p" /etc/a']
)
def test_a_command_that_only_looks_is_not_listed(command: str) -> None:
    assert read(f"{command} || true", {"/etc/a": "a"}).unread == ()


def test_a_shared_secret_is_made_at_the_first_start_with_the_owner_that_the_script_gives() -> None:
    said = read(
        "adduser --system --group rabbitmq\nmkdir -p /var/lib/rabbitmq\n"
        "umask 077; openssl rand -base64 -out /var/lib/rabbitmq/.erlang.cookie 42\n"
        "chmod 0400 /var/lib/rabbitmq/.erlang.cookie\nchown -R rabbitmq:rabbitmq /var/lib/rabbitmq\n"
    )
    assert said.unread == ()
    (one,) = said.first_starts
    assert (one.creates, one.command[4:7]) == (
        "/var/lib/rabbitmq/.erlang.cookie",
        ("/var/lib/rabbitmq/.erlang.cookie", "rabbitmq:rabbitmq", "400"),
    )
    node = said.changes[one.creates]
    assert node is not None
    assert node.content is None, "no image holds it"


@pytest.mark.programs
def test_what_makes_a_secret_gives_it_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "cookie"
    said = read("openssl rand -hex -out /var/lib/cookie 8\nchmod 0440 /var/lib/cookie\n")
    (one,) = said.first_starts
    run(["unshare", "--map-root-user", *(word.replace("/var/lib/cookie", str(path)) for word in one.command)])
    assert (len(path.read_text().strip()), path.stat().st_mode & 0o777) == (16, 0o440)


def test_the_key_of_bind_is_made_at_the_first_start_and_its_directory_is_binds() -> None:
    script = (
        "adduser --system bind\nif [ ! -s /etc/bind/rndc.key ]; then rndc-confgen -a; fi\n"
        "uid=$(ls -ln /etc/bind/rndc.key | awk '{print $3}')\n"
        'if [ "$uid" = "0" ]; then chgrp bind /etc/bind; chmod g+s /etc/bind; fi\n'
        "named-checkconf /etc/bind/named.conf\n"
    )
    assert changed(f"addgroup --system bind\n{script}", "/etc/bind", {"/etc/bind/": ""}).mode == 0o2755
    assert [one.creates for one in read(script, {"/etc/bind/": ""}).first_starts] == ["/etc/bind/rndc.key"]


def test_host_keys_are_those_that_the_configuration_names() -> None:
    script = (
        'for key in $(sshd -G | sed -n "s/^hostkey //Ip"); do\n'
        "if [ ! -f $key ]; then ssh-keygen -q -f $key -N '' -t rsa; ssh-keygen -l -f $key.pub; fi; done\n"
    )

    def keys(configuration: str) -> list[str]:
        said = read(script, {"/etc/ssh/sshd_config": configuration})
        assert said.unread == ()
        return [one.creates for one in said.first_starts]

    assert keys("# HostKey /x\nHostKey /etc/ssh/one\n") == ["/etc/ssh/one"]
    assert keys("Port 22\n") == [f"/etc/ssh/ssh_host_{kind}_key" for kind in ("ecdsa", "ed25519", "rsa")]


def test_chrony_prints_the_lines_that_it_obeys() -> None:
    files = {"/etc/chrony/chrony.conf": "! no\nconfdir /etc/chrony/conf.d\nmakestep 1 3\n", "/etc/chrony/conf.d/": ""}
    script = "if ! chronyd -p | grep -q ^user; then touch /etc/ours; fi"
    assert files_after(script, files) == {"/etc/ours": ""}
    assert files_after(script, {**files, "/etc/chrony/conf.d/a.conf": "user root\n"}) == {}


def test_a_colon_without_a_group_means_the_users_own_group() -> None:
    script = "adduser --system --no-create-home statd\nchown statd: /var/lib/nfs\n"
    assert changed(script, "/var/lib/nfs", {"/var/lib/nfs/": ""}).group == "nogroup"
    own = "adduser --system --group --no-create-home db\nchown db: /var/lib/nfs\n"
    assert changed(own, "/var/lib/nfs", {"/var/lib/nfs/": ""}).group == "db"


def test_a_command_in_a_clean_environment_is_the_command() -> None:
    assert files_after('env -i A="$A" touch /etc/a') == {"/etc/a": ""}


def test_a_tilde_and_a_user_are_the_home_of_that_user() -> None:
    script = "adduser --system --home /srv/ftp ftp\ncp /usr/share/welcome ~ftp/welcome\n"
    assert files_after(script, {"/srv/": "", "/usr/share/welcome": "hi"})["/srv/ftp/welcome"] == "hi"


def test_a_line_that_takes_a_packages_file_away_is_listed_since_the_image_keeps_it() -> None:
    said = read("rm -f /etc/a.conf", {"/etc/a.conf": "x"})
    assert [(one.text, one.why) for one in said.unread] == [
        ("rm -f /etc/a.conf", "/etc/a.conf stays, since it is a package's")
    ]


@pytest.mark.parametrize(
    "script", ["rm /etc/a.conf; echo y > /etc/a.conf", "touch /etc/b; rm /etc/b", "sed -i s/x/y/ /etc/a.conf"]
)
def test_a_file_that_comes_back_or_is_the_scripts_own_is_not_listed(script: str) -> None:
    assert read(script, {"/etc/a.conf": "x"}).unread == ()


def test_an_account_that_is_not_there_makes_a_condition_false() -> None:
    script = "if [ -d /var/lib/irc ] && chown -R irc2: /var/lib/irc; then exit 0; fi\nadduser --system --group irc2\n"
    said = read(script, {"/var/lib/irc/": ""})
    assert [user.name for user in said.users] == ["irc2"]
    assert said.unread == ()


def test_a_copy_takes_the_place_of_a_link_that_it_is_to_remove() -> None:
    node = changed(
        "ln -s /etc/b /etc/a\ncp --remove-destination /etc/b /etc/a\n", "/etc/a", {"/etc/b": "b", "/etc/x": ""}
    )
    assert node.target is None


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("${1:-} == configure", True),
        ("$1 != configure", False),
        ("$empty == x", False),
        ("$empty != x", True),
        ("-z $empty", True),
        ("-n $empty", False),
        ("-f /etc/a", True),
        ("! -f /etc/a", None),
        ("$1 == conf*", None),
        ("$1 =~ conf", None),
    ],
)
def test_conditions_of_bash_are_read_where_they_are_one_question(condition: str, holds: bool | None) -> None:
    said = read(f"if [[ {condition} ]]; then touch /etc/made; fi", {"/etc/a": ""})
    assert bool(said.unread) == (holds is None)
    assert ("/etc/made" in said.changes) == (holds is True)


def test_a_key_that_another_user_makes_is_left_to_the_first_start_of_its_service() -> None:
    assert read("su munge -s /bin/sh -c 'mungekey -c'").unread == ()


def test_couriers_certificate_is_made_at_the_first_start_with_the_owner_that_the_script_sets() -> None:
    said = read(
        "addgroup --system courier\nmkimapdcert\nchmod 0640 /etc/courier/imapd.pem\n"
        "chown root:courier /etc/courier/imapd.pem\n",
        {"/etc/courier/": ""},
    )
    (start,) = said.first_starts
    assert said.unread == ()
    assert (start.creates, "/usr/sbin/mkimapdcert" in " ".join(start.command)) == ("/etc/courier/imapd.pem", True)


@pytest.mark.programs
@pytest.mark.parametrize("script", ["0,/b/s/./X/", "1,/b/s/./X/", "3,2s/./X/", "2,3s/./X/", "/b/,2d", "2,$d", "1!d"])
def test_ranges_of_sed_are_those_of_sed(script: str) -> None:
    lines = "b\na\nb\nb\nc\n"
    real = run(["sed", script], stdin=lines.encode())
    assert files_after(f"sed '{script}' /etc/a > /etc/b", {"/etc/a": lines})["/etc/b"] == real.stdout.decode()
