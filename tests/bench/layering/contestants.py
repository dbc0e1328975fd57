"""The rules that ours are compared with, each with what it would know on the day."""

from __future__ import annotations

import bisect
import datetime
from collections import Counter
from typing import Any

import networkx as nx

from sysimage.closure import Closure
from sysimage.layerplan import Favour, LayerPlan, plan_layers
from tests.bench.layering import rules
from tests.bench.layering.score import Course, Groups, Moment, Rule


def contestants(course: Course) -> dict[str, Rule]:
    """Ours in its three moods, then the others, by name."""
    knowledge = Knowledge(course)

    def ours(favour: Favour) -> Rule:
        def rule(moment: Moment) -> LayerPlan:
            return plan_layers(
                moment.closure,
                max_layers=moment.max_layers,
                history=moment.history,
                previous=moment.previous,
                favour=favour,
            )

        return rule

    def by_graph(function: Any, **known: str) -> Rule:
        def rule(moment: Moment) -> Groups:
            extra = {name: getattr(knowledge, source)(moment) for name, source in known.items()}
            groups: Groups = function(graph_of(moment.closure), max(1, moment.max_layers - 1), **extra)
            return groups

        return rule

    return {
        "ours, updates": ours("updates"),
        "ours, both": ours("both"),
        "ours, sharing": ours("sharing"),
        "Guix size": by_graph(rules.guix_size),
        "nixpkgs auto-layer": by_graph(rules.nixpkgs_auto),
        "nixpkgs popularity": by_graph(rules.nixpkgs_popularity),
        "nix2container": by_graph(rules.nix2container_popularity),
        "apko origin": by_graph(rules.apko_origin, origins="origins"),
        "rpm-ostree": by_graph(rules.rpm_ostree, changes="changes"),
        "rpm-ostree, kept": by_graph(rules.rpm_ostree, changes="changes", previous="previous"),
        "Nixery": by_graph(rules.nixery, popularity="popularity"),
    }


def graph_of(closure: Closure) -> nx.DiGraph:
    """The closure as rules see it: paths as text, sizes on the nodes."""
    graph = nx.DiGraph()
    for item in closure:
        graph.add_node(str(item.path), size=item.nar_size)
    graph.add_edges_from((str(one), str(other)) for one, other in closure.graph.edges)
    return graph


class Knowledge:
    """What the data holds beyond closures, up to a day."""

    def __init__(self, course: Course) -> None:
        self._replay = course.replay
        self._nodes: dict[datetime.date, dict[str, int]] = {}
        held = Counter(node for system in self._replay.systems.values() for node in system)
        self._held = dict(held)

    def origins(self, moment: Moment) -> dict[str, str]:
        """The source package of each path."""
        return {path: self._replay.source(node) for path, node in self._on(moment.day).items()}

    def changes(self, moment: Moment) -> dict[str, int]:
        """How many uploads the source of each path has seen in the year before."""
        end, start = moment.day.isoformat(), (moment.day - datetime.timedelta(days=365)).isoformat()
        counts = {}
        for path, node in self._on(moment.day).items():
            days = self._replay.uploads.get(self._replay.source(node), [])
            counts[path] = bisect.bisect_right(days, end) - bisect.bisect_right(days, start)
        return counts

    def popularity(self, moment: Moment) -> dict[str, int]:
        """By plain name: how many systems hold it."""
        return {rules.plain_name(path): self._held.get(node, 1) for path, node in self._on(moment.day).items()}

    def previous(self, moment: Moment) -> Groups | None:
        """What the rule itself did one step before."""
        groups: Groups | None = moment.previous
        return groups

    def _on(self, day: datetime.date) -> dict[str, int]:
        if day not in self._nodes:
            self._nodes = {day: {self._replay.path(node, day): node for node in self._replay.nodes}}
        return self._nodes[day]
