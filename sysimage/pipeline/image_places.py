"""Finds an image by what people call it: a file, a layout, one of several in a layout, or a name in a registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.spec.image_reference import is_registry_name
from sysimage.verify.image_source import ImagePlace

if TYPE_CHECKING:
    from sysimage.destinations.registry import Registries


@dataclass(frozen=True, slots=True)
class FoundImage:
    """Where an image is, for whatever reads images."""

    place: Path | ImagePlace
    name: str | None = None
    """Which one, where a layout or an archive holds several: a tag, a whole name, or a digest."""

    def __str__(self) -> str:
        return str(self.place) if self.name is None else f"{self.place}:{self.name}"


def find_image(
    text: str,
    registries: Callable[[], Registries],
    keep: Path | None = None,
    *,
    whole: bool = False,
    beside: Path | None = None,
) -> FoundImage:
    """The image that ``text`` names: ``FILE``, ``FILE:TAG``, ``DIR``, ``DIR:TAG``, ``DIR@sha256:…``, or in a registry
    ``host/name:tag`` and ``host/name@sha256:…``. What is on this machine takes precedence; nothing is asked or
    read yet.

    ``registries`` says how they are reached. Of an image in a registry, blobs are kept in ``keep`` for later, or not at
    all, and with ``whole`` all of it is fetched when a layer is read. Paths are relative to ``beside``.
    """
    if (found := find_image_here(text, beside or Path())) is not None:
        return found
    if is_registry_name(text):
        from sysimage.destinations.registry import ImageReference
        from sysimage.pipeline.registry_image import RegistryImage

        return FoundImage(RegistryImage(ImageReference.parse(text), registries(), keep, whole=whole))
    return FoundImage((beside or Path()) / text)


def find_image_here(text: str, beside: Path = Path()) -> FoundImage | None:
    """The image on this machine that ``text`` names; None where nothing of the name is there."""
    path = beside / text.removeprefix("oci:")
    if path.exists():
        return FoundImage(path)
    for directory, found, name in (str(path).partition("@"), *cut_at_colons(str(path))):
        if found and name and ((Path(directory) / "oci-layout").exists() or Path(directory).is_file()):
            return FoundImage(Path(directory), name)
    return None


def cut_at_colons(text: str) -> Iterator[tuple[str, str, str]]:
    """Each way to read a place and a reference with a tag of its own: ``DIR:1.0``, ``DIR:web:1.0``."""
    for at in (at for at, letter in enumerate(text) if letter == ":"):
        yield text[:at], ":", text[at + 1 :]


def is_on_this_machine(text: str, beside: Path = Path()) -> bool:
    """Whether no registry has to be asked for the image: it is there, or its name is that of no registry."""
    return not is_registry_name(text) or find_image_here(text, beside) is not None


def path_of(text: str, beside: Path) -> Path:
    """The file or directory of an image on this machine, which need not be there."""
    found = find_image_here(text, beside)
    return found.place if found is not None and isinstance(found.place, Path) else beside / text
