"""Workers have all given up but the best, where the server's own experiment says which these are."""

import os
import random
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nascore.client.weights import Weights
from nascore.errors import InvalidInputError, NotFoundError, PermissionDeniedError
from nascore.experiment import Experiments
from nascore.journal import Holder
from nascore.record import Asked, Direction, ExperimentSpec, Objective, Outcome, Proposal, Told
from nascore.service import Scope, TokenFile, generate_token, make_grant
from nascore.tuner.contract import NoProposal, Settings, Tuner
from nascore.tuner.local import LocalSession
from nascore.weights import DirectoryStore, TensorData


class Guessing(Tuner[Settings]):
    name = "guessing"
    max_objectives = 2

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        return Proposal(number, self.space.sample(random.Random(seed)))

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        pass


async def session(
    name: str, history: Callable[[], Iterable[Asked | Told]], on_trouble: Callable[[str], None]
) -> LocalSession:
    return LocalSession(Guessing)


@pytest.fixture
def experiments(loop: Any, tmp_path: Path) -> Iterator[Experiments]:
    opened = loop.run(
        Experiments.open(
            tmp_path / "log.db",
            holder=Holder(os.getpid(), socket.gethostname(), "unix:/none", "", 0.0),
            connect=session,
        )
    )
    yield opened
    loop.run(opened.close())


@pytest.fixture
def begin(loop: Any, experiments: Experiments) -> Callable[..., str]:
    """Begins an experiment, and returns its id."""
    numbers = iter(range(100))

    def begin(*objectives: Objective) -> str:
        spec = ExperimentSpec("guessing", objectives=objectives or (Objective("accuracy"),))
        engine = loop.run(experiments.create(spec, request_id=f"create-{next(numbers)}"))
        return str(engine.record().id)

    return begin


@pytest.fixture
def weights(serve: Any, connect: Any, experiments: Experiments, store: DirectoryStore, file: TokenFile) -> Any:
    """Opens the served store with a token of a scope that is kept to experiments; without them with every right."""
    address = serve(experiments, weights=store, token_file=file)

    def opened(*kept: str, scope: Scope = Scope.WORKER) -> Weights:
        if not kept:
            return Weights.of(connect(address), is_folder_shared=False)
        token = generate_token()
        file.add(make_grant(scope, token=token, now=time.time(), experiments=kept))
        return Weights.of(connect(address, token=token.reveal()), experiment=kept[0], is_folder_shared=False)

    return opened


def keep(store: DirectoryStore, experiment: str, values: Iterable[float], *, metric: str = "accuracy") -> list[str]:
    return [
        store.put(
            {"w": TensorData("U8", (100_000,), bytes([trial, len(metric)]) * 50_000)},
            trial=trial,
            experiment=experiment,
            metrics={metric: value},
        )
        for trial, value in enumerate(values)
    ]


def left(store: DirectoryStore, experiment: str) -> set[str]:
    return {one.checkpoint for one in store.checkpoints(experiment=experiment).checkpoints}


@pytest.mark.parametrize("best", [0, 1_000_001])
def test_how_many_stay_is_a_sensible_number(weights: Any, store: DirectoryStore, begin: Any, best: int) -> None:
    experiment = begin()
    made = keep(store, experiment, [0.5])
    with pytest.raises(InvalidInputError, match="best"):
        weights(experiment).retain(experiment, best)
    assert left(store, experiment) == set(made)


def test_an_experiment_that_is_not_hosted_keeps_all(weights: Any, store: DirectoryStore, begin: Any) -> None:
    hosted = begin()
    made = keep(store, "another1", [0.1, 0.2])
    for name in ("another1", "last", hosted[:4], ""):
        with pytest.raises((NotFoundError, InvalidInputError)):
            weights().retain(name, 1)
    assert left(store, "another1") == set(made)


def test_a_server_of_weights_alone_knows_no_best(serve: Any, connect: Any, store: DirectoryStore) -> None:
    made = keep(store, "abcdefgh", [0.1, 0.2])
    with pytest.raises(NotFoundError, match="not hosted here"):
        Weights.of(connect(serve(None, weights=store)), is_folder_shared=False).retain("abcdefgh", 1)
    assert left(store, "abcdefgh") == set(made)


def test_a_token_of_another_experiment_or_one_that_only_reads_may_not(
    weights: Any, store: DirectoryStore, begin: Any
) -> None:
    mine, other = begin(), begin()
    made = keep(store, mine, [0.1, 0.2])
    for caller in (weights(other), weights(mine, scope=Scope.READ)):
        with pytest.raises(PermissionDeniedError):
            caller.retain(mine, 1)
    assert left(store, mine) == set(made)


@pytest.mark.parametrize(("direction", "best"), [(Direction.MAXIMIZE, {1, 3}), (Direction.MINIMIZE, {0, 2})])
def test_the_first_objective_says_which_are_best(
    weights: Any, store: DirectoryStore, begin: Any, direction: Direction, best: set[int]
) -> None:
    experiment = begin(Objective("accuracy", direction), Objective("params", Direction.MINIMIZE))
    made = keep(store, experiment, [0.1, 0.9, 0.2, 0.8])
    assert weights(experiment).retain(experiment, 2) == 2
    assert left(store, experiment) == {made[trial] for trial in best}
    assert weights(experiment).retain(experiment, 2) == 0


def test_named_and_pinned_ones_and_those_of_others_stay(weights: Any, store: DirectoryStore, begin: Any) -> None:
    experiment, other = begin(), begin()
    made, theirs = keep(store, experiment, [0.1, 0.2, 0.3, 0.9]), keep(store, other, [0.1, 0.2], metric="loss")
    store.pin(made[0])
    named = store.put(
        {"w": TensorData("U8", (1,), b"x")}, trial=9, experiment=experiment, metrics={"accuracy": 0.0}, name="recent-0"
    )
    assert weights(experiment).retain(experiment, 1) == 2
    assert left(store, experiment) == {made[0], made[3], named}
    assert left(store, other) == set(theirs)


def test_room_is_made_once_as_many_have_gone_as_stay(weights: Any, store: DirectoryStore, begin: Any) -> None:
    experiment = begin()
    caller = weights(experiment)

    def blobs() -> int:
        return len(list(store.folder.glob("blobs/*/*")))

    keep(store, experiment, [0.1, 0.2, 0.3])
    assert (caller.retain(experiment, 2), blobs()) == (1, 3)
    keep(store, experiment, [0.1, 0.2, 0.3, 0.4])
    assert (caller.retain(experiment, 2), blobs()) == (2, 2)
    assert store.verify() == ()
