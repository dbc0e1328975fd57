"""``update-xmlcatalog``: which file of the image has what a document names by a public or a system identifier."""

from __future__ import annotations

from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command
from sysimage_bootstrap.scripts.root_files import FileNode

_WITH_VALUE = frozenset({"file", "id", "local", "package", "type"})
_DATA, _CATALOGS, _SHARED = "/var/lib/xml-core", "/etc/xml", "/usr/share/xml-core"


@command("update-xmlcatalog")
def update_xmlcatalog(call: Call) -> int:
    options = call.options("", _WITH_VALUE)
    options.only("add", "root", "sort", "verbose", *_WITH_VALUE)
    kind, name, package, local = (options.value(one) for one in ("type", "id", "package", "local"))
    if not (options.has("add", "sort") and kind and name and package) or options.has("file"):
        raise UnknownError("which catalog of XML is changed")
    title = kind.upper() if kind == "uri" else kind.capitalize()
    key = f'delegate{title} {kind}{"" if kind == "uri" else "Id"}StartString="{name}"'
    if options.has("root"):
        data, catalog, leads_to = f"{_DATA}/catalog", f"{_CATALOGS}/catalog", f"{_CATALOGS}/{package}.xml"
    else:
        data, catalog, leads_to = f"{_DATA}/{package}", f"{_CATALOGS}/{package}.xml", local or ""
    if call.files.node(leads_to) is None:
        return 1
    entries = dict(_entry(line) for line in (call.files.read(data) or b"").decode().splitlines())
    entry = f'catalog="file://{leads_to}"'
    if entries.setdefault(key, entry) != entry:
        return 1
    _write(call, data, "".join(f"<{one}><{entries[one]}>\n" for one in sorted(entries)))
    old = call.files.node(catalog)
    if old is not None:
        call.files.put(f"{catalog}.old", old)
    lines = "".join(f"<{one} {entries[one]}/>\n" for one in sorted(entries))
    _write(call, catalog, f"{_shared(call, 'catalog.header')}{lines}{_shared(call, 'catalog.footer')}")
    return 0


def _entry(line: str) -> tuple[str, str]:
    key, entry = line.split(">")[:2]
    return key.removeprefix("<"), entry.removeprefix("<")


def _shared(call: Call, name: str) -> str:
    content = call.files.read(f"{_SHARED}/{name}")
    if content is None:
        raise UnknownError(f"what {_SHARED}/{name} holds")
    return content.decode()


def _write(call: Call, path: str, text: str) -> None:
    call.files.put(path, FileNode.file(text.encode(), 0o666 & ~call.shell.umask))
