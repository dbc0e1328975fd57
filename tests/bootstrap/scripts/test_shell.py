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

SCRIPTS = [
    'x=a; x="$x b"; echo $x "$x"',
    'for i in 1 2 3; do [ $i = 2 ] && continue; echo "$i"; done',
    'case "$1" in configure|upgrade) echo yes;; *) echo no;; esac',
    'if [ -n "$2" ]; then echo old; elif [ "$#" = 2 ]; then echo "new $#"; else echo none; fi',
    "f() { local v=in; echo $1 $v; return 3; }; v=out; f a || echo $? $v",
    'echo "${UNSET:-default}" ${x:+set} ${y-none}; y=abc.tar.gz; echo ${y%.*} ${y%%.*} ${y#*.} ${y##*.} ${#y}',
    'p="/a b/c*d.gz"; echo "${p##*/}" "${p%/*}" "<${p#*" "}>" "${p%%.*}" "${p#"/a b/c*"}" "${p#/?}" "${p%\'*d.gz\'}"',
    "printf '%s-%s\\n' a b c; printf '%03d|%5s|%%\\n' 7 x",
    "cat <<EOF\n$((1 + 2 * 3)) \\$x `echo sub`\nEOF\ncat <<'EOF'\n$x\nEOF\ncat <<-EOF\n\tindented\n\tEOF\n",
    "echo a b c | while read x y; do echo $y-$x; done",
    "printf 'b\\na\\nb\\n' | sort -u | tr a-z A-Z | head -n1",
    "printf 'one=1\\ntwo=2\\n' | sed -n 's/^t.*=\\(.*\\)$/\\1/p'",
    "echo a.b.c | cut -d. -f2,3; echo /a/b/c.d | sed 's,.*/,,'",
    'set -- a \'b c\' d; shift; for x; do echo "<$x>"; done; echo $# "$@"',
    "i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i; until [ $i = 0 ]; do i=$((i-1)); done; echo $i",
    "(cd /; x=sub; echo $x); echo [${x:-}]; { echo a; echo b; } | wc -l | tr -d ' '",
    "echo $(basename /a/b.conf .conf) $(dirname /a/b/c) `expr 3 + 4` $(expr abc : '\\(.\\)')",
    "false || a=$?; echo $a; ! true; echo $?; true && false || echo both",
    "grep -c a <<EOF\na\nb\na\nEOF\necho abc | grep -q ^ab && echo found; echo 'a b' | awk '{print $2}'",
    "while getopts ab:c o -b val -a rest; do echo $o ${OPTARG:-}; done; echo $OPTIND",
    "[ \\( a = a -o b = c \\) -a ! x = y ] && echo grouped; test -z '' && [ 2 -gt 1 ] && echo more",
    "printf 'a 1\\nb 2\\nb 3\\n' | sed -ne 's/^b *\\(.\\)$/<\\1>/p\nt end\nd\n:end\nq'",
    "x='a  b'; IFS=:; y=1:2::3; for i in $y; do echo \"[$i]\"; done",
    "echo a#b 'single $x' \"double 'q'\" \\$esc # comment",
    "x=$(case a in a) echo in;; esac); echo $x; eval 'z=1; echo $z'",
    "alias strip=\"sed -e 's/^ *//'\"\nprintf '  a\\n' | strip | tr a b; echo ~ ~/x ~nobody-is-this '~'",
    "printf 'a\\t= html\\n' | sed -E 's/[ \\t]+/ /g; s/m\\tl/x/'; printf 'a\\tb\\natb\\n' | grep 'a[\\t]b'",
    "printf abcdefg | head -c 4; printf 'abcdefg\\n\\nhi\\n' | fold -w 3; printf abcdefg | dd bs=2 count=2 2>/dev/null",
    "printf 'any carnal pleas' | base64; seq 30 | base64; echo x | base64 -w0; printf ab | fold -w1",
    "printf 'x\\nx\\ny\\n' | uniq -c; printf 'k: v\\n' | sed -e '/^k/!d' -e 's/.*: //' -e 's/v/&&/'",
]
"""Each prints something, and depends on nothing but POSIX."""


def said_by_dash(script: str) -> str:
    done = subprocess.run(["/bin/sh", "-c", script, "sh", "configure", ""], capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_prints_what_the_real_shell_prints(script: str) -> None:
    assert files_after(f"{{ {script}\n}} > /etc/out").get("/etc/out") == said_by_dash(script)


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
