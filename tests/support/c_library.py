"""Files of /etc as C library and PAM of this machine read them: our own reader might repeat our writer's mistakes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

_C = ctypes.CDLL(None, use_errno=True)
_C.fopen.restype = ctypes.c_void_p
_C.fopen.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
_C.fclose.argtypes = [ctypes.c_void_p]


class _Passwd(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("password", ctypes.c_char_p),
        ("uid", ctypes.c_uint32),
        ("gid", ctypes.c_uint32),
        ("comment", ctypes.c_char_p),
        ("home", ctypes.c_char_p),
        ("shell", ctypes.c_char_p),
    ]


class _Group(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("password", ctypes.c_char_p),
        ("gid", ctypes.c_uint32),
        ("members", ctypes.POINTER(ctypes.c_char_p)),
    ]


class _Shadow(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("password", ctypes.c_char_p)]


_Structure = TypeVar("_Structure", bound=ctypes.Structure)
Row = tuple[Any, ...]


def passwd_rows(file: Path) -> list[Row]:
    """Name, user ID, group ID, comment, home, shell."""
    return _rows(
        "fgetpwent", _Passwd, file, lambda p: (*_texts(p.name), p.uid, p.gid, *_texts(p.comment, p.home, p.shell))
    )


def group_rows(file: Path) -> list[Row]:
    """Name, group ID, members."""
    return _rows("fgetgrent", _Group, file, lambda g: (*_texts(g.name), g.gid, tuple(_texts(*_listed(g.members)))))


def shadow_rows(file: Path) -> list[Row]:
    """Name, hash of the password."""
    return _rows("fgetspent", _Shadow, file, lambda s: tuple(_texts(s.name, s.password)))


def _rows(function: str, structure: type[_Structure], file: Path, row: Callable[[_Structure], Row]) -> list[Row]:
    read = getattr(_C, function)
    read.restype = ctypes.POINTER(structure)
    read.argtypes = [ctypes.c_void_p]
    stream = _C.fopen(bytes(file), b"r")
    try:
        found = []
        while entry := read(stream):
            found.append(row(entry.contents))
        return found
    finally:
        _C.fclose(stream)


def _listed(array: Any) -> Iterator[bytes]:
    index = 0
    while array[index] is not None:
        yield array[index]
        index += 1


def _texts(*values: bytes) -> list[str]:
    return [value.decode() for value in values]


def pam_variables(environment: bytes, folder: Path) -> dict[str, str]:
    """What pam_env makes of the bytes of an /etc/environment. ``folder`` is for the configuration of a service."""
    file, configuration = folder / "environment", folder / "pam_env.conf"
    file.write_bytes(environment)
    configuration.write_bytes(b"")
    session = f"session required pam_env.so conffile={configuration} readenv=1 envfile={file}\n"
    (folder / "probe").write_text(f"{session}auth required pam_permit.so\naccount required pam_permit.so\n")
    pam = ctypes.CDLL("libpam.so.0")
    converse = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 19)  # PAM_CONV_ERR: there is no user to ask
    conversation = (ctypes.c_void_p * 2)(ctypes.cast(converse, ctypes.c_void_p), None)
    handle = ctypes.c_void_p()
    assert pam.pam_start_confdir(b"probe", b"root", conversation, bytes(folder), ctypes.byref(handle)) == 0
    try:
        assert pam.pam_open_session(handle, 0) == 0
        pam.pam_getenvlist.restype = ctypes.POINTER(ctypes.c_char_p)
        variables = [variable.decode().partition("=") for variable in _listed(pam.pam_getenvlist(handle))]
        return {name: value for name, _, value in variables}
    finally:
        pam.pam_end(handle, 0)
