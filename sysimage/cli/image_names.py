"""Names of images as flags say them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.image import ImageName


def image_name(text: str) -> ImageName:
    """A name with or without a tag."""
    from sysimage.image import ImageName

    try:
        return ImageName.parse(text)
    except ValueError as error:
        raise SpecError(f"cannot name the image: {error}", hint="say such as --tag web:1.0") from None


def whole_name(text: str | None) -> str | None:
    """A name with its tag."""
    return None if text is None else str(image_name(text))
