"""The conformance kit: whether a tuner, in whatever language, keeps the contract that a search relies on.

``nascore check-tuner NAME`` runs it on the command line; ``test_contract = tuner_conformance("NAME")`` under pytest.
"""

from nascore.testing.conformance.breach import BreachError
from nascore.testing.conformance.check import CHECKS, Check
from nascore.testing.conformance.examination import Examination
from nascore.testing.conformance.kit import examine
from nascore.testing.conformance.report import Finding, Report, Verdict, markdown_table, text_of
from nascore.testing.conformance.subject import Way
from nascore.testing.conformance.suite import tuner_conformance

__all__ = [
    "CHECKS",
    "BreachError",
    "Check",
    "Examination",
    "Finding",
    "Report",
    "Verdict",
    "Way",
    "examine",
    "markdown_table",
    "text_of",
    "tuner_conformance",
]
