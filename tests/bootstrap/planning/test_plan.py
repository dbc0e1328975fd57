"""The plan says, from inventories alone, what each item refers to and what is done to its files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.debs.inventory import Inventory, LinkedFile
from sysimage_bootstrap.planning.item_plan import SELF
from sysimage_bootstrap.planning.plan import SystemPlan, plan_items
from sysimage_bootstrap.planning.symlinks import links_in_usr
from tests.bootstrap.debs.made_debs import package_of

LIB = "lib/x86_64-linux-gnu"
LD = "/lib64/ld-linux-x86-64.so.2"
TOOLS = {"patchelf": "1"}


def inventory(package: str, *files: str, **more: object) -> Inventory:
    empty = Inventory(package, "1.0-1", "amd64", "", files, {}, frozenset(), {}, {}, {}, {}, {}, (), ())
    return replace(empty, **more)  # type: ignore[arg-type]


def elf(*needed: str, interpreter: str | None = None, runpath: tuple[str, ...] = (), machine: int = 62) -> LinkedFile:
    return LinkedFile(machine, interpreter, needed, runpath)


LIBC = inventory(
    "libc6",
    f"{LIB}/libc.so.6",
    f"{LIB}/libm.so.6",
    f"{LIB}/ld-linux-x86-64.so.2",
    links={"lib64/ld-linux-x86-64.so.2": f"../{LIB}/ld-linux-x86-64.so.2"},
    linked={
        f"{LIB}/libc.so.6": elf("ld-linux-x86-64.so.2", interpreter=LD),
        f"{LIB}/libm.so.6": elf("libc.so.6"),
        f"{LIB}/ld-linux-x86-64.so.2": elf(),
    },
)
DASH = inventory("dash", "bin/dash", links={"bin/sh": "dash"}, linked={"bin/dash": elf("libc.so.6", interpreter=LD)})


def awk(package: str, priority: int) -> Inventory:
    """A package with an awk."""
    line = f"update-alternatives --install /usr/bin/awk awk /usr/bin/{package} {priority}"
    return inventory(package, f"bin/{package}", maintainer_files={"postinst": f"#!/bin/sh\n{line}\n"})


MAWK, GAWK = awk("mawk", 5), awk("gawk", 10)


def planned(
    *inventories: Inventory,
    dependencies: Mapping[str, tuple[str, ...]] | None = None,
    pythons: Mapping[str, str] | None = None,
    alternatives: Mapping[str, str] | None = None,
    unmet: Collection[str] = (),
) -> SystemPlan:
    packages: dict[str, Package] = {i.package: package_of(i.package, i.package.encode()) for i in inventories}
    return plan_items(
        packages,
        dependencies or {},
        {i.package: i for i in inventories},
        store_dir="/gnu/store",
        architecture="amd64",
        tools=TOOLS,
        pythons=pythons or {},
        alternatives=alternatives or {},
        unmet=unmet,
    )


def readable(plan: SystemPlan, text: str | None) -> str | None:
    """A text of the plan with package names for store paths."""
    for name, item in plan.items.items():
        text = text and text.replace(str(item.path), f"<{name}>")
    return text


def test_programs_and_libraries_are_linked_by_store_path() -> None:
    tool = inventory(
        "tool",
        "bin/tool",
        f"{LIB}/libtool.so.1.2",
        links={f"{LIB}/libtool.so.1": "libtool.so.1.2"},
        linked={
            "bin/tool": elf("libtool.so.1", "libm.so.6", "libc.so.6", interpreter=LD),
            f"{LIB}/libtool.so.1.2": elf("libc.so.6"),
        },
    )
    plan = planned(LIBC, tool)
    linked = plan.items["tool"].plan.linked
    interpreter, runpath = linked["bin/tool"]
    assert readable(plan, interpreter) == f"<libc6>/{LIB}/ld-linux-x86-64.so.2"
    assert [readable(plan, entry) for entry in runpath] == [f"$ORIGIN/../{LIB}", f"{SELF}/{LIB}", f"<libc6>/{LIB}"]
    assert [readable(plan, entry) for entry in linked[f"{LIB}/libtool.so.1.2"][1]] == ["$ORIGIN", f"<libc6>/{LIB}"]
    assert plan.items["tool"].plan.references == {plan.items["libc6"].path}
    assert list(plan.items) == ["libc6", "tool"]


def test_the_c_library_and_the_linker_are_left_alone_but_not_their_siblings() -> None:
    assert planned(LIBC).items["libc6"].plan.linked == {f"{LIB}/libm.so.6": (None, ("$ORIGIN", f"{SELF}/{LIB}"))}


def test_an_original_search_path_is_followed_and_origin_kept() -> None:
    owner = inventory("owner", f"{LIB}/private/libp.so", linked={f"{LIB}/private/libp.so": elf()})
    user = inventory(
        "user",
        f"{LIB}/user/plugin.so",
        linked={f"{LIB}/user/plugin.so": elf("libp.so", runpath=("$ORIGIN/../extra", f"/usr/{LIB}/private"))},
    )
    plan = planned(owner, user, dependencies={"user": ("owner",)})
    (linking,) = plan.items["user"].plan.linked.values()
    assert [readable(plan, entry) for entry in linking[1]] == [
        "$ORIGIN/../extra",
        "$ORIGIN/../private",
        f"<owner>/{LIB}/private",
    ]


def test_the_directories_around_a_file_come_before_the_store_in_the_order_of_debians_linker() -> None:
    own = inventory("own", f"{LIB}/own/libtwice.so", linked={f"{LIB}/own/libtwice.so": elf()})
    common = inventory(
        "common",
        f"{LIB}/libfirst.so",
        f"{LIB}/libtwice.so",
        linked={f"{LIB}/{n}.so": elf() for n in ("libfirst", "libtwice")},
    )
    user = inventory(
        "user", "bin/user", linked={"bin/user": elf("libfirst.so", "libtwice.so", runpath=(f"/usr/{LIB}/own",))}
    )
    plan = planned(own, common, user, dependencies={"user": ("common", "own")})
    assert [readable(plan, entry) for entry in plan.items["user"].plan.linked["bin/user"][1]] == [
        f"$ORIGIN/../{LIB}/own",
        f"$ORIGIN/../{LIB}",
        f"<common>/{LIB}",
        f"<own>/{LIB}/own",
    ]


def test_of_two_libraries_with_one_name_that_in_the_programs_own_directory_is_linked() -> None:
    own = inventory("own", f"{LIB}/own/libtwice.so", linked={f"{LIB}/own/libtwice.so": elf()})
    common = inventory("common", f"{LIB}/libtwice.so", linked={f"{LIB}/libtwice.so": elf()})
    user = inventory(
        "user",
        "bin/plain",
        "bin/special",
        linked={"bin/plain": elf("libtwice.so"), "bin/special": elf("libtwice.so", runpath=(f"/usr/{LIB}/own",))},
    )
    plan = planned(own, common, user, dependencies={"user": ("common", "own")})
    linked = plan.items["user"].plan.linked
    packages = {
        name: [entry for entry in (readable(plan, one) for one in found[1]) if entry and entry.startswith("<")]
        for name, found in linked.items()
    }
    assert packages == {"bin/plain": [f"<common>/{LIB}"], "bin/special": [f"<own>/{LIB}/own"]}


def test_links_are_debians_below_usr_whatever_the_item_says() -> None:
    one = inventory(
        "one",
        "bin/real",
        links={
            "bin/alias": "real",
            "bin/other": "../../usr/bin/two",
            "bin/absolute": "/usr/bin/real",
            "lib64/ld.so": "../lib/ld.so",
        },
    )
    one = replace(one, root_links=frozenset({"lib64/ld.so"}))
    two = inventory("two", "bin/two", "lib/ld.so")
    planned_links = planned(one, two).items["one"].plan.links
    assert planned_links["bin/other"].endswith("-two-1.0-1/bin/two")
    assert links_in_usr(one, planned_links) == {
        "bin/absolute": "/usr/bin/real",
        "bin/other": "../../usr/bin/two",
        "lib64/ld.so": "/lib/ld.so",
    }


def test_files_of_another_machine_and_of_none_are_left_alone() -> None:
    other = inventory(
        "other", "lib/x.so", "lib/x.go", linked={"lib/x.so": elf("libc.so.6", machine=3), "lib/x.go": elf(machine=0)}
    )
    assert planned(other).items["other"].plan.linked == {}


def test_a_program_of_another_c_library_stays_as_it_is() -> None:
    user = inventory("user", "bin/user", linked={"bin/user": elf("libc.so", interpreter="/lib/ld-musl-x86_64.so.1")})
    assert planned(LIBC, user).items["user"].plan.linked == {}


def test_a_plugin_that_closes_a_circle_finds_the_other_package_in_usr() -> None:
    core = inventory(
        "core",
        f"{LIB}/libcore.so.0",
        f"{LIB}/core/plugin.so",
        linked={f"{LIB}/libcore.so.0": elf("libc.so.6"), f"{LIB}/core/plugin.so": elf("libsieve.so.0")},
    )
    sieve = inventory("sieve", f"{LIB}/libsieve.so.0", linked={f"{LIB}/libsieve.so.0": elf("libcore.so.0")})
    plan = planned(LIBC, core, sieve, dependencies={"core": ("sieve",), "sieve": ("core",)})
    assert plan.given_up == (("core", "sieve"),)
    assert list(plan.items) == ["libc6", "core", "sieve"]
    assert plan.items["core"].plan.linked[f"{LIB}/core/plugin.so"] == (None, ("$ORIGIN/..", f"/usr/{LIB}"))
    assert plan.items["sieve"].path not in plan.items["core"].plan.references


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/bin/sh", "#!<dash>/bin/sh"),
        ("/bin/sh -e", "#!<dash>/bin/sh -e"),
        (" /usr/bin/sh\t-e x", "#!<dash>/bin/sh -e x"),
        ("/bin/sh\t-e\tx", "#!<dash>/bin/sh -e\tx"),
        ("/usr/bin/env /bin/sh", "#!<dash>/bin/sh"),
        ("/usr/bin/env sh -e", None),
        ("/usr/bin/env -S", None),
        ("/usr/bin/env -S '/bin/sh' -e", None),
        ("bin/sh", None),
        ("/usr/bin/env sh", "#!<dash>/bin/sh"),
        ("/usr/bin/env -S sh -e", "#!<dash>/bin/sh -e"),
        ("/usr/bin/awk -f", "#!<mawk>/bin/mawk -f"),
        ("/usr/bin/env -S sh -e -u", None),
        ("/usr/bin/env A=1 sh", None),
        ("/usr/bin/env -i", None),
        ("/usr/bin/env", None),
        ("/usr/bin/unheard-of", None),
        ("/etc/interpreter", None),
        ("sh", None),
        ("", None),
    ],
)
def test_scripts_name_their_interpreter_by_store_path(line: str, expected: str | None) -> None:
    script = inventory("script", "bin/script", scripts={"bin/script": line})
    plan = planned(LIBC, DASH, MAWK, script)
    assert readable(plan, plan.items["script"].plan.scripts.get("bin/script")) == expected


def test_the_alternative_that_is_asked_for_is_taken() -> None:
    script = inventory("script", "bin/script", scripts={"bin/script": "/usr/bin/awk"})
    plan = planned(MAWK, GAWK, script, alternatives={"awk": "gawk"})
    assert readable(plan, plan.items["script"].plan.scripts["bin/script"]) == "#!<gawk>/bin/gawk"


def test_debians_priority_decides_where_the_spec_does_not() -> None:
    script = inventory("script", "bin/script", scripts={"bin/script": "/usr/bin/awk"})
    plan = planned(MAWK, GAWK, script)
    assert readable(plan, plan.items["script"].plan.scripts["bin/script"]) == "#!<gawk>/bin/gawk"


def test_only_programs_are_scripts() -> None:
    places = ["share/doc/x/example", "etc/init.d/x", "lib/python3.13/x.py", "sbin/x", "libexec/x", "lib/x/x"]
    plan = planned(LIBC, DASH, inventory("x", *places, scripts=dict.fromkeys(places, "/bin/sh")))
    assert sorted(plan.items["x"].plan.scripts) == ["lib/x/x", "libexec/x", "sbin/x"]


@pytest.mark.parametrize(
    ("path", "said", "expected"),
    [
        ("bin/a", "tool", "tool"),
        ("bin/a", "./tool", "./tool"),
        ("bin/a", "/usr/bin/tool", "tool"),
        ("bin/a", "/bin/tool", "tool"),
        ("lib/a", "../bin/tool", "../bin/tool"),
        ("bin/a", "dash", "<dash>/bin/dash"),
        ("share/doc/a", "../../bin/dash", "<dash>/bin/dash"),
        ("share/doc/a", "dash", "<dash>/share/doc/dash"),
        ("bin/a", "nowhere", "/usr/bin/nowhere"),
        ("bin/a", "/etc/alternatives/a", "/etc/alternatives/a"),
        ("lib/a", "../../etc/a", "/etc/a"),
        ("lib/a", "../../../../../../etc/a", "/etc/a"),
        ("lib/a", "/dev/null", "/dev/null"),
        ("bin/a", "//usr/bin/tool", "tool"),
        ("bin/a", "/", "/"),
        ("bin/a", "/usr", "/usr"),
    ],
)
def test_links_lead_within_the_item_into_the_store_or_out_of_it(path: str, said: str, expected: str) -> None:
    dash = replace(DASH, files=(*DASH.files, "share/doc/dash/copyright"))
    plan = planned(LIBC, dash, inventory("tool", "bin/tool", links={path: said}), dependencies={"tool": ("dash",)})
    assert readable(plan, plan.items["tool"].plan.links[path]) == expected


def test_links_of_the_system_stay_with_the_system() -> None:
    rc = inventory(
        "rc", "etc/init.d/x", links={"etc/rc2.d/S01x": "../init.d/x"}, root_links=frozenset({"etc/rc2.d/S01x"})
    )
    assert planned(rc).items["rc"].plan.links == {"etc/rc2.d/S01x": "../init.d/x"}


def test_declared_dependencies_are_propagated_except_for_those_that_close_a_cycle() -> None:
    gcc = inventory("libgcc-s1", f"{LIB}/libgcc_s.so.1", linked={f"{LIB}/libgcc_s.so.1": elf("libc.so.6")})
    plan = planned(
        LIBC, gcc, DASH, dependencies={"libc6": ("libgcc-s1",), "libgcc-s1": ("libc6",), "dash": ("libgcc-s1",)}
    )
    assert plan.given_up == (("libc6", "libgcc-s1"),)
    assert plan.items["libc6"].plan.propagated == ()
    assert plan.items["dash"].plan.propagated == (plan.items["libgcc-s1"].path,)
    assert plan.items["dash"].plan.references == {plan.items["libgcc-s1"].path, plan.items["libc6"].path}


def test_the_order_in_which_dependencies_are_given_changes_no_item() -> None:
    needed = [inventory(f"needed{number}", "share/x") for number in range(6)]
    names = tuple(one.package for one in needed)
    plan, other = (planned(inventory("tool"), *needed, dependencies={"tool": order}) for order in (names, names[::-1]))
    assert sorted(plan.items["tool"].plan.propagated) == sorted(plan.items[name].path for name in names)
    assert plan == other


def test_a_script_whose_interpreter_would_close_a_cycle_is_run_by_the_profiles() -> None:
    utils = inventory(
        "debianutils", "bin/which", f"{LIB}/libu.so", scripts={"bin/which": "/bin/sh"}, linked={f"{LIB}/libu.so": elf()}
    )
    dash = replace(DASH, linked={"bin/dash": elf("libu.so", "libc.so.6", interpreter=LD)})
    plan = planned(LIBC, dash, utils)
    assert plan.given_up == (("debianutils", "dash"),)
    assert plan.items["debianutils"].plan.scripts == {}


def test_modules_are_compiled_by_the_python_that_imports_them() -> None:
    python = inventory("python3-minimal", links={"bin/python3": "python3.13"})
    files = ["lib/python3/dist-packages/a.py", "lib/python3.13/b.py", "lib/python3.12/c.py", "share/x/d.py"]
    plan = planned(python, inventory("modules", *files), pythons={"3.13": "3.13.5-2"})
    assert plan.items["modules"].plan.bytecode == {
        "lib/python3/dist-packages/a.py": "3.13",
        "lib/python3.13/b.py": "3.13",
    }


def test_a_path_follows_from_what_its_item_is_made_of_and_from_nothing_else() -> None:
    tool = inventory("tool", "bin/tool", linked={"bin/tool": elf("libc.so.6", interpreter=LD)})
    plan = planned(LIBC, tool)
    more = planned(LIBC, DASH, tool)
    assert plan.items["tool"].path == more.items["tool"].path
    newer = plan_items(
        {i.package: package_of(i.package, i.package.encode() + b"2") for i in (LIBC, tool)},
        {},
        {"libc6": LIBC, "tool": tool},
        store_dir="/gnu/store",
        architecture="amd64",
        tools=TOOLS,
        pythons={},
        alternatives={},
    )
    assert newer.items["libc6"].path != plan.items["libc6"].path
    assert newer.items["tool"].path != plan.items["tool"].path


def test_a_path_stays_the_same_from_release_to_release() -> None:
    """Another version of the builder gives another path; nothing else in it may, or all is built again."""
    path = planned(inventory("tool", "bin/tool")).items["tool"].path
    assert str(path) == "/gnu/store/zr8kiddcps5k4k1vc75g4g6dq87h3xfn-tool-1.0-1"


def test_versions_become_names() -> None:
    package = package_of("nginx", b"", version="1:1.26~rc1+dfsg-3")
    plan = plan_items(
        {"nginx": package},
        {},
        {"nginx": inventory("nginx")},
        store_dir="/nix/store",
        architecture="arm64",
        tools=TOOLS,
        pythons={},
        alternatives={},
    )
    assert plan.items["nginx"].path.name == "nginx-1.26-rc1+dfsg-3"
    assert plan.items["nginx"].path.store_dir == "/nix/store"
