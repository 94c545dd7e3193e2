from nas_trial.attempt import Attempt
from nas_trial.post import Post, work_through
from nascore.record import Lease, LeaseAnswer, LeaseStatus, Outcome, OutcomeStatus, Proposal, Task


class Queue(Post):
    """Two attempts at one trial, and the end."""

    def __init__(self):
        super().__init__()
        leases = [Lease(0, epoch, 30.0, Proposal(0, task=Task.SEARCH), seed=1, attempt=epoch) for epoch in (1, 2)]
        self.answers = [LeaseAnswer(LeaseStatus.GRANTED, lease) for lease in leases] + [LeaseAnswer(LeaseStatus.ENDED)]

    def _lease(self):
        return self.answers.pop(0)

    def _finish(self, lease, attempt, *, wants_next):
        return self.answers.pop(0)

    def close(self): ...

    def line(self, lease): ...

    def _register(self, space, *, devices): ...

    def renew(self, lease): ...

    def report(self, lease, step, metrics): ...

    def trial(self, number): ...

    def _give_back(self, lease): ...


def test_what_another_attempt_may_need_is_kept_until_the_last():
    settled = []
    outcome = Outcome(OutcomeStatus.COMPLETED)
    work_through(
        Queue(),
        lambda lease: Attempt(outcome, is_retryable=lease.epoch == 1),
        settle=settled.append,
    )
    assert [lease.epoch for lease in settled] == [2]
