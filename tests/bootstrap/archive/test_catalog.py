"""Questions to an archive that was made for the test and is signed as the real one, and guesses."""

from __future__ import annotations

import pytest

from sysimage_bootstrap.archive import index_of
from sysimage_bootstrap.packages.catalog import owners, search, show
from tests.bootstrap.archive.conftest import OpenArchive
from tests.bootstrap.archive.fake_archive import FakeSuite, Server, stanza

CONTENTS = """\
usr/bin/ls utils/coreutils
usr/bin/python3.13 python/python3.13-minimal
usr/lib/x86_64-linux-gnu/libpq.so.5 libs/libpq5
usr/share/doc/both/readme web/one,contrib/web/two
bin/odd admin/odd
"""


def described(name: str, version: str, summary: str) -> str:
    return stanza(name, version).replace(f"Description: {name} for tests", f"Description: {summary}")


@pytest.fixture
def full(suite: FakeSuite) -> FakeSuite:
    suite.packages = (
        described("nginx", "1.26-3", "small web server"),
        described("nginx", "1.26-10", "small web server"),
        described("nginx-extras", "1", "more of nginx"),
        described("lighttpd", "2", "Web server, like NGINX"),
    )
    suite.contents = CONTENTS
    suite.publish()
    return suite


@pytest.mark.programs
def test_search_finds_words_in_names_and_summaries_and_the_name_itself_first(
    full: FakeSuite, open_archive: OpenArchive
) -> None:
    found = search(open_archive(), "amd64", ["nginx"])
    assert [(one.name, one.version) for one in found] == [
        ("nginx", "1.26-10"),
        ("nginx-extras", "1"),
        ("lighttpd", "2"),
    ]
    assert [one.name for one in search(open_archive(), "amd64", ["SERVER", "small"])] == ["nginx"]
    assert search(open_archive(), "amd64", ["nginx", "nothing"]) == []


@pytest.mark.programs
def test_show_takes_the_highest_version_of_just_this_name(full: FakeSuite, open_archive: OpenArchive) -> None:
    found = show(open_archive(), "amd64", "nginx")
    assert found is not None
    assert (found.version, found.summary, found.suite) == ("1.26-10", "small web server", "trixie")
    assert show(open_archive(), "amd64", "ngin.") is None


@pytest.mark.programs
@pytest.mark.parametrize(
    ("asked", "packages"),
    [
        ("/usr/bin/ls", ["coreutils"]),
        ("/bin/ls", ["coreutils"]),
        ("ls", ["coreutils"]),
        ("libpq.so.5", ["libpq5"]),
        ("/lib/x86_64-linux-gnu/libpq.so.5", ["libpq5"]),
        ("/usr/bin/odd", ["odd"]),
        ("/usr/share/doc/both/readme", ["one", "two"]),
        ("python3", []),
        ("/usr/bin/l.", []),
    ],
)
def test_which_finds_the_package_by_a_path_of_either_kind_or_a_name(
    full: FakeSuite, open_archive: OpenArchive, asked: str, packages: list[str]
) -> None:
    assert [one.package for one in owners(open_archive(), "amd64", asked)] == packages


@pytest.mark.programs
def test_lists_of_files_are_fetched_once(full: FakeSuite, open_archive: OpenArchive, server: Server) -> None:
    for _ in range(2):
        owners(open_archive(), "amd64", "ls")
    assert len([path for path in server.paths() if "by-hash" in path or "Contents" in path]) == 1


PACKAGES = (
    "python3",
    "xpython",
    "default-mysql-server",
    "mariadb-server",
    "voms-server",
    "nginx",
    "redis-server",
    "vim-tiny",
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("python", ("python3",)),
        ("mysql-server", ("default-mysql-server", "mariadb-server")),
        ("ngnix", ("nginx",)),
        ("redis", ("redis-server",)),
        ("vi", ("vim-tiny",)),
        ("completely-different", ()),
        ("docker", ()),
    ],
)
def test_a_wrong_name_is_guessed_where_that_is_not_in_the_dark(name: str, meant: tuple[str, ...]) -> None:
    index = index_of("\n".join(stanza(package) for package in PACKAGES), "amd64")
    assert index.alike(name) == meant
