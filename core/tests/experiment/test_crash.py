"""kill -9 at random moments: what was acknowledged is there, once, and the search goes on."""

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from nascore.experiment import archive
from nascore.journal.contract import Entry
from nascore.journal.sqlite_schema import connect_for_reading, stored_entries
from nascore.record import EndReason, TrialState

SEARCH = Path(__file__).with_name("crashing_search.py")
KILLS = 6


def search(database, workers, trials, kills=()):
    """Run the search, killed so many seconds after each start, then to its end; returns the words that it said."""
    command = [sys.executable, SEARCH, database, workers, trials, *kills]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, timeout=100, check=True)
    said = [line.split() for line in done.stdout.splitlines()]
    assert said[-1] == ["end"]
    return said


def moments(seed):
    rng = random.Random(seed)
    return [round(rng.uniform(0.0, 0.12), 4) for _ in range(KILLS)]


def test_every_acknowledged_word_is_there_once_and_the_search_ends(tmp_path):
    database = tmp_path / "log.db"
    said = search(database, 4, 240, moments(seed=1))
    archived = archive.load_database(database)
    trials = archived.trials
    assert archived.record.end_reason is EndReason.TRIALS
    assert archived.record.counts[TrialState.SUCCEEDED] == 240
    for word in said:
        if word[0] == "lease":
            trial = trials[int(word[2])]
            assert trial.epoch >= int(word[3])
            assert trial.proposal.architecture.fingerprint == word[4]
        elif word[0] == "finish":
            assert trials[int(word[2])].state is TrialState.SUCCEEDED
    finished = Counter(word[2] for word in said if word[0] == "finish")
    assert max(finished.values()) == 1
    assert max(Counter(finished_trials(database)).values()) == 1
    asked = [entry for entry in entries(database) if entry.kind == "asked"]
    assert len(asked) == len(trials)


def test_one_worker_gets_the_proposals_of_an_uninterrupted_search(tmp_path):
    search(tmp_path / "killed.db", 1, 80, moments(seed=2))
    search(tmp_path / "calm.db", 1, 80)
    killed, calm = (
        [trial.proposal for trial in archive.load_database(tmp_path / name).trials] for name in ("killed.db", "calm.db")
    )
    assert killed == calm


def entries(database) -> list[Entry]:
    connection = connect_for_reading(database)
    try:
        identifier = connection.execute("SELECT id FROM experiments").fetchone()[0]
        return stored_entries(connection, identifier)
    finally:
        connection.close()


def finished_trials(database):

    return [json.loads(entry.payload)["trial"] for entry in entries(database) if entry.kind == "finished"]
