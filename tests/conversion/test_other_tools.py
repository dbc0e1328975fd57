"""Files of apko, mkosi and debos: the specs that they come to, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conversion.taken_over import Notes, files_in, refusal_of, whole


@pytest.mark.parametrize(
    ("text", "spec", "notes"),
    [
        (
            """\
contents: {packages: [jq], keyring: [x]}
entrypoint: {command: /a "b c", type: service-bundle}
cmd: a "b c"
work-dir: /w
stop-signal: SIGINT
volumes: [/v]
annotations: {a: 1}
archs: [x86_64, aarch64, riscv64]
vcs-url: x
""",
            {
                "packages": ["jq"],
                "essential": False,
                "entry-point": ["/a", "b c"],
                "command": ["a", "b c"],
                "working-directory": "/w",
                "labels": {"a": "1"},
                "stop-signal": "SIGINT",
                "volumes": ["/v"],
            },
            [
                (None, "packages jq: Alpine's names may differ from Debian's; `sysimage search` finds those"),
                (None, "contents.keyring: no counterpart; packages are Debian's"),
                (None, "archs: one at a time; `sysimage build --platform linux/amd64,linux/arm64` builds several"),
                (None, "vcs-url: no counterpart"),
            ],
        ),
        (
            """\
contents: {packages: [jq]}
entrypoint: {services: {web: "/w x"}}
archs: [riscv64, arm64]
""",
            {"packages": ["jq"], "services": {"web": {"command": ["/w", "x"]}}, "architecture": "arm64"},
            [(None, "packages jq: Alpine's names may differ from Debian's; `sysimage search` finds those")],
        ),
        (
            'contents: {}\nentrypoint: {shell-fragment: "a | b"}\narchs: [riscv64]\n',
            {"entry-point": ["/bin/sh", "-c", "a | b"]},
            [],
        ),
        (
            """\
contents: {packages: []}
accounts:
  groups: [{groupname: tool, gid: 700, members: [ann, root]}, {groupname: other}]
  users:
  - {username: ann, uid: 701, gid: 700, shell: /bin/sh, homedir: /h}
  - {username: bob, gid: 999}
  - {username: tool, gid: 700}
  run-as: bob
paths:
- {path: /d/, type: directory, uid: 701, gid: 700, permissions: 0o700}
- {path: /e, type: empty-file, permissions: "0o640", gid: 701}
- {path: /f, type: empty-file, uid: 5, permissions: 420}
- {path: /l, type: symlink, source: /d}
- {path: /h, type: hardlink, source: /d}
- {path: /p, type: permissions, uid: 0, gid: 0}
""",
            {
                "users": {
                    "ann": {"uid": 701, "group": "tool", "shell": "/bin/sh", "home": "/h"},
                    "bob": {},
                    "tool": {},
                },
                "groups": {"tool": {"gid": 700, "members": ["ann", "root"]}, "other": {}},
                "files": {"/f": {"text": "", "mode": "0644"}},
                "directories": {"/d": {"owner": "ann", "group": "tool", "mode": "0700"}},
                "symlinks": {"/l": "/d"},
            },
            [
                (None, "paths: hardlink of /h: no counterpart"),
                (None, "paths: permissions of /p: no counterpart"),
                (
                    None,
                    ('essential: the init needs the Essential packages; say "entry-point" or "command" for a program'),
                ),
                (None, 'files/~1e/group: no group is called "ann"; declare it under "groups"'),
                (
                    None,
                    ('user: the init starts services as others and must itself be root; say "user" in the services'),
                ),
            ],
        ),
        (
            'contents: {}\naccounts: {run-as: "new:staff"}\n',
            {"users": {"new": {"system": True}}},
            [
                (
                    None,
                    ('essential: the init needs the Essential packages; say "entry-point" or "command" for a program'),
                ),
                (
                    None,
                    ('user: the init starts services as others and must itself be root; say "user" in the services'),
                ),
            ],
        ),
        (
            "contents: {}\naccounts: {run-as: 65532}\n",
            {},
            [
                (
                    None,
                    ('essential: the init needs the Essential packages; say "entry-point" or "command" for a program'),
                ),
                (
                    None,
                    ('user: the init starts services as others and must itself be root; say "user" in the services'),
                ),
            ],
        ),
    ],
)
def test_an_apko_yaml_becomes_a_spec(tmp_path: Path, text: str, spec: dict[str, Any], notes: Notes) -> None:
    assert whole(tmp_path, text, "apko.yaml") == (spec, notes)


@pytest.mark.parametrize(
    ("text", "cause", "issues"),
    [
        ("contents: {}\naccounts: {groups: [{gid: 3}]}\n", "it is not as apko writes it", []),
        ("a: [\n", "it is not YAML", ["line 2: expected the node content, but found '<stream end>'"]),
        ("\n\na: *x\n", "it is not YAML", ["line 3: found undefined alias 'x'"]),
        ("contents: 3\n", "it is not an apko.yaml: there is no `contents`", []),
        ("x\n", "it is not an apko.yaml: there is no `contents`", []),
        ("contents: {}\npaths: [{path: /x, type: directory, permissions: 0o9}]\n", "it is not as apko writes it", []),
        ('a: "\\x00"\x01', "it is not YAML: unacceptable character #x0001: special characters are not allowed", []),
    ],
)
def test_what_is_not_an_apko_yaml_is_refused(tmp_path: Path, text: str, cause: str, issues: list[str]) -> None:
    assert refusal_of(tmp_path, text, "apko.yaml") == (cause, issues)


@pytest.mark.parametrize(
    ("text", "spec", "notes"),
    [
        (
            """\
architecture: riscv64
actions:
- {action: debootstrap, suite: bookworm, include: [jq]}
- {action: mmdebstrap, suites: [sid]}
- {action: mmdebstrap, suite: stable}
- {action: debootstrap}
- {action: apt}
- {action: overlay, origin: x, source: d}
- {action: overlay, origin: recipe, source: d, destination: /srv/d}
- {action: run, chroot: true, command: useradd ann}
- {action: run, chroot: true, postprocess: true, command: useradd bob}
- {action: run, command: useradd cat}
- {action: run, script: x.sh, description: Some}
- {action: download, description: From there}
- {action: download}
- {action: pack}
- {action: raw}
""",
            {"packages": ["jq"], "users": {"ann": {}}, "trees": {"/srv/d": {"source": "d"}}},
            [
                (None, "architecture: riscv64: packages are there for amd64 and arm64"),
                (None, "suite bookworm: packages are those of trixie; `package-sources` names other suites"),
                (None, "suite sid: packages are those of trixie; `package-sources` names other suites"),
                (None, "overlay of x: put its files beside the spec, as a tree"),
                (None, "run useradd bob: a build runs no command; do it before or after the build"),
                (None, "run useradd cat: a build runs no command; do it before or after the build"),
                (None, "run x.sh (Some): a build runs no command; declare what it makes"),
                (None, "action download (From there): no counterpart"),
                (None, "action download: no counterpart"),
            ],
        ),
        (
            """\
{{- $a := or .x "one" -}}{{ $b := $a }}{{$c := `two`}}{{ $d := .none }}
{{ if eq $a "one" }}
actions:
- action: apt
  packages: [{{ $b }}, {{ $c }}{{ $d }}, {{ (printf "x-%s" "jq") }}, git{{ .z }}, {{ join $a $c }}]
{{ else }}
bad: [
{{ end }}
{{ if ne $a "one" }}bad: [{{ $a := "x" }}{{ if $a }}worse{{ else }}[{{ end }}{{ else if $a }}
{{ end }}{{ if ne $a $c }}
architecture: amd64
{{ end }}
{{ range $x }}[{{ end }}{{/* {{ */}}
{{ with $a }}[{{ else }}
{{ end }}{{ end }}
""",
            {"packages": ["one", "two", "jq", "git"], "architecture": "amd64"},
            [
                (2, '{{ if eq $a "one" }}: read as true'),
                (9, '{{ if ne $a "one" }}: read as false'),
                (9, "{{ if $a }}: read as false"),
                (10, "{{ if ne $a $c }}: read as true"),
                (13, "{{ range $x }}: read as false"),
                (14, "{{ with $a }}: read as false"),
            ],
        ),
        ("actions: []\n{{ if $a }}\n", {}, [(2, "{{ if $a }}: read as false")]),
    ],
)
def test_a_recipe_of_debos_becomes_a_spec(tmp_path: Path, text: str, spec: dict[str, Any], notes: Notes) -> None:
    assert whole(files_in(tmp_path, "d/x", "d/etc/y"), text, "recipe.yaml") == (spec, notes)


@pytest.mark.parametrize(
    ("text", "cause", "issues"),
    [
        ("actions:\n- x\n", "it is not as debos reads it", []),
        ("actions: [{}]\n", "it is not as debos reads it", []),
        ("actions: 3\n", "it is not a recipe of debos: there is no list of `actions`", []),
        ("actions:\n- [\n", "it is not YAML: while parsing a flow node", []),
        ("actions:\n- {action: run}\n", "it is not as debos reads it", []),
    ],
)
def test_what_is_not_a_recipe_is_refused(tmp_path: Path, text: str, cause: str, issues: list[str]) -> None:
    assert refusal_of(tmp_path, text, "recipe.yaml") == (cause, issues)


@pytest.mark.parametrize(
    ("text", "spec", "notes"),
    [
        (
            """\
# comment
; other
[Distribution]
Distribution=debian

[Match]
Packages=no
 more

[Content]
Packages=git
    !x, jq
RemovePackages=perl
  bash
Hostname=
Hostname=a
Hostname = b
Locale=de_DE.UTF-8
Timezone=UTC
OciLabels=a=b "c=d e"
OciEntrypoint=/x "y z"
    w
WithDocs=no
Format=oci
""",
            {
                "packages": ["git", "jq"],
                "exclude": ["perl", "bash"],
                "entry-point": ["/x", "y z", "w"],
                "host-name": "b",
                "labels": {"a": "b", "c": "d e"},
                "locale": "de_DE.UTF-8",
                "time-zone": "UTC",
            },
            [(None, "Match=no more: no counterpart")],
        ),
        (
            "[Distribution]\nDistribution=fedora\nRelease=42\nArchitecture=s390x\n",
            {},
            [
                (None, "Distribution=fedora: packages are Debian's; names may differ"),
                (None, "Release=42: packages are those of trixie; `package-sources` names other suites"),
                (None, "Architecture=s390x: packages are there for amd64 and arm64"),
            ],
        ),
        ("[Distribution]\nDistribution=Debian\nRelease=13\nArchitecture=arm64\n", {"architecture": "arm64"}, []),
        (
            "[Content]\nPackages=jq\nPackages=\nPackages=git\nHostname=\nPostInst=a\n b\n",
            {"packages": ["git"]},
            [(None, "PostInst=a b: no counterpart")],
        ),
        (
            "[Content]\nExtraTrees=d:/srv/d, f:/etc/f\nSkeletonTrees=d\n",
            {
                "files": {"/etc/f": {"source": "f"}, "/etc/y": {"source": "d/etc/y"}, "/x": {"source": "d/x"}},
                "trees": {"/srv/d": {"source": "d"}},
            },
            [],
        ),
        ("[Distribution]\nRelease=\nDistribution=\nArchitecture=\n", {}, []),
        ("[TriggerMatch]\nx=y\n[Output]\nOutput=x\n", {}, [(None, "Match=y: no counterpart")]),
    ],
)
def test_a_mkosi_conf_becomes_a_spec(tmp_path: Path, text: str, spec: dict[str, Any], notes: Notes) -> None:
    assert whole(files_in(tmp_path, "d/x", "d/etc/y", "f"), text, "mkosi.conf") == (spec, notes)


@pytest.mark.parametrize(
    ("text", "cause", "issues"),
    [
        (
            "[Content]\nwrong\nPackages=a\n  b\nalso wrong\n",
            "it is not a configuration of mkosi",
            ["line 2: must be [Section] or Setting=value", "line 5: must be [Section] or Setting=value"],
        ),
        ("Packages=a\n", "it is not a configuration of mkosi", []),
        ("  indented\n", "it is not a configuration of mkosi", ["line 1: must be [Section] or Setting=value"]),
        (
            "[Content]\n  indented\n",
            "it is not a configuration of mkosi",
            ["line 2: must be [Section] or Setting=value"],
        ),
        ("", "it is not a configuration of mkosi", []),
        (
            "[Content] \nHostname=x\n[Content]x\n",
            "it is not a configuration of mkosi",
            ["line 3: must be [Section] or Setting=value"],
        ),
    ],
)
def test_what_is_not_a_mkosi_conf_is_refused(tmp_path: Path, text: str, cause: str, issues: list[str]) -> None:
    assert refusal_of(tmp_path, text, "mkosi.conf") == (cause, issues)


def test_a_tree_and_scripts_beside_a_mkosi_conf_are_looked_for(tmp_path: Path) -> None:
    files_in(tmp_path, "mkosi.extra/srv/a", "mkosi.postinst", "mkosi.build", "mkosi.conf.d/x")
    not_read = ": not read; declare what it makes, or put that in as a tree"
    scripts = ("mkosi.postinst", "mkosi.build", "mkosi.conf.d")
    expected = {"trees": {"/srv": {"source": "mkosi.extra/srv"}}}
    assert whole(tmp_path, "[Content]\n", "mkosi.conf") == (expected, [(None, name + not_read) for name in scripts])
