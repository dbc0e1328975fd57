"""What dpkg may leave otherwise than was understood, and why each is right."""

from __future__ import annotations

import re

ALLOWED = {
    "what package tools keep for themselves; the image has no dpkg": (
        r"/var/lib/(dpkg|apt|ucf)/.*",
        r"/var/lib/(apt|ucf)",
        r"/var/cache/(apt|debconf)(/.*)?",
        r"/var/log/(apt(/.*)?|dpkg\.log|alternatives\.log|bootstrap\.log)",
        r"/var/lib/(pam|python)/.*",
        r"/var/lib/shells\.state",
        r"/var/lib/systemd/deb-systemd-(helper|user-helper)-(enabled|masked).*",
        r"/var/lib/apache2/.*/enabled_by_(admin|maint)(/.*)?",
        r"/etc/\.pwd\.lock",
        r"/etc/apt/.*",
    ),
    "of the machine on which mmdebstrap runs; an image has the spec's": (
        r"/etc/(machine-id|resolv\.conf|hostname)",
        r"/var/lib/dbus/machine-id",
    ),
    "secrets, made at the first start of each machine (first_starts, or the service itself)": (
        r"/etc/ssh/ssh_host_(rsa|ecdsa|ed25519)_key(\.pub)?",
        r"/etc/ssl/(certs|private)/ssl-cert-snakeoil\.(pem|key)",
        r"/etc/nsd/nsd_(server|control)\.(key|pem)",
    ),
    "made at the first start by the program itself, and a volume's content afterwards": (
        r"/var/lib/mysql(/.*)?",
        r"/etc/ldap/slapd\.d/.*",  # slapadd's, and what is below /var/lib/ldap
        r"/var/lib/ldap/.*",
        r"/etc/postgresql/[0-9]+(/.*)?",  # pg_createcluster's
    ),
    "made by system_accounts, with IDs chosen by name: their other fields are compared as accounts": (
        r"/etc/(passwd|group|shadow|gshadow)-?",
        r"/etc/sub[ug]id-?",
    ),
    "made over the merged tree, each compared with its real program in tests/bootstrap/triggers": (
        r"/etc/ld\.so\.cache",
        r"/etc/ssl/certs/.*",
        r"/etc/ca-certificates\.conf",
        r"/var/lib/ca-certificates-java/.*",
        r"/usr/lib/[^/]*/(gio/modules/giomodule\.cache|gdk-pixbuf-2\.0/2\.10\.0/loaders\.cache)",
        r"/usr/share/(mime|glib-2\.0/schemas)/.*",
    ),
    "written by the rooms that make /etc, from the spec": (
        r"/etc/pam\.d/common-(account|auth|password|session|session-noninteractive)",
        r"/etc/(shells|default/locale|locale\.conf|timezone)",
    ),
    "caches that programs make again or do without": (
        r"/var/cache/(ldconfig|man|fontconfig)/.*",
        r"/var/cache/postgresql(/.*)?",  # dictionaries, which pg_updatedicts makes of those of hunspell
        r"/var/log/(fontconfig\.log|proftpd/controls\.log)",
        r"/usr/lib/[^/]*/gconv/gconv-modules\.cache",
        r"/usr/share/icons/.*/icon-theme\.cache",
        r"/usr/(lib|share)/.*(__pycache__(/.*)?|\.pyc)",
        r"/usr/share/info/dir(\.old)?",
        r"/usr/share/fonts/X11/[^/]*/(encodings\.dir|fonts\.(alias|dir|scale))",  # of an X server
    ),
    "of systemd and of System V's init, in whose place the Shepherd is": (
        r"/etc/systemd/.*",
        r"/etc/rc[0-6S]\.d/.*",
        r"/etc/(fstab|mtab|vconsole\.conf)",
        r"/var/lib/systemd/(catalog|coredump)(/.*)?",
        r"/var/log/README",
        r"/var/lib/systemd/(ephemeral-trees|network|pstore)",
    ),
    "not part of a system at rest": (r"/(dev|proc|sys|run|tmp|boot|root)(/.*)?", r"/var/tmp/.*"),
}
"""Why → expressions of paths, or of accounts (``user NAME``, ``group NAME``). Each was looked at."""


def reason(path: str) -> str:
    """Why dpkg may leave something else at a path; empty if it may not."""
    return next(
        (why for why, expressions in ALLOWED.items() if any(re.fullmatch(one, path) for one in expressions)), ""
    )
