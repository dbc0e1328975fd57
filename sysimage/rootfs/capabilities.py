"""File capabilities (capabilities(7)): what a program may do, whichever user starts it, as files keep it."""

from __future__ import annotations

import re
import struct

from sysimage.spec.value_types import CAPABILITIES_PATTERN

NAMES = (
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
)  # fmt: skip
"""In the order of their numbers (linux/capability.h), without ``cap_``."""
_REVISION_2, _EFFECTIVE = 0x02000000, 1


def file_capabilities(text: str) -> bytes:
    """The value of ``security.capability`` for a text such as ``cap_net_raw+ep``. A ValueError for any other text."""
    if not re.fullmatch(CAPABILITIES_PATTERN, text):
        raise ValueError(f"not capabilities: {text!r}")
    names, flags = re.split("[+=]", text)
    bits = 0
    for name in names.split(","):
        if name[4:] not in NAMES:
            raise ValueError(f"there is no capability {name!r}")
        bits |= 1 << NAMES.index(name[4:])
    permitted, inheritable = (bits if flag in flags else 0 for flag in "pi")
    if "e" in flags and not permitted | inheritable:
        raise ValueError(f"capabilities in effect must be permitted, too: {text!r}")
    low, high = (1 << 32) - 1, 32
    return struct.pack(
        "<5I",
        _REVISION_2 | (_EFFECTIVE if "e" in flags else 0),
        permitted & low, inheritable & low, permitted >> high, inheritable >> high,
    )  # fmt: skip
