"""What sysimage answers to the corpus, to be read aloud in review: `python -m tests.mistakes.answers` renews it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sysimage.cli import main
from tests.mistakes.corpus import MISTAKES, Mistake

ANSWERS = Path(__file__).with_name("answers.txt")


@contextlib.contextmanager
def surroundings(mistake: Mistake) -> Iterator[None]:
    """A directory with the files of a mistake, its variables and nothing else."""
    before, kept = Path.cwd(), dict(os.environ)
    with tempfile.TemporaryDirectory() as place:
        for name, content in mistake.files.items():
            path = Path(place, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                path.mkdir()
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.environ.clear()
        os.environ.update(PATH=kept["PATH"], HOME="/nonexistent", XDG_CACHE_HOME=f"{place}/cache", SYSIMAGE_OFFLINE="1")
        os.environ.update(mistake.environ)
        os.chdir(place)
        try:
            yield
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(kept)


def answer(mistake: Mistake) -> str:
    """One entry: what was wrong, the command, what was printed on standard error, and the status."""
    told = io.StringIO()
    with surroundings(mistake), contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        status = main(list(mistake.words))
    variables = "".join(f"{name}={value} " for name, value in mistake.environ.items())
    lines = [f"## {mistake.what}", f"$ {variables}{' '.join(['sysimage', *mistake.words])}"]
    # The directory has another name each time.
    said = re.sub(r"/[\w./-]*/(?=base\.tar|debian:)", "", told.getvalue())
    return "\n".join([*lines, *said.splitlines(), f"status {status}"]) + "\n"


def answers() -> str:
    """All entries."""
    return "\n".join(map(answer, MISTAKES))


if __name__ == "__main__":
    ANSWERS.write_text(answers())
    sys.stdout.write(f"{len(MISTAKES)} answers\n")
