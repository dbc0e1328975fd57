"""What no program needs is distinguished from what one reads, by its path and by what was asked for."""

from __future__ import annotations

import pytest

from sysimage_bootstrap.debian.slim import Slim, languages_of, speaks


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("share/doc/bash/README.gz", "documentation"),
        ("share/doc/bash/examples/x/y", "documentation"),
        ("share/doc-base/bash.bashref", "documentation"),
        ("share/doc/bash/copyright", None),
        ("share/doc/apache2/NOTICE.gz", None),
        ("share/doc/libbash", None),  # a link to another package's directory, with the copyright in it
        ("share/man/man1/bash.1.gz", "manuals"),
        ("share/man/de/man1/bash.1.gz", "manuals"),
        ("share/manual", None),
        ("share/info/bash.info.gz", "info"),
        ("share/lintian/overrides/bash", "lintian"),
        ("share/bash-completion/completions/mount", "completion for bash"),
        ("share/bash-completion/bash_completion", None),
        ("etc/bash_completion.d/x", "completion for bash"),
        ("share/locale/de/LC_MESSAGES/bash.mo", "translations"),
        ("share/locale/de/LC_TIME/bash.mo", "translations"),
        ("share/locale/locale.alias", None),
        ("share/locale/currency/eur.desktop", None),
        ("lib/locale/C.utf8/LC_CTYPE", None),
        ("lib/python3/dist-packages/app/locale/de/LC_MESSAGES/app.mo", None),
        ("bin/bash", None),
    ],
)
def test_a_file_is_left_out_for_where_it_is(path: str, kind: str | None) -> None:
    assert Slim().leaves_out("bash", path) == kind


@pytest.mark.parametrize(
    ("named", "path"),
    [
        ("man-db", "share/man/man1/bash.1.gz"),
        ("info", "share/info/bash.info.gz"),
        ("emacs-nox", "share/info/bash.info.gz"),
        ("bash-completion", "share/bash-completion/completions/mount"),
        ("zsh", "share/zsh/vendor-completions/_mount"),
        ("lintian", "share/lintian/overrides/bash"),
    ],
)
def test_what_a_named_package_reads_stays(named: str, path: str) -> None:
    assert Slim().leaves_out("bash", path)
    assert Slim(named=frozenset({named})).leaves_out("bash", path) is None


def test_documentation_that_was_asked_for_stays_and_no_other() -> None:
    slim = Slim(named=frozenset({"python3-doc", "python3"}))
    assert slim.leaves_out("python3-doc", "share/doc/python3-doc/html/index.html") is None
    assert slim.leaves_out("python3", "share/doc/python3/README") == "documentation"
    assert slim.leaves_out("nginx-doc", "share/doc/nginx-doc/index.html") == "documentation"


@pytest.mark.parametrize(
    ("asked", "directories", "others"),
    [
        ("de", ["de", "de_AT", "de@hebrew"], ["den", "en"]),
        ("pt_BR", ["pt_BR", "pt"], ["pt_PT", "pt@x"]),
        ("sr_RS@latin", ["sr_RS@latin", "sr@latin", "sr_RS", "sr"], ["sr@ijekavian", "sr_ME"]),
        ("zh", ["zh_CN", "zh_TW", "zh_Hant_TW"], ["za"]),
    ],
)
def test_a_language_keeps_the_directories_that_gettext_looks_into(
    asked: str, directories: list[str], others: list[str]
) -> None:
    assert [name for name in directories if not speaks(name, {asked})] == []
    assert [name for name in others if speaks(name, {asked})] == []
    assert Slim(languages=frozenset({asked})).leaves_out("x", f"share/locale/{directories[0]}/LC_MESSAGES/x.mo") is None


def test_locales_name_their_languages_and_the_c_locale_names_no_language() -> None:
    assert languages_of(["C.UTF-8", "POSIX", "C", ""]) == set()
    assert languages_of(["de_AT.UTF-8", "ca_ES.UTF-8@valencia", "fr:pt_BR"]) == {
        "de_AT",
        "ca_ES@valencia",
        "fr",
        "pt_BR",
    }
