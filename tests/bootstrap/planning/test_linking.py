"""Where the libraries of a file are looked for, which of several is meant, and what is reported of those that no
package holds."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sysimage.errors import SysimageError
from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.planning.item_plan import SELF
from tests.bootstrap.planning.test_plan import LD, LIB, LIBC, elf, inventory, planned, readable


def entries_of(package: str, *inventories: Inventory, dependencies: Mapping[str, tuple[str, ...]]) -> list[str | None]:
    """The RUNPATH that the only linked file of a package gets."""
    plan = planned(LIBC, *inventories, dependencies=dependencies)
    (linking,) = plan.items[package].plan.linked.values()
    return [readable(plan, entry) for entry in linking[1]]


def test_of_several_libraries_of_a_name_the_nearest_is_chosen() -> None:
    """Where none is where the linker looks: the package's own, one of its dependencies', or the only one."""
    place = f"{LIB}/blas/libblas.so.3"

    def has(package: str, machine: int = 62) -> Inventory:
        return inventory(package, place, linked={place: elf(machine=machine)})

    own = inventory("user", "bin/u", place, linked={"bin/u": elf("libblas.so.3", interpreter=LD), place: elf()})
    plan = planned(LIBC, own, has("atlas"), has("openblas"), dependencies={"user": ("atlas",)})
    assert readable(plan, plan.items["user"].plan.linked["bin/u"][1][1]) == f"{SELF}/{LIB}/blas"

    user = inventory("user", "bin/u", linked={"bin/u": elf("libblas.so.3", interpreter=LD)})
    beside = f"$ORIGIN/../{LIB}/blas"
    for chosen in ("atlas", "openblas"):
        near = {"user": ("libc6", chosen)}
        found = entries_of("user", user, has("atlas"), has("openblas"), dependencies=near)
        assert found == [beside, f"<{chosen}>/{LIB}/blas"]
    assert entries_of("user", user, has("atlas"), dependencies={}) == [beside, f"<atlas>/{LIB}/blas"]
    foreign = entries_of("user", user, has("atlas", machine=183), has("openblas"), dependencies={})
    assert foreign == [beside, f"<openblas>/{LIB}/blas"], "a library of another processor does not count"
    with pytest.raises(SysimageError, match="libraries are missing"):
        planned(LIBC, user, has("atlas"), has("openblas"), unmet=["user"])


def test_all_missing_libraries_are_named_at_once() -> None:
    one = inventory("one", "bin/one", linked={"bin/one": elf("libx.so.1", "liby.so.1", interpreter=LD)})
    two = inventory("two", "bin/two", linked={"bin/two": elf("libx.so.1", interpreter="/lib/ld-musl.so.1")})
    with pytest.raises(SysimageError, match="libraries are missing") as caught:
        planned(two, one, unmet=["one", "two"])
    assert [str(issue) for issue in caught.value.issues] == [
        f"one: bin/one: needs {LD}, which no package holds",
        "one: bin/one: needs libx.so.1, which no package holds",
        "two: bin/two: needs libx.so.1, which no package holds",
        "one: bin/one: needs liby.so.1, which no package holds",
        "two: bin/two: needs /lib/ld-musl.so.1, which no package holds",
    ]


def programs(package: str, number: int, needed: str) -> Inventory:
    files = {f"bin/{place}": elf(needed, interpreter=LD) for place in range(number)}
    return inventory(package, *files, linked=files)


def test_a_library_that_more_than_three_files_lack_is_one_fault_of_all_that_need_the_unmet() -> None:
    packages = (LIBC, programs("many", 4, "libx.so"), programs("few", 3, "liby.so"), inventory("middle"))
    needs = {"many": ("middle",), "middle": ("few",)}
    with pytest.raises(SysimageError) as caught:
        planned(*packages, dependencies=needs, unmet=["few"])
    assert str(caught.value).startswith("cannot link the packages: libraries are missing")
    assert (
        caught.value.hint == "what holds them is excluded: do not exclude it, or leave out the packages that need them"
    )
    assert [str(issue) for issue in caught.value.issues] == [
        *(f"few: bin/{place}: needs liby.so, which no package holds" for place in range(3)),
        "many: bin/0 and 3 more files: needs libx.so, which no package holds",
    ]
    with pytest.raises(SysimageError) as caught:
        planned(*packages, dependencies=needs, unmet=["many"])
    assert len(caught.value.issues) == 1, "few does not need what many lacks"


def test_directories_of_plugins_are_looked_through_for_those_that_are_opened_by_name() -> None:
    plugins = inventory("plugins", f"{LIB}/own/p.so", linked={f"{LIB}/own/p.so": elf()})
    user = inventory(
        "user", "bin/user", linked={"bin/user": elf("libc.so.6", interpreter=LD, runpath=(f"/usr/{LIB}/own", "/opt/x"))}
    )
    for needs, found in ((("plugins",), [f"<plugins>/{LIB}/own"]), ((), [])):
        beside = [f"$ORIGIN/../{LIB}/own", f"$ORIGIN/../{LIB}"] if found else [f"$ORIGIN/../{LIB}"]
        assert entries_of("user", user, plugins, dependencies={"user": needs}) == [*beside, f"<libc6>/{LIB}", *found]


@pytest.mark.parametrize(
    ("path", "interpreter", "given_up"),
    [
        ("bin/p", LD, ("a", "b")),
        (f"{LIB}/p/p.so", None, ("b", "a")),
        (f"{LIB}/p/helper", LD, ("a", "b")),
        (f"{LIB}/libp.so", None, ("a", "b")),
    ],
)
def test_a_program_or_a_library_counts_more_than_a_plugin(
    path: str, interpreter: str | None, given_up: tuple[str, str]
) -> None:
    """Of two packages in a circle; what is linked as strongly goes by name."""
    a = inventory("a", f"{LIB}/liba.so", linked={f"{LIB}/liba.so": elf("libb.so")})
    b = inventory(
        "b", f"{LIB}/libb.so", path, linked={f"{LIB}/libb.so": elf(), path: elf("liba.so", interpreter=interpreter)}
    )
    assert planned(LIBC, a, b).given_up == (given_up,)


def test_a_library_that_debian_would_bring_into_place_by_a_link_is_found_where_it_is() -> None:
    blas = inventory(
        "libblas3",
        f"{LIB}/blas/libblas.so.3.12",
        links={f"{LIB}/blas/libblas.so.3": "libblas.so.3.12"},
        linked={f"{LIB}/blas/libblas.so.3.12": elf()},
    )
    other = inventory("libother", f"{LIB}/other/libblas.so.3", linked={f"{LIB}/other/libblas.so.3": elf()})
    user = inventory("user", "bin/user", linked={"bin/user": elf("libblas.so.3")})
    plan = planned(blas, other, user, dependencies={"user": ("libblas3",)})
    assert [readable(plan, entry) for entry in plan.items["user"].plan.linked["bin/user"][1]] == [
        f"$ORIGIN/../{LIB}/blas",
        f"<libblas3>/{LIB}/blas",
    ]


@pytest.mark.parametrize("place", [f"{LIB}/plugins/x.so", "lib/python3/dist-packages/x.so"])
def test_a_plugin_may_lack_what_its_package_only_recommends(place: str) -> None:
    plugin = inventory("plugin", place, linked={place: elf("libc.so.6", "libGLU.so.1")})
    plan = planned(LIBC, plugin).items["plugin"].plan
    assert plan.missing == {place: ("libGLU.so.1",)}
    assert plan.references != frozenset()


def test_what_lacks_a_library_is_refused_only_where_a_dependency_is_unmet() -> None:
    """What holds the library may be excluded; else Debian has it no better, such as libsvn1's plugins for desktops."""
    library = inventory(
        "library",
        f"{LIB}/libx.so.1.2",
        f"{LIB}/liby.so.1",
        links={f"{LIB}/libx.so.1": "libx.so.1.2"},
        linked={f"{LIB}/libx.so.1.2": elf("libGLU.so.1"), f"{LIB}/liby.so.1": elf("libGLU.so.1")},
    )
    user = inventory("user", "bin/user", linked={"bin/user": elf("libx.so.1", interpreter=LD)})
    needs = {"user": ("library",)}
    plan = planned(LIBC, library, user, dependencies=needs).items["library"].plan
    assert plan.missing == {f"{LIB}/libx.so.1.2": ("libGLU.so.1",), f"{LIB}/liby.so.1": ("libGLU.so.1",)}
    with pytest.raises(SysimageError, match="libraries are missing") as caught:
        planned(LIBC, library, user, dependencies=needs, unmet=["library"])
    assert [issue.where for issue in caught.value.issues] == [f"library: {LIB}/libx.so.1.2"], "nothing needs liby"
