"""Commands of a RUN that make files, directories and links, or say whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conversion.taken_over import taken_over


@pytest.mark.parametrize(
    ("command", "spec", "notes"),
    [
        ("mkdir -p -m 700 /a /b/", {"directories": {"/a": {"mode": "0700"}, "/b": {"mode": "0700"}}}, []),
        ("mkdir --mode=2755 /a", {"directories": {"/a": {"mode": "2755"}}}, []),
        ("mkdir --mode 0755 /a", {"directories": {"/a": {"mode": "0755"}}}, []),
        ("mkdir a", {}, ["RUN mkdir a *"]),
        ("mkdir /a b", {}, ["RUN mkdir /a b *"]),
        ("mkdir -m u+x /a", {}, ["RUN mkdir -m u+x /a *"]),
        (
            "mkdir /a && chown ann /a && chown root:root /a/",
            {"users": {"ann": {"system": True}}, "directories": {"/a": {"owner": "root", "group": "root"}}},
            [],
        ),
        (
            "mkdir /a /b && chown -R ann: /a /b",
            {
                "users": {"ann": {"system": True}},
                "directories": {"/a": {"owner": "ann", "group": "ann"}, "/b": {"owner": "ann", "group": "ann"}},
            },
            [],
        ),
        ("mkdir /a && chown 1000 /a", {"directories": {"/a": {}}}, ["RUN chown 1000 /a *"]),
        ("mkdir /a && chown ann:100 /a", {"directories": {"/a": {}}}, ["RUN chown ann:100 /a *"]),
        ("mkdir /a && chown ann /a /other", {"directories": {"/a": {}}}, ["RUN chown ann /a /other *"]),
        ("mkdir /a && chown ann", {"directories": {"/a": {}}}, ["RUN chown ann *"]),
        ("mkdir /a && chown", {"directories": {"/a": {}}}, ["RUN chown *"]),
        ("mkdir /a && chmod -R 750 /a", {"directories": {"/a": {"mode": "0750"}}}, []),
        ("mkdir /a && chmod a+x /a", {"directories": {"/a": {"mode": "0755"}}}, []),
        ("mkdir /a && chmod g+x /a", {"directories": {"/a": {}}}, ["RUN chmod g+x /a *"]),
        ("mkdir /a && chmod 700", {"directories": {"/a": {}}}, ["RUN chmod 700 *"]),
        ("mkdir /a && chmod 700 /a /other", {"directories": {"/a": {}}}, ["RUN chmod 700 /a /other *"]),
        ("echo x > /a && chmod -v +x /a", {"files": {"/a": {"text": "x\n", "mode": "0755"}}}, []),
        ("ln --symbolic /a /b", {"symlinks": {"/b": "/a"}}, []),
        ("ln /a /b", {}, ["RUN ln /a /b *"]),
        ("ln -s /a", {}, ["RUN ln -s /a *"]),
        ("ln -s /a b", {}, ["RUN ln -s /a b *"]),
        ("ln -s /a /b/", {}, ["RUN ln -s /a /b/ *"]),
        ("ln -s /a /b /c", {}, ["RUN ln -s /a /b /c *"]),
        (
            "ln -sf /dev/stdout /var/log/x.log && ln -sf /dev/stderr /var/log/y.log",
            {},
            [
                "link /var/log/x.log to /dev/stdout: see `sysimage explain services.log`",
                "link /var/log/y.log to /dev/stderr: see `sysimage explain services.log`",
            ],
        ),
        ("ln -sf /usr/share/zoneinfo/UTC /etc/other", {"symlinks": {"/etc/other": "/usr/share/zoneinfo/UTC"}}, []),
        (
            "systemctl enable a.service b.timer && systemctl daemon-reload",
            {"enable": ["a", "b.timer"]},
            ["RUN systemctl daemon-reload *"],
        ),
        ("systemctl", {}, ["RUN systemctl *"]),
        (
            "a2enmod ssl.load && a2enconf x && a2ensite",
            {
                "symlinks": {
                    "/etc/apache2/mods-enabled/ssl.load": "../mods-available/ssl.load",
                    "/etc/apache2/conf-enabled/x.conf": "../conf-available/x.conf",
                }
            },
            ["a2enmod ssl.load: if the module has a ssl.conf, that needs a link, too", "RUN a2ensite *"],
        ),
        ("locale-gen de_DE.UTF-8 && locale-gen fr_FR.UTF-8", {"locale": "de_DE.UTF-8"}, []),
        ("update-locale LANG=C", {}, []),
        ("sed -i s/a/b/ /etc/x", {}, ["RUN sed -i s/a/b/ /etc/x *"]),
        ("sed -i 's/# de_DE.UTF-8/x/' /etc/other", {}, ["RUN sed -i s/# de_DE.UTF-8/x/ /etc/other *"]),
        ("sed -i s/a/b/ /etc/locale.gen", {}, ["RUN sed -i s/a/b/ /etc/locale.gen *"]),
        ("localedef", {}, ["RUN localedef *"]),
        ("localedef -i de_DE -f UTF-8 de_DE.UTF-8", {"locale": "de_DE.UTF-8"}, []),
    ],
)
def test_files_are_declared_as_their_commands_would_make_them(
    tmp_path: Path, command: str, spec: dict[str, Any], notes: list[str]
) -> None:
    assert taken_over(tmp_path, command) == (spec, notes)


@pytest.mark.parametrize(
    ("command", "spec", "notes"),
    [
        (
            "echo -n a  b >/a && echo -e c >> /a && echo -E d>/d",
            {"files": {"/a": {"text": "a bc\n"}, "/d": {"text": "d\n"}}},
            [],
        ),
        ("echo a>/a && echo b>>/a && echo -n c>>/a", {"files": {"/a": {"text": "a\nb\nc"}}}, []),
        (
            "printf 'a\\nb\\tc' > /a && printf '%s\\n' d > /d && printf '%s' e > /e",
            {"files": {"/a": {"text": "a\nb\tc"}, "/d": {"text": "d\n"}, "/e": {"text": "e"}}},
            [],
        ),
        ("printf '%d' 7 > /a", {}, ["RUN printf %d 7 > /a *"]),
        ("printf '%s%s' a b > /a", {}, ["RUN printf %s%s a b > /a *"]),
        ("printf 'a%' > /a", {}, ["RUN printf a% > /a *"]),
        ("printf > /a", {}, ["RUN printf > /a *"]),
        ("echo a > /a > /b", {}, ["RUN echo a > /a > /b *"]),
        ("echo a > /a b", {}, ["RUN echo a > /a b *"]),
        ("echo a >/a b", {}, ["RUN echo a >/a b *"]),
        ("echo a > b", {}, ["RUN echo a > b *"]),
        ("echo a >", {}, ["RUN echo a > *"]),
        ("echo a > /dev/tty", {}, ["RUN echo a > /dev/tty *"]),
        ("echo a >> /a", {}, ["RUN echo a >> /a *"]),
        ("cat x > /a", {}, ["RUN cat x > /a *"]),
        ("echo box > /etc/hostname && echo more >> /etc/hostname", {"host-name": "more"}, []),
        ("echo a > /a && chmod 600 /a && echo b > /a", {"files": {"/a": {"text": "b\n", "mode": "0600"}}}, []),
        ("echo $HOME > /a", {}, ["RUN echo $HOME > /a *"]),
        ("echo `date` > /a", {}, ["RUN echo `date` > /a *"]),
        ('echo "==> a > b" && echo a 2>/dev/null', {}, []),
    ],
)
def test_what_is_printed_into_a_file_is_its_text(
    tmp_path: Path, command: str, spec: dict[str, Any], notes: list[str]
) -> None:
    assert taken_over(tmp_path, command) == (spec, notes)
