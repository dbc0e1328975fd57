"""debconf's protocol: questions have the answers of the spec, or what their templates say; no user is asked."""

from __future__ import annotations

from collections.abc import Callable

from sysimage_bootstrap.scripts.command_calls import Call, command

_SKIPPED = 30
"""What debconf says of a question that it does not ask."""
_UNKNOWN_QUESTION = 10


def _answer(call: Call, text: str, status: int = 0) -> int:
    call.shell.variables["RET"] = text
    return status


def _get(call: Call, question: str) -> int:
    if question not in call.state.templates and question not in call.state.debconf:
        return _answer(call, f"{question} doesn't exist", _UNKNOWN_QUESTION)
    default = call.state.templates.get(question, {}).get("default", "")
    return _answer(call, call.state.debconf.get(question, default))


@command("db_get")
def db_get(call: Call) -> int:
    return _get(call, call.arguments[0])


@command("db_set")
def db_set(call: Call) -> int:
    question, *words = call.arguments
    if question not in call.state.answered:
        call.state.debconf[question] = " ".join(words)
    return 0


@command("db_reset")
def db_reset(call: Call) -> int:
    if call.arguments[0] not in call.state.answered:
        call.state.debconf.pop(call.arguments[0], None)
    return 0


@command("db_register")
def db_register(call: Call) -> int:
    template, question = call.arguments[:2]
    call.state.templates[question] = call.state.templates.get(template, {})
    return 0


@command("db_fset")
def db_fset(call: Call) -> int:
    question, flag, value = call.arguments[:3]
    call.state.flags[question, flag] = value
    return 0


@command("db_fget")
def db_fget(call: Call) -> int:
    question, flag = call.arguments[:2]
    return _answer(call, call.state.flags.get((question, flag), "false"))


@command("db_metaget")
def db_metaget(call: Call) -> int:
    question, field = call.arguments[:2]
    template = call.state.templates.get(question)
    if template is None:
        return _answer(call, f"{question} doesn't exist", _UNKNOWN_QUESTION)
    return _answer(call, template.get(field.lower(), ""))


@command("db_exist")
def db_exist(call: Call) -> int:
    return _answer(call, "true" if call.arguments[0] in call.state.templates else "false")


@command("db_input")
def db_input(call: Call) -> int:
    return _answer(call, "question skipped", _SKIPPED)


@command("db_capb")
def db_capb(call: Call) -> int:
    return _answer(call, "multiselect escape")


def _does_nothing(text: str) -> Callable[[Call], int]:
    return lambda call: _answer(call, text)


for _name in (
    "go",
    "title",
    "settitle",
    "stop",
    "subst",
    "beginblock",
    "endblock",
    "unregister",
    "purge",
    "text",
    "info",
    "clear",
    "progress",
):
    command(f"db_{_name}")(_does_nothing("ok"))
command("db_version")(_does_nothing("2.1"))


def parse_templates(text: str) -> dict[str, dict[str, str]]:
    """Question → the first line of each field of its template, by the field's name in small letters."""
    found: dict[str, dict[str, str]] = {}
    fields: dict[str, str] = {}
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if "template" in fields:
                found[fields["template"]] = fields
            fields = {}
        elif not line[0].isspace():
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
    return found
