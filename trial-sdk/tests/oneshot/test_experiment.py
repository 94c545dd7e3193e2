"""Whole one-shot experiments: a real engine and a real tuner in a process of its own."""

import nas_trial as nas
import pytest
from nas_trial.attempt import carry_out
from nas_trial.briefing import Briefing
from nascore.record import TEST_PREFIX, Lease, OneShot, Role, Schedule, TrialState, Trust, trial_seed
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
    assert {each.experiment for each in store.checkpoints().checkpoints} == {result.experiment.id}
    assert not store.references(result.experiment.id)
    store.close()


@pytest.mark.slow
def test_retraining_begins_afresh_and_takes_no_weight_of_the_supernet(searching, tmp_path):
    result = nas.search(
        searching.Parity(), tuner="darts", seed=1, home=tmp_path, one_shot=OneShot(Schedule(1), trust=None)
    )
    retrained = result.best
    assert retrained.proposal.notes["role"] == Role.RETRAIN
    assert retrained.proposal.warm_start is None
    # The same network with the same seed, where there is neither an experiment nor a stored weight.
    alone = searching.Parity()
    alone.reports_on_test = True
    lease = Lease(
        0,
        1,
        float("inf"),
        retrained.proposal,
        seed=trial_seed(result.experiment.spec.seed, retrained.number),
        attempt=1,
    )
    attempt = carry_out(alone, lease, report=lambda *_: None, store=None, briefing=Briefing(("accuracy",)))
    assert attempt.outcome.metrics == retrained.outcome.metrics
