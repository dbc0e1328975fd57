"""A spec from a Dockerfile: the result of its last stage."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
import signal
from collections.abc import Callable, Mapping

from sysimage.conversion.dockerfile_text import Instruction, instructions, substituted
from sysimage.conversion.shell_commands import read_commands
from sysimage.conversion.spec_draft import SpecDraft

_PLAIN_BASES = ("debian", "ubuntu", "scratch", "busybox", "alpine", "bitnami/minideb")
_BASE_PACKAGES: Mapping[str, str] = {
    "python": "python3",
    "node": "nodejs",
    "golang": "golang-go",
    "php": "php-cli",
    "ruby": "ruby",
    "perl": "perl",
    "nginx": "nginx",
    "httpd": "apache2",
    "redis": "redis-server",
    "postgres": "postgresql",
    "mariadb": "mariadb-server",
    "eclipse-temurin": "default-jre-headless",
    "openjdk": "default-jre-headless",
    "gcc": "build-essential",
}
_SERVERS: Mapping[str, str] = {
    "nginx": "nginx",
    "httpd": "apache2",
    "redis": "redis-server",
    "postgres": "postgresql",
    "mariadb": "mariadb",
}
"""The unit of Debian's package for what an image runs of itself."""
_FOREGROUND = ("apache2-foreground", "httpd-foreground", "docker-entrypoint.sh", "docker-php-entrypoint")
"""Programs of such images, which Debian's packages do not have."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""That of base images, to which a Dockerfile adds."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "ms": 0.001}
_INITS = ("/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd", "/bin/systemd", "systemd", "init")


def read_dockerfile(text: str, name: str, draft: SpecDraft) -> None:
    """Fill the draft with what the last stage of a Dockerfile, and the stages that it begins with, say."""
    stages: dict[str, list[Instruction]] = {}
    current: list[Instruction] = []
    variables: dict[str, str] = {}
    for one in instructions(text, name):
        if one.word == "FROM":
            base, stage = _from(one, variables)
            current = [*stages.get(base.lower(), []), one]
            stages[str(len(stages))] = current
            if stage:
                stages[stage.lower()] = current
        elif current:
            current.append(one)
        elif one.word == "ARG":
            variables.update(_arguments(one.rest, variables))
    _Stage(draft, frozenset(stages), variables).read(current)


def _from(one: Instruction, variables: Mapping[str, str]) -> tuple[str, str | None]:
    words = [word for word in substituted(one.rest, variables).split() if not word.startswith("--")]
    return (words[0] if words else "scratch", words[2] if len(words) > 2 else None)


def _arguments(rest: str, variables: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in _pairs(substituted(rest, variables)).items() if value is not None}


def _words(rest: str) -> list[str]:
    try:
        return shlex.split(rest)
    except ValueError:
        return rest.split()


def _pairs(rest: str) -> dict[str, str | None]:
    """``A=1 B="x y"`` or the old ``A some words``."""
    words = _words(rest)
    if words and "=" not in words[0] and len(words) > 1:
        key, _, value = rest.partition(" ")
        return {key: value.strip()}
    return {key: (value if sign else None) for key, sign, value in (word.partition("=") for word in words)}


class _Stage:
    """Reads the instructions of one stage into a draft."""

    def __init__(self, draft: SpecDraft, stages: frozenset[str], outside: Mapping[str, str]) -> None:
        self._draft = draft
        self._stages = stages
        self._outside = outside
        """Values of the arguments before the first FROM."""
        self._variables = {"PATH": _PATH}
        self._directory = "/"
        self._shell = ["/bin/sh", "-c"]
        self._server = ""
        """The unit of what the base would run."""
        self._readers: Mapping[str, Callable[[Instruction], None]] = {
            "FROM": self._base,
            "ARG": self._argument,
            "ENV": self._environment,
            "LABEL": self._label,
            "EXPOSE": self._expose,
            "VOLUME": self._volume,
            "WORKDIR": self._workdir,
            "USER": self._user,
            "STOPSIGNAL": self._stop_signal,
            "HEALTHCHECK": self._health_check,
            "ENTRYPOINT": self._entry_point,
            "CMD": self._command,
            "COPY": self._copy,
            "ADD": self._copy,
            "RUN": self._run,
            "SHELL": self._set_shell,
        }

    def read(self, found: list[Instruction]) -> None:
        for one in found:
            reader = self._readers.get(one.word)
            if reader is None:
                self._draft.note(f"{one.word} {one.rest}: no counterpart", one.line)
            else:
                reader(one)
        spec = self._draft.spec
        started = spec.get("entry-point") or spec.get("command") or [""]
        if started[0] == "python":
            started[0] = "python3"  # as Debian calls it
        program = started[0]
        if (not program or program in _FOREGROUND) and self._server:
            for key in ("entry-point", "command"):
                spec.pop(key, None)
            self._draft.add("enable", [self._server])
        elif program in _INITS:
            spec.pop("entry-point", None)
            spec.pop("command", None)
            self._draft.note(
                f'{program}: not needed, the image has an init that starts services ("init": "systemd" says which)'
            )
        elif program and spec.get("enable"):
            self._draft.note("enabled units: nothing starts them where the image runs a program instead of an init")
            del spec["enable"]

    def _say(self, text: str) -> str:
        return substituted(text, self._variables)

    def _base(self, one: Instruction) -> None:
        base, _ = _from(one, self._outside)
        if base.lower() in self._stages and one.line > 1:
            return
        name = re.sub(r"(@sha256:.*|:[^/]*)$", "", base).removeprefix("docker.io/").removeprefix("library/")
        if name in _PLAIN_BASES:
            if name != "scratch" and "trixie" not in base and base != name:
                self._draft.note(f"FROM {base}: packages are those of Debian's trixie", one.line)
        elif name in _BASE_PACKAGES:
            package = _BASE_PACKAGES[name]
            self._draft.add_packages([package], one.line)
            self._server = _SERVERS.get(name, "")
            if name == "php" and "apache" in base:
                self._draft.add_packages(["libapache2-mod-php"], one.line)
                self._server = "apache2"
            self._draft.note(f"FROM {base}: instead of it Debian's {package}, in the version of trixie", one.line)
        else:
            self._draft.note(f"FROM {base}: an image that a spec may begin with, as `from-image`", one.line)

    def _argument(self, one: Instruction) -> None:
        for key, value in _pairs(self._say(one.rest)).items():
            known = value if value is not None else self._outside.get(key)
            if known is not None:
                self._variables.setdefault(key, known)

    def _environment(self, one: Instruction) -> None:
        for key, value in _pairs(self._say(one.rest)).items():
            self._variables[key] = value or ""
            if key not in ("DEBIAN_FRONTEND",):
                self._draft.put("environment", key, value or "")

    def _label(self, one: Instruction) -> None:
        for key, value in _pairs(self._say(one.rest)).items():
            self._draft.put("labels", key, value or "")

    def _expose(self, one: Instruction) -> None:
        for word in self._say(one.rest).split():
            ports, _, protocol = word.partition("/")
            first, _, last = ports.partition("-")
            if not first.isdecimal() or (last and not last.isdecimal()) or (last and int(last) - int(first) > 1000):
                self._draft.note(f"EXPOSE {word}: not a port", one.line)
                continue
            for port in range(int(first), int(last or first) + 1):
                name = f"{port}/{protocol.lower()}" if protocol and protocol.lower() != "tcp" else str(port)
                self._draft.add("exposed-ports", [name])

    def _volume(self, one: Instruction) -> None:
        words = _exec_form(one.rest) or _words(one.rest)
        self._draft.add("volumes", [self._path(self._say(word)) for word in words])

    def _workdir(self, one: Instruction) -> None:
        self._directory = self._path(self._say(one.rest.strip("\"'")))
        self._draft.spec["working-directory"] = self._directory

    def _path(self, text: str) -> str:
        return posixpath.normpath(posixpath.join(self._directory, text)).replace("//", "/")

    def _user(self, one: Instruction) -> None:
        user = self._say(one.rest)
        self._draft.declare_user(user.partition(":")[0])
        self._draft.spec["user"] = user

    def _stop_signal(self, one: Instruction) -> None:
        name = self._say(one.rest)
        if name.isdecimal() and int(name) in {one.value for one in signal.Signals}:
            name = signal.Signals(int(name)).name
        self._draft.spec["stop-signal"] = name if name.startswith("SIG") else f"SIG{name}"

    def _health_check(self, one: Instruction) -> None:
        flags = dict(re.findall(r"--([a-z-]+)=(\S+)", one.rest.partition("CMD")[0]))
        rest = re.sub(r"^(--\S+\s+)*", "", one.rest)
        if rest.upper() == "NONE":
            return
        check: dict[str, object] = {"command": self._program(rest.partition(" ")[2].strip())}
        for flag in ("interval", "timeout", "start-period"):
            if flag in flags:
                parts = re.findall(r"([\d.]+)(ms|[smh])", flags[flag])
                seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
                check[flag] = int(seconds) if seconds == int(seconds) else seconds
        if flags.get("retries", "").isdecimal():
            check["retries"] = int(flags["retries"])
        self._draft.spec["health-check"] = check

    def _program(self, rest: str) -> list[str]:
        """An exec form as it is; a shell form as arguments of the shell, or plain words where no shell is needed."""
        words = _exec_form(rest)
        if words is not None:
            return words
        if not re.search(r"[$`;&|<>(){}*?~#\\\n]|^\s*(exec|cd|set|export|\w+=)", rest):
            return _words(rest)
        return [*self._shell, rest]

    def _entry_point(self, one: Instruction) -> None:
        self._draft.spec["entry-point"] = self._program(one.rest)
        self._draft.spec.pop("command", None)
        self._note_variables(one)

    def _command(self, one: Instruction) -> None:
        self._draft.spec["command"] = self._program(one.rest)
        self._note_variables(one)

    def _note_variables(self, one: Instruction) -> None:
        self._draft.note(
            f"{one.word}: the image runs it as its only process; `sysimage explain services` has an init watch it",
            one.line,
        )

    def _set_shell(self, one: Instruction) -> None:
        self._shell = _exec_form(one.rest) or self._shell

    def _run(self, one: Instruction) -> None:
        rest = re.sub(r"^(--(mount|network|security)\S*\s+)+", "", one.rest)
        words = _exec_form(rest)
        text = shlex.join(words) if words is not None else rest
        if one.documents and rest.startswith("<<"):
            text = "\n".join(body for _, body in one.documents)
        read_commands(_known(text, self._variables), self._draft, one.line)

    def _copy(self, one: Instruction) -> None:
        flags = dict(re.findall(r"(?:^|\s)--([a-z-]+)(?:=(\S+))?(?=\s)", one.rest))
        rest = re.sub(r"^(--\S+\s+)*", "", self._say(one.rest))
        words = _exec_form(rest) or _words(rest)
        if len(words) < 2:
            self._draft.note(f"{one.word} {rest}: source and target are missing", one.line)
            return
        *sources, last = words
        if "from" in flags:
            where = f"stage or image {self._say(flags['from'])}"
            self._draft.note(
                f"{one.word} {' '.join(words)}: from {where}; put its result beside the spec as a tree", one.line
            )
            return
        options = self._options(flags, one)
        target = self._path(last)
        into = last.endswith(("/", "/.")) or last in (".", "./") or len(sources) > 1
        documents = dict(one.documents)
        for source in sources:
            word = re.sub(r"^<<-?|['\"]", "", source)
            if source.startswith("<<") and word in documents:
                body = documents[word] if word in one.literal else self._say(documents[word])
                place = posixpath.join(target, word) if into else target
                self._draft.put("files", place, {"text": body, **options})
            elif "://" in source or source.startswith("git@"):
                self._draft.note(
                    f"{one.word} {source}: fetch it before the build; nothing is fetched by a spec", one.line
                )
            else:
                self._copy_matching(source, target, one, into=into, options=options)

    def _options(self, flags: Mapping[str, str], one: Instruction) -> dict[str, str]:
        options = {}
        owner, _, group = self._say(flags.get("chown", "")).partition(":")
        for key, name in (("owner", owner), ("group", group)):
            if name.isdecimal() and name != "0":
                self._draft.note(f"--chown={flags['chown']}: give the number a name under `users` first", one.line)
            elif name and name not in ("root", "0"):
                options[key] = name
                self._draft.declare_user(name) if key == "owner" else None
        if re.fullmatch(r"[0-7]{3,4}", flags.get("chmod", "")):
            options["mode"] = flags["chmod"].zfill(4)
        return options

    def _copy_matching(
        self, source: str, target: str, one: Instruction, *, into: bool, options: Mapping[str, str]
    ) -> None:
        clean = posixpath.normpath(source.lstrip("/"))
        found = [clean]
        if re.search(r"[*?\[]", clean):
            found = sorted(str(one.relative_to(self._draft.directory)) for one in self._draft.directory.glob(clean))
            if not found:
                self._draft.note(f"{one.word} {source}: no file matches", one.line)
        for name in found:
            place = self._draft.directory / name
            goes_in = (into or len(found) > 1) and not place.is_dir()
            self._draft.copy(
                name, posixpath.join(target, posixpath.basename(name)) if goes_in else target, one.line, **options
            )


def _exec_form(rest: str) -> list[str] | None:
    """The words of a JSON array; None for a shell form."""
    try:
        value = json.loads(rest)
    except ValueError:
        return None
    return value if isinstance(value, list) and all(isinstance(word, str) for word in value) else None


def _known(text: str, variables: Mapping[str, str]) -> str:
    """A shell text with the variables that the Dockerfile sets; the shell's own stay."""

    def value(match: re.Match[str]) -> str:
        return variables.get(match[1] or match[2], match[0])

    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", value, text)
