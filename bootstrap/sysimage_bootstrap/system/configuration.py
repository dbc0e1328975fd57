"""The effects of the maintainer scripts of a system's packages, and the entries of the image that follow from them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sysimage.errors import Issue, SpecError
from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.tree import Entry, Kind
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec
from sysimage.suggestions import closest
from sysimage_bootstrap.scripts.commands.debconf import parse_templates
from sysimage_bootstrap.scripts.declarations import Declarations
from sysimage_bootstrap.scripts.read_scripts import PackageScripts, ScriptSettings, read_scripts
from sysimage_bootstrap.scripts.root_files import FileNode
from sysimage_bootstrap.system.etc import PLAIN
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.system.owners import group_id, user_id
from sysimage_bootstrap.system.package_files import PackageFiles
from sysimage_bootstrap.system.package_roots import PACKAGE_MANAGER

_NEVER = re.compile(r"/(dev|proc|sys|tmp|run/systemd)(/.*)?")


def configure(
    spec: SystemSpec, packages: Sequence[Installed], users: Mapping[str, str], groups: Collection[str], store_dir: str
) -> Declarations:
    """Read the scripts of ``packages``, which come in the order in which dpkg would configure them.

    ``users`` (name → home) and ``groups`` are there before. A `SpecError` names every answer to a question that no
    package asks.
    """
    scripts = [
        PackageScripts(package.name, package.facts.version, package.facts.maintainer_files) for package in packages
    ]
    _require_questions(spec, scripts)
    settings = ScriptSettings(spec.architecture, spec.host_name, spec.debconf, spec.alternatives, users, groups)
    return read_scripts(scripts, PackageFiles(sorted(packages, key=lambda one: one.name), store_dir), settings)


def _require_questions(spec: SystemSpec, scripts: Iterable[PackageScripts]) -> None:
    asked = {question for one in scripts for question in parse_templates(one.files.get("templates", ""))}
    issues = [
        Issue(
            pointer("debconf", question),
            f"no package of the image asks {question!r}",
            suggestion=closest(question, asked, cutoff=0.7),
        )
        for question in spec.debconf
        if question not in asked
    ]
    if issues:
        raise SpecError(
            "cannot answer the questions of packages", hint="`debconf-show` lists those of a package", issues=issues
        )


@dataclass(frozen=True, slots=True)
class ConfiguredEntries:
    """The changes that scripts make, by where they get into the image."""

    etc_files: dict[str, bytes] = field(default_factory=dict)
    """Path in /etc → content of the files that every user may read: they are part of the item of /etc."""
    etc_links: dict[str, str] = field(default_factory=dict)
    """Path in /etc → what the symlink says."""
    usr: tuple[Entry, ...] = ()
    """Over what the items have below /usr."""
    others: tuple[Entry, ...] = ()
    """Everything else: in /var, and in /etc what has an owner or a mode of its own."""


def configured_entries(declarations: Declarations, accounts: Accounts, without: Collection[str]) -> ConfiguredEntries:
    """The entries for all changes ``without`` some names at the top of /etc; what only a package manager reads is left
    out."""
    etc_files: dict[str, bytes] = {}
    etc_links: dict[str, str] = {}
    usr: list[Entry] = []
    others: list[Entry] = []
    for path, node in declarations.changes.items():
        if node is None or PACKAGE_MANAGER.fullmatch(path) or _NEVER.fullmatch(path):
            continue
        if node.kind is Kind.FILE and node.content is None:
            continue  # what would be in it is not known, and the line is listed
        if path.startswith("/usr/"):
            usr.append(_entry(path, node, accounts, declarations.makers[path]))
            continue
        if path.startswith("/etc/") and (relative := path[len("/etc/") :]).split("/")[0] in without:
            continue
        if path.startswith("/etc/") and node.target is not None:
            etc_links[relative] = node.target
        elif path.startswith("/etc/") and _is_plain(relative, node):
            etc_files[relative] = node.content if isinstance(node.content, bytes) else node.content.read_bytes()  # type: ignore[union-attr]
        else:
            others.append(_entry(path, node, accounts, declarations.makers[path]))
    return ConfiguredEntries(etc_files, etc_links, tuple(usr), tuple(others))


def _is_plain(relative: str, node: FileNode) -> bool:
    """Whether a file in /etc can be one of the item."""
    usual = (node.kind, node.mode, node.owner, node.group) == (Kind.FILE, 0o644, "root", "root")
    return usual and relative not in PLAIN


def _entry(path: str, node: FileNode, accounts: Accounts, package: str) -> Entry:
    uid, gid = user_id(accounts, node.owner), group_id(accounts, node.group)
    owner = f"the scripts of {package}"
    if node.target is not None:
        return Entry.symlink(path, node.target, uid, gid, owner=owner)
    if node.kind is Kind.DIRECTORY:
        return Entry.directory(path, node.mode, uid, gid, owner)
    return Entry.file(path, node.content or b"", node.mode, uid, gid, owner)
