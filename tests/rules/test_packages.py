"""Rows for scanners against items: each has the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sysimage.rules.finding import Finding
from sysimage.rules.packages import check_rows, is_digests, is_row, is_stanza, listed
from sysimage.rules.paths import as_parts

STANZAS = st.binary(min_size=1, max_size=2)


@given(st.dictionaries(st.sampled_from(["/s/a", "/s/b", "/s/c"]), STANZAS), st.randoms())
def test_a_row_for_each_item_is_right_whatever_the_rows_are_called(items: dict[str, bytes], random: object) -> None:
    rows: dict[tuple[bytes, ...], bytes] = {
        (b"status.d", b"%d" % number): stanza for number, stanza in enumerate(items.values())
    }
    assert list(check_rows(items, rows, lambda parts: True)) == []


@given(
    st.dictionaries(st.sampled_from(["/s/a", "/s/b", "/s/c"]), STANZAS),
    st.dictionaries(st.tuples(st.sampled_from([b"x", b"y", b"z"])), STANZAS),
)
def test_whatever_only_one_side_says_is_named(items: dict[str, bytes], rows: dict[tuple[bytes, ...], bytes]) -> None:
    assert list(check_rows(items, rows, lambda parts: True)) == [
        *(
            Finding("packages", ("file", item), "is a Debian package, and no file in /var/lib/dpkg/status.d says so")
            for item in sorted(items)
            if items[item] not in rows.values()
        ),
        *(
            Finding(
                "packages",
                ("file", f"/{parts[0].decode()}"),
                "reports a package to scanners, and no item of the image is that package",
                "leave the file out: what the spec names under packages has one",
            )
            for parts in sorted(rows)
            if rows[parts] not in items.values()
        ),
    ]


def test_a_row_of_a_base_may_speak_of_what_its_dpkg_has_installed() -> None:
    assert list(check_rows({}, {(b"x",): b"Package: x\n"}, lambda parts: False)) == []


def test_rows_digests_and_stanzas_are_distinguished_by_their_paths() -> None:
    row, digests = as_parts("/var/lib/dpkg/status.d/libc6"), as_parts("/var/lib/dpkg/status.d/libc6.md5sums")
    stanza = as_parts("/gnu/store/x/share/sysimage/packages/libc6")
    others = [
        as_parts(path) for path in ("/var/lib/dpkg/status", "/var/lib/dpkg/status.d", "/status.d/x", "/packages/x")
    ]
    kinds = [is_row, is_digests, is_stanza]
    assert [[kind(parts) for kind in kinds] for parts in (row, digests, stanza, *others)] == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
        *([[False] * 3] * 4),
    ]


def test_a_list_of_digests_gives_its_paths() -> None:
    assert listed(b"d41d8cd98f00b204e9800998ecf8427e  a b\n\nnonsense\n0  c\n0  d  e  f\n") == {
        *(b"a b", b"c", b"d  e  f")
    }


@given(st.permutations(["a", "b", "c"]))
def test_what_is_found_does_not_depend_on_the_order_of_what_is_compared(names: list[str]) -> None:
    items = {f"/s/{name}": name.encode() for name in names}
    rows: dict[tuple[bytes, ...], bytes] = {(b"r", name.encode()): name.upper().encode() for name in names}
    found = [finding.cause[1] for finding in check_rows(items, rows, lambda parts: True)]
    assert found == ["/s/a", "/s/b", "/s/c", "/r/a", "/r/b", "/r/c"]
