"""A real tuner in its own process, killed in the middle: the search goes on as if nothing had happened."""

import os
import signal

import psutil
import pytest
from nascore.experiment import Experiments
from nascore.journal import Holder
from nascore.record import ExperimentSpec, TrialState
from nascore.tuner import HostLimits, LocalSession, Plugins
from nascore.tuner.address import connect

TUNER = "regularized-evolution"

pytestmark = pytest.mark.skipif(
    TUNER not in Plugins("nascore.tuners").names(), reason="the plugin nas-evolution is not installed"
)


async def in_process(name, history, on_trouble):
    return LocalSession(Plugins("nascore.tuners").load(name))


def score(architecture):
    return sum(map(ord, "".join(architecture.values()))) % 31 / 31


async def test_killed_tuner_process_continues_the_same_sequence(world_type, tmp_path, space):
    troubles = []

    async def supervised(name, history, on_trouble):
        def note(trouble):
            troubles.append(trouble)
            on_trouble(trouble)

        return await connect(name, history=history, limits=HostLimits(), on_trouble=note)

    found = []
    for name, connector in (("host", supervised), ("local", in_process)):
        world = world_type(tmp_path / f"{name}.db")
        world.connect = connector
        experiments = await Experiments.open(world.database, holder=Holder(1, "h"), connect=connector)
        world.opened.append(experiments)
        spec = ExperimentSpec(TUNER, seed=5, space=space, settings={"population_size": 8, "sample_size": 3})
        engine = await experiments.create(spec, request_id="c")
        for number in range(40):
            lease = await world.take(engine, max_wait_s=30)
            await world.done(engine, lease, score(lease.proposal.architecture))
            if connector is supervised and number == 15:
                for child in psutil.Process().children(recursive=True):
                    if "nascore.tuner.host" in child.cmdline():
                        os.kill(child.pid, signal.SIGKILL)
        assert engine.record().counts[TrialState.SUCCEEDED] == 40
        found.append([trial.proposal for trial in engine.trials()])
        await experiments.close()
    assert found[0] == found[1]
    assert len(troubles) == 1
