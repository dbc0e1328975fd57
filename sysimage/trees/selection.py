"""Which members of a source are in its tree, and which are refused."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.errors import Issue
from sysimage.rules.paths import as_parts, path_fault
from sysimage.rules.secrets import is_allowed, secret_name
from sysimage.spec.trees import Tree
from sysimage.trees.members import DIRECTORY, LINK, OTHER, Member, members

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_WHITEOUT = ".wh."


@dataclass
class Selection:
    """The members of one tree, as they come; what is refused is in ``issues`` afterwards."""

    path: str
    """The tree's place in the image."""
    source: Path
    exclude: Sequence[str]
    allowed: tuple[str, ...]
    """Names of what may look like a secret."""
    issues: list[Issue] = field(default_factory=list)

    @classmethod
    def of(cls, path: str, tree: Tree, spec_dir: Path, allowed: tuple[str, ...]) -> Selection:
        return cls(path, spec_dir / tree.source, tree.exclude, allowed)

    def members(self) -> Iterator[Member]:
        """Those that are sound, parents first; a directory that the source does not name is not among them."""
        self.issues.clear()
        kinds: dict[str, str] = {}
        for member in members(self.source, self._is_left_out):
            fault = self._fault(member, kinds)
            if fault is not None:
                self.issues.append(Issue(f"{self.source}/{_shown(member.path)}", fault))
                continue
            if kinds.get(member.path) == member.kind == DIRECTORY:
                continue
            kinds[member.path] = member.kind
            for above in _above(member.path):
                kinds.setdefault(above, DIRECTORY)
            yield member

    @cached_property
    def _patterns(self) -> GitIgnoreSpec:
        from pathspec import (
            GitIgnoreSpec,
        )  # imported late: takes a fiftieth of a second, and a tree without patterns does not need it

        return GitIgnoreSpec.from_lines(self.exclude)

    def _is_left_out(self, path: str, is_directory: bool) -> bool:
        """A directory is left out with everything in it, as git does. An archive may name what is in it first."""
        if not self.exclude:
            return False
        if any(self._patterns.match_file(f"{above}/") for above in _above(path)):
            return True
        return self._patterns.match_file(f"{path}/" if is_directory else path)

    def _fault(self, member: Member, kinds: dict[str, str]) -> str | None:
        path = member.path
        try:
            path.encode()
        except UnicodeEncodeError:
            return "its name is not UTF-8"
        if path.startswith("/") or ".." in path.split("/"):
            return "leads out of the archive"
        if wrong := path_fault(as_parts(f"{self.path}/{path}")):
            return f"the name {wrong}"
        if any(part.startswith(_WHITEOUT) for part in path.split("/")):
            return f'a name can\'t begin with "{_WHITEOUT}": layers mark deleted files so'
        if member.kind == OTHER:
            return "is neither a file, a directory nor a symlink"
        if (
            first := next((above for above in _above(path) if kinds.get(above, DIRECTORY) != DIRECTORY), None)
        ) is not None:
            return f"is below {first}, which is a {kinds[first]}"
        if path in kinds and DIRECTORY in (kinds[path], member.kind) and kinds[path] != member.kind:
            return f"is a {kinds[path]} and a {member.kind}"
        if member.kind == LINK and (wrong := self._link_fault(member)) is not None:
            return wrong
        if member.same_as and kinds.get(member.same_as) in (None, DIRECTORY, LINK):
            return f"is a hard link to {_shown(member.same_as)}, no earlier file of the tree"
        return self._secret(path)

    def _link_fault(self, member: Member) -> str | None:
        target = member.target
        if not target or "\0" in target:
            return "is a link to nothing"
        place = f"{self.path}/{member.path}"
        leads_to = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
        if leads_to == self.path or leads_to.startswith(f"{self.path}/"):
            return None
        return f'is a link that leads out of the tree, to {_shown(target)}; declare it under "symlinks"'

    def _secret(self, path: str) -> str | None:
        holds = secret_name(posixpath.basename(path))
        place = f"{self.path}/{path}"
        if holds is None or is_allowed(place, self.allowed):
            return None
        return f'its name says that it holds {holds}; exclude it, or say "allow-secrets": ["{place}"]'


def _above(path: str) -> list[str]:
    """The directories above a relative path, the topmost first."""
    return [path[:at] for at, letter in enumerate(path) if letter == "/" and at]


def _shown(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
