"""Every name of an architecture is understood, and programs for others are reported where nothing else is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from elftools.elf.enums import ENUM_E_MACHINE

from sysimage.closure import Closure
from sysimage.errors import IntegrityError, SpecError
from sysimage.rules.architectures import ARCHITECTURE_ALIASES, ARCHITECTURES, ElfMachine, architecture_name
from sysimage.rules.programs import read_program
from sysimage.spec.model import SystemSpec
from sysimage.verify import inspect_image, verify_image
from tests.support import raw_tar
from tests.support.builds import build_from_store, config_of
from tests.support.raw_image import RawImage, write_archive, write_directory
from tests.support.store_builder import StoreBuilder, static_elf

GUIX = "x86_64 i686 armhf aarch64 powerpc powerpc64le riscv64 mips64el loongarch64"
"""``%supported-systems`` and ``guix build --list-targets`` of Guix 1.5, without what is not a Linux."""
NIXPKGS = (
    "aarch64 armv5tel armv6l armv7a armv7l i686 loongarch64 m68k microblaze microblazeel mips mips64 mips64el mipsel "
    "powerpc powerpc64 powerpc64le riscv32 riscv64 s390 s390x x86_64"
)
"""``lib.platforms.linux`` of nixpkgs 25.11."""


def spec_of(architecture: str) -> SystemSpec:
    return SystemSpec.model_validate({"name": "x", "architecture": architecture, "from-store": {"paths": ["result"]}})


def elf(machine: ElfMachine) -> bytes:
    """A program that needs nothing."""
    data = bytearray(static_elf())
    data[4:6] = bytes([machine.bits // 32, 2 if machine.big else 1])
    data[18:20] = machine.number.to_bytes(2, "big" if machine.big else "little")
    counts = slice(54, 60) if machine.bits == 64 else slice(42, 48)
    data[counts] = bytes(6)
    return bytes(data)


@pytest.mark.parametrize("name", sorted({*GUIX.split(), *NIXPKGS.split()}))
def test_what_guix_and_nixpkgs_name_is_an_architecture(name: str) -> None:
    spec = spec_of(f"{name}-linux")
    architecture, variant = spec.machine
    assert architecture in ARCHITECTURES
    assert spec.platform == "/".join(filter(None, ("linux", architecture, variant)))
    assert spec_of(spec.platform.removeprefix("linux/")) == spec


@pytest.mark.parametrize(
    ("said", "name", "variant"),
    [
        ("amd64", "amd64", None),
        ("amd64/v3", "amd64", "v3"),
        ("arm64", "arm64", "v8"),
        ("arm64/v8", "arm64", "v8"),
        ("arm", "arm", "v7"),
        ("arm/v6", "arm", "v6"),
        ("armv6l-linux", "arm", "v6"),
        ("armel", "arm", "v5"),
        ("armhf-linux", "arm", "v7"),
        ("ppc64el", "ppc64le", None),
        ("i386", "386", None),
        ("loongarch64-linux", "loong64", None),
        ("mips64el-linux", "mips64le", None),
    ],
)
def test_names_become_those_of_oci(said: str, name: str, variant: str | None) -> None:
    assert spec_of(said).machine == (name, variant)


@pytest.mark.parametrize(
    "text", ["", "x86_64-darwin", "i586-gnu", "linux/amd64", "arm/", "arm/v7/x", "armhf/v7", "ARM"]
)
def test_unknown_architectures_are_reported(text: str) -> None:
    with pytest.raises(ValueError, match="not an architecture"):
        architecture_name(text)
    with pytest.raises(ValueError, match="must be an architecture"):
        spec_of(text)


def test_each_name_is_one_and_each_machine_has_a_name() -> None:
    assert {architecture_name(name).partition("/")[0] for name in ARCHITECTURE_ALIASES} <= ARCHITECTURES.keys()
    assert not ARCHITECTURE_ALIASES.keys() & ARCHITECTURES.keys()
    machines = [one.own for one in ARCHITECTURES.values()]
    assert len(set(machines)) == len(machines)
    for name, one in ARCHITECTURES.items():
        assert str(one.own) == name
        program = elf(one.own)
        assert read_program(lambda at, size, data=program: data[at : at + size]).machine == one.own  # type: ignore[misc]
    assert str(ElfMachine(9999, 64)) == "ELF machine 9999, 64 bits, little-endian"


def store_of(tmp_path: Path, **programs: bytes) -> Closure:
    store = StoreBuilder(tmp_path / "store")
    for name, data in programs.items():
        path = store.add(f"{name}-1", {"bin": {name: ""}, "lib": {"x.o": data}}).location
        assert path is not None
        place = path / "bin" / name
        place.chmod(0o644)
        place.write_bytes(data)
        place.chmod(0o555)
    names = [f"{name}-1" for name in programs]
    closure = store.closure(*names)
    (tmp_path / "source").symlink_to("store")
    return closure


def spec(closure: Closure, **more: object) -> dict[str, object]:
    source = {"paths": [str(root) for root in closure.roots], "source": "store", "location": "store"}
    return {"name": "top", "from-store": source, **more}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_image_of_every_architecture_is_built_and_verified(name: str, tmp_path: Path) -> None:
    closure = store_of(tmp_path, tool=elf(ARCHITECTURES[name].own))
    entry = [f"{closure.roots[0]}/bin/tool"]
    result = build_from_store(tmp_path, spec(closure, architecture=name, **{"entry-point": entry}))
    config = config_of(result)
    assert (config["architecture"], config.get("variant")) == (name, ARCHITECTURES[name].variant)
    assert verify_image(tmp_path / "top.tar").platform.split("/")[1] == name
    other = "riscv64" if name != "riscv64" else "s390x"
    with pytest.raises(SpecError) as caught:
        build_from_store(tmp_path, spec(closure, architecture=other))
    (issue,) = caught.value.issues
    assert str(issue) == f"/architecture: no program in the image is for {other}: {entry[0]} is for {name}"
    assert f'say "architecture": "{name}"' in str(caught.value.hint)


AMD64, ARM64, I386 = (ARCHITECTURES[name].own for name in ("amd64", "arm64", "386"))


@pytest.mark.parametrize(
    "programs",
    [
        {"wine": AMD64, "wine32": I386},
        {"old": I386},
        {"qemu": AMD64, "guest": ARM64, "firmware": ElfMachine(243, 64)},
        {},
    ],
    ids=["32-bit beside", "32-bit alone", "an emulator and its guests", "data alone"],
)
def test_mixed_stores_are_taken(programs: dict[str, ElfMachine], tmp_path: Path) -> None:
    parts = {name: elf(machine) for name, machine in programs.items()} or {"data": b"no program\n"}
    build_from_store(tmp_path, spec(store_of(tmp_path, **parts)))
    verify_image(tmp_path / "top.tar")


def test_programs_of_the_base_count(tmp_path: Path) -> None:
    closure = store_of(tmp_path, guest=elf(ARM64))
    layer = raw_tar.archive(raw_tar.symlink(b"bin", b"usr/bin"), raw_tar.file(b"usr/bin/sh", elf(AMD64), mode=0o755))
    write_archive(RawImage(layer).layout(), tmp_path / "base")
    build_from_store(tmp_path, spec(closure, **{"from-image": "base"}))
    verify_image(tmp_path / "top.tar")
    with pytest.raises(SpecError, match="no program in the image is for amd64"):
        build_from_store(tmp_path, spec(closure))


def test_verify_says_the_same_of_an_image_that_is_ours(tmp_path: Path) -> None:
    """One whose config was changed afterwards; an image of others is theirs to call so."""
    layer = raw_tar.archive(raw_tar.directory(b"bin", mtime=1), raw_tar.file(b"bin/sh", elf(ARM64), mode=0o755))
    for creator, raised in (("sysimage", True), ("somebody", False)):
        image = RawImage(layer, config={"history": [{"created_by": creator, "created": "1970-01-01T00:00:01Z"}]})
        path = write_archive(image.layout(), tmp_path / creator)
        if raised:
            with pytest.raises(IntegrityError) as caught:
                verify_image(path)
            assert "no program in the image is for amd64: /bin/sh is for arm64" in str(caught.value.issues)
        else:
            verify_image(path)


def test_packages_are_taken_for_two() -> None:
    from sysimage.spec.parse import parse_spec

    with pytest.raises(SpecError) as caught:
        parse_spec('{"name": "x", "packages": [], "architecture": "riscv64-linux"}', Path("system.json"))
    assert "packages are taken for amd64 and arm64; riscv64 is for stores" in str(caught.value.issues)
    assert (
        parse_spec('{"name": "x", "packages": [], "architecture": "aarch64-linux"}', Path("s")).architecture == "arm64"
    )


@pytest.mark.parametrize("said", ["linux/arm/v7", "linux/arm"])
def test_a_base_with_several_platforms_is_taken_for_the_one_that_is_meant(said: str, tmp_path: Path) -> None:
    """An index may leave the usual variant out."""
    import json

    from tests.support.raw_image import INDEX, MANIFEST, descriptor, dump

    files: dict[str, bytes] = {}
    entries = []
    wanted = dict(zip(("os", "architecture", "variant"), said.split("/"), strict=False))
    for platform in ({"os": "linux", "architecture": "arm64", "variant": "v8"}, wanted):
        layer = raw_tar.archive(raw_tar.file(b"is/" + platform["architecture"].encode(), b"x"))
        image = RawImage(layer, config={"architecture": platform["architecture"]})
        layout = image.layout()
        (entry,) = json.loads(layout["index.json"])["manifests"]
        data = layout[f"blobs/sha256/{entry['digest'][7:]}"]
        files |= layout
        entries.append(descriptor(data, MANIFEST, platform=platform))
    files["index.json"] = dump({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    write_directory(files, tmp_path / "base")
    closure = store_of(tmp_path, tool=elf(ARCHITECTURES["arm"].own))
    build_from_store(tmp_path, spec(closure, architecture="armhf-linux", **{"from-image": "base"}))
    assert inspect_image(tmp_path / "top.tar").config.architecture == "arm"


_ELF_NAMES = {
    "386": "EM_386",
    "amd64": "EM_X86_64",
    "arm": "EM_ARM",
    "arm64": "EM_AARCH64",
    "loong64": "EM_LOONGARCH",
    "m68k": "EM_68K",
    "microblaze": "EM_MICROBLAZE",
    "microblazeel": "EM_MICROBLAZE",
    **dict.fromkeys(("mips", "mipsle", "mips64", "mips64le"), "EM_MIPS"),
    "ppc": "EM_PPC",
    **dict.fromkeys(("ppc64", "ppc64le"), "EM_PPC64"),
    **dict.fromkeys(("riscv", "riscv64"), "EM_RISCV"),
    **dict.fromkeys(("s390", "s390x"), "EM_S390"),
}


_FAMILIES = {
    "amd64": "386",
    "arm64": "arm",
    "mips64": "mips",
    "mips64le": "mipsle",
    "ppc64": "ppc",
    "s390x": "s390",
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_runs_its_own_programs_and_those_of_its_family(name: str) -> None:
    ours = ARCHITECTURES[name]
    runs = {other for other, one in ARCHITECTURES.items() if ours.runs(one.own)}
    assert runs == {name, _FAMILIES.get(name, name)}
    x32 = ElfMachine(ENUM_E_MACHINE["EM_X86_64"], 32)
    assert ours.runs(x32) == (name == "amd64")
    assert not ours.runs(ElfMachine(ours.own.number, ours.own.bits, not ours.own.big)), "in the other order of bytes"


def test_the_numbers_of_machines_are_those_of_elf() -> None:
    assert {str(one.own): one.own.number for one in ARCHITECTURES.values()} == {
        name: ENUM_E_MACHINE[machine] for name, machine in _ELF_NAMES.items()
    }
    bits = {name: one.own.bits for name, one in ARCHITECTURES.items()}
    assert {name for name, count in bits.items() if count == 64} == {
        name for name in bits if "64" in name or name == "s390x"
    }
    assert set(bits.values()) == {32, 64}
    assert {name for name, one in ARCHITECTURES.items() if one.own.big} == {
        *("m68k", "microblaze", "mips", "mips64", "ppc", "ppc64", "s390", "s390x")
    }
