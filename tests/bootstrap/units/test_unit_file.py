"""Unit files read as systemd reads them: sections, continuation, comments, drop-ins that add and take back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sysimage_bootstrap.units.specifiers import UnitName
from sysimage_bootstrap.units.unit_file import UnitFile
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
    assert files.find("other.service") is None


def test_aliases_in_a_circle_lead_nowhere() -> None:
    assert UnitFiles({}, {"a.service": "b.service", "b.service": "a.service"}).find("a.service") is None
