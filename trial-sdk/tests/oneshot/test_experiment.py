"""Whole one-shot experiments: a real engine and a real tuner in a process of its own."""

import nas_trial as nas
import pytest
from nascore.record import TEST_PREFIX, OneShot, Role, Schedule, TrialState, Trust
from nascore.weights import DirectoryStore


@pytest.mark.slow
def test_a_notebook_searches_derives_retrains_and_reports_on_the_test_split(searching, tmp_path):
    plan = OneShot(Schedule(2, warmup_epochs=1), trust=Trust(max_random=1, sampled=1))
    trial = searching.Parity()
    result = nas.search(trial, tuner="darts", seed=1, home=tmp_path, one_shot=plan)
    assert {each.state for each in result.trials} == {TrialState.SUCCEEDED}
    search, *others = result.trials
    assert search.proposal.notes["role"] == Role.SEARCH
    assert [report.step for report in search.reports] == [1, 2, 3]
    derived = search.outcome.derived[0].architecture
    assert derived in [each.proposal.architecture for each in others]
    for each in others:
        assert {"accuracy", f"{TEST_PREFIX}accuracy"} <= each.outcome.metrics.keys()
    store = DirectoryStore(result.folder / "weights")
    nas.load_weights(search.checkpoint, store, into=nas.build(trial.build, None))
    assert not store.references("default")
    store.close()
