"""Where packages come from when no flag names a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.errors import MachineError, SpecError
from sysimage_bootstrap.archive.apt_settings import merge_settings, parse_settings
from sysimage_bootstrap.archive.sources import ArchiveSource, apt_entries, default_sources, redacted
from sysimage_bootstrap.archive.transport import TransportOptions

SUITES = ("trixie", "trixie-updates", "trixie-security")


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_addresses_come_from_the_sources_of_another_release(apt: Path) -> None:
    (apt / "sources.list.d" / "debian.sources").write_text(
        "Types: deb deb-src\n# URIs: http://old.invalid/debian\nURIs: http://mirror.invalid/debian/\n"
        "Suites: bookworm bookworm-updates\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
        "\n"
        "Types: deb\nURIs: http://mirror.invalid/debian-security\nSuites: bookworm-security\nComponents: main\n"
    )
    assert default_sources(apt, SUITES, ("main", "contrib")) == (
        ArchiveSource("http://mirror.invalid/debian", "trixie", ("main", "contrib")),
        ArchiveSource("http://mirror.invalid/debian", "trixie-updates", ("main", "contrib")),
        ArchiveSource("http://mirror.invalid/debian-security", "trixie-security", ("main", "contrib")),
    )


def test_the_one_line_form_is_read_too(apt: Path) -> None:
    (apt / "sources.list").write_text(
        "# deb http://comment.invalid/debian bookworm main\n"
        "deb-src http://source.invalid/debian bookworm main\n"
        'deb [arch=amd64 signed-by="/usr/share/keyrings/debian-archive-keyring.gpg"]'
        " http://mirror.invalid/debian bookworm main contrib # ours\n"
        "deb http://security.invalid/debian-security bookworm-security main\n"
    )
    found = default_sources(apt, SUITES)
    assert [source.uri for source in found] == [
        "http://mirror.invalid/debian",
        "http://mirror.invalid/debian",
        "http://security.invalid/debian-security",
    ]


def test_other_vendors_archives_are_not_taken_for_debians(apt: Path) -> None:
    (apt / "sources.list.d" / "a-vendor.list").write_text(
        "deb https://vendor.invalid/apt nodistro main\n"
        "deb [signed-by=/usr/share/keyrings/vendor.gpg] https://vendor.invalid bookworm main\n"
        "deb https://vendor.invalid/linux/debian bookworm stable\n"
    )
    with pytest.raises(MachineError, match="no Debian archive is configured") as caught:
        default_sources(apt)
    assert "--archive" in (caught.value.hint or "")
    (apt / "sources.list.d" / "debian.list").write_text("deb http://mirror.invalid/debian trixie main\n")
    assert default_sources(apt)[0].uri == "http://mirror.invalid/debian"


def test_a_disabled_entry_does_not_count(apt: Path) -> None:
    (apt / "sources.list.d" / "debian.sources").write_text(
        "Enabled: no\nTypes: deb\nURIs: http://mirror.invalid/debian\nSuites: trixie\nComponents: main\n"
    )
    assert apt_entries(apt) == []


def test_a_file_of_mirrors_stands_for_the_first_of_them(apt: Path) -> None:
    (apt / "mirrors.list").write_text(
        "# mirrors\nhttps://first.invalid/debian\tpriority:1\nhttps://second.invalid/debian\n"
    )
    (apt / "sources.list").write_text(f"deb mirror+file:{apt}/mirrors.list bookworm main\n")
    assert default_sources(apt)[0].uri == "https://first.invalid/debian"


def test_without_a_security_archive_it_is_looked_for_beside_the_main_one(apt: Path) -> None:
    (apt / "sources.list").write_text("deb http://mirror.invalid/debian bookworm main\n")
    assert default_sources(apt, SUITES)[2].uri == "http://mirror.invalid/debian-security"


def test_an_address_that_is_given_wins(apt: Path) -> None:
    (apt / "sources.list").write_text("deb http://mirror.invalid/debian bookworm main\n")
    given = default_sources(apt, SUITES, uri="file:///srv/debian/", security_uri="https://security.invalid/debian")
    assert [source.uri for source in given] == ["file:///srv/debian"] * 2 + ["https://security.invalid/debian"]


def test_an_address_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(SpecError, match="is not http, https or file"):
        ArchiveSource("ftp://user:sesame@mirror.invalid/debian", "trixie")


def test_addresses_are_shown_without_their_passwords() -> None:
    assert redacted("https://user:sesame@mirror.invalid/debian?x=1") == "https://mirror.invalid/debian?x=1"


APT_CONFIG = """
Acquire "";
Acquire::http "";
Acquire::http::Proxy "http://proxy.invalid:3128";
Acquire::http::Proxy::local.invalid "DIRECT";
Acquire::https::CaInfo "/etc/ssl/our.pem";
Acquire::Languages:: "none";
"""


def test_proxies_and_certificates_come_from_apt() -> None:
    found = merge_settings(TransportOptions(), parse_settings(APT_CONFIG), {})
    assert found.proxies == {"http": "http://proxy.invalid:3128", "http://local.invalid": "DIRECT"}
    assert found.ca_file == Path("/etc/ssl/our.pem")


def test_options_take_precedence_over_apt_and_apt_over_the_environment() -> None:
    environment = {"http_proxy": "http://env.invalid", "HTTPS_PROXY": "http://env.invalid", "no_proxy": "a.invalid, .b"}
    found = merge_settings(
        TransportOptions(ca_file=Path("/given.pem"), offline=True), parse_settings(APT_CONFIG), environment
    )
    assert found.proxies["http"] == "http://proxy.invalid:3128"
    assert found.proxies["https"] == "http://env.invalid"
    assert (found.no_proxy, found.ca_file, found.offline) == (("a.invalid", ".b"), Path("/given.pem"), True)
    said = TransportOptions(proxies={"http": "http://said.invalid"})
    assert merge_settings(said, parse_settings(APT_CONFIG), environment).proxies["http"] == "http://said.invalid"


def test_a_proxy_variable_that_a_request_header_can_set_is_not_believed() -> None:
    assert merge_settings(TransportOptions(), {}, {"HTTP_PROXY": "http://evil.invalid"}).proxies == {}
