"""The benchmarks' own instruments: what they count must be true, whatever the figures are."""

import dataclasses
import math
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
import crowd
import limits
import load
import pairs
import scene


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_workers_of_several_processes_have_names_of_their_own():
    plan = crowd.Plan(7, 1.0, rate=30.0)
    parts = [plan.part(index, 3) for index in range(3)]
    names = [range(part.first, part.first + part.workers) for part in parts]
    assert [number for part in names for number in part] == list(range(7))
    assert sum(part.rate for part in parts) == pytest.approx(30.0)


def test_quantiles_are_those_of_the_slowest_calls_in_ms():
    assert load.quantiles([index / 1000 for index in range(1, 1001)]) == pytest.approx(
        {"calls": 1000, "p50": 501.0, "p99": 991.0, "max": 1000.0}
    )
    assert load.quantiles([]) == {"calls": 0}


def test_a_round_in_which_one_failed_is_left_out_of_the_ratio():
    assert pairs.ratio([4.0, math.nan, 8.0], [2.0, 1.0, 4.0]).median == 2.0
    assert math.isnan(pairs.ratio([math.nan], [1.0]).median)


def test_a_contender_that_fails_does_not_end_the_run(tmp_path):
    def broken():
        raise SystemExit("no such peer")

    record = tmp_path / "samples.jsonl"
    samples = pairs.collect("topic", {"a": broken, "b": lambda: {"x": 1.0}}, rounds=2, record=record)
    assert samples == {"a": [{}, {}], "b": [{"x": 1.0}] * 2}
    assert record.read_text().count("no such peer") == 2


@pytest.mark.parametrize("is_grpc", [False, True])
def test_the_echo_answers_both_clients(here, is_grpc):
    with limits.echo(here) as place:
        plan = crowd.Plan(3, 0.2, warm_up_s=0.0, workers_a_line=2, is_grpc=is_grpc, is_unary=True)
        put = load.put_on(place, plan, keeps_log=False)
    assert put.acknowledged > 3
    assert put.processor_ms["server"] > 0


@pytest.mark.slow
def test_every_load_finds_in_the_log_what_was_acknowledged(here):
    with scene.serving(here) as place:
        for run, plan in enumerate(
            (
                crowd.Plan(3, 0.3),
                crowd.Plan(3, 0.3, is_fused=False),
                crowd.Plan(3, 0.3, is_unary=True),
                crowd.Plan(20, 0.5, rate=100.0),
            )
        ):
            put = load.put_on(place, dataclasses.replace(plan, run=str(run)))
            assert put.stored == put.acknowledged > 0
        with pytest.raises(SystemExit, match="the log gained 0"):  # The same requests again are answered, not stored.
            load.put_on(place, crowd.Plan(1, 1e-9, warm_up_s=0.0, run="0"))
