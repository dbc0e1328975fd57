"""The unit files of an image by name, with aliases, templates and drop-ins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sysimage.errors import Issue
from sysimage.suggestions import closest
from sysimage_bootstrap.units.specifiers import UnitName
from sysimage_bootstrap.units.unit_file import UnitFile


@dataclass(frozen=True)
class UnitFiles:
    """All of them. Names are whole: ``nginx.service``, ``postgresql@.service``."""

    texts: Mapping[str, str]
    links: Mapping[str, str] = field(default_factory=dict)
    """Name → what it is another name of."""
    drop_ins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of a unit or template → texts of its drop-ins, in their order."""
    overrides: Mapping[str, UnitFile] = field(default_factory=dict)
    """Name of a unit or template → what comes last."""
    in_etc: frozenset[str] = frozenset()
    """Names of the units that are in /etc/systemd/system, and not where packages ship theirs."""
    init_scripts: frozenset[str] = frozenset()
    """Names of the scripts for System V's init that packages ship. They are not in the image."""

    @cached_property
    def _files(self) -> Mapping[str, UnitFile]:
        return {name: UnitFile.parse(text) for name, text in self.texts.items()}

    @cached_property
    def _aliases(self) -> Mapping[str, str]:
        """Besides links: what units call themselves when they are enabled."""
        return {
            alias: name for name in sorted(self._files) for alias in self._files[name].words("Install", "Alias")
        } | dict(self.links)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that leads to a unit."""
        return frozenset({*self._files, *self._aliases})

    def closest(self, name: str) -> str | None:
        """The unit that was probably meant, as people write it."""
        return closest(name.removesuffix(".service"), (one.removesuffix(".service") for one in self.names))

    def missing(self, name: str, where: str) -> Issue:
        """What to say of a name that leads to no unit."""
        message = f"no package of the image has a unit {name}"
        stem = name.removesuffix(".service")
        if stem in self.init_scripts:
            why = f"only a script for another init, /etc/init.d/{stem}"
            return Issue(where, f'{message}, {why}: say what it starts under the key "services"')
        return Issue(where, message, suggestion=self.closest(name))

    def parts_of(self, name: str) -> tuple[str, ...]:
        """The services that are ``PartOf=`` another one; templates, which need an instance, are left out."""
        return tuple(
            one
            for one, unit in sorted(self._files.items())
            if one.endswith(".service") and not one.endswith("@.service") and name in unit.words("Unit", "PartOf")
        )

    def find(self, name: str) -> tuple[UnitName, UnitFile] | None:
        """The unit that a name means, under its own name, with everything that is added to it."""
        asked = UnitName(name)
        for _ in range(8):
            template = asked.template
            if asked.full in self._files:
                return asked, self._with_drop_ins(self._files[asked.full], [asked.full])
            if asked.full in self._aliases:
                asked = UnitName(self._aliases[asked.full])
            elif template is not None and template in self._files and asked.instance:
                return asked, self._with_drop_ins(self._files[template], [template, asked.full])
            elif template is not None and template in self._aliases and asked.instance:
                target = UnitName(self._aliases[template])
                asked = UnitName(f"{target.prefix}@{asked.instance}.{target.kind}")
            else:
                return None
        return None

    def _with_drop_ins(self, unit: UnitFile, names: Iterable[str]) -> UnitFile:
        names = list(names)
        parts = [UnitFile.parse(text) for name in names for text in self.drop_ins.get(name, ())]
        parts += [self.overrides[name] for name in names if name in self.overrides]
        return unit.with_drop_ins(parts)
