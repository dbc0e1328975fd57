"""Servers that print the settings they obey, which scripts look into."""

from __future__ import annotations

from collections.abc import Iterator

from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command

_HOST_KEYS = tuple(f"/etc/ssh/ssh_host_{kind}_key" for kind in ("rsa", "ecdsa", "ed25519"))
"""Those of a configuration that names none."""


@command("squid")
def squid(call: Call) -> int:
    """``squid -k parse`` prints each line of the configuration that it obeys."""
    if call.arguments != ["-k", "parse"]:
        raise UnknownError("what squid does")
    for line in _lines(call, "/etc/squid/squid.conf"):
        call.print(f"| Processing: {line}\n")
    return 0


@command("chronyd")
def chronyd(call: Call) -> int:
    """``chronyd -p`` prints each line that it obeys, those of the files in ``confdir`` too."""
    if call.arguments != ["-p"]:
        raise UnknownError("what chronyd does")
    for line in _lines(call, "/etc/chrony/chrony.conf"):
        word, _, directory = line.partition(" ")
        if word in ("include", "sourcedir"):
            continue  # servers of time; what is included is a file of the machine's own
        if word != "confdir":
            call.print(f"{line}\n")
            continue
        for name in call.files.names(directory.strip()):
            if name.endswith(".conf"):
                call.print("".join(f"{one}\n" for one in _lines(call, f"{directory.strip()}/{name}")))
    return 0


@command("sshd", "sshd.session-split")
def sshd(call: Call) -> int:
    """``sshd -G`` prints all options with their values; here, those that the configuration says, and its keys."""
    if call.arguments != ["-G"]:
        raise UnknownError("what sshd does")
    said = [line.split(None, 1) for line in _lines(call, "/etc/ssh/sshd_config")]
    call.print("".join(f"{words[0].lower()} {words[1]}\n" for words in said if len(words) > 1))
    if not any(words[0].lower() == "hostkey" for words in said):
        call.print("".join(f"hostkey {key}\n" for key in _HOST_KEYS))
    return 0


def _lines(call: Call, path: str) -> Iterator[str]:
    """The lines of a configuration that say something."""
    content = call.files.read(path)
    if content is None:
        raise UnknownError(f"what {path} says")
    for line in content.decode(errors="surrogateescape").splitlines():
        if line.strip() and not line.lstrip().startswith(("#", "!", "%")):
            yield line.strip()
