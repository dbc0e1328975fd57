"""What is found damaged while an image is made is made again, and the image comes out whole.

The cache is trusted where that saves work and verified where its bytes are read anyway: items while they are written
into layers, layers while they are written to where the image goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sysimage import bases
from sysimage.blobs import BlobDirectory, Descriptor
from sysimage.blobs.file_fingerprint import FileFingerprint
from sysimage.closure import Closure
from sysimage.errors import IntegrityError
from sysimage.layers import BrokenPromiseError, LayerBlob, LayerCache, LayerSource, layer_key
from sysimage.notices import notice
from sysimage.pipeline.image_plan import ImagePlan
from sysimage.rootfs.system import SystemResult
from sysimage_bootstrap.store.item_store import ItemStore

Result = TypeVar("Result")


class ItemRepair:
    """Makes damaged items of our own store again. Those of another store are for that store to repair."""

    def __init__(self, closure: Closure, store: ItemStore | None, provide: Callable[[], SystemResult]) -> None:
        self._closure, self._store, self._provide = closure, store, provide

    def retrying(self, work: Callable[[], Result]) -> Result:
        """What ``work`` gives; done once more where it met items that are damaged, which are made again first."""
        try:
            return work()
        except BrokenPromiseError as error:
            if not self.forget_damaged(error):
                raise
            self._make_again()
            return work()

    def forget_damaged(self, error: BrokenPromiseError) -> bool:
        """Forget the damaged items that the error names; whether there were some."""
        if self._store is None:
            return False
        from sysimage_bootstrap.integrity_check import damaged_items  # imported late: not needed if nothing is damaged

        damaged = damaged_items(self._store, [issue.where for issue in error.issues])
        for path in damaged:
            self._store.drop(path)
        return bool(damaged)

    def repair_visible(self) -> None:
        """Make what looks damaged again before anything is read, for output that cannot be taken back."""
        if self._store is None:
            return
        if any(self._store.get(item.path) is None for item in self._closure):
            self._make_again()

    def _make_again(self) -> None:
        made = {item.path: item.nar_hash for item in self._provide().items}
        if any(made.get(item.path) != item.nar_hash for item in self._closure):
            raise IntegrityError(
                "cannot make damaged items of the store again: they came out differently",
                hint="build again: the next build uses the new form",
            )


class LayerRepair:
    """Looks after the blobs of an image while it goes to its places: the `BlobRepair` of `sysimage.destinations`."""

    def __init__(
        self,
        image: ImagePlan,
        layers: Sequence[LayerBlob],
        store: LayerCache | BlobDirectory,
        build: Callable[[Sequence[LayerSource]], Sequence[LayerBlob]],
    ) -> None:
        """``layers`` are those that the image's sources became in ``store``; ``build`` makes some of them again."""
        self._cache = store if isinstance(store, LayerCache) else None
        self._blobs = store.blobs if isinstance(store, LayerCache) else store
        self._compression, self._base, self._build = image.compression, image.base, build
        self._sources: Mapping[Descriptor, LayerSource] = {
            layer.descriptor: source for layer, source in zip(layers, image.sources, strict=True)
        }

    def remake(self, descriptor: Descriptor) -> None:
        """Make a damaged or missing blob again; an `IntegrityError` if it comes out as another."""
        source = self._sources.get(descriptor)
        if source is None:
            bases.copy_layers(self._base, self._blobs)
            return
        notice(f"the layer {source.label!r} in the cache was damaged: it is made again")
        if self._cache is not None:
            self._cache.drop(layer_key(source, self._compression))
        (made,) = self._build([source])
        if made.descriptor != descriptor:
            raise IntegrityError(
                f"cannot make the layer {source.label!r} again: it came out as {made.descriptor.digest}, "
                f"not {descriptor.digest}",
                hint="build again: the next build uses the new form",
            )

    def linked(self, descriptor: Descriptor, before: FileFingerprint, after: FileFingerprint) -> None:
        """Note that a blob got another name: its change time moved, its bytes did not."""
        if self._cache is not None and (source := self._sources.get(descriptor)) is not None:
            self._cache.linked(layer_key(source, self._compression), before, after)
