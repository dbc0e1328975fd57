"""Layers: store items and entries become deterministic tar archives, compressed, under their digests."""

from sysimage.layers.blob import LayerBlob, LayerChecks, write_layer
from sysimage.layers.build import build_layers
from sysimage.layers.cache import LayerCache, layer_key
from sysimage.layers.compression import Compression
from sysimage.layers.item_checks import Check
from sysimage.layers.source import LayerError, LayerSource
from sysimage.layers.tar import BrokenPromiseError, tar_size, write_tar
from sysimage.layers.wanted_check import wanted_check

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
    "tar_size",
    "wanted_check",
    "write_layer",
    "write_tar",
]
