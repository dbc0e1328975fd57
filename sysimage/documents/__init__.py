"""What ``--json`` prints, as typed values: one vocabulary for all verbs, from which the JSON Schemas are made.

The words, in all documents: ``size`` is in bytes as stored or sent, ``unpacked_size`` in bytes uncompressed; a number
of things ends with ``_count``, and a plural is an array or an object of them. ``names`` are whole names of an image,
``platform`` is ``OS/ARCH``, times are RFC 3339, ``image`` and ``spec`` are what was named. A field that has no value is
null.
"""

from __future__ import annotations

from sysimage.documents.json_value import Document, Part, document_value, json_value

__all__ = ["Document", "Part", "document_value", "json_value"]
