"""What scripts make of random bytes is not a part of the image: each machine makes its own when it first starts."""

from __future__ import annotations

import re
import subprocess

import pytest

from sysimage_bootstrap.scripts.random_text import RandomText, fill_command, runs
from tests.bootstrap.scripts.written_files import read

TEMPLATE = {"/usr/share/pkg/conf": "before\nkey = @KEY@ # 'quoted' $not \\n\nafter\n"}
WAYS = {
    "head -c18 /dev/urandom | base64": "[A-Za-z0-9]{24}",
    "cat /dev/urandom | tr -dc 'a-zA-Z0-9~!@#$%^&*_()+' | fold -w 32 | head -n 1": "[A-Za-z0-9]{32}",
    "dd if=/dev/urandom bs=1 count=200 2>/dev/null | tr -dc A-Za-z0-9 | cut -c -24": "[A-Za-z0-9]{24}",
    "tr -dc a-z < /dev/urandom | head -c 8": "[A-Za-z0-9]{8}",
    "openssl rand -hex 16": "[0-9a-f]{32}",
    "openssl rand -base64 30": "[A-Za-z0-9]{40}",
    "cat /proc/sys/kernel/random/uuid": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "uuidgen": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "mcookie": "[0-9a-f]{32}",
    "pwgen -s 20 1": "[A-Za-z0-9]{20}",
    "head -c 64 /dev/urandom | sha256sum | cut -d' ' -f1": "[0-9a-f]{64}",
}
"""How Debian's scripts make passwords → what they are at the first start."""


def filled(command: tuple[str, ...]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("way", WAYS)
def test_a_file_with_a_password_is_made_at_the_first_start(way: str) -> None:
    script = (
        f'key="$({way})"\nsed "s|@KEY@|$key|" /usr/share/pkg/conf > /etc/pkg.conf\n'
        "chmod 640 /etc/pkg.conf; chown root:www-data /etc/pkg.conf\n"
    )
    said = read(script, TEMPLATE)
    assert said.unread == ()
    node = said.changes["/etc/pkg.conf"]
    assert node is not None
    assert node.content is None
    (first,) = said.first_starts
    assert first.creates == "/etc/pkg.conf"
    assert {"root:www-data", "640"} <= set(first.command)
    words = first.command[first.command.index("sh") + 2 :]
    made = [filled(("/usr/bin/sh", "-c", f'{_text(first.command)}\ntext "$@"', "sh", *words)) for _ in range(2)]
    assert made[0] != made[1]
    for one in made:
        assert re.fullmatch(rf"before\nkey = {WAYS[way]} # 'quoted' \$not \\n\nafter\n", one)


def _text(command: tuple[str, ...]) -> str:
    """The function ``text`` of a first start's shell."""
    (found,) = (word for word in command if "text() {" in word)
    return found.partition("a1=")[0]


def test_the_command_prints_the_text_for_a_script_with_words_of_its_own() -> None:
    random = RandomText()
    text = f"a{random.letters(3)}b{random.hexadecimal(5)}"
    assert re.fullmatch(
        "<x y>a[A-Za-z0-9]{3}b[0-9a-f]{5}", filled(fill_command(text, 'printf "<%s>" "$a1"; text "$@"', "x y"))
    )


def test_no_character_is_given_twice() -> None:
    random = RandomText()
    text = random.letters(500) + random.uuid() + random.letters(500)
    found = "".join(runs(text))
    assert len(found) == len(set(found)) == 1032


def test_one_password_in_two_files_is_listed() -> None:
    said = read('key="$(mcookie)"; echo "$key" > /etc/a; echo "$key" > /etc/b')
    assert [(one.text, one.why) for one in said.unread] == [("/etc/b", "what is random in several files")]
