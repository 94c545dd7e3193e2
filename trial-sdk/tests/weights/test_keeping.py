import pytest
import torch
from nas_trial.weights.keeping import Keeping
from nascore.errors import InvalidInputError, NotFoundError
from nascore.record import Direction, Objective
from nascore.weights import DirectoryStore

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
