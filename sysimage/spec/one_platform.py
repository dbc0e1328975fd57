"""Most verbs are about one image: of a spec for several platforms one has to be chosen."""

from __future__ import annotations

from sysimage.errors import SpecError
from sysimage.spec.model import SystemSpec


def require_one_platform(spec: SystemSpec) -> None:
    """A `SpecError` for a spec whose ``architectures`` are several."""
    if len(spec.architectures or ()) > 1:
        raise several_platforms()


def several_platforms() -> SpecError:
    """The fault of what can be done for one platform at a time."""
    return SpecError("cannot do this for several platforms at once", hint="name one --platform, or build")
