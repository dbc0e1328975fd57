"""Diversions and capabilities that scripts declare.

The texts are those of Debian 13's packages, shortened.
"""

from __future__ import annotations

import pytest

from sysimage_bootstrap.scripts.read_scripts import ScriptSettings
from tests.bootstrap.scripts.written_files import read

PARALLEL = """#!/bin/sh
set -e
if [ "$1" = "install" ]; then
    dpkg-divert --package pkg --add --rename \\
                --divert /usr/bin/parallel.moreutils \\
                /usr/bin/parallel
fi
"""
FPING = """case "$1" in
    (configure)
        if ! setcap cap_net_raw+ep /usr/bin/fping; then
            echo "WARNING: 'setcap cap_net_raw+ep /usr/bin/other' failed." 1>&2
        fi
    ;;
esac
"""
IPROUTE2 = """. /usr/share/debconf/confmodule
db_get iproute2/setcaps
if test "$RET" = "true"; then
    if ! setcap "cap_dac_override,cap_bpf,cap_net_admin=ep" /bin/ip; then echo no; fi
fi
"""
TEMPLATES = "Template: iproute2/setcaps\nType: boolean\nDefault: false\n"
MERGED = {
    "/bin": "-> usr/bin",
    "/lib64": "-> usr/lib64",
    "/usr/bin/x": "#!",
    "/usr/bin/ip": "#!",
    "/usr/bin/fping": "#!",
}


def diverted(preinst: str) -> dict[str, str]:
    said = read("", MERGED, preinst=f"#!/bin/sh\n{preinst}")
    assert said.unread == ()
    return {one.path: one.to for one in said.diversions if one.package == "pkg"}


def test_a_diversion_moves_the_files_of_other_packages() -> None:
    assert diverted(PARALLEL) == {"/usr/bin/parallel": "/usr/bin/parallel.moreutils"}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("--divert=/usr/bin/y --rename /usr/bin/x", {"/usr/bin/x": "/usr/bin/y"}),
        ("--add /bin/x", {"/usr/bin/x": "/usr/bin/x.distrib"}),
        ("--package other --divert /usr/bin/y /usr/bin/x", {}),
        ("--remove --divert /usr/bin/y /usr/bin/x", {}),
        ("--listpackage /usr/bin/x", {}),
        ("--divert /lib64/ld.so.usr-is-merged --add /lib64/ld.so", {}),
        ("--divert /usr/bin/y --add /usr/bin/x >/dev/null || true", {"/usr/bin/x": "/usr/bin/y"}),
    ],
)
def test_a_diversion_is_read_in_every_spelling_that_means_one(words: str, found: dict[str, str]) -> None:
    assert diverted(f"dpkg-divert {words}\n") == found


def test_variables_and_loops_count_as_the_shell_has_them() -> None:
    zutils = """for FILE in zcat zcmp
    do
        dpkg-divert --package pkg --quiet --add --no-rename --divert "/usr/bin/${FILE}.gzip" "/usr/bin/${FILE}"
        dpkg-divert --package pkg --add --no-rename --divert "/bin/${FILE}.gzip.usr-is-merged" "/bin/${FILE}"
    done
    """
    assert diverted(zutils) == {"/usr/bin/zcat": "/usr/bin/zcat.gzip", "/usr/bin/zcmp": "/usr/bin/zcmp.gzip"}
    vim = "for i in /usr/share/vim/help.txt /usr/share/vim/tags; do\ndpkg-divert --add --divert $i.vim-tiny $i\ndone\n"
    assert diverted(vim) == {
        "/usr/share/vim/help.txt": "/usr/share/vim/help.txt.vim-tiny",
        "/usr/share/vim/tags": "/usr/share/vim/tags.vim-tiny",
    }


def test_a_diversion_that_the_script_takes_back_does_not_count() -> None:
    assert diverted("dpkg-divert --add /usr/bin/x\ndpkg-divert --remove /usr/bin/x\n") == {}


def capable(postinst: str, debconf: dict[str, str] | None = None) -> dict[str, str]:
    said = read(postinst, MERGED, ScriptSettings(debconf=debconf or {}), templates=TEMPLATES)
    assert said.unread == ()
    return dict(said.capabilities)


def test_capabilities_are_those_that_a_script_sets() -> None:
    assert capable(FPING) == {"/usr/bin/fping": "cap_net_raw+ep"}
    assert capable("D=/bin\nsetcap cap_bpf=ep $D/x") == {"/usr/bin/x": "cap_bpf=ep"}
    assert capable("setcap cap_bpf=ep /bin/x; setcap -r /bin/x; setcap -q cap_bpf=ep /bin/ip") == {
        "/usr/bin/ip": "cap_bpf=ep"
    }


def test_capabilities_that_the_user_is_asked_about_follow_the_answer() -> None:
    assert capable(IPROUTE2) == {}
    assert capable(IPROUTE2, {"iproute2/setcaps": "true"}) == {
        "/usr/bin/ip": "cap_dac_override,cap_bpf,cap_net_admin=ep"
    }


def test_a_program_that_is_not_there_and_unknown_capabilities_are_not_set() -> None:
    assert capable("setcap cap_bpf=ep /usr/bin/absent || true") == {}
    said = read("setcap cap_flying=ep /usr/bin/x", MERGED)
    assert (said.capabilities, [one.why for one in said.unread]) == ({}, ["which capabilities cap_flying=ep are"])
