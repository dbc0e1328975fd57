"""The limits that the kernel sets are those of the kernel that runs the tests."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from sysimage.rules import limits


def test_the_limits_are_those_of_the_readers_of_images() -> None:
    """What one version takes, each later one takes, too."""
    assert limits.DOCUMENT_SIZE == 4 * 1024**2, "of containers/image"
    assert limits.MOST_LAYERS == 125, "of Docker's graph drivers"
    assert (limits.ENTRIES, limits.DEPTH) == (2_000_000, 255)
    assert limits.UNCOMPRESSED_SIZE == 64 * 1024**3
    assert limits.STORE_DATABASE == 512 * 1024**2
    assert limits.IDENTIFIER == 2_147_483_647, "of engines, which take a signed number of 32 bits"
    assert (limits.ENVIRONMENT, limits.WORD) == (1024**2, 32 * 4096 - 1), "of Linux, as are the next"
    assert (limits.PATH_LENGTH, limits.COMPONENT_LENGTH) == (4095, 255)


def test_a_program_starts_with_the_longest_word_and_with_no_longer_one() -> None:
    for words, environ in ((["x" * limits.WORD], {}), ([], {"X": "x" * (limits.WORD - 2)})):
        subprocess.run(["/bin/true", *words], env=environ, check=True)
        longer = [word + "x" for word in words], {name: value + "x" for name, value in environ.items()}
        with pytest.raises(OSError, match="too long") as refused:
            subprocess.run(["/bin/true", *longer[0]], env=longer[1])
        assert refused.value.errno == errno.E2BIG


def test_a_program_starts_with_the_largest_environment() -> None:
    size = 1 << 10
    environ = {f"{number:04}": "x" * (size - 6) for number in range(limits.ENVIRONMENT // size)}
    assert sum(len(f"{name}={value}\0") for name, value in environ.items()) == limits.ENVIRONMENT
    subprocess.run(["/bin/true"], env=environ, check=True)


def test_a_file_has_the_longest_name_and_no_longer_one(tmp_path: Path) -> None:
    (tmp_path / ("n" * limits.COMPONENT_LENGTH)).touch()
    with pytest.raises(OSError, match="too long"):
        (tmp_path / ("n" * (limits.COMPONENT_LENGTH + 1))).touch()


def test_a_path_and_a_link_are_taken_up_to_their_length_and_not_beyond(tmp_path: Path) -> None:
    longest = "/" * (limits.PATH_LENGTH - 3) + "tmp"
    assert os.stat(longest).st_ino == os.stat("/tmp").st_ino  # noqa: PTH116 - pathlib would drop slashes
    with pytest.raises(OSError, match="too long"):
        os.stat("/" + longest)  # noqa: PTH116
    os.symlink(longest, tmp_path / "link")  # noqa: PTH211
    with pytest.raises(OSError, match="too long"):
        os.symlink("/" + longest, tmp_path / "longer")  # noqa: PTH211
