"""Kills writers of one store again and again, and looks after each kill whether every promise was kept.

Run as ``killed_store.py FOLDER KILLS SEED [BUG]``: forks pairs of children that put, upload, commit, name, release and
collect at random and say what was acknowledged; each is killed at a failpoint or at a random moment. With a planted bug
something must be found. The last line says how many kills there were; what is wrong is said before it.
"""

import os
import random
import select
import signal
import struct
import sys
import time
import traceback
from pathlib import Path

from blake3 import blake3
from nascore import failpoints
from nascore.errors import NascoreError
from nascore.weights import Direction, DirectoryStore, Entry, Manifest, TensorData, blob_header, collection, compaction
from nascore.weights.index import Change
from nascore.weights.placing import FilePlacement

PLACES = (
    ("weights.before_stage", 30),
    ("weights.before_ready", 20),
    ("weights.after_ready", 20),
    ("weights.before_write", 40),
    ("weights.before_place", 12),
    ("weights.placing", 30),
    ("weights.after_place", 12),
    ("weights.before_log", 20),
    ("weights.after_log", 20),
    ("weights.before_index", 20),
    ("weights.after_index", 20),
    ("weights.after_dying", 4),
    ("weights.before_unlink", 4),
    ("weights.removing", 12),
    ("weights.after_unlink", 4),
    ("weights.before_compaction", 3),
    ("weights.after_compaction", 3),
    ("weights.after_succession", 3),
)
NAMES = ("best", "last")
LARGE = 20_000


def tensor(value):
    """One of few tensors, so that blobs are shared, die and come back; even ones are large."""
    count = LARGE if value % 2 == 0 else 5
    return TensorData("F32", (count,), struct.pack("<f", value) * count)


def tensors(rng):
    return {f"layer{number}": tensor(rng.randrange(12)) for number in range(rng.randrange(1, 5))}


def upload(store, rng, number):
    """The way of the network: stat, upload, commit."""
    chosen = tensors(rng)
    entries, blobs = [], {}
    for key, data in chosen.items():
        content = blob_header(data.dtype, data.shape) + bytes(data.data)
        digest = blake3(content).hexdigest()
        entries.append(Entry(key, data.dtype, data.shape, digest, data.size))
        blobs[digest] = content
    for digest in blobs.keys() - store.present(blobs):
        with store.upload(digest, len(blobs[digest])) as writer:
            while writer.offset < writer.size:
                writer.write(writer.offset, blobs[digest][writer.offset : writer.offset + 30_000])
            writer.finish()
    manifest = Manifest(number, tuple(entries), metrics={"loss": rng.random()})
    return store.commit(manifest, experiment="default", request_id=f"r{number}").checkpoint


def work(folder, seed, say):
    rng = random.Random(seed)
    store = DirectoryStore(folder)
    for step in range(10_000):
        number = seed * 10_000 + step
        try:
            step_once(store, rng, number, say)
        except NascoreError as error:
            if not error.is_retryable and error.reason not in ("WRONG_STATE", "NOT_FOUND", "CONFLICT"):
                say(f"wrong {type(error).__name__} {error}")


def step_once(store, rng, number, say):
    match rng.randrange(10):
        case 0 | 1 | 2:
            parents = rng.sample(store.list(), 1) if store.list() and rng.random() < 0.5 else []
            found = store.put(tensors(rng), trial=number, parents=parents, metrics={"loss": rng.random()})
            say(f"put {found}")
        case 3 | 4:
            say(f"put {upload(store, rng, number)}")
        case 5:
            name = rng.choice(NAMES)
            chosen = tensors(rng)
            say(f"naming {name}")
            say(f"named {name} {store.put(chosen, trial=number, name=name)}")
        case 6 | 7:
            if listed := store.list():
                chosen = rng.choice(listed)
                say(f"releasing {chosen}")
                store.release(chosen)
                say(f"released {chosen}")
        case 8:
            say("releasing *")
            store.keep_best("default", "loss", 6, direction=Direction.MINIMIZE)
        case 9:
            store.collect(stale_after_s=0.05)


def plant(bug):
    if bug == "row-before-file":
        settle, commit, late = FilePlacement.settle, Change.commit, []

        def settle_late(self, *arguments):
            late.append(lambda: settle(self, *arguments))

        def commit_early(self):
            commit(self)
            failpoints.failpoint("weights.bug")
            while late:
                late.pop()()

        FilePlacement.settle, Change.commit = settle_late, commit_early
    elif bug == "collect-without-dying":

        def mark(connection):
            folder = Path(connection.execute("PRAGMA database_list").fetchone()[2]).parent
            query = "SELECT digest FROM blobs WHERE refs = 0 AND pack = ''"
            for (digest,) in connection.execute(query).fetchall():
                (folder / "blobs" / digest[:2] / f"{digest}.safetensors").unlink(missing_ok=True)
                failpoints.failpoint("weights.bug")
                connection.execute("DELETE FROM blobs WHERE digest = ?", (digest,))

        collection.mark = mark
    elif bug == "successor-of-nobody":
        head_line = compaction.head_line

        def nobodys(identity, **summary):
            failpoints.failpoint("weights.bug")
            return head_line(identity, **summary | {"succeeds": "0" * 16})

        compaction.head_line = nobodys
    elif bug == "index-before-log":

        def commit(self):
            failpoints.failpoint("weights.bug")
            self.connection.execute("COMMIT")

        Change.commit = commit


class Child:
    """A forked writer, and what it has said."""

    def __init__(self, folder, seed, rng, bug):
        read, write = os.pipe()
        place, often = rng.choice(PLACES) if rng.random() < 0.7 else ("", 1)
        if bug:
            place, often = "weights.bug", 3
        at = rng.randrange(often) + 1
        self.pid = os.fork()
        if self.pid == 0:
            os.close(read)
            plant(bug)
            failpoints.arm(f"{place}=kill@{at}" if place else "")
            try:
                work(folder, seed, lambda text: os.write(write, f"{text}\n".encode()))
            except BaseException as error:
                stack = traceback.extract_tb(error.__traceback__)
                frames = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in stack]
                os.write(write, f"wrong {error!r} at {' '.join(frames)}\n".encode())
                raise
            finally:
                os._exit(3)
        os.close(write)
        self.read = read
        self.end = time.monotonic() + (
            rng.uniform(0.01, 0.3) if not place else rng.uniform(0.2, 0.5) * (2 if bug else 1)
        )

    def finish(self):
        """Kill it when its time has come, unless it has died before; return its whole lines."""
        life = os.pidfd_open(self.pid)
        select.select([life], [], [], max(0.0, self.end - time.monotonic()))
        os.close(life)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        with os.fdopen(self.read) as file:
            return [line.strip() for line in file.read().splitlines(keepends=True) if line.endswith("\n")]


def await_death(children):
    """Wait until one has died at its failpoint, which takes the longer the busier the machine is."""
    lives = [os.pidfd_open(child.pid) for child in children]
    select.select(lives, [], [], 5.0)
    for life in lives:
        os.close(life)


def judge(folder, said, kept):
    """Return what is wrong, in sentences; ``kept`` holds what must be there."""
    wrong = [line for lines in said for line in lines if line.startswith("wrong")]
    if any(line == "releasing *" for lines in said for line in lines):
        kept.clear()
    for line in (line for lines in said for line in lines):
        verb, _, rest = line.partition(" ")
        if verb == "put":
            kept.add(rest)
    for line in (line for lines in said for line in lines):
        verb, _, rest = line.partition(" ")
        if verb == "releasing":
            kept.clear() if rest == "*" else kept.discard(rest)
    store = DirectoryStore(folder)
    wrong += [f"damage: {damage}" for damage in store.verify()]
    listed = store.list()
    wrong += [f"acknowledged but lost: {name}" for name in sorted(kept - set(listed))]
    for name in listed:
        try:
            store.get(name)
        except NascoreError as error:
            wrong.append(f"{name}: {error}")
    store.close()
    return wrong + named(folder, said)


def named(folder, said):
    """A name points to the last checkpoint that one child put there, unless somebody else touched it afterwards."""
    store = DirectoryStore(folder)
    wrong = []
    for name in NAMES:
        by = [[line for line in lines if f" {name}" in line] for lines in said]
        touched = [lines for lines in by if lines]
        if len(touched) == 1 and touched[0][-1].startswith("named"):
            wanted = touched[0][-1].split()[2]
            found = store.reference("default", name).checkpoint
            if found != wanted:
                wrong.append(f"{name} points to {found}, not to {wanted}")
    store.close()
    return wrong


def main(folder, kills, seed, bug=""):
    compaction.WORTH_BYTES = 4_000
    rng = random.Random(int(seed))
    kept = set()
    done = 0
    wrong = []
    while done < int(kills) and not wrong:
        children = [Child(folder, done + number + 1, rng, bug) for number in range(2)]
        if bug:
            await_death(children)
        said = [child.finish() for child in children]
        done += len(children)
        wrong = judge(folder, said, kept)
        if not wrong and rng.random() < 0.1:
            DirectoryStore(folder).rebuild()
            wrong = judge(folder, [], kept)
    for text in wrong[:10]:
        sys.stdout.write(f"{text}\n")
    sys.stdout.write(f"{done} kills, {len(DirectoryStore(folder).list())} checkpoints\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
