"""Lines of tmpfiles.d come to what systemd-tmpfiles itself makes of them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sysimage.rootfs.tree import Kind
from sysimage_bootstrap.scripts.read_scripts import ScriptSettings
from sysimage_bootstrap.scripts.root_files import FileNode
from tests.bootstrap.scripts.written_files import WrittenFiles, read

FILES = {
    "/usr/share/pkg/a.conf": "a\n",
    "/usr/share/pkg/more/b.conf": "b\n",
    "/usr/share/factory/etc/pkg/f.conf": "f\n",
    "/etc/kept": "mine\n",
    "/var/lib/pkg/x": "x\n",
    "/var/lib/pkg/sub/": "",
    "/var/log/": "",
}
LINES = [
    "d /var/log/pkg 0750 - -",
    "f /var/lib/pkg/tag 0600 - - - two\\x20words\\nand a line",
    "f /etc/kept 0644 - - - yours",
    "F /etc/kept 0640 - - - yours",
    "f+ /etc/kept - - - - yours",
    "L /etc/pkg.conf - - - - ../usr/share/pkg/a.conf",
    "L+ /etc/kept - - - - /usr/share/pkg/a.conf",
    "L? /etc/absent.conf - - - - /usr/share/pkg/absent",
    "L /etc/pkg/f.conf",
    "C /etc/pkg.d - - - - /usr/share/pkg",
    "C /etc/pkg/f.conf 0600",
    "C /etc/kept - - - - /usr/share/pkg/a.conf",
    "C /etc/none - - - - /usr/share/pkg/absent",
    "z /var/lib/pkg 0700",
    "Z /var/lib/pkg 0700",
    "z /var/lib/pk?/x 0640",
    'f "/var/lib/pkg/a b" 0644 - - - quoted %%',
    "x /var/lib/pkg/x\nr /var/lib/pkg/x\n# a comment\n",
    "f /run/pkg 0644",
]


def laid_out(top: Path) -> None:
    for path, text in FILES.items():
        file = top / path[1:]
        (file if path.endswith("/") else file.parent).mkdir(parents=True, exist_ok=True)
        if not path.endswith("/"):
            file.write_text(text)


def shown(path: Path) -> str:
    if path.is_symlink():
        return f"-> {os.readlink(path)}"  # noqa: PTH115
    return f"{path.stat().st_mode & 0o7777:o} {'directory' if path.is_dir() else path.read_text()}"


def tree(top: Path) -> dict[str, str]:
    return {f"/{path.relative_to(top)}": shown(path) for path in top.rglob("*")}


def understood(line: str) -> dict[str, FileNode | None]:
    files = FILES | {"/usr/lib/tmpfiles.d/pkg.conf": f"{line}\n"}
    said = read("systemd-tmpfiles --create pkg.conf", files)
    assert said.unread == ()
    return dict(said.changes)


@pytest.mark.programs
@pytest.mark.parametrize("line", LINES)
def test_a_line_makes_what_the_program_makes_of_it(line: str, tmp_path: Path) -> None:
    top = tmp_path / "root"
    laid_out(top)
    (tmp_path / "pkg.conf").write_text(f"{line}\n")
    before = tree(top)
    umask = os.umask(0o022)
    try:
        subprocess.run(["systemd-tmpfiles", f"--root={top}", "--create", tmp_path / "pkg.conf"], check=False)
    finally:
        os.umask(umask)
    after = tree(top)
    real = {path: text for path, text in after.items() if before.get(path) != text and not path.startswith("/run")}
    ours = {path: of_node(node) for path, node in understood(line).items() if node is not None}
    assert ours == real


def of_node(node: FileNode) -> str:
    if node.target is not None:
        return f"-> {node.target}"
    content = node.content.decode() if isinstance(node.content, bytes) else ""
    return f"{node.mode:o} {'directory' if node.kind is Kind.DIRECTORY else content}"


def test_what_is_copied_from_random_bytes_is_made_when_a_system_first_starts() -> None:
    files = {"/usr/lib/tmpfiles.d/pkg.conf": "C /etc/pkg/secret 600 - adm - /proc/sys/kernel/random/uuid\n"}
    said = read("systemd-tmpfiles --create pkg.conf", files)
    assert said.unread == ()
    node = said.changes["/etc/pkg/secret"]
    assert node is not None
    assert node.content is None
    (first,) = said.first_starts
    assert first.creates == "/etc/pkg/secret"
    assert first.command[-3:] == ("/usr/bin/cp", "/proc/sys/kernel/random/uuid", "/etc/pkg/secret")
    assert {"root:adm", "600"} <= set(first.command)


def test_what_only_the_machine_knows_is_listed_and_the_other_lines_count() -> None:
    files = {"/usr/lib/tmpfiles.d/pkg.conf": "f /etc/%m\nd /var/lib/pkg 0700 nobody adm\nf /etc/x - ghost\n"}
    said = read("systemd-tmpfiles --create pkg.conf || true", files, ScriptSettings())
    assert [one.why for one in said.unread] == ["what /etc/%m means on the machine"]
    node = said.changes["/var/lib/pkg"]
    assert node is not None
    assert (node.mode, node.owner, node.group) == (0o700, "nobody", "adm")
    assert "/etc/x" not in said.changes
    assert WrittenFiles(files).node("/etc/x") is None
