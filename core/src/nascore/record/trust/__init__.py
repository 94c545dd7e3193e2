"""Whether the result of a one-shot search may be trusted: what it is held against, and what that says in words."""

from nascore.record.trust.kendall import kendall_tau
from nascore.record.trust.report import Baseline, TrustReport, trust_report
from nascore.record.trust.words import note_of, trust_to_json, warnings_of

__all__ = ["Baseline", "TrustReport", "kendall_tau", "note_of", "trust_report", "trust_to_json", "warnings_of"]
