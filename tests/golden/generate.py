"""Writes one small file of each format that sysimage promises to read or to keep: ``make golden``.

    python -m tests.golden.generate              # renews tests/golden/VERSION, VERSION being today's
    python -m tests.golden.generate DIRECTORY    # writes them there

What is written depends on nothing but the code. A folder of an older version stays as that version wrote it.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import sysimage
from sysimage import api, errors
from sysimage.cli.main import command_line, main
from sysimage.digest import Digest
from sysimage.store.database import Schema, store_database
from sysimage_bootstrap.packages.lock import LockedSuite, LockFile
from sysimage_bootstrap.store.registration import Registration, write
from tests.bootstrap.archive.fake_archive import NOW
from tests.bootstrap.packages.test_lock import REQUEST, resolution
from tests.support.builds import registered
from tests.support.store_builder import ELF, Link, Program, StoreBuilder

HERE = Path(__file__).parent
CREATED = 86400
STORES = {Schema.GUIX: "/gnu/store", Schema.NIX: "/nix/store"}


def generate(directory: Path) -> None:
    """Write every golden file below ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        for schema, store_dir in STORES.items():
            _images(schema, store_dir, directory / schema.name.lower())
        shutil.copytree(Path("guix") / "cache", directory / "cache", ignore=shutil.ignore_patterns("lock"))
        (directory / "documents").mkdir()
        for name, text in _documents():
            (directory / "documents" / name).write_text(text)
    (directory / "lock").mkdir()
    (directory / "lock" / "system.lock.json").write_text(lock_file().dumps())
    (directory / "surface.json").write_text(_json(surface()))


def small_store(place: Path, store_dir: str) -> StoreBuilder:
    """Four items with what formats have to distinguish: a program, links, a file that is an item, an odd name."""
    store = StoreBuilder(place, store_dir)
    store.add("libc-2.41", {"lib": {"ld.so": Program(ELF)}})
    store.add("bash-5.2", {"bin": {"bash": Program("#!{libc-2.41}/lib/ld.so\n"), "sh": Link("bash")}, "empty": {}})
    store.add("file-1", "a file that is an item\n")
    tool = {"bin": {"tool": Program("#!{bash-5.2}/bin/bash\n")}, "grüße": "not ASCII\n", "file": Link("{file-1}")}
    store.add("tool-1", tool)
    return store


def spec(store: StoreBuilder, schema: Schema, **more: Any) -> dict[str, Any]:
    """A pack of the small store."""
    source = {"paths": [str(store.items["tool-1"].path)], "source": "registration", "location": "store"}
    return {
        "name": "golden",
        "tags": ["1.0", "latest"],
        "from-store": source,
        "store": {"kind": schema.name.lower(), "directory": store.store_dir},
        "entry-point": [f"{store.items['tool-1'].path}/bin/tool"],
        "labels": {"k": "ü"},
        "max-layers": 3,
        "compression": "none",
        **more,
    }


def _images(schema: Schema, store_dir: str, target: Path) -> None:
    """An image in each form, its record, and the database of its store."""
    target.mkdir()
    work = Path(schema.name.lower())
    store = small_store(work / "store", store_dir)
    closure = store.closure("tool-1")
    registered(closure, work / "registration")
    (work / "system.json").write_text(_json(spec(store, schema)))
    settings = api.Settings(cache_dir=work / "cache", jobs=1, environ={})

    def build(output: str, **how: Any) -> api.BuiltImage:
        return api.build(work / "system.json", target / output, created=CREATED, settings=settings, **how)

    images = {
        "archive.tar": build("archive.tar", record=True),
    }
    if schema is Schema.GUIX:
        images["docker-archive.tar"] = build("docker-archive.tar", format="docker-archive")
        images["layout"] = build("layout", format="oci-dir")
    # What a compressor of another version may write otherwise: read, and not compared.
    for kind in ("gzip", "zstd"):
        images[f"{kind}.tar"] = build(f"{kind}.tar", compression=kind)
    for record in set(target.glob("*.plan.json")) - {target / "archive.plan.json"}:
        record.unlink()  # they say the same
    shutil.copy(work / "system.json", target / "system.json")
    (target / "digests.json").write_text(_json({name: str(image.image_id) for name, image in images.items()}))
    (target / "db.sqlite").write_bytes(store_database(closure, schema))
    item = next(iter(closure))
    (target / "item").mkdir()
    write(target / "item" / item.path.base_name, Registration(item, {"privileged": {}}, "state"))


def lock_file() -> LockFile:
    """A lock of four packages."""
    suite = LockedSuite("trixie", "trixie", NOW, Digest.of(b"InRelease"))
    return LockFile(REQUEST.document(), (suite,), resolution())


def _documents() -> Iterator[tuple[str, str]]:
    """What ``--json`` prints for each verb that needs neither network nor machine, and lines of progress."""
    spec_file = "guix/system.json"
    words = ["--cache-dir", "guix/cache", "--jobs", "1"]
    yield (
        "build.json",
        _said(["build", "--json", "-q", *words, "--created", str(CREATED), "-o", "image.tar", spec_file]),
    )
    yield "plan.json", _said(["plan", "--json", "-q", *words, spec_file])
    yield "inspect.json", _said(["inspect", "--json", "image.tar"])
    yield "verify.json", _said(["verify", "--json", "-q", "image.tar"])
    yield "migrate.json", _said(["migrate", "--json", spec_file])
    yield "cache-layers.json", _shape(_said(["cache", "--layers", "--json", "--cache-dir", "guix/cache"]))
    yield "cache.json", _shape(_said(["cache", "--json", "--cache-dir", "guix/cache"]))
    yield (
        "cache-verify.json",
        _shape(_said(["cache", "verify", "--json", "--cache-dir", "guix/cache"])),
    )
    Path("wrong.json").write_text('{"name": 5,\n "packages": [],\n "servces": {}}\n')
    yield "error.json", _said(["plan", "--json", "-q", "wrong.json"], status=2)
    progress = ["verify", "--progress", "json", "image.tar"]
    yield "progress.jsonl", _said(progress, stream="stderr").splitlines()[-1] + "\n"


def _said(words: list[str], *, status: int = 0, stream: str = "stdout") -> str:
    """What the command line prints."""
    out, err = io.StringIO(), io.StringIO()
    environment = {"HOME": str(Path.cwd())}
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(("SYSIMAGE_", "SOURCE_DATE"))}
    try:
        os.environ.update(environment)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            ended = main(words)
    finally:
        os.environ.update(kept)
    if ended != status:
        raise SystemExit(f"{words} ended with {ended}: {err.getvalue()}")
    return (out if stream == "stdout" else err).getvalue().replace(f"{Path.cwd()}/", "")


def _shape(text: str) -> str:
    """A document with the kind of each value in its place, where values follow from more than the code."""

    def kinds(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: value[key] if key in ("kind", "format_version") else kinds(below) for key, below in value.items()
            }
        if isinstance(value, list):
            return [kinds(value[0])] if value else []
        return type(value).__name__

    return _json(kinds(json.loads(text)))


def surface() -> dict[str, Any]:
    """What is promised besides formats: flags of verbs, exit statuses, and the library."""
    verbs = next(action for action in command_line()._actions if isinstance(action, argparse._SubParsersAction))
    statuses = {
        name: kind.exit_status
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.SysimageError)
    }
    return {
        "flags": {
            verb: sorted(flag for action in parser._actions for flag in action.option_strings)
            for verb, parser in verbs.choices.items()
        },
        "exit_statuses": statuses,
        "api": {name: _described(getattr(api, name)) for name in api.__all__},
    }


def _described(value: Any) -> Any:
    if inspect.isfunction(value):
        return [str(parameter).partition(":")[0] for parameter in inspect.signature(value).parameters.values()]
    if inspect.isclass(value) and is_dataclass(value):
        return sorted(field.name for field in fields(value))
    return type(value).__name__


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def renew() -> Path:
    """Replace the folder of today's version."""
    target = HERE / sysimage.__version__
    with tempfile.TemporaryDirectory(dir=HERE) as made:
        new = Path(made) / "new"
        generate(new)
        if (target / "cache").is_dir():  # an older one says more: code that has changed finds nothing of its own in it
            shutil.rmtree(new / "cache")
            (target / "cache").rename(new / "cache")
        shutil.rmtree(target, ignore_errors=True)
        new.rename(target)
    return target


if __name__ == "__main__":
    if sys.argv[1:]:
        generate(Path(sys.argv[1]))
    else:
        print(f"renewed {renew()}; `git diff` says what has changed")
