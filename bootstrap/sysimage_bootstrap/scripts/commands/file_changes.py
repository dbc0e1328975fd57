"""Commands that change files, their modes and their owners."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace

from sysimage.rootfs.tree import Kind
from sysimage.spec.base_accounts import BASE_GROUPS, BASE_USERS
from sysimage_bootstrap.scripts.command_calls import ID_OF, Call, Options, UnknownError, command, new_mode
from sysimage_bootstrap.scripts.root_files import FileNode


def _all(call: Call, operands: list[str], *, recursive: bool) -> tuple[list[str], int]:
    """The paths that are meant, and 1 if any is not there."""
    found, status = [], 0
    for operand in operands:
        path = call.path(operand)
        if call.files.node(path, follow=False) is None:
            status = 1
        elif recursive:
            found += call.files.below(call.files.real(path))
        else:
            found.append(path)
    return found, status


@command("chmod")
def chmod(call: Call) -> int:
    flags = [
        word for word in call.arguments if word.startswith("--") or (word[:1] == "-" and set(word[1:]) <= set("Rfvc"))
    ]
    words = [word for word in call.arguments if word not in flags]
    recursive = any(
        word == "--recursive" or "R" in word for word in flags if not word.startswith("--") or word == "--recursive"
    )
    reference = next((word.partition("=")[2] for word in flags if word.startswith("--reference=")), None)
    like = None if reference is None else call.files.node(call.path(reference))
    if reference is not None and like is None:
        return 1
    mode = "" if reference is not None else words.pop(0)
    paths, status = _all(call, words, recursive=recursive)
    for path in paths:
        node = call.files.node(path, follow=not recursive)
        if node is None or node.kind is Kind.SYMLINK:
            status = status if recursive else 1
            continue
        wanted = new_mode(mode, node.mode, directory=node.kind is Kind.DIRECTORY) if like is None else like.mode
        call.files.change(path, mode=wanted)
    return status


@command("chown", "chgrp")
def chown(call: Call) -> int:
    options = call.options("", frozenset({"from", "reference"}))
    options.only(*"RhfvcHP", "recursive", "no-dereference", "reference", "from")
    words = list(options.operands)
    reference = options.value("reference")
    if reference is not None:
        like = call.files.node(call.path(reference))
        if like is None:
            return 1
        owner, group = like.owner, like.group
    elif call.name == "chgrp":
        owner, group = "", words.pop(0)
    else:
        owner, colon, group = words.pop(0).replace(".", ":", 1).partition(":")
        if colon and not group:
            group = _login_group(call, owner)
    owner, group = name_of(owner, BASE_USERS), name_of(group, BASE_GROUPS)
    unknown = [name for name in (owner,) if name and not _is_user(call, name)]
    unknown += [name for name in (group,) if name and not _is_group(call, name)]
    if unknown and call.shell.conditions:
        return 1  # the script asks whether there is such an account
    if unknown:
        raise UnknownError(f"which account {unknown[0]} is")
    paths, status = _all(call, words, recursive=options.has("R", "recursive"))
    former = options.value("from")
    for path in paths:
        follow = not options.has("R", "recursive", "h", "no-dereference")
        node = call.files.node(path, follow=follow)
        if node is None or (former and not _matches(node, former)):
            continue
        # The kernel takes set-ID bits away from a file that changes hands.
        mode = node.mode & ~0o6000 if node.kind is Kind.FILE else node.mode
        call.files.change(path, follow=follow, owner=owner or node.owner, group=group or node.group, mode=mode)
    return status


def _matches(node: FileNode, former: str) -> bool:
    owner, _, group = former.partition(":")
    return (not owner or node.owner == owner) and (not group or node.group == group)


def name_of(text: str, base: Mapping[str, int]) -> str:
    """The account name for the ID of an account; any other text unchanged."""
    if text.startswith(ID_OF):
        return text.removeprefix(ID_OF)
    names = {str(number): name for name, number in base.items()}
    return names.get(text, text)


def _is_user(call: Call, name: str) -> bool:
    return name.isdecimal() or name in call.state.known_users


def _login_group(call: Call, user: str) -> str:
    """The primary group of a user."""
    made = call.state.users.get(user)
    return (made.group or user) if made is not None else "nogroup" if user == "nobody" else user


def _is_group(call: Call, name: str) -> bool:
    return name.isdecimal() or name in call.state.known_groups


@command("mkdir")
def mkdir(call: Call) -> int:
    options = call.options("m", frozenset({"mode"}))
    options.only("p", "m", "v", "Z", "mode", "parents")
    usual = 0o777 & ~call.shell.umask
    said = options.value("m", "mode")
    status = 0
    for operand in options.operands:
        path = call.path(operand)
        if call.files.node(path) is not None:
            status = status if options.has("p", "parents") else 1
            continue
        if options.has("p", "parents"):
            call.files.make_directories(posixpath.dirname(path.rstrip("/")), usual)
        elif call.files.node(posixpath.dirname(path.rstrip("/"))) is None:
            status = 1
            continue
        call.files.put(
            path.rstrip("/"), FileNode.directory(usual if said is None else new_mode(said, usual, directory=True))
        )
    return status


@command("rmdir")
def rmdir(call: Call) -> int:
    options = call.options()
    status = 0
    for operand in options.operands:
        rest = operand.rstrip("/")
        while rest:
            path = call.path(rest)
            is_directory = call.files.is_directory(path, follow=False)
            if not is_directory or call.files.names(path):
                status = status if is_directory and options.has("ignore-fail-on-non-empty") else 1
                break
            call.files.put(path, None)
            rest = posixpath.dirname(rest) if options.has("p", "parents") else ""
    return status


@command("rm", "unlink")
def rm(call: Call) -> int:
    options = call.options()
    options.only(*"rRfv", "recursive", "force")
    status = 0
    for operand in options.operands:
        path = call.path(operand)
        node = call.files.node(path, follow=False)
        if node is None or (node.kind is Kind.DIRECTORY and not options.has("r", "R", "recursive")):
            status = status if node is None and options.has("f", "force") else 1
            continue
        call.files.remove(path)
    return status


@command("touch")
def touch(call: Call) -> int:
    options = call.options("rdt", frozenset({"reference", "date"}))
    status = 0
    for operand in options.operands:
        path = call.files.real(call.path(operand))
        if call.files.node(path) is not None or options.has("c", "no-create"):
            continue
        if call.files.node(posixpath.dirname(path)) is None:
            status = 1
        else:
            call.files.put(path, FileNode.file(b"", 0o666 & ~call.shell.umask))
    return status


@command("ln")
def ln(call: Call) -> int:
    options = call.options("t", frozenset({"target-directory"}))
    options.only(*"sfnvTr", "symbolic", "force", "no-dereference", "no-target-directory", "relative")
    operands = options.operands
    symbolic = options.has("s", "symbolic")
    if len(operands) == 1:
        operands = [operands[0], posixpath.basename(operands[0])]
    *sources, place = operands
    follows = not options.has("n", "no-dereference")
    is_directory = call.files.is_directory(call.path(place), follow=follows) and not options.has("T")
    if len(sources) > 1 and not is_directory:
        return 1
    status = 0
    for source in sources:
        path = call.path(place)
        path = f"{path.rstrip('/')}/{posixpath.basename(source)}" if is_directory else path
        is_there = call.files.node(path, follow=False) is not None and not options.has("f", "force")
        node = call.files.node(call.path(source), follow=False)
        if is_there or call.files.node(posixpath.dirname(path)) is None:
            status = 1
        elif symbolic:
            target = source
            if options.has("r", "relative"):
                target = posixpath.relpath(call.path(source), posixpath.dirname(path))
            call.files.put(path, FileNode.symlink(target))
        elif node is None or node.kind is Kind.DIRECTORY:
            status = 1
        else:
            call.files.put(path, node)
    return status


@command("cp", "mv")
def cp(call: Call) -> int:
    options = call.options("tS", frozenset({"target-directory", "suffix"}))
    known = ("archive", "preserve", "force", "no-clobber", "update", "dereference", "recursive", "remove-destination")
    options.only(*"apfirRdPLHnvTuZ", *known)
    *sources, place = options.operands
    is_directory = call.files.is_directory(call.path(place)) and not options.has("T")
    if len(sources) > 1 and not is_directory:
        return 1
    status = 0
    for source in sources:
        path = call.path(place)
        path = f"{path.rstrip('/')}/{posixpath.basename(source.rstrip('/'))}" if is_directory else path
        status = _copy_one(call, options, call.path(source), path) or status
    return status


def _copy_one(call: Call, options: Options, source: str, path: str) -> int:
    """Copy or move one source to a path."""
    moves = call.name == "mv"
    keeps = moves or options.has("a", "p", "preserve", "archive")
    recursive = options.has("a", "r", "R", "archive", "recursive")
    follows = not moves and (options.has("L", "dereference") or not (recursive or options.has("d", "P")))
    node, there = call.files.node(source, follow=follows), call.files.node(path)
    if node is None or call.files.node(posixpath.dirname(path)) is None:
        return 1
    if options.has("n", "no-clobber", "u", "update") and there is not None:
        return 0
    if options.has("remove-destination"):
        call.files.remove(path)
    old = call.files.real(source, follow=follows)
    new = call.files.real(path, follow=not (moves or options.has("remove-destination")))
    if new == old or (node.kind is Kind.DIRECTORY and (f"{new}/".startswith(f"{old}/") or not (moves or recursive))):
        return 1  # the same file, or a directory within itself, or one that is not asked for
    if not moves and there is None and call.files.node(path, follow=False) is not None:
        return 1  # nothing is written through a link that leads nowhere
    _copy(call, source, path, keeps=keeps, follows=follows)
    if moves:
        call.files.remove(source)
    return 0


def _copy(call: Call, source: str, path: str, *, keeps: bool, follows: bool) -> None:
    node = call.files.node(source, follow=follows)
    if node is None:
        return
    old = call.files.node(path)
    made = node if keeps else replace(node, owner="root", group="root", mode=node.mode & 0o777 & ~call.shell.umask)
    if node.kind is Kind.FILE and old is not None and old.kind is Kind.FILE and not keeps:
        made = replace(old, content=node.content)
    call.files.put(path, made, follow=old is not None and not keeps)
    if node.kind is Kind.DIRECTORY:
        for name in call.files.names(source):
            _copy(call, f"{source}/{name}", f"{path}/{name}", keeps=keeps, follows=follows)


@command("install")
def install(call: Call) -> int:
    options = call.options("mogtS", frozenset({"mode", "owner", "group", "target-directory"}))
    options.only(*"mogtdDpcvZ", "mode", "owner", "group", "directory", "target-directory", "preserve-timestamps")
    mode = new_mode(options.value("m", "mode") or "755", 0, directory=False)
    owner, group = options.value("o", "owner") or "root", options.value("g", "group") or "root"
    if not _is_user(call, owner) or not _is_group(call, group):
        raise UnknownError(f"which accounts {owner}:{group} are")
    if options.has("d", "directory"):
        for operand in options.operands:
            path = call.path(operand)
            call.files.make_directories(path)
            call.files.change(path, mode=mode, owner=owner, group=group)
        return 0
    operands = list(options.operands)
    place = options.value("t", "target-directory") or operands.pop()
    if options.has("D") and options.has("t", "target-directory"):
        call.files.make_directories(call.path(place))
    is_directory = call.files.is_directory(call.path(place))
    if len(operands) > 1 and not is_directory:
        return 1
    for source in operands:
        path = call.path(place)
        if is_directory:
            path = f"{path.rstrip('/')}/{posixpath.basename(source)}"
        if options.has("D"):
            call.files.make_directories(posixpath.dirname(path))
        node = call.files.node(call.path(source))
        if source == "/dev/null":
            node = FileNode.file(b"")
        if node is None or call.files.node(posixpath.dirname(path)) is None:
            return 1
        call.files.put(path, FileNode(Kind.FILE, mode, owner, group, node.content))
    return 0


@command("mktemp")
def mktemp(call: Call) -> int:
    options = call.options("p", frozenset({"tmpdir", "suffix"}))
    call.state.temporary += 1
    directory = options.value("p", "tmpdir") or "/tmp"  # noqa: S108 - a name in the image that is being made
    template = options.operands[0] if options.operands else "tmp.XXXXXXXXXX"
    name = template.replace("X" * template.count("X"), f"{call.state.temporary:0{max(3, template.count('X'))}d}")
    path = call.path(name if "/" in name else f"{directory}/{name}")
    if call.files.node(posixpath.dirname(path)) is None:
        call.files.make_directories(posixpath.dirname(path))
    call.files.put(path, FileNode.directory(0o700) if options.has("d", "directory") else FileNode.file(b"", 0o600))
    call.print(f"{path}\n")
    return 0
