"""A suggestion service as Katib's controller meets it: over gRPC, with a tuner in a process of its own."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2
from nas_katib import HEALTH_SERVICES, serving
from nascore.errors import NotFoundError, PermissionDeniedError, UnavailableError
from nascore.tuner.retellings import Retellings

EVOLUTION = "regularized-evolution"
SMALL = {"population_size": "4", "sample_size": "2"}


def value(assignments: dict[str, str]) -> float:
    """A function to be climbed."""
    return float(assignments["--momentum"]) * int(assignments["--num-layers"]) + (assignments["--optimizer"] == "adam")


async def search(controller, steps, *, step=lambda number: None):
    """Three trials at work; in each step two end, one of them sometimes badly, and two more are wanted."""
    await controller.want(3)
    for number in range(steps):
        first, second, *_ = controller.running
        controller.end(second, accuracy=value(controller.trials[second]["assignments"]))
        if number % 5 == 4:
            controller.end(first, "FAILED")
        else:
            controller.end(first, accuracy=value(controller.trials[first]["assignments"]), loss=0.1)
        found = step(number)
        if found is not None:
            await found
        await controller.want(2)
    return controller.found


UNTUNABLE = (
    ({"settings": {"population": "4"}}, "There is no such setting. Did you mean 'population_size'?"),
    ({"settings": {"population_size": "many"}}, "population_size"),
    ({"settings": {"population_size": "4", "sample_size": "9"}}, "sample_size"),
    ({"parameters": ()}, "neither parameters nor a nasConfig"),
    ({"kind": "UNKNOWN"}, "objective.type"),
    ({"name": ""}, "experiment.name"),
    (
        {"parameters": ({"name": "x", "parameter_type": "CATEGORICAL", "feasible_space": {"list": ["a"]}},)},
        "two or",
    ),
)


async def test_what_cannot_be_tuned_is_an_invalid_argument_with_the_sentence(service, katib):
    async with service(EVOLUTION) as controller:
        for change, says in UNTUNABLE:
            with pytest.raises(katib.Refused) as refusal:
                await controller(katib.experiment(**change)).validate()
            assert refusal.value.code is grpc.StatusCode.INVALID_ARGUMENT
            assert says in refusal.value.details
        await controller(katib.experiment(settings=SMALL)).validate()


async def test_a_tuner_of_mixtures_says_that_it_needs_more_than_katib_gives(service, katib):
    async with service("darts") as controller:
        with pytest.raises(katib.Refused, match="INVALID_ARGUMENT"):
            await controller(katib.experiment()).validate()


async def test_a_request_for_no_or_too_many_suggestions_is_refused(service, katib):
    async with service("random") as controller:
        one = controller(katib.experiment())
        request = one.request()
        one.request = lambda: request
        for wanted in (0, -1, 10_001):
            request.current_request_number = wanted
            with pytest.raises(katib.Refused, match="current_request_number"):
                await one.want(1)


async def test_what_is_no_request_is_refused_and_ends_nothing(service, katib):
    async with service("random") as controller:
        one = controller(katib.experiment())
        call = one.channel.unary_unary("/api.v1.beta1.Suggestion/GetSuggestions")
        for raw in (b"", b"\x0a\x00", b"\xff" * 50, b"\x0a\x05hello"):
            with pytest.raises(grpc.aio.AioRpcError):
                await call(raw, timeout=60)
        assert len(await one.want(2)) == 2


async def test_a_chronicle_that_somebody_changed_is_refused(service, katib):
    async with service("random") as controller:
        one = controller(katib.experiment())
        await one.want(1)
        kept, one.settings = one.settings, {"nascore-chronicle": "1 >nonsense"}
        with pytest.raises(katib.Refused, match="INVALID_ARGUMENT: The chronicle of the tuner cannot be read"):
            await one.want(1)
        one.settings = kept
        await one.want(1)


async def test_an_experiment_runs_from_its_first_suggestion_to_its_last(service, katib):
    async with service(EVOLUTION) as controller:
        # Parents are nearly always the best of the population, so that it climbs.
        one = controller(katib.experiment(settings={"population_size": "8", "sample_size": "8"}))
        await one.validate()
        found = await search(one, 20)
    assert len(found) == 43
    assert list(one.trials) == [f"exp-{number:08d}" for number in range(43)]
    assert sum(map(value, found[-12:])) > sum(map(value, found[:12]))
    assert one.settings["nascore-chronicle"].startswith("1 >3 1,0>2 ")


async def test_a_service_that_is_started_anew_goes_on_as_if_nothing_had_been(service, katib):
    message = katib.experiment(settings=SMALL)
    async with service(EVOLUTION) as controller:
        expected = await search(controller(message), 4)
    one = katib.Controller(None, message)
    for number in range(5):  # A service for every request.
        async with service(EVOLUTION) as controller:
            one.channel = controller(message).channel
            if not number:
                await one.want(3)
                continue
            first, second, *_ = one.running
            one.end(second, accuracy=value(one.trials[second]["assignments"]))
            one.end(first, accuracy=value(one.trials[first]["assignments"]), loss=0.1)
            await one.want(2)
    assert one.found == expected


async def test_an_answer_that_katib_could_not_store_is_given_again(service, katib):
    message = katib.experiment(settings=SMALL)
    async with service(EVOLUTION) as controller:
        expected = await search(controller(message), 6)
    async with service(EVOLUTION) as controller:
        one = controller(message)
        assert await search(one, 6, step=lambda number: one.want(2, is_stored=False)) == expected


async def test_trials_that_katib_has_not_made_yet_are_not_suggested_again(service, katib):
    async with service("random") as controller:
        one = controller(katib.experiment(settings={"without_repetition": "true"}))
        await one.want(2, are_created=False)
        await one.want(2, are_created=False)
    async with service("random") as controller:
        one.channel = controller(one.experiment).channel
        await one.want(2)
    assert len({str(each) for each in one.found}) == 6
    assert len(one.trials) == 6


async def test_trials_that_somebody_deleted_are_missed_and_the_numbers_go_on(service, katib):
    async with service(EVOLUTION) as controller:
        one = controller(katib.experiment(settings=SMALL))
        await search(one, 3)
    ended = [name for name in one.trials if name not in one.running][:2]
    for name in ended:
        del one.trials[name]
    one.suggestions = [each for each in one.suggestions if each["name"] not in ended]
    one.requests -= 2
    async with service(EVOLUTION) as controller:
        one.channel = controller(one.experiment).channel
        await one.want(1)
    assert one.suggestions[-1]["name"] == "exp-00000009"


async def test_a_controller_that_gives_neither_labels_nor_settings_back_is_served(service, katib):
    async with service(EVOLUTION) as controller:
        one = controller(katib.experiment(settings=SMALL))
        for number in range(8):
            await one.want(2)
            one.settings = {}
            for trial in one.trials.values():
                trial["labels"] = {}
            for name in one.running:
                one.end(name, accuracy=number)
    assert len(one.trials) == 16


async def test_three_experiments_at_once_keep_apart(service, katib):
    messages = [katib.experiment(f"exp-{letter}", settings=SMALL) for letter in "abc"]
    async with service(EVOLUTION) as controller:
        together = await asyncio.gather(*(search(controller(message), 4) for message in messages))
    assert len({str(found) for found in together}) == 3
    # One tuner at a time, so that each is closed and made again whenever another experiment is asked for.
    async with service(EVOLUTION, most_open=1) as controller:
        in_turns = [await search(controller(message), 4) for message in messages]
    assert in_turns == together


async def test_a_network_of_layers_is_searched(service, katib):
    sizes = {"list": ["3", "5"]}
    operations = [
        {
            "operation_type": kind,
            "parameter_specs": {
                "parameters": [{"name": "filter_size", "parameter_type": "CATEGORICAL", "feasible_space": sizes}]
            },
        }
        for kind in ("convolution", "separable_convolution")
    ]
    config = {
        "graph_config": {"num_layers": 4, "input_sizes": [32, 32, 3], "output_sizes": [10]},
        "operations": {"operation": operations},
    }
    message = katib.experiment(parameters=(), nas_config=config, settings=SMALL)
    async with service(EVOLUTION) as controller:
        one = controller(message)
        await one.validate()
        await one.want(6)
    for number, name in enumerate(one.running):
        one.end(name, accuracy=number / 10)
    async with service(EVOLUTION) as controller:
        one.channel = controller(message).channel
        (found,) = await one.want(1)
    assert set(found) == {"architecture", "nn_config"}


async def test_a_space_that_is_used_up_is_said_in_a_sentence(service, katib):
    one_of_two = katib.parameter("x", "CATEGORICAL", list=["a", "b"])
    message = katib.experiment(parameters=(one_of_two,), settings={"without_repetition": "true"})
    async with service("random") as controller:
        one = controller(message)
        with pytest.raises(katib.Refused, match=r"nothing more to propose: of 3 proposals .* it has 2"):
            await one.want(3)
        assert len(await one.want(2)) == 2
        with pytest.raises(katib.Refused, match="it has 0"):
            await one.want(1)


async def test_katibs_probe_finds_the_service_in_health():
    async with serving(Retellings("random"), port=0) as address, grpc.aio.insecure_channel(address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        assert "manager.v1beta1.Suggestion" in HEALTH_SERVICES
        for name in HEALTH_SERVICES:
            found = await check(health_pb2.HealthCheckRequest(service=name), timeout=60)
            assert found.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_tuner_that_is_not_there_is_said_at_the_start():
    with pytest.raises(NotFoundError, match="nowhere"):
        async with serving(Retellings("nowhere"), port=0):
            pytest.fail("It served.")


async def test_a_host_that_others_reach_must_be_allowed():
    with pytest.raises(PermissionDeniedError, match="neither encryption nor tokens"):
        async with serving(Retellings("random"), host="0.0.0.0", port=0):
            pytest.fail("It served.")
    async with serving(Retellings("random"), host="0.0.0.0", port=0, insecure=True) as address:
        assert address.startswith("0.0.0.0:")


async def test_a_port_that_is_taken_is_said():
    async with serving(Retellings("random"), port=0) as address:
        with pytest.raises(UnavailableError, match="cannot be listened on"):
            async with serving(Retellings("random"), port=int(address.rpartition(":")[2])):
                pytest.fail("It served.")
