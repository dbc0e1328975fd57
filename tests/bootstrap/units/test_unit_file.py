"""Unit files read as systemd reads them: sections, continuation, comments, drop-ins that add and take back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sysimage_bootstrap.units.specifiers import UnitName
from sysimage_bootstrap.units.unit_file import Assignment, UnitFile
from sysimage_bootstrap.units.unit_files import UnitFiles

KEYS = st.text(alphabet="abcXYZ", min_size=1, max_size=5)
VALUES = st.text(alphabet="abc =[]#;\"'%$", max_size=12).map(str.strip).filter(lambda text: text)


@given(st.lists(st.tuples(KEYS, VALUES), max_size=6))
def test_what_is_written_is_read_in_its_order(lines: list[tuple[str, str]]) -> None:
    unit = UnitFile.parse("[Service]\n" + "".join(f"  {key} = {value} \n" for key, value in lines))
    assert [(one.key, one.value) for one in unit.assignments] == lines
    assert unit.odd_lines == ()


def test_a_backslash_takes_the_next_line_in_and_comments_between_vanish() -> None:
    unit = UnitFile.parse("[Service]\nExecStart=a \\\n# no\n; no\n  b\\\n\nType=simple\n")
    assert unit.values("Service", "ExecStart") == ("a  b",)
    assert unit.value("Service", "Type") == "simple"


def test_what_is_not_an_assignment_is_remembered_and_harms_nothing() -> None:
    unit = UnitFile.parse("Early=1\n[Unit]\nnonsense\nAfter=a b\r\nAfter=b c\n")
    assert unit.odd_lines == ("Early=1", "nonsense")
    assert unit.words("Unit", "After") == ("a", "b", "c")
    odd = UnitFile.parse("[Unit]\n = x\n[Service\nType=a\nlast \\")
    assert odd == UnitFile((Assignment("Unit", "Type", "a"),), ("= x", "[Service", "last"))
    assert unit.with_drop_ins([odd]).odd_lines == ("Early=1", "nonsense", "= x", "[Service", "last")


def test_values_by_section_and_key_make_a_unit() -> None:
    unit = UnitFile.of({"Service": {"Environment": ["", "A=1"], "User": ["a"]}, "Unit": {"After": ["b"]}})
    assert unit.assignments == (
        Assignment("Service", "Environment", ""),
        Assignment("Service", "Environment", "A=1"),
        Assignment("Service", "User", "a"),
        Assignment("Unit", "After", "b"),
    )
    assert unit.keys() == (("Service", "Environment"), ("Service", "User"), ("Unit", "After"))
    assert (unit.value("Unit", "Before"), unit.value("Service", "User")) == (None, "a")
    assert (unit.values("Unit", "User"), unit.values("Service", "After")) == ((), ())


def test_an_empty_value_takes_back_those_before_it() -> None:
    packaged = UnitFile.parse("[Service]\nExecStart=/bin/old\nEnvironment=A=1\n")
    changed = packaged.with_drop_ins([UnitFile.parse("[Service]\nExecStart=\nExecStart=/bin/new\nEnvironment=B=2")])
    assert changed.values("Service", "ExecStart") == ("/bin/new",)
    assert changed.values("Service", "Environment") == ("A=1", "B=2")
    assert packaged.with_drop_ins([UnitFile.parse("[Service]\nExecStart=")]).keys() == (("Service", "Environment"),)


def test_a_unit_is_found_by_its_aliases_and_an_instance_by_its_template() -> None:
    files = UnitFiles(
        {"redis-server.service": "[Install]\nAlias=redis.service", "db@.service": "[Service]\nType=notify"},
        {"mysql.service": "redis-server.service"},
        {"db@.service": ("[Service]\nUser=a",), "db@1.service": ("[Service]\nUser=b",)},
        {"db@.service": UnitFile.parse("[Service]\nGroup=g")},
    )
    for name in ("redis.service", "mysql.service"):
        found = files.find(name)
        assert found is not None
        assert found[0] == UnitName("redis-server.service")
    first, second = files.find("db@1.service"), files.find("db@2.service")
    assert first is not None
    assert second is not None
    assert (first[1].value("Service", "User"), second[1].value("Service", "User")) == ("b", "a")
    assert first[1].value("Service", "Group") == "g"
    assert [files.find(name) for name in ("other.service", "db@.timer", "db.service", "redis-server.socket")] == [
        None
    ] * 4
    template = files.find("db@.service")
    assert template is not None
    assert template[1].value("Service", "User") == "a"
    assert files.names == {"redis-server.service", "db@.service", "redis.service", "mysql.service"}


def test_an_instance_may_have_a_file_of_its_own_and_its_template_another_name() -> None:
    files = UnitFiles(
        {"db@.service": "[Service]\nUser=all", "db@1.service": "[Service]\nUser=one"},
        {"sql@.service": "db@.service"},
        {"db@.service": ("[Service]\nGroup=g",)},
        {"db@2.service": UnitFile.parse("[Service]\nGroup=last")},
    )
    found = {name: files.find(name) for name in ("db@1.service", "sql@2.service", "sql@1.service", "sql@.service")}
    assert {
        name: unit and (unit[0].full, unit[1].value("Service", "User"), unit[1].value("Service", "Group"))
        for name, unit in found.items()
    } == {
        "db@1.service": ("db@1.service", "one", None),
        "sql@2.service": ("db@2.service", "all", "last"),
        "sql@1.service": ("db@1.service", "one", None),
        "sql@.service": ("db@.service", "all", "g"),
    }


def test_aliases_in_a_circle_lead_nowhere() -> None:
    assert UnitFiles({}, {"a.service": "b.service", "b.service": "a.service"}).find("a.service") is None
