"""Programs that make keys. A key is secret: each machine makes its own when it starts."""

from __future__ import annotations

from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command
from sysimage_bootstrap.scripts.declarations import FirstStartProgram
from sysimage_bootstrap.scripts.root_files import FileNode

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
        call.files.put(path, FileNode.file(None))  # for scripts that ask whether it is there
    template = "/usr/share/ssl-cert/ssleay.cnf"
    program = ("/usr/bin/sh", "-c", _MAKE_CERTIFICATE, "make-ssl-cert", template, made, key, "ssl-cert")
    call.leave_to_first_start(program, made)
    return 0


@command("openssl")
def openssl(call: Call) -> int:
    """``openssl rand -out FILE`` makes a shared secret, such as Erlang's cookie."""
    words = call.arguments
    match words:
        case ["rand", "-hex", size]:
            call.print(f"{call.state.random.hexadecimal(2 * int(size))}\n")
            return 0
        case ["rand", "-base64", size]:
            call.print(f"{call.state.random.base64(int(size))}\n")
            return 0
    if words[:1] != ["rand"] or "-out" not in words[:-1]:
        raise UnknownError("what openssl does")
    make_secret(call, call.path(words[words.index("-out") + 1]), ("/usr/bin/openssl", *words))
    return 0


@command("nsd-control-setup", "unbound-control-setup")
def control_setup(call: Call) -> int:
    """Keys and certificates by which a server of names is controlled."""
    server = call.name.partition("-")[0]
    program = (f"/usr/sbin/{call.name}",)
    made = f"/etc/{server}/{server}_server.key"
    call.leave_to_first_start(program, made)
    return 0


@command("uuidgen", "mcookie")
def uuidgen(call: Call) -> int:
    random = call.state.random
    call.print(f"{random.uuid() if call.name == 'uuidgen' else random.hexadecimal(32)}\n")
    return 0


@command("pwgen", "makepasswd")
def pwgen(call: Call) -> int:
    """A password, of the length that is asked for."""
    numbers = [word.removeprefix("--chars=") for word in call.arguments]
    sizes = [int(word) for word in numbers if word.isdecimal()]
    if sizes[1:] not in ([], [1]):
        raise UnknownError("how many passwords are made")
    call.print(f"{call.state.random.letters(sizes[0] if sizes else 8)}\n")
    return 0


@command("rndc-confgen")
def rndc_confgen(call: Call) -> int:
    """``rndc-confgen -a`` makes the key with which BIND is controlled."""
    if call.arguments != ["-a"]:
        raise UnknownError("what rndc-confgen does")
    make_secret(call, "/etc/bind/rndc.key", ("/usr/sbin/rndc-confgen", "-a"))
    return 0


@command("mkdhparams", "mkesmtpdcert", "mkimapdcert", "mkpop3dcert")
def courier_secret(call: Call) -> int:
    """Courier's certificates, with their keys, and the parameters of its key exchange."""
    if call.arguments:
        raise UnknownError(f"what {call.name} makes")
    name = "dhparams" if call.name == "mkdhparams" else call.name.removeprefix("mk").removesuffix("cert")
    make_secret(call, f"/etc/courier/{name}.pem", (f"/usr/sbin/{call.name}",))
    return 0


@command("ssh-keygen")
def ssh_keygen(call: Call) -> int:
    options = call.options("fNtbCa")
    options.only(*"qfNtbCal")
    path = options.value("f")
    if options.has("l"):
        call.out.unknown = "which key it is"
    elif path is None or options.value("N") != "":
        raise UnknownError("which key ssh-keygen makes")
    else:
        make_secret(call, call.path(path), ("/usr/bin/ssh-keygen", *call.arguments))
        call.files.put(call.path(f"{path}.pub"), FileNode.file(None))
    return 0


@command("dropbearkey")
def dropbearkey(call: Call) -> int:
    """A host key of Dropbear; the public half of it is printed."""
    options = call.options("tfsC")
    path = options.value("f")
    if path is None or options.has("y"):
        raise UnknownError("which key dropbearkey prints")
    call.out.unknown = "which key it is"
    make_secret(call, call.path(path), ("/usr/bin/dropbearkey", *call.arguments))
    return 0


def make_secret(call: Call, path: str, program: tuple[str, ...]) -> None:
    """Let ``program`` make a secret at the first start. Its owner and mode are what scripts say of it afterwards."""
    real = call.files.real(path)
    call.files.put(real, FileNode.file(None, 0o600))
    call.state.secrets[real] = FirstStartProgram(call.shell.script.package, program, real)
