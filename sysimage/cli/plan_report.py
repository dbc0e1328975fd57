"""``sysimage plan --report``: a plan as a page."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sysimage.pipeline.build import PlannedBuild
    from sysimage.report.facts import LeftOutFact


def check_output(arguments: argparse.Namespace) -> None:
    """A `SpecError` for a page that would take an input's place."""
    from sysimage.cli.inputs import flag_inputs, spec_input
    from sysimage.pipeline.output_checks import refuse_inputs, require_file_output

    refuse_inputs(arguments.report, [*map(spec_input, arguments.specs), *flag_inputs(arguments)])
    require_file_output(arguments.report)


def write(made: PlannedBuild, output: Path) -> None:
    """Write the page of what the pipeline has planned."""
    from sysimage.files.output import output_file
    from sysimage.layerplan import Record
    from sysimage.report import files_document, page, plan_facts, report_document
    from sysimage.streams.copying import write_all

    facts = plan_facts(
        Record(made.closure, made.plan),
        str(made.names[0]),
        left_out=_left_out(made),
        customization=sum(entry.size() for entry in made.tree),
    )
    with output_file(output) as fd:
        write_all(fd, page(report_document(facts), files_document(facts)).encode())


def _left_out(made: PlannedBuild) -> Iterator[LeftOutFact]:
    from sysimage.report.facts import LeftOutFact

    for item, files in made.realised.left_out.items():
        counts = Counter(file.why for file in files)
        for what, count in sorted(counts.items()):
            yield LeftOutFact(item, what, count, sum(file.size for file in files if file.why == what))
