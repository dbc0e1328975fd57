"""The commands of docs/tutorial.md, and what they print."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tests.destinations.registry_server import Registry
from tests.support.examples import ROOT

PAGE = ROOT / "docs" / "tutorial.md"
MARK = "--- end of a block ---"
AUTHOR: Mapping[str, str] = {
    f"GIT_{who}_{what}": "ann@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


def steps() -> Iterator[tuple[str, str | None]]:
    """Each block of commands, and what is printed, where the page shows it."""
    text = PAGE.read_text()
    for commands, _, printed in re.findall(
        r"^```sh\n(.*?)^```\n(\n```text\n(.*?)^```\n)?", text, flags=re.DOTALL | re.MULTILINE
    ):
        yield commands, printed or None


def script(host: str, mark: str = f"echo {MARK!r}") -> str:
    """All commands as one of bash, with a registry at ``host`` and a command between two blocks."""
    text = "set -euo pipefail\n" + f"{mark}\n".join(commands for commands, _ in steps())
    return text.replace("localhost:5000", host)


def check_answers(answers: list[str], host: str) -> None:
    """What each block has printed is what is below it; ``…`` is anything."""
    found = list(steps())
    assert len(answers) == len(found) >= 12
    for (commands, printed), answer in zip(found, answers, strict=True):
        if printed is not None:
            wanted = re.escape(printed.replace("localhost:5000", host).strip()).replace("…", ".*")
            assert re.fullmatch(wanted, answer.strip(), re.DOTALL), f"{commands}\nprints\n{answer}\nand not\n{printed}"


def check_pushes(registry: Registry) -> None:
    """The releases of the tutorial are in the registry, and the first one is the newest again."""
    tags = {tag: registry.manifests.get(f"shop:{tag}") for tag in ("1.0", "1.1", "latest")}
    assert tags["1.0"] == tags["latest"] != tags["1.1"]
