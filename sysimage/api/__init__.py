"""sysimage as a library: build, plan, verify, inspect and lock images of whole systems from Python.

    from sysimage import api

    image = api.build("system.json", "web.tar")
    print(image.digest, len(image.layers))

Every function takes a path or a value, has a default for everything but what it works on, prints nothing, and raises a
`SysimageError` for what its caller can act on. What is read of the process's environment and clock, and how to say
something else, is written at `Settings`. ``docs/python.md`` is the guide, ``docs/stability.md`` says what stays.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sysimage.api.arguments import Place, Spec
    from sysimage.api.copying import copy, push, tags
    from sysimage.api.documents import FORMAT_VERSION, document
    from sysimage.api.images import build, plan
    from sysimage.api.lock_files import lock
    from sysimage.api.platforms import build_platforms
    from sysimage.api.reading import inspect, verify
    from sysimage.api.settings import Settings
    from sysimage.api.specs import ResolvedSpec, resolve
    from sysimage.api.values import (
        BuiltImage,
        BuiltIndex,
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
    from sysimage.verify import ImageSummary, LayerSummary, VerifiedImage, VerifiedLayer

__all__ = [
    "FORMAT_VERSION",
    "BootTestError",
    "BuiltImage",
    "BuiltIndex",
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
    "build_platforms",
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


_PLACES = {
    "sysimage.api.arguments": ("Place", "Spec"),
    "sysimage.api.copying": ("copy", "push", "tags"),
    "sysimage.api.documents": ("FORMAT_VERSION", "document"),
    "sysimage.api.images": ("build", "plan"),
    "sysimage.api.lock_files": ("lock",),
    "sysimage.api.platforms": ("build_platforms",),
    "sysimage.api.reading": ("inspect", "verify"),
    "sysimage.api.settings": ("Settings",),
    "sysimage.api.specs": ("ResolvedSpec", "resolve"),
    "sysimage.digest": ("Digest",),
    "sysimage.progress": ("Progress",),
    "sysimage.spec.choices": ("SpecChoices",),
    "sysimage.spec.model": ("SystemSpec",),
    "sysimage.verify": ("ImageSummary", "LayerSummary", "VerifiedImage", "VerifiedLayer"),
    "sysimage.errors": tuple(name for name in __all__ if name.endswith("Error") or name == "Issue"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Each name is loaded when it is used: a program that copies images does without what reads specs."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_MODULES.get(name, "sysimage.api.values")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
