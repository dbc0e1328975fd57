"""What needs what, for people's questions: ways to an item, what an item keeps alive, what is below it."""

from __future__ import annotations

import fnmatch
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from sysimage.closure import Closure
from sysimage.errors import Issue, SpecError
from sysimage.suggestions import closest
from sysimage_bootstrap.packages.default_packages import ESSENTIAL, EVERYWHERE, IN_EVERY_IMAGE, WITH_INIT

if TYPE_CHECKING:
    import networkx

    from sysimage_bootstrap.packages.resolve import Resolution

Reason = Literal["asked", "always", "declared", "contents", "reference"]
"""Why one item refers to another: the spec names it, every system has it, a package declares it, its contents mention
it without a declaration, or the reason is not known."""
ALWAYS_INSTALLED = frozenset(
    {*ESSENTIAL, *EVERYWHERE, *IN_EVERY_IMAGE, *itertools.chain.from_iterable(WITH_INIT.values())}
)
_TOP = ""
"""Above all roots. No item has an empty name."""


@dataclass(frozen=True, slots=True)
class GraphItem:
    """One item, or one package where the items are not made."""

    label: str
    """What people call it: the item's name, with the beginning of its hash where two have one name."""
    size: int
    """Bytes, uncompressed."""
    package: str = ""
    """The package that it is made of; empty for what is made of none."""
    path: str = ""
    """The store path; empty for a package."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What an item costs."""

    item: GraphItem
    kept: int
    """Bytes that would go with it: its own, and those of what nothing else needs."""
    needs: int
    """Bytes of it and of all that it needs, shared or not."""
    referrers: int
    """How many items refer to it directly."""


@dataclass(frozen=True, slots=True)
class Step:
    """One item on a way."""

    item: GraphItem
    reason: Reason | None
    """Why the step before has this one; None at the beginning."""


@dataclass(frozen=True)
class ReferenceGraph:
    """Items by label, and what each refers to."""

    items: Mapping[str, GraphItem]
    """Sorted by label."""
    references: Mapping[str, tuple[str, ...]]
    roots: tuple[str, ...]
    depends: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Package → the names that it declares as dependencies."""
    asked: frozenset[str] | None = None
    """The packages that the spec names, where that is known."""

    @classmethod
    def of_closure(
        cls,
        closure: Closure,
        packages: Mapping[str, str] | None = None,
        depends: Mapping[str, frozenset[str]] | None = None,
        asked: frozenset[str] | None = None,
    ) -> ReferenceGraph:
        """Of a store. ``packages`` says by store path which package an item is, ``depends`` what packages declare.

        A system item refers to all its packages. Where it is known which were ``asked`` for, it is left with those,
        with what every system has, and with what nothing else needs: the others are there because of those.
        """
        packages = packages or {}
        names = Counter(item.path.name for item in closure)
        labels = {
            item.path: item.path.name if names[item.path.name] == 1 else f"{item.path.name} ({item.path.hash_part[:8]})"
            for item in closure
        }
        items = [
            GraphItem(labels[one.path], one.nar_size, packages.get(str(one.path), ""), str(one.path)) for one in closure
        ]
        by_label = {item.label: item for item in sorted(items, key=lambda item: item.label)}
        references = {
            labels[item.path]: tuple(sorted(labels[one] for one in item.references if one != item.path))
            for item in closure
        }
        roots = tuple(labels[root] for root in closure.roots)
        if asked is not None:
            needed = {below for label, names in references.items() if label not in roots for below in names}
            kept = asked | ALWAYS_INSTALLED
            for root in roots:
                references[root] = tuple(
                    below
                    for below in references[root]
                    if below not in needed or not by_label[below].package or by_label[below].package in kept
                )
        return cls(by_label, references, roots, depends or {}, asked)

    @classmethod
    def of_packages(cls, resolution: Resolution, asked: frozenset[str] | None = None) -> ReferenceGraph:
        """Of packages, by what they declare. Those that no other package needs are roots, too."""
        items = [GraphItem(one.name, one.installed_size * 1024, one.name) for one in resolution.packages]
        needed = {name for names in resolution.edges.values() for name in names}
        return cls(
            {item.label: item for item in items},
            {name: tuple(sorted(set(names) - {name})) for name, names in resolution.edges.items()},
            tuple(sorted({*resolution.roots, *(item.label for item in items if item.label not in needed)})),
            {name: frozenset(names) for name, names in resolution.edges.items()},
            asked,
        )

    def find(self, text: str) -> GraphItem:
        """The item that a person means: by label, package, store path, hash, pattern, or name without its version.

        A `SpecError` where none or several are meant.
        """
        for matches in (
            [text] if text in self.items else [],
            self._labels(lambda item: item.package == text),
            self._labels(lambda item: bool(item.path) and _is_path(text, item.path)),
            self._labels(lambda item: item.label.startswith(f"{text}-") and item.label[len(text) + 1].isdigit()),
            self._labels(lambda item: fnmatch.fnmatchcase(item.label, text)),
        ):
            if len(matches) == 1:
                return self.items[matches[0]]
            if matches:
                raise SpecError(
                    f"cannot choose an item for {text!r}: {len(matches)} fit",
                    hint="name one of them",
                    issues=[Issue("", label) for label in matches[:20]],
                )
        names = {name: item.label for item in self.items.values() for name in (item.label, item.package) if name}
        near = closest(text, names) or min((name for name in names if len(text) > 2 and text in name), default=None)
        meant = f"did you mean {near!r}? " if near else ""
        raise SpecError(
            f"cannot find {text!r}: there is no such item",
            hint=f"{meant}`sysimage size --top 0` lists all items",
        )

    def _labels(self, fits: Callable[[GraphItem], bool]) -> list[str]:
        return [label for label, item in self.items.items() if fits(item)]

    @cached_property
    def graph(self) -> networkx.DiGraph:
        """As networkx has it, with ``_TOP`` above the roots; nodes and edges in sorted order."""
        import networkx

        graph = networkx.DiGraph()
        graph.add_nodes_from([_TOP, *self.items])
        graph.add_edges_from((_TOP, root) for root in self.roots)
        graph.add_edges_from((label, below) for label in self.items for below in self.references.get(label, ()))
        return graph

    def ways(self, item: GraphItem, most: int) -> tuple[list[tuple[Step, ...]], bool]:
        """The ways from the roots to an item, shortest first, ``most`` of them, and whether there are more."""
        import networkx

        above = networkx.ancestors(self.graph, item.label) | {item.label}
        graph = networkx.DiGraph()
        graph.add_edges_from((one, other) for one, other in self.graph.edges if one in above and other in above)
        if _TOP not in graph:
            return [], False
        found = list(itertools.islice(networkx.shortest_simple_paths(graph, _TOP, item.label), most + 1))
        ordered = sorted((way[1:] for way in found[:most]), key=lambda way: (len(way), way))
        return [self._steps(way) for way in ordered], len(found) > most

    def _steps(self, way: list[str]) -> tuple[Step, ...]:
        return tuple(
            Step(self.items[label], self.reason(way[at - 1], label) if at else self._asked_for(label))
            for at, label in enumerate(way)
        )

    def reason(self, above: str, below: str) -> Reason:
        """Why an item refers to another one."""
        one, other = self.items[above].package, self.items[below].package
        if other and other in self.depends.get(one, ()):
            return "declared"
        if above in self.roots and other and not one:
            return self._asked_for(below) or "contents"
        return "contents" if self.depends else "reference"

    def _asked_for(self, label: str) -> Reason | None:
        package = self.items[label].package
        if not package:
            return None
        if self.asked is not None and package in self.asked:
            return "asked"
        return "always" if package in ALWAYS_INSTALLED else None

    def kept(self) -> list[Kept]:
        """What every item keeps alive, the largest first: bytes of the items that are reached only through it."""
        import networkx

        above = dict(networkx.immediate_dominators(self.graph, _TOP))
        sums = {label: item.size for label, item in self.items.items()}
        # The dominators' tree, from its leaves: what is reached later in the walk is deeper.
        tree = networkx.DiGraph()
        tree.add_edges_from((above[label], label) for label in self.items if label in above)
        for label in reversed(list(networkx.topological_sort(tree))):
            parent = above.get(label)
            if parent in sums and label in sums and parent != label:
                sums[parent] += sums[label]
        found = [
            Kept(item, sums[label], self._needs(label), sum(map(bool, self.graph.predecessors(label))))
            for label, item in self.items.items()
        ]
        return sorted(found, key=lambda one: (-one.kept, one.item.label))

    def _needs(self, label: str) -> int:
        import networkx

        below: Iterable[str] = networkx.descendants(self.graph, label)
        return self.items[label].size + sum(self.items[one].size for one in below)


def _is_path(text: str, path: str) -> bool:
    base = path.rpartition("/")[2]
    return text in (path, base) or (len(text) >= 6 and base.startswith(text))
