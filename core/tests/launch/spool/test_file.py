import errno
import os
import secrets
import signal
import stat
import subprocess
import sys
import zlib

import pytest
from nascore import failpoints
from nascore.launch.spool import Parcel, ParcelKind, Spool, spool_folder
from nascore.record import Outcome, OutcomeStatus
from nascore.record.jsonform import outcome_to_json

OWNER = {"experiment": "abcdefgh", "worker": "worker-0"}


def report(step, trial=0):
    return Parcel(ParcelKind.REPORT, secrets.token_hex(16), trial, 1, {"step": step, "metrics": {"accuracy": step / 7}})


def outcome(trial=0, **metrics):
    told = outcome_to_json(Outcome(OutcomeStatus.COMPLETED, metrics))
    content = {"outcome": told, "checkpoint": "", "is_retryable": False, "wants_next": True}
    return Parcel(ParcelKind.OUTCOME, secrets.token_hex(16), trial, 1, content)


@pytest.fixture
def spool(tmp_path):
    opened = []

    def start(**settings):
        opened.append(Spool(tmp_path, **{**OWNER, **settings}))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def arm():
    yield failpoints.arm
    failpoints.arm("")


def file_of(spool):
    return spool.folder / "parcels"


def again(spool, before, **settings):
    before.close()
    return spool(**settings)


def test_what_is_not_acknowledged_is_there_for_the_next_process(spool):
    first = spool()
    parcels = [report(1), report(2), outcome(accuracy=1 / 3)]
    for parcel in parcels:
        first.add(parcel)
    first.done(parcels[:1])
    second = again(spool, first)
    assert list(second.pending) == parcels[1:]
    assert second.pending[1].outcome.metrics == {"accuracy": 1 / 3}
    second.done(parcels)
    assert again(spool, second).pending == ()


def test_the_folder_is_private_and_no_name_becomes_a_path(tmp_path, spool):
    opened = spool(experiment="../..", worker="/etc/passwd\0\udcff")
    opened.add(report(1))
    assert opened.folder.parent == tmp_path / "spool"
    assert opened.folder == spool_folder(tmp_path, "../..", "/etc/passwd\0\udcff")
    assert set(opened.folder.name) <= set("0123456789abcdef")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (opened.folder.parent, opened.folder, file_of(opened))]
    assert modes == [0o700, 0o700, 0o600]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_costs_that_line_alone(spool, cut):
    first = spool()
    parcels = [report(1), report(2)]
    for parcel in parcels:
        first.add(parcel)
    os.truncate(file_of(first), file_of(first).stat().st_size - cut)
    second = again(spool, first)
    assert list(second.pending) == parcels[:1]
    second.add(report(3))
    assert [parcel.content["step"] for parcel in again(spool, second).pending] == [1, 3]


def test_every_flipped_bit_is_found(spool, caplog):
    first = spool()
    first.add(report(1))
    header, line = file_of(first).read_bytes().splitlines(keepends=True)
    first.close()
    for place in range(len(line) - 1):
        altered = bytearray(line)
        altered[place] ^= 1 << (place % 8)
        file_of(first).write_bytes(header + bytes(altered))
        opened = spool()
        assert opened.pending == ()
        opened.close()
    assert "not what was written, and are left out" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b'{"add": {"kind": "outcome"}}',
        b'{"add": {"kind": "report", "request_id": "1", "trial": 1, "epoch": 1, "content": {}}}',
        b'{"add": {"kind": "outcome", "request_id": "1", "trial": 1, "epoch": 1, "content": {"outcome":'
        b' {"status": "?"}, "checkpoint": "", "is_retryable": false}}}',
        b'{"add": {"kind": "?", "request_id": "1", "trial": 1, "epoch": 1, "content": {}}}',
    ],
)
def test_a_line_that_is_whole_but_no_parcel_is_left_out(spool, text, caplog):
    first = spool()
    first.add(report(1))
    with file_of(first).open("ab") as file:
        file.write(b"%08x %s\n" % (zlib.crc32(text), text))
    assert len(again(spool, first).pending) == 1
    assert "1 lines are not what was written" in caplog.text


def test_a_file_of_another_version_is_left_alone(spool, caplog):
    first = spool()
    text = b'{"format": 2, "experiment": "abcdefgh", "worker": "worker-0"}'
    content = b"%08x %s\n" % (zlib.crc32(text), text)
    file_of(first).write_bytes(content)
    second = again(spool, first)
    second.add(report(1))
    assert second.place == "memory"
    assert file_of(first).read_bytes() == content
    assert "has format 2" in caplog.text


def test_a_second_process_of_the_same_worker_keeps_its_parcels_in_memory(spool):
    first = spool()
    first.add(report(1))
    code = (
        "import sys; from pathlib import Path; from nascore.launch.spool import Spool;"
        f"opened = Spool(Path(sys.argv[1]), **{OWNER!r}); print(opened.place, opened.pending)"
    )
    arguments = [sys.executable, "-c", code, str(first.folder.parent.parent)]
    found = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert found.stdout == "memory ()\n"
    assert "another process of the worker 'worker-0' uses" in found.stderr
    assert len(first.pending) == 1


def test_the_oldest_reports_are_thinned_and_outcomes_stay(spool):
    opened = spool(max_bytes=20_000)
    early, late = outcome(0, accuracy=0.5), outcome(1, accuracy=0.6)
    opened.add(early)
    for step in range(1, 400):
        opened.add(report(step, trial=1))
        assert file_of(opened).stat().st_size <= 20_000
    opened.add(late)
    kept = again(spool, opened).pending
    steps = [parcel.content["step"] for parcel in kept if parcel.kind is ParcelKind.REPORT]
    assert steps == sorted(steps)
    assert steps[-20:] == list(range(380, 400))
    assert 40 < len(steps) < 200
    assert steps[0] == 1
    assert [parcel for parcel in kept if parcel.kind is ParcelKind.OUTCOME] == [early, late]


def test_memory_is_bounded_without_a_disk(spool):
    opened = Spool(None, **OWNER, max_bytes=10_000)
    for step in range(1, 2000):
        opened.add(report(step))
    assert len(opened.pending) < 100
    assert opened.pending[-1].content["step"] == 1999
    opened.done(opened.pending)
    assert opened.pending == ()


def test_a_file_without_anything_pending_stays_small(spool):
    opened = spool()
    for number in range(2000):
        parcel = outcome(number, accuracy=0.5)
        opened.add(parcel)
        opened.done([parcel])
    assert file_of(opened).stat().st_size < 2**17


@pytest.mark.parametrize("place", ["spool.before_write", "spool.before_sync"])
def test_a_full_disk_costs_no_parcel_and_heals(spool, arm, caplog, place):
    opened = spool()
    opened.add(report(1))
    opened.sync()
    arm(f"{place}=error:ENOSPC")
    for step in (2, 3):
        opened.add(report(step))
    assert [parcel.content["step"] for parcel in opened.pending] == [1, 2, 3]
    assert opened.place == "memory"
    assert caplog.text.count("parcels stay in memory") == 1
    assert os.strerror(errno.ENOSPC) in caplog.text
    arm("")
    opened.add(report(4))
    assert "can be written again" in caplog.text
    assert [parcel.content["step"] for parcel in again(spool, opened).pending] == [1, 2, 3, 4]


def test_a_home_that_cannot_be_written_is_said_once(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    opened = Spool(tmp_path / "file", **OWNER)
    opened.add(report(1))
    assert opened.pending[0].content["step"] == 1
    assert caplog.text.count("kept in memory only") == 1


def write_until_killed(home, said, rule):
    opened = Spool(home, **OWNER, max_bytes=8_000)
    failpoints.arm(rule)
    opened.sync()
    for step in range(1, 200):
        opened.add(report(step))
        os.write(said, f"{step} ".encode())
        if step % 3 == 0:
            opened.done(opened.pending[:1])


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize(
    "place", ["before_write", "after_write", "before_sync", "after_sync", "before_done", "before_rename"]
)
def test_a_kill_at_any_step_loses_nothing_that_was_kept(tmp_path, place):
    reading, writing = os.pipe()
    rule = f"spool.{place}=kill@{1 if place == 'before_rename' else 12}"
    if not (pid := os.fork()):
        try:
            write_until_killed(tmp_path, writing, rule)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as text:
        said = [int(step) for step in text.read().split()]
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    opened = Spool(tmp_path, **OWNER)
    steps = [parcel.content["step"] for parcel in opened.pending]
    opened.close()
    first = len(said) // 3 + 1
    assert steps[-1] - said[-1] in (0, 1)
    assert steps[0] in (first, first - 1)
    assert steps == list(range(steps[0], steps[-1] + 1))
    assert [path.name for path in opened.folder.iterdir()] == ["parcels"]
