"""A tree becomes a store item, or several. It is read when it may have changed; what they hold decides where they are
in the store."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import Issue, MachineError, SpecError
from sysimage.files.code_digest import code_digest
from sysimage.files.memo import Memo
from sysimage.files.temporary import scratch_directory
from sysimage.rules.secrets import SecretScanner, is_allowed
from sysimage.store.items import ShownFiles, StoreItem
from sysimage.store.paths import StorePath
from sysimage.store.scan import Candidates, scan_and_hash
from sysimage.trees.division import divide
from sysimage.trees.item_name import item_name
from sysimage.trees.members import DIRECTORY, LINK, Member, archive_state
from sysimage.trees.selection import Selection
from sysimage_bootstrap.store import ItemStore, Recipe
from sysimage_bootstrap.store.item_store import BuiltItem

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class TreeStore:
    """Where items of trees are made and found."""

    store: ItemStore
    memory: Path
    """A directory that remembers what trees were seen as."""
    present: tuple[StorePath, ...] = ()
    """What a tree's files may mention."""

    def items(self, selection: Selection) -> tuple[StoreItem, ...]:
        """The items of a tree, which have its files between them; a `SpecError` with everything that is refused."""
        found = list(selection.members()) if selection.source.is_dir() else None
        _refuse(selection)
        memo = Memo(self.memory, made_by=code_digest(TreeStore, Selection), most=1024)
        key = self._key(selection, found)
        text = memo.find(key)
        known = [self.store.get(StorePath.parse(line)) for line in (text or "").splitlines()]
        items = [item for item in known if item is not None]
        if not known or len(items) < len(known):
            items = self._made(selection)
            memo.keep(key, "\n".join(str(item.path) for item in items))
        return tuple(replace(item, shown=ShownFiles(top=selection.path)) for item in items)

    def digests(self, item: StoreItem) -> Mapping[str, Digest]:
        """Path in an item of a tree → SHA-256 of the file there."""
        return {path: Digest(value) for path, value in self.store.facts(item.path)["digests"].items()}

    def _key(self, selection: Selection, found: list[Member] | None) -> str:
        states: object = [[one.path, one.kind, one.executable, one.target, one.state] for one in found or ()]
        if found is None:
            states = archive_state(selection.source)
        mentioned = hashlib.sha256("\n".join(sorted(map(str, self.present))).encode()).hexdigest()
        place = [str(self.store.root.absolute()), self.store.store_dir, str(selection.source.absolute())]
        text = [place, selection.path, list(selection.exclude), selection.allowed, states, mentioned]
        return hashlib.sha256(json.dumps(text).encode()).hexdigest()

    def _made(self, selection: Selection) -> list[StoreItem]:
        self.store.root.mkdir(parents=True, exist_ok=True)
        try:
            with scratch_directory(self.store.root, "tree-") as scratch:
                staged = scratch / "tree"
                digests = _stage(selection, staged)
                return [self._part(selection.path, name, part, digests) for name, part in divide(staged, scratch)]
        except OSError as error:
            raise MachineError(
                f"cannot copy the tree {selection.source}: {error.strerror}: {error.filename}"
            ) from error

    def _part(self, path: str, name: str, staged: Path, digests: Mapping[str, str]) -> StoreItem:
        """The item of a part, whose files have ``digests`` among those of others."""
        nar_hash, _, references = scan_and_hash(staged, Candidates(self.present))
        recipe = Recipe(
            item_name(path, name),
            "tree",
            (),
            {"contents": nar_hash.hex, "references": sorted(map(str, references)), "at": path},
        )

        def build(draft: Path) -> BuiltItem:
            own = {file: digest for file, digest in digests.items() if (staged / file).is_file()}
            staged.rename(draft)
            return BuiltItem(facts={"digests": own, "nar-hash": nar_hash.hex})

        return self.store.realise(recipe, build, mentions=references)


def _refuse(selection: Selection) -> None:
    if selection.issues:
        raise SpecError(
            f"cannot put {selection.source} at {selection.path}: some of it cannot be in an image",
            hint="leave files out with exclude",
            issues=selection.issues,
        )


def _stage(selection: Selection, top: Path) -> dict[str, str]:
    """Copy the tree to ``top``; returns the SHA-256 of each file by its path."""
    digests: dict[str, str] = {}
    top.mkdir()
    for member in selection.members():
        place = top / member.path
        place.parent.mkdir(parents=True, exist_ok=True)
        if member.kind == DIRECTORY:
            place.mkdir()
            continue
        place.unlink(missing_ok=True)  # an archive's later member replaces an earlier one
        digests.pop(member.path, None)
        if member.kind == LINK:
            place.symlink_to(member.target)
        elif member.same_as:
            shutil.copy(top / member.same_as, place)
            digests[member.path] = digests[member.same_as]
        else:
            digests[member.path] = _copy(member, place, selection)
    if not any(os.scandir(top)):
        selection.issues.append(Issue(str(selection.source), "holds nothing that is not excluded"))
    _refuse(selection)
    return digests


def _copy(member: Member, place: Path, selection: Selection) -> str:
    hasher, scanner = hashlib.sha256(), SecretScanner()
    with member.open() as source, place.open("wb") as target:
        while data := source.read(_PIECE):
            target.write(data)
            hasher.update(data)
            scanner.feed(data)
    place.chmod(0o755 if member.executable else 0o644)
    in_image = f"{selection.path}/{member.path}"
    if scanner.found is not None and not is_allowed(in_image, selection.allowed):
        said = f'contains {scanner.found}; exclude it, or say "allow-secrets": ["{in_image}"]'
        selection.issues.append(Issue(f"{selection.source}/{member.path}", said))
    return hasher.hexdigest()
