"""What earlier builds knew and decided, found where they left it: beside their output, and in the image itself.

Every image carries its closure and plan as an annotation of its manifest, so that whatever holds the image (an archive,
an OCI layout, a registry) holds its history too, and one request for the manifest gets it. A manifest moves with every
update, so the record in it is packed (see `sysimage.pipeline.compressed_text`); beside an output it is plain JSON.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sysimage.closure import Closure
from sysimage.errors import IntegrityError, MachineError, SpecError
from sysimage.layerplan import LayerPlan, Record, from_json, to_json
from sysimage.pipeline.compressed_text import compress_text, decompress_text
from sysimage.pipeline.image_places import find_image, is_on_this_machine
from sysimage.suggestions import did_you_mean

if TYPE_CHECKING:
    from sysimage.destinations.registry import Registries

ANNOTATION = "io.sysimage.plan"
"""The manifest's annotation that holds the record."""
SUFFIX = ".plan.json"
MOST_IN_A_MANIFEST = 1 << 20
"""Characters of a packed record that goes into a manifest; registries refuse manifests beyond 4 MiB."""

AskRegistry = Callable[[str], "dict[str, str] | None"]
"""From the name of an image to the annotations of its manifest; None where a registry has no such image."""


@dataclass(frozen=True, slots=True)
class History:
    """What a plan may learn from. Closures oldest first."""

    closures: tuple[Closure, ...] = ()
    previous: Record | None = None
    """The build before this one, whose layers are kept where changing them does not pay."""

    def before(self, closure: Closure) -> tuple[Closure, ...]:
        """The closures to compare ``closure`` with; a build that changed nothing is not a step."""
        steps: list[Closure] = []
        for one in (*self.closures, *([self.previous.closure] if self.previous else [])):
            if not steps or not _same(steps[-1], one):
                steps.append(one)
        if steps and _same(steps[-1], closure):
            steps.pop()
        return tuple(steps)

    def unchanged_plan(self, closure: Closure, rule: str) -> LayerPlan | None:
        """The previous plan itself, where nothing has changed since: neither the items nor what is asked for."""
        found = self.previous
        return found.plan if found and found.rule == rule and _same(found.closure, closure) else None


def record_annotations(record: Record) -> dict[str, str]:
    """The annotation for an image; none where the record is longer than a manifest should be."""
    text = compress_text(record_text(record))
    return {ANNOTATION: text} if len(text) <= MOST_IN_A_MANIFEST else {}


def record_text(record: Record) -> str:
    """The record as text."""
    return to_json(record.plan, record.closure, created=record.created, rule=record.rule)


def record_path(output: Path) -> Path:
    """Where the record of an image is beside it: ``web.plan.json`` for ``web.tar`` and for the layout ``web``."""
    output = output.absolute()
    return output.with_name(output.name.removesuffix(".tar") + SUFFIX)


def record_beside(output: Path) -> Path | None:
    """Where the record of an image goes; None beside an output that is not a new file, such as a pipe,
    ``/dev/null``, or the name of an open descriptor."""
    if output.exists() and not output.is_file() and not output.is_dir():
        return None
    leads_to = str(output.readlink()) if output.is_symlink() else ""
    if leads_to.startswith("/proc/") or os.path.realpath(output.parent).startswith("/proc/"):
        return None
    return record_path(output)


def is_record_or_absent(place: Path) -> bool:
    """Whether a record may be written to ``place``: nothing is there, or a record."""
    try:
        from_json(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return True
    except (OSError, ValueError, IntegrityError):
        return False
    return True


def read_records(place: str, platform: str, ask: AskRegistry) -> tuple[Record, ...]:
    """The records at ``place``, oldest first: a record's file, a directory of such files, an archive, an OCI layout, or
    the name of an image in a registry. ``platform``, such as ``linux/amd64``, chooses where there are several images.

    A place that is not there is a `SpecError`, one without a record an `IntegrityError`.
    """
    path = Path(place)
    if path.is_dir() and not (path / "oci-layout").exists():
        records = [(from_json(_text(file)), file.name) for file in path.glob(f"*{SUFFIX}")]
        found = tuple(record for record, _ in sorted(records, key=lambda pair: (pair[0].created, pair[1])))
    elif place.endswith(".json"):
        found = (from_json(_text(path)),)
    elif path.exists():
        found = _of_image(path, platform)
    elif not is_on_this_machine(place):
        annotations = ask(place)
        if annotations is None:
            from sysimage.destinations.registry.manifest import not_there

            raise not_there(f"read the history {place}", "image")
        found = _of_annotations(annotations)
    elif (image := find_image(place, _unreached)).name is not None and isinstance(image.place, Path):
        found = _of_image(image.place, platform, image.name)
    else:
        raise SpecError(
            f"cannot read the history {place}: there is no such file",
            hint=did_you_mean(
                path, "say the record of a build, a directory of records, an image, or such as registry.example/web:1.0"
            ),
        )
    if not found and path.is_dir() and not (path / "oci-layout").exists():
        raise SpecError(
            f"cannot read the history {place}: it is a directory, and no record of a build is in it",
            hint=f"records are called *{SUFFIX}; `sysimage build --record` writes them",
        )
    if not found:
        raise IntegrityError(
            f"cannot read the history {place}: it holds no record of a build",
            hint="images of `sysimage build` have one, except docker-archives, which keep it in a file beside them",
        )
    return found


def what_is_replaced(
    output: Path | None, pushed: Sequence[str], platform: str, ask: AskRegistry, name: str | None = None
) -> Record | None:
    """The record of the image that a build is about to replace: at ``output``, or else at the first place of
    ``pushed``. None where there is no image yet, or one that says nothing of a plan.

    Of several images in a layout it is the one that is called ``name``, or none; an only one may be called otherwise.
    """
    if output is not None:
        beside = record_path(output)
        if not output.exists():
            return None
        found: tuple[Record, ...] = ()
        if output.is_file():
            found = _of_image(output, platform)
        elif (output / "oci-layout").exists() and (called := _called(output, name)) is not None:
            found = _of_image(output, platform, called)
        if not found and beside.exists():
            found = (from_json(_text(beside)),)
    else:
        found = _of_annotations(ask(pushed[0]) or {}) if pushed else ()
    return found[-1] if found else None


def record_in(annotations: Mapping[str, str]) -> Record | None:
    """The record among the annotations of an image's manifest, if it has one."""
    found = _of_annotations(annotations)
    return found[-1] if found else None


def record_value(annotations: Mapping[str, str]) -> dict[str, Any] | None:
    """The same as the JSON value that a record's file holds."""
    text = annotations.get(ANNOTATION)
    if text is None:
        return None
    text = decompress_text(text)
    from_json(text)
    value: dict[str, Any] = json.loads(text)
    return value


def _unreached() -> Registries:
    raise SpecError("cannot ask a registry for what is on this machine")


def _of_image(path: Path, platform: str, name: str | None = None) -> tuple[Record, ...]:
    from sysimage.verify import inspect_image  # imported late: not needed by builds without history

    return _of_annotations(inspect_image(path, platform=platform, name=name or None).annotations)


def _called(layout: Path, name: str | None) -> str | None:
    """``name`` if the layout has an image of that name among several; empty if it has one; None otherwise."""
    from sysimage.destinations.layout_index import read_index

    index = read_index(layout)
    if len(index.manifests) < 2:
        return "" if index.manifests else None
    return name if name is not None and index.names(name) else None


def _of_annotations(annotations: Mapping[str, str]) -> tuple[Record, ...]:
    text = annotations.get(ANNOTATION)
    return () if text is None else (from_json(decompress_text(text)),)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError(f"cannot read the history {path}: there is no such file", hint=did_you_mean(path)) from None
    except UnicodeDecodeError:
        raise IntegrityError(f"cannot read the history {path}: it is not UTF-8") from None
    except OSError as error:
        raise MachineError(f"cannot read the history {path}: {error.strerror}") from None


def _same(one: Closure, other: Closure) -> bool:
    """Whether two closures have the same items and roots, whatever is known besides."""
    return one.roots == other.roots and _facts(one) == _facts(other)


def _facts(closure: Closure) -> list[tuple[object, ...]]:
    return [(item.path, item.nar_hash, item.references) for item in closure]
