import asyncio
from dataclasses import replace

import pytest
from nascore.errors import ConflictError, HeldError, InvalidInputError, NotFoundError, StateError
from nascore.experiment import archive, experiment_folder, home_folder, new_identifier
from nascore.record import ExperimentAction, ExperimentSpec, ExperimentState, Limits, TrialState


async def test_create_is_repeated_by_its_request_id_even_after_a_restart(world, space):
    experiments = await world.open()
    spec = ExperimentSpec(tuner="climber", space=space, name="first")
    engine = await experiments.create(spec, request_id="c")
    assert await experiments.create(spec, request_id="c") is engine
    await experiments.close()
    experiments = await world.open()
    again = await experiments.create(spec, request_id="c")
    assert again.id == engine.id
    assert again.record().spec.seed == engine.record().spec.seed is not None
    with pytest.raises(ConflictError, match="'c' created another experiment"):
        await experiments.create(replace(spec, seed=3), request_id="c")
    assert len(experiments.list()) == 1


async def test_experiment_is_found_by_id_beginning_name_and_last(world, space):
    experiments = await world.open()
    made = []
    for identifier, name in (("aaaaaaa2", "blue"), ("aaaabbb2", "green")):
        world.clock.now += 1
        spec = ExperimentSpec(tuner="climber", space=space, name=name)
        made.append(await experiments.create(spec, request_id=name, identifier=identifier))
    assert [experiments.get(word) for word in ("aaaaaaa2", "aaaaa", "blue")] == [made[0]] * 3
    assert experiments.get("last") is made[1]
    assert [record.spec.name for record in experiments.list()] == ["green", "blue"]
    with pytest.raises(NotFoundError, match="several experiments: aaaabbb2, aaaaaaa2"):
        experiments.get("aaaa")
    with pytest.raises(NotFoundError, match="Did you mean 'green'"):
        experiments.get("gren")
    with pytest.raises(ConflictError, match="aaaaaaa2 already"):
        await experiments.create(ExperimentSpec(tuner="climber"), request_id="x", identifier="aaaaaaa2")
    with pytest.raises(InvalidInputError, match="is not the id"):
        await experiments.create(ExperimentSpec(tuner="climber"), request_id="y", identifier="../../x")


async def test_unknown_tuner_creates_nothing(world):
    async def refuse(name, history, on_trouble):
        raise NotFoundError(f"no tuner {name}")

    experiments = await world.open()
    experiments._connect = refuse
    with pytest.raises(NotFoundError, match="no tuner nobody"):
        await experiments.create(ExperimentSpec(tuner="nobody"), request_id="c")
    assert experiments.list() == ()


async def test_only_an_ended_experiment_is_deleted_and_repeating_it_is_harmless(world):
    engine = await world.begin()
    experiments = world.opened[-1]
    with pytest.raises(StateError, match=r"has not ended.*Stop it first"):
        await experiments.delete(engine.id, request_id="d")
    await engine.update("s", action=ExperimentAction.STOP)
    await experiments.delete(engine.id, request_id="d")
    await experiments.close()
    experiments = await world.open()
    await experiments.delete(engine.id, request_id="d")
    with pytest.raises(NotFoundError, match="There are none yet"):
        await experiments.delete(engine.id, request_id="other")


async def test_second_opening_is_refused_and_names_the_first(world):
    experiments = await world.open()
    experiments.hold.update(address="unix:here")
    with pytest.raises(HeldError, match="serving at unix:here"):
        await world.open()
    await experiments.close()
    await world.open()


async def test_archive_reads_beside_a_live_server(world, tmp_path, two_objectives):
    folder = experiment_folder(tmp_path, new_identifier())
    folder.mkdir(parents=True)
    world.database = folder / "log.db"
    engine = await world.begin(limits=Limits(max_trials=5))
    for accuracy in (0.2, 0.8):
        await world.done(engine, await world.take(engine), accuracy)
    loaded = archive.load(tmp_path, "last")
    assert loaded.record == replace(engine.record(), elapsed_s=loaded.record.elapsed_s)
    assert loaded.trials == engine.trials()
    assert archive.best(loaded) == engine.best()
    assert (loaded.folder, loaded.database) == (folder, world.database)
    await world.done(engine, await world.take(engine))
    assert archive.load_database(world.database).record.counts[TrialState.SUCCEEDED] == 3
    await world.opened[-1].close()
    assert [record.id for record in archive.find(tmp_path)] == [engine.id]


async def test_damaged_log_does_not_hide_the_others(world, tmp_path, caplog):
    for name in ("aaaaaaaa", "bbbbbbbb"):
        experiment_folder(tmp_path, name).mkdir(parents=True)
    world.database = experiment_folder(tmp_path, "aaaaaaaa") / "log.db"
    engine = await world.begin()
    (experiment_folder(tmp_path, "bbbbbbbb") / "log.db").write_bytes(b"rubbish" * 1000)
    assert [record.id for record in archive.find(tmp_path)] == [engine.id]
    assert "bbbbbbbb" in caplog.text
    with pytest.raises(NotFoundError):
        archive.load(tmp_path, "nothing")
    assert archive.find(tmp_path / "empty") == ()


def test_home_comes_from_the_environment(tmp_path):
    assert home_folder({"NASCORE_HOME": str(tmp_path)}) == tmp_path
    assert home_folder({}).name == ".nascore"
    for wrong in ("..", "a/b", "ABCDEFGH", "short"):
        with pytest.raises(InvalidInputError):
            experiment_folder(tmp_path, wrong)


async def test_several_experiments_run_side_by_side(world, space):
    first = await world.begin()
    second = await world.opened[-1].create(
        ExperimentSpec(tuner="climber", seed=7, space=space, name="second"), request_id="2"
    )
    leases = [await world.take(engine) for engine in (first, second)]
    assert leases[0].proposal == leases[1].proposal
    await world.done(second, leases[1])
    assert first.record().counts[TrialState.SUCCEEDED] == 0
    await second.update("stop", action=ExperimentAction.STOP)
    assert first.record().state is ExperimentState.RUNNING


async def test_experiment_that_is_resumed_meanwhile_is_not_deleted(world):
    engine = await world.begin()
    stopping = asyncio.create_task(engine.update("s", action=ExperimentAction.STOP))
    deleting = asyncio.create_task(world.opened[-1].delete(engine.id, request_id="d"))
    resuming = asyncio.create_task(engine.update("r", action=ExperimentAction.RESUME))
    await asyncio.gather(stopping, resuming)
    with pytest.raises(StateError, match="has not ended"):
        await deleting
    await world.take(engine)


async def test_id_that_is_being_created_is_taken(world, space):
    experiments = await world.open()
    spec = ExperimentSpec(tuner="climber", space=space)
    first = asyncio.create_task(experiments.create(spec, request_id="a", identifier="aaaaaaa2"))
    second = asyncio.create_task(experiments.create(spec, request_id="b", identifier="aaaaaaa2"))
    with pytest.raises(ConflictError, match="aaaaaaa2 already"):
        await second
    engine = await first
    assert (await world.take(engine)).trial == 0


async def test_closing_lets_go_of_the_tuner_of_a_creation(world, space):
    experiments = await world.open()
    connect, closed, is_opening = world.connect, [], asyncio.Event()

    async def endless(*arguments, **named):
        is_opening.set()
        await asyncio.Event().wait()

    async def slow(*arguments):
        session = await connect(*arguments)
        close = session.close

        async def note():
            await asyncio.sleep(0.02)
            closed.append(session)
            await close()

        session.close = note
        session.open = endless
        return session

    experiments._connect = slow
    creating = asyncio.create_task(experiments.create(ExperimentSpec("climber", space=space), request_id="c"))
    await is_opening.wait()
    await experiments.close()
    assert closed == world.sessions != []
    await asyncio.gather(creating, return_exceptions=True)
