"""Programs that several packages provide under one name, which Debian's update-alternatives links at configuration.

One table and one choice for everything that depends on it: the links in the profile, and the interpreters of scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

_ALTERNATIVES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "bin/awk": (("gawk", "bin/gawk"), ("mawk", "bin/mawk"), ("original-awk", "bin/original-awk")),
    "bin/nawk": (("gawk", "bin/gawk"), ("mawk", "bin/mawk"), ("original-awk", "bin/original-awk")),
    "bin/editor": (
        ("nano", "bin/nano"),
        ("vim", "bin/vim.basic"),
        ("vim-tiny", "bin/vim.tiny"),
        ("emacs-nox", "bin/emacs"),
        ("ed", "bin/ed"),
    ),
    "bin/vi": (("vim", "bin/vim.basic"), ("vim-tiny", "bin/vim.tiny"), ("nvi", "bin/nvi")),
    "bin/view": (("vim", "bin/vim.basic"), ("vim-tiny", "bin/vim.tiny"), ("nvi", "bin/nview")),
    "bin/ex": (("vim", "bin/vim.basic"), ("vim-tiny", "bin/vim.tiny"), ("nvi", "bin/nex")),
    "bin/vim": (("vim", "bin/vim.basic"), ("vim-tiny", "bin/vim.tiny")),
    "bin/pager": (("less", "bin/less"), ("util-linux", "bin/more")),
    "bin/which": (("debianutils", "bin/which.debianutils"), ("gnu-which", "bin/which.gnu")),
    "sbin/rmt": (("tar", "sbin/rmt-tar"),),
    "bin/nc": (("netcat-openbsd", "bin/nc.openbsd"), ("netcat-traditional", "bin/nc.traditional")),
    "bin/netcat": (("netcat-openbsd", "bin/nc.openbsd"), ("netcat-traditional", "bin/nc.traditional")),
    "bin/sh": (("dash", "bin/dash"), ("bash", "bin/bash")),
    "bin/ksh": (("ksh93u+m", "bin/ksh93"), ("mksh", "bin/mksh")),
    "bin/lua": (
        ("lua5.3", "bin/lua5.3"),
        ("lua5.2", "bin/lua5.2"),
        ("lua5.1", "bin/lua5.1"),
        ("lua5.4", "bin/lua5.4"),
    ),
    "bin/guile": (("guile-3.0", "bin/guile-3.0"), ("guile-2.2", "bin/guile-2.2")),
    "bin/lzma": (("xz-utils", "bin/xz"), ("lzma", "bin/lzma.lzma")),
    "bin/unlzma": (("xz-utils", "bin/unxz"),),
    "bin/lzcat": (("xz-utils", "bin/xzcat"),),
    "bin/cc": (("gcc", "bin/gcc"), ("clang", "bin/clang")),
    "bin/c++": (("g++", "bin/g++"), ("clang", "bin/clang++")),
    "bin/c99": (("gcc", "bin/c99-gcc"),),
    "bin/c89": (("gcc", "bin/c89-gcc"),),
    "bin/cpp": (("cpp", "bin/cpp-14"), ("cpp", "bin/cpp-12")),
    "bin/write": (("bsdutils", "bin/write.ul"),),
    "sbin/iptables": (("iptables", "sbin/iptables-nft"),),
    "sbin/iptables-save": (("iptables", "sbin/iptables-nft-save"),),
    "sbin/iptables-restore": (("iptables", "sbin/iptables-nft-restore"),),
    "sbin/ip6tables": (("iptables", "sbin/ip6tables-nft"),),
    "sbin/ip6tables-save": (("iptables", "sbin/ip6tables-nft-save"),),
    "sbin/ip6tables-restore": (("iptables", "sbin/ip6tables-nft-restore"),),
    "sbin/arptables": (("arptables", "sbin/arptables-nft"),),
    "sbin/ebtables": (("ebtables", "sbin/ebtables-nft"),),
    "bin/php": (("php8.4-cli", "bin/php8.4"), ("php8.2-cli", "bin/php8.2")),
    "bin/java": (
        ("openjdk-25-jre-headless", "lib/jvm/java-25-openjdk-{architecture}/bin/java"),
        ("openjdk-21-jre-headless", "lib/jvm/java-21-openjdk-{architecture}/bin/java"),
        ("openjdk-17-jre-headless", "lib/jvm/java-17-openjdk-{architecture}/bin/java"),
    ),
    "bin/rlogin": (("openssh-client", "bin/slogin"),),
    "bin/rsh": (("openssh-client", "bin/ssh"),),
    "bin/w": (("procps", "bin/w.procps"),),
}
"""Link in /usr → (package, program in /usr), in the order of Debian's priorities: the one that counts by default first.

``{architecture}`` stands for Debian's name of it. No row needs the suite: where the program's path differs from suite
to suite, the package or the program has a version in its name, and the one that is there is taken.
"""

_FOLLOWS: Mapping[str, str] = {"nawk": "awk", "netcat": "nc", "unlzma": "lzma", "lzcat": "lzma"}
"""Names that Debian links together with another one, to the same package (``--slave``)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of several programs that a link may lead to."""

    package: str
    program: str
    """Relative to /usr."""


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The choice among alternatives in a system of certain packages."""

    architecture: str
    """Debian's name for it."""
    packages: Collection[str]
    has: Callable[[str], bool]
    """Whether any of the packages ships something at a path relative to /usr."""
    chosen: Mapping[str, str]
    """The user's choices: name of a link, such as ``awk`` → package."""

    @staticmethod
    def links() -> tuple[str, ...]:
        """Every link that Debian's alternatives may make, relative to /usr."""
        return tuple(_ALTERNATIVES)

    def candidates(self, link: str) -> tuple[Candidate, ...]:
        """All that Debian knows for ``link``, those included that the system does not have; empty for another path."""
        return tuple(
            Candidate(package, program.replace("{architecture}", self.architecture))
            for package, program in _ALTERNATIVES.get(link, ())
        )

    def available(self, link: str) -> tuple[Candidate, ...]:
        """Those of the candidates that the system has."""
        return tuple(one for one in self.candidates(link) if one.package in self.packages and self.has(one.program))

    def choose(self, link: str) -> Candidate | None:
        """The program that ``link`` leads to: the user's choice, or else the one of the highest priority.

        None if there is nothing to choose from, and if a package ships something at ``link`` itself.
        """
        if self.has(link):
            return None
        available = self.available(link)
        name = PurePosixPath(link).name
        wanted = self.chosen.get(name) or self.chosen.get(_FOLLOWS.get(name, name))
        return next((one for one in available if one.package == wanted), available[0] if available else None)
