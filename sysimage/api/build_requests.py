"""From the arguments of the library's functions to what the pipeline is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sysimage.api.arguments import Place, image_name
from sysimage.api.settings import Settings
from sysimage.errors import SpecError

if TYPE_CHECKING:
    from sysimage.layerplan import Record
    from sysimage.pipeline.history import AskRegistry, History
    from sysimage.pipeline.options import BuildRequest, DeclaredSystem, Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a build is asked for beside the spec and where the image goes; the fields are arguments of `api.build`."""

    settings: Settings
    tags: Sequence[str] = ()
    created: int | None = None
    max_layers: int | None = None
    compression: str | None = None
    previous: Place | None = None
    history: Sequence[Place] = ()
    locked: bool = False

    def request(self, system: DeclaredSystem) -> BuildRequest:
        """What the pipeline is asked for, without where the image goes."""
        from sysimage.pipeline.options import BuildRequest, Identity, Planning
        from sysimage.pipeline.overrides import overridden

        spec = overridden(system.spec, max_layers=self.max_layers, compression=self.compression)
        names = tuple(image_name(text) for text in self.tags) or Identity.of(spec).names
        return BuildRequest(
            system=replace(system, spec=spec),
            sources=self.settings.sources(locked=self.locked, keeps_ids=True),
            identity=Identity(names, created=self.created),
            planning=Planning(history=self._history(spec.platform)),
            layers=self.settings.layer_storage(),
        )

    def delivered(
        self, request: BuildRequest, where: Delivery, push: Sequence[str], *, continue_from_replaced: bool
    ) -> BuildRequest:
        """The request with the destinations of the image, and, if asked for, with the image there as the previous
        build."""
        request = replace(request, delivery=where)
        if not continue_from_replaced:
            return request
        return replace(request, planning=replace(request.planning, history=self._replaced(request, push)))

    def _ask(self, platform: str) -> AskRegistry:
        def ask(name: str) -> dict[str, str] | None:
            self.settings.require_network(name)
            return self.settings.registries().annotations(name, platform)

        return ask

    def _history(self, platform: str) -> History:
        from sysimage.pipeline.history import History, read_records

        ask = self._ask(platform)

        def records(place: Place) -> tuple[Record, ...]:
            return read_records(str(place), platform, ask)

        before = [record for place in self.history for record in records(place)]
        previous = None if self.previous is None else records(self.previous)[-1]
        return History(tuple(record.closure for record in before), previous)

    def _replaced(self, request: BuildRequest, push: Sequence[str]) -> History:
        """The history with the image that is replaced as the build before this one."""
        from sysimage.pipeline.history import what_is_replaced

        output = request.delivery.output
        if self.previous is not None:
            raise SpecError("cannot go on from the image that is replaced: previous says otherwise")
        if isinstance(output, int) or (output is None and not push):
            raise SpecError("cannot go on from the image that is replaced: no image is replaced")
        platform = request.system.spec.platform
        found = what_is_replaced(output, push, platform, self._ask(platform), str(request.identity.names[0]))
        return replace(request.planning.history, previous=found)
