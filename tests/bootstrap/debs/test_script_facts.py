"""Diversions and capabilities are read from maintainer scripts where their words are plain.

The texts are those of Debian 13's packages, shortened.
"""

from __future__ import annotations

import pytest

from sysimage_bootstrap.debs.script_facts import script_facts

PARALLEL = """#!/bin/sh
set -e
if [ "$1" = "install" ]; then
    dpkg-divert --package parallel --add --rename \\
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


def test_a_diversion_moves_the_files_of_other_packages() -> None:
    assert script_facts("parallel", PARALLEL, "").diversions == {"bin/parallel": "bin/parallel.moreutils"}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("--divert=/usr/bin/y --rename /usr/bin/x", {"bin/x": "bin/y"}),
        ("--add /bin/x", {"bin/x": "bin/x.distrib"}),
        ("--package other --divert /usr/bin/y /usr/bin/x", {}),
        ("--remove --divert /usr/bin/y /usr/bin/x", {}),
        ("--listpackage /usr/bin/x", {}),
        ('--divert "$f.old" --add "$f"', {}),
        ("--divert /lib64/ld.so.usr-is-merged --add /lib64/ld.so", {}),
        ("--divert /usr/bin/y --add /usr/bin/x >/dev/null || true", {"bin/x": "bin/y"}),
    ],
)
def test_a_diversion_is_read_in_every_spelling_that_means_one(words: str, found: dict[str, str]) -> None:
    assert script_facts("mine", f"dpkg-divert {words}\n", "").diversions == found


def test_a_variable_that_is_set_once_counts() -> None:
    script = 'F=/usr/bin/x\nG="/usr/bin/y"\nG=other\ndpkg-divert --add "$F"\ndpkg-divert --add $G\n'
    assert script_facts("mine", script, "").diversions == {"bin/x": "bin/x.distrib"}


def test_a_loop_over_plain_words_counts_for_each() -> None:
    zutils = """for FILE in zcat zcmp
    do
        dpkg-divert --package zutils --quiet --add --no-rename --divert "/usr/bin/${FILE}.gzip" "/usr/bin/${FILE}"
        dpkg-divert --package zutils --add --no-rename --divert "/bin/${FILE}.gzip.usr-is-merged" "/bin/${FILE}"
    done
    for FILE in $UNKNOWN; do dpkg-divert --add "$FILE"; done
    """
    assert script_facts("zutils", zutils, "").diversions == {"bin/zcat": "bin/zcat.gzip", "bin/zcmp": "bin/zcmp.gzip"}


def test_capabilities_are_those_that_a_script_sets_unasked() -> None:
    assert script_facts("fping", "", FPING).capabilities == {"bin/fping": "cap_net_raw+ep"}
    assert script_facts("iproute2", "", IPROUTE2).capabilities == {}
    assert script_facts("x", "", "D=/usr/lib/x/\nsetcap cap_bpf=ep $D/y").capabilities == {"lib/x/y": "cap_bpf=ep"}
    assert script_facts("x", "", "setcap -r /usr/bin/x\nsetcap -q cap_bpf=ep /usr/bin/x").capabilities == {
        "bin/x": "cap_bpf=ep"
    }


def test_a_text_that_is_no_script_says_nothing() -> None:
    facts = script_facts("x", "dpkg-divert 'unclosed\n", "\x7fELF setcap \ufffd")
    assert (facts.diversions, facts.capabilities) == ({}, {})
