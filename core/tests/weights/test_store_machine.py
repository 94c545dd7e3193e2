"""Whatever is done to a store, it answers as a dictionary would."""

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from nascore.errors import ExhaustedResourceError, NotFoundError, StateError
from nascore.testing.fuzz.folders import work_folder
from nascore.weights import Direction, DirectoryStore, MovedNameError, TensorData, compaction
from nascore.weights.access import entry_of

EXPERIMENTS = st.sampled_from(["one", "two"])
NAMES = st.sampled_from(["best", "last"])
VALUES = st.lists(st.integers(0, 7), min_size=1, max_size=3, unique=True)
PLACES = st.integers(0, 100)


def tensor(value):
    count = 17_000 if value % 3 == 0 else value + 1
    return TensorData("F32", (count,), struct.pack("<f", value) * count)


SIZES = {value: tensor(value).size for value in range(8)}
DIGESTS = {value: entry_of("x", tensor(value)).digest for value in range(8)}


class StoreMachine(RuleBasedStateMachine):
    """The model: who holds which checkpoint, what it consists of, names, pins and quotas."""

    def __init__(self):
        super().__init__()
        self.place = work_folder()
        self.folder = Path(self.place.name)
        self.store = DirectoryStore(self.folder)
        self.held = {"one": {}, "two": {}}  # Checkpoint -> loss, oldest first.
        self.released = set()  # Of which experiment, and the checkpoint.
        self.parents = {}
        self.values = {}
        self.names = {}
        self.pinned = set()
        self.quotas = {}
        self.trial = 0

    def teardown(self):
        assert self.store.verify() == ()
        self.store.close()
        self.place.cleanup()

    def used(self, experiment, more=()):
        chosen = {value for checkpoint in self.held[experiment] for value in self.values[checkpoint]}
        return sum(SIZES[value] for value in chosen | set(more))

    def known(self):
        """Those that are held, and their ancestors."""
        found = {checkpoint for held in self.held.values() for checkpoint in held}
        waiting = list(found)
        while waiting:
            if (parent := self.parents[waiting.pop()]) and parent not in found:
                found.add(parent)
                waiting.append(parent)
        return found

    def chosen(self, place):
        everything = sorted({checkpoint for held in self.held.values() for checkpoint in held})
        return everything[place % len(everything)] if everything else None

    @rule(experiment=EXPERIMENTS, values=VALUES, name=st.none() | NAMES, loss=st.integers(0, 3), is_child=st.booleans())
    def put(self, experiment, values, name, loss, is_child):
        self.trial += 1
        parent = self.chosen(self.trial) if is_child else None
        tensors = {f"t{value}": tensor(value) for value in values}
        story = {"trial": self.trial, "metrics": {"loss": loss}, "parents": [parent] if parent else []}
        before = self.used(experiment)
        try:
            checkpoint = self.store.put(tensors, experiment=experiment, name=name or "", **story)
        except ExhaustedResourceError:
            assert self.used(experiment, values) > max(self.quotas[experiment], before)
            return
        self.parents[checkpoint] = parent
        self.values[checkpoint] = tuple(values)
        self.held[experiment][checkpoint] = loss
        self.released.discard((experiment, checkpoint))
        limit = self.quotas.get(experiment)
        assert limit is None or self.used(experiment) <= max(limit, before)
        if name:
            self.names[experiment, name] = checkpoint

    @rule(place=PLACES, experiment=EXPERIMENTS)
    def share(self, place, experiment):
        checkpoint = self.chosen(place)
        if checkpoint is None or checkpoint in self.held[experiment]:
            return
        values = self.values[checkpoint]
        try:
            self.store.commit(self.store.manifest(checkpoint), experiment=experiment)
        except ExhaustedResourceError:
            assert self.used(experiment, values) > self.quotas[experiment]
            return
        self.released.discard((experiment, checkpoint))
        other = "two" if experiment == "one" else "one"
        self.held[experiment][checkpoint] = self.held[other][checkpoint]

    @rule(place=PLACES, experiment=st.sampled_from(["", "one", "two"]))
    def release(self, place, experiment):
        everything = sorted({*(one for _, one in self.released), *(one for held in self.held.values() for one in held)})
        if not everything:
            return
        checkpoint = everything[place % len(everything)]
        has_been = any(one == checkpoint and experiment in ("", name) for name, one in self.released)
        holders = [name for name in self.held if checkpoint in self.held[name] and experiment in ("", name)]
        named = [key for key, found in self.names.items() if found == checkpoint and experiment in ("", key[0])]
        try:
            self.store.release(checkpoint, experiment=experiment)
        except NotFoundError:
            assert not holders
            assert not has_been
        except StateError:
            assert named or checkpoint in self.pinned
        else:
            assert holders or has_been
            assert not holders or not (named or checkpoint in self.pinned)
            self.let_go(holders, checkpoint)

    def let_go(self, experiments, checkpoint):
        for experiment in experiments:
            del self.held[experiment][checkpoint]
            self.released.add((experiment, checkpoint))

    @rule(experiment=EXPERIMENTS, n=st.integers(0, 3), direction=st.sampled_from(Direction))
    def keep_best(self, experiment, n, direction):
        free = set(self.held[experiment]) - set(self.names.values()) - self.pinned
        sign = -1 if direction is Direction.MAXIMIZE else 1
        ranked = sorted(
            (name for name in self.held[experiment] if name in free),
            key=lambda name: sign * self.held[experiment][name],
        )
        assert self.store.keep_best(experiment, "loss", n, direction=direction) == tuple(ranked[n:])
        for checkpoint in ranked[n:]:
            self.let_go([experiment], checkpoint)

    @rule(place=PLACES, is_pinned=st.booleans())
    def pin(self, place, is_pinned):
        if checkpoint := self.chosen(place):
            self.store.pin(checkpoint, is_pinned=is_pinned)
            (self.pinned.add if is_pinned else self.pinned.discard)(checkpoint)

    @rule(experiment=EXPERIMENTS, name=NAMES)
    def unname(self, experiment, name):
        try:
            self.store.unname(experiment, name)
        except NotFoundError:
            assert (experiment, name) not in self.names
        else:
            del self.names[experiment, name]

    @rule(experiment=EXPERIMENTS, name=NAMES, place=PLACES)
    def move_with_an_old_etag(self, experiment, name, place):
        checkpoint = self.chosen(place)
        if checkpoint is None:
            return
        with pytest.raises(MovedNameError):
            self.store.commit(self.store.manifest(checkpoint), experiment=experiment, name=name, if_match="0-old")

    @rule(experiment=EXPERIMENTS, quota=st.none() | st.integers(0, 300_000))
    def limit(self, experiment, quota):
        self.store.set_quota(experiment, quota)
        self.quotas[experiment] = quota
        if quota is None:
            del self.quotas[experiment]

    @rule()
    def collect(self):
        said = self.store.collect(stale_after_s=0, is_rehearsal=True)
        assert self.store.collect(stale_after_s=0) == said
        self.released = {pair for pair in self.released if pair[1] in self.known()}
        kept = {value for held in self.held.values() for checkpoint in held for value in self.values[checkpoint]}
        loose = {value for value in SIZES if value % 3 == 0}
        present = self.store.present(DIGESTS.values())
        assert {value for value in loose if DIGESTS[value] in present} == kept & loose
        assert {DIGESTS[value] for value in kept} <= present

    @rule()
    def rebuild(self):
        self.store.rebuild()

    @rule()
    def open_again(self):
        self.store.close()
        self.store = DirectoryStore(self.folder)

    @invariant()
    def answers_as_the_model(self):
        everything = {checkpoint for held in self.held.values() for checkpoint in held}
        assert set(self.store.list()) == everything
        for experiment, held in self.held.items():
            page = self.store.checkpoints(experiment=experiment, limit=1000)
            assert [listed.checkpoint for listed in page.checkpoints] == list(held)
            assert self.store.usage(experiment).used == self.used(experiment)
            found = {(experiment, ref.name): ref.checkpoint for ref in self.store.references(experiment)}
            assert found == {key: value for key, value in self.names.items() if key[0] == experiment}

    @rule(place=PLACES)
    def get(self, place):
        if checkpoint := self.chosen(place):
            wanted = {f"t{value}": tensor(value) for value in self.values[checkpoint]}
            assert self.store.get(checkpoint) == wanted
            assert self.store.map(checkpoint, is_proven=True) == wanted


QUICK = settings(
    max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@pytest.fixture(autouse=True)
def _compacting(monkeypatch):
    """Every collection compacts the log if that makes it smaller at all."""
    monkeypatch.setattr(compaction, "WORTH_BYTES", 0)


def test_a_store_answers_as_a_dictionary():
    run_state_machine_as_test(StoreMachine, settings=QUICK)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_store_answers_as_a_dictionary_for_long():
    run_state_machine_as_test(StoreMachine, settings=settings(QUICK, max_examples=150, stateful_step_count=60))
