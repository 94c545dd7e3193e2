"""The kit as a test of pytest: one line in a plugin's test file, one test for every check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nascore.record import JsonValue
from nascore.testing.conformance.breach import BreachError
from nascore.testing.conformance.check import CHECKS, HANDSHAKE
from nascore.testing.conformance.examination import Examination
from nascore.testing.conformance.report import Finding, Verdict, text_of
from nascore.testing.conformance.sitting import Sitting, ways_of
from nascore.testing.conformance.subject import Way
from nascore.tuner.contract import Tuner

if TYPE_CHECKING:
    import pytest

_BY_NAME = {check.name: check for check in CHECKS}


def tuner_conformance(
    tuner: str | type[Tuner[Any]],
    *,
    settings: Mapping[str, JsonValue] | None = None,
    skip: Mapping[str, str] | None = None,
    seed: int = 1,
    is_quick: bool = True,
) -> Callable[..., None]:
    """Return a test function with one case for every check; assign it to a name that begins with ``test_``.

    The tuner is started once for all cases of a file.

    Args:
        tuner: Name of an installed tuner, address or class; see `examine`.
        settings: Settings of the tuner.
        skip: Checks to leave out, each with the reason, which the test run shows.
        seed: Seed of the examination.
        is_quick: Whether to look at less of everything.
    """
    import pytest  # noqa: PLC0415  # only those who test have it

    examination = Examination(settings=settings or {}, seed=seed, is_quick=is_quick, skipped=skip or {})
    sittings = _Sittings(tuner, examination)

    @pytest.mark.parametrize("way", ways_of(tuner), ids=lambda way: way.name.lower())
    @pytest.mark.parametrize("check", list(_BY_NAME))
    def test_conformance(check: str, way: Way, request: pytest.FixtureRequest) -> None:
        found = sittings.find(check, way, file=request.node.getparent(pytest.Module))
        if found.verdict is Verdict.BROKEN:
            raise BreachError(text_of(found))
        if found.verdict in (Verdict.NEEDLESS, Verdict.SKIPPED):
            pytest.skip(found.sentence)

    return test_conformance


class _Sittings:
    """The sittings of one tuner, each begun with its first check and ended with the file."""

    def __init__(self, tuner: str | type[Tuner[Any]], examination: Examination) -> None:
        self._tuner = tuner
        self._examination = examination
        self._begun: dict[Way, Sitting] = {}
        self._handshakes: dict[Way, Finding] = {}

    def find(self, check: str, way: Way, *, file: pytest.Module) -> Finding:
        """Return what comes of a check; of a tuner that cannot be met, why not."""
        if way not in self._begun:
            self._begun[way] = Sitting(self._tuner, self._examination, way=way)
            file.addfinalizer(lambda: self._end(way))
            self._handshakes[way] = self._begun[way].find(_BY_NAME[HANDSHAKE])
        handshake = self._handshakes[way]
        if check == HANDSHAKE or handshake.verdict is Verdict.BROKEN:
            return handshake
        return self._begun[way].find(_BY_NAME[check])

    def _end(self, way: Way) -> None:
        del self._handshakes[way]
        self._begun.pop(way).close()
