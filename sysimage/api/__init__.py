"""sysimage as a library: build, plan, verify, inspect and lock images of whole systems from Python.

    from sysimage import api

    image = api.build("system.json", "web.tar")
    print(image.digest, len(image.layers))

Every function takes a path or a value, has a default for everything but what it works on, prints nothing, and raises a
`SysimageError` for what its caller can act on. What is read of the process's environment and clock, and how to say
something else, is written at `Settings`. ``docs/python.md`` is the guide, ``docs/stability.md`` says what stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sysimage.api.arguments import Place, Spec
from sysimage.api.copying import copy, push, tags
from sysimage.api.documents import FORMAT_VERSION, document
from sysimage.api.images import build, plan
from sysimage.api.lock_files import lock
from sysimage.api.reading import inspect, verify
from sysimage.api.settings import Settings
from sysimage.api.specs import ResolvedSpec, resolve
from sysimage.api.values import (
    BuiltImage,
    BuiltLayer,
    CopiedImage,
    LockedPackage,
    LockedPackages,
    Plan,
    PlannedLayer,
    PushedImage,
)
from sysimage.digest import Digest
from sysimage.errors import (
    BootTestError,
    IntegrityError,
    Issue,
    LockError,
    MachineError,
    RegistryError,
    SpecError,
    SysimageError,
)
from sysimage.progress import Progress
from sysimage.spec.choices import SpecChoices
from sysimage.spec.model import SystemSpec

if TYPE_CHECKING:
    from sysimage.verify import ImageSummary, LayerSummary, VerifiedImage, VerifiedLayer

__all__ = [
    "FORMAT_VERSION",
    "BootTestError",
    "BuiltImage",
    "BuiltLayer",
    "CopiedImage",
    "Digest",
    "ImageSummary",
    "IntegrityError",
    "Issue",
    "LayerSummary",
    "LockError",
    "LockedPackage",
    "LockedPackages",
    "MachineError",
    "Place",
    "Plan",
    "PlannedLayer",
    "Progress",
    "PushedImage",
    "RegistryError",
    "ResolvedSpec",
    "Settings",
    "Spec",
    "SpecChoices",
    "SpecError",
    "SysimageError",
    "SystemSpec",
    "VerifiedImage",
    "VerifiedLayer",
    "build",
    "copy",
    "document",
    "inspect",
    "lock",
    "plan",
    "push",
    "resolve",
    "tags",
    "verify",
]


def __getattr__(name: str) -> Any:
    """The values of `sysimage.verify`, which is loaded when one of them is used: a build does without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import sysimage.verify

    return getattr(sysimage.verify, name)
