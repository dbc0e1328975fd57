"""Every rule of the verifier has a twin on the side that writes: what keeps a build from making what is refused.

A rule is found in the verifier's code: the name of a fault, or the function that gives an image up. A new one says
here what keeps builds from breaking it. What is shared needs no twin: both sides ask `sysimage.rules`.
"""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import sysimage.rules
import sysimage.verify

VERIFY = Path(sysimage.verify.__file__).parent
RULES = Path(sysimage.rules.__file__).parent

_DOCUMENTS = "sysimage.image.documents:canonical_json"
_IMAGE = "sysimage.image.image:make_image"
_ARCHIVE = "sysimage.destinations.archive:write_archive"
_LAYOUT = "sysimage.destinations.layout:write_oci_layout"
_HEADERS = "sysimage.layers.headers:Headers"
_TAR = "sysimage.layers.tar:write_tar"
_ITEMS = "sysimage.store.walk:walk"
_SOURCE = "sysimage.layers.source:LayerSource"
_DATABASE = "sysimage.store.database:store_database"
_COMPRESSION = "sysimage.layers.compression:Compression"
_PREFLIGHT = "sysimage.preflight.check:check_draft"
_BLOB = "sysimage.layers.blob:write_layer"
_CHECK = "sysimage.layers.item_checks:Check"
"""Only where it is asked for (``--check-store``, ``--check-references``): otherwise what a store says is believed."""
_CONFIG = "sysimage.image.config:ImageConfig"
_TREE = "sysimage.rootfs.tree:RootTree"

FAULTS: dict[str, str] = {
    "config.config": "sysimage.rules.runtime:check_runtime",
    "database.database": _DATABASE,
    "database.registration": _DATABASE,
    "database.row order": _DATABASE,
    "database.schema": _DATABASE,
    "image.digest": _ARCHIVE,
    "layer.blobs": _ARCHIVE,
    "layer.diff ID": _BLOB,
    "layer.digest": _BLOB,
    "layer.layers": _TAR,
    "layout.media types": "sysimage.blobs.media_types",
    "layout.platform": _IMAGE,
    "docker_manifest.digest": _ARCHIVE,
    "docker_manifest.manifest.json": _ARCHIVE,
    "docker_manifest.repetition": _IMAGE,
    "manifest.history": _CONFIG,
    "manifest.layer limit": "sysimage.layerplan.budget:check_max_layers",
    "layer_rules.extended attributes": _HEADERS,
    "layer_rules.extended headers": _HEADERS,
    "layer_rules.hard links": "sysimage.layers.shown_files:ItemShown",
    "layer_rules.modes": _HEADERS,
    "layer_rules.names": _HEADERS,
    "layer_rules.order": _SOURCE,
    "layer_rules.parents": _SOURCE,
    "layer_rules.sparse files": _HEADERS,
    "layer_rules.special files": _ITEMS,
    "layer_rules.times": "sysimage.layers.headers:MTIME",
    "layer_rules.whiteout": "sysimage.layers.items:FOR_LAYER",
    "packages.packages": "sysimage.rootfs.rows:package_rows",
    "store.NAR hash": _CHECK,
    "store.NAR size": _CHECK,
    "store.database": _PREFLIGHT,
    "store.derivation outputs": "sysimage.store.derivations:outputs_of",
    "store.missing items": "sysimage.closure.closure:Closure",
    "store.references": _CHECK,
    "store.registration": "sysimage.store.paths:StorePath",
    "store.schema": "sysimage.rootfs.provision:registration",
    "store.store modes": _HEADERS,
    "store.unregistered items": _PREFLIGHT,
    "system.GC roots": "sysimage.rootfs.provision:registration",
    "tree.clobbering": "sysimage.bases.tree_on_base:place_on",
    "tree.hard links": _HEADERS,
    "tree.parents": _TREE,
    "tree.whiteout": _TREE,
}
"""Module and rule → what prevents it, as ``module:name``."""

GIVEN_UP: dict[str, str] = {
    "compression._decompressed_by": _ARCHIVE,
    "compression._gunzipped": _COMPRESSION,
    "compression._unzstandardised": _COMPRESSION,
    "compression.sniff": _COMPRESSION,
    "config._history": _CONFIG,
    "config._keys": _CONFIG,
    "config.parse_config": _CONFIG,
    "documents._check_depth": _DOCUMENTS,
    "documents._refuse_constant": _DOCUMENTS,
    "documents._without_duplicates": _DOCUMENTS,
    "documents.field": _IMAGE,
    "documents.parse_descriptor": "sysimage.blobs.descriptor:Descriptor",
    "documents.described": _DOCUMENTS,
    "documents.parse_document": _DOCUMENTS,
    "documents.parse_json": "sysimage.preflight.documents:check_documents",
    "documents.string_map": _CONFIG,
    "documents.strings": _CONFIG,
    "read_documents.read_config": _IMAGE,
    "read_documents.read_documents": _ARCHIVE,
    "layer._bounded": "sysimage.preflight.check:check_layers",
    "layer._checked_compression": _COMPRESSION,
    "layer._read_file": _PREFLIGHT,
    "layout._check_types": "sysimage.blobs.media_types",
    "layout._choose": _LAYOUT,
    "layout._only_image": _LAYOUT,
    "layout._refuse_confusion": _IMAGE,
    "layout._with_name": _LAYOUT,
    "layout.read_blob": "sysimage.blobs.directory:BlobDirectory",
    "layout.read_layout": _LAYOUT,
    "docker_manifest.choose": _ARCHIVE,
    "docker_manifest.documents_of": _ARCHIVE,
    "docker_manifest.read_docker_manifest": _ARCHIVE,
    "manifest.assemble": "sysimage.image.image:Image",
    "skopeo_directory._read_manifest": _DOCUMENTS,
    "small_files._read": "sysimage.bases.read:read_base_image",
    "image_source._decompress": _ARCHIVE,
    "image_source._index": _ARCHIVE,
    "image_source._read": _ARCHIVE,
    "image_source.skip": _ARCHIVE,
    "chunk_stream.pieces": _TAR,
    "summary._registered_items": _ARCHIVE,
    "sparse_files._number": _HEADERS,
    "sparse_files._pairs": _HEADERS,
    "sparse_files.check_segments": _HEADERS,
    "sparse_files.read_map": _HEADERS,
    "sparse_files.take_sparse_records": _HEADERS,
    "sparse_files.with_one_map": _HEADERS,
    "tar._check": _HEADERS,
    "tar._content": _HEADERS,
    "tar._extension": _HEADERS,
    "tar._member": _PREFLIGHT,
    "tar._number": _HEADERS,
    "tar._pax_number": _HEADERS,
    "tar._pax_records": _HEADERS,
    "tar._pax_size": _HEADERS,
    "tar._read_end": _TAR,
    "tar._with_holes": _HEADERS,
    "tar.read_members": _TAR,
    "tar.split_name": _HEADERS,
}
"""Module and function → what prevents that it gives up."""

NOT_PREVENTED = {"layer._read_content"}
"""Two million entries: how many there are is unknown before all is read, nor where layers come from a cache."""

SHARED = {
    "architecture": "sysimage.rules.program_architectures:check_architecture",
    "config": "sysimage.rules.runtime:check_runtime",
    "entry point": "sysimage.rules.system:check_start",
    "working directory": "sysimage.rules.system:check_start",
    "volumes": "sysimage.rules.system:check_start",
    "health check": "sysimage.rules.system:check_health",
    "user": "sysimage.rules.system:check_user",
    "first boot": "sysimage.rules.system:check_first_boot",
    "login shells": "sysimage.rules.system:check_shells",
    "services": "sysimage.rules.system:check_services",
    "GC roots": "sysimage.rules.system:check_roots",
    "packages": "sysimage.rules.packages:check_rows",
}
"""Rules of `sysimage.rules`, and what asks for them on both sides."""


NAMING = (
    "faults.add",
    "self._faults.add",
    "reading.faults.add",
    "self._fault",
    "faults.note",
    "style",
    "self._advice",
)
"""What the verifier calls with a rule's name: some are faults in images of sysimage alone, and notes in others."""


def faults() -> set[str]:
    """Every fault that the verifier names by itself."""
    found = set()
    for path, node in _calls(VERIFY):
        called = ast.unparse(node.func)
        if (called in NAMING or ".style(" in called) and node.args:
            rule = node.args[0]
            if isinstance(rule, ast.Constant) and isinstance(rule.value, str):
                found.add(f"{path.stem}.{rule.value}")
    return found


def given_up() -> set[str]:
    """Every function that says that an image cannot be read any further."""
    found = set()
    for path in VERIFY.glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef) and "MalformedError(" in ast.unparse(function):
                found.add(f"{path.stem}.{function.name}")
    return found


def _calls(room: Path) -> list[tuple[Path, ast.Call]]:
    return [
        (path, node)
        for path in sorted(room.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]


def test_every_fault_has_a_twin() -> None:
    assert faults() == FAULTS.keys()


def test_everything_that_an_image_is_given_up_for_has_a_twin() -> None:
    assert given_up() == GIVEN_UP.keys() | NOT_PREVENTED


def test_every_shared_rule_is_asked_for_by_both_sides() -> None:
    rules = {
        node.args[0].value
        for _, node in _calls(RULES)
        if ast.unparse(node.func) == "Finding" and isinstance(node.args[0], ast.Constant)
    }
    assert rules == SHARED.keys()
    asked = {
        room: {ast.unparse(node.func).split(".")[-1] for _, node in _calls(folder)}
        for room, folder in (("verify", VERIFY), ("preflight", VERIFY.parent / "preflight"), ("rules", RULES))
    }
    whole = {"check_system", "check_runtime"}
    assert whole <= asked["verify"]
    assert whole <= asked["preflight"]
    assert {"check_rows", "check_architecture"} <= asked["verify"] & asked["preflight"]
    whole |= {"check_rows", "check_architecture"}
    for name in {twin.partition(":")[2] for twin in SHARED.values()} - whole - {"check_services"}:
        assert name in asked["rules"], f"{name} is a part of check_system"
    assert "check_services" in asked["preflight"], "the init's own declarations are the build's to know"


@pytest.mark.parametrize("twin", sorted({*FAULTS.values(), *GIVEN_UP.values(), *SHARED.values()}))
def test_a_twin_is_there(twin: str) -> None:
    module, _, name = twin.partition(":")
    found = importlib.import_module(module)
    assert not name or hasattr(found, name)
