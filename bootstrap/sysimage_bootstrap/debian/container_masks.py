"""Units of Debian's systemd that are for a machine: in a container they fail, or change the machine around it."""

from __future__ import annotations

from collections.abc import Mapping

_MOUNTS = "file systems are the engine's to mount"
_KERNEL = "the kernel, its settings and its devices are the machine's: a privileged container would change them"
_CONSOLE = "a container has no console to log in at"
_FIRST_BOOT = "an image is complete when it is built"
CONTAINER_MASKS: Mapping[str, str] = {
    **dict.fromkeys(
        ("dev-hugepages.mount", "dev-mqueue.mount", "proc-sys-fs-binfmt_misc.automount", "run-lock.mount"), _MOUNTS
    ),
    **dict.fromkeys(("sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount"), _MOUNTS),
    **dict.fromkeys(("sys-kernel-tracing.mount", "tmp.mount", "systemd-remount-fs.service"), _MOUNTS),
    **dict.fromkeys(("kmod-static-nodes.service", "systemd-binfmt.service", "systemd-modules-load.service"), _KERNEL),
    **dict.fromkeys(("systemd-random-seed.service", "systemd-sysctl.service"), _KERNEL),
    **dict.fromkeys(("systemd-udev-trigger.service", "systemd-udevd.service"), _KERNEL),
    **dict.fromkeys(("systemd-udevd-control.socket", "systemd-udevd-kernel.socket"), _KERNEL),
    **dict.fromkeys(("systemd-tmpfiles-setup-dev-early.service", "systemd-tmpfiles-setup-dev.service"), _KERNEL),
    **dict.fromkeys(("console-getty.service", "getty.target", "systemd-ask-password-console.path"), _CONSOLE),
    **dict.fromkeys(("systemd-ask-password-wall.path", "systemd-vconsole-setup.service"), _CONSOLE),
    **dict.fromkeys(("ldconfig.service", "systemd-firstboot.service", "systemd-hwdb-update.service"), _FIRST_BOOT),
    **dict.fromkeys(
        ("systemd-journal-catalog-update.service", "systemd-sysusers.service", "systemd-update-done.service"),
        _FIRST_BOOT,
    ),
}
"""Unit → why it is masked. A unit that the spec enables or changes is not."""
