"""Facts of images that were never built: items that refer to earlier ones, in layers."""

from __future__ import annotations

import hashlib
import random

from sysimage.report.facts import Facts, FileFact, ItemFact, LayerFact, PackageFact

STORE = "/gnu/store"


def path_of(name: str) -> str:
    """A store path with a hash that follows from the name."""
    letters = "0123456789abcdfghijklmnpqrsvwxyz"
    part = "".join(letters[byte % 32] for byte in hashlib.sha256(name.encode()).digest())
    return f"{STORE}/{part}-{name}"


def item(name: str, *references: str, size: int = 100, layer: int = 1, files: tuple[FileFact, ...] = ()) -> ItemFact:
    """An item that refers to others by their names."""
    return ItemFact(path_of(name), layer, size, tuple(sorted(map(path_of, references))), files=files)


def facts(*items: ItemFact, layers: tuple[int, ...] = (1000,), roots: tuple[str, ...] = (), **more: object) -> Facts:
    """An image of items; ``layers`` are the sizes of its layers, ``roots`` names."""
    referred = {reference for one in items for reference in one.references}
    found = tuple(map(path_of, roots)) or tuple(one.path for one in items if one.path not in referred)
    values: dict[str, object] = {
        "kind": "image",
        "name": "made:1",
        "facts": (("names", "made:1"),),
        "layers": tuple(
            LayerFact(f"sha256:{number:064}", f"sha256:{number:064}", size, f"layer {number}")
            for number, size in enumerate(layers, 1)
        ),
        "items": tuple(sorted(items, key=lambda one: (one.base_name, one.path))),
        "roots": found,
        "moves_always": len(layers),
        "others": {},
    }
    return Facts(**{**values, **more})  # type: ignore[arg-type] # the names above are its fields


def many(count: int, *, files: int = 20, layers: int = 100, seed: int = 0) -> Facts:
    """As many items as large systems have, each referring to some earlier ones, with files and licences."""
    chance = random.Random(seed)
    made: list[ItemFact] = []
    for number in range(count):
        name = f"package{number}-1.{number}-2"
        below = {made[chance.randrange(len(made))].path for _ in range(chance.randrange(1, 6))} if made else set()
        held = tuple(
            FileFact(
                (b"lib", b"d%d" % (at % 3), b"file%d" % at),
                int(chance.paretovariate(0.9) * 300) % 40_000_000,
                hashlib.sha256(b"%d %d" % (number, at)).digest(),
            )
            for at in range(files)
        )
        package = PackageFact(f"package{number}", f"1.{number}-2", "amd64", f"source{number // 3}", None)
        size = sum(file.size for file in held)
        layer = 1 + number * layers // count
        made.append(
            ItemFact(
                path_of(name), layer, size, tuple(sorted(below)), package, ("GPL-2+", "Expat")[: 1 + number % 2], held
            )
        )
    referred = {reference for one in made for reference in one.references}
    tops = [one.path for one in made if one.path not in referred]
    system = ItemFact(path_of("system"), layers, 1000, tuple(sorted(tops)))
    sizes = [sum(one.size for one in made if one.layer == number) // 3 + 500 for number in range(1, layers + 1)]
    return facts(*made, system, layers=tuple(sizes))
