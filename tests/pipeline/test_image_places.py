"""Images by what people call them: files, layouts, one of several in a layout, and names in registries."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from sysimage.api import Settings, copy, inspect, verify
from sysimage.api.comparison import diff
from sysimage.api.reading import find
from sysimage.blobs import BlobDirectory
from sysimage.cli.main import main
from sysimage.destinations.layout import write_oci_layout
from sysimage.destinations.registry import (
    ImageReference,
    PushTarget,
    Registries,
    RegistrySession,
    SessionOptions,
)
from sysimage.destinations.registry.download import download_blob
from sysimage.errors import IntegrityError, LockError, RegistryError, SpecError
from sysimage.image import ImageName
from sysimage.pipeline.base_images import BASE_IMAGES_DIRECTORY, examine_base_images, prune_base_images
from sysimage.pipeline.build import BuildResult
from sysimage.pipeline.history import read_records
from sysimage.pipeline.image_places import find_image, is_on_this_machine
from tests.destinations.pushing import push_image
from tests.destinations.registry_server import Handler, Registry, running
from tests.support.builds import build_from_store, on, registered
from tests.support.documents import read_document
from tests.support.images import BuiltImage, build_image
from tests.support.store_builder import StoreBuilder, small_system


def pushed(registry: Registry, small: BuiltImage, name: str = "team/small:1") -> str:
    target = PushTarget.parse(f"{registry.address}/{name}")
    session = RegistrySession(target.repository)
    try:
        push_image(small.image, small.blobs, target, session)
    finally:
        session.close()
    registry.requests.clear()
    return f"{registry.address}/{name}"


def test_an_image_in_a_registry_is_inspected_and_verified_by_its_name(registry: Registry, small: BuiltImage) -> None:
    name = pushed(registry, small)
    digest = small.image.manifest.descriptor.digest
    for called in (name, f"{name.rpartition(':')[0]}@{digest}", f"{name}@{digest}", f"docker://{name}"):
        summary = inspect(called)
        assert (summary.digest, summary.faults) == (digest, ())
        assert len(summary.layers) == len(small.image.layers)
    assert summary.names == ("team/small:1",)
    assert verify(name).items == len(small.closure)
    assert verify(name, platform="linux/amd64").digest == digest
    assert registry.count("HEAD") == 0, "what documents say is not asked for once more"


def test_what_a_registry_has_not_is_an_error(registry: Registry, small: BuiltImage) -> None:
    name = pushed(registry, small)
    with pytest.raises(SpecError, match="the registry has no such image"):
        inspect(f"{name}-rc")
    with pytest.raises(RegistryError, match="the network is off"):
        inspect(name, settings=Settings(offline=True))


def test_bytes_that_are_not_what_the_manifest_says_are_an_error(registry: Registry, small: BuiltImage) -> None:
    name = pushed(registry, small)
    layer = small.image.layers[0].descriptor
    registry.blobs["team/small"][str(layer.digest)] = bytes(layer.size)
    with pytest.raises(IntegrityError, match="the registry's bytes hash to"):
        verify(name)
    registry.blobs["team/small"][str(layer.digest)] = bytes(layer.size + 1)
    with pytest.raises(IntegrityError, match="it is longer than"):
        verify(name)


class BreaksOff(Handler):
    """Gives a third of a blob at a time, and from where it is asked only if ``ranges``."""

    ranges = True

    def blob(self, query: dict[str, str], body: bytes, repository: str, digest: str) -> None:
        found = self.registry.blobs[repository][digest]
        start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if "Range" in self.headers else 0
        if not self.ranges:
            self.registry.begun += 1
            start, end = 0, self.registry.begun * (len(found) // 3 + 1)
        else:
            end = start + len(found) // 3 + 1
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(found) - start))
        self.end_headers()
        self.wfile.write(found[start:end])
        self.close_connection = len(found) > end


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_goes_on_where_it_stopped(small: BuiltImage, tmp_path: Path, ranges: bool) -> None:
    layer = small.image.layers[0].descriptor
    with running(type("Breaking", (BreaksOff,), {"ranges": ranges})) as registry:
        registry.blobs["x"] = {str(layer.digest): small.blobs.path(layer.digest).read_bytes()}
        repository = ImageReference.parse(f"{registry.address}/x").repository
        session = RegistrySession(repository, options=SessionOptions(timeout=5, backoff=0.01))
        moved: list[int] = []
        download_blob(session, layer, BlobDirectory(tmp_path), moved.append)
        assert BlobDirectory(tmp_path).path(layer.digest).read_bytes() == registry.blobs["x"][str(layer.digest)]
        assert sum(moved) == layer.size
        assert registry.count("GET") == 3


def test_one_of_several_images_of_a_layout_is_named_beside_the_directory(small: BuiltImage, tmp_path: Path) -> None:
    other = build_image(tmp_path / "work", max_layers=3)
    layout = tmp_path / "images"
    for image, tag in ((small, "1.0"), (other, "2.0")):
        write_oci_layout(image.image, [image.blobs], layout, names=[ImageName("small", tag)])
    digest = small.image.manifest.descriptor.digest
    for called in (f"{layout}:1.0", f"{layout}:small:1.0", f"{layout}@{digest}", f"oci:{layout}:1.0"):
        assert inspect(called).digest == digest, called
    assert inspect(f"{layout}:2.0").digest == other.image.manifest.descriptor.digest
    with pytest.raises(IntegrityError, match="does not name an image"):
        inspect(f"{layout}:3.0")


def test_a_file_takes_precedence_over_a_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not is_on_this_machine("localhost:5000/web.tar")
    (tmp_path / "localhost:5000").mkdir()
    (tmp_path / "localhost:5000/web.tar").touch()
    assert is_on_this_machine("localhost:5000/web.tar")
    assert find("localhost:5000/web.tar").place == Path("localhost:5000/web.tar")
    for path in ("web.tar", "./registry.example/web", "/srv/web:1", "builds/web.tar"):
        assert find_image(path, Registries).place == Path(path)


def on_small(tmp_path: Path, *bases: str) -> list[BuildResult]:
    """The small system on each of these images."""
    closure = small_system(StoreBuilder(tmp_path / "store"))
    registered(closure, tmp_path / "registration")
    return [build_from_store(tmp_path, on(base, closure, **{"max-layers": 20})) for base in bases]


def test_an_image_is_built_on_one_in_a_registry_that_is_fetched_once(
    registry: Registry, small: BuiltImage, tmp_path: Path
) -> None:
    name = pushed(registry, small)
    pinned = f"{name}@{small.image.manifest.descriptor.digest}"
    built, again, third = on_small(tmp_path, name, name, pinned)
    own = [layer.descriptor.digest for layer in small.image.layers]
    assert [layer.descriptor.digest for layer in built.written.image.layers][: len(own)] == own
    assert built.written.digest == again.written.digest == third.written.digest
    tag, *blobs, tag_again = registry.requests
    assert tag == tag_again == "GET /v2/team/small/manifests/1", (
        "then only what the tag points to, and no more if pinned"
    )
    assert sorted(blobs) == sorted(
        f"GET /v2/team/small/blobs/{descriptor.digest}" for descriptor in small.image.descriptors()
    )


def test_the_cache_proves_and_forgets_base_images(registry: Registry, small: BuiltImage, tmp_path: Path) -> None:
    on_small(tmp_path, pushed(registry, small))
    cache = tmp_path / "cache"
    kept = list(BlobDirectory(cache / BASE_IMAGES_DIRECTORY).digests())
    assert len(kept) == len(small.image.layers) + 2
    assert examine_base_images(cache).damage == ()
    place = BlobDirectory(cache / BASE_IMAGES_DIRECTORY).path(kept[0])
    place.chmod(0o644)
    place.write_bytes(b"damaged")
    assert [one.place for one in examine_base_images(cache).damage] == [place]
    assert prune_base_images(cache, 0) == 0
    assert prune_base_images(cache, 2**62) > 0
    assert list(BlobDirectory(cache / BASE_IMAGES_DIRECTORY).digests()) == []


def test_a_lock_file_pins_the_base_whatever_its_tag_points_to_later(
    registry: Registry, small: BuiltImage, tmp_path: Path
) -> None:
    from sysimage.pipeline.base_images import find_base
    from sysimage.pipeline.options import BuildSources, DeclaredSystem
    from sysimage.spec import parse_spec
    from tests.support.builds import NO_ARCHIVE

    name = pushed(registry, small)
    spec = parse_spec(json.dumps({"name": "top", "packages": [], "from-image": name}))
    digest = "sha256:" + "a" * 64
    lock = {"format": "sysimage-lock/1", "request": {}, "suites": [], "roots": [], "unmet": [], "packages": []}
    (tmp_path / "x.lock.json").write_text(json.dumps({**lock, "base": {"name": name, "digest": digest}}))
    (tmp_path / "other.lock.json").write_text(json.dumps({**lock, "base": {"name": f"{name}0", "digest": digest}}))
    sources = BuildSources(tmp_path / "cache", NO_ARCHIVE, registries=Registries)
    must = BuildSources(tmp_path / "cache", NO_ARCHIVE, locked=True, registries=Registries)

    def base(lock_file: str, sources: BuildSources) -> str:
        return str(find_base(DeclaredSystem.of(spec, tmp_path, tmp_path / lock_file), sources))

    assert base("x.lock.json", sources) == base("x.lock.json", must) == f"{name}@{digest}"
    assert base("other.lock.json", sources) == base("none.lock.json", sources) == name
    for lock_file in ("other.lock.json", "none.lock.json"):
        with pytest.raises(LockError, match="no lock file says which one it is"):
            base(lock_file, must)
    with pytest.raises(RegistryError, match="the network is off"):
        base("none.lock.json", BuildSources(tmp_path / "cache", NO_ARCHIVE))


def test_a_record_is_found_in_one_of_several_images_of_a_layout(tmp_path: Path) -> None:
    closure = small_system(StoreBuilder(tmp_path / "store"))
    registered(closure, tmp_path / "registration")
    source = {"paths": [str(closure.roots[0])], "source": "registration", "location": "store"}
    for name in ("one", "two"):
        spec = {"name": name, "from-store": source}
        build_from_store(tmp_path, spec, tmp_path / "layout", format="oci-dir")
    (record,) = read_records(f"{tmp_path}/layout:two:latest", "linux/amd64", lambda name: None)
    assert len(record.closure) == len(closure)


def test_verbs_take_names_of_registries(
    registry: Registry, small: BuiltImage, capsys: pytest.CaptureFixture[str]
) -> None:
    name = pushed(registry, small)
    for verb in ("inspect", "verify"):
        assert main([verb, "--json", name]) == 0
        assert read_document(capsys.readouterr().out)["digest"] == str(small.image.manifest.descriptor.digest)
    assert main(["diff", "--json", "--no-changelogs", name, name]) == 0
    assert read_document(capsys.readouterr().out)["packages"] == []


def test_an_archive_that_is_compressed_is_read_like_any_other(small: BuiltImage, tmp_path: Path) -> None:
    plain = small.archive(tmp_path / "small.tar")
    place = tmp_path / "small.tar.gz"
    place.write_bytes(gzip.compress(plain.read_bytes(), 1))
    assert verify(place).digest == inspect(place).digest == small.image.manifest.descriptor.digest
    assert diff(plain, place).is_empty
    assert copy(place, f"oci:{tmp_path / 'images'}:1").digest == inspect(plain).digest
