import threading

from nas_trial.heartbeat import Heartbeat
from nascore.errors import LeaseSupersededError
from nascore.record import Command, Lease, Proposal, Renewal
from nascore.space import Architecture

FIRST, SECOND = (Lease(n, 1, 0.03, Proposal(n, Architecture({})), seed=0, attempt=1) for n in (0, 1))


class Watcher:
    def __init__(self):
        self.lost = threading.Event()

    def stop(self, reason):
        pass

    def lose(self, reason):
        self.lost.set()


def test_the_loss_of_a_trial_that_has_ended_leaves_the_next_lease_alone():
    asked, go_on, renewed = threading.Event(), threading.Event(), threading.Event()

    def renew(lease):
        if lease is FIRST:
            asked.set()
            assert go_on.wait(60)
            raise LeaseSupersededError("Trial 0 has ended.")
        renewed.set()
        return Renewal(Command.CONTINUE, 0.03)

    heartbeat, first = Heartbeat(renew), Watcher()
    heartbeat.keep(FIRST, first)
    assert asked.wait(60)
    heartbeat.keep(SECOND, Watcher())
    go_on.set()
    assert first.lost.wait(60)
    assert renewed.wait(60)
    heartbeat.close()


def test_an_error_of_any_kind_is_no_end_of_the_heartbeat():
    again = threading.Event()
    seen = []

    def renew(lease):
        seen.append(lease)
        if len(seen) == 1:
            raise RuntimeError("the event loop is closed")
        again.set()
        return Renewal(Command.CONTINUE, 0.03)

    heartbeat = Heartbeat(renew)
    heartbeat.keep(FIRST, Watcher())
    assert again.wait(60)
    heartbeat.close()


def test_a_closed_heartbeat_has_no_thread():
    heartbeat = Heartbeat(lambda lease: Renewal(Command.CONTINUE, 30.0))
    heartbeat.keep(FIRST, Watcher())
    thread = next(thread for thread in threading.enumerate() if thread.name == "nascore-heartbeat")
    heartbeat.close()
    thread.join(60)
    assert not thread.is_alive()
