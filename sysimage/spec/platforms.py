"""One spec for several platforms: a reading for each, with another architecture laid over it where it names another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sysimage.errors import SpecError
from sysimage.rules.architectures import architecture_name
from sysimage.spec.choices import KeyValue, SpecChoices
from sysimage.spec.include import SpecText
from sysimage.spec.model import SystemSpec
from sysimage.spec.parse import ReadSpec, check_spec, read_composed

_KEYS = (("architecture",), ("architectures",))


@dataclass(frozen=True, slots=True)
class PlatformSpec:
    """What a spec says for one platform."""

    read: ReadSpec
    own_architecture: str
    """What the spec itself is for; the first where it names several."""

    @property
    def other_architecture(self) -> str | None:
        """The architecture, where it is not the spec's own."""
        found = self.read.spec.architecture
        return None if found == self.own_architecture else found


def platform_specs(
    text: SpecText, choices: SpecChoices, platforms: Sequence[str] | None = None
) -> tuple[PlatformSpec, ...]:
    """The spec for each of ``platforms`` (``linux/arm64``), by default for those that it names itself: each is what it
    would be if it named that architecture alone. A `SpecError` has every fault.
    """
    others = tuple(one for one in choices.assignments if one.keys not in _KEYS)
    own = asked = read_composed(text, replace(choices, assignments=others))
    if platforms is None and len(others) < len(choices.assignments):
        asked = read_composed(text, choices)
    found = []
    for architecture in _architectures(asked.spec, platforms):
        read = next((one for one in (asked, own) if _is_for(one.spec, architecture)), None)
        if read is None:
            said = KeyValue.parse(f"architecture={architecture}")
            read = read_composed(text, replace(choices, assignments=(*others, said)))
        found.append(PlatformSpec(read, own.spec.architecture))
    return tuple(found)


def platform_values(spec: SystemSpec, beside: Path, platforms: Sequence[str] | None = None) -> tuple[SystemSpec, ...]:
    """Like `platform_specs`, for a spec that was read before."""
    return tuple(
        check_spec(
            spec
            if _is_for(spec, architecture)
            else spec.model_copy(update={"architecture": architecture, "architectures": None}),
            beside,
        )
        for architecture in _architectures(spec, platforms)
    )


def several_platforms() -> SpecError:
    """The fault of what can be done for one platform at a time."""
    return SpecError("cannot do this for several platforms at once", hint="name one --platform, or build")


def _architectures(spec: SystemSpec, platforms: Sequence[str] | None) -> tuple[str, ...]:
    if platforms is None:
        return spec.architectures or (spec.architecture,)
    found = tuple(_architecture(platform) for platform in platforms)
    if not found or len(set(found)) < len(found):
        cause = "one is named twice" if found else "none is named"
        raise SpecError(f"cannot build for the platforms {', '.join(platforms)}: {cause}")
    return found


def _architecture(platform: str) -> str:
    try:
        return architecture_name(platform.removeprefix("linux/"))
    except ValueError:
        raise SpecError(
            f"cannot build for the platform {platform}: it has no architecture that is known",
            hint="say such as linux/amd64 or linux/arm64",
        ) from None


def _is_for(spec: SystemSpec, architecture: str) -> bool:
    return spec.architectures is None and spec.architecture == architecture
