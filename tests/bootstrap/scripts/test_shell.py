"""What a shell script comes to, beside what a real shell makes of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage_bootstrap.scripts.shell_parser import parse
from sysimage_bootstrap.scripts.shell_syntax import ShellSyntaxError
from tests.bootstrap.scripts.written_files import files_after, read


def said_by_dash(script: str) -> str:
    done = subprocess.run(["/bin/sh", "-c", script, "sh", "configure", ""], capture_output=True, text=True, check=False)
    return done.stdout


WORDS = st.lists(
    st.sampled_from(["a", "'b c'", '"$x"', "$x", "${y:-d}", "\\$", "*", "e#f", '"\\"q"', "$((2*2))"]), min_size=1
)


@given(words=WORDS, value=st.text("ab c*?'\"\\", max_size=6))
@settings(max_examples=40)
def test_words_are_divided_as_the_shell_divides_them(words: list[str], value: str) -> None:
    quoted = value.replace("'", "'\\''")
    script = f"x='{quoted}'; y=; for w in {' '.join(words)}; do printf '<%s>' \"$w\"; done"
    ours = files_after(f"{{ cd /etc/empty; {script}\n}} > /o", {"/etc/empty/": ""})
    assert ours.get("/o", "") == said_by_dash(f'd=$(mktemp -d); cd "$d"; {script}; rmdir "$d"')


@pytest.mark.parametrize(
    ("text", "line"),
    [("if true; then\n", 2), ("echo 'a\n", 1), ("case x in\n", 2), ("a\n)\n", 2), ("cat <<E\nx\n", 2), ("echo ${", 1)],
)
def test_what_cannot_be_parsed_is_reported_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ShellSyntaxError) as caught:
        parse(text)
    assert caught.value.line == line


@given(st.text("if then; do done case esac in $('\"`)({}|&<>\\\n#ab", max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse(text)
    except ShellSyntaxError:
        return


def test_a_script_without_an_end_is_given_up() -> None:
    (unread,) = read("while true; do x=1; done").unread
    assert "the loop ends" in unread.why


def test_a_function_that_calls_itself_is_given_up() -> None:
    assert "calls itself" in read("f() { f; }\nf\ntouch /etc/after").unread[0].why


def test_every_shell_script_of_this_machines_packages_is_parsed() -> None:
    scripts = [path for path in Path("/var/lib/dpkg/info").glob("*.p*") if path.suffix in (".postinst", ".preinst")]
    texts = [path.read_text(errors="surrogateescape") for path in scripts]
    shells = [text for text in texts if text.startswith(("#!/bin/sh", "#! /bin/sh", "#!/bin/bash"))]
    for text in shells:
        parse(text)
