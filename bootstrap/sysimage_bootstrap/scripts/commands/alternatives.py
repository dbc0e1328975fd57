"""``update-alternatives``."""

from __future__ import annotations

from collections.abc import Iterable

from sysimage_bootstrap.scripts.alternatives import choose, links_of
from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command
from sysimage_bootstrap.scripts.declarations import Alternative, AlternativeLink
from sysimage_bootstrap.scripts.root_files import FileNode

_FLAGS = ("--quiet", "--force", "--verbose", "--skip-auto", "--debug")


@command("update-alternatives")
def update_alternatives(call: Call) -> int:
    words = [word for word in call.arguments if word not in _FLAGS]
    if not words:
        return 2
    match words[0].lstrip("-"):
        case "install":
            return _install(call, words[1:])
        case "set":
            name, path = words[1:3]
            if not any(one.master.path == path for one in call.state.alternatives.get(name, ())):
                return 2
            call.state.selected[name] = path
            _show(call, name)
        case "auto":
            call.state.selected.pop(words[1], None)
            _show(call, words[1])
        case "remove":
            name, path = words[1:3]
            there = call.state.alternatives.get(name, [])
            call.state.alternatives[name] = [one for one in there if one.master.path != path]
            _show(call, name, there)
        case "remove-all":
            if call.state.alternatives.pop(words[1], None):
                raise UnknownError("what is left of alternatives that are all removed")
        case "list" | "query" | "display":
            there = call.state.alternatives.get(words[1], [])
            if not there:
                return 2
            if words[0] != "--list":
                _describe(call, words[1], there)
                return 0
            call.print("".join(f"{one.master.path}\n" for one in sorted(there, key=lambda one: one.master.path)))
        case _:
            raise UnknownError(f"what update-alternatives {words[0]} does")
    return 0


def _describe(call: Call, name: str, there: list[Alternative]) -> None:
    """What ``--query`` and ``--display`` say, as far as it is looked for."""
    best = choose(there, call.state.chosen, call.state.selected.get(name))
    call.print(f"Name: {name}\nLink: {there[0].master.link}\n")
    call.print(f"Status: {'manual' if name in call.state.selected else 'auto'}\n")
    call.print(f"Best: {best.master.path}\nValue: {best.master.path}\n" if best else "Value: none\n")
    for one in there:
        call.print(f"\nAlternative: {one.master.path}\nPriority: {one.priority}\n")


def _install(call: Call, words: list[str]) -> int:
    link, name, path, priority, *rest = words
    if call.files.left_out(path):
        return 0
    if call.files.node(path) is None:
        raise UnknownError(f"why there is no {path}")
    followers = []
    while rest and rest[0].lstrip("-") == "slave":
        followers.append(AlternativeLink(rest[2], rest[1], rest[3]))
        rest = rest[4:]
    if rest:
        raise UnknownError(f"what update-alternatives {rest[0]} does")
    made = Alternative(call.shell.script.package, AlternativeLink(name, link, path), int(priority), tuple(followers))
    there = [one for one in call.state.alternatives.get(name, ()) if one.master.path != path]
    call.state.alternatives[name] = [*there, made]
    _show(call, name)
    return 0


def _show(call: Call, name: str, former: Iterable[Alternative] = ()) -> None:
    """Make the links of a name again, so that later commands find them; ``former`` are the alternatives before."""
    state = call.state
    links = links_of(
        state.alternatives.get(name, ()),
        state.chosen,
        state.selected.get(name),
        lambda path: state.files.node(path) is not None,
    )
    for path, target in (dict.fromkeys(links_of(former, {}, None, lambda _: False)) | links).items():
        there = state.files.node(path, follow=False)
        if there is not None and there.target is None:
            continue  # a package ships something of its own there
        if target is None:
            state.files.remove(path)
        else:
            state.files.make_directories(path.rpartition("/")[0])
            state.files.put(path, FileNode.symlink(target))
