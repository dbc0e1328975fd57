"""The kinds of text and numbers in system.json: what each may look like, in words that a fault can quote."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from sysimage.characters import CONTROLS
from sysimage.rules.architectures import ARCHITECTURE_ALIASES, ARCHITECTURES, VARIANT, architecture_name
from sysimage.spec.field_metadata import WHOLE
from sysimage.spec.package_word import word_fault
from sysimage.suggestions import closest


@dataclass(frozen=True, slots=True)
class TextPattern:
    """An annotation on `str`: the whole text must match, and a fault says what was expected instead of a pattern."""

    pattern: str
    """Without anchors; only what Python's re and ECMAScript read alike, because editors check it too."""
    meaning: str
    """Completes the sentence "must be …"."""
    explain: Callable[[str], str | None] | None = None
    """A more precise message for a text that does not match; None if there is nothing to add to ``meaning``."""

    def check(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError((self.explain and self.explain(text)) or f"must be {self.meaning}")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # patternErrorMessage is how the common JSON language server learns what to say instead of the pattern.
        return {
            **handler(schema),
            "pattern": f"^(?:{self.pattern})$",
            "patternErrorMessage": f"must be {self.meaning}",
        }


def _architecture(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"must be {_AN_ARCHITECTURE}")
    try:
        return architecture_name(value)
    except ValueError:
        known = [*ARCHITECTURES, *ARCHITECTURE_ALIASES]
        near = closest(value, known)
        meant = f" (did you mean '{near}'?)" if near else ""
        raise ValueError(f'must be {_AN_ARCHITECTURE}, not "{value[:80]}"{meant}') from None


_AN_ARCHITECTURE = "an architecture, such as 'amd64', 'arm64', 'arm/v7' or 'riscv64'"
_NAMES = [*ARCHITECTURES, *ARCHITECTURE_ALIASES, *(f"{name}-linux" for name in ARCHITECTURE_ALIASES)]
ArchitectureName = Annotated[
    str,
    BeforeValidator(_architecture),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": sorted(_NAMES)},
                {"pattern": f"^(?:(?:{'|'.join(ARCHITECTURES)})(?:/{VARIANT}|-linux)?)$"},
            ],
            "type": "string",
        }
    ),
]
_OCTAL = 'must be a string of octal digits up to "7777", such as "0755"'


def _octal(value: object, info: ValidationInfo) -> object:
    """Text is how a file says a mode; an integer can only come from Python, where 0o755 is one already."""
    if isinstance(value, str) and re.fullmatch("[0-7]{1,4}", value):
        return int(value, 8)
    if info.mode == "python" and type(value) is int and 0 <= value <= 0o7777:
        return value
    raise ValueError(_OCTAL)


_NO_DOTS = r"(?!\.{1,2}(?:/|$))"


def _path(characters: str) -> str:
    """The pattern of an absolute path whose components are made of a class of characters."""
    part = rf"{_NO_DOTS}[{characters}]+"
    return rf"/(?:{part}(?:/{part})*)?"


_PART = rf"{_NO_DOTS}[^/{CONTROLS}]+"
_PATH = _path(f"^/{CONTROLS}")
_PATH_MEANING = "an absolute path without '.', '..', doubled or trailing slashes and control characters"

ImagePath = Annotated[str, TextPattern(_PATH, _PATH_MEANING)]
"""An absolute, normalised path inside the image."""
AccountPath = Annotated[str, TextPattern(_path(f"^/:{CONTROLS}"), f"{_PATH_MEANING}, and without ':'")]
"""A path that fits between two colons of /etc/passwd."""
StoreDirectory = Annotated[
    str,
    TextPattern(
        rf"(?:/{_NO_DOTS}[A-Za-z0-9+._-]+)+",
        "an absolute path of letters, digits, '+', '.', '_' and '-', since it is in the first lines of scripts",
    ),
    Field(max_length=100),
]
"""Short and plain: the kernel reads 255 bytes of a script's first line, and takes a blank for the end of a path."""
Mode = Annotated[
    int,
    BeforeValidator(_octal),
    PlainSerializer(lambda mode: f"{mode:04o}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-7]{1,4}$", "patternErrorMessage": _OCTAL}),
]
"""Permission bits; written as a string of octal digits."""
AccountName = Annotated[
    str,
    TextPattern(
        r"[a-z_][a-z0-9_-]{0,30}\$?",
        "an account name: lower-case letters, digits, '_' and '-', at most 31, not beginning with a digit or '-'",
    ),
]
ServiceName = Annotated[
    str,
    TextPattern(
        r"[A-Za-z][A-Za-z0-9@._:-]{0,62}",
        "a service name: letters, digits and '@._:-', at most 63, beginning with a letter",
    ),
]
UnitWord = Annotated[
    str,
    TextPattern(
        r"[A-Za-z0-9][A-Za-z0-9@._:\\-]{0,254}",
        "the name of a systemd unit, such as 'nginx', 'postgresql@17-main' or 'logrotate.timer'",
    ),
]
UnitKey = Annotated[
    str, TextPattern(r"[A-Za-z][A-Za-z0-9-]{0,62}", "the name of a section or directive, such as 'Restart'")
]
EnvironmentName = Annotated[
    str,
    TextPattern(
        r"[A-Za-z_][A-Za-z0-9_.-]*", "a variable's name: letters, digits, '_', '.' and '-', not beginning with a digit"
    ),
]
PackageName = Annotated[
    str,
    TextPattern(
        r"[a-z0-9][a-z0-9+.-]+(?:=[A-Za-z0-9.+:~*-]+)?",
        'a package name, with "=" and a version if one is wanted, such as "nginx" or "nginx=1.26.3-3"',
    ),
]
"""A Debian package, optionally with the version wanted: ``nginx`` or ``nginx=1.26.3-3``; ``*`` ends a prefix."""
PackageWord = Annotated[
    str,
    TextPattern(
        rf"[a-z0-9][a-z0-9+.-]+(?:=[A-Za-z0-9.+:~*-]+)?(?:@[a-z0-9][a-z0-9.+_-]*)?|[^{CONTROLS}]*/[^/{CONTROLS}]+\.deb",
        'a package name, with "=" and a version if one is wanted, such as "nginx" or "nginx=1.26.3-3", and "@" and an '
        'archive, such as "nginx@vendor", or a package of your own by its file, such as "./shop_1.2_amd64.deb"',
        word_fault,
    ),
]
"""What is installed: a package by its name, or a file beside the spec, with a slash in its path."""
Word = Annotated[str, TextPattern(r"[^\u0000]*", "text without NUL")]
"""Text that can be an argument, or the value of a variable or label: anything but NUL."""
Line = Annotated[str, TextPattern(rf"[^{CONTROLS}]*", "one line of text, without control characters")]
TreePattern = Annotated[
    str, TextPattern(rf"[^{CONTROLS}]*[^/!{CONTROLS}\s][^{CONTROLS}]*", "a pattern as in a .gitignore, such as '*.pyc'")
]
LinkTarget = Annotated[str, TextPattern(rf"[^{CONTROLS}]+", "a path, not empty, without control characters")]
RelativePath = Annotated[
    str,
    TextPattern(
        rf"\.|{_PART}(?:/{_PART})*",
        "a relative path without '..', doubled or trailing slashes and control characters, or '.'",
    ),
]
"""A path inside something, such as ``bin`` or ``share/man``; ``.`` is the thing itself."""
CAPABILITIES_PATTERN = r"cap_[a-z_]+(?:,cap_[a-z_]+)*[+=][eip]{1,3}"
"""A clause of cap_from_text(3)."""
Capabilities = Annotated[
    str,
    TextPattern(CAPABILITIES_PATTERN, 'capabilities as for setcap, such as "cap_net_raw+ep"'),
]
Argv = Annotated[tuple[Word, ...], Field(min_length=1), WHOLE]
_SIGNALS = (
    "ABRT|ALRM|BUS|CHLD|CONT|FPE|HUP|ILL|INT|IO|KILL|PIPE|PROF|PWR|QUIT|SEGV|STKFLT|STOP|SYS|TERM|TRAP|TSTP|TTIN|TTOU|URG|"
    "USR1|USR2|VTALRM|WINCH|XCPU|XFSZ|RTMIN(?:[+](?:[1-9]|1[0-5]))?|RTMAX(?:-(?:[1-9]|1[0-4]))?"
)
Signal = Annotated[str, TextPattern(rf"SIG(?:{_SIGNALS})", 'a signal of Linux, such as "SIGTERM" or "SIGRTMIN+3"')]
Seconds = Annotated[float, Field(gt=0, le=86400 * 366)]
Identifier = Annotated[int, Field(ge=0, le=2**31 - 2)]
"""A user or group ID."""
AccountText = Annotated[str, TextPattern(rf"[^:{CONTROLS}]*", "one line of text, without ':' and control characters")]
"""What fits between two colons of /etc/passwd."""
PasswordHash = Annotated[
    str,
    TextPattern(
        r"|[!*][!-9;-~]*|\$[!-9;-~]+|[./0-9A-Za-z]{13}|_[./0-9A-Za-z]{19}",
        "a password's hash as in /etc/shadow, such as `openssl passwd -6` prints, and never the password itself",
    ),
]
Address = Annotated[
    str,
    TextPattern(
        r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", 'an IP address, such as "127.0.0.1" or "::1"'
    ),
]
LogDestination = Annotated[str, TextPattern(rf"console|none|{_PATH}", f'"console", "none", or {_PATH_MEANING}')]
Suite = Annotated[
    str,
    TextPattern(
        rf"\./|{_NO_DOTS}[A-Za-z0-9][A-Za-z0-9.+_~-]*(?:/{_NO_DOTS}[A-Za-z0-9][A-Za-z0-9.+_~-]*)*/?",
        'a suite, such as "trixie-updates", or the directory of a flat archive with a slash at its end, such as "./"',
    ),
]
ArchiveName = Annotated[
    str, TextPattern(r"[a-z0-9][a-z0-9.+_-]*", "an archive's name: lower-case letters, digits, '.', '+', '_' and '-'")
]
ArchiveAddress = Annotated[
    str, TextPattern(rf"(?:https?|file)://[^\s{CONTROLS}]+", "an address that begins with http://, https:// or file://")
]
Component = Annotated[
    str, TextPattern(r"[a-z0-9][a-z0-9.+-]*(?:/[a-z0-9][a-z0-9.+-]*)*", 'a component, such as "main"')
]
ImageName = Annotated[
    str,
    TextPattern(
        r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*",
        "an image name: lower-case letters and digits, with '.', '_', '-' or '/' between them",
        lambda text: 'must be a name without a tag; tags belong under "tags"' if ":" in text else None,
    ),
    Field(max_length=255),
]
Tag = Annotated[
    str,
    TextPattern(
        r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}",
        "a tag: letters, digits, '_', '.' and '-', at most 128, not beginning with '.' or '-'",
    ),
]
HostName = Annotated[
    str,
    TextPattern(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", "a host name: letters, digits and '-', at most 63"),
]
TimeZone = Annotated[str, TextPattern(r"[A-Za-z0-9+_-]+(?:/[A-Za-z0-9+_-]+)*", 'a time zone, such as "Europe/Berlin"')]
Locale = Annotated[
    str,
    TextPattern(
        r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)?(?:@[A-Za-z0-9_-]+)?",
        'a locale, such as "C.UTF-8" or "ca_ES.UTF-8@valencia"',
    ),
]
Translation = Annotated[
    str,
    TextPattern(
        r"[a-z]{2,3}(?:_[A-Z][A-Za-z0-9]*)*(?:@[A-Za-z0-9]+)?",
        'a language, with a country where only its own is wanted, such as "de" or "pt_BR"',
    ),
]
LabelName = Annotated[str, TextPattern(rf"[^{CONTROLS}]+", "a label's name, not empty, without control characters")]


def _number_as_text(value: object) -> object:
    """A port may be a number: 80 is "80"."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_PORT_TEXT = TextPattern(
    rf"{_PORT}(?:/(?:tcp|udp|sctp))?", 'a port from 1 to 65535, such as "80", "80/tcp" or "53/udp"'
)
_PORT_INPUT = Annotated[str, _PORT_TEXT] | Annotated[int, Field(ge=1, le=65535)]
Port = Annotated[str, BeforeValidator(_number_as_text, json_schema_input_type=_PORT_INPUT), _PORT_TEXT]
RunAs = Annotated[
    str,
    TextPattern(
        r"[a-z0-9_][a-z0-9_-]*(?::[a-z0-9_][a-z0-9_-]*)?",
        'a user, or a user and a group, by name or number, such as "www-data:www-data"',
    ),
]
Compression = Annotated[
    str,
    TextPattern(
        r"none|gzip(?::[1-9])?|zstd(?::(?:[1-9]|1[0-9]))?",
        '"none", "gzip" or "zstd", the last two with ":" and a level if one is wanted',
    ),
]
