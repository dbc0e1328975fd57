"""Tools of Debian and of servers do in scripts what the real ones do: sessions that are written down."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage_bootstrap.scripts.command_calls import COMMANDS
from sysimage_bootstrap.scripts.read_scripts import PackageScripts, ScriptSettings, read_scripts
from sysimage_bootstrap.scripts.shell_builtins import BUILT_IN
from tests.bootstrap.scripts.transcripts import Session, replayed, sessions
from tests.bootstrap.scripts.written_files import WrittenFiles

FILES = {
    "/usr/bin/tool": '#!/bin/sh\necho "tool $*"\n',
    "/usr/bin/vars": '#!/bin/sh\necho "[$X][$Y][${Z-unset}]"\n',
    "/usr/bin/maker": "#!/bin/sh\ntouch /srv/made\n",
    "/usr/bin/ends": "#!/bin/sh\nset -e\necho before\nexit 3\necho after\n",
    "/usr/bin/where": "#! /usr/bin/env bash\npwd\n",
    "/usr/bin/asks": "#!/bin/sh\n\n\n\nmystery\ndate | grep -q 2\nmystery-of-a-kind\nvi\n",
    "/usr/share/pkg/lib.sh": "lib=$1\nset -- x y\n",
    "/usr/bin/vi": "#!",
    "/usr/bin/vim": "#!",
    "/usr/bin/ed": "#!",
    "/usr/share/man/vim.1": "",
    "/usr/share/pkg/a.conf": "new\n",
    "/etc/pkg/own.conf": "own\n",
    "/srv/db/": "",
}
"""What the package has."""
TEMPLATES = """Template: pkg/kind
Type: select
Choices: local, hub
Default: local
Description: Which kind?
 A longer text.

Template: pkg/port
Type: string
Default:

Template: pkg/asked
Type: boolean
Default: false
"""
SETTINGS = ScriptSettings(
    host_name="box.example.org",
    debconf={"pkg/asked": "true"},
    users={"db": "/srv/db", "homeless": ""},
    groups=("db", "team"),
)
SOURCE = WrittenFiles(FILES, "pkg")


@pytest.mark.parametrize("session", list(sessions()), ids=str)
def test_a_session_goes_as_it_is_written_down(session: Session) -> None:
    assert replayed(session, FILES, SETTINGS, templates=TEMPLATES)[0] == session.text


ARGUMENTS = st.sampled_from(
    [
        "",
        "-",
        "--",
        "a",
        "-a",
        "-n",
        "-f",
        "-x",
        "--set",
        "--install",
        "--add",
        "x=1",
        "/etc/pkg/own.conf",
        "*",
        "[",
        "(",
    ]
)


@given(name=st.sampled_from(sorted(COMMANDS.keys() | BUILT_IN.keys())), arguments=st.lists(ARGUMENTS, max_size=4))
@settings(max_examples=100)
def test_any_arguments_of_any_command_are_followed_or_listed(name: str, arguments: list[str]) -> None:
    words = " ".join(f"'{one}'" for one in arguments)
    script = f"#!/bin/sh\necho a | {name} {words}\n"
    listed = read_scripts([PackageScripts("pkg", "1.0", {"postinst": script})], SOURCE, SETTINGS).unread
    assert {(one.package, one.script, one.line) for one in listed} <= {("pkg", "postinst", 2)}
    assert all(one.why for one in listed)
