"""Where commands read and print: files, pipes, here-documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sysimage_bootstrap.scripts.command_calls import CommandInput, CommandOutput, UnknownError
from sysimage_bootstrap.scripts.expansion import text_of
from sysimage_bootstrap.scripts.root_files import FileNode
from sysimage_bootstrap.scripts.shell_syntax import HereDocument, Redirect, Simple

if TYPE_CHECKING:
    from sysimage_bootstrap.scripts.shell import Shell


def open_redirects(
    shell: Shell, line: int, redirects: Iterable[Redirect | HereDocument], stdin: CommandInput, out: CommandOutput
) -> tuple[CommandInput, CommandOutput, Callable[[], None]] | None:
    """Where a command reads and prints, and what is to be done when it has ended; None if that is not known."""
    into, path, appends = out, "", False
    try:
        for redirect in redirects:
            text = text_of(shell, redirect.word)
            if redirect.operator == "<<":
                stdin = CommandInput(text)
            elif redirect.operator == "<":
                stdin = CommandInput(_text_in(shell, text))
            elif redirect.operator in (">&", "<&"):
                if redirect.descriptor == 1 and text in ("2", "3", "-"):
                    into, path = CommandOutput(), ""
            elif redirect.descriptor == 1 or redirect.operator == "&>":
                into, path, appends = CommandOutput(), shell.absolute(text), redirect.operator == ">>"
    except UnknownError as unknown:
        shell.note(line, str(unknown))
        return None

    def close() -> None:
        if path and not path.startswith("/dev/"):
            write_output(shell, path, into, appends=appends, line=line)

    return stdin, into, close


def _text_in(shell: Shell, path: str) -> str | None:
    """What a command reads out of a file; None where that is not known."""
    device = shell.state.random.read(path)
    if device is not None:
        return device
    content = shell.state.files.read(shell.absolute(path))
    return None if content is None else content.decode(errors="surrogateescape")


def write_output(shell: Shell, path: str, out: CommandOutput, *, appends: bool, line: int) -> None:
    """Write what was printed into a file."""
    old = shell.state.files.node(path)
    content = None if out.unknown else "".join(out.parts).encode(errors="surrogateescape")
    if content is None:
        shell.note(line, out.unknown)
    if appends and old is not None:
        before = shell.state.files.read(path)
        content = None if before is None or content is None else before + content
    mode = old.mode if old is not None else 0o666 & ~shell.umask
    node = FileNode.file(content, mode)
    if old is not None:
        node = FileNode(node.kind, mode, old.owner, old.group, content)
    shell.state.files.put(path, node, follow=True)


def note_unknown_content(shell: Shell, command: Simple, why: str) -> None:
    """A file is written, and what gets into it is not known."""
    shell.note(command.line, why)
    for redirect in command.redirects:
        if redirect.operator in (">", ">>", ">|"):
            path = shell.absolute(text_of(shell, redirect.word))
            shell.state.files.put(path, FileNode.file(None, 0o666 & ~shell.umask), follow=True)
