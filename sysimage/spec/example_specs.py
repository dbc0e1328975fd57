"""Examples of every key of system.json: small whole specs, one for each key at the top, that can be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sysimage.spec.explanation import ITEM_STEP, NAME_STEP

_WEB = {"name": "web", "packages": ["nginx"]}
_COMMAND = ["nginx", "-g", "daemon off;"]
_STORE_ITEM = "/gnu/store/8hd1a0xv1k3v7h2z1cn0gm5s5qf1q8xk-hello-2.12.1"

EXAMPLES: tuple[Mapping[str, Any], ...] = (
    _WEB,
    {"$schema": "system.schema.json", **_WEB},
    {**_WEB, "tags": ["1.0", "latest"]},
    {**_WEB, "architecture": "arm64"},
    {**_WEB, "architectures": ["amd64", "arm64"]},
    {"name": "hello", "from-store": {"paths": [_STORE_ITEM], "links": {"/bin": "bin"}}, "command": ["/bin/hello"]},
    {"name": "guix", "from-store": {"system": "result", "system-kind": "guix", "source": "closure.json"}},
    {"name": "hello", "from-store": {"paths": [_STORE_ITEM], "location": "items", "check": True}},
    {
        "name": "hello",
        "from-store": {
            "contents": [
                {
                    "path": _STORE_ITEM,
                    "copy": True,
                    "owner": "root",
                    "group": "root",
                    "mode": "0755",
                    "capabilities": {"bin/hello": "cap_net_bind_service+ep"},
                }
            ]
        },
    },
    {**_WEB, "from-image": "base.tar"},
    {**_WEB, "exclude": ["perl"]},
    {**_WEB, "alternatives": {"awk": "mawk"}},
    {"name": "mail", "packages": ["postfix"], "debconf": {"postfix/main_mailer_type": "Local only"}},
    {**_WEB, "package-sources": {"suites": ["trixie", "trixie-security"], "components": ["main", "contrib"]}},
    {
        **_WEB,
        "package-sources": [
            {"suites": ["trixie"]},
            {
                "name": "vendor",
                "address": "https://packages.example.org/debian",
                "suites": ["trixie"],
                "key": "vendor.asc",
            },
        ],
    },
    {**_WEB, "package-sources": [{"suites": ["trixie"]}, {"file": "vendor.sources"}]},
    {
        "name": "shop",
        "packages": [],
        "python": {
            "lock": "pylock.toml",
            "interpreter": "python3",
            "source": "src",
            "wheels": "wheels",
            "extras": ["web"],
            "groups": ["production"],
        },
    },
    {
        "name": "shop",
        "packages": ["nodejs"],
        "node": {
            "lock": "package-lock.json",
            "at": "/srv/shop",
            "tarballs": "npm",
            "dev": True,
            "without-scripts": ["core-js"],
        },
    },
    {
        "name": "shop",
        "packages": ["default-jre-headless"],
        "java": {"jars": ["target/shop.jar", "target/dependency"], "at": "/srv/shop/lib"},
    },
    {"name": "tool", "packages": ["jq"], "essential": False, "entry-point": ["/usr/bin/jq"]},
    {**_WEB, "slim": False},
    {**_WEB, "translations": ["de", "pt_BR"]},
    {**_WEB, "store": {"kind": "nix", "directory": "/nix/store", "database": True, "uid": 0, "gid": 0}},
    {**_WEB, "services": {"web": {"command": _COMMAND, "ready": {"tcp": 80, "address": "127.0.0.1", "timeout": 30}}}},
    {**_WEB, "services": {"web": {"command": _COMMAND, "ready": {"file": "/run/nginx.pid"}}}},
    {
        "name": "web",
        "packages": ["nginx", "curl"],
        "services": {"web": {"command": _COMMAND, "ready": {"command": ["curl", "-f", "http://localhost/"]}}},
    },
    {
        "name": "shop",
        "packages": ["python3"],
        "users": {"shop": {"system": True}},
        "services": {
            "migrate": {"command": ["python3", "/srv/migrate.py"], "one-shot": True, "user": "shop", "group": "shop"},
            "shop": {
                "command": ["python3", "/srv/serve.py"],
                "description": "The shop",
                "requires": ["migrate"],
                "user": "shop",
                "environment": {"SHOP_MODE": "production"},
                "working-directory": "/srv",
                "log": "/var/log/shop.log",
                "respawn": True,
                "auto-start": True,
                "stop-signal": "SIGINT",
                "stop-timeout": 20,
            },
        },
    },
    {
        "name": "backup",
        "packages": ["rsync"],
        "services": {
            "backup": {"command": ["rsync", "-a", "/srv/", "/backup/"], "timer": {"hours": [3], "minutes": [30]}}
        },
    },
    {
        "name": "backup",
        "packages": ["rsync"],
        "services": {
            "backup": {
                "command": ["rsync", "-a", "/srv/", "/backup/"],
                "timer": {"months": [1, 7], "days-of-month": [1], "days-of-week": [0, 6], "hours": [3], "minutes": [0]},
            }
        },
    },
    {**_WEB, "enable": ["nginx"]},
    {**_WEB, "init": "systemd"},
    {**_WEB, "enable": ["nginx"], "units": {"nginx": {"Service": {"Restart": "always"}}}},
    {**_WEB, "users": {"ann": {"groups": ["adm"], "shell": "/bin/bash"}}},
    {
        **_WEB,
        "groups": {"shop": {"gid": 900}},
        "users": {
            "shop": {
                "uid": 900,
                "group": "shop",
                "comment": "The shop",
                "home": "/var/lib/shop",
                "system": True,
                "password-hash": "!",
            }
        },
    },
    {**_WEB, "users": {"ann": {}}, "groups": {"editors": {"gid": 1500, "members": ["ann"]}}},
    {**_WEB, "files": {"/etc/nginx/conf.d/shop.conf": {"source": "shop.conf"}}},
    {**_WEB, "files": {"/etc/motd": {"text": "Welcome\n", "mode": "0644", "owner": "root", "group": "root"}}},
    {**_WEB, "trees": {"/srv/www": {"source": "dist", "exclude": ["*.map"]}}},
    {**_WEB, "trees": {"/srv/www": {"source": "dist", "owner": "www-data", "group": "www-data", "mode": "0640"}}},
    {**_WEB, "allow-secrets": ["/srv/test-keys/*"]},
    {**_WEB, "directories": {"/var/lib/shop": {"mode": "0750", "owner": "www-data", "group": "www-data"}}},
    {**_WEB, "symlinks": {"/srv/current": "/srv/www"}},
    {
        "name": "net",
        "packages": ["iputils-ping"],
        "privileged-programs": {"/usr/bin/ping": {"mode": "4755", "owner": "root", "group": "root"}},
    },
    {"name": "net", "packages": ["iputils-ping"], "capabilities": {"/usr/bin/ping": "cap_net_raw+ep"}},
    {**_WEB, "host-name": "web"},
    {**_WEB, "time-zone": "Europe/Berlin"},
    {**_WEB, "locale": "de_DE.UTF-8"},
    {**_WEB, "environment": {"TZ": "UTC"}},
    {**_WEB, "labels": {"org.opencontainers.image.title": "web"}},
    {**_WEB, "exposed-ports": ["80", "53/udp"]},
    {**_WEB, "volumes": ["/var/lib/shop"]},
    {**_WEB, "working-directory": "/srv"},
    {"name": "tool", "packages": ["jq"], "user": "nobody", "entry-point": ["/usr/bin/jq"], "command": ["--help"]},
    {**_WEB, "stop-signal": "SIGTERM"},
    {
        "name": "web",
        "packages": ["nginx", "curl"],
        "health-check": {
            "command": ["curl", "-f", "http://localhost/"],
            "interval": 30,
            "timeout": 5,
            "start-period": 10,
            "retries": 3,
        },
    },
    {**_WEB, "max-layers": 60},
    {**_WEB, "layer-groups": [{"patterns": ["python3*"]}, {"closure-of": ["nginx"]}, {"dominated-by": ["shop*"]}]},
    {**_WEB, "compression": "zstd:19"},
    {"include": ["base.json"], "name": "web"},
    {
        "name": "web-${RELEASE}",
        "packages": ["nginx"],
        "arguments": {"RELEASE": {"default": "stable", "description": "Which release this is"}},
    },
    {**_WEB, "variants": {"debug": {"packages": ["strace"]}}},
)
"""For each key there is at least one that has it; the first one is shown."""


def example_of(path: tuple[str, ...]) -> Mapping[str, Any]:
    """The first example that has a key; of a place that a spec chooses (``services.NAME``) that of the key above."""
    return next(example for example in EXAMPLES if _has(example, path))


def _has(value: Any, path: tuple[str, ...]) -> bool:
    if not path:
        return True
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        return any(_has(one, rest if step == ITEM_STEP else path) for one in value)
    if step == ITEM_STEP:
        return _has(value, rest)  # of a key that takes one or several
    if not isinstance(value, dict):
        return False
    if step == NAME_STEP:
        return any(_has(one, rest) for one in value.values())
    return step in value and _has(value[step], rest)
