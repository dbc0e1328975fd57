"""Looking for packages: by words, by name, by a file of theirs, in the order in which people expect them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sysimage_bootstrap.packages.catalog import FileOwner, owners, search, show
from tests.bootstrap.archive.fake_archive import stanza
from tests.bootstrap.packages.fixed_archive import archive_of

FILES = """\
usr/bin/ls utils/coreutils
usr/bin/ls.d/deep/ls\tadmin/deep
bin/ls admin/another
usr/sbin/nginx web/nginx
lib64/ld.so libs/libc6
usr/lib32/x.so libs/lib32
usr/libexec/tool admin/tool
usr/share/both web/one,contrib/web/two
usr/share/twice web/once
etc/bin/odd admin/odd
usr/share/games/ls games/zz
"""


def described(name: str, version: str, summary: str, **fields: str) -> str:
    text = stanza(name, version, **fields)
    return text.replace(f"Description: {name} for tests", f"Description: {summary}\n and more: hidden")


@pytest.fixture
def archive(tmp_path: Path) -> Any:
    return archive_of(
        tmp_path,
        described("nginx", "1.26-3", "small web server"),
        described("nginx", "1.26-10", "small web server", suite="security"),
        described("nginx", "1.26-9", "small web server"),
        described("nginx-extras", "1", "more of nginx"),
        described("lighttpd", "2", "Web server, like NGINX"),
        described("libnginx-mod", "1", "a module"),
        described("apache2", "2.4", "HTTP, as nginx has it"),
        files=FILES,
    )


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["nginx"], ["nginx 1.26-10", "libnginx-mod 1", "nginx-extras 1", "apache2 2.4", "lighttpd 2"]),
        (["NGINX"], ["nginx 1.26-10", "libnginx-mod 1", "nginx-extras 1", "apache2 2.4", "lighttpd 2"]),
        (["SERVER", "small"], ["nginx 1.26-10"]),
        (["nginx", "extras"], ["nginx-extras 1"]),
        (["nginx", "server"], ["lighttpd 2", "nginx 1.26-10"]),
        (["nginx", "nothing"], []),
        (["hidden"], []),
        (["Package:"], []),
    ],
)
def test_packages_are_found_by_words_the_best_first(archive: Any, words: list[str], found: list[str]) -> None:
    assert [f"{one.name} {one.version}" for one in search(archive, "amd64", words)] == found


def test_a_package_is_shown_in_its_highest_version_with_all_that_its_list_says(archive: Any) -> None:
    found = show(archive, "amd64", "nginx")
    assert found is not None
    assert (found.name, found.version, found.suite, found.summary) == (
        *("nginx", "1.26-10", "security", "small web server"),
    )
    assert found.fields["description"] == "small web server\nand more: hidden"
    assert found.fields["architecture"] == "amd64"
    assert [show(archive, "amd64", name) for name in ("ngin.", "ngin", "nginx-", "module")] == [None] * 4


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/usr/bin/ls", [("/bin/ls", "another"), ("/usr/bin/ls", "coreutils")]),
        ("/bin/ls", [("/bin/ls", "another"), ("/usr/bin/ls", "coreutils")]),
        (
            *("ls",),
            [
                ("/bin/ls", "another"),
                ("/usr/bin/ls", "coreutils"),
                ("/usr/share/games/ls", "zz"),
                ("/usr/bin/ls.d/deep/ls", "deep"),
            ],
        ),
        ("/sbin/nginx", [("/usr/sbin/nginx", "nginx")]),
        ("/usr/lib64/ld.so", [("/lib64/ld.so", "libc6")]),
        ("/lib32/x.so", [("/usr/lib32/x.so", "lib32")]),
        ("/usr/libexec/tool", [("/usr/libexec/tool", "tool")]),
        ("/libexec/tool", []),
        ("/usr/share/both", [("/usr/share/both", "one"), ("/usr/share/both", "two")]),
        ("/etc/bin/odd", [("/etc/bin/odd", "odd")]),
        ("/bin/odd", []),
        ("bin/odd", [("/etc/bin/odd", "odd")]),
        ("/usr/bin/l.", []),
        ("s", []),
    ],
)
def test_a_file_is_found_by_its_path_in_either_way_or_by_its_name(
    archive: Any, path: str, found: list[tuple[str, str]]
) -> None:
    assert [(one.path, one.package) for one in owners(archive, "amd64", path)] == found


def test_a_file_that_several_suites_list_is_named_once_with_the_first_by_name(archive: Any) -> None:
    assert owners(archive, "amd64", "twice") == [FileOwner("/usr/share/twice", "once", "backports")]
