"""What a spec did that leaves its packages without libraries."""

from __future__ import annotations

from sysimage_bootstrap.packages.resolve import Resolution
from sysimage_bootstrap.realise import excluded_libraries


def test_a_package_that_is_left_out_and_needed_is_named_in_one_sentence() -> None:
    unmet = (("bash", "libc6 (>= 2.38)"), ("jq", "libc6 (>= 2.34)"), ("jq", "libonig5 | libonig6"))
    resolution = Resolution((), {}, (), unmet)
    found = excluded_libraries(("libc6",), resolution)
    assert found is not None
    assert str(found) == "cannot leave out libc6: the libraries in it are needed by bash and 1 other package"
    assert found.exit_status == 2
    both = excluded_libraries(("libonig5", "libc6"), resolution)
    assert str(both).startswith("cannot leave out libonig5 and libc6: the libraries in them are needed by bash")


def test_a_library_that_is_missing_for_another_reason_is_not_blamed_on_what_is_left_out() -> None:
    assert excluded_libraries(("libc",), Resolution((), {}, (), (("bash", "libc6 (>= 2.38)"),))) is None
    assert excluded_libraries((), Resolution((), {}, ())) is None
