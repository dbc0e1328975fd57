"""An image, or the plan of one, as one page for people. Reads only."""

from sysimage.report.difference import Difference, difference
from sysimage.report.document import files_document, report_document
from sysimage.report.facts import Facts
from sysimage.report.image_facts import image_facts
from sysimage.report.page import page
from sysimage.report.plan_facts import plan_facts

__all__ = [
    "Difference",
    "Facts",
    "difference",
    "files_document",
    "image_facts",
    "page",
    "plan_facts",
    "report_document",
]
