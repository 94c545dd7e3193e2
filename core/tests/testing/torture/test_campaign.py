"""A tortured search keeps its promises; and where a promise is broken on purpose, the torture says so.

The small one runs with every change; sixty kills and the planted faults are slow; ``make torture`` is the nightly size.
"""

import pytest
from click.testing import CliRunner
from nascore.testing.checker import Rule, judged_folder
from nascore.testing.torture import Plan, Plant, table, tortured
from nascore.testing.torture.__main__ import main
from nascore.testing.torture.installed import installed_tuners
from nascore.testing.torture.plan import Habits
from nascore.tuner import Determinism, Plugins
from nascore.tuner.plugins import load_tuner

TUNER = "regularized-evolution"
BUSY = Habits(work_s=0.05)
REPEATING = [name for name in installed_tuners() if load_tuner(name)[0].determinism is not Determinism.NONE]

pytestmark = [
    pytest.mark.skipif(TUNER not in Plugins("nascore.tuners").names(), reason="nas-evolution is not installed"),
    pytest.mark.timeout(600),
]


def test_a_search_survives_a_few_kills(tmp_path):
    result = tortured(Plan(2, 8, workers=2, seed=4, habits=BUSY, pause_s=(0, 0.1)), tmp_path)
    assert result.judgement.violations == ()
    assert result.tally.kills.total() == 2
    assert result.judgement.ended >= 8
    assert "acknowledged and lost             0" in table(result)
    assert judged_folder(tmp_path).operations == result.judgement.operations


@pytest.mark.slow
def test_sixty_kills_lose_nothing_and_count_nothing_twice(tmp_path):
    result = tortured(Plan(60, 300, workers=6, seed=1, habits=Habits(work_s=0.2)), tmp_path)
    assert result.judgement.violations == ()
    assert result.judgement.ended >= 300
    assert result.tally.kills.total() == 60
    assert set(result.tally.kills) == {"server", "tuner host", "worker"}
    assert result.judgement.zombies > 0
    assert result.judgement.finishes >= 300


@pytest.mark.slow
@pytest.mark.parametrize("tuner", REPEATING)
def test_one_worker_gets_the_proposals_of_a_calm_search_bit_for_bit(tmp_path, tuner):
    result = tortured(Plan(12, 40, workers=1, seed=2, tuner=tuner, habits=BUSY), tmp_path)
    assert result.judgement.violations == ()
    assert result.judgement.trials >= 40


@pytest.mark.slow
def test_a_search_in_postgresql_survives_kills(tmp_path, postgres):
    plan = Plan(12, 40, workers=4, seed=3, database=postgres.url(postgres.new_schema()), habits=BUSY)
    result = tortured(plan, tmp_path)
    assert result.judgement.violations == ()
    assert result.tally.kills["server"] > 0


@pytest.mark.slow
def test_acknowledging_before_the_commit_is_found_and_ends_with_exit_code_1(tmp_path):
    words = ["--kills=8", "--trials=30", "--workers=6", "--plant=early-ack", f"--folder={tmp_path}"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1, result.output
    assert "fault planted                     early-ack" in result.output
    assert "Judge it again with: python -m nascore.testing.checker" in result.output
    found = judged_folder(tmp_path / TUNER)  # A lease that was lost and given again breaks the second rule.
    assert found.count(Rule.LOST) + found.count(Rule.HOLDER) > 0


@pytest.mark.slow
def test_leases_without_epochs_are_found(tmp_path):
    habits = Habits(work_s=0.1, naps=0.3)
    plan = Plan(4, 60, workers=6, seed=1, plant=Plant.NO_EPOCHS, habits=habits, pause_s=(0.5, 1.0))
    assert tortured(plan, tmp_path).judgement.count(Rule.ZOMBIE) > 0


def test_a_torture_that_cannot_begin_says_so():
    result = CliRunner().invoke(main, ["--kills=-1"])
    assert (result.exit_code, result.output) == (1, "Error: kills: -1 is below 0.\n")
    result = CliRunner().invoke(main, ["--kills=1", "--tuner=missing"])
    assert result.exit_code == 1
    assert "The server did not begin" in result.output
    assert "missing" in result.output
