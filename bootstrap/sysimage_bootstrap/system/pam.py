"""The common part of PAM's configuration, which Debian's pam-auth-update generates when packages are configured."""

from __future__ import annotations

from collections.abc import Mapping

_FALLBACK = "{kind}\trequisite\tpam_deny.so\n{kind}\trequired\tpam_permit.so\n"
"""Reached only when no module before it has granted; the second line makes the stack's result a success otherwise."""
_SESSION = "session\trequired\tpam_permit.so\nsession\toptional\tpam_umask.so\nsession\trequired\tpam_unix.so\n"

COMMON: Mapping[str, str] = {
    "common-auth": "auth\t[success=1 default=ignore]\tpam_unix.so nullok\n" + _FALLBACK.format(kind="auth"),
    "common-account": "account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so\n"
    + _FALLBACK.format(kind="account"),
    "common-password": "password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt\n"
    + _FALLBACK.format(kind="password"),
    "common-session": _SESSION,
    "common-session-noninteractive": _SESSION,
}
"""File in /etc/pam.d → text: the result of Debian's defaults with the profiles of a fresh system (unix alone)."""


def pam_files() -> dict[str, bytes]:
    """Path in /etc → content."""
    return {f"pam.d/{name}": text.encode() for name, text in COMMON.items()}
