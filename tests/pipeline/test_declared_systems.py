"""The systems that a spec declares, with what flags say in place of its own words and the lock files beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.image import ImageName
from sysimage.pipeline.declared_systems import declared_systems, systems_of_value
from sysimage.pipeline.lock_file_checks import check_lock_files
from sysimage.pipeline.options import BuildSources, DeclaredSystem, Delivery, Identity
from sysimage.pipeline.overrides import overridden
from sysimage.spec import SystemSpec, parse_spec
from sysimage.spec.choices import SpecChoices
from sysimage.spec.include import SpecText
from tests.support.builds import NO_ARCHIVE

BOTH = ("linux/amd64", "linux/arm64")


def spec_of(**said: Any) -> SystemSpec:
    return parse_spec(json.dumps({"name": "web", "packages": [], **said}))


def declared(top: Path, *arguments: Any, said: dict[str, Any] | None = None, **more: Any) -> list[tuple[Any, ...]]:
    text = SpecText(json.dumps({"name": "web", "packages": [], **(said or {})}), "web.json", top)
    found = declared_systems(text, SpecChoices(), *arguments, **more)
    assert {one.spec_dir for one in found} == {top}
    assert all(one.spec == one.written for one in found)
    return [(one.spec.architecture, one.lock_file) for one in found]


def test_each_platform_has_a_lock_file_of_its_own_beside_the_spec(tmp_path: Path) -> None:
    file = tmp_path / "web.json"
    (amd64,) = declared(tmp_path, file=file)
    assert amd64 == ("amd64", tmp_path / "web.lock.json")
    both = declared(tmp_path, BOTH, file=file)
    assert [architecture for architecture, _ in both] == ["amd64", "arm64"]
    assert len({lock for _, lock in both}) == 2
    assert all(lock.parent == tmp_path for _, lock in both)
    assert declared(tmp_path) == [("amd64", None)]
    assert declared(tmp_path, said={"architectures": ["arm64", "amd64"]}) == [("arm64", None), ("amd64", None)]
    named = tmp_path / "named.json"
    assert declared(tmp_path, file=file, lock_file=named) == [("amd64", named)]


def test_a_spec_that_was_read_before_is_declared_alike(tmp_path: Path) -> None:
    spec = spec_of()
    assert systems_of_value(spec, tmp_path) == (DeclaredSystem.of(spec, tmp_path, None),)
    named = tmp_path / "named.json"
    assert [one.lock_file for one in systems_of_value(spec, tmp_path, lock_file=named)] == [named]
    assert [one.spec.architecture for one in systems_of_value(spec, tmp_path, BOTH)] == ["amd64", "arm64"]


def test_one_lock_file_is_for_one_platform(tmp_path: Path) -> None:
    named = tmp_path / "named.json"
    for act in (
        lambda: declared(tmp_path, BOTH, lock_file=named),
        lambda: systems_of_value(spec_of(), tmp_path, BOTH, lock_file=named),
    ):
        with pytest.raises(SpecError) as caught:
            act()
        assert str(caught.value) == (
            f"cannot lock several platforms in {named}: each has other packages, and a lock file of its own"
        )
        assert caught.value.hint == "leave the lock file out, or name one platform"


def test_flags_are_in_place_of_what_the_spec_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = spec_of(**{"max-layers": 9, "compression": "none"})
    assert overridden(spec) is spec
    assert overridden(spec, check_store=True) is spec
    changed = overridden(spec, max_layers=1, compression="zstd:19")
    assert (changed.max_layers, changed.compression) == (1, "zstd:19")
    assert changed == spec.model_copy(update={"max_layers": 1, "compression": "zstd:19"})
    bases: dict[str | Path, str] = {
        "base.tar": f"{tmp_path}/base.tar",
        Path("sub/base"): f"{tmp_path}/sub/base",
        "registry.example/web:1": "registry.example/web:1",
    }
    assert {base: overridden(spec, from_image=base).from_image for base in bases} == bases
    store = parse_spec('{"name": "web", "from-store": {"paths": ["x"]}}')
    assert store.from_store is not None
    assert overridden(store) is store
    checked = overridden(store, check_store=True).from_store
    assert checked == store.from_store.model_copy(update={"check": True})
    assert not store.from_store.check
    refused: list[dict[str, Any]] = [{"max_layers": 0}, {"compression": "lzma"}]
    for wrong in refused:
        with pytest.raises(SpecError):
            overridden(spec, **wrong)


def test_lock_files_of_other_tools_are_looked_at_first(tmp_path: Path) -> None:
    check_lock_files(spec_of(), tmp_path)
    for said, name in (
        ({"python": {"lock": "pylock.toml"}}, "pylock.toml"),
        ({"node": {"lock": "package-lock.json", "at": "/srv/app"}}, "package-lock.json"),
    ):
        with pytest.raises(SpecError, match=f"cannot read {tmp_path}/{name}"):
            check_lock_files(spec_of(**said), tmp_path)


@pytest.mark.parametrize(
    ("said", "has_lock", "options", "compares"),
    [
        ({"python": {"source": "src"}}, True, {}, True),
        ({"node": {"lock": "package-lock.json", "at": "/srv/app"}}, True, {}, True),
        ({"trees": {"/srv/t": {"source": "t"}}}, True, {}, False),
        ({}, True, {"locked": True}, True),
        ({}, True, {"stale": "update"}, True),
        ({}, True, {"locked": True, "stale": "preview"}, False),
        ({"python": {"source": "src"}}, False, {"locked": True}, False),
    ],
)
def test_what_another_lock_names_is_compared_always_and_the_rest_where_only_what_is_locked_is_built(
    tmp_path: Path, said: dict[str, Any], has_lock: bool, options: dict[str, Any], compares: bool
) -> None:
    lock = tmp_path / "web.lock.json"
    if has_lock:
        lock.touch()
    sources = BuildSources(tmp_path, NO_ARCHIVE, **options)
    assert sources.compares_inputs(DeclaredSystem.of(spec_of(**said), tmp_path, lock)) is compares
    assert not sources.compares_inputs(DeclaredSystem.of(spec_of(**said), tmp_path, None))


def test_an_image_has_the_name_of_the_spec_with_each_of_its_tags() -> None:
    identity = Identity.of(spec_of(tags=["1.0", "latest"]))
    assert identity == Identity((ImageName("web", "1.0"), ImageName("web", "latest")))
    assert identity.created is None


def test_what_no_image_can_carry_has_its_record_beside_it() -> None:
    forms = {form: Delivery(None, form).writes_record for form in ("archive", "docker-archive", "oci-dir")}
    assert forms == {"archive": False, "docker-archive": True, "oci-dir": False}
    assert Delivery(None, record=True).writes_record
