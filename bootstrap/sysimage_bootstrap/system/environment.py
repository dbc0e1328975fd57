"""The environment of an image: what the init, every service and ``docker exec`` start from, and the files of /etc that
set it for logins."""

from __future__ import annotations

from collections.abc import Mapping

from sysimage.characters import is_line
from sysimage.spec.model import SystemSpec

PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Programs are looked up here, in this order."""
_LONGEST_LINE = 8000
"""Bytes: pam_env reads nothing at all of a file with a line of more than 8191."""
_PROFILE = """\
# The environment of the image, where nobody has set another.
{defaults}
if [ "$BASH" ] && [ "$BASH" != /bin/sh ]; then
  PS1='\\u@\\h:\\w\\$ '
  if [ -f /etc/bash.bashrc ]; then . /etc/bash.bashrc; fi
elif [ "$(id -u)" -eq 0 ]; then PS1='# '; else PS1='$ '; fi
for file in /etc/profile.d/*.sh; do
  if [ -r "$file" ]; then . "$file"; fi
done
unset file
"""


def image_environment(spec: SystemSpec) -> Mapping[str, str]:
    """Name → value: ours, with the spec's in their place or after them.

    Root may write to the store of a running container, and Python would; a variable forbids it. Byte code of
    everything in the store is there already.
    """
    ours = {"PATH": ":".join(PATH), "LANG": spec.locale, "PYTHONDONTWRITEBYTECODE": "1"}
    return {**ours, **dict(sorted(spec.environment.items()))}


def shell_profile(environment: Mapping[str, str]) -> bytes:
    """The text of /etc/profile, for login shells."""
    defaults = "\n".join(
        f'if [ -z "${{{name}+set}}" ]; then export {name}={_quoted(value)}; fi'
        for name, value in environment.items()
        if name != "PATH"
    )
    path = _quoted(environment.get("PATH", ""))
    return _PROFILE.format(defaults=f"export PATH={path}\n{defaults}").encode()


def pam_environment(environment: Mapping[str, str]) -> bytes:
    """The text of /etc/environment, which pam_env reads at each login. What its form cannot hold is left out, and a
    comment says so: half a value would be worse than none."""
    return "".join(_pam_line(name, value) for name, value in environment.items()).encode()


def _pam_line(name: str, value: str) -> str:
    # pam_env takes one pair of quotes away. Nothing keeps a "#" from beginning a comment, nor a line break from ending
    # the line; a backslash at its end would join the next line to it.
    blank = any(letter.isspace() for letter in value)
    line = f'{name}="{value}"' if blank or value[:1] in ('"', "'") or value[-1:] == "\\" else f"{name}={value}"
    if "#" in value or not is_line(value) or len(line.encode()) > _LONGEST_LINE:
        return f"# {name} has a value that this file cannot hold.\n"
    return f"{line}\n"


def _quoted(value: str) -> str:
    """For a POSIX shell."""
    return "'" + value.replace("'", "'\\''") + "'"
