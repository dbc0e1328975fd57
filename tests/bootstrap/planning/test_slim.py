"""A slim item is planned of what is left of its package: another item, with other references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from sysimage_bootstrap.debian.slim import CHARACTER_SETS, GUILE, Slim
from sysimage_bootstrap.debs.inventory import Attributes, Inventory
from sysimage_bootstrap.planning.plan import SystemPlan, plan_items
from sysimage_bootstrap.planning.slim import left_out, without
from sysimage_bootstrap.planning.undeclared_dependencies import UndeclaredNeedsError
from tests.bootstrap.debs.made_debs import package_of
from tests.bootstrap.planning.test_plan import DASH, LD, LIB, LIBC, TOOLS, elf, inventory

GCONV = f"{LIB}/gconv"
CCACHE, SITE = f"{LIB}/guile/3.0/ccache", f"{LIB}/guile/3.0/site-ccache"
WITH_CHARACTER_SETS = replace(
    LIBC,
    files=(*LIBC.files, f"{GCONV}/KOI-8.so", f"{GCONV}/UTF-16.so", f"{GCONV}/gconv-modules", f"{LIB}/KOI-9.so"),
    words={f"{LIB}/libc.so.6": ("iconv",)},
)


def planned(
    slim: Slim | None, *inventories: Inventory, edges: Mapping[str, tuple[str, ...]] | None = None
) -> SystemPlan:
    return plan_items(
        {i.package: package_of(i.package, i.package.encode()) for i in inventories},
        edges or {},
        {i.package: i for i in inventories},
        store_dir="/gnu/store",
        architecture="amd64",
        tools=TOOLS,
        pythons={},
        alternatives={},
        slim=slim,
    )


def test_a_package_with_nothing_to_leave_out_gives_the_same_item() -> None:
    assert planned(Slim(), LIBC, DASH).items["dash"].path == planned(None, LIBC, DASH).items["dash"].path


def test_an_item_that_lacks_something_is_another_and_does_not_refer_to_what_only_that_needed() -> None:
    tool = inventory(
        "tool",
        "bin/tool",
        "etc/bash_completion.d/run",
        "share/man/man1/tool.1",
        links={"share/man/man1/t.1": "tool.1", "share/doc/tool/sh": "../../../bin/sh"},
        linked={"bin/tool": elf("libc.so.6", interpreter=LD)},
    )
    whole, slim = planned(None, LIBC, DASH, tool).items, planned(Slim(), LIBC, DASH, tool).items
    assert {path.name for path in whole["tool"].plan.references} == {"dash-1.0-1", "libc6-1.0-1"}
    assert {path.name for path in slim["tool"].plan.references} == {"libc6-1.0-1"}
    assert slim["tool"].path != whole["tool"].path
    assert sorted(slim["tool"].plan.left_out) == [
        "etc/bash_completion.d/run",
        "share/doc/tool/sh",
        "share/man/man1/t.1",
        "share/man/man1/tool.1",
    ]


def test_whose_translations_stay_counts_only_for_items_that_have_them() -> None:
    app = inventory("app", "share/locale/de/LC_MESSAGES/app.mo", "share/locale/fr/LC_MESSAGES/app.mo")
    tool = inventory("tool", "share/man/man1/tool.1")
    german = planned(Slim(languages=frozenset({"de"})), app, tool).items
    nobody = planned(Slim(), app, tool).items
    assert german["app"].path != nobody["app"].path
    assert german["tool"].path == nobody["tool"].path


@pytest.mark.parametrize(
    ("slim", "lost"),
    [
        (Slim(), [f"{GCONV}/KOI-8.so"]),
        (Slim(used=frozenset({CHARACTER_SETS})), []),
        (Slim(asked=frozenset({"tool", "libc6"})), [f"{GCONV}/KOI-8.so"]),
        (Slim(asked=frozenset({"converter"})), []),
        (Slim(asked=frozenset({"script"})), []),
        (Slim(asked=frozenset({"libc-bin"})), []),
    ],
)
def test_rare_character_sets_stay_where_something_converts(slim: Slim, lost: list[str]) -> None:
    converter = elf("libc.so.6", interpreter=LD)
    packages = [
        WITH_CHARACTER_SETS,
        inventory("tool", "bin/tool", linked={"bin/tool": elf("libc.so.6", interpreter=LD)}),
        inventory("converter", "bin/c", linked={"bin/b": converter, "bin/c": replace(converter, converts=True)}),
        inventory("script", "bin/s", scripts={"bin/s": "/bin/sh"}, words={"bin/s": ("iconv",)}),
        inventory("libc-bin"),
    ]
    found = left_out({one.package: one for one in packages}, slim)
    assert sorted(found.get("libc6", {})) == lost


def test_nothing_of_what_is_left_out_is_known_of_a_package_any_more() -> None:
    owned = Attributes(0o4755, "root", "root", directory=False)

    def known(*names: str) -> Inventory:
        paths = [f"share/{name}" for name in names]
        return inventory(
            "tool",
            *paths,
            links={f"share/{name}.link": name for name in names},
            root_links=frozenset(f"share/{name}.link" for name in names),
            linked={path: elf() for path in paths},
            scripts=dict.fromkeys(paths, "/bin/sh"),
            attributes=dict.fromkeys(paths, owned),
            conffiles=(*(f"/usr/share/{name}" for name in names), "/etc/tool.conf"),
        )

    whole = known("a", "b", "c")
    assert without(whole, dict.fromkeys(("share/b", "share/b.link"), "manual")) == known("a", "c")
    assert without(whole, {"etc/tool.conf": "manual"}).conffiles == whole.conffiles[:-1]
    assert without(whole, {}) == whole


def guile() -> dict[str, Inventory]:
    """Guile, its Shepherd, and what they name."""

    def go(module: str, where: str = CCACHE) -> str:
        return f"{where}/{module}.go"

    libs = inventory(
        "guile-3.0-libs",
        *(go(f"ice-9/{name}") for name in ("boot-9", "match", "format", "ftw")),
        go("language/cps"),
        go("web/server"),
        "share/guile/3.0/ice-9/match.scm",
        "share/guile/3.0/ice-9/quasisyntax.scm",
        modules={
            f"{LIB}/libguile-3.0.so.1": frozenset({"ice-9/boot-9", "no/module"}),
            "share/guile/3.0/ice-9/boot-9.scm": frozenset({"ice-9/format"}),
            "share/guile/3.0/language/cps.scm": frozenset({"web/server"}),
        },
    )
    shepherd = inventory(
        "shepherd",
        go("shepherd", SITE),
        go("shepherd/service/timer", SITE),
        modules={"share/guile/site/3.0/shepherd/service/timer.scm": frozenset({"ice-9/match"})},
    )
    return {"guile-3.0-libs": libs, "shepherd": shepherd, "other": inventory("other", go("ice-9/extra"))}


def test_of_guile_stays_what_its_library_the_shepherd_and_our_programs_lead_to() -> None:
    lost = left_out(guile(), Slim(modules=frozenset({"ice-9/ftw", "no/module"})))
    assert sorted(lost["guile-3.0-libs"]) == [
        f"{CCACHE}/language/cps.go",
        f"{CCACHE}/web/server.go",
        "share/guile/3.0/ice-9/match.scm",  # it is compiled; the one that is not stays
    ]
    assert lost.keys() == {"guile-3.0-libs"}, "all of the Shepherd may be asked for, and others are not Guile's"
    assert set(lost["guile-3.0-libs"].values()) == {GUILE}


@pytest.mark.parametrize("asked", ["guile-3.0", "guile-ssh", "shepherd", "app"])
def test_guile_stays_whole_where_something_else_uses_it(asked: str) -> None:
    packages = guile()
    for name in ("guile-3.0", "guile-ssh"):
        packages[name] = inventory(name)
    packages["app"] = inventory("app", "bin/app", scripts={"bin/app": "/bin/sh"}, words={"bin/app": ("guile",)})
    assert left_out(packages, Slim(asked=frozenset({asked}))) == {}
    assert left_out(packages, Slim(used=frozenset({GUILE}))) == {}
    assert left_out(packages, Slim())


def test_without_the_shepherd_guile_is_an_ordinary_package() -> None:
    packages = guile()
    del packages["shepherd"]
    assert left_out(packages, Slim()) == {}


@pytest.mark.parametrize(
    ("line", "words", "calls"),
    [
        ("/usr/bin/perl -w", (), True),
        ("/usr/bin/env perl", (), True),
        ("/bin/sh", ("perl",), True),
        ("/bin/sh", ("iconv",), False),
        ("/usr/bin/perl6", (), False),
    ],
)
def test_a_script_that_calls_a_spared_program_is_found(line: str, words: tuple[str, ...], calls: bool) -> None:
    tool = inventory("tool", "bin/tool", scripts={"bin/tool": line}, words={"bin/tool": words} if words else {})
    slim = Slim(asked=frozenset({"tool"}), spared=frozenset({"perl-base"}))
    if not calls:
        planned(slim, tool)
        return
    with pytest.raises(UndeclaredNeedsError) as caught:
        planned(slim, tool)
    assert caught.value.packages == ("perl-base",)
    assert [str(issue) for issue in caught.value.issues] == ["tool: bin/tool: calls perl, which is in perl-base"]


def test_packages_that_no_package_declares_to_need_are_named_once_in_the_hint() -> None:
    error = UndeclaredNeedsError(["d", "a", "c", "b", "a"], [])
    assert (error.packages, error.hint) == (("a", "b", "c", "d"), "add to the packages: a, b, c, d")
    assert str(error) == "cannot make the system: programs call other programs that it lacks"


def test_scripts_that_only_configure_or_were_not_asked_for_call_nothing() -> None:
    scripts = {"sbin/pam-auth-update": "/usr/bin/perl"}
    runtime = inventory("libpam-runtime", *scripts, scripts=scripts)
    other = inventory("other", "bin/other", scripts={"bin/other": "/usr/bin/perl"})
    example = inventory("example", "share/doc/x", scripts={"share/doc/x": "/usr/bin/perl"})
    asked = frozenset({"libpam-runtime", "example"})
    planned(Slim(asked=asked, spared=frozenset({"perl-base"})), runtime, other, example)
