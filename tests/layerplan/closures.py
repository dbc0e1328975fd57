"""Closures for tests: from a few words, from hypothesis, or as large as a real store's."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence

from hypothesis import strategies as st

from sysimage.closure import Closure
from sysimage.digest import Digest
from sysimage.store import StoreItem, StorePath

LETTERS = "0123456789abcdfghijklmnpqrsvwxyz"


def store_path(name: str, salt: object = "") -> StorePath:
    raw = hashlib.sha256(f"{name} {salt}".encode()).digest()
    return StorePath("/gnu/store", "".join(LETTERS[byte & 31] for byte in raw), name)


def closure_of(
    sizes: Mapping[str, int],
    references: Mapping[str, Iterable[str]] | None = None,
    salts: Mapping[str, object] | None = None,
    changed: Mapping[str, tuple[int, ...]] | None = None,
) -> Closure:
    """Items by name: bytes, what each refers to, and a salt for the hash part."""
    paths = {name: store_path(name, (salts or {}).get(name, "")) for name in sizes}
    return Closure(
        StoreItem(
            path=paths[name],
            nar_hash=Digest.of(str(paths[name]).encode()),
            nar_size=size,
            references=tuple(sorted(paths[other] for other in (references or {}).get(name, ()))),
            changed=(changed or {}).get(name, ()),
        )
        for name, size in sizes.items()
    )


@st.composite
def closures(draw: st.DrawFn, most: int = 40) -> Closure:
    """Any small graph: names of a few families, sizes on both sides of what a layer costs."""
    count = draw(st.integers(1, most))
    words = draw(st.lists(st.sampled_from(["perl", "libc", "node", "gtk", "z"]), min_size=count, max_size=count))
    names = [f"{word}-part{at}-1.{at % 3}" for at, word in enumerate(words)]
    sizes = draw(st.lists(st.integers(1, 10**8), min_size=count, max_size=count))
    references = {
        names[at]: [names[other] for other in draw(st.sets(st.integers(0, at - 1), max_size=4))] if at else []
        for at in range(count)
    }
    return closure_of(dict(zip(names, sizes, strict=True)), references)


def updated(closure: Closure, names: Iterable[str], *, propagates: bool, salt: object) -> Closure:
    """The closure after a change of the named items; a change reaches what refers to them if it propagates."""
    changed = set(names)
    paths: dict[StorePath, StorePath] = {}
    items = []
    for item in closure:
        others = [reference for reference in item.references if reference != item.path]
        if item.path.name in changed or (propagates and any(paths[other] != other for other in others)):
            paths[item.path] = store_path(item.path.name, (salt, item.path.hash_part))
        else:
            paths[item.path] = item.path
        items.append(
            StoreItem(
                path=paths[item.path],
                nar_hash=item.nar_hash,
                nar_size=item.nar_size,
                references=tuple(sorted(paths[other] for other in others)),
            )
        )
    return Closure(items)


def rehashed(closure: Closure, salt: object, order: Sequence[int] | None = None) -> Closure:
    """The same names, sizes and references under other hash parts, given in another order."""
    paths = {item.path: store_path(item.path.name, (salt, item.path.hash_part)) for item in closure}
    items = [
        StoreItem(
            path=paths[item.path],
            nar_hash=item.nar_hash,
            nar_size=item.nar_size,
            references=tuple(sorted(paths[reference] for reference in item.references)),
        )
        for item in closure
    ]
    return Closure([items[at] for at in order] if order is not None else items)


def store_shaped(count: int, seed: int = 1) -> Closure:
    """A closure in the shape of a store's: about 6 references an item, most of them to a core that many need; sizes
    log-normal with a median of about 200 kB and a mean of about 3 MB."""
    draw = random.Random(seed)
    names = [f"package{at}-{draw.randint(1, 9)}.{draw.randint(0, 30)}" for at in range(count)]
    sizes = {name: max(1000, int(draw.lognormvariate(12.2, 2.3))) for name in names}
    references = {}
    for at, name in enumerate(names):
        wanted = min(at, max(0, round(draw.gauss(6, 3))))
        # A core of old libraries that everything needs, and neighbours.
        below = {
            int(at * draw.random() ** 6) if draw.random() < 0.6 else max(0, at - 1 - int(draw.expovariate(1 / 40)))
            for _ in range(wanted)
        }
        references[name] = [names[other] for other in below]
    return closure_of(sizes, references)
