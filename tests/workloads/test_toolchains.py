"""Compilers and language runtimes find what other packages brought, with no variable set: /usr is as in Debian."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.examples import build_spec
from tests.support.namespaces import Booted, boot, unpack

HERE = Path(__file__).parent
C = r"""#include <stdio.h>
#include <openssl/crypto.h>
int main(void) { puts(OpenSSL_version(0)); return 0; }"""
CXX = r"""#include <iostream>
#include <vector>
int main() { std::vector<int> v{1, 2, 3}; std::cout << v.size() * 14 << std::endl; }"""
FORTRAN = "program p\nprint *, 6 * 7\nend program"
GO = 'package main\nimport "fmt"\nfunc main() { fmt.Println(6 * 7) }'
RUST = 'fn main() { println!("{}", 6 * 7); }'
CMAKE = """cmake_minimum_required(VERSION 3.20)
project(p C)
find_package(OpenSSL REQUIRED)
add_executable(p p.c)
target_link_libraries(p OpenSSL::Crypto)"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    image = tmp_path_factory.mktemp("toolchains") / "toolchains.tar"
    build_spec(HERE / "toolchains/system.json", image, "--compression", "none", "--allow-expired")
    with unpack(image) as files:
        image.unlink()
        with boot(files) as booted:
            yield booted


@pytest.mark.parametrize(
    ("sources", "script", "answer"),
    [
        ({"p.c": C}, "cc p.c -o p $(pkg-config --cflags --libs libcrypto) && ./p", "OpenSSL 3"),
        ({"p.c": "int main(void) { return 0; }"}, "gcc -static p.c -o p && ./p && echo static", "static"),
        ({"p.cc": CXX}, "c++ -O2 p.cc -o p && ./p", "42"),
        ({"p.f90": FORTRAN}, "gfortran p.f90 -o p && ./p", "42"),
        ({"p.c": C, "CMakeLists.txt": CMAKE}, "cmake -S . -B b > log && make -C b > log && b/p", "OpenSSL 3"),
        ({"p.go": GO}, "HOME=$PWD go run p.go", "42"),
        ({"p.rs": RUST}, "rustc p.rs -o p && ./p", "42"),
        ({}, "npm --version", "."),
        ({}, 'node -e \'console.log(require("semver").inc("1.2.3", "minor"))\'', "1.3.0"),
        (
            {},
            "python3 -c 'import numpy, sys; print(numpy.__file__, sys.prefix)'",
            "/usr/lib/python3/dist-packages/numpy",
        ),
        ({}, "for p in cc c++ go node python3; do readlink -f /usr/bin/$p; done | grep -v ^/usr/ || echo all", "all"),
    ],
    ids=["cc", "static", "c++", "gfortran", "cmake", "go", "rustc", "npm", "require", "numpy", "real paths"],
)
def test_it_works_as_in_debian(sources: dict[str, str], script: str, answer: str, system: Booted) -> None:
    words = [word for name, text in sources.items() for word in (name, text)]
    place = 'cd "$(mktemp -d)" && while [ $# -gt 0 ]; do printf "%s\\n" "$2" > "$1"; shift 2; done'
    done = system.run(["sh", "-c", f"{place} && {{ {script}; }}", "sh", *words], timeout=600)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert answer in done.stdout
