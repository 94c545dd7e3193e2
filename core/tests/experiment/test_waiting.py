import asyncio

from nascore.experiment.waiting import Waiters
from nascore.record import LeaseAnswer, LeaseStatus

NONE_YET = LeaseAnswer(LeaseStatus.NONE_YET)
ENDED = LeaseAnswer(LeaseStatus.ENDED)


async def test_request_that_comes_again_right_after_its_answer_keeps_its_place(world):
    waiters = Waiters(world.clock)

    def wait(waiter):
        return asyncio.create_task(waiters.wait(waiter, max_wait_s=100, on_timeout=lambda: None))

    first = wait(waiters.join("w", "same"))
    await asyncio.sleep(0)
    waiters.give(waiters.take(), NONE_YET)
    second = wait(waiters.join("w", "same"))  # Before the first call has run on with its answer.
    assert await first == NONE_YET
    assert len(waiters) == 1
    waiters.give(waiters.take(), ENDED)
    assert await asyncio.wait_for(second, 60) == ENDED
