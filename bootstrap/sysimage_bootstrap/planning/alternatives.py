"""Which programs the names mean that several packages provide: for scripts whose interpreter has such a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.planning.union_tree import UnionTree, in_usr
from sysimage_bootstrap.scripts.alternatives import choose
from sysimage_bootstrap.scripts.declarations import Alternative
from sysimage_bootstrap.scripts.read_scripts import PackageScripts, ScriptSettings, read_scripts
from sysimage_bootstrap.scripts.root_files import FileNode

_COMMAND = "update-alternatives"


class _Paths:
    """The packages' files by name alone: what is in them is not known yet."""

    def __init__(self, namespace: UnionTree) -> None:
        self._namespace = namespace

    def node(self, path: str) -> FileNode | None:
        inside = in_usr(path)
        relative = path[1:] if inside is None else inside
        if self._namespace.has(relative):
            return FileNode.file(None, 0o755)
        return FileNode.directory() if self._namespace.has_directory(relative) else None

    def names(self, path: str) -> Iterable[str]:
        return ()

    def left_out(self, path: str) -> bool:
        return False

    def files_of(self, package: str) -> Iterable[str] | None:
        return None


def alternative_targets(
    inventories: Mapping[str, Inventory], namespace: UnionTree, architecture: str, chosen: Mapping[str, str]
) -> dict[str, str]:
    """Link → program, both relative to /usr; ``chosen`` are the user's choices, name → package."""
    scripts = [
        PackageScripts(name, inventory.version, {"postinst": inventory.maintainer_files["postinst"]})
        for name, inventory in sorted(inventories.items())
        if _COMMAND in inventory.maintainer_files.get("postinst", "")
    ]
    said = read_scripts(scripts, _Paths(namespace), ScriptSettings(architecture, alternatives=chosen))
    groups: dict[str, list[Alternative]] = {}
    for one in said.alternatives:
        groups.setdefault(one.master.name, []).append(one)
    targets: dict[str, str] = {}
    for candidates in groups.values():
        best = choose(candidates, chosen)
        for link in () if best is None else (best.master, *best.followers):
            name, program = in_usr(link.link), in_usr(link.path)
            if name is not None and program is not None and namespace.has(program):
                targets[name] = program
    return targets
