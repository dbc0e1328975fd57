"""Layers: store items and entries become deterministic tar archives, compressed, under their digests."""

from sysimage.layers.blob import LayerBlob, LayerChecks, write_layer
from sysimage.layers.build import build_layers
from sysimage.layers.cache import LayerCache, layer_key
from sysimage.layers.check_selection import selected_check
from sysimage.layers.compression import Compression
from sysimage.layers.item_checks import Check
from sysimage.layers.source import LayerError, LayerSource
from sysimage.layers.tar import BrokenPromiseError, tar_size, write_tar

__all__ = [
    "BrokenPromiseError",
    "Check",
    "Compression",
    "LayerBlob",
    "LayerCache",
    "LayerChecks",
    "LayerError",
    "LayerSource",
    "build_layers",
    "layer_key",
    "selected_check",
    "tar_size",
    "write_layer",
    "write_tar",
]
