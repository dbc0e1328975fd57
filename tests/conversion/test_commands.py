"""Commands of a RUN that make accounts, install packages, or mean something to a shell alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conversion.taken_over import taken_over


@pytest.mark.parametrize(
    ("command", "spec", "notes"),
    [
        ("useradd -o -u 0 toor", {"users": {"toor": {}}}, ["users/toor/uid: 0 is the uid of root already"]),
        (
            'useradd -r -u 900 -g staff -G audio,video -d /d -s /bin/sh -c "A B" ann',
            {
                "users": {
                    "ann": {
                        "system": True,
                        "uid": 900,
                        "group": "staff",
                        "groups": ["audio", "video"],
                        "home": "/d",
                        "shell": "/bin/sh",
                        "comment": "A B",
                    }
                }
            },
            [],
        ),
        (
            "useradd --system --shell /usr/sbin/nologin --create-home ann",
            {"users": {"ann": {"system": True, "home": "/home/ann"}}},
            [],
        ),
        ("useradd -m ann", {"users": {"ann": {}}}, []),
        ("useradd -m -r -d /own ann", {"users": {"ann": {"system": True, "home": "/own"}}}, []),
        ("useradd -g ann -u 1000 -s /bin/false ann", {"users": {"ann": {"uid": 1000, "shell": "/bin/false"}}}, []),
        ("useradd -g 1000 --uid abc ann", {"users": {"ann": {}}}, []),
        ("useradd -h x ann", {"users": {"ann": {}}}, []),
        (
            "useradd --uid 1001 --gid staff --groups video --comment C --home /h ann",
            {"users": {"ann": {"uid": 1001, "group": "staff", "groups": ["video"], "home": "/h", "comment": "C"}}},
            [],
        ),
        ("useradd", {}, ["RUN useradd *"]),
        (
            "adduser --system --ingroup staff --home /h --no-create-home ann",
            {"users": {"ann": {"system": True, "group": "staff", "home": "/h"}}},
            [],
        ),
        (
            'adduser -D -S -G staff -h /h -g "A B" ann',
            {"users": {"ann": {"system": True, "group": "staff", "home": "/h"}}},
            [],
        ),
        ("adduser ann video", {"users": {"ann": {"groups": ["video"]}}}, []),
        ("adduser --system --group ann", {"users": {"ann": {"system": True}}}, []),
        ("useradd ann video", {"users": {"video": {}}}, []),
        ("groupadd -g 700 ann", {"groups": {"ann": {"gid": 700}}}, []),
        ("groupadd --gid 701 --system ann", {"groups": {"ann": {"gid": 701}}}, []),
        ("groupadd -g x ann", {"groups": {"ann": {}}}, []),
        ("groupadd", {}, ["RUN groupadd *"]),
        ("addgroup -S ann", {"groups": {"ann": {}}}, []),
        ("addgroup ann video", {"users": {"ann": {"groups": ["video"]}}}, []),
        ("groupadd ann video", {"groups": {"video": {}}}, []),
        (
            "useradd ann && usermod --append --groups audio,video ann && usermod -a -G staff ann",
            {"users": {"ann": {"groups": ["audio", "video", "staff"]}}},
            [],
        ),
        ("usermod -s /bin/sh -G video ann", {}, ["RUN usermod -s /bin/sh -G video ann *"]),
        ("usermod -aG video", {}, ["RUN usermod -aG video *"]),
        ("usermod -G video ann bob", {}, ["RUN usermod -G video ann bob *"]),
        ("usermod -L ann", {}, ["RUN usermod -L ann *"]),
        ("usermod ann", {}, ["RUN usermod ann *"]),
    ],
)
def test_accounts_are_declared_as_their_commands_would_make_them(
    tmp_path: Path, command: str, spec: dict[str, Any], notes: list[str]
) -> None:
    assert taken_over(tmp_path, command) == (spec, notes)


@pytest.mark.parametrize(
    ("command", "spec", "notes"),
    [
        (
            "apt-get -t trixie install -y jq=1 git/sid gdb:arm64 'd*' ./e.deb $F",
            {"packages": ["jq", "git", "gdb"]},
            [
                "package d*: a shell or another file sets this name",
                "package ./e.deb: a shell or another file sets this name",
                "package $F: a shell or another file sets this name",
                "version of jq=1: not kept, since it is another suite's; `sysimage lock` pins versions",
            ],
        ),
        (
            "apt install libc6 bash=5 tini python3",
            {"packages": ["python3"]},
            ["version of bash=5: not kept, since it is another suite's; `sysimage lock` pins versions"],
        ),
        (
            (
                "apt-get update -y && apt-get upgrade && apt-get && apt-get -o A=b clean && "
                "apt-get purge x && apt remove x"
            ),
            {},
            [],
        ),
        ("apt-get build-dep x", {}, ["RUN apt-get build-dep x *"]),
        (
            "apt-get install `cat list` jq",
            {"packages": ["jq"]},
            [
                "package `cat: a shell or another file sets this name",
                "package list`: a shell or another file sets this name",
            ],
        ),
        (
            "apk add --no-cache -t .deps jq py3-requests=1 musl $PKG openssh@edge && apk del x && apk",
            {"packages": ["jq", "python3-requests", "openssh-server"]},
            [
                (
                    "packages jq, python3-requests, openssh-server: Alpine's names may differ from "
                    "Debian's; `sysimage search` finds those"
                )
            ],
        ),
        ("apk update && apk add busybox && apk add -X https://x", {}, []),
        ("pip install --upgrade pip setuptools==1 wheel", {"packages": ["python3"]}, []),
        (
            "pip install -r /tmp/requirements.txt",
            {"packages": ["python3"]},
            [
                (
                    "pip install -r /tmp/requirements.txt: `python` takes a lock file, a pylock.toml "
                    "or requirements with hashes"
                )
            ],
        ),
        (
            "pip install -r x.txt pip",
            {"packages": ["python3"]},
            [("pip install -r x.txt pip: `python` takes a lock file, a pylock.toml or requirements with hashes")],
        ),
        (
            "pip3 install -i https://x flask",
            {"packages": ["python3"]},
            [
                (
                    "pip3 install -i https://x flask: `python` takes a lock file, a pylock.toml or "
                    "requirements with hashes"
                )
            ],
        ),
        (
            "python3 -m pip install flask",
            {"packages": ["python3"]},
            [("python3 -m pip install flask: `python` takes a lock file, a pylock.toml or requirements with hashes")],
        ),
        (
            "python3 -m venv /x && python3 x.py && pip list && pip && /usr/bin/pip3 install six",
            {"packages": ["python3"]},
            [
                "RUN python3 -m venv /x *",
                "RUN python3 x.py *",
                "RUN pip list *",
                "RUN pip *",
                "pip3 install six: `python` takes a lock file, a pylock.toml or requirements with hashes",
            ],
        ),
        ("npm ci", {}, ["npm ci: `node` takes a package-lock.json, which this directory lacks"]),
        (
            "npm cache clean --force && npm install -g x && npm i --global && npm run build && npm i",
            {},
            [
                "RUN npm install -g x *",
                "RUN npm i --global *",
                "RUN npm run build *",
                "npm i: `node` takes a package-lock.json, which this directory lacks",
            ],
        ),
    ],
)
def test_packages_are_those_that_the_archive_has_and_the_rest_are_notes(
    tmp_path: Path, command: str, spec: dict[str, Any], notes: list[str]
) -> None:
    assert taken_over(tmp_path, command) == (spec, notes)


@pytest.mark.parametrize(
    ("command", "spec", "notes"),
    [
        ('sudo A=1 B="x y" apt-get install jq', {"packages": ["jq"]}, []),
        ("A=1", {}, []),
        (
            (
                "(apt-get install jq); { apt-get install git; } | apt-get install gdb & apt-get "
                "install zsh || apt-get install htop"
            ),
            {"packages": ["jq", "git", "gdb", "zsh", "htop"]},
            [],
        ),
        (
            "make 2>/dev/null && make >/dev/null 2>&1 && make &>/dev/null && make x >&2",
            {},
            ["RUN make *", "RUN make x *"],
        ),
        ("echo 'open && apt-get install jq", {}, ["RUN echo 'open && apt-get install jq *"]),
        ("set -e; true; :; export A=1; cd /x; ldconfig; sync; update-ca-certificates; echo x", {}, []),
        ("rm -rf /var/lib/apt/lists/* /tmp/x /root/.cache /usr/share/doc /var/cache/x", {}, []),
        ("rm -rf /tmp/x /usr/share/x", {}, ["RUN rm -rf /tmp/x /usr/share/x *"]),
        ("rm -f /etc/x", {}, ["RUN rm -f /etc/x *"]),
        (
            "make aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            {},
            ["RUN make aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa *"],
        ),
        (
            "make aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            {},
            ["RUN make aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa… *"],
        ),
        (
            "mkdir $A && mkdir `pwd` && echo $A && cd $A && rm -rf $A && useradd ann",
            {"users": {"ann": {}}},
            ["RUN mkdir $A *", "RUN mkdir `pwd` *", "RUN rm -rf $A *"],
        ),
        ("mkdir /a /b$X", {}, ["RUN mkdir /a /b$X *"]),
        ("/usr/sbin/useradd ann && $CMD", {"users": {"ann": {}}}, ["RUN $CMD *"]),
        ("make && make install && make", {}, ["RUN make *", "RUN make install *"]),
    ],
)
def test_a_shell_text_is_read_command_by_command(
    tmp_path: Path, command: str, spec: dict[str, Any], notes: list[str]
) -> None:
    assert taken_over(tmp_path, command) == (spec, notes)
