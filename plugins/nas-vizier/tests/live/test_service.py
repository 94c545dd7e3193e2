"""Client, Vizier's server, our policy, a tuner in a process of its own: the whole way and back, over gRPC."""

from __future__ import annotations

import itertools

import grpc
import pytest
from nas_vizier import NascorePolicyFactory
from vizier import pythia
from vizier.service import clients, pyvizier, servers

TUNERS = {"RANDOM": "random", "EVOLUTION": "regularized-evolution"}
SMALL = '{"population_size": 8, "sample_size": 8}'
names = (f"study-{number}" for number in itertools.count())


@pytest.fixture
def serve():
    """Give a maker of servers; Pythia serves apart from Vizier, as where it is not for play."""
    factories, kept = [], []

    def start(database="sqlite:///:memory:", **options):
        factories.append(NascorePolicyFactory(TUNERS, **options))
        kept.append(servers.DistributedPythiaVizierServer(database_url=database, policy_factory=factories[-1]))
        return kept[-1]  # It ends when nobody holds it any more.

    yield start
    for factory in factories:
        factory.close()


def config(algorithm="EVOLUTION", metrics=("accuracy",), settings=SMALL):
    made = pyvizier.StudyConfig(algorithm=algorithm)
    root = made.search_space.root
    root.add_float_param("lr", 1e-4, 1e-1, scale_type=pyvizier.ScaleType.LOG)
    model = root.add_categorical_param("model", ["cnn", "linear"])
    model.select_values(["cnn"]).add_int_param("depth", 1, 9)
    root.add_discrete_param("width", [16, 32, 64])
    for metric in metrics:
        made.metric_information.append(pyvizier.MetricInformation(metric, goal=pyvizier.ObjectiveMetricGoal.MAXIMIZE))
    if settings:
        made.metadata.ns("nascore")["settings"] = settings
    return made


def study(server, made, name=None):
    clients.environment_variables.server_endpoint = server.endpoint
    return clients.Study.from_study_config(made, owner="owner", study_id=name or next(names))


def value(parameters) -> float:
    return float(parameters.get("depth", 0)) + float(parameters["width"]) / 64


def step(one, count, client="client"):
    """Take suggestions and complete them; returns their parameters."""
    found = []
    for trial in one.suggest(count=count, client_id=client):
        parameters = dict(trial.parameters)
        found.append(parameters)
        if value(parameters) == 1.25:
            trial.complete(infeasible_reason="unlucky")
        else:
            trial.complete(pyvizier.Measurement({"accuracy": value(parameters), "size": -value(parameters)}))
    return found


def chronicle(one) -> str:
    return one.materialize_study_config().metadata.ns("nascore")["chronicle"]


def test_a_setting_that_does_not_exist_fails_the_suggestion_with_the_sentence(serve):
    one = study(serve(), config(settings='{"population": 7}'))
    with pytest.raises(Exception, match=r"There is no such setting\. Did you mean"):
        one.suggest(count=1, client_id="client")


def test_an_algorithm_that_nobody_offers_is_refused(serve):
    with pytest.raises(Exception, match="There is no algorithm"):
        study(serve(), config("NOWHERE")).suggest(count=1, client_id="client")


def test_too_many_objectives_are_refused_with_the_tuners_sentence(serve):
    with pytest.raises(Exception, match="at most 1 objective"):
        study(serve(), config(metrics=("accuracy", "size"))).suggest(count=1, client_id="client")


def test_a_study_is_searched_from_a_client_through_the_server_to_the_tuner_and_back(serve):
    one = study(serve(), config())
    found = [parameters for _ in range(20) for parameters in step(one, 2)]
    assert len(found) == 40
    assert all(("depth" in parameters) == (parameters["model"] == "cnn") for parameters in found)
    assert sum(map(value, found[-10:])) > sum(map(value, found[:10]))
    assert chronicle(one).startswith("1 >2 0,1>2 2,3>2")
    trials = list(one.trials().get())
    numbers = {int(trial.metadata.ns("nascore")["proposal"]) for trial in trials}
    assert numbers == set(range(40))


def test_a_server_that_is_started_anew_goes_on_as_if_nothing_had_been(serve, tmp_path):
    def search(database, restarts):
        server, found = serve(database), []
        one = study(server, config(), "same")
        for number in range(6):
            if number in restarts:
                clients.environment_variables.server_endpoint = serve(database).endpoint
                one = clients.Study.from_resource_name("owners/owner/studies/same")
            found += step(one, 3)
        return found

    expected = search(f"sqlite:///{tmp_path}/a.db", ())
    assert search(f"sqlite:///{tmp_path}/b.db", (2, 3, 5)) == expected


def test_trials_of_several_clients_are_at_work_together_and_none_is_suggested_twice(serve):
    one = study(serve(), config("RANDOM", settings='{"without_repetition": true}'))
    held = [one.suggest(count=2, client_id=f"client-{number}") for number in range(3)]
    ids = [trial.id for trials in held for trial in trials]
    assert len(set(ids)) == 6
    assert chronicle(one) == "1 >2 >2 >2"


def test_a_trial_that_a_client_added_is_told_under_a_number_of_its_own(serve):
    made = pyvizier.StudyConfig(algorithm="EVOLUTION")  # Vizier adds no trials to conditional spaces.
    made.search_space.root.add_float_param("width", 0.0, 64.0)
    made.metric_information.append(pyvizier.MetricInformation("accuracy", goal=pyvizier.ObjectiveMetricGoal.MAXIMIZE))
    one = study(serve(), made)
    step(one, 2)
    given = pyvizier.Trial(parameters={"width": 32.0})
    given.complete(pyvizier.Measurement({"accuracy": 10.0}))
    added = one.add_trial(given)
    step(one, 1)
    assert chronicle(one) == f"1 >2 0,1,2={added.id}>1"


def test_several_objectives_are_searched_by_a_tuner_that_knows_how(serve):
    one = study(serve(), config("RANDOM", metrics=("accuracy", "size"), settings=""))
    assert len(step(one, 3)) == 3
    assert len(list(one.optimal_trials().get())) >= 1


def test_a_space_that_is_used_up_fails_the_suggestion_with_the_sentence_and_wedges_nothing(serve):
    made = pyvizier.StudyConfig(algorithm="RANDOM")
    made.search_space.root.add_categorical_param("x", ["a", "b"])
    made.metric_information.append(pyvizier.MetricInformation("accuracy", goal=pyvizier.ObjectiveMetricGoal.MINIMIZE))
    made.metadata.ns("nascore")["settings"] = '{"without_repetition": true}'
    one = study(serve(), made)
    with pytest.raises(Exception, match="nothing more to propose: of 3 proposals that are wanted it has 2"):
        one.suggest(count=3, client_id="client")
    assert {trial.parameters["x"] for trial in one.suggest(count=2, client_id="client")} == {"a", "b"}
    with pytest.raises(Exception, match="it has 0"):
        one.suggest(count=1, client_id="other")


def test_other_algorithms_go_to_the_factory_for_all_others(serve):
    asked = []

    def otherwise(problem, algorithm, supporter, name):
        asked.append(algorithm)
        raise ValueError("It is of no use either.")

    with pytest.raises(Exception, match="of no use either"):
        study(serve(otherwise=otherwise), config("GRID_SEARCH", settings="")).suggest(count=1, client_id="client")
    assert asked == ["GRID_SEARCH"]


def test_a_policy_is_driven_in_memory_as_by_its_server():
    supporter = pythia.InRamPolicySupporter(config().to_problem(), study_guid="here")
    with NascorePolicyFactory(TUNERS) as factory:
        for _ in range(5):
            policy = factory(supporter.study_config, "EVOLUTION", supporter, "here")
            for trial in supporter.SuggestTrials(policy, count=2):
                trial.complete(pyvizier.Measurement({"accuracy": 1.0}))
        assert supporter.study_config.metadata.ns("nascore")["chronicle"] == "1 >2 0,1>2 2,3>2 4,5>2 6,7>2"
        stop = pythia.EarlyStopRequest(study_descriptor=supporter.study_descriptor(), trial_ids=[1])
        assert not policy.early_stop(stop).decisions


def test_what_is_wrong_with_a_study_inactivates_it_and_a_crash_does_not(tmp_path):
    supporter = pythia.InRamPolicySupporter(config(settings="[]").to_problem(), study_guid="here")
    with NascorePolicyFactory({"A": "random", "B": "exec:false"}) as factory:
        policy = factory(supporter.study_config, "A", supporter, "here")
        with pytest.raises(pythia.InactivateStudyError, match="is not one JSON object"):
            supporter.SuggestTrials(policy, count=1)
        supporter = pythia.InRamPolicySupporter(config(settings="").to_problem(), study_guid="here")
        policy = factory(supporter.study_config, "B", supporter, "here")
        with pytest.raises((pythia.TemporaryPythiaError, pythia.InactivateStudyError), match="false"):
            supporter.SuggestTrials(policy, count=1)


def test_grpc_of_both_kinds_lives_in_one_process(serve):
    server = serve()
    assert grpc.channel_ready_future(grpc.insecure_channel(server.endpoint)).result(60) is None
    one = study(server, config("RANDOM", settings=""))
    assert len(step(one, 1)) == 1
