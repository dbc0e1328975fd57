"""Postfix's ``postconf``, and what its ``config`` script, which is a program in Perl, asks and answers."""

from __future__ import annotations

import re
from dataclasses import replace

from sysimage_bootstrap.scripts.command_calls import Call, SystemState, UnknownError, command
from sysimage_bootstrap.scripts.root_files import FileNode

_MAIN = "/etc/postfix/main.cf"
_DEFAULTS = {
    "alias_database": "hash:/etc/aliases",
    "alias_maps": "hash:/etc/aliases",
    "config_directory": "/etc/postfix",
    "default_transport": "smtp",
    "inet_interfaces": "all",
    "inet_protocols": "all",
    "mail_owner": "postfix",
    "multi_instance_directories": "",
    "queue_directory": "/var/spool/postfix",
    "relay_transport": "relay",
    "setgid_group": "postdrop",
}
"""Parameters that scripts ask for (postconf(5))."""


@command("postconf")
def postconf(call: Call) -> int:
    options = call.options("cC", frozenset())
    options.only(*"ehxncd")
    content = call.files.read(_MAIN)
    if content is None:
        raise UnknownError(f"what {_MAIN} holds")
    text = content.decode(errors="surrogateescape")
    if options.has("e"):
        for word in options.operands:
            name, _, value = word.partition("=")
            text = _with_value(text, name.strip(), value.strip())
        node = call.files.node(_MAIN)
        made = text.encode(errors="surrogateescape")
        call.files.put(_MAIN, FileNode.file(made) if node is None else replace(node, content=made), follow=True)
        return 0
    for name in options.operands:
        found = re.findall(rf"^{re.escape(name)}\s*=\s*(.*)$", text, re.MULTILINE)
        known: str | None = found[-1] if found else _DEFAULTS.get(name)
        if known is None or "$" in known:
            raise UnknownError(f"which {name} postfix has by default")
        call.print(f"{known}\n" if options.has("h") else f"{name} = {known}\n")
    return 0


def _with_value(text: str, name: str, value: str) -> str:
    """The text of main.cf with a parameter in the place where it was, or at the end."""
    line = f"{name} = {value}".rstrip() if value else f"{name} = "
    pattern = re.compile(rf"^{re.escape(name)}\s*=.*(?:\n[ \t]+\S.*)*$", re.MULTILINE)
    changed, count = pattern.subn(lambda _: line, text, count=1)
    return changed if count else f"{text}{line}\n"


@command("newaliases")
def newaliases(call: Call) -> int:
    """Its index is of a database library: the image's own program makes it when the system starts."""
    call.leave_to_first_start(("/usr/bin/newaliases",), "/etc/aliases.db")
    return 0


def answer_questions(state: SystemState) -> None:
    """What Postfix's config answers where no user is asked."""
    host = state.host_name or "localhost"
    host = host if "." in host else f"{host}.localdomain"
    domain = host.partition(".")[2]
    answers = {"postfix/mailname": host, "postfix/protocols": "all"}
    name = state.debconf.get("postfix/mailname", host)
    kind = state.debconf.get("postfix/main_mailer_type", "Internet Site")
    if kind in ("Internet with smarthost", "Satellite system"):
        answers["postfix/relayhost"] = f"smtp.{domain}"
    local = f"localhost.{domain}, localhost"
    if kind == "Internet Site":
        own = ("$myhostname", name, local) if name == host else ("$myhostname", name, host, local)
    else:
        own = ("$myhostname", host, local) if host.endswith(name) else (name, "$myhostname", host, local)
    answers["postfix/destinations"] = ", ".join(own)
    for question, answer in answers.items():
        state.debconf.setdefault(question, answer)
