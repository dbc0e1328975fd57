"""Runs a script in a real shell and follows it as maintainer scripts are followed, to compare what both come to."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from sysimage.rootfs.tree import Kind
from sysimage_bootstrap.scripts.read_scripts import PackageScripts, ScriptSettings, read_scripts
from sysimage_bootstrap.scripts.root_files import FileNode
from tests.bootstrap.scripts.written_files import WrittenFiles

HERE = "/etc/here"
"""The directory in which scripts are followed."""

STAYS = "stays, since it is a package's"
"""How the reason ends for a file that a script takes away: here all are the package's."""


def really(script: str, files: Mapping[str, str], top: Path, shell: str) -> tuple[str, dict[str, str]]:
    """What a shell prints, with the status at the end, and what is below ``top`` afterwards; ``files`` are laid out
    there before."""
    for name, text in files.items():
        path = top / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if text.startswith("->"):
            path.symlink_to(text[2:].strip())
        elif not name.endswith("/"):
            path.write_bytes(text.encode())
            path.chmod(0o755 if text.startswith("#!") else 0o644)
    line = f'umask 022; cd {top}\n{script}\necho "status $?"'
    environment = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "HOME": "/root"}
    done = subprocess.run([shell, "-c", line, "sh", "configure", ""], capture_output=True, env=environment, check=False)
    tree = {str(path.relative_to(top)): _shown(path) for path in top.rglob("*")}
    return done.stdout.decode(errors="surrogateescape").replace(str(top), HERE), tree


def _shown(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    mode = f"{path.stat().st_mode & 0o7777:o}"
    return f"{mode} directory" if path.is_dir() else f"{mode} {path.read_text(errors='surrogateescape')}"


def followed(script: str, files: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The same of what is followed; it must be read whole."""
    source = WrittenFiles({f"{HERE}/": "", **{f"{HERE}/{name}": text for name, text in files.items()}})
    text = f'#!/bin/sh\ncd {HERE}\n{{ {script}\necho "status $?"\n}} > /etc/printed\n'
    said = read_scripts([PackageScripts("pkg", "1.0", {"postinst": text})], source, ScriptSettings())
    assert [line for line in said.unread if not line.why.endswith(STAYS)] == []
    nodes = {**source.nodes(), **said.changes}
    printed = nodes["/etc/printed"]
    assert printed is not None
    assert isinstance(printed.content, bytes)
    tree = {
        path.removeprefix(f"{HERE}/"): _node(node)
        for path, node in nodes.items()
        if node is not None and path.startswith(f"{HERE}/")
    }
    return printed.content.decode(errors="surrogateescape"), tree


def _node(node: FileNode) -> str:
    if node.target is not None:
        return f"-> {node.target}"
    if node.kind is Kind.DIRECTORY:
        return f"{node.mode:o} directory"
    assert isinstance(node.content, bytes)
    return f"{node.mode:o} {node.content.decode(errors='surrogateescape')}"
