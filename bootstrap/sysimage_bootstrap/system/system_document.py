"""``SYSTEM/system.json``: the declaration of the system, for queries in the running system."""

from __future__ import annotations

import json
from pathlib import Path

from sysimage.digest import Digest
from sysimage.rootfs.declared_entries import file_mode
from sysimage.spec.model import SystemSpec


def system_document(spec: SystemSpec, spec_dir: Path) -> bytes:
    """The spec with its defaults, as canonical JSON.

    Every user can read the store, so it contains no possible secret: of a file its SHA-256 stands for the text, and the
    hashes of passwords are left out.
    """
    document = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    for user in document["users"].values():
        user.pop("password-hash", None)
    for tree in document["trees"].values():
        tree.pop("source")  # another checkout makes no other system
    for language in {"python", "node"} & document.keys():
        document[language] = {}  # their packages are items of the image; where they came from makes no other system
    for path, file in document["files"].items():
        declared = spec.files[path]
        content = (
            (spec_dir / declared.source).read_bytes()
            if declared.source is not None
            else (declared.text or "").encode("utf-8")
        )
        file["mode"] = f"{file_mode(declared, spec_dir):04o}"
        file.pop("text", None)
        file.pop("source", None)
        file["digest"] = str(Digest.of(content))
    return json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"
