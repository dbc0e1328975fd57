"""The documents of the one image in a source, in either of the two forms, or in both."""

from __future__ import annotations

from typing import Any

from sysimage.digest import Digest
from sysimage.verify.docker_manifest import choose, compare, documents_of, read_docker_manifest
from sysimage.verify.documents import parse_document
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
    listed = read_docker_manifest(source, limits) if source.size("manifest.json") is not None else ()
    if source.size("index.json") is None and source.size("oci-layout") is None:
        if not listed:
            raise MalformedError("it holds neither index.json nor manifest.json")
        return documents_of(source, choose(listed, name), faults, limits)
    documents = read_layout(source, faults, limits, platform, name)
    legacy = next((one for one in listed if one.config == documents.config_file), None)
    if legacy is None and listed:
        # One archive of several platforms has a manifest.json for one of them.
        others = {blob_name(config) for config in configs_of(source, limits)}
        legacy = None if any(one.config in others for one in listed) else listed[0]
    if legacy is not None:
        compare(documents, legacy, faults)
    return documents


def read_config(source: ImageSource, documents: ImageDocuments, limits: Limits) -> tuple[bytes, dict[str, Any]]:
    """The configuration again, as it is written and with all that it says; a MalformedError if it is another now."""
    data = source.read(documents.config_file, limits.document_size)
    if Digest.of(data) != documents.image_id:
        raise MalformedError("its config changed while it was read")
    return data, parse_document(data, limits)
