"""Commands that change nothing which an image keeps, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping

HARMLESS = frozenset(
    {
        ":", "[", "[[", "a2query", "aa-enabled", "aa-status", "awk", "base64", "basename", "break", "cat", "cd", "cmp",
        "command", "continue", "cut", "date", "db_beginblock", "db_capb", "db_clear", "db_endblock", "db_exist",
        "db_fget", "db_get", "db_go", "db_info", "db_input", "db_metaget", "db_purge", "db_register", "db_settitle",
        "db_stop", "db_subst", "db_text", "db_title", "db_unregister", "db_version", "df", "diff", "dirname", "dpkg",
        "dpkg-query", "echo", "egrep", "export", "expr", "false", "fgrep", "filerc", "fold", "free", "fuser",
        "getent", "grep", "groups", "hash", "head", "hostname", "id", "ischroot", "kpsewhich", "local", "logger",
        "ls", "lsof", "mawk", "md5sum", "mktemp", "mountpoint", "netstat", "od", "paperconf", "pgrep", "phpquery",
        "pidof", "printf", "ps", "pwd", "py3versions", "pyversions", "read", "readlink", "readonly", "realpath",
        "return", "runlevel", "seq", "set", "sha256sum", "sha512sum", "shift", "sleep", "sort", "ss", "stat", "stty",
        "sync", "systemd-detect-virt", "systemd-escape", "tail", "test", "tr", "trap", "true", "tty", "type", "ucfq",
        "umask", "uname", "uniq", "unset", "wc", "which", "who", "zgrep",
    }
)  # fmt: skip
"""They print something, wait, or ask. What they print into a file counts nevertheless."""

_SERVICES = "nothing is started or stopped while an image is made; services are the spec's"
_CACHES = "a cache or an index over many packages' files: a function over the merged tree makes it, or nothing reads it"
_KERNEL = "speaks to the kernel, the bus or the hardware of a running machine"
_MACHINE = "the ID of a machine is made when it starts"
_CHECKS = "looks whether a configuration is right; Debian's is, and the spec's is the user's"
_FIRST = "the system makes it when it first starts"
_BYTECODE = "items hold bytecode already"
_ELSEWHERE = "the image has what it would make"
IGNORED: Mapping[str, str] = {
    "invoke-rc.d": _SERVICES,
    "deb-systemd-invoke": _SERVICES,
    "systemctl": _SERVICES,
    "start-stop-daemon": _SERVICES,
    "update-rc.d": _SERVICES,
    "service": _SERVICES,
    "initctl": _SERVICES,
    "runit-helper": _SERVICES,
    "minsysusers": _ELSEWHERE,
    "mungekey": _FIRST,
    "kill": _SERVICES,
    "killall": _SERVICES,
    "pkill": _SERVICES,
    "trigger_sv": _SERVICES,
    "py3compile": _BYTECODE,
    "py3clean": _BYTECODE,
    "pypy3compile": _BYTECODE,
    "pypy3clean": _BYTECODE,
    "pycompile": _BYTECODE,
    "ldconfig": _CACHES,
    "update-mime-database": _CACHES,
    "update-desktop-database": _CACHES,
    "update-icon-caches": _CACHES,
    "gtk-update-icon-cache": _CACHES,
    "glib-compile-schemas": _CACHES,
    "gio-querymodules": _CACHES,
    "gdk-pixbuf-query-loaders": _CACHES,
    "gtk-query-immodules-*": _CACHES,
    "fc-cache": _CACHES,
    "update-fonts-*": _CACHES,
    "mktexlsr": _CACHES,
    "texhash": _CACHES,
    "fmtutil-sys": _CACHES,
    "updmap-sys": _CACHES,
    "update-texmf*": _CACHES,
    "update-updmap": _CACHES,
    "update-fmtutil": _CACHES,
    "update-language": _CACHES,
    "mtxrun": _CACHES,
    "update-info-dir": _CACHES,
    "update-menus": _CACHES,
    "mandb": _CACHES,
    "helpztags": _CACHES,
    "systemd-hwdb": _CACHES,
    "update-ca-certificates": _ELSEWHERE,
    "jks-keystore": _CACHES,
    "systemd-sysusers": _ELSEWHERE,
    "pam-auth-update": _ELSEWHERE,
    "update-passwd": _ELSEWHERE,
    "shadowconfig": _ELSEWHERE,
    "update-locale": _ELSEWHERE,
    "locale-gen": _ELSEWHERE,
    "update-shells": _ELSEWHERE,
    "add-shell": _ELSEWHERE,
    "remove-shell": _ELSEWHERE,
    "mariadb-install-db": "a database is made where its data are kept, before the server starts for the first time",
    "dbus-uuidgen": _MACHINE,
    "systemd-machine-id-setup": _MACHINE,
    "journalctl": _CACHES,
    "dbus-send": _KERNEL,
    "busctl": _KERNEL,
    "udevadm": _KERNEL,
    "modprobe": _KERNEL,
    "sysctl": _KERNEL,
    "systemd-sysctl": _KERNEL,
    "update-initramfs": _KERNEL,
    "update-grub": _KERNEL,
    "apparmor_parser": _KERNEL,
    "aa-remove-unknown": _KERNEL,
    "restorecon": _KERNEL,
    "route": _KERNEL,
    "nscd": _KERNEL,
    "notify-reboot-required": _KERNEL,
    "update-binfmts": _KERNEL,
    "emacs-install": "bytecode of Emacs, which reads the sources too",
    "emacs-package-install": "bytecode of Emacs, which reads the sources too",
    "emacs-remove": "bytecode of Emacs, which reads the sources too",
    "install-docs": _CACHES,
    "named-checkconf": _CHECKS,
    "named-checkzone": _CHECKS,
    "proftpd": _CHECKS,
    "testparm": _CHECKS,
    "visudo": _CHECKS,
    "dhelp_parse": _CACHES,
}
"""Name, or pattern of names → why it is ignored. They succeed, and what they print is not known."""
