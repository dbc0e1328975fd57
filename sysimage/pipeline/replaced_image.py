"""The image that a build writes over: what a client that has it need not pull again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import SysimageError
from sysimage.image import Image
from sysimage.layerplan import Record
from sysimage.pipeline.history import record_in


@dataclass(frozen=True, slots=True)
class ReplacedImage:
    """What was at the output before the build."""

    digest: Digest | None
    """Of the manifest; a docker-archive has none."""
    layers: frozenset[Digest]
    """Diff IDs of its layers."""
    annotations: Mapping[str, str]
    """Of the manifest."""

    @property
    def record(self) -> Record | None:
        """What its build knew; None where the image does not say it, or says it in a way that cannot be read."""
        try:
            return record_in(self.annotations)
        except SysimageError:
            return None

    def lacked(self, image: Image) -> tuple[int, int]:
        """How many layers of a new image it does not have, and the bytes of their blobs."""
        new = {layer.diff_id: layer.descriptor.size for layer in image.layers if layer.diff_id not in self.layers}
        return len(new), sum(new.values())


def replaced_image(output: Path | int | None, platform: str, name: str) -> ReplacedImage | None:
    """The image at ``output`` for ``platform``, of several the one called ``name``; None where
    no image can be read: a build replaces that too."""
    if not isinstance(output, Path) or not (output.is_file() or (output / "oci-layout").is_file()):
        return None
    from sysimage.verify.issue_collector import (
        IssueCollector,
        MalformedError,
    )  # imported late: not needed by a first build
    from sysimage.verify.limits import DEFAULT_LIMITS
    from sysimage.verify.open import open_source
    from sysimage.verify.read_documents import read_documents

    limits = DEFAULT_LIMITS
    try:
        with open_source(output, limits) as source:
            found = read_documents(source, IssueCollector(1), limits, platform, name)
    except (SysimageError, MalformedError, OSError):
        return None
    return ReplacedImage(found.digest, frozenset(layer.diff_id for layer in found.layers), found.annotations)
