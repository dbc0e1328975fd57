"""Names that several packages provide, which Debian's update-alternatives links when packages are configured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from sysimage.errors import Issue, SpecError

CANDIDATES: Mapping[str, tuple[tuple[str, str], ...]] = {
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
    "bin/guile": (("guile-3.0", "bin/guile-3.0"), ("guile-2.2", "bin/guile-2.2")),
    "bin/lzma": (("xz-utils", "bin/xz"), ("lzma", "bin/lzma.lzma")),
    "bin/unlzma": (("xz-utils", "bin/unxz"),),
    "bin/lzcat": (("xz-utils", "bin/xzcat"),),
    "bin/cc": (("gcc", "bin/gcc"), ("clang", "bin/clang")),
    "bin/c++": (("g++", "bin/g++"), ("clang", "bin/clang++")),
    "bin/c99": (("gcc", "bin/c99-gcc"),),
    "bin/c89": (("gcc", "bin/c89-gcc"),),
    "bin/cpp": (("cpp", "bin/cpp-14"),),
    "bin/write": (("bsdutils", "bin/write.ul"),),
    "sbin/iptables": (("iptables", "sbin/iptables-nft"),),
    "sbin/iptables-save": (("iptables", "sbin/iptables-nft-save"),),
    "sbin/iptables-restore": (("iptables", "sbin/iptables-nft-restore"),),
    "sbin/ip6tables": (("iptables", "sbin/ip6tables-nft"),),
    "sbin/ip6tables-save": (("iptables", "sbin/ip6tables-nft-save"),),
    "sbin/ip6tables-restore": (("iptables", "sbin/ip6tables-nft-restore"),),
    "sbin/arptables": (("arptables", "sbin/arptables-nft"),),
    "sbin/ebtables": (("ebtables", "sbin/ebtables-nft"),),
    "bin/php": (("php8.4-cli", "bin/php8.4"),),
    "bin/java": (("openjdk-21-jre-headless", "lib/jvm/java-21-openjdk-amd64/bin/java"),),
    "bin/rlogin": (("openssh-client", "bin/slogin"),),
    "bin/rsh": (("openssh-client", "bin/ssh"),),
    "bin/w": (("procps", "bin/w.procps"),),
}
"""Link in /usr → (package, program in /usr), the one that counts unless told otherwise first: Debian's priorities."""


def alternative_links(packages: Iterable[str], exists: Mapping[str, bool], chosen: Mapping[str, str]) -> dict[str, str]:
    """Link in /usr → what it says, for the alternatives that the packages have.

    ``exists`` says of every program in `CANDIDATES` and every link whether an item has it: a link that a package ships
    itself is no alternative. ``chosen`` are the user's: name of a link → package. A `SpecError` names a choice that
    cannot be.
    """
    installed = set(packages)
    links: dict[str, str] = {}
    issues: list[Issue] = []
    for link, candidates in CANDIDATES.items():
        name = PurePosixPath(link).name
        wanted = chosen.get(name)
        able = [(p, program) for p, program in candidates if p in installed and exists.get(program, False)]
        if wanted is not None and any(p == wanted for p, _ in candidates) and all(p != wanted for p, _ in able):
            issues.append(Issue(f"/alternatives/{name}", f"{wanted} is not among the packages of the image"))
        if exists.get(link, False) or not able:
            continue
        links[link] = next((f"/usr/{program}" for p, program in able if p == wanted), f"/usr/{able[0][1]}")
    if issues:
        raise SpecError("cannot choose the alternatives", hint="add the package to packages", issues=issues)
    return links
