"""The Shepherd's configuration: programs that are the same everywhere, and what a system declares as quoted data.

How a service runs is in the programs; here what the spec declares, and what the units say that it enables, is checked
against the accounts and programs of the image and completed with what only they know.
"""

from __future__ import annotations

from sysimage.characters import printable
from sysimage.errors import Issue, SpecError
from sysimage.rootfs.accounts import Accounts
from sysimage.spec.model import CommandReady, FileReady, Service, SystemSpec, TcpReady
from sysimage_bootstrap.system.init_programs import READ, RUNTIME, call_of, program_text
from sysimage_bootstrap.system.scheme import Datum, Symbol, write
from sysimage_bootstrap.system.service_commands import Exists, owner_issues, with_program_path
from sysimage_bootstrap.system.unit_services import Fields, calendar_fields, unit_fields, with_found_programs
from sysimage_bootstrap.units.enable import Enabled
from sysimage_bootstrap.units.signals import signal_number

_ORDER = ("start", "kind", "description", "requires", "user", "group", "supplementary-groups", "environment")
"""The fields that come first."""
_WAITS = ("notify", "pid-file", "ready")
"""What of a unit belongs to the program that it starts."""


def shepherd_configuration(
    spec: SystemSpec,
    accounts: Accounts,
    exists: Exists,
    shell: str,
    programs: str,
    enabled: Enabled | None = None,
    *,
    serves_log: bool = True,
) -> str:
    """The text of ``shepherd.conf``. ``shell`` is the store's own POSIX shell, ``programs`` the item of the
    `guile_programs`; ``serves_log`` says whether the init reads ``/dev/log``.

    A `SpecError` names every service whose user or group the image does not have, and every unit whose program it
    lacks; how services relate to each other was checked when the spec was read, and whether their programs can run is
    checked on the whole image.
    """
    enabled = enabled or Enabled()
    issues: list[Issue] = []
    declarations: dict[str, Fields] = {}
    for name, packaged in enabled.services.items():
        unit = with_found_programs(packaged, exists)
        declarations[name] = unit_fields(unit, enabled.requires.get(name, ()), accounts)
        said = spec.services.get(name)
        own = unit.commands.start
        if own and not (said and said.command) and not own[0].ignore_failure and not exists(own[0].words[0]):
            issues.append(Issue(f"/units/{name}", f"no package of the image has the program {own[0].words[0]}"))
    for name, service in spec.services.items():
        try:
            declared = _declared(name, service, accounts, exists)
        except SpecError as error:
            issues += error.issues
            continue
        below = declarations.get(name)
        declarations[name] = declared if below is None else _changed(below, declared, service)
    if issues:
        raise SpecError("cannot make services of the declarations", issues=issues)
    data: Datum = [(Symbol(name), *_listed(fields)) for name, fields in sorted(declarations.items())]
    call = call_of(RUNTIME, programs, f"(run-system {write(shell)} {write(serves_log)}")
    return f"{program_text(READ)}\n{call}\n'{write(data, indent=1)})\n"


def _listed(fields: Fields) -> list[tuple[Datum, ...]]:
    names = [*(name for name in _ORDER if name in fields), *(name for name in fields if name not in _ORDER)]
    return [(Symbol(name), *fields[name]) for name in names]


def _declared(name: str, service: Service, accounts: Accounts, exists: Exists) -> Fields:
    kind = "timer" if service.timer is not None else "one-shot" if service.one_shot else "daemon"
    fields: Fields = {"kind": (Symbol(kind),), "requires": tuple(map(Symbol, service.requires))}
    if service.command:
        fields["start"] = (((), *with_program_path(service.command, service, exists)),)
        fields["description"] = (service.description or f"Runs {printable(service.command[0])}.",)
    elif service.description:
        fields["description"] = (service.description,)
    environment = dict(service.environment)
    if service.user is not None:
        user = accounts.user(service.user)
        if user is not None:
            fields["user"] = (user.name,)
            fields["group"] = (service.group or accounts.group_of(user).name,)
            fields["supplementary-groups"] = accounts.groups_with(user.name)
            environment = {"HOME": user.home, "USER": user.name, "LOGNAME": user.name} | environment
    elif service.group is not None:
        fields["group"] = (service.group,)
    fields["environment"] = tuple(f"{key}={value}" for key, value in sorted(environment.items()))
    fields["directory"] = (service.working_directory,)
    fields["log"] = (service.log,)
    if service.timer is not None:
        fields["timer"] = calendar_fields([service.timer])
    fields["respawn"] = (service.respawn,)
    match service.ready:
        case TcpReady(tcp=port, address=address, timeout=timeout):
            fields["ready"] = (Symbol("tcp"), address, port, timeout)
        case FileReady(file=file, timeout=timeout):
            fields["ready"] = (Symbol("file"), file, timeout)
        case CommandReady(command=command, timeout=timeout):
            fields["ready"] = (Symbol("command"), timeout, *with_program_path(command, service, exists))
        case None:
            pass
    fields["stop-signal"] = (signal_number(service.stop_signal),)
    fields["stop-timeout"] = (service.stop_timeout,)
    fields["auto-start"] = (service.auto_start,)
    if issues := owner_issues(name, service, accounts):
        raise SpecError(f"cannot make a service of {name}", issues=issues)
    return fields


_FIELDS = {
    "command": ("start", "kind"),
    "description": ("description",),
    "user": ("user", "group", "supplementary-groups"),
    "group": ("group",),
    "working_directory": ("directory",),
    "one_shot": ("kind",),
    "timer": ("kind", "timer"),
    "respawn": ("respawn",),
    "log": ("log",),
    "ready": ("ready",),
    "stop_signal": ("stop-signal",),
    "stop_timeout": ("stop-timeout",),
    "auto_start": ("auto-start",),
}
"""Field of a service → what it says in the data."""


def _changed(below: Fields, declared: Fields, service: Service) -> Fields:
    """A unit's service as the spec changes it: a key replaces, variables and requirements are added."""
    result = dict(below)
    if service.command:
        result = {name: values for name, values in result.items() if name not in _WAITS}
    for key in service.model_fields_set:
        for name in _FIELDS.get(key, ()):
            if name in declared:
                result[name] = declared[name]
            else:
                result.pop(name, None)
    if "respawn" in service.model_fields_set:
        result["restart"] = (Symbol("always" if service.respawn else "no"),)
    if "user" in service.model_fields_set or service.environment:
        variables = {str(one).partition("=")[0]: one for one in below["environment"]}
        variables |= {str(one).partition("=")[0]: one for one in declared["environment"]}
        result["environment"] = tuple(variables[name] for name in sorted(variables))
    result["requires"] = tuple(dict.fromkeys((*below["requires"], *declared["requires"])))
    return result
