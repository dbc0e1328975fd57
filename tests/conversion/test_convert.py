"""What files of other tools come to as specs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sysimage.conversion.convert import convert
from sysimage.conversion.spec_draft import Converted
from sysimage.errors import SpecError
from sysimage.spec.parse import spec_of_value


def converted(directory: Path, text: str, name: str = "Dockerfile") -> Converted:
    (directory / name).write_text(text)
    found = convert(directory / name, directory, "app")
    spec_of_value(found.spec, directory)
    return found


def spec_of(directory: Path, text: str, name: str = "Dockerfile") -> dict[str, Any]:
    return {key: one for key, one in converted(directory, text, name).spec.items() if key not in ("name", "packages")}


def notes_of(found: Converted) -> list[str]:
    return [note.text for note in found.notes]


_WEB = r"""# syntax=docker/dockerfile:1
ARG RELEASE=trixie
FROM node:20 AS build
WORKDIR /src
COPY package*.json ./
RUN npm ci && npm run build

FROM debian:${RELEASE}-slim
ARG PORT=8000
ENV DEBIAN_FRONTEND=noninteractive \
    # a comment between
    APP_HOME="/srv/app" APP_PORT=${PORT:-80}
LABEL org.opencontainers.image.title="The app" maintainer=ann@example.org
RUN set -eux; \
    apt-get update && \
    apt-get install -y --no-install-recommends \
      curl=7.88.* python3 tini && \
    rm -rf /var/lib/apt/lists/* \
 && groupadd -r app && useradd --system --gid app --home-dir ${APP_HOME} -s /usr/sbin/nologin app \
 && mkdir -p /var/lib/app && chown app:app /var/lib/app \
 && ln -s /srv/app/run.py /usr/local/bin/app
WORKDIR $APP_HOME
COPY --chown=app:app src/ .
COPY app.conf /etc/app/
COPY --from=build /src/dist ./static
ADD https://example.org/tool.tar.gz /opt/
EXPOSE 8000/tcp 9000-9001/udp
VOLUME ["/var/lib/app"]
USER app
STOPSIGNAL 2
HEALTHCHECK --interval=1m30s --timeout=5s --retries=2 CMD curl -f http://localhost:${PORT}/ || exit 1
ENTRYPOINT ["python3", "run.py"]
CMD --port 8000
"""


def test_a_dockerfile_is_what_its_last_stage_comes_to(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "app.conf").touch()
    found = converted(tmp_path, _WEB)
    assert found.spec == {
        "name": "app",
        "packages": ["curl", "python3"],
        "users": {"app": {"system": True, "home": "/srv/app"}},
        "groups": {"app": {}},
        "files": {"/etc/app/app.conf": {"source": "app.conf"}},
        "trees": {"/srv/app": {"source": "src", "owner": "app", "group": "app"}},
        "directories": {"/var/lib/app": {"owner": "app", "group": "app"}},
        "symlinks": {"/usr/local/bin/app": "/srv/app/run.py"},
        "environment": {"APP_HOME": "/srv/app", "APP_PORT": "8000"},
        "labels": {"org.opencontainers.image.title": "The app", "maintainer": "ann@example.org"},
        "working-directory": "/srv/app",
        "exposed-ports": ["8000", "9000/udp", "9001/udp"],
        "volumes": ["/var/lib/app"],
        "user": "app",
        "stop-signal": "SIGINT",
        "health-check": {
            "command": ["/bin/sh", "-c", "curl -f http://localhost:$${PORT}/ || exit 1"],
            "interval": 90,
            "timeout": 5,
            "retries": 2,
        },
        "entry-point": ["python3", "run.py"],
        "command": ["--port", "8000"],
    }


def test_what_a_dockerfile_says_beside_it_is_listed_with_its_line(tmp_path: Path) -> None:
    notes = {note.text.split(":")[0]: note.line for note in converted(tmp_path, _WEB).notes}
    assert notes["COPY /src/dist ./static"] == 25
    assert notes["ADD https"] == 26
    assert notes["version of curl=7.88.*"] == 14


@pytest.mark.parametrize(
    ("lines", "spec"),
    [
        ("ENV GREETING hello big world", {"environment": {"GREETING": "hello big world"}}),
        ("COPY <<EOF /etc/motd\nhello\nEOF", {"files": {"/etc/motd": {"text": "hello\n"}}}),
        ("RUN <<EOF\napt-get install -y nginx\nsystemctl enable nginx.service\nEOF", {"enable": ["nginx"]}),
        ("USER node\nCMD node x", {"users": {"node": {"system": True}}, "user": "node", "command": ["node", "x"]}),
        ("USER 1000:1000\nCMD x", {"user": "1000:1000", "command": ["x"]}),
        ("RUN systemctl enable nginx\nCMD /sbin/init", {"enable": ["nginx"]}),
        ('CMD echo "$HOME" && sleep 1', {"command": ["/bin/sh", "-c", 'echo "$HOME" && sleep 1']}),
        ('ENV A=1\nRUN mkdir "$A"\nHEALTHCHECK NONE', {"environment": {"A": "1"}}),
        ("EXPOSE 99999", {}),
        ('CMD ["python", "app.py"]', {"command": ["python3", "app.py"]}),
        (
            "ENV PATH=/opt/bin:$PATH",
            {"environment": {"PATH": "/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
        ),
        ("WORKDIR /a\nWORKDIR b", {"working-directory": "/a/b"}),
        (
            "RUN echo 'a b' > /etc/x.conf && echo c >> /etc/x.conf && chmod 600 /etc/x.conf",
            {"files": {"/etc/x.conf": {"text": "a b\nc\n", "mode": "0600"}}},
        ),
        ("RUN printf '%s' key >/etc/key 2>/dev/null", {"files": {"/etc/key": {"text": "key"}}}),
        ("RUN echo box > /etc/hostname", {"host-name": "box"}),
        (
            "RUN ln -snf /usr/share/zoneinfo/Asia/Tokyo /etc/localtime && echo Asia/Tokyo > /etc/timezone",
            {"time-zone": "Asia/Tokyo"},
        ),
        ("RUN sed -i '/de_DE.UTF-8/s/^# //' /etc/locale.gen && locale-gen", {"locale": "de_DE.UTF-8"}),
        ("RUN localedef -i fr_FR -c -f UTF-8 -A /usr/share/locale/locale.alias fr_FR.UTF-8", {"locale": "fr_FR.UTF-8"}),
        (
            "RUN a2ensite shop.conf",
            {"symlinks": {"/etc/apache2/sites-enabled/shop.conf": "../sites-available/shop.conf"}},
        ),
        ("RUN useradd ann && usermod -aG sudo,video ann", {"users": {"ann": {"groups": ["sudo", "video"]}}}),
        ("RUN mkdir -p /data && chmod 1777 /data", {"directories": {"/data": {"mode": "1777"}}}),
    ],
)
def test_an_instruction_has_its_counterpart(tmp_path: Path, lines: str, spec: dict[str, Any]) -> None:
    assert spec_of(tmp_path, f"FROM debian\n{lines}\n") == spec


def test_what_the_checks_of_a_spec_refuse_becomes_a_note(tmp_path: Path) -> None:
    found = converted(tmp_path, "FROM debian\nRUN ln -s /srv /etc\nVOLUME /\nEXPOSE 99999\n")
    assert set(found.spec) == {"name", "packages"}
    assert len(found.notes) == 3


def test_two_directories_copied_to_one_place_are_both_there(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").touch()
    spec = spec_of(tmp_path, "FROM debian\nCOPY one /srv/app\nCOPY two /srv/app\n")
    assert spec == {"trees": {"/srv/app": {"source": "one"}}, "files": {"/srv/app/two.txt": {"source": "two/two.txt"}}}


def test_commands_without_a_counterpart_are_notes(tmp_path: Path) -> None:
    found = converted(tmp_path, "FROM debian:trixie\nRUN apt-get update && make install\nRUN curl x | tar x\n")
    assert [(note.line, note.text.partition(":")[0]) for note in found.notes] == [
        (2, "RUN make install"),
        (3, "RUN curl x"),
        (3, "RUN tar x"),
    ]


@pytest.mark.parametrize(
    ("text", "packages", "spec"),
    [
        ("FROM nginx:1.27-alpine", ["nginx"], {"enable": ["nginx"]}),
        ("FROM docker.io/library/postgres:17", ["postgresql"], {"enable": ["postgresql"]}),
        ("FROM php:8.4-apache\nCMD apache2-foreground", ["php-cli", "libapache2-mod-php"], {"enable": ["apache2"]}),
        ("FROM redis\nCMD redis-server --port 7000", ["redis-server"], {"command": ["redis-server", "--port", "7000"]}),
    ],
)
def test_what_the_base_runs_of_itself_is_enabled(
    tmp_path: Path, text: str, packages: list[str], spec: dict[str, Any]
) -> None:
    found = converted(tmp_path, f"{text}\n").spec
    assert found == {"name": "app", "packages": packages, **spec}


def test_what_a_dockerignore_names_is_left_out_of_trees(tmp_path: Path) -> None:
    """Its patterns begin at the top; those of a tree, as of a .gitignore, are for every depth, except patterns with a
    slash."""
    (tmp_path / "src/sub").mkdir(parents=True)
    (tmp_path / ".dockerignore").write_text("# not these\n*.md\n!README.md\n**/*.pyc\n./src/secret/\n")
    trees = spec_of(tmp_path, "FROM debian\nCOPY src /srv/src\nCOPY . /srv/all\n")["trees"]
    assert trees["/srv/src"]["exclude"] == ["**/*.pyc", "/secret"]
    of_builds = ["/Dockerfile", "/.dockerignore", "/system*.json", "/*.tar"]
    assert trees["/srv/all"]["exclude"] == ["/*.md", "!/README.md", "**/*.pyc", "/src/secret", *of_builds]


def test_a_lock_file_in_the_directory_takes_the_place_of_npm_and_pip(tmp_path: Path) -> None:
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "requirements.txt").write_text("six==1.16.0 --hash=sha256:00\n")
    lines = "WORKDIR /srv/app\nCOPY . .\nRUN npm ci --omit=dev && pip install --no-cache-dir -r requirements.txt\n"
    found = converted(tmp_path, f"FROM debian\n{lines}")
    assert found.spec["packages"] == ["nodejs", "python3"]
    assert found.spec["node"] == {"lock": "package-lock.json", "at": "/srv/app"}
    assert found.spec["python"] == {"lock": "requirements.txt"}
    assert "/node_modules" in found.spec["trees"]["/srv/app"]["exclude"]
    assert not found.notes


def test_python_packages_that_are_not_locked_are_a_note(tmp_path: Path) -> None:
    found = converted(tmp_path, "FROM debian\nRUN python3 -m pip install flask\nRUN npm ci\n")
    assert [text.partition(":")[0] for text in notes_of(found)] == ["python3 -m pip install flask", "npm ci"]


_RECIPE = """{{- /* a recipe */ -}}
{{- $suite := or .suite "trixie" -}}
{{ $image := or .image (printf "debian-%s.tgz" $suite) }}
architecture: {{ or .architecture "arm64" }}

actions:
{{- if .debug }}
  - action: apt
    packages: [gdb]
{{- else }}
  - action: mmdebstrap
    suites: [{{ $suite }}]
    include: [ca-certificates]
{{- end }}
  - action: apt
    packages: [nginx, systemd-sysv]
  - action: run
    chroot: true
    command: useradd -m user && echo {{ $suite }}-box > /etc/hostname
  - action: run
    chroot: true
    script: scripts/setup.sh
  - action: overlay
    source: overlays/web
  - action: pack
    file: {{ $image }}
"""


def test_a_recipe_of_debos_has_its_counterpart(tmp_path: Path) -> None:
    (tmp_path / "overlays/web/etc").mkdir(parents=True)
    (tmp_path / "overlays/web/etc/motd").write_text("hello\n")
    found = converted(tmp_path, _RECIPE, "recipe.yaml")
    assert found.spec == {
        "name": "app",
        "packages": ["ca-certificates", "nginx"],
        "users": {"user": {}},
        "files": {"/etc/motd": {"source": "overlays/web/etc/motd"}},
        "architecture": "arm64",
        "host-name": "trixie-box",
    }
    assert notes_of(found) == [
        "{{ if .debug }}: read as false",
        "run scripts/setup.sh: a build runs no command; declare what it makes",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Dockerfile", "hello world\n"),
        ("debos.yaml", "actions: {}\n"),
        ("debos.yaml", "actions: [run]\n"),
        ("debos.yaml", "actions: [{action: overlay}]\n"),
        ("Dockerfile", "RUN x\n"),
        ("apko.yaml", "a: [\n"),
        ("apko.yaml", "services: {}\n"),
        ("apko.yaml", "contents: {packages: 3}\n"),
        ("mkosi.conf", "nothing\n"),
        ("mkosi.conf", '[Output]\nOciEntrypoint="open\n'),
        ("Dockerfile", "FROM debian\nHEALTHCHECK --interval=1.2.3s CMD x\n"),
        ("system.json", "{}"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(SpecError):
        converted(tmp_path, text, name)


def test_an_apko_yaml_has_its_counterpart(tmp_path: Path) -> None:
    text = """
contents:
  repositories: [https://packages.example.org/os]
  packages: [wolfi-base, ca-certificates-bundle, jq, py3-requests]
entrypoint: {command: /usr/bin/jq}
cmd: --help
environment: {LANG: C.UTF-8, N: 1}
accounts:
  groups: [{groupname: tool, gid: 65532}]
  users: [{username: tool, uid: 65532, gid: 65532}]
  run-as: 65532
paths:
  - {path: /data, type: directory, uid: 65532, gid: 65532, permissions: 0o755}
  - {path: /usr/bin/j, type: symlink, source: /usr/bin/jq}
archs: [x86_64]
"""
    found = converted(tmp_path, text, "apko.yaml")
    assert found.spec["packages"] == ["ca-certificates", "jq", "python3-requests"]
    assert found.spec["essential"] is False
    assert found.spec["users"] == {"tool": {"uid": 65532}}
    assert found.spec["user"] == "tool"
    assert found.spec["entry-point"] == ["/usr/bin/jq"]
    assert found.spec["command"] == ["--help"]
    assert found.spec["environment"] == {"LANG": "C.UTF-8", "N": "1"}
    assert found.spec["directories"] == {"/data": {"owner": "tool", "group": "tool", "mode": "0755"}}
    assert "contents.repositories: no counterpart; packages are Debian's" in notes_of(found)


def test_a_mkosi_conf_has_its_counterpart(tmp_path: Path) -> None:
    (tmp_path / "mkosi.extra" / "etc").mkdir(parents=True)
    (tmp_path / "mkosi.extra" / "etc" / "motd").write_text("hello\n")
    text = """[Distribution]
Distribution=debian
Release=trixie
[Output]
Format=oci
[Content]
Packages=
    haproxy
    curl,systemd
RemovePackages=perl
Hostname=gateway
Timezone=Europe/Berlin
OciLabels=a.b=c
PostInstallationScripts=x.sh
"""
    found = converted(tmp_path, text, "mkosi.conf")
    assert found.spec == {
        "name": "app",
        "packages": ["haproxy", "curl"],
        "exclude": ["perl"],
        "files": {"/etc/motd": {"source": "mkosi.extra/etc/motd"}},
        "host-name": "gateway",
        "labels": {"a.b": "c"},
        "time-zone": "Europe/Berlin",
    }
    assert notes_of(found) == ["PostInstallationScripts=x.sh: no counterpart"]
