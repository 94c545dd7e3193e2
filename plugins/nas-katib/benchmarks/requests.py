"""What a request costs Katib as an experiment grows, and how long the first one takes after a restart.

    python plugins/nas-katib/benchmarks/requests.py --trials 2000

One controller asks for one suggestion at a time, each time with all trials before it: a hyper-parameter experiment with
12 parameters. The client shares the cores with the service and its tuner.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time

import grpc
from nas_katib import serving
from nas_katib.v1beta1 import api_pb2, api_pb2_grpc
from nascore.tuner.retellings import Retellings


def experiment() -> api_pb2.Experiment:
    """Return an experiment with 12 parameters."""
    made = api_pb2.Experiment(name="growing")
    for place in range(10):
        spec = made.spec.parameter_specs.parameters.add(name=f"--p{place}", parameter_type=api_pb2.INT)
        spec.feasible_space.min, spec.feasible_space.max = "1", "9"
    rate = made.spec.parameter_specs.parameters.add(name="--lr", parameter_type=api_pb2.DOUBLE)
    rate.feasible_space.min, rate.feasible_space.max = "0.001", "0.1"
    optimizer = made.spec.parameter_specs.parameters.add(name="--optimizer", parameter_type=api_pb2.CATEGORICAL)
    optimizer.feasible_space.list.extend(("sgd", "adam", "ftrl"))
    made.spec.objective.type, made.spec.objective.objective_metric_name = api_pb2.MAXIMIZE, "accuracy"
    made.spec.algorithm.algorithm_settings.add(name="nascore-chronicle", value="1")
    return made


def ended(suggestion: api_pb2.GetSuggestionsReply.ParameterAssignments, number: int) -> api_pb2.Trial:
    """Return the trial of a suggestion, completed."""
    trial = api_pb2.Trial(name=suggestion.trial_name)
    trial.spec.parameter_assignments.assignments.extend(suggestion.assignments)
    trial.spec.labels.update(suggestion.labels)
    trial.status.condition, trial.status.completion_time = api_pb2.TrialStatus.SUCCEEDED, "2026-01-01T00:00:00Z"
    trial.status.observation.metrics.add(name="accuracy", value=str(number * 37 % 101 / 101))
    return trial


async def asked(channel: grpc.aio.Channel, request: api_pb2.GetSuggestionsRequest) -> float:
    """Ask once, put the answer into the request, and return the seconds it took."""
    began = time.perf_counter()
    reply = await api_pb2_grpc.SuggestionStub(channel).GetSuggestions(request, timeout=600)
    took = time.perf_counter() - began
    request.experiment.spec.algorithm.algorithm_settings[0].value = reply.algorithm.algorithm_settings[0].value
    request.trials.append(ended(reply.parameter_assignments[0], len(request.trials)))
    request.total_request_number += 1
    return took


async def measured(tuner: str, count: int) -> None:
    """Run an experiment, then ask a service that was started anew."""
    request = api_pb2.GetSuggestionsRequest(experiment=experiment(), current_request_number=1, total_request_number=1)
    async with serving(Retellings(tuner), port=0) as address, grpc.aio.insecure_channel(address) as channel:
        laps = [await asked(channel, request) for _ in range(count)]
    for first in sorted({0, count // 2, count - 50}):
        sys.stdout.write(
            f"{tuner}, {first:>6} trials: {1000 * statistics.median(laps[first : first + 50]):8.1f} ms a request\n"
        )
    chronicle = request.experiment.spec.algorithm.algorithm_settings[0].value
    sys.stdout.write(f"{tuner}, chronicle: {len(chronicle) / count:.1f} bytes a trial\n")
    async with serving(Retellings(tuner), port=0) as address, grpc.aio.insecure_channel(address) as channel:
        sys.stdout.write(
            f"{tuner}, restart at {count} trials: {await asked(channel, request):.2f} s to the first answer\n"
        )


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--tuner", default="regularized-evolution")
    arguments = parser.parse_args()
    asyncio.run(measured(arguments.tuner, arguments.trials))


if __name__ == "__main__":
    main()
