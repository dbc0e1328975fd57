"""OpenLDAP's tools: the configuration and the first entry of a directory are made when the system first starts."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode

from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command
from sysimage_bootstrap.scripts.random_text import fill_command, runs

_CONFIGURATION = "cn=config"
_ADD = """
umask 077
text "$@" | slapadd -F "$a1" -b "$a2"
chown -R --reference="$a3" "$a3"
"""


@command("slappasswd")
def slappasswd(call: Call) -> int:
    """``-s PASSWORD`` prints its hash. What is random stays as it is: a server takes passwords that are not hashed."""
    options = call.options("s")
    options.only("s")
    password = options.value("s")
    if password is None:
        raise UnknownError("which password is meant")
    if not runs(password):
        salt = hashlib.sha256(f"slappasswd {password}".encode()).digest()[:8]  # the same image each time
        digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
        password = "{SSHA}" + b64encode(digest + salt).decode()
    call.print(f"{password}\n")
    return 0


@command("slapadd")
def slapadd(call: Call) -> int:
    options = call.options("Fbl")
    options.only("F", "b", "l")
    configuration, base, path = (options.value(name) for name in "Fbl")
    content = None if path is None else call.files.read(call.path(path))
    if configuration is None or base is None or content is None:
        raise UnknownError("what slapadd adds")
    if base == _CONFIGURATION:
        directory, creates = configuration, f"{configuration}/{_CONFIGURATION}.ldif"
    else:
        directory = _database(call)
        creates = f"{directory}/data.mdb"
    call.leave_to_first_start(fill_command(content.decode(), _ADD, configuration, base, directory), creates)
    return 0


def _database(call: Call) -> str:
    """Where the configuration that was added before keeps its entries."""
    for one in call.state.first_starts:
        found = re.search(r"^olcDbDirectory: (\S+)$", "\n".join(one.command), re.MULTILINE)
        if one.package == call.shell.script.package and found:
            return found[1]
    raise UnknownError("where slapd keeps its entries")
