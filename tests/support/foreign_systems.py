"""Systems that Guix and Nix built, with programs of Debian's: as their users bring them.

Packages of Guix and nixpkgs come only from their own servers. What makes a system of packages is in the tools, though:
``boot``, ``activate``, ``shepherd.conf``, ``/etc``, profiles. Here these are Guix's own work, kept in
``tests/foreign_systems/guix`` (``make guixtest`` has Guix build them again and compares), and Nix's, by an expression
that needs no nixpkgs. Where packages would be, there are links to items that sysimage made of Debian's.
"""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysimage.closure import Closure
from sysimage.process import find
from sysimage.store import StoreItem
from sysimage.store.database import registration_text
from sysimage.store.query import read_store
from tests.support.examples import ROOT, build_spec, default_cache
from tests.support.stores import store_path

KEPT = ROOT / "tests" / "foreign_systems"


@dataclass(frozen=True)
class ForeignSystem:
    """A system in a store, and how a spec names it."""

    path: str
    source: Path
    location: Path
    usr: str
    """What Debian's programs look for below /usr; programs of Guix and nixpkgs look for nothing there."""
    kind: str = "guix"

    def spec(self, **more: Any) -> dict[str, Any]:
        source = {"system": self.path, "source": str(self.source), "location": str(self.location)}
        links = {"symlinks": {"/usr": self.usr}}
        return {
            "name": "machine",
            "store": {"kind": self.kind},
            "from-store": source,
            "max-layers": 20,
            **links,
            **more,
        }


def debian_items(packages: Sequence[str], store: Path, top: Path, *, kind: str = "guix") -> Mapping[str, StoreItem]:
    """Items of packages and all they need, linked into the directory ``store``; by the packages' names."""
    spec = {"name": "parts", "packages": [*packages], "command": ["true"], "store": {"kind": kind}}
    (top / "parts.json").write_text(json.dumps(spec))
    build_spec(top / "parts.json", top / "parts.tar", "--compression", "none")
    store_dir = "/gnu/store" if kind == "guix" else "/nix/store"
    database = _database_of(top / "parts.tar", top / "parts.sqlite")
    found = read_store(database, store_dir=store_dir, location=Path(f"{default_cache()}/store{store_dir}"))
    (top / "parts.tar").unlink()
    store.mkdir(parents=True)
    items = [item for item in found.items if (item.location or store).joinpath("share/doc").is_dir()]
    items = [item for item in items if item.path.name != "profile"]
    places = [str(item.location) for item in items]
    if subprocess.run(["cp", "-al", *places, store], stderr=subprocess.DEVNULL).returncode != 0:
        subprocess.run(["cp", "-a", *places, store], check=True)  # another file system than the cache's
    named: dict[str, StoreItem] = {}
    for item in items:
        for name in sorted(place.name for place in Path(f"{item.location}/share/doc").iterdir()):
            if item.path.name.startswith(f"{name}-"):
                named[name] = item
    return named


def _database_of(archive: Path, place: Path) -> Path:
    """The store database in the topmost layer of an archive whose layers are not compressed."""
    with tarfile.open(archive) as outer:
        file = outer.extractfile(outer.getmembers()[-1])
        assert file is not None
        with tarfile.open(fileobj=file) as layer:
            (name,) = (name for name in layer.getnames() if name.endswith("/db/db.sqlite"))
            content = layer.extractfile(name)
            assert content is not None
            place.write_bytes(content.read())
    return place


def link_together(place: Path, items: Sequence[StoreItem], links: Mapping[str, str]) -> None:
    """Make an item of links into others, as Guix's (guix build union) does, which tests/guix/provide.scm uses."""
    place.mkdir()
    for item in items:
        for directory, below, files in os.walk(str(item.location)):
            inner = os.path.relpath(directory, str(item.location))
            (place / inner).mkdir(exist_ok=True)
            for name in [*files, *(name for name in below if Path(directory, name).is_symlink())]:
                if not os.path.lexists(place / inner / name):
                    (place / inner / name).symlink_to(os.path.normpath(f"{item.path}/{inner}/{name}"))
    for name, target in links.items():
        (place / name).symlink_to(target)


def guix_systems(top: Path) -> Mapping[str, ForeignSystem]:
    """What Guix 1.5 made of examples/guix/machine.scm: ``machine`` by the procedure beside it, ``plain`` without."""
    kept = KEPT / "guix"
    packages = dict(_words(line) for line in (kept / "packages").read_text().splitlines())
    store = top / "store"
    wanted = sorted({name for names in packages.values() for name in names})
    debian = debian_items(wanted, store, top)
    subprocess.run(["tar", "-C", store, "-xpf", kept / "items.tar.xz"], check=True)
    usr = store_path("usr")
    link_together(store / usr.base_name, [*debian.values()], {})
    for path, names in packages.items():
        links = next((links for start, links in _LINKS.items() if path[44:].startswith(start)), {})
        if "guile-3.0" in names:
            links = {**links, "usr": str(usr)}  # whatever else there is, is run by it
        link_together(store / path[11:], [debian[name] for name in names], links)
    systems = dict(line.split() for line in (kept / "systems").read_text().splitlines())
    return {name: ForeignSystem(path, store, store, str(usr)) for name, path in systems.items()}


_LINKS = {
    "bash-": {"bin/sh": "bash"},
    "guile-": {"bin/guile": "guile-3.0"},
    "linux-pam-": {"lib/security": "x86_64-linux-gnu/security"},
}
"""What Debian calls otherwise; the same as in provide.scm."""


def _words(line: str) -> tuple[str, list[str]]:
    path, *packages = line.split()
    return path, packages


def nixos_system(top: Path) -> ForeignSystem:
    """What Nix makes of tests/foreign_systems/nixos.nix in a store of its own, with Debian's systemd."""
    root = top / "root"
    items = debian_items(["systemd", "bash", "util-linux", "procps"], root / "nix/store", top, kind="nix")
    (top / "items.json").write_text(json.dumps({name: str(item.path) for name, item in sorted(items.items())}))
    (top / "nix.conf").write_text(
        "build-users-group =\nsubstitute = false\nsandbox = false\nsandbox-paths =\nmax-jobs = 1\n"
    )
    environment = {**os.environ, "HOME": str(top), "NIX_CONF_DIR": str(top)}
    store = ["--store", f"local?root={root}"]
    closure = Closure(items.values(), [item.path for item in items.values()])
    loading: list[str | Path] = [find("nix-store", package="nix-bin"), "--load-db", *store]
    subprocess.run(loading, input=registration_text(closure), env=environment, text=True, check=True)
    building: list[str | Path] = [
        find("nix-build", package="nix-bin"),
        KEPT / "nixos.nix",
        "--argstr",
        "items",
        top / "items.json",
    ]
    for _ in range(40):  # what was built stays
        done = subprocess.run([*building, "--no-out-link", *store], env=environment, capture_output=True, text=True)
        # Nix 2.8 as root, without users to build as, now and then kills a builder that has just begun.
        if done.returncode == 0 or "due to signal 9" not in done.stderr:
            break
    assert done.returncode == 0, done.stderr
    path = done.stdout.strip()
    usr = str(Path(f"{root}{path}/sw").readlink())
    return ForeignSystem(path, root / "nix/var/nix/db/db.sqlite", root / "nix/store", usr, "nix")
