"""Which weights of an experiment are kept, whichever worker trained them, and what its token sees of them."""

import asyncio
import threading
import time

import pytest
import torch
from nas_trial.weights import Uploader, load, save
from nas_trial.weights.keeping import Keeping
from nascore.client import Client
from nascore.client.weights import Weights
from nascore.errors import InvalidInputError, NotFoundError, PermissionDeniedError, UnavailableError, UnsupportedError
from nascore.record import Direction, Objective
from nascore.service import Scope, TokenFile, generate_token, make_grant
from nascore.service.weight_server import serve_weights
from nascore.weights import OWN, DirectoryStore

EXPERIMENT = "abcdefgh"

ACCURACY = Objective("accuracy")
LOSS = Objective("loss", Direction.MINIMIZE)


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path)


def kept(store, keeps, goal, values):
    keeping = Keeping(store, keeps, goal=goal)
    metric = "accuracy" if goal is None else goal.metric
    return [
        keeping.keep(
            {"w": torch.full((5000,), trial + 0.5)}, trial=trial, parents=(), architecture="", metrics={metric: value}
        )
        for trial, value in enumerate(values)
    ]


def trials(store):
    return {store.manifest(checkpoint).trial for checkpoint in store.list()}


@pytest.mark.parametrize("keeps", [0, -1, 2.5, "all", None, False])
def test_what_is_no_number_is_refused(store, keeps):
    with pytest.raises(InvalidInputError, match="keeps_weights is"):
        Keeping(store, keeps, goal=ACCURACY)


@pytest.mark.parametrize(("keeps", "goal"), [(True, ACCURACY), (2, None)])
def test_all_are_kept_unless_a_number_and_a_goal_say_otherwise(store, keeps, goal):
    kept(store, keeps, goal, [0.3, 0.1, 0.2, 0.0])
    assert trials(store) == {0, 1, 2, 3}


@pytest.mark.parametrize(("goal", "best"), [(ACCURACY, {1, 2}), (LOSS, {0, 3})])
def test_the_newest_and_the_best_are_kept_and_the_disk_does_not_grow(store, goal, best):
    checkpoints = kept(store, 2, goal, [0.1, 0.9, 0.8, 0.2, 0.3, 0.4, 0.5, 0.5, 0.6])
    assert trials(store) == best | {7, 8}
    assert {reference.name for reference in store.references("default")} == {"recent-0", "recent-1"}
    with pytest.raises(NotFoundError):
        store.get(checkpoints[5])
    assert sum(file.stat().st_size for file in store.folder.glob("blobs/*/*")) <= 6 * 20_100


def state(number):
    return {"w": torch.full((5000,), number + 0.5)}


@pytest.fixture
def far(store, tmp_path_factory):
    """Opens the store as a worker elsewhere does, with a token that is kept to the experiment."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    file, token = TokenFile(tmp_path_factory.mktemp("tokens") / "tokens.json"), generate_token()
    file.add(make_grant(Scope.WORKER, token=token, now=time.time(), experiments=(EXPERIMENT,)))
    serving = serve_weights(store, address="unix:", token=generate_token(), token_file=file)
    server = asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
    with Client(server.address, token=token.reveal()) as client:
        weights = Weights.of(client, experiment=EXPERIMENT, is_folder_shared=False)
        yield weights
        weights.close()
    asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def near(tmp_path, store):
    """The same store as a worker opens it that sees the folder."""
    opened = DirectoryStore(tmp_path)
    yield opened
    opened.close()


def test_workers_near_and_far_keep_the_newest_and_the_best_of_all(store, near, far):
    keepings = [Keeping(each, 2, goal=ACCURACY, experiment=EXPERIMENT) for each in (near, far)]
    for trial, value in enumerate([0.1, 0.2, 0.9, 0.8, 0.3, 0.4, 0.5, 0.6, 0.7]):
        keepings[trial % 2].keep(state(trial), trial=trial, parents=(), architecture="", metrics={"accuracy": value})
    assert trials(store) == {2, 3, 7, 8}
    assert {one.name for one in store.references(EXPERIMENT)} == {"recent-0", "recent-1"}
    assert not store.references(OWN)
    assert not store.checkpoints(experiment=OWN).checkpoints


def test_a_token_that_is_kept_to_the_experiment_sees_the_weights_of_all_its_workers(near, far):
    made = [
        Keeping(each, True, goal=ACCURACY, experiment=EXPERIMENT).keep(
            state(trial), trial=trial, parents=(), architecture="", metrics={"accuracy": 0.5}
        )
        for trial, each in enumerate([near, far, near])
    ]
    assert [one.checkpoint for one in far.checkpoints(experiment=EXPERIMENT).checkpoints] == made
    net = torch.nn.ParameterDict({"w": torch.nn.Parameter(torch.zeros(5000))})
    for trial, checkpoint in enumerate(made):
        load(checkpoint, far, into=net)
        assert net["w"][0] == trial + 0.5


def test_a_token_that_is_kept_to_the_experiment_sees_no_weights_of_another(near, far):
    theirs = Keeping(near, True, goal=None, experiment="another").keep(
        state(0), trial=0, parents=(), architecture="", metrics={}
    )
    with pytest.raises(NotFoundError):
        far.get(theirs)
    with pytest.raises(PermissionDeniedError):
        far.checkpoints(experiment="another")


@pytest.mark.parametrize("error", [UnavailableError("no"), NotFoundError("no"), UnsupportedError("no"), OSError("no")])
def test_weights_are_kept_although_older_ones_cannot_be_let_go(store, near, far, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(DirectoryStore, "keep_best", fail)
    monkeypatch.setattr(Weights, "retain", fail)
    for trial, each in enumerate([near, far]):
        keeping = Keeping(each, 1, goal=ACCURACY, experiment=EXPERIMENT)
        made = keeping.keep(state(trial), trial=trial, parents=(), architecture="", metrics={"accuracy": 0.5})
        assert store.reference(EXPERIMENT, "recent-0").checkpoint == made


@pytest.mark.parametrize(("words", "experiment"), [({}, OWN), ({"experiment": EXPERIMENT}, EXPERIMENT)])
def test_what_is_saved_by_hand_belongs_to_no_experiment_unless_one_is_named(store, words, experiment):
    saved = save(state(0), store, trial=0, name="good", **words)
    with Uploader(store, **words) as uploader:
        uploader.save(state(1), trial=1, name="newest")
    assert {one.name for one in store.references(experiment)} == {"good", "newest"}
    assert saved == store.reference(experiment, "good").checkpoint
    assert {one.experiment for one in store.checkpoints().checkpoints} == {experiment}


def test_what_is_saved_by_hand_at_a_server_belongs_to_the_experiment_of_the_access(store, far):
    save(state(0), far, trial=0, name="good")
    assert store.reference(EXPERIMENT, "good")
