"""The house rules: which room may know which, and what only one place may do.

The arrows of the design go from left to right; a room knows those on its left and what is beneath. Nothing here runs
the code: it reads imports and calls.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path

import networkx
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "sysimage": ROOT / "sysimage",
    "sysimage_bootstrap": ROOT / "bootstrap" / "sysimage_bootstrap",
    "sysimage_vm": ROOT / "vmtests" / "sysimage_vm",
}
MODULES = sorted(path for folder in PACKAGES.values() for path in folder.rglob("*.py"))

BENEATH = {
    "sysimage",
    "characters",
    "connection_errors",
    "errors",
    "digest",
    "formats",
    "files",
    "host_platform",
    "notices",
    "proxies",
    "process",
    "progress",
    "signals",
    "suggestions",
    "streams",
    "worker_process",
    "workers",
}
"""Known to every room; ``sysimage`` is the package itself, which holds the version."""
ALLOWED: dict[str, set[str]] = {
    "sysimage": set(),
    "characters": set(),
    "connection_errors": set(),
    "errors": set(),
    "digest": set(),
    "formats": set(),
    # What is kept on this machine: written whole, locked, remembered.
    "files": {"errors", "notices", "signals"},
    "host_platform": set(),
    "notices": set(),
    "proxies": {"characters"},
    "progress": set(),
    "signals": set(),
    "suggestions": set(),
    "process": {"errors", "signals"},
    "worker_process": {"errors", "signals"},
    "workers": {"errors", "worker_process"},
    "streams": {"errors", "worker_process", "workers"},
    # What images must be like knows neither what writes them nor what verifies them.
    "rules": set(),
    "spec": {"rules"},
    # Files of other tools become specs; which packages there are is not asked.
    "conversion": {"spec"},
    "store": set(),
    "closure": {"store"},
    "rootfs": {"rules", "spec", "store", "closure"},
    # One of two ways to a system; the other is bootstrap, and neither knows of the other.
    "from_store": {"spec", "store", "rootfs"},
    # Trees of the user's own become items of the store that sysimage makes.
    "trees": {"rules", "spec", "store", "rootfs", "bootstrap.store"},
    # What packages of all languages have in common.
    "language_packages": {"store", "rootfs", "bootstrap.debian", "bootstrap.debs"},
    "npm_packages": {
        "spec",
        "store",
        "rootfs",
        "language_packages",
        "bootstrap.debian",
        "bootstrap.store",
    },
    "jars": {"rules", "spec", "store", "rootfs", "language_packages", "bootstrap.store"},
    "wheels": {
        "language_packages",
        "trees",
        "rules",
        "spec",
        "store",
        "rootfs",
        "bootstrap.archive",
        "bootstrap.building",
        "bootstrap.debian",
        "bootstrap.debs",
        "bootstrap.packages",
        "bootstrap.store",
    },
    "layerplan": {"store", "closure"},
    "blobs": set(),
    "layers": {"rules", "store", "closure", "rootfs", "layerplan", "blobs"},
    "image": {"spec", "rootfs", "layers", "blobs"},
    "destinations": {"layers", "image", "blobs", "rootfs", "store"},
    # What rereads an image must not make its writers' mistakes again; names of store items are not writer's.
    "verify": {"store.paths", "rules"},
    # What is compared is read with the verifier's eyes; a package is known by what its row or its lock says.
    "compare": {
        "verify",
        "rules",
        "spec",
        "store",
        "closure",
        "bootstrap.archive",
        "bootstrap.debs",
        "bootstrap.packages",
    },
    # A base image is read with the verifier's eyes; what is written on top is the other rooms'.
    "bases": {"rules", "spec", "store", "closure", "rootfs", "layerplan", "layers", "image", "blobs", "verify"},
    # A page for people: what an image is by the verifier's reader, and what its build knew.
    "report": {"rules", "layerplan", "verify", "compare.compared_contents", "compare.layer_reader"},
    # What is run is what the verifier's reader makes of an image's bytes.
    "containers": {"verify"},
    # What the rules say of an image that is about to be written, and which place of the spec it comes from.
    "preflight": {"rules", "spec", "store", "closure", "rootfs", "layers", "image", "blobs", "bases"},
    # The conductor calls every room that makes an image; none of them knows it, nor does it know what runs images.
    "pipeline": {
        "spec",
        "store",
        "closure",
        "rootfs",
        "layerplan",
        "layers",
        "image",
        "blobs",
        "destinations",
        "verify",
        "bases",
        "preflight",
        "from_store",
        "trees",
        "wheels",
        "npm_packages",
        "jars",
        "bootstrap.packages",
        "bootstrap.store",
        "bootstrap.realise",
        "bootstrap.system_cache",
        "bootstrap.integrity_check",
    },
    # What programs read of results, as plain values: the room with the results fills them.
    "documents": set(),
    # The library's door: it takes paths and values and calls the conductor; the command line uses it.
    "api": {
        "documents",
        "spec",
        "layerplan",
        "image",
        "destinations",
        "verify",
        "closure",
        "compare",
        "pipeline",
        "bootstrap.archive",
        "bootstrap.packages",
    },
    # Facts about Debian are data that every room of bootstrap may read.
    "bootstrap.debian": set(),
    "bootstrap.archive": set(),
    "bootstrap.packages": {"rules", "spec", "bootstrap.archive", "bootstrap.debian", "bootstrap.debs"},
    "bootstrap.debs": {"bootstrap.archive"},
    "bootstrap.store": {"store"},
    # What scripts say of a first installation: read, never run; which files there are is known by the rooms that ask.
    "bootstrap.scripts": {"spec", "rootfs", "bootstrap.archive"},
    "bootstrap.planning": {
        "store",
        "bootstrap.archive",
        "bootstrap.debian",
        "bootstrap.debs",
        "bootstrap.scripts",
        "bootstrap.store",
    },
    "bootstrap.building": {
        "rules",
        "store",
        "bootstrap.archive",
        "bootstrap.debian",
        "bootstrap.debs",
        "bootstrap.packages",
        "bootstrap.planning",
        "bootstrap.store",
        "bootstrap.triggers",
    },
    # What Debian's triggers make of the merged tree, as functions over it.
    "bootstrap.triggers": {"bootstrap.debian", "bootstrap.debs"},
    # The system is made of finished items: how they were planned and built is nothing to it.
    # Unit files are texts: what they say is read without an image.
    "bootstrap.units": set(),
    "bootstrap.system": {
        "bootstrap.units",
        "rules",
        "spec",
        "store",
        "rootfs",
        "bootstrap.debian",
        "bootstrap.debs",
        "bootstrap.packages",
        "bootstrap.scripts",
        "bootstrap.store",
        "bootstrap.triggers",
    },
    "bootstrap.system_cache": {"spec", "rootfs", "bootstrap.packages", "bootstrap.store"},
    "bootstrap.integrity_check": {"store", "bootstrap.archive", "bootstrap.debs", "bootstrap.store"},
    "bootstrap.cache_prune": {"bootstrap.archive", "bootstrap.debs", "bootstrap.system_cache", "bootstrap.store"},
    "bootstrap.realise": {
        "spec",
        "store",
        "rootfs",
        "bootstrap.archive",
        "bootstrap.building",
        "bootstrap.debs",
        "bootstrap.packages",
        "bootstrap.planning",
        "bootstrap.store",
        "bootstrap.system",
        "bootstrap.system_cache",
    },
    "bootstrap": set(),
    "vm": {"store", "closure", "rootfs", "verify", "containers"},
}
"""Room → the rooms, or single modules of rooms, that it may import beside itself and what is beneath. The command line,
above, is not in the table: it may import every room."""
ABOVE = {"cli", "__main__"}
DIGEST_ONLY = {
    "verify": {"sysimage", "errors", "digest", "progress", "suggestions", "worker_process", "workers"},
    "rules": {"sysimage"},
}
"""Rooms that may not have all that is beneath."""

STANDALONE = {
    *(
        ROOT / "sysimage" / "containers" / f"{name}.py"
        for name in ("container_init", "container_mounts", "kernel_calls", "terminal_relay")
    ),
    ROOT / "bootstrap" / "sysimage_bootstrap" / "building" / "bytecode_driver.py",
    ROOT / "vmtests" / "sysimage_vm" / "agent.py",
    ROOT / "vmtests" / "sysimage_vm" / "store_check.py",
}
"""Programs of their own, with nothing but Python's standard library and one another: another Python runs them (a
package's, the guest's), or they go where no file of sysimage can be read."""
QUESTIONS = ROOT / "vmtests" / "sysimage_vm" / "questions"
"""Test modules that happen to be in the wheel: pytest reads their asserts."""
LONGEST = 400
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "context", "base", "misc"}


def room_of(path: Path) -> str:
    """The room a module belongs to."""
    for package, folder in PACKAGES.items():
        if path.is_relative_to(folder):
            return room_of_module(".".join((package, *path.relative_to(folder).with_suffix("").parts)))
    raise AssertionError(path)


def room_of_import(name: str) -> str | None:
    """The room that an import enters; None when it is not ours."""
    return room_of_module(name) if name.partition(".")[0] in PACKAGES else None


def room_of_module(name: str) -> str:
    """The room of a module of sysimage: the first part of its name in ``sysimage`` and ``bootstrap``, all of ``vm``."""
    package, _, rest = name.partition(".")
    first = rest.removesuffix("__init__").split(".")[0]
    if package == "sysimage":
        return first or package
    within = package.removeprefix("sysimage_")
    return f"{within}.{first}" if within == "bootstrap" and first else within


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported, wherever the import is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "." * node.level
            elif node.module in ("sysimage", "sysimage_bootstrap", "importlib"):
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module or ""


def foreign_arrows(room: str, tree: ast.AST) -> list[str]:
    """Imports that the table does not allow."""
    if room in ABOVE:
        return []
    beneath = DIGEST_ONLY.get(room, {"sysimage"} if room in BENEATH else BENEATH)
    allowed = {room, *ALLOWED[room], *beneath}
    found = []
    for line, name in imports(tree):
        target = room_of_import(name)
        if target == "__version__":
            target = "sysimage"
        module = name.removeprefix("sysimage.")
        if name.startswith(".") or (target is not None and target not in allowed and module not in allowed):
            found.append(f"line {line}: {name}")
    return found


def forbidden_deeds(path: Path, tree: ast.AST) -> list[str]:
    """What only one place may do, and what none may."""
    found = []
    is_cli, is_process = path.is_relative_to(ROOT / "sysimage" / "cli"), path == ROOT / "sysimage" / "process.py"
    is_door = is_cli or path.name == "__main__.py"
    reads_process = is_cli or path == ROOT / "sysimage" / "api" / "settings.py"
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Assert) and not path.name.startswith(
            "test_"
        ):  # pytest's, whichever package they are in
            found.append(f"line {line}: assert, which -O removes")
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("print", "sys.exit", "exit", "quit", "input") and not is_door:
                found.append(f"line {line}: {called}()")
            if called.startswith(_STARTING) and not is_process:
                found.append(f"line {line}: {called}(), which starts a program")
            if called in _CLOCKS and not reads_process:
                found.append(f"line {line}: {called}(), which reads the clock")
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.environb") and not reads_process:
            found.append(f"line {line}: os.environ")
        if isinstance(node, ast.Attribute) and node.attr == "getenv" and not is_cli:
            found.append(f"line {line}: getenv")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "subprocess" and not is_process:
            found.append(f"line {node.lineno}: imports from subprocess; only its names for children are for all")
    for line, name in imports(tree):
        if name.split(".")[0] in ("sh", "pexpect") and not is_process:
            found.append(f"line {line}: imports {name}")
    return found


_STARTING = ("subprocess.", "os.system", "os.popen", "os.exec", "os.spawn", "os.posix_spawn")


_CLOCKS = {
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "datetime.datetime.now",
    "date.today",
}
"""time.monotonic is not a clock: it measures how long something takes and cannot get into what is made."""


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def test_every_room_is_in_the_table() -> None:
    rooms = {room_of(path) for path in MODULES}
    assert rooms - ABOVE <= ALLOWED.keys()


def test_the_table_has_no_circle() -> None:
    before: set[str] = set()
    rooms = {
        room: {name if name in ALLOWED else name.split(".")[0] for name in known} for room, known in ALLOWED.items()
    }
    while rooms:
        ready = {room for room, known in rooms.items() if known <= before}
        assert ready, f"these know one another: {sorted(rooms)}"
        before |= ready
        rooms = {room: known for room, known in rooms.items() if room not in ready}


def module_name(path: Path) -> str:
    """The full name of a module; a package's is that of its folder."""
    parts = path.relative_to(next(top for top in PACKAGES.values() if path.is_relative_to(top)).parent).with_suffix("")
    return ".".join(part for part in parts.parts if part != "__init__")


def needed_modules(node: ast.AST, known: Container[str]) -> Iterator[str]:
    """Modules of sysimage that a module needs when it runs, wherever the import is; not what only types need."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in known)
    elif isinstance(node, ast.ImportFrom) and node.module in known:
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            yield whole if whole in known else str(node.module)
    for below in ast.iter_child_nodes(node):
        yield from needed_modules(below, known)


def circles(needs: dict[str, set[str]]) -> list[list[str]]:
    """Modules that need one another, each circle once."""
    found = networkx.strongly_connected_components(networkx.DiGraph(needs))
    return sorted(sorted(circle) for circle in found if len(circle) > 1)


def test_no_modules_import_one_another() -> None:
    modules = {module_name(path): path for path in MODULES}
    assert circles({name: set(needed_modules(parsed(path), modules)) for name, path in modules.items()}) == []


def test_a_circle_of_imports_is_seen() -> None:
    known = ("a", "a.b", "c")
    texts = {
        "a.b": "def f():\n    from c import g",
        "c": "from a import b",
        "a": "if TYPE_CHECKING:\n    import a.b",
    }
    needs = {name: set(needed_modules(ast.parse(text), known)) for name, text in texts.items()}
    assert needs == {"a.b": {"c"}, "c": {"a.b"}, "a": set()}
    assert circles(needs) == [["a.b", "c"]]


def test_a_module_imports_only_what_its_room_may_know() -> None:
    found = {names(path): foreign_arrows(room_of(path), parsed(path)) for path in MODULES}
    assert {name: arrows for name, arrows in found.items() if arrows} == {}


def test_a_module_leaves_to_the_doors_what_only_they_may_do() -> None:
    found = {names(path): forbidden_deeds(path, parsed(path)) for path in MODULES if path not in STANDALONE}
    assert {name: deeds for name, deeds in found.items() if deeds} == {}


@pytest.mark.parametrize("path", sorted(STANDALONE), ids=names)
def test_a_program_of_its_own_needs_only_python(path: Path) -> None:
    beside = {module_name(other) for other in STANDALONE}
    assert {name.split(".")[0] for _, name in imports(parsed(path)) if name not in beside} <= sys.stdlib_module_names


def test_a_module_has_a_size_and_a_name_that_say_what_it_is() -> None:
    assert [names(path) for path in MODULES if path.read_text().count("\n") > LONGEST] == []
    parts = {names(path): {part.removesuffix(".py") for part in path.relative_to(ROOT).parts} for path in MODULES}
    assert [name for name, found in parts.items() if BANNED_NAMES & found] == []


@pytest.mark.parametrize(
    ("room", "text", "faults"),
    [
        ("spec", "from sysimage.errors import Issue", []),
        ("spec", "import sysimage.store.paths", ["line 1: sysimage.store.paths"]),
        ("store", "def f():\n    from sysimage.closure import Closure", ["line 2: sysimage.closure"]),
        ("store", "from sysimage import layers", ["line 1: sysimage.layers"]),
        ("store", "from ..layers import tar", ["line 1: .."]),
        ("verify", "from sysimage.layers.tar import entries", ["line 1: sysimage.layers.tar"]),
        ("verify", "from sysimage.store import StorePath", ["line 1: sysimage.store"]),
        ("verify", "from sysimage.store.paths import StorePath", []),
        ("verify", "from sysimage.process import run", ["line 1: sysimage.process"]),
        ("rootfs", "import sysimage_bootstrap", ["line 1: sysimage_bootstrap"]),
        ("rootfs", "from sysimage.from_store import realise", ["line 1: sysimage.from_store"]),
        ("from_store", "from sysimage_bootstrap.realise import realise", ["line 1: sysimage_bootstrap.realise"]),
        (
            "bootstrap.store",
            "from sysimage_bootstrap.system.system import build_system",
            ["line 1: sysimage_bootstrap.system.system"],
        ),
        ("bootstrap.system", "from sysimage_bootstrap import planning", ["line 1: sysimage_bootstrap.planning"]),
        ("bootstrap.building", "from sysimage_bootstrap.planning.plan import Plan", []),
        ("bootstrap.archive", "from sysimage.spec.model import SystemSpec", ["line 1: sysimage.spec.model"]),
        ("errors", "from sysimage.digest import Digest", ["line 1: sysimage.digest"]),
        ("cli", "from sysimage.pipeline.build import build", []),
        ("pipeline", "from sysimage.cli.flag_values import processors", ["line 1: sysimage.cli.flag_values"]),
        ("preflight", "from sysimage.pipeline.options import Push", ["line 1: sysimage.pipeline.options"]),
    ],
)
def test_a_wrong_arrow_is_seen(room: str, text: str, faults: list[str]) -> None:
    assert foreign_arrows(room, ast.parse(text)) == faults


@pytest.mark.parametrize(
    ("module", "text", "count"),
    [
        ("sysimage/store/nar.py", "assert x", 1),
        ("sysimage/store/nar.py", "print(1)", 1),
        ("sysimage/store/nar.py", "import sys\nsys.exit(1)", 1),
        ("sysimage/store/nar.py", "import os\nos.environ['x']\nos.getenv('x')", 2),
        ("sysimage/store/nar.py", "import time\ntime.time()\ntime.monotonic()", 1),
        ("sysimage/store/nar.py", "import subprocess\nsubprocess.run(['x'])", 1),
        ("sysimage/store/nar.py", "from subprocess import run", 1),
        ("sysimage/store/nar.py", "import subprocess\ndef f(child: subprocess.Popen[bytes]): ...", 0),
        ("sysimage/store/nar.py", "import os\nos.system('x')", 1),
        ("sysimage/store/nar.py", "import sh", 1),
        ("sysimage/process.py", "import subprocess", 0),
        ("sysimage/cli/main.py", "import os\nprint(os.environ)", 0),
        ("sysimage/cli/main.py", "from subprocess import run", 1),
    ],
)
def test_a_forbidden_operation_is_seen(module: str, text: str, count: int) -> None:
    assert len(forbidden_deeds(ROOT / module, ast.parse(text))) == count
