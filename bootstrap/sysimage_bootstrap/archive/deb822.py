"""Control data: paragraphs of ``Field: value`` lines, as in Release, Packages and ``*.sources`` files."""

from __future__ import annotations

from collections.abc import Iterator


def paragraphs(text: str) -> Iterator[dict[str, str]]:
    """Every paragraph as lower-case field name → value; continuation lines are joined by newlines, stripped.

    A field that occurs twice, a continuation without a field and a line without a colon are ValueErrors: data
    that two readers could understand differently must not be used.
    """
    fields: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.split("\n"):
        if not line or line.isspace():
            if fields:
                yield {name: "\n".join(lines).strip() for name, lines in fields.items()}
            fields, current = {}, None
        elif line[0] == "#":
            continue
        elif line[0] in " \t":
            if current is None:
                raise ValueError(f"a continuation line without a field: {line[:80]!r}")
            current.append(line.strip())
        else:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip() or " " in name:
                raise ValueError(f"not a field: {line[:80]!r}")
            name = name.lower()
            if name in fields:
                raise ValueError(f"the field {name} occurs twice")
            current = fields[name] = [value.strip()]
    if fields:
        yield {name: "\n".join(lines).strip() for name, lines in fields.items()}


def paragraph(text: str) -> dict[str, str]:
    """The only paragraph of ``text``; none, or a second one, is a ValueError."""
    found = list(paragraphs(text))
    if len(found) != 1:
        raise ValueError(f"{len(found)} paragraphs where one belongs")
    return found[0]
