"""A jar becomes a store item that holds it as it is: not a byte changes, so that its signature holds."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from sysimage.errors import IntegrityError
from sysimage.files.code_digest import code_digest
from sysimage.files.memo import Memo
from sysimage.jars.archive import JarContents, named, read_jar
from sysimage.jars.item_name import item_name
from sysimage.jars.source import Jar
from sysimage.store.items import ShownFiles, StoreItem
from sysimage_bootstrap.store import BuiltItem, ItemStore, Recipe

_FORMAT = 1
"""Increased when the same jar gives other bytes."""


@dataclass(frozen=True, slots=True)
class JarItems:
    """Where items of jars are made and found."""

    store: ItemStore
    top: str
    """The directory of all jars in the image."""
    memory: Path
    """A directory that remembers what was read in jars."""

    def contents(self, jar: Jar) -> JarContents:
        """What a jar holds; it is read if its bytes are new. An `IntegrityError` for one that is not sound."""
        memo = Memo(self.memory, made_by=code_digest(read_jar), most=8192)
        key = f"{jar.sha256} {jar.name}"
        text = memo.find(key)
        if text is not None:
            return JarContents.loads(text)
        contents = read_jar(jar.place, jar.name)
        memo.keep(key, contents.dumps())
        return contents

    def item(self, jar: Jar, contents: JarContents) -> StoreItem:
        """The item of a jar."""

        def build(draft: Path) -> BuiltItem:
            place = draft / jar.path
            place.parent.mkdir(parents=True)
            shutil.copyfile(jar.place, place)
            with place.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != jar.sha256:
                    raise IntegrityError(f"cannot copy {jar.place}: it was changed meanwhile")
            facts: dict[str, object] = {"sha256": jar.sha256}
            if contents.artifact is not None:
                facts["purl"] = contents.artifact.purl
            if contents.contained:
                facts["contains"] = [one.purl for one in contents.contained]
            return BuiltItem(f"java-{named(jar.name)[0]}", (), facts, frozenset())

        recipe = Recipe(item_name(jar.path), "jar", (), {"sha256": jar.sha256, "path": jar.path, "builder": _FORMAT})
        return replace(self.store.realise(recipe, build), shown=ShownFiles(top=self.top))
