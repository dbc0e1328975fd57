"""Lock files of Python packages are read for the image's platform, and every fault is reported with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.spec.python import Python
from sysimage.wheels.lock_file import LockedWheel, check_lock, read_lock
from sysimage.wheels.target import Target

TRIXIE = Target("3.13", "3.13.5", "3.13.5-2", (2, 41), "amd64")
A, B = "a" * 64, "b" * 64
PYLOCK = f"""
lock-version = "1.0"
created-by = "a test"
extras = ["fast"]
dependency-groups = ["dev"]
default-groups = []

[[packages]]
name = "plain-package"
version = "1.0"
wheels = [{{path = "w/plain_package-1.0-py3-none-any.whl", hashes = {{sha256 = "{A}"}}}}]

[[packages]]
name = "native"
version = "2.0"
wheels = [
  {{name = "native-2.0-cp313-cp313-win_amd64.whl", url = "https:/1.whl", hashes = {{sha256 = "{B}"}}}},
  {{name = "native-2.0-cp313-cp313-manylinux_2_28_aarch64.whl", url = "https:/3.whl", hashes = {{sha256 = "{B}"}}}},
  {{name = "native-2.0-cp313-cp313-manylinux_2_28_x86_64.whl", url = "https:/2.whl", hashes = {{sha256 = "{A}"}}}},
]

[[packages]]
name = "colours"
version = "3"
marker = "sys_platform == 'win32'"
wheels = [{{name = "colours-3-py3-none-any.whl", url = "https://x.example/4.whl", hashes = {{sha256 = "{A}"}}}}]

[[packages]]
name = "quick"
version = "4"
marker = "'fast' in extras"
wheels = [{{name = "quick-4-py3-none-any.whl", url = "https://x.example/5.whl", hashes = {{sha256 = "{A}"}}}}]

[[packages]]
name = "checker"
version = "5"
marker = "'dev' in dependency_groups"
wheels = [{{name = "checker-5-py3-none-any.whl", url = "https://x.example/6.whl", hashes = {{sha256 = "{A}"}}}}]
"""


def read(directory: Path, text: str, name: str = "pylock.toml", **choices: Any) -> tuple[LockedWheel, ...]:
    (directory / name).write_text(text)
    return read_lock(Python(lock=name, **choices), directory, TRIXIE)


def faults(directory: Path, text: str, name: str = "pylock.toml", **choices: tuple[str, ...]) -> str:
    with pytest.raises(SpecError) as caught:
        read(directory, text, name, **choices)
    return str(caught.value).replace(str(directory), "here")


def test_a_pylock_gives_the_best_wheel_of_each_package_for_the_image(tmp_path: Path) -> None:
    plain, native = sorted(read(tmp_path, PYLOCK), key=lambda wheel: wheel.name, reverse=True)
    assert (plain.name, plain.version, plain.path) == (
        "plain-package", "1.0", tmp_path / "w/plain_package-1.0-py3-none-any.whl"
    )  # fmt: skip
    assert plain.file == "plain_package-1.0-py3-none-any.whl"
    file = "native-2.0-cp313-cp313-manylinux_2_28_x86_64.whl"
    assert native == LockedWheel("native", "2.0", frozenset({A}), file, None, "pylock.toml: native")
    assert str(native) == "native 2.0"


def test_without_a_lock_file_there_are_no_wheels(tmp_path: Path) -> None:
    python = Python(source="src")
    assert read_lock(python, tmp_path, TRIXIE) == ()
    check_lock(python, tmp_path)


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_lock_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "pylock.toml").write_bytes(content)
    python = Python(lock="pylock.toml")
    for act in (lambda: check_lock(python, tmp_path), lambda: read_lock(python, tmp_path, TRIXIE)):
        with pytest.raises(SpecError, match=r"cannot read .*/pylock\.toml: "):
            act()


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("pylock.toml", PYLOCK.replace("x86_64", "riscv64"), None),
        ("pylock.toml", "x", "/python/lock: pylock.toml is not TOML: "),
        ("pylock.toml", "", "/python/lock: pylock.toml is not a lock file of PEP 751: "),
        ("pylock.toml", PYLOCK.replace("sys_platform ==", "sys_platform ="), "is not a lock file of PEP 751: "),
        ("requirements.txt", f"a==1 --hash=sha256:{A}\nb ; os_name == 'nt'\n", None),
        ("requirements.txt", "\na\n", "requirements.txt:2:1: a is not locked: it needs a version, a==…, and hashes"),
    ],
)
def test_what_is_wrong_on_every_target_is_found_without_one(
    tmp_path: Path, name: str, text: str, fault: str | None
) -> None:
    (tmp_path / name).write_text(text)
    python = Python(lock=name)
    if fault is None:
        check_lock(python, tmp_path)
        return
    with pytest.raises(SpecError, match=rf"cannot use .*/{name}") as caught:
        check_lock(python, tmp_path)
    assert fault in str(caught.value)
    assert len(caught.value.issues) == 1


def test_extras_and_groups_are_taken_where_they_are_asked_for(tmp_path: Path) -> None:
    names = [wheel.name for wheel in read(tmp_path, PYLOCK, extras=("fast",), groups=("dev",))]
    assert names == ["checker", "native", "plain-package", "quick"]
    assert "Undeclared extras: slow" in faults(tmp_path, PYLOCK, extras=("slow",))


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("manylinux_2_28_x86_64", "musllinux_1_2_x86_64", "no wheel for CPython 3.13 on x86_64 with glibc 2.41"),
        ("manylinux_2_28_x86_64", "manylinux_2_42_x86_64", "native has no wheel for CPython 3.13"),
        ('lock-version = "1.0"', 'lock-version = "2.0"', "is not a lock file of PEP 751"),
        ('lock-version = "1.0"', "lock-version =", "is not TOML"),
        ('lock-version = "1.0"', 'lock-version = "1.0"\nrequires-python = ">=3.14"', "does not satisfy"),
        (f'{{sha256 = "{A}"}}', '{md5 = "x"}', "has no SHA-256"),
    ],
)  # fmt: skip
def test_a_pylock_that_does_not_fit_says_why(tmp_path: Path, before: str, after: str, fault: str) -> None:
    assert before in PYLOCK
    with pytest.raises(SpecError) as caught:
        read(tmp_path, PYLOCK.replace(before, after))
    assert fault in str(caught.value)
    assert {issue.where for issue in caught.value.issues} == {"/python/lock"}
    build = 'build wheels once, `pip wheel --no-deps -w wheels NAME==VERSION`, lock those, and say "wheels": "wheels"'
    assert caught.value.hint == (build if "no wheel" in fault or "has no wheel" in fault else None)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (f'sdist = {{path = "x-1.zip", hashes = {{sha256 = "{A}"}}}}', "source archive, which would have to be built"),
        ('vcs = {type = "git", url = "https://git.example/x", commit-id = "0000"}', "source repository"),
        ('directory = {path = "."}', 'source directory: put your own code under "trees"'),
    ],
)  # fmt: skip
def test_sources_are_not_built(tmp_path: Path, source: str, fault: str) -> None:
    text = f'lock-version = "1.0"\ncreated-by = "a test"\n[[packages]]\nname = "x"\nversion = "1"\n{source}\n'
    said = faults(tmp_path, text)
    assert f"pylock.toml: x has no wheel for CPython 3.13 on x86_64 with glibc 2.41, only a {fault}" in said


@pytest.mark.parametrize(("said", "lacks"), [('version = "1"\n', "SHA-256"), ("", "version")])
def test_a_wheel_needs_a_version_and_a_hash_of_its_own(tmp_path: Path, said: str, lacks: str) -> None:
    hashes = '{md5 = "x"}' if lacks == "SHA-256" else f'{{sha256 = "{A}"}}'
    text = f'lock-version = "1.0"\ncreated-by = "a test"\n[[packages]]\nname = "x"\n{said}'
    text += f'wheels = [{{path = "x-1-py3-none-any.whl", hashes = {hashes}}}]\n'
    assert faults(tmp_path, text).endswith(f"pylock.toml: x has no {lacks}")


REQUIREMENTS = f"""\
# made by a tool
Plain_Package==1.0 \\
    --hash=sha256:{A} \\
    --hash=sha256:{B}
    # via nothing
colours==3 ; sys_platform == 'win32' --hash=sha256:{A}
native[quick]==2.0 ; python_version >= "3.10" \\
    --hash=sha256:{B} --hash=md5:00
other===3#1 --hash=sha256:{A.upper()}  # said
last==4 --hash sha256:{A} \\
"""


def test_requirements_give_each_version_with_all_its_hashes(tmp_path: Path) -> None:
    found = read(tmp_path, REQUIREMENTS, "requirements.txt")
    assert [(wheel.name, wheel.version, wheel.hashes, wheel.where) for wheel in found] == [
        ("last", "4", frozenset({A}), "requirements.txt, line 10"),
        ("native", "2.0", frozenset({B}), "requirements.txt, line 7"),
        ("other", "3#1", frozenset({A}), "requirements.txt, line 9"),
        ("plain-package", "1.0", frozenset({A, B}), "requirements.txt, line 2"),
    ]


def test_every_line_that_locks_nothing_is_reported(tmp_path: Path) -> None:
    text = f"a>=1\nb==1\nc==1.* --hash=sha256:{A}\nd @ https://x.example/d.whl --hash=sha256:{A}\n-r other.txt\n=e\n"
    text += "f==1 --hash=md5:00\n\n-i https://x.example\n"
    assert faults(tmp_path, text, "requirements.txt").splitlines() == [
        "cannot use here/requirements.txt",
        "  here/requirements.txt:1:1: a is not locked: it needs a version, a==…, and hashes",
        "  here/requirements.txt:2:1: b has no --hash=sha256:…; `pip-compile --generate-hashes` writes them",
        "  here/requirements.txt:3:1: c is not locked: it needs a version, c==…, and hashes",
        '  here/requirements.txt:4:1: d comes from an address; put its wheel into a directory and say "wheels"',
        "  here/requirements.txt:5:1: -r is not read here: pip's own configuration says where packages come from",
        "  here/requirements.txt:6:1: is not a requirement: Expected package name at the start of dependency specifier",
        "  here/requirements.txt:7:1: f has no --hash=sha256:…; `pip-compile --generate-hashes` writes them",
        "  here/requirements.txt:9:1: -i is not read here: pip's own configuration says where packages come from",
    ]  # fmt: skip


def test_a_package_is_locked_once(tmp_path: Path) -> None:
    text = f"a==1 --hash=sha256:{A}\nA==2 --hash=sha256:{A}\n"
    assert faults(tmp_path, text, "requirements.txt") == (
        "cannot use here/requirements.txt\n"
        "  /python/lock: a is locked twice: requirements.txt, line 1 and requirements.txt, line 2"
    )
