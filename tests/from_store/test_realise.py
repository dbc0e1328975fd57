"""Images of what a store holds: systems recognised and booted, packs linked, faults named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.closure import Closure
from sysimage.errors import IntegrityError, SpecError, SysimageError
from sysimage.verify import verify_image
from tests.support.builds import build_from_store, config_of, registered
from tests.support.listing import listing_of_image
from tests.support.store_builder import ELF, Link, Program, StoreBuilder, small_system, static_elf

GUILE = {"bin": {"guile": Program(ELF)}}


def guix_shaped(store: StoreBuilder, *, boot_program: bool = True) -> Closure:
    """The shape of a Guix system item, without what makes it run."""
    store.add("guile-3.0.9", GUILE)
    store.add("guile-2.2.7", GUILE)
    store.add("bash-5.2", {"bin": {"sh": Program(ELF)}})
    store.add("shepherd-1.0.4", {"bin": {"shepherd": Program("#!{guile-3.0.9}/bin/guile --no-auto-compile\n!#\n")}})
    store.add("profile", {"bin": Link("{bash-5.2}/bin")})
    roots: dict[str, Any] = {"0": Link("{guile-2.2.7}")}
    if boot_program:
        store.add("boot-program", Program("#!{guile-3.0.9}/bin/guile\n"))
        roots["1"] = Link("{boot-program}")
    store.add(
        "system",
        {
            "boot": "(load-it {shepherd-1.0.4})\n",
            "activate": "\n",
            "etc": {"os-release": "ID=guix\n"},
            "profile": Link("{profile}"),
            "gc-roots": roots,
        },
    )
    return store.closure("system")


def nixos_shaped(store: StoreBuilder) -> Closure:
    store.add("bash-5.2", {"bin": {"sh": Program(ELF)}})
    store.add("system-path", {"bin": Link("{bash-5.2}/bin")})
    store.add(
        "nixos-system-machine-25.05",
        {
            "init": Program("#!{bash-5.2}/bin/sh\n"),
            "activate": Program("#!{bash-5.2}/bin/sh\n"),
            "sw": Link("{system-path}"),
        },
    )
    return store.closure("nixos-system-machine-25.05")


@pytest.fixture
def guix(tmp_path: Path) -> Closure:
    closure = guix_shaped(StoreBuilder(tmp_path / "store"))
    registered(closure, tmp_path / "registration")
    return closure


def shown(archive: Path) -> list[str]:
    """An image's entries: path, then what a link says, or kind, mode and owner."""
    lines = []
    for line in listing_of_image(archive).splitlines():
        path, rest = line[1:].split("  ", 1)
        lines.append(f"{path} -> {rest.split(' -> ')[1]}" if " -> " in rest else f"{path} {rest}")
    return lines


def machine(**more: Any) -> dict[str, Any]:
    source = {"system": "result", "source": "registration", "location": "store"}
    return {"name": "machine", "from-store": {**source, **more}}


def link_result(workspace: Path, closure: Closure) -> None:
    (workspace / "result").symlink_to("generation-1")
    (workspace / "generation-1").symlink_to(str(closure.roots[0]))


def test_a_guix_system_boots_by_the_boot_program_among_its_roots(tmp_path: Path, guix: Closure) -> None:
    link_result(tmp_path, guix)
    result = build_from_store(tmp_path, machine())
    by_name = {item.path.name: str(item.path) for item in guix}
    config = config_of(result)["config"]
    assert config["Entrypoint"] == [by_name["boot-program"], by_name["system"]]
    assert "Cmd" not in config
    assert config["StopSignal"] == "SIGTERM"
    assert verify_image(tmp_path / "machine.tar").items == len(guix)
    listing = shown(tmp_path / "machine.tar")
    for line in (
        f"bin/sh -> {by_name['system']}/profile/bin/sh",
        f"var/guix/profiles/system-1-link -> {by_name['system']}",
        "var/guix/profiles/system -> system-1-link",
        "var/guix/gcroots/booted-system -> /run/booted-system",
    ):
        assert line in listing
    assert any(line.startswith("etc/passwd ") for line in listing)
    assert not any(
        line.startswith("etc/shadow ") for line in listing
    )  # Guix would keep the passwords that it finds there


def test_a_guix_system_without_a_boot_program_is_booted_by_its_shepherds_guile(tmp_path: Path) -> None:
    closure = guix_shaped(StoreBuilder(tmp_path / "store"), boot_program=False)
    registered(closure, tmp_path / "registration")
    config = config_of(build_from_store(tmp_path, machine(system=str(closure.roots[0]))))["config"]
    guile = next(str(item.path) for item in closure if item.path.name == "guile-3.0.9")
    assert config["Entrypoint"][:3] == [f"{guile}/bin/guile", "--no-auto-compile", "-c"]
    assert config["Entrypoint"][4:] == [str(closure.roots[0])]
    assert "GUIX_NEW_SYSTEM" in config["Entrypoint"][3]


def test_the_shell_before_the_first_boot_is_one_of_the_closure_if_the_profile_has_none(tmp_path: Path) -> None:
    store = StoreBuilder(tmp_path / "store")
    store.add("a-shell-1.0", {"bin": {"sh": Program(ELF)}})
    store.add("bash-5.2", {"bin": {"sh": Program(ELF)}})
    store.add("guile-3.0.9", GUILE)
    content = {"boot": "{guile-3.0.9}\n", "activate": "{bash-5.2} {a-shell-1.0}\n", "profile": {"bin": {}}}
    store.add("system", content)
    closure = store.closure("system")
    registered(closure, tmp_path / "registration")
    link_result(tmp_path, closure)
    build_from_store(tmp_path, machine())
    assert f"bin/sh -> {store.items['bash-5.2'].path}/bin/sh" in shown(tmp_path / "machine.tar")


def test_a_system_without_a_shell_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    store = StoreBuilder(tmp_path / "store")
    store.add("guile-3.0.9", GUILE)
    store.add("boot-program", Program("#!{guile-3.0.9}/bin/guile\n"))
    content = {"boot": "\n", "activate": "\n", "profile": {"bin": {}}, "gc-roots": {"0": Link("{boot-program}")}}
    store.add("system", content)
    closure = store.closure("system")
    registered(closure, tmp_path / "registration")
    link_result(tmp_path, closure)
    with pytest.raises(SpecError) as error:
        build_from_store(tmp_path, machine())
    assert [str(issue) for issue in error.value.issues] == [
        "/from-store/system: /bin/sh: the shell is /bin/sh, which is not in the image"
    ]
    assert not (tmp_path / "machine.tar").exists()


def test_a_nixos_system_boots_by_its_init(tmp_path: Path) -> None:
    closure = nixos_shaped(StoreBuilder(tmp_path / "store", "/nix/store"))
    registered(closure, tmp_path / "registration")
    link_result(tmp_path, closure)
    result = build_from_store(tmp_path, {**machine(), "store": {"kind": "nix"}, "environment": {"B": "2", "A": "1"}})
    config = config_of(result)["config"]
    assert config["Env"][-2:] == ["A=1", "B=2"]
    assert config["Entrypoint"] == [f"{closure.roots[0]}/init"]
    assert config["StopSignal"] == "SIGRTMIN+3"
    assert "container=oci" in config["Env"]
    assert verify_image(tmp_path / "machine.tar").store_kind == "nix"
    assert "etc/NIXOS" in listing_of_image(tmp_path / "machine.tar")


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({"system-kind": "nixos"}, "as a nixos system: it has no init, sw"),
        ({"system": "nothing"}, "cannot find in the store what the spec names"),
        ({"source": "nothing"}, "cannot read"),
        ({"location": "nothing"}, "cannot find the files of 7 store items"),
    ],
)
def test_what_is_not_there_is_reported(tmp_path: Path, guix: Closure, parts: dict[str, Any], fault: str) -> None:
    link_result(tmp_path, guix)
    with pytest.raises(SysimageError) as error:
        build_from_store(tmp_path, machine(**parts))
    assert fault in str(error.value)
    assert not (tmp_path / "machine.tar").exists()


def test_what_is_not_a_system_is_refused_and_the_other_way_is_named(tmp_path: Path) -> None:
    closure = small_system(StoreBuilder(tmp_path / "store"))
    registered(closure, tmp_path / "registration")
    link_result(tmp_path, closure)
    with pytest.raises(SpecError, match="neither a Guix nor a NixOS system") as error:
        build_from_store(tmp_path, machine())
    assert '"paths"' in str(error.value.hint)


def test_a_damaged_item_is_named_when_asked(tmp_path: Path, guix: Closure) -> None:
    link_result(tmp_path, guix)
    boot = next(item.location for item in guix if item.path.name == "boot-program")
    assert boot is not None
    boot.chmod(0o755)
    boot.write_bytes(static_elf() + b"changed")
    with pytest.raises(IntegrityError) as error:
        build_from_store(tmp_path, machine(), check_store=True)
    assert [issue.where for issue in error.value.issues] == [
        next(str(item.path) for item in guix if item.path.name == "boot-program")
    ]
    with pytest.raises(IntegrityError):
        build_from_store(tmp_path, machine(check=True))


def test_a_reference_that_the_store_does_not_know_of_is_named_when_asked(tmp_path: Path, guix: Closure) -> None:
    link_result(tmp_path, guix)
    build_from_store(tmp_path, machine(), check_references=True)

    # One that another item refers to as well, or the closure would be smaller.
    referrer, left_out = next(
        (item, path)
        for item in guix
        for path in item.references
        if any(path in other.references for other in guix if other.path not in (item.path, path))
    )
    forgetful = replace(referrer, references=tuple(path for path in referrer.references if path != left_out))
    items = [forgetful if item is referrer else item for item in guix]
    registered(Closure(items, guix.roots), tmp_path / "registration")
    build_from_store(tmp_path, machine(), check_store=True)
    with pytest.raises(IntegrityError) as error:
        build_from_store(tmp_path, machine(), check_references=True)
    assert [(issue.where, issue.message) for issue in error.value.issues] == [
        (str(referrer.path), f"mentions {left_out}, which its store does not call a reference of it")
    ]


def test_a_bare_directory_of_items_gives_the_same_image_as_the_registration(tmp_path: Path, guix: Closure) -> None:
    link_result(tmp_path, guix)
    known = build_from_store(tmp_path, machine())
    scanned = build_from_store(tmp_path, machine(source="store"), tmp_path / "scanned.tar")
    assert scanned.written.digest == known.written.digest
    assert (tmp_path / "scanned.tar").read_bytes() == (tmp_path / "machine.tar").read_bytes()


@pytest.fixture
def profile(tmp_path: Path) -> Closure:
    """A profile as Guix makes them: with a manifest, and search paths in etc/profile."""
    store = StoreBuilder(tmp_path / "store")
    store.add("hello-2.12", {"bin": {"hello": Program(ELF)}, "share": {"greeting": "hello\n"}})
    store.add(
        "profile",
        {
            "bin": Link("{hello-2.12}/bin"),
            "share": Link("{hello-2.12}/share"),
            "manifest": "(manifest (version 4) (packages ()))\n",
            "etc": {
                "profile": 'export PATH="${GUIX_PROFILE:-{profile}}/bin${PATH:+:}$PATH"\n'
                'export XDG_DATA_DIRS="${GUIX_PROFILE:-{profile}}/share${XDG_DATA_DIRS:+:}$XDG_DATA_DIRS"\n'
                'export GIT_EXEC_PATH="${GUIX_PROFILE:-{profile}}/libexec/git-core"\n'
            },
        },
    )
    closure = store.closure("profile")
    registered(closure, tmp_path / "registration")
    link_result(tmp_path, closure)
    return closure


def pack(**more: Any) -> dict[str, Any]:
    source = {"paths": ["result"], "source": "registration", "location": "store"}
    return {"name": "pack", "from-store": {**source, "links": {"/bin": "bin", "/app": "."}}, **more}


def test_a_pack_has_links_search_paths_program_and_accounts(tmp_path: Path, profile: Closure) -> None:
    spec = pack(
        **{
            "entry-point": ["bin/hello"],
            "command": ["--greeting", "hi"],
            "users": {"ann": {"uid": 1000}},
            "user": "ann",
        },
        **{"working-directory": "/home/ann", "environment": {"LANG": "C"}, "files": {"/etc/hello.conf": {"text": "x"}}},
    )
    result = build_from_store(tmp_path, spec)
    top = str(profile.roots[0])
    assert config_of(result)["config"] == {
        "Entrypoint": [f"{top}/bin/hello"],
        "Cmd": ["--greeting", "hi"],
        "Env": [
            f"PATH={top}/bin", f"XDG_DATA_DIRS={top}/share", f"GIT_EXEC_PATH={top}/libexec/git-core", "LANG=C",
        ],
        "User": "ann",
        "WorkingDir": "/home/ann",
    }  # fmt: skip
    listing = shown(tmp_path / "pack.tar")
    for line in (
        f"bin -> {top}/bin",
        f"app -> {top}",
        f"var/guix/gcroots/image/{top[11:43]} -> {top}",
        "var/guix/profiles/per-user/root/guix-profile -> guix-profile-1-link",
        f"var/guix/profiles/per-user/root/guix-profile-1-link -> {top}",
        "home/ann dir 0700 1000:1000",
    ):
        assert line in listing
    assert verify_image(tmp_path / "pack.tar").items == 2


def test_a_pack_without_a_database_has_no_state_of_the_store(tmp_path: Path, profile: Closure) -> None:
    build_from_store(tmp_path, pack(store={"database": False}))
    assert "var/guix" not in listing_of_image(tmp_path / "pack.tar")
    assert verify_image(tmp_path / "pack.tar").store_kind is None


def test_a_link_to_what_is_not_in_the_item_is_refused(tmp_path: Path, profile: Closure) -> None:
    spec = pack()
    spec["from-store"]["links"] = {"/bin": "bin", "/sbin": "sbin"}
    with pytest.raises(SpecError) as error:
        build_from_store(tmp_path, spec)
    assert [issue.where for issue in error.value.issues] == ["/from-store/links/~1sbin"]
    with pytest.raises(SpecError, match="no such program"):
        build_from_store(tmp_path, pack(**{"entry-point": ["bin/hallo"]}))


def test_items_and_state_belong_to_the_owner_in_the_spec(tmp_path: Path, profile: Closure) -> None:
    build_from_store(tmp_path, pack(store={"uid": 1000, "gid": 100}))
    owners = {line.split()[0]: line.split()[3] for line in listing_of_image(tmp_path / "pack.tar").splitlines()}
    of_the_store = {path: owner for path, owner in owners.items() if path.startswith(("/gnu/store", "/var/guix/db"))}
    assert len(of_the_store) > 10
    assert set(of_the_store.values()) == {"1000:100"}
    assert owners["/etc/passwd"] == "0:0"
    verify_image(tmp_path / "pack.tar")


def test_explicit_layer_groups_share_layers_that_hold_nothing_else(tmp_path: Path) -> None:
    closure = small_system(StoreBuilder(tmp_path / "store"))
    registered(closure, tmp_path / "registration")
    link_result(tmp_path, closure)
    groups = [{"patterns": ["tzdata-*", "current-tz"]}, {"patterns": ["bash-*"]}]
    result = build_from_store(
        tmp_path,
        {"name": "pack", "from-store": {"paths": ["result"], "source": "registration", "location": "store"},
         "layer-groups": groups, "max-layers": 4},
    )  # fmt: skip
    layers = [sorted(path.name for path in layer.paths) for layer in result.planned.plan.layers]
    assert ["current-tz", "tzdata-2025b"] in layers
    assert ["bash-5.2"] in layers
    assert len([layer for layer in result.planned.plan.layers if not layer.customized]) == 3
