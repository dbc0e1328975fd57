"""What is measured: our own ways and the peers', by name.

A case gets a `Job` and returns nothing; the time around the call is what counts. Everything a case needs beforehand
is done by a function of the same name in `PREPARE`, outside the time.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.bench.speed import ours, peers
from tests.bench.speed.job import Job, evict

Case = Callable[[Job], None]

COLD = ("diff_ids_cold", "tarfile_twice_cold")
"""Cases that find no file of the tree in memory; all others find every one there, and what was prepared."""
PREPARE: dict[str, Case] = {
    **dict.fromkeys(COLD, evict),
    "nothing_changed": ours.fill_cache,
    "one_changed": ours.fill_cache,
    "cached_archive": ours.fill_cache,
    "cached_stream": ours.fill_cache,
    "zstd_program": peers.ready_tar,
    "gzip_program": peers.ready_tar,
    "gzip_9": peers.ready_tar,
    "skopeo_gzip": ours.docker_archive,
}
OURS: dict[str, Case] = {
    "diff_ids": ours.diff_ids,
    "diff_ids_nar": ours.diff_ids_nar,
    "diff_ids_nar_scan": ours.diff_ids_nar_scan,
    "diff_ids_cold": ours.diff_ids,
    "docker_archive": ours.docker_archive,
    "archive": ours.archive,
    "stream": ours.stream,
    "layout_none": ours.layout_none,
    "layout_zstd": ours.layout_zstd,
    "layout_gzip": ours.layout_gzip,
    "one_layer_zstd": ours.one_layer_zstd,
    "one_layer_gzip": ours.one_layer_gzip,
    "nothing_changed": ours.nothing_changed,
    "one_changed": ours.one_changed,
    "cached_archive": ours.cached_archive,
    "cached_stream": ours.cached_stream,
    "nar_hashes": ours.nar_hashes,
    "nar_and_references": ours.nar_and_references,
}
PEERS: dict[str, Case] = {
    "tarfile_twice": peers.tarfile_twice,
    "tarfile_twice_file": peers.tarfile_twice_file,
    "tarfile_twice_cold": peers.tarfile_twice,
    "nixpkgs_script": peers.nixpkgs_script,
    "nixpkgs_script_file": peers.nixpkgs_script_file,
    "tar_openssl": peers.tar_openssl,
    "guix_like": peers.guix_like,
    "zstd_program": peers.zstd_program,
    "gzip_program": peers.gzip_program,
    "gzip_9": peers.gzip_9,
    "skopeo_gzip": peers.skopeo_gzip,
    "umoci_insert": peers.umoci_insert,
    "buildah_copy": peers.buildah_copy,
}
ALONE = {
    f"{name}_alone": name
    for name in ("diff_ids", "diff_ids_nar", "diff_ids_nar_scan", "nar_hashes", "nar_and_references", "layout_none")
}
"""Cases that are another one with one worker."""
CASES: dict[str, Case] = {
    "limit": ours.limit,
    **{name: OURS[original] for name, original in ALONE.items()},
    **OURS,
    **PEERS,
}
PROGRAMS = {
    "skopeo_gzip": "skopeo",
    "umoci_insert": "umoci",
    "buildah_copy": "buildah",
    "zstd_program": "zstd",
    "tar_openssl": "openssl",
    "guix_like": "openssl",
}
"""What a case needs besides what every machine has."""
ONCE = {"umoci_insert", "gzip_program", "gzip_9", "skopeo_gzip", "buildah_copy"}
"""Minutes each: run once."""
