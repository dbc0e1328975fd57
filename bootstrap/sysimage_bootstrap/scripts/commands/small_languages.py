"""Commands with a language of their own, as far as scripts use it: expr, awk, xargs; and digests."""

from __future__ import annotations

import hashlib
import re

from sysimage_bootstrap.scripts.commands.text import each_line, inputs
from sysimage_bootstrap.scripts.declarations import FirstStart
from sysimage_bootstrap.scripts.expansion import arithmetic
from sysimage_bootstrap.scripts.root_files import Node
from sysimage_bootstrap.scripts.running import Call, UnknownError, command
from sysimage_bootstrap.scripts.shell_patterns import expression


@command("seq")
def seq(call: Call) -> int:
    numbers = [int(word) for word in call.arguments]
    first, step, last = {1: (1, 1, numbers[0]), 2: (numbers[0], 1, numbers[-1])}.get(len(numbers), tuple(numbers))
    call.print("".join(f"{number}\n" for number in range(first, last + 1, step)))
    return 0


@command("expr")
def expr(call: Call) -> int:
    match call.arguments:
        case [text, ":", pattern] | ["match", text, pattern]:
            found = re.match(expression(pattern, extended=False), text)
            has_group = r"\(" in pattern
            call.print(f"{(found[1] if found else '') if has_group else (found.end() if found else 0)}\n")
            return int(not (found and (found[1] if has_group else found.end())))
        case [left, ("=" | "!=" | "<" | ">" | "<=" | ">=") as sign, right] if left.isdecimal() and right.isdecimal():
            one, other = int(left), int(right)
            holds = {
                "=": one == other,
                "!=": one != other,
                "<": one < other,
                ">": one > other,
                "<=": one <= other,
                ">=": one >= other,
            }[sign]
            call.print(f"{int(holds)}\n")
            return int(not holds)
        case [left, ("=" | "!=") as sign, right]:
            holds = (left == right) == (sign == "=")
            call.print(f"{int(holds)}\n")
            return int(not holds)
        case [left, ("+" | "-" | "*" | "/" | "%") as sign, right]:
            value = arithmetic(call.shell, f"{left} {sign} {right}")
            call.print(f"{value}\n")
            return int(value == 0)
    raise UnknownError("what expr prints")


@command("md5sum", "sha1sum", "sha256sum", "sha512sum")
def digests(call: Call) -> int:
    options = call.options()
    options.only("b", "t")
    try:
        for name, text in inputs(call, options.operands):
            made = hashlib.new(
                call.name.removesuffix("sum"), text.encode(errors="surrogateescape"), usedforsecurity=False
            )
            call.print(f"{made.hexdigest()}  {name or '-'}\n")
    except FileNotFoundError:
        return 1
    return 0


_PRINTS_FIELD = re.compile(r"\s*(?:/((?:[^/\\]|\\.)*)/)?\s*\{\s*print\s+\$(\d+|NF)\s*;?\s*\}\s*")


@command("awk", "mawk", "gawk")
def awk(call: Call) -> int:
    options = call.options("Fv")
    options.only("F")
    match = _PRINTS_FIELD.fullmatch(options.operands[0]) if options.operands else None
    if match is None:
        raise UnknownError("what awk prints")
    separator = options.value("F")

    def change(line: str) -> str | None:
        if match[1] and not re.search(expression(match[1], extended=True), line):
            return None
        pieces = (
            line.split()
            if separator is None or separator == " "
            else re.split(separator if len(separator) > 1 else re.escape(separator), line)
        )
        number = len(pieces) if match[2] == "NF" else int(match[2])
        return line if number == 0 else pieces[number - 1] if number <= len(pieces) else ""

    return each_line(call, options.operands[1:], change)


@command("xargs", "env", "nice")
def runs_another(call: Call) -> int | None:
    words = list(call.arguments)
    if call.name == "xargs":
        options = {"-r", "--no-run-if-empty", "-0", "--null", "-n1"}
        flags = []
        while words and words[0].startswith("-"):
            flags.append(words.pop(0))
        if not set(flags) <= options:
            raise UnknownError("how xargs passes arguments on")
        text = call.stdin.text()
        more = text.split("\0") if {"-0", "--null"} & set(flags) else text.split()
        more = [word for word in more if word]
        if not more and {"-r", "--no-run-if-empty"} & set(flags):
            return 0
        return call.shell.call(0, [*(words or ["echo"]), *more], call.stdin, call.out)
    assignments = []
    while words and re.match(r"[A-Za-z_]\w*=|-", words[0]):
        assignments.append(words.pop(0))
    if call.name == "env" and any(word.startswith("-") for word in assignments):
        raise UnknownError("what env changes")
    return call.shell.call(0, words, call.stdin, call.out) if words else 0


_MAKE_CERTIFICATE = r"""
set -e
umask 077
name=$(uname -n)
settings=$(mktemp)
trap 'rm -f "$settings"' EXIT
common=$(echo "$name" | cut -c -64)
sed -e "s#@HostName@#$common#" -e "s#@SubjectAltName@#DNS:$name#" "$1" > "$settings"
openssl req -config "$settings" -new -x509 -days 3650 -nodes -sha256 -out "$2.new" -keyout "$3" 2> "$settings.log" || {
    cat "$settings.log" >&2
    exit 1
}
rm "$settings.log"
chgrp "$4" "$3"
chmod 640 "$3"
chmod 644 "$2.new"
ln -sf "${2##*/}" "${2%/*}/$(openssl x509 -hash -noout -in "$2.new").0"
mv "$2.new" "$2"
"""
"""What ``make-ssl-cert generate-default-snakeoil`` does, of: a template of openssl's settings, the certificate, its
key, and the group that may read the key. The program itself cannot: it runs below debconf, and an image has none."""


@command("make-ssl-cert")
def make_ssl_cert(call: Call) -> int:
    """A key is secret: each machine makes its own when it starts."""
    if call.options("t").operands[:1] != ["generate-default-snakeoil"]:
        raise UnknownError("which certificate is made")
    made, key = "/etc/ssl/certs/ssl-cert-snakeoil.pem", "/etc/ssl/private/ssl-cert-snakeoil.key"
    for path in (made, key):
        call.files.make_directories(path.rpartition("/")[0])
        call.files.put(path, Node.file(None))  # for scripts that ask whether it is there
    template = "/usr/share/ssl-cert/ssleay.cnf"
    program = ("/usr/bin/sh", "-c", _MAKE_CERTIFICATE, "make-ssl-cert", template, made, key, "ssl-cert")
    call.state.first_starts.append(FirstStart(call.shell.script.package, program, made))
    return 0


@command("squid")
def squid(call: Call) -> int:
    """``squid -k parse`` prints each line of the configuration that it obeys."""
    if call.arguments != ["-k", "parse"]:
        raise UnknownError("what squid does")
    content = call.files.read("/etc/squid/squid.conf")
    if content is None:
        raise UnknownError("what squid obeys")
    for line in content.decode(errors="surrogateescape").splitlines():
        if line.strip() and not line.startswith("#"):
            call.print(f"| Processing: {line.strip()}\n")
    return 0


@command("perl")
def perl(call: Call) -> int:
    if call.arguments == ["-e", ""]:
        return 0  # is there a perl?
    raise UnknownError("what a program in Perl does")


@command("python", "pypy")
def python(call: Call) -> int:
    if any(word.endswith("py_compile.py") or word in ("py_compile", "compileall") for word in call.arguments):
        return 0  # items hold bytecode already
    raise UnknownError("what a program in Python does")
