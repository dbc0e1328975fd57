"""What Debian packages say about themselves in their items: the stanza, and the licences in copyright files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sysimage.report.facts import ItemFact, PackageFact
from sysimage.rules.packages import is_stanza
from sysimage.rules.paths import Parts

LARGEST_FILE = 1 << 20
"""Bytes of such a file that is read."""
_COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z]+(?:-\d+(?:\.\d+)*)?)")
_FIELD = re.compile(r"^License:[ \t]*(\S.*)$", re.MULTILINE)
_PARAGRAPHS = (
    ("Permission is hereby granted, free of charge, to any person obtaining a copy", "Expat"),
    ("Redistribution and use in source and binary forms, with or without", "BSD"),
    ("Permission to use, copy, modify, and distribute this software", "ISC"),
    ("in the public domain", "public-domain"),
)
_LONGEST_NAME = 80


def is_read(parts: Parts) -> bool:
    """Whether a report reads the content of a file: a stanza of an item, or a copyright file."""
    return is_stanza(parts) or (parts[-1:] == (b"copyright",) and parts[-4:-2] == (b"share", b"doc"))


def read_stanza(data: bytes) -> PackageFact | None:
    """A package's stanza; None for what has no name or version."""
    fields: dict[str, str] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon and not line[:1].isspace():
            fields.setdefault(name.lower(), value.strip())
    if not fields.get("package") or not fields.get("version"):
        return None
    size = fields.get("installed-size", "")
    return PackageFact(
        fields["package"],
        fields["version"],
        fields.get("architecture", ""),
        fields.get("source", fields["package"]).partition(" ")[0],
        int(size) * 1024 if re.fullmatch(r"[0-9]{1,12}", size) else None,
    )


def read_licences(data: bytes) -> frozenset[str]:
    """Short names of the licences in a copyright file: those of its ``License`` fields where it is machine-readable
    (DEP-5), or else of the common licences that it names, or of texts that many packages quote."""
    text = data[:LARGEST_FILE].decode("utf-8", "replace")
    if text.lstrip().startswith("Format"):
        names = [name for line in _FIELD.findall(text) for name in re.split(r",?\s+(?:and|or)\s+", line.strip())]
        found = {name.strip(" ,").split(" with ")[0] for name in names}
        if found := {name for name in found if name and len(name) <= _LONGEST_NAME}:
            return frozenset(found)
    if common := {name.rstrip(".-") for name in _COMMON.findall(text)}:
        return frozenset(common)
    flat = " ".join(text.split())
    return frozenset(name for words, name in _PARAGRAPHS if words in flat)


def with_licences_of_source(items: Sequence[ItemFact]) -> list[ItemFact]:
    """A package without a copyright file refers to that of another package of its source, by a link that Debian
    made."""
    known: dict[str, set[str]] = {}
    for item in items:
        if item.package is not None:
            known.setdefault(item.package.source, set()).update(item.licences)
    return [
        item
        if item.licences or item.package is None
        else replace(item, licences=tuple(sorted(known[item.package.source])))
        for item in items
    ]
