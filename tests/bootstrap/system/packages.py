"""A handful of packages that were never published: just enough of Debian to make a whole system of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sysimage.spec.model import SystemSpec
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.debs.inventory import Attributes, PackageFacts
from sysimage_bootstrap.store import BuiltItem, ItemStore, Recipe
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.system.usr_files import usr_files

PASSWD = (
    "root:*:0:0:root:/root:/bin/bash\nwww-data:*:33:33:www-data:/var/www:/usr/sbin/nologin\n"
    "nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
)
GROUP = "root:*:0:\nwww-data:*:33:\nshadow:*:42:\nutmp:*:43:\nnogroup:*:65534:\n"

FILES: Mapping[str, Mapping[str, str]] = {
    "base-files": {
        "etc/debian_version": "13\n",
        "lib/os-release": "ID=debian\n",
        "share/base-files/dot.profile": "umask 022\n",
        "var/local/": "",
        "var/lib/dpkg/status": "",
    },
    "base-passwd": {"share/base-passwd/passwd.master": PASSWD, "share/base-passwd/group.master": GROUP},
    "bash": {"bin/bash": "#!bash", "etc/skel/.bashrc": "# yours\n"},
    "ca-certificates": {
        "share/ca-certificates/mozilla/B.crt": "B\n",
        "share/ca-certificates/mozilla/A.crt": "A",
    },
    "coreutils": {"bin/readlink": "#!", "bin/ln": "#!", "bin/env": "#!"},
    "dash": {"bin/dash": "#!", "bin/sh": "-> dash"},
    "daemon": {
        "sbin/daemon": "#!",
        "etc/daemon/daemon.conf": "port 1\n",
        "etc/init.d/daemon": "#!",
        "lib/sysusers.d/daemon.conf": "u daemond - 'A daemon' /var/lib/daemon\ng readers 555\nm daemond readers\n",
        "lib/systemd/system/daemon.service": "[Service]\nUser=daemond\nRuntimeDirectory=daemon\n",
        "lib/tmpfiles.d/daemon.conf": "d /var/run/spool 0750 spooler spooler -\nd /run/%u - - -\nf /run/file - - -\n",
        "share/daemon/page": "hello\n",
        "var/lib/daemon/latest": "-> pages/1",
        "var/lib/daemon/pages/1": "-> ../../../../share/daemon/page",
        "var/lib/daemon/settings": "-> ../../../etc/daemon",
        "var/log/daemon/": "",
    },
    "guile-3.0": {"bin/guile-3.0": "#!"},
    "libpam-runtime": {"etc/pam.conf": "#\n", "etc/pam.d/other": "@include common-auth\n"},
    "mawk": {"bin/mawk": "#!", "share/doc/mawk/copyright": "(c)\n"},
    "passwd": {"bin/su": "#!su", "bin/chage": "#!chage"},
    "shepherd": {"bin/shepherd": "#!", "bin/herd": "#!"},
    "tzdata": {"share/zoneinfo/UTC": "TZif", "share/zoneinfo/Europe/Berlin": "TZif2"},
}
ATTRIBUTES: Mapping[str, Mapping[str, Attributes]] = {
    "base-files": {"var/local": Attributes(0o2775, "root", "shadow", directory=True)},
    "daemon": {
        "etc/daemon/secret": Attributes(0o640, "root", "shadow", directory=False),
        "var/log/daemon": Attributes(0o750, "www-data", "root", directory=True),
    },
    "passwd": {
        "bin/su": Attributes(0o4755, "root", "root", directory=False),
        "bin/chage": Attributes(0o2755, "root", "shadow", directory=False),
    },
}


SCRIPTS: Mapping[str, str] = {
    "guile-3.0": "update-alternatives --install /usr/bin/guile guile /usr/bin/guile-3.0 300\n",
    "mawk": "update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5 \\\n"
    "  --slave /usr/bin/nawk nawk /usr/bin/mawk\n",
}
"""Package → its postinst, without the first line."""


def make_programs(spec: SystemSpec, store: ItemStore) -> StoreItem | None:
    """What stands for the compiled programs of the init, in a system that has one."""
    if not spec.has_init:
        return None
    return store.realise(Recipe("init-programs", "test", (), {}), lambda top: top.mkdir())


def put(top: Path, files: Mapping[str, str]) -> None:
    """Write files: a text that begins with ``#!`` is a program, one with ``->`` a link; a path that ends with a slash
    is an empty directory."""
    top.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        place = top / path
        (place if path.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
        if text.startswith("->"):
            place.symlink_to(text[3:])
        elif not path.endswith("/"):
            place.write_text(text)
            place.chmod(0o755 if text.startswith("#!") else 0o644)


def installed(top: Path, name: str, files: Mapping[str, str], **facts: Any) -> Installed:
    """A package of some files, unpacked in a directory of its name below ``top``."""
    put(top / name, files)
    found = replace(PackageFacts(name, "1", "amd64", {}, ()), **facts)
    path = StorePath.parse(f"/gnu/store/{'0' * 32}-{name}-1")
    return Installed(name, path, top / name, found, usr_files(found))


def make_packages(
    store: ItemStore,
    more: Mapping[str, Mapping[str, str]] | None = None,
    scripts: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[dict[str, StoreItem], dict[str, PackageFacts]]:
    """Items and facts by name, of files as for `put`. ``scripts`` are the maintainer scripts of more packages, by name
    of package and file."""
    items, facts = {}, {}
    for name, files in {**FILES, **(more or {})}.items():
        recipe = Recipe(f"{name}-1", "test", (), {"files": dict(files)})

        def build(top: Path, files: Mapping[str, str] = files) -> BuiltItem:
            put(top, files)
            return BuiltItem()

        items[name] = store.realise(recipe, build)
        own = {"postinst": f"#!/bin/sh\nset -e\n{SCRIPTS[name]}"} if name in SCRIPTS else {}
        own = {**own, **(scripts or {}).get(name, {})}
        facts[name] = PackageFacts(name, "1", "amd64", ATTRIBUTES.get(name, {}), (), maintainer_files=own)
    return items, facts
