"""The kit as a test of pytest: one line in a plugin's test file, one test for every check."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nascore.record import JsonValue
from nascore.testing.conformance.breach import BreachError
from nascore.testing.conformance.check import CHECKS
from nascore.testing.conformance.kit import Examination, examine
from nascore.testing.conformance.report import Verdict, text_of
from nascore.testing.conformance.subject import Way
from nascore.tuner.contract import Settings, Tuner


def tuner_conformance(
    tuner: str | type[Tuner[Settings]],
    *,
    settings: Mapping[str, JsonValue] | None = None,
    skip: Mapping[str, str] | None = None,
    seed: int = 1,
    is_quick: bool = True,
) -> Callable[..., None]:
    """Return a test function with one case for every check; assign it to a name that begins with ``test_``.

    Args:
        tuner: Name of an installed tuner, address or class; see `examine`.
        settings: Settings of the tuner.
        skip: Checks to leave out, each with the reason, which the test run shows.
        seed: Seed of the examination.
        is_quick: Whether to look at less of everything.
    """
    import pytest  # noqa: PLC0415  # only those who test have it

    left_out = dict(skip or {})

    @pytest.mark.parametrize("way", _ways(tuner), ids=lambda way: way.name.lower())
    @pytest.mark.parametrize("check", [check.name for check in CHECKS])
    def test_conformance(check: str, way: Way) -> None:
        if check in left_out:
            pytest.skip(left_out[check])
        chosen = Examination(settings=settings or {}, seed=seed, is_quick=is_quick, only=(check,), ways=(way,))
        report = examine(tuner, chosen)
        if report.broken:
            raise BreachError("\n".join(map(text_of, report.broken)))
        found = report.findings[-1]
        if found.verdict is Verdict.NEEDLESS:
            pytest.skip(found.sentence)

    return test_conformance


def _ways(tuner: str | type[Tuner[Settings]]) -> list[Way]:
    if not isinstance(tuner, str):
        return [Way.PROCESS]
    return [Way.WIRE] if ":" in tuner else list(Way)
