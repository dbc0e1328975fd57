"""Recognises texts that are specs in another language than JSON, and says what to do with them."""

from __future__ import annotations

import posixpath
import re
import shlex

from sysimage.errors import SpecError

SPEC_SUFFIXES = (".json", ".jsonc")
_YAML, _TOML = (".yaml", ".yml"), (".toml",)
_CONVERSIONS = {
    "YAML": "python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout, indent=2)' < {} > {}",
    "TOML": "python3 -c 'import json, sys, tomllib; json.dump(tomllib.load(sys.stdin.buffer), sys.stdout, indent=2)' "
    "< {} > {}",
}
_YAML_START = re.compile(r"(?:\s*#[^\n]*\n|\s*\n)*(?:%YAML|---|-[ \t]|[A-Za-z_$][\w-]*:(?:[ \t\r\n]|$))")
_DOCKERFILE_START = re.compile(r"(?:\s*#[^\n]*\n|\s*\n)*(?:FROM|ARG)[ \t]+\S", re.IGNORECASE)
_TOML_START = re.compile(
    r"(?:\s*#[^\n]*\n|\s*\n)*(?:\[\[?[\w.-]+\]?\][ \t]*\n\s*[\w.-]+[ \t]*=|[A-Za-z_][\w.-]*[ \t]*=)"
)


def allows_comments(name: str) -> bool:
    """Whether a file of this name may have comments and trailing commas."""
    return posixpath.splitext(name)[1] == ".jsonc"


def is_spec(name: str) -> bool:
    """Whether a file of this name is a spec, or wants to be one."""
    return posixpath.splitext(name)[1] in (*SPEC_SUFFIXES, *_YAML, *_TOML)


def refuse_other_formats(text: str, name: str) -> None:
    """A `SpecError` for a text in another language."""
    suffix = posixpath.splitext(name)[1]
    language = "YAML" if suffix in _YAML or _YAML_START.match(text) else None
    if _DOCKERFILE_START.match(text):
        raise SpecError(
            f"cannot read {name}: it is a Dockerfile, and specs are JSON",
            hint="`sysimage init --from Dockerfile web.json` writes a spec from a Dockerfile",
        )
    if text.startswith("#!"):
        raise SpecError(
            f"cannot read {name}: it is a script, and specs are JSON",
            hint="a spec says what the system is; `sysimage init` writes a first one",
        )
    language = language or ("TOML" if suffix in _TOML or _TOML_START.match(text) else None)
    if language is None or (suffix in SPEC_SUFFIXES and text.lstrip().startswith("{")):
        return
    stem = name.removesuffix(suffix) if suffix else "system"
    here = name if suffix else f"{stem}.{language.lower()}"
    there = f"{stem}.converted.json" if suffix == ".json" else f"{stem}.json"
    raise SpecError(
        f"cannot read {name}: it is {language}, and specs are JSON (.json, or .jsonc with comments)",
        hint=f"convert it once: {_CONVERSIONS[language].format(shlex.quote(here), shlex.quote(there))}",
    )
