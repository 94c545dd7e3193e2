"""The table says what was done and found; the verdict says the first violations in words."""

from collections import Counter
from pathlib import Path

from nascore.testing.checker import Judgement, Rule, Violation
from nascore.testing.killing import Tally
from nascore.testing.torture import Plan, Result, table
from nascore.testing.torture.table import verdict

TALLY = Tally(
    Counter({"server": 3, "worker": 1}), Counter({"worker": 2}), {"server": [0.5, 2.0, 0.75], "worker": [0.1]}
)
BROKEN = tuple(Violation(Rule.TWICE, f"Trial {number} ended twice.") for number in range(12))


def result(*violations):
    judgement = Judgement(
        operations=90, acknowledged=80, finishes=30, zombies=4, unknown=6, trials=33, ended=31, violations=violations
    )
    return Result(Plan(4, 30), TALLY, judgement, 12.4, Path("evidence"))


def test_every_figure_has_a_row():
    rows = dict(line.split("  ", 1) for line in table(result(*BROKEN)).splitlines())
    told = {name.strip(): value.strip() for name, value in rows.items()}
    assert told["kills"] == "4 (server 3, worker 1)"
    assert told["stops"] == "2 (worker 2)"
    assert told["trials ended"] == "31 of 33"
    assert told["acknowledged"] == "80; trials among them: 30"
    assert (told["counted twice"], told["acknowledged and lost"], told["violations in all"]) == ("12", "0", "12")
    assert told["recovery of server, p50 / max"] == "0.75 s / 2.00 s"
    assert "recovery of worker, p50 / max" not in told


def test_the_verdict_is_short_and_leads_to_the_evidence():
    assert verdict(result()) == ""
    lines = verdict(result(*BROKEN)).splitlines()
    assert lines[0] == "[twice] Trial 0 ended twice."
    assert lines[-2:] == ["and 2 more.", "Judge it again with: python -m nascore.testing.checker evidence"]
