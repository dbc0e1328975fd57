"""JSON documents with their exact bytes: what is hashed is what is written is what is read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sysimage.blobs import Descriptor
from sysimage.digest import Digest


@dataclass(frozen=True, slots=True)
class EncodedDocument:
    """A document and the bytes its digest is of."""

    descriptor: Descriptor
    data: bytes

    @classmethod
    def of(cls, value: Any, media_type: str) -> EncodedDocument:
        """Write a value down."""
        data = canonical_json(value)
        return cls(Descriptor(media_type, Digest.of(data), len(data)), data)

    @property
    def value(self) -> Any:
        """The parsed document, from the very bytes that the digest is of."""
        return json.loads(self.data)


def canonical_json(value: Any) -> bytes:
    """The one form in which we write JSON that is hashed: keys sorted, no blanks, UTF-8; NaN is a ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
