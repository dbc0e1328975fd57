"""What a Dockerfile begins with, and lock files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conversion.taken_over import Notes, files_in, refusal_of, whole


@pytest.mark.parametrize(
    ("text", "spec", "notes"),
    [
        ("FROM debian:trixie-slim\n", {}, []),
        ("FROM debian:12\n", {}, [(1, "FROM debian:12: packages are those of Debian's trixie")]),
        ("# x\nFROM ubuntu:24.04 AS a\n", {}, [(2, "FROM ubuntu:24.04: packages are those of Debian's trixie")]),
        ("FROM scratch\n", {}, []),
        (
            "FROM docker.io/library/python:3.13@sha256:ab\n",
            {"packages": ["python3"]},
            [
                (
                    1,
                    (
                        "FROM docker.io/library/python:3.13@sha256:ab: instead of it Debian's python3, "
                        "in the version of trixie"
                    ),
                )
            ],
        ),
        (
            "FROM php:8-fpm\n",
            {"packages": ["php-cli"]},
            [(1, "FROM php:8-fpm: instead of it Debian's php-cli, in the version of trixie")],
        ),
        (
            "FROM php:8-apache\n",
            {"packages": ["php-cli", "libapache2-mod-php"], "enable": ["apache2"]},
            [(1, "FROM php:8-apache: instead of it Debian's php-cli, in the version of trixie")],
        ),
        ("FROM bitnami/minideb\n", {}, []),
        ("FROM ghcr.io/x/y:1\n", {}, [(1, "FROM ghcr.io/x/y:1: an image that a spec may begin with, as `from-image`")]),
        (
            "FROM --platform=linux/amd64 node:20\n",
            {"packages": ["nodejs"]},
            [(1, "FROM node:20: instead of it Debian's nodejs, in the version of trixie")],
        ),
        (
            "ARG V=12\nARG W\nFROM debian:$V\nARG V\nARG W=2\nARG X\nENV A=$V B=$W C=$X\n",
            {"environment": {"A": "12", "B": "2", "C": ""}},
            [(3, "FROM debian:12: packages are those of Debian's trixie")],
        ),
        (
            """\
FROM debian AS base
RUN apt-get install jq
FROM node AS build
RUN make
FROM Base
COPY --from=build /a /b
""",
            {"packages": ["jq"]},
            [(6, "COPY /a /b: from stage or image build; put its result beside the spec as a tree")],
        ),
        ("FROM debian\nRUN apt-get install jq\nFROM 0\nRUN apt-get install git\n", {"packages": ["jq", "git"]}, []),
        (
            'FROM nginx\nCMD ["nginx", "-g", "daemon off;"]\n',
            {"packages": ["nginx"], "command": ["nginx", "-g", "daemon off;"]},
            [(1, "FROM nginx: instead of it Debian's nginx, in the version of trixie"), (2, "CMD: *")],
        ),
        (
            'FROM httpd\nENTRYPOINT ["httpd-foreground"]\nCMD x\n',
            {"packages": ["apache2"], "enable": ["apache2"]},
            [
                (1, "FROM httpd: instead of it Debian's apache2, in the version of trixie"),
                (2, "ENTRYPOINT: *"),
                (3, "CMD: *"),
            ],
        ),
        (
            "FROM mariadb\nRUN systemctl enable x\n",
            {"packages": ["mariadb-server"], "enable": ["x", "mariadb"]},
            [(1, "FROM mariadb: instead of it Debian's mariadb-server, in the version of trixie")],
        ),
        (
            "FROM php:8\nRUN systemctl enable apache2\n",
            {"packages": ["php-cli"], "enable": ["apache2"]},
            [(1, "FROM php:8: instead of it Debian's php-cli, in the version of trixie")],
        ),
        ("FROM apache/nginx\n", {}, [(1, "FROM apache/nginx: an image that a spec may begin with, as `from-image`")]),
        ("# escape=`\nFROM debian\nRUN apt-get install `\n  jq\n", {"packages": ["jq"]}, []),
    ],
)
def test_a_base_is_its_packages_and_its_server(tmp_path: Path, text: str, spec: dict[str, Any], notes: Notes) -> None:
    assert whole(tmp_path, text) == (spec, notes)


@pytest.mark.parametrize(
    ("text", "cause", "issues"),
    [
        (
            "\ufeffFROM debian\n\n   # c\n\nfoo x\n\n",
            "it is not a Dockerfile",
            ["line 5: FOO is not an instruction of a Dockerfile"],
        ),
        (
            "RUN x\nfoo y\n",
            "it is not a Dockerfile",
            ["line 2: FOO is not an instruction of a Dockerfile", "there is no FROM"],
        ),
        ("\n", "it is not a Dockerfile", ["there is no FROM"]),
    ],
)
def test_lines_that_are_not_of_a_dockerfile_are_named(tmp_path: Path, text: str, cause: str, issues: list[str]) -> None:
    assert refusal_of(tmp_path, text, "Dockerfile") == (cause, issues)


@pytest.mark.parametrize(
    ("text", "files", "spec", "notes"),
    [
        (
            "FROM debian\nWORKDIR /w\nRUN npm ci\n",
            {"package-lock.json": "{}"},
            {
                "packages": ["nodejs"],
                "node": {"lock": "package-lock.json", "at": "/w", "dev": True},
                "working-directory": "/w",
            },
            [],
        ),
        (
            "FROM debian\nRUN npm ci\n",
            {"package-lock.json": "{}"},
            {},
            [(2, "npm ci: `node` takes a package-lock.json, which this directory lacks")],
        ),
        (
            "FROM debian\nWORKDIR /w\nENV NODE_ENV=production\nRUN npm install\n",
            {"npm-shrinkwrap.json": "{}", "package-lock.json": "{}"},
            {
                "packages": ["nodejs"],
                "node": {"lock": "package-lock.json", "at": "/w"},
                "environment": {"NODE_ENV": "production"},
                "working-directory": "/w",
            },
            [],
        ),
        (
            "FROM debian\nWORKDIR /w\nRUN npm ci --production\n",
            {"npm-shrinkwrap.json": "{}"},
            {"packages": ["nodejs"], "node": {"lock": "npm-shrinkwrap.json", "at": "/w"}, "working-directory": "/w"},
            [],
        ),
        (
            "FROM debian\nWORKDIR /w\nRUN npm ci --only=dev\n",
            {"npm-shrinkwrap.json": "{}"},
            {"packages": ["nodejs"], "node": {"lock": "npm-shrinkwrap.json", "at": "/w"}, "working-directory": "/w"},
            [],
        ),
        (
            "FROM debian\nWORKDIR /w\nENV NODE_ENV=test\nRUN npm ci --omit=peer\n",
            {"npm-shrinkwrap.json": "{}"},
            {
                "packages": ["nodejs"],
                "node": {"lock": "npm-shrinkwrap.json", "at": "/w", "dev": True},
                "environment": {"NODE_ENV": "test"},
                "working-directory": "/w",
            },
            [],
        ),
        (
            "FROM debian\nRUN pip install .\n",
            {"pylock.toml": 'lock-version = "1.0"\ncreated-by = "x"\npackages = []\n'},
            {"packages": ["python3"], "python": {"lock": "pylock.toml"}},
            [(2, "pip install .: `python` takes a lock file, a pylock.toml or requirements with hashes")],
        ),
        (
            "FROM debian\nRUN pip install -r a/r.txt\n",
            {"r.txt": "six==1 --hash=sha256:00\n"},
            {"packages": ["python3"], "python": {"lock": "r.txt"}},
            [],
        ),
        (
            "FROM debian\nRUN pip install -r r.txt\n",
            {"r.txt": "six==1\n"},
            {"packages": ["python3"]},
            [(2, ("pip install -r r.txt: `python` takes a lock file, a pylock.toml or requirements with hashes"))],
        ),
        (
            "FROM debian\nRUN pip install --requirement=r.txt x\n",
            {"r.txt": "six==1 --hash=sha256:00\n"},
            {"packages": ["python3"], "python": {"lock": "r.txt"}},
            [
                (
                    2,
                    (
                        "pip install --requirement=r.txt x: `python` takes a lock file, a pylock.toml or "
                        "requirements with hashes"
                    ),
                )
            ],
        ),
    ],
)
def test_lock_files_count_where_they_are_and_say_enough(
    tmp_path: Path, text: str, files: dict[str, str], spec: dict[str, Any], notes: Notes
) -> None:
    assert whole(files_in(tmp_path, **files), text) == (spec, notes)
