"""Compiles Python modules to bytecode. Not imported: the Python whose bytecode is wanted runs this file.

Standard input holds pairs of names, each ended by a NUL: a module's file, and the path it will have in the image. The
result goes into ``__pycache__`` beside the module. Modules that do not compile are skipped, as Debian does.

Each module is compiled in a fork of a process that has compiled none, since what an interpreter has seen before
(interned strings, reference counts) shows in marshalled code.
"""

import importlib.util
import marshal
import os
import sys

_UNCHECKED_HASH = (1).to_bytes(4, "little")
"""The flags of a hash-based pyc whose source is never looked at (PEP 552): the store does not change."""


def _compile(module: str, image_path: str) -> None:
    with open(module, "rb") as file:
        source = file.read()
    code = compile(source, image_path, "exec", dont_inherit=True)
    cache = importlib.util.cache_from_source(module)
    os.makedirs(os.path.dirname(cache), exist_ok=True)  # noqa: PTH103, PTH120 - what is imported here is kept small
    with open(cache, "wb") as file:
        file.write(importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH)
        file.write(importlib.util.source_hash(source) + marshal.dumps(code))


def _main() -> int:
    names = os.fsdecode(sys.stdin.buffer.read()).split("\0")[:-1]
    for module, image_path in zip(names[::2], names[1::2]):  # noqa: B905 - older than strict=
        child = os.fork()
        if not child:
            status = 2
            try:
                _compile(module, image_path)
                status = 0
            except (SyntaxError, ValueError, RecursionError):
                status = 0
            finally:
                os._exit(status)
        if os.waitpid(child, 0)[1]:
            sys.stderr.write("cannot compile " + module + "\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
