"""The documents of the one image in a source, whichever of the two forms, or both, it has."""

from __future__ import annotations

from sysimage.verify.docker_manifest import compare, documents_of, read_docker_manifest
from sysimage.verify.image_source import ImageSource
from sysimage.verify.issue_collector import IssueCollector, MalformedError
from sysimage.verify.layout import blob_name, configs_of, read_layout
from sysimage.verify.limits import Limits
from sysimage.verify.manifest import ImageDocuments


def read_documents(
    source: ImageSource, faults: IssueCollector, limits: Limits, platform: str | None = None, name: str | None = None
) -> ImageDocuments:
    """Read the documents of the one image in ``source``, or of the one that is called ``name`` or is for ``platform``.

    A MalformedError where they cannot be followed; contradictions that leave the image readable become faults.
    """
    legacy = read_docker_manifest(source, limits) if source.size("manifest.json") is not None else None
    if source.size("index.json") is None and source.size("oci-layout") is None:
        if legacy is None:
            raise MalformedError("holds neither index.json nor manifest.json")
        return documents_of(source, legacy, faults, limits)
    documents = read_layout(source, faults, limits, platform, name)
    # One archive of several platforms has a manifest.json for one of them.
    is_of_another = (
        legacy is not None
        and legacy.config != blob_name(documents.image_id)
        and any(legacy.config == blob_name(config) for config in configs_of(source, limits))
    )
    if legacy is not None and not is_of_another:
        compare(documents, legacy, faults)
    return documents
