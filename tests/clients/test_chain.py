"""An update as it happens: the web example, then the same with Debian's security updates, into a registry of others.

What `skopeo copy` moves is counted in the registry's storage, and compared with the least that any layering could move:
the changed items and what makes a system of them.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from sysimage.layerplan import Record, from_json
from sysimage.pipeline.compressed_text import decompress_text
from sysimage.pipeline.history import ANNOTATION
from sysimage.verify import inspect_image
from tests.clients.conftest import Client, Registry
from tests.support.examples import ROOT, build_spec


@dataclass(frozen=True)
class Chain:
    """The web example at two times, built by whatever rule."""

    workspace: Path

    def spec(self, name: str, suites: list[str] | None = None) -> Path:
        """examples/web.json with packages of ``suites`` only."""
        spec = json.loads((ROOT / "examples/web.json").read_text())
        if suites is not None:
            spec["package-sources"] = {"suites": suites}
        path = self.workspace / f"{name}.json"
        path.write_text(json.dumps(spec))
        return path

    def build(self, spec: Path, *options: str | Path) -> Path:
        """The image's layout. Layers without compression, so that what moves is what items weigh."""
        output = self.workspace / "-".join([spec.stem, *(str(o).strip("-").replace("/", "_") for o in options)])[-100:]
        return build_spec(spec, output, "--compression", "none", "--no-cache", "-f", "oci-dir", *options)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    workspace = tmp_path_factory.mktemp("chain")
    shutil.copytree(ROOT / "examples/web", workspace / "web")
    return Chain(workspace)


def record(image: Path) -> Record:
    return from_json(decompress_text(inspect_image(image).annotations[ANNOTATION]))


def least(old: Path, new: Path) -> int:
    """Bytes of the items that are in the new image only, as NARs, and of its customization layer and config."""
    before, after = record(old).closure, record(new).closure
    top = inspect_image(new).layers[-1]
    return sum(item.nar_size for item in after if item.path not in before) + top.size


def copied(client: Client, registry: Registry, image: Path, repository: str) -> int:
    """Copy to a repository; the bytes of blobs that it did not have."""
    before = registry.blobs(repository)
    client(
        "skopeo", "copy", "--insecure-policy", "--preserve-digests", "--dest-tls-verify=false",
        f"oci:{image}", f"docker://{registry.address}/{repository}:1.0",
    )  # fmt: skip
    return sum(size for digest, size in registry.blobs(repository).items() if digest not in before)


def moved(chain: Chain, client: Client, registry: Registry, limit: str, *rule: str) -> tuple[int, int]:
    """What the update moves, and the least that it could."""
    limits = ["--max-layers", limit, *rule]
    old = chain.build(chain.spec("old", ["trixie"]), *limits)
    following: list[str | Path] = [] if rule else ["--previous", old]
    new = chain.build(chain.spec("new"), *limits, *following)
    if record(old).closure.items == record(new).closure.items:
        pytest.fail("the archive has no update of the web example beyond its first suite")
    name = f"chain/web-{limit}{'-'.join(rule)}"
    copied(client, registry, old, name)
    return copied(client, registry, new, name), least(old, new)


@pytest.mark.parametrize(("limit", "most"), [("100", 1.5), ("40", 3), ("20", 6)])
def test_an_update_moves_little_more_than_what_changed(
    limit: str, most: float, chain: Chain, client: Client, registry: Registry
) -> None:
    ours, bound = moved(chain, client, registry, limit)
    theirs, _ = moved(chain, client, registry, limit, "--strategy", "guix-size")
    print(f"{limit} layers: bound {bound}, ours {ours / bound:.3f}, by size {theirs / bound:.3f}")
    assert ours <= most * bound
    assert ours <= 1.1 * theirs, "whatever was updated, the rule of thumb is not much better"
