"""The standard checks: what each looks at, why it matters, and how to mend what it finds.

None can be left out without a reason that is stated in the report. Not here: running them (``kit``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nascore.testing.conformance import enduring, greeting, proposing, recovery, repeating, sampling
from nascore.testing.conformance.bench import Bench


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: Its name, as ``--only`` and ``--skip`` take it.
        why: What happens to a search with a tuner that fails it.
        mend: What its author does about it.
        examine: Looks at a tuner; raises if it breaks the contract, and `NeedlessError` if there is nothing to look at.
    """

    name: str
    why: str
    mend: str
    examine: Callable[[Bench], None]

    @property
    def what(self) -> str:
        """What it looks at, in one sentence."""
        return (self.examine.__doc__ or "").strip()


HANDSHAKE = "handshake"

CHECKS: tuple[Check, ...] = (
    Check(
        HANDSHAKE,
        "Nothing can be searched with a tuner that does not start.",
        "Serve on $NASCORE_TUNER_SOCKET, print `nascore-tuner v1 ADDRESS`, and answer Describe.",
        greeting.check_handshake,
    ),
    Check(
        "description",
        "The core decides from it what to ask, how to recover, and which options to show.",
        "Correct what Describe answers, or the class attributes of the tuner.",
        greeting.check_description,
    ),
    Check(
        "node-kinds",
        "People choose a tuner by what it claims to handle.",
        "Handle the kind, or leave it out of node_kinds.",
        greeting.check_node_kinds,
    ),
    Check(
        "refusals",
        "A crash leaves people without a clue, and a setting passed over gives them a search that they did not want.",
        "Return the sentence in cannot_tune, also for settings, which nobody else looks at; leave open sessions alone.",
        greeting.check_refusals,
    ),
    Check(
        "known-spaces",
        "A proposal that does not fit its space fails the trial before it begins.",
        "Decide everything that is active and nothing else, or refuse the space with a sentence.",
        proposing.check_known_spaces,
    ),
    Check(
        "generated-spaces",
        "Spaces of users are stranger than those of examples.",
        "Take the example that is shown; look at nesting, shared labels, escapes, empty nodes and constraints.",
        proposing.check_generated_spaces,
    ),
    Check(
        "seeds",
        "Repeating an experiment with another seed would show nothing.",
        "Draw from the seed that comes with each question. A grid skips this check with that reason.",
        proposing.check_seeds,
    ),
    Check(
        "failures",
        "Trials fail in every search; the search must not.",
        "Take an outcome without metrics as one that teaches nothing good.",
        proposing.check_failures,
    ),
    Check(
        "extreme-values",
        "Metrics are any finite numbers; sums and differences of them overflow.",
        "Rank values, or clip them before doing arithmetic with them.",
        proposing.check_extreme_values,
    ),
    Check(
        "foreign-architectures",
        "People put in architectures of their own, and import old results.",
        "Learn from the proposal that comes with the outcome, not from a memory of what was asked.",
        proposing.check_foreign_architectures,
    ),
    Check(
        "exhaustion",
        "A search whose tuner takes back its end never ends, or ends twice.",
        "Once EXHAUSTED, answer EXHAUSTED to every later question.",
        proposing.check_exhaustion,
    ),
    Check(
        "determinism",
        "After a crash another search goes on than the one that was begun.",
        "Draw only from the seeds that come with questions; no clock, no set order, no global generator.",
        repeating.check_determinism,
    ),
    Check(
        "same-question",
        "A question whose answer was lost on the way is put again.",
        "Remember the answer of each number, or make it a function of history and seed.",
        repeating.check_same_question,
    ),
    Check(
        "batches",
        "Questions are put together or singly as it suits the core.",
        "Treat each seed of a question as a question of its own.",
        repeating.check_batches,
    ),
    Check(
        "repeated-tells",
        "Outcomes whose receipt was lost are delivered again; counted twice they mislead.",
        "Pass over outcomes whose seq is not above the last one taken.",
        repeating.check_repeated_tells,
    ),
    Check(
        "late-tells",
        "Old outcomes come again after a reconnection.",
        "Pass over outcomes whose seq is not above the last one taken.",
        repeating.check_late_tells,
    ),
    Check(
        "gaps",
        "Outcomes that are lost silently are lost for the whole search.",
        "Refuse after_seq or told_through above the last seq taken with FAILED_PRECONDITION.",
        repeating.check_gaps,
    ),
    Check(
        "two-sessions",
        "One process serves several experiments or supernets.",
        "Keep all state in the session; none in globals or the class.",
        repeating.check_two_sessions,
    ),
    Check(
        "reopening",
        "A restarted search opens the session again and replays the log into it.",
        "Begin afresh in Open, whatever the session held.",
        repeating.check_reopening,
    ),
    Check(
        "crash-equivalence",
        "A search that was killed goes on as another search.",
        "Keep no state that asks and tells do not rebuild, or declare a lower level.",
        recovery.check_crash_equivalence,
    ),
    Check(
        "snapshots",
        "From a state that lacks something the search goes on as another one.",
        "Save everything that later proposals depend on: counters, generators, what is outstanding.",
        recovery.check_snapshots,
    ),
    Check(
        "damaged-snapshots",
        "A tuner that takes any bytes for its state begins anew and nobody notices.",
        "Check form and version of the state in restore, and raise.",
        recovery.check_damaged_snapshots,
    ),
    Check(
        "one-shot-schedule",
        "A supernet is trained for as long as was said, and then the search ends.",
        "Count TRAIN batches against (warmup_epochs + epochs) * batches_per_epoch, then answer EXHAUSTED for good.",
        sampling.check_schedule,
    ),
    Check(
        "one-shot-derive",
        "What is derived is what people get.",
        "Return at most as many architectures as wanted, each within the space, best first.",
        sampling.check_derived,
    ),
    Check(
        "one-shot-losses",
        "Workers die and losses overflow; the search must end all the same.",
        "Take a sample without metrics as one that teaches nothing.",
        sampling.check_lost_samples,
    ),
    Check(
        "unknown-session",
        "A restarted tuner has no sessions; its error is what makes the core open one.",
        "Answer NOT_FOUND to calls in sessions that are not open, and OK to closing them.",
        enduring.check_unknown_session,
    ),
    Check(
        "garbage",
        "One malformed request must not end the searches of others.",
        "Answer INVALID_ARGUMENT; leave the process and its sessions alone.",
        enduring.check_garbage,
    ),
    Check(
        "deadlines",
        "Calls time out on busy machines, and are repeated.",
        "Finish or forget a call as a whole; answer its repetition alike.",
        enduring.check_deadlines,
    ),
    Check(
        "cancellation",
        "Callers go away in the middle of a call.",
        "Finish or forget a call as a whole; answer its repetition alike.",
        enduring.check_cancellation,
    ),
    Check(
        "memory",
        "A tuner that grows is killed in the middle of a long search.",
        "Keep what later proposals need, and no more; look for lists that are only appended to.",
        enduring.check_memory,
    ),
)
