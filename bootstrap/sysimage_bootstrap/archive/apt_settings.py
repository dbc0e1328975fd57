"""The proxies and certificates that apt uses on this machine, so that users need not configure them twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sysimage.errors import SysimageError
from sysimage.process import find, run
from sysimage.proxies import Proxies
from sysimage_bootstrap.archive.transport import TransportOptions

_SETTING = re.compile(r'(\S+) "(.*)";')


def apt_transport(environment: Mapping[str, str], options: TransportOptions | None = None) -> TransportOptions:
    """Fill what ``options`` leave open from apt's configuration, and then from ``environment``.

    ``environment`` are the process's variables, of which ``http_proxy``, ``https_proxy`` and ``no_proxy`` count.
    Without apt on the machine there is nothing to read, which is not a fault.
    """
    try:
        dump = run([find("apt-config", package="apt"), "dump"]).stdout.decode("utf-8", "replace")
    except SysimageError:
        dump = ""
    return merge_settings(options or TransportOptions(), parse_settings(dump), environment)


def parse_settings(dump: str) -> dict[str, str]:
    """The output of ``apt-config dump`` as lower-case name → value."""
    matches = (_SETTING.fullmatch(line.strip()) for line in dump.splitlines())
    return {match[1].lower(): match[2] for match in matches if match and match[2]}


def merge_settings(
    options: TransportOptions, settings: Mapping[str, str], environment: Mapping[str, str]
) -> TransportOptions:
    """Combine the three; ``options`` take precedence over apt's ``settings``, and those over ``environment``."""
    around = Proxies.of(environment)
    proxies = dict(around.by_scheme)
    for scheme in ("http", "https"):
        prefix = f"acquire::{scheme}::proxy"
        for name, value in settings.items():
            if name == prefix:
                proxies[scheme] = value
            elif name.startswith(prefix + "::"):
                proxies[f"{scheme}://{name[len(prefix) + 2 :]}"] = value
    ca_file = settings.get("acquire::https::cainfo")
    return TransportOptions(
        proxies={**proxies, **options.proxies},
        no_proxy=(*options.no_proxy, *around.direct),
        ca_file=options.ca_file or (Path(ca_file) if ca_file else None),
        offline=options.offline,
        connections=options.connections,
        attempts=options.attempts,
        timeout=options.timeout,
        backoff=options.backoff,
    )
