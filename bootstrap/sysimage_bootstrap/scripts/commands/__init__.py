"""Commands of maintainer scripts, imitated: each module registers its own when it is imported."""

from __future__ import annotations

from sysimage_bootstrap.scripts.commands import (
    accounts,
    alternatives,
    conditions,
    configuration_files,
    debconf,
    exim,
    file_changes,
    file_facts,
    find,
    grep,
    modules,
    packaging,
    postfix,
    secrets,
    server_settings,
    slapd,
    small_languages,
    text,
    tmpfiles,
    xml_catalogs,
)

__all__ = [
    "accounts",
    "alternatives",
    "conditions",
    "configuration_files",
    "debconf",
    "exim",
    "file_changes",
    "file_facts",
    "find",
    "grep",
    "modules",
    "packaging",
    "postfix",
    "secrets",
    "server_settings",
    "slapd",
    "small_languages",
    "text",
    "tmpfiles",
    "xml_catalogs",
]
