"""Commands that make accounts, or ask for them."""

from __future__ import annotations

from dataclasses import replace

from sysimage.rootfs.accounts import WantedGroup, WantedUser
from sysimage.spec.base_accounts import BASE_GROUPS, BASE_USERS
from sysimage_bootstrap.scripts.command_calls import ID_OF, Call, UnknownError, command

_ADDUSER = frozenset(
    {"home", "shell", "uid", "gid", "ingroup", "gecos", "comment", "conf", "firstuid", "lastuid"}
    | {"firstgid", "lastgid"}
)
_USERADD = frozenset(
    {"home-dir", "home", "shell", "uid", "gid", "groups", "comment", "key", "password"} | {"skel", "base-dir"}
)


def _origin(call: Call) -> str:
    return f"{call.shell.script.package}'s {call.shell.script.name}"


def _add_group(call: Call, name: str, gid: str | None) -> None:
    call.state.known_groups.add(name)
    call.state.groups[name] = WantedGroup(name, int(gid) if gid else None, system=True, origin=_origin(call))


def _join(call: Call, user: str, groups: list[str]) -> int:
    if user not in call.state.known_users or any(group not in call.state.known_groups for group in groups):
        return 1
    there = call.state.users.get(user)
    if there is None:
        there = WantedUser(user, system=True, make_home=False, origin=_origin(call))
        there = replace(there, home=call.state.known_users[user] or None)
    call.state.users[user] = replace(there, groups=tuple(sorted({*there.groups, *groups})))
    return 0


@command("adduser")
def adduser(call: Call) -> int:
    options = call.options("", _ADDUSER)
    if options.has("group"):
        return _add_user_and_group(call)
    if len(options.operands) == 2:
        return _join(call, options.operands[0], [options.operands[1]])
    if len(options.operands) != 1:
        return 1
    name = options.operands[0]
    if name in call.state.known_users:
        return 0
    system = options.has("system")
    group = options.value("ingroup")
    if system and group is None and not options.has("gid"):
        group = "nogroup"
    if group is not None and group not in call.state.known_groups:
        return 1
    home = options.value("home") or ("/nonexistent" if system else f"/home/{name}")
    shell = options.value("shell") or ("/usr/sbin/nologin" if system else "/bin/bash")
    _add_user(call, name, options.value("uid"), group, home, shell, options.value("comment", "gecos"), system=system)
    if not options.has("no-create-home") and home != "/nonexistent":
        _make_home(call, name, group or name, home, 0o755 if system else 0o700)
    return 0


def _add_user(
    call: Call,
    name: str,
    uid: str | None,
    group: str | None,
    home: str,
    shell: str,
    comment: str | None,
    *,
    system: bool,
    groups: tuple[str, ...] = (),
) -> None:
    call.state.known_users[name] = home
    if group is None and name not in call.state.known_groups:
        _add_group(call, name, None)
    call.state.users[name] = WantedUser(
        name,
        int(uid) if uid else None,
        group or name,
        groups,
        comment or "",
        home,
        shell,
        "!" if system else None,
        system=system,
        make_home=False,
        origin=_origin(call),
    )


def _make_home(call: Call, name: str, group: str, home: str, mode: int) -> None:
    if call.files.node(home) is None:
        call.files.make_directories(home, mode)
        call.files.change(home, owner=name, group=group)


def _add_user_and_group(call: Call) -> int:
    """``adduser --group``: with ``--system`` both, otherwise the group alone."""
    options = call.options("", _ADDUSER)
    (name,) = options.operands
    if name not in call.state.known_groups:
        _add_group(call, name, options.value("gid"))
    if not options.has("system") or name in call.state.known_users:
        return 0
    home = options.value("home") or "/nonexistent"
    shell = options.value("shell") or "/usr/sbin/nologin"
    _add_user(call, name, options.value("uid"), name, home, shell, options.value("comment", "gecos"), system=True)
    if not options.has("no-create-home") and home != "/nonexistent":
        _make_home(call, name, name, home, 0o755)
    return 0


@command("addgroup", "groupadd")
def addgroup(call: Call) -> int:
    options = call.options("gKpR", frozenset({"gid", "conf", "key"}))
    if len(options.operands) == 2:
        return _join(call, options.operands[0], [options.operands[1]])
    (name,) = options.operands
    if name in call.state.known_groups:
        return 0 if call.name == "addgroup" or options.has("f") else 9
    _add_group(call, name, options.value("g", "gid"))
    return 0


@command("useradd")
def useradd(call: Call) -> int:
    options = call.options("dsugGckpKbe", _USERADD)
    (name,) = options.operands
    if name in call.state.known_users:
        return 9
    system = options.has("r", "system")
    group = options.value("g", "gid")
    if group is not None and group.isdecimal():
        group = next((one.name for one in call.state.groups.values() if one.gid == int(group or 0)), None) or next(
            (one for one, gid in BASE_GROUPS.items() if gid == int(group or 0)), None
        )
        if group is None:
            raise UnknownError(f"which group has the number {options.value('g', 'gid')}")
    if group is None and options.has("N"):
        group = "users"
    if group is not None and group not in call.state.known_groups:
        return 6
    home = options.value("d", "home-dir", "home") or f"/home/{name}"
    shell = options.value("s", "shell") or "/bin/sh"
    more = tuple(sorted(filter(None, (options.value("G", "groups") or "").split(","))))
    comment = options.value("c", "comment")
    _add_user(call, name, options.value("u", "uid"), group, home, shell, comment, system=system, groups=more)
    if options.has("m", "create-home"):
        _make_home(call, name, group or name, home, 0o700)
    return 0


@command("usermod")
def usermod(call: Call) -> int:
    options = call.options("dsugGcep", _USERADD)
    if not options.operands:
        # -aG and the like: the group is the value of G, the account the operand after it.
        return 1
    name = options.operands[-1]
    if name not in call.state.known_users:
        return 6
    groups = options.value("G", "groups")
    if groups is not None:
        return _join(call, name, [group for group in groups.split(",") if group])
    user = call.state.users.get(name) or WantedUser(name, system=True, make_home=False, origin=_origin(call))
    changes = {
        key: value
        for key, value in (
            ("home", options.value("d", "home-dir", "home")),
            ("shell", options.value("s", "shell")),
            ("comment", options.value("c", "comment")),
            ("group", options.value("g", "gid")),
        )
        if value is not None
    }
    others = options.given.keys() - set("dsgcLUm") - {"home", "shell", "gid", "comment", "lock", "unlock", "home-dir"}
    if others:
        raise UnknownError(f"what usermod's option {sorted(others)[0]} does")
    call.state.users[name] = replace(user, **changes)  # type: ignore[arg-type]
    return 0


@command("gpasswd")
def gpasswd(call: Call) -> int:
    match call.arguments:
        case [("-a" | "--add"), user, group]:
            return _join(call, user, [group])
    raise UnknownError("what gpasswd changes")


@command("passwd", "chage", "deluser", "delgroup", "userdel", "groupdel", "groupmod", "chsh")
def other_account_tools(call: Call) -> int:
    if call.name == "passwd" and call.arguments[:1] in (["-l"], ["--lock"]):
        return 0
    raise UnknownError(f"what {call.name} changes")


@command("getent")
def getent(call: Call) -> int:
    if len(call.arguments) < 2:
        call.out.unknown = "what all accounts are"
        return 0
    database, *names = call.arguments
    status = 0
    for name in names:
        if database == "passwd":
            if name in call.state.known_users:
                _print_user(call, name)
                continue
        elif database == "group":
            if name in call.state.known_groups:
                gid = BASE_GROUPS.get(name)
                if gid is None:
                    call.out.unknown = f"which ID the group {name} has"
                else:
                    call.print(f"{name}:x:{gid}:\n")
                continue
        else:
            call.out.unknown = f"what is in the database {database}"
            return 0
        status = 2
    return status


def _print_user(call: Call, name: str) -> None:
    uid = BASE_USERS.get(name)
    user = call.state.users.get(name)
    if uid is None or user is not None:
        # Which ID it has is settled when all accounts are known.
        call.out.unknown = f"which ID the account {name} has"
    else:
        call.out.unknown = f"which line the account {name} has"


@command("id")
def id_(call: Call) -> int:
    options = call.options()
    options.only(*"ugGnr", "user", "group", "groups", "name")
    if not options.operands:
        call.print("root\n" if options.has("n", "name") else "0\n")
        return 0
    (name,) = options.operands
    if name not in call.state.known_users:
        return 1
    user = call.state.users.get(name)
    if options.has("n", "name") and options.has("g") and user is not None and user.group:
        call.print(f"{user.group}\n")
    elif options.has("n", "name") and options.has("G", "groups") and user is not None and user.group:
        call.print(" ".join(dict.fromkeys([user.group, *user.groups])) + "\n")
    elif options.has("n", "name") and options.has("u"):
        call.print(f"{name}\n")
    elif options.has("u"):
        call.print(f"{BASE_USERS.get(name, f'{ID_OF}{name}')}\n")
    elif options.has("g"):
        group = user.group if user is not None and user.group else name
        call.print(f"{BASE_GROUPS.get(group, f'{ID_OF}{group}')}\n")
    else:
        call.out.unknown = f"which IDs the account {name} has"
    return 0
