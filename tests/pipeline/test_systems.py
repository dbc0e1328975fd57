"""Where systems come from, and what does not make another system of one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sysimage.bases import NO_BASE, BaseImageError
from sysimage.cli.main import main
from sysimage.closure import Closure
from sysimage.errors import LockError, SpecError
from sysimage.files.code_digest import code_digest
from sysimage.notices import listen_to_notices
from sysimage.pipeline.options import BuildSources, DeclaredSystem
from sysimage.pipeline.systems import open_base, provide
from sysimage.rootfs.accounts import NO_ACCOUNTS
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.spec import parse_spec
from sysimage.spec.account_ids import AccountIds
from sysimage.store.items import StoreItem
from sysimage_bootstrap.archive import ArchiveOptions, TransportOptions
from sysimage_bootstrap.building.patchelf import patchelf
from sysimage_bootstrap.packages.choose import ArchiveChoice, package_request
from sysimage_bootstrap.packages.lock import LockFile, read_lock
from sysimage_bootstrap.packages.resolve import Resolution
from sysimage_bootstrap.realise import realise
from sysimage_bootstrap.store import ItemStore, Recipe
from sysimage_bootstrap.system_cache import SystemCache, key_of
from tests.bootstrap.debs.made_debs import package_of
from tests.bootstrap.packages.fixed_archive import FixedArchive
from tests.support import raw_tar as tar
from tests.support.builds import NO_ARCHIVE, registered
from tests.support.documents import read_document
from tests.support.examples import ROOT, default_cache
from tests.support.jars import make_jar
from tests.support.npm_packages import integrity, make_tarball, write_lock
from tests.support.raw_image import RawImage, write_directory
from tests.support.stores import make_item
from tests.support.wheels import make_wheel, sha256


@pytest.mark.programs
def test_flags_about_the_image_make_no_other_system(capsys: pytest.CaptureFixture[str]) -> None:
    def planned(*flags: str) -> tuple[str, int]:
        common = ["plan", "--json", "--progress", "quiet", "--cache-dir", str(default_cache())]
        assert main([*common, *flags, str(ROOT / "examples/base.json")]) == 0
        document = read_document(capsys.readouterr().out)
        return document["system"], document["max_layers"]

    system, _ = planned()
    assert planned("--max-layers", "7", "--compression", "zstd:19", "--tag", "other:1") == (system, 7)


def declared(top: Path, **said: Any) -> DeclaredSystem:
    return DeclaredSystem.of(parse_spec(json.dumps({"name": "x", **said})), top, top / "x.lock.json")


def test_a_spec_without_a_base_begins_with_nothing(tmp_path: Path) -> None:
    sources = BuildSources(tmp_path / "cache", NO_ARCHIVE)
    assert open_base(declared(tmp_path, packages=[]), sources) is NO_BASE


def test_what_is_odd_about_a_base_is_reported_and_what_leaves_no_room_refused(tmp_path: Path) -> None:
    sparse = tar.pax([(b"GNU.sparse.map", b"0,3"), (b"GNU.sparse.size", b"9"), (b"GNU.sparse.name", b"hole")])
    links = tar.symlink(b"etc", b"usr"), tar.symlink(b"data", b"gnu")
    layer = tar.archive(tar.directory(b"gnu"), tar.directory(b"usr"), *links, sparse, tar.file(b"h", b"abc"))
    write_directory(RawImage(layer, config={"config": {"Volumes": {"/gnu/store": {}}}}).layout(), tmp_path / "base")
    sources = BuildSources(tmp_path / "cache", NO_ARCHIVE)
    store = {"paths": ["/gnu/store/x"], "source": "registration", "location": "store"}

    def base(**said: Any) -> Any:
        return open_base(declared(tmp_path, **{"from-store": store, "from-image": "base", **said}), sources)

    heard: list[str] = []
    with listen_to_notices(heard.append):
        assert len(base().layers) == 1
    assert [text[:42] for text in heard] == [
        "the base image declares the volume /gnu/st",
        "the base image has a link in place of /etc",
        "the base image has sparse files, such as /",
    ]
    with pytest.raises(BaseImageError, match="it has 1 layers, and the image may have 1"):
        base(**{"max-layers": 1})
    with pytest.raises(BaseImageError, match="a volume would hide the store"):
        base(volumes=["/data/store"])


@dataclass(frozen=True)
class Workspace:
    """A store with a Python, and beside it something of each kind that a spec takes besides packages."""

    top: Path
    items: list[StoreItem]

    def system(self, *kinds: str) -> DeclaredSystem:
        """That of a spec with some of the kinds. Its items come from the store: steps after that do not distinguish
        it from one of packages, which would need an archive."""
        store = {"paths": [str(item.path) for item in self.items], "source": "registration", "location": "store"}
        of_packages = declared(
            self.top, packages=[], **{"from-image": "with-java"}, **{kind: KINDS[kind] for kind in kinds}
        ).spec
        spec = of_packages.model_copy(
            update={"from_store": declared(self.top, **{"from-store": store}).spec.from_store}
        )
        return DeclaredSystem.of(spec, self.top, self.top / "x.lock.json")

    def sources(self, **said: Any) -> BuildSources:
        archive = ArchiveChoice(ArchiveOptions(datetime.now(UTC), transport=TransportOptions(offline=True)))
        return BuildSources(self.top / "cache", archive, **said)


KINDS: dict[str, dict[str, Any]] = {
    "trees": {"/srv/shop": {"source": "dist"}},
    "python": {"lock": "requirements.txt", "wheels": "wheels", "source": "src"},
    "node": {"lock": "package-lock.json", "at": "/srv/web", "tarballs": "npm"},
    "java": {"jars": ["lib"], "at": "/srv/lib"},
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    names = ("python3.13-3.13.5-2", "python3.13-minimal-3.13.5-2", "libc6-2.41-12", "nodejs-20")
    items = [make_item(tmp_path / "store", name, {"share/page": name}) for name in names]
    (tmp_path / "cache").mkdir()
    registered(Closure(items, [item.path for item in items]), tmp_path / "registration")
    for name in ("src", "dist"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page").write_text(name)
    wheel = make_wheel(tmp_path / "wheels", "greet", "1.0", {"greet.txt": "no module"})
    (tmp_path / "requirements.txt").write_text(f"greet==1.0 --hash=sha256:{sha256(wheel)}\n")
    entry = {"version": "1.0.0", "integrity": integrity(make_tarball(tmp_path / "npm/x.tgz", {}))}
    write_lock(tmp_path / "package-lock.json", {"node_modules/x": entry})
    make_jar(tmp_path / "lib/a.jar")
    return Workspace(tmp_path, items)


def test_a_system_has_what_its_spec_takes_from_beside_it(workspace: Workspace) -> None:
    found = provide(workspace.system(*KINDS), workspace.sources())
    own = {item.path for item in workspace.items}
    assert [item.path.name for item in found.items if item.path not in own] == [
        "java-a",
        "node-x-1.0.0",
        "python-greet-1.0",
        "python-source",
        "tree-srv-shop",
    ]
    assert not list((workspace.top / "cache").glob("python-*")), "what makes byte code is gone"


def test_lock_files_of_others_are_looked_at_before_any_work_and_ours_before_any_layer(workspace: Workspace) -> None:
    system = workspace.system("python")
    LockFile({}, (), Resolution((), {}, ())).write(workspace.top / "x.lock.json")
    with pytest.raises(LockError) as caught:
        provide(system, workspace.sources())
    assert [issue.where for issue in caught.value.issues] == ["python: greet"]
    (workspace.top / "registration").unlink()
    (workspace.top / "requirements.txt").write_text("greet\n")
    with pytest.raises(SpecError, match=r"cannot use .*/requirements\.txt"):
        provide(system, workspace.sources())


def test_a_system_that_was_made_before_still_reports_its_notices_and_locks_its_ids(tmp_path: Path) -> None:
    """The cache remembers it: no archive is needed."""
    system = declared(tmp_path, packages=[], essential=False, command=["/run"])
    cache = tmp_path / "cache"
    packages = Resolution((package_of("base-passwd", b"deb"),), {"base-passwd": ()}, ("base-passwd",))
    request = package_request(system.spec, tmp_path, cache)
    LockFile.of(request, FixedArchive(tmp_path).releases(), packages).write(tmp_path / "x.lock.json")
    store = ItemStore(cache / "store", system.spec.store.store_dir)
    item = store.realise(Recipe("system", "directory", (), {}), lambda out: out.mkdir())
    ids = AccountIds({"git": 700})
    defaults = ImageDefaults((), (), None, {})
    made = SystemResult(item.path, None, (item,), None, (), defaults, account_ids=ids, notices=("mind this",))
    remembered = SystemCache(cache / "systems", store, made_by=code_digest(realise))
    remembered.keep(key_of(system.spec, tmp_path, packages, store, NO_ACCOUNTS, [patchelf()[1]]), made)
    heard: list[str] = []
    with listen_to_notices(heard.append):
        assert provide(system, BuildSources(cache, NO_ARCHIVE, keeps_ids=True)) == made
    assert heard == ["mind this", f"{tmp_path}/x.lock.json: the IDs of accounts were added (git)"]
    assert read_lock(tmp_path / "x.lock.json").account_ids == ids
