"""The links of a system's alternatives."""

from __future__ import annotations

from pathlib import PurePosixPath

from sysimage.errors import Issue, SpecError
from sysimage_bootstrap.debian.alternatives import Alternatives


def alternative_links(alternatives: Alternatives) -> dict[str, str]:
    """Image path of each link → its target. A `SpecError` names every choice that cannot be made."""
    links: dict[str, str] = {}
    issues: list[Issue] = []
    for link in alternatives.links():
        name = PurePosixPath(link).name
        wanted = alternatives.chosen.get(name)
        known = {candidate.package for candidate in alternatives.candidates(link)}
        if wanted in known and wanted not in {candidate.package for candidate in alternatives.available(link)}:
            issues.append(Issue(f"/alternatives/{name}", f"{wanted} is not among the packages of the image"))
        if (candidate := alternatives.choose(link)) is not None:
            links[f"/usr/{link}"] = f"/usr/{candidate.program}"
    if issues:
        raise SpecError("cannot choose the alternatives", hint="add the package to packages", issues=issues)
    return links
