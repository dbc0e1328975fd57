"""The manual: man pages and the reference have every verb and every flag, in a form that readers take."""

from __future__ import annotations

import argparse
import re

from hypothesis import given
from hypothesis import strategies as st

from sysimage.cli.main import command_line, program_manuals
from sysimage.cli.manual import Flag, FlagGroup, Manual, man_page, manuals, reference_page


def test_every_verb_has_a_page_and_every_flag_is_in_it() -> None:
    found = {manual.name: manual for manual in program_manuals()}
    (verbs,) = [action for action in command_line()._actions if isinstance(action, argparse._SubParsersAction)]
    assert found.keys() == {"sysimage", *(f"sysimage {verb}" for verb in verbs.choices)}
    for verb, parser in verbs.choices.items():
        page = man_page(found[f"sysimage {verb}"], list(found.values())).replace("\\-", "-")
        for action in parser._actions:
            for flag in action.option_strings:
                assert f"\\fB{flag}\\fR" in page, f"{verb} {flag}"


def test_the_page_of_the_program_leads_to_those_of_the_verbs() -> None:
    found = program_manuals()
    page = man_page(found[0], found)
    assert "\\fBsysimage\\-build\\fR(1)" in page
    assert man_page(found[1], found).endswith(".SH SEE ALSO\n\\fBsysimage\\fR(1)\n")


def test_every_flag_is_in_the_reference() -> None:
    text = reference_page(program_manuals())
    for manual in program_manuals():
        assert f"\n## {manual.name}\n" in text
    assert "| `-o`, `--output` `FILE\\|DIR\\|-` |" in text


def test_examples_are_in_the_page_of_their_verb() -> None:
    parser = argparse.ArgumentParser(prog="it")
    parser.add_subparsers().add_parser("go", help="goes", description="Goes\n  far.").add_argument("where", nargs="?")
    _, go = manuals(parser, {"go": [("it go there", "goes there")]})
    assert (go.help, go.description, go.usage) == ("goes", "Goes far.", "it go [FLAG…] [WHERE]")
    assert ".SH EXAMPLES\n.TP\n\\fBit go there\\fR\ngoes there\n" in man_page(go, [go])
    assert "    it go there    # goes there" in reference_page([go])


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=40))
def test_no_text_is_an_order_to_troff(text: str) -> None:
    manual = Manual("it", text, text, "it", (FlagGroup("options", (Flag(("-x",), text, text),)),), ((text, text),))
    for line in man_page(manual, [manual]).split("\n"):
        if line.startswith((".", "'")):
            assert re.match(r"\.(TH|SH|TP|B)\b", line)
