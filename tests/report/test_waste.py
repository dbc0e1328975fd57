"""What an image has that nothing needs."""

from dataclasses import replace

from sysimage.report.facts import FileFact, PackageFact
from sysimage.report.waste import duplicates, lacking
from tests.report.made_facts import facts, item, path_of


def held(name: bytes, size: int = 1000, digest: bytes = b"same") -> FileFact:
    return FileFact((b"lib", name), size, digest)


def test_equal_contents_of_several_files_are_duplicates_the_worst_first() -> None:
    made = facts(
        item("a", files=(held(b"x"), held(b"big", 5000, b"other"))),
        item("b", files=(held(b"y"),)),
        others={1: (FileFact((b"etc", b"z"), 1000, b"same"), FileFact((b"etc", b"big"), 5000, b"other"))},
    )
    worst, next_one = duplicates(made)
    assert (worst.size, worst.wasted) == (5000, 5000)
    assert next_one.paths == tuple(sorted(("/etc/z", path_of("a") + "/lib/x", path_of("b") + "/lib/y")))
    assert next_one.wasted == 2000


def test_small_or_different_contents_are_not_duplicates() -> None:
    assert duplicates(facts(item("a", files=(held(b"x", 100), held(b"y", 100))))) == ()
    assert duplicates(facts(item("a", files=(held(b"x"), held(b"y", digest=b"another"))))) == ()


def test_an_item_much_smaller_than_its_package_lacks_something() -> None:
    package = PackageFact("a", "1", "amd64", "a", 1_000_000)
    slim = replace(item("a", files=(held(b"x", 100_000),)), package=package)
    whole = replace(item("b", files=(held(b"x", 990_000),)), package=package)
    unknown = item("c", files=(held(b"x"),))
    (found,) = lacking(facts(slim, whole, unknown))
    assert (found.item, found.package, found.size) == (path_of("a"), 1_000_000, 100_352)
