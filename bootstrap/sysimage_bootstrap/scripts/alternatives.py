"""Which of several things a name means, as ``update-alternatives`` chooses: the user's choice, or the highest
priority."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sysimage_bootstrap.scripts.declarations import Alternative

ALTERNATIVES_DIRECTORY = "/etc/alternatives"


def choose(
    candidates: Iterable[Alternative], chosen: Mapping[str, str], selected: str | None = None
) -> Alternative | None:
    """The one that counts: that of the package which ``chosen`` names for any of the names that belong together, or
    the path that a script has set, or the highest priority. None without any."""
    candidates = tuple(candidates)
    for one in candidates:
        if any(chosen.get(name) == one.package for name in names_of(one)):
            return one
    for one in candidates:
        if one.master.path == selected:
            return one
    # Of several with one priority, dpkg keeps the first.
    return max(candidates, key=lambda one: one.priority, default=None)


def names_of(one: Alternative) -> list[str]:
    """The names by which a spec may choose: the name in /etc/alternatives and the file name of each link."""
    links = (one.master, *one.followers)
    return [name for link in links for name in dict.fromkeys((link.name, link.link.rpartition("/")[2]))]


def links_of(
    candidates: Iterable[Alternative],
    chosen: Mapping[str, str],
    selected: str | None,
    has: Callable[[str], bool],
) -> dict[str, str | None]:
    """Image path of every link of one name → what it says; None for a link that only another choice would have.

    ``has`` is asked whether something is at an image path: a name that follows is left out where its file is not there.
    """
    candidates = tuple(candidates)
    best = choose(candidates, chosen, selected)
    links: dict[str, str | None] = {}
    for one in candidates:
        for link in (one.master, *one.followers):
            links.setdefault(link.link, None)
            links.setdefault(f"{ALTERNATIVES_DIRECTORY}/{link.name}", None)
    if best is not None:
        for link in (best.master, *best.followers):
            if link is best.master or has(link.path):
                links[link.link] = f"{ALTERNATIVES_DIRECTORY}/{link.name}"
                links[f"{ALTERNATIVES_DIRECTORY}/{link.name}"] = link.path
    return links
