"""Specs that say everything between them, and their places.

`tests/spec/test_schema.py` sees to it that no key is missing: what is tried at every place of them is tried at each
new key too.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

from sysimage.characters import is_unicode
from sysimage.errors import SpecError
from sysimage.spec import SystemSpec, parse_spec
from sysimage.spec.json_text import pointer
from sysimage.spec.schema import opened, spec_schema

SCHEMA = spec_schema()

FULL: dict[str, Any] = {
    "$schema": "system.schema.json",
    "name": "team/web",
    "tags": ["1.0", "latest"],
    "architecture": "arm64",
    "packages": ["nginx", "python3=3.13.5-1"],
    "exclude": ["systemd"],
    "alternatives": {"awk": "mawk"},
    "debconf": {"postfix/main_mailer_type": "Local only"},
    "essential": True,
    "slim": True,
    "translations": ["de", "pt_BR"],
    "package-sources": [
        {"suites": ["trixie"], "components": ["main", "contrib"]},
        {"name": "vendor", "address": "https://packages.example.org", "suites": ["stable"], "key": "vendor.asc"},
    ],
    "store": {"kind": "nix", "directory": "/nix/store", "database": True, "uid": 1000, "gid": 100},
    "from-image": "base.tar",
    "services": {
        "web": {
            "command": ["nginx", "-g", "daemon off;"],
            "description": "The web server",
            "requires": ["app", "tables"],
            "user": "www-data",
            "group": "www-data",
            "environment": {"MODE": "x"},
            "working-directory": "/srv",
            "respawn": True,
            "log": "/var/log/web.log",
            "ready": {"tcp": 80, "address": "127.0.0.1", "timeout": 2.5},
            "stop-signal": "SIGQUIT",
            "stop-timeout": 10,
            "auto-start": True,
        },
        "app": {"command": ["app"], "ready": {"file": "/run/app.sock"}, "user": "app", "log": "none"},
        "tables": {"command": ["tables"], "one-shot": True},
        "sweep": {
            "command": ["sweep"],
            "timer": {"minutes": [0, 30], "hours": [3], "days-of-month": [1], "months": [12], "days-of-week": [0]},
        },
        "check": {"command": ["check"], "ready": {"command": ["true"]}},
    },
    "init": "shepherd",
    "enable": ["nginx", "postgresql@17-main", "logrotate.timer"],
    "units": {"nginx": {"Service": {"Restart": "always", "LimitNOFILE": 65536, "ExecStart": ["", "/usr/sbin/nginx"]}}},
    "users": {
        "app": {"uid": 500, "system": True, "groups": ["staff"], "home": "/srv/app", "password-hash": "!"},
        "ann": {"group": "users", "comment": "Ann", "shell": "/bin/bash"},
    },
    "groups": {"editors": {"gid": 2000, "members": ["ann"]}},
    "files": {"/etc/motd": {"text": "hello\n", "mode": "0644", "owner": "root", "group": "root"}},
    "python": {
        "lock": "pylock.toml",
        "interpreter": "python3",
        "source": "src",
        "wheels": "wheels",
        "extras": ["fast"],
        "groups": ["dev"],
    },
    "node": {
        "lock": "package-lock.json",
        "at": "/srv/web",
        "tarballs": "npm",
        "dev": True,
        "without-scripts": ["core-js"],
    },
    "java": {"jars": ["target/dependency"], "at": "/srv/web/lib"},
    "trees": {"/srv/shop": {"source": "dist", "exclude": ["*.pyc"], "owner": "app", "group": "app", "mode": "0640"}},
    "allow-secrets": ["/srv/shop/.env"],
    "directories": {"/srv/app": {"mode": "0750", "owner": "app", "group": "app"}},
    "symlinks": {"/srv/current": "app"},
    "privileged-programs": {"/usr/bin/ping": {"mode": "4755"}},
    "capabilities": {"/usr/bin/ping": "cap_net_raw+ep"},
    "host-name": "web",
    "time-zone": "Europe/Berlin",
    "locale": "de_DE.UTF-8",
    "environment": {"A_B": "c"},
    "labels": {"org.opencontainers.image.title": "Web"},
    "exposed-ports": ["80", "53/udp"],
    "volumes": ["/srv/data"],
    "working-directory": "/srv",
    "user": "root",
    "stop-signal": "SIGRTMIN+3",
    "health-check": {"command": ["true"], "interval": 10, "timeout": 1.5, "start-period": 0, "retries": 2},
    "entry-point": ["/usr/bin/env"],
    "command": ["web", ""],
    "max-layers": 50,
    "layer-groups": [{"patterns": ["python3*"]}, {"closure-of": ["nginx"], "dominated-by": ["app-*"]}],
    "compression": "zstd:19",
}
STORED: dict[str, Any] = {
    "architectures": ["amd64"],
    "name": "machine",
    "from-store": {
        "system": "result",
        "source": "/var/guix/db",
        "location": "/mnt/gnu/store",
        "system-kind": "guix",
        "check": True,
    },
}
CONTENTS = [{"path": "result"}, {"path": "result-2", "copy": True, "owner": "root", "group": "root", "mode": "0640"}]
PACKED: dict[str, Any] = {
    "name": "tool",
    "from-store": {"paths": ["result"], "links": {"/bin": "bin", "/app": "."}, "contents": CONTENTS},
}
BOOTING: dict[str, Any] = {key: value for key, value in FULL.items() if key not in ("entry-point", "command")}
"""With an init and services."""
PLAIN: dict[str, Any] = {
    key: value for key, value in FULL.items() if key not in ("init", "services", "enable", "units")
}
"""With a program of its own."""
SOUND = {"booting": BOOTING, "plain": PLAIN, "stored": STORED, "packed": PACKED}
"""Specs without fault."""

Place = tuple[Any, ...]
"""The keys and indices that lead to a value."""


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a value below its root."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for step, below in steps for place in [(*here, step), *places(below, (*here, step))]]


@dataclass(frozen=True)
class TextPlace:
    """A text of a spec: the value at a place, or a key that the spec's author chooses."""

    place: Place
    """Of the value; of the object whose key it is otherwise."""
    is_key: bool

    def pointer(self, text: str) -> str:
        """Where faults of the text are."""
        return pointer(*self.place, text) if self.is_key else pointer(*self.place)

    def say(self, spec: dict[str, Any], text: str) -> None:
        """Put the text there: as the value, or as the key of one more member."""
        if not self.is_key:
            at(spec, self.place[:-1])[self.place[-1]] = text
            return
        members = at(spec, self.place)
        one = members[next(iter(members))]
        unlike = ("uid", "gid", "home")  # what only one may have
        copied = {key: value for key, value in one.items() if key not in unlike} if isinstance(one, dict) else one
        members.setdefault(text, copied)

    def says(self, spec: dict[str, Any], text: str) -> bool:
        """Whether exactly this text is there."""
        return text in at(spec, self.place) if self.is_key else bool(at(spec, self.place) == text)


def text_places(spec: dict[str, Any]) -> list[TextPlace]:
    """All of them."""
    found = [TextPlace(place, False) for place in places(spec) if isinstance(at(spec, place), str)]
    return found + [TextPlace(place, True) for place in places(spec) if _is_a_map(place)]


def _is_a_map(place: Place) -> bool:
    """Whether the keys of the object at a place are the author's to choose."""
    schemas = [SCHEMA]
    for step in place:
        schemas = [below for schema in opened(SCHEMA, schemas) for below in _below(schema, step)]
    return any("propertyNames" in schema for schema in opened(SCHEMA, schemas))


def _below(schema: dict[str, Any], step: Any) -> list[Any]:
    if isinstance(step, int):
        return [schema["items"]] if "items" in schema else []
    below = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
    return [below] if isinstance(below, dict) else []


def at(spec: Any, place: Place) -> Any:
    """What is at a place."""
    for step in place:
        spec = spec[step]
    return spec


def said_everywhere(
    spec: dict[str, Any], text: str, wanted: list[TextPlace]
) -> tuple[dict[str, Any], SystemSpec, list[TextPlace]]:
    """The spec with a text at every place that takes it: as written, as read, and those places.

    An AssertionError if a text is refused without a fault at one of the places where it is.
    """
    left = list(wanted)
    while True:
        said = copy.deepcopy(spec)
        for one in left:
            one.say(said, text)
        try:
            return said, parse_spec(json.dumps(said)), left
        except SpecError as error:
            left = without_refused(left, text, error)


def without_refused(left: list[TextPlace], text: str, error: SpecError) -> list[TextPlace]:
    """The places that none of an error's issues is about."""
    told = {issue.where for issue in error.issues}
    refused = {one for one in left if any(_is_about(where, one, text) for where in told)}
    assert refused, (text[:80], str(error)[:2000])
    return [one for one in left if one not in refused]


def _is_about(where: str, one: TextPlace, text: str) -> bool:
    """An array goes as a whole; what is wrong with a key is wrong with what it leads to; a key that is not text has
    no pointer of its own."""
    here = one.pointer(text)
    above = pointer(*one.place[:-1]) if not one.is_key else pointer(*one.place)
    in_array = not one.is_key and isinstance(one.place[-1], int)
    return where == here or where.startswith(f"{here}/") or (where == above and (in_array or not is_unicode(text)))


HOSTILE = [
    "\n",
    "x\ny",
    "x\nroot2::0:0::/root:/bin/sh\n",
    "/srv\nevil:x:0:0::/root:/bin/sh",
    "x\r",
    "a\rb",
    "x\0y",
    "\0",
    "a:b",
    "/srv/a:b",
    "a,b",
    'a"b',
    "a'b",
    "'; touch /tmp/x; '",
    '") (quit) ("',
    "a\\",
    "a\\nb",
    "$(id)",
    "`id`",
    "${HOME}",
    "$HOME",
    "%h%n",
    "#|",
    "|#",
    "#;x",
    "a#b",
    "a;b",
    "a=b",
    "<script>&amp;</script>",
    "\x1b[31mred\x1b[0m",
    "\x7f",
    "\x9b31m",
    "a\u2028b",
    "a\u2029b",
    "a\u0085b",
    "a\vb",
    "a\fb",
    "a\x1cb",
    "\ud800",
    "a\udfffb",
    "\ufeffa",
    "\u202eabc\u202c",
    "\u200b",
    "é€😀",
    "",
    " ",
    " a",
    "a ",
    "\ta",
    "-a",
    "--help",
    "-",
    ".",
    "..",
    "../../etc/passwd",
    "/",
    "//etc",
    "/etc/.",
    "/etc/../etc",
    "/etc/",
    "/srv/ a ",
    "/srv/$(id)",
    '/srv/a"b',
    "/srv/a\\b",
    "/srv/a\nb",
    "/srv/a\u2028b",
    "/srv/é\u202e",
    "+::::::",
    "root",
    "~root",
    "*",
    "!",
    "null",
    "{x}",
    "{0}",
    "x" * 20_000,
    "/srv/" + "x" * 20_000,
]
"""Texts that have meant something else to some reader of some generated file."""
