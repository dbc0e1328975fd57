"""A root file system that is written down: what packages have, for scripts that are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sysimage_bootstrap.scripts.declarations import Declarations
from sysimage_bootstrap.scripts.read_scripts import PackageScripts, ScriptSettings, read_scripts
from sysimage_bootstrap.scripts.root_files import FileNode

TOPS = ("/bin", "/etc", "/tmp", "/usr", "/usr/bin", "/usr/sbin", "/usr/share", "/var", "/var/lib", "/var/log")


class WrittenFiles:
    """Path → content; a path that ends with a slash is a directory, a text that begins with ``->`` a symlink."""

    def __init__(self, files: Mapping[str, str], package: str = "") -> None:
        self._files, self._package = files, package
        self._nodes: dict[str, FileNode] = {path: FileNode.directory() for path in TOPS}
        for path, text in files.items():
            for above in _parents(path):
                self._nodes.setdefault(above, FileNode.directory())
            if path.endswith("/"):
                self._nodes[path.rstrip("/")] = FileNode.directory()
            elif text.startswith("->"):
                self._nodes[path] = FileNode.symlink(text[2:].strip())
            else:
                self._nodes[path] = FileNode.file(text.encode(), 0o755 if text.startswith("#!") else 0o644)

    def nodes(self) -> Mapping[str, FileNode]:
        """Everything that is there."""
        return self._nodes

    def node(self, path: str) -> FileNode | None:
        return self._nodes.get(path)

    def names(self, path: str) -> Iterable[str]:
        prefix = f"{path.rstrip('/')}/"
        return {one[len(prefix) :] for one in self._nodes if one.startswith(prefix) and "/" not in one[len(prefix) :]}

    def left_out(self, path: str) -> bool:
        return False

    def files_of(self, package: str) -> Iterable[str] | None:
        return [path.rstrip("/") for path in self._files] if package == self._package else None


def _parents(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[:end]) for end in range(1, len(parts))]


def read(
    postinst: str, files: Mapping[str, str] | None = None, settings: ScriptSettings | None = None, **more: str
) -> Declarations:
    """What a package's postinst, and ``more`` of its control files, come to."""
    control = {"postinst": f"#!/bin/sh\nset -e\n{postinst}", **more}
    scripts = [PackageScripts("pkg", "1.0", control)]
    return read_scripts(scripts, WrittenFiles(files or {}, "pkg"), settings or ScriptSettings())


def files_after(
    postinst: str, files: Mapping[str, str] | None = None, settings: ScriptSettings | None = None
) -> dict[str, str]:
    """Path → what a postinst leaves there: a file's text, ``-> target``, ``directory`` or ``gone``; it must be read
    whole."""
    said = read(postinst, files, settings)
    assert said.unread == ()
    return {path: _shown(node) for path, node in said.changes.items()}


def _shown(node: FileNode | None) -> str:
    if node is None:
        return "gone"
    if node.target is not None:
        return f"-> {node.target}"
    return node.content.decode() if isinstance(node.content, bytes) else "directory"
