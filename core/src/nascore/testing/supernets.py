"""A worker without torch that trains a make-believe supernet, for tests of tuners, servers and the command line.

The candidate named ``good`` has the steepest slope, so every tuner should derive it.
"""

from nascore.client import Client
from nascore.errors import StateError
from nascore.record import Lease, LeaseStatus, Outcome, OutcomeStatus, Proposal, SampleExchange, Scored, Task
from nascore.space import Architecture, Candidate, MixedDecision, OneOf, SearchSpace

KEYS = ("skip", "good", "large")
SPACE = SearchSpace(tuple(OneOf(label, tuple(Candidate(key) for key in KEYS)) for label in ("a", "b")))
COSTS = {(label, key, "parameters"): float(place) for label in ("a", "b") for place, key in enumerate(KEYS)}
_NOTHING = Architecture({})
WORTH = {"skip": 0.1, "good": 0.5, "large": 0.3}


def answered(sample: Proposal) -> Outcome:
    """The loss of a sample, and how it changes with the weights."""
    gradient: tuple[MixedDecision, ...] = ()
    if sample.task is Task.GRADIENT and sample.mixture is not None:
        slopes = tuple(-WORTH[key] for key in KEYS)
        gradient = tuple(MixedDecision(decision.path, slopes) for decision in sample.mixture.decisions)
    return Outcome(OutcomeStatus.COMPLETED, {"loss": 1.0}, gradient=gradient, batches=1)


def accuracy(architecture: Architecture) -> float:
    """Return what a network is worth when it is trained by itself."""
    return sum(WORTH[str(key)] for key in architecture.values())


def searched(exchange: SampleExchange, *, batches_per_epoch: int = 4, want: int = 2) -> list[Proposal]:
    """Train to the end of the schedule; return all samples."""
    exchange.begin(batches_per_epoch=batches_per_epoch, costs=COSTS)
    return went_on(exchange, want=want)


def went_on(exchange: SampleExchange, *, want: int = 2, first: tuple[Proposal, ...] = ()) -> list[Proposal]:
    """Go on with an exchange that has begun, from the samples in hand; return all samples, those included."""
    seen: list[Proposal] = list(first)
    outcomes = [(sample.number, answered(sample)) for sample in first]
    while True:
        following = exchange.exchange(outcomes, want)
        if not following.samples and following.status.value == "exhausted":
            return seen
        seen.extend(following.samples)
        outcomes = [(sample.number, answered(sample)) for sample in following.samples]


def search_outcome(exchange: SampleExchange, count: int = 1) -> Outcome:
    """Return the end of a search: what the tuner derived, three scored networks, and what candidates cost."""
    scored = tuple(Scored(each, {"accuracy": accuracy(each)}) for each in list(SPACE.enumerate())[:3])
    derived = exchange.derive(count)
    metrics = {"loss": 0.5} | ({"accuracy": accuracy(derived[0].architecture)} if derived else {})
    return Outcome(OutcomeStatus.COMPLETED, metrics, derived=derived, scored=scored, costs=COSTS)


def lease_of(client: Client, experiment: str, worker: str = "w") -> Lease:
    """Return the lease of the next trial."""
    answer = client.lease(experiment, worker, max_wait_s=20)
    if answer.lease is None:
        raise StateError(f"There is no trial for {worker!r}: {answer.status.value}.")
    return answer.lease


def worked(client: Client, experiment: str, worker: str = "w") -> list[Lease]:
    """Do all trials of an experiment; return them in order."""
    done: list[Lease] = []
    client.register_space(experiment, worker, SPACE)
    while (answer := client.lease(experiment, worker, max_wait_s=20)).status is not LeaseStatus.ENDED:
        if answer.lease is None:
            continue
        lease = answer.lease
        if lease.proposal.task is Task.SEARCH:
            exchange = client.samples(experiment, worker, lease.trial, lease.epoch)
            searched(exchange)
            outcome = search_outcome(exchange)
            exchange.close()
        else:
            outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": accuracy(lease.proposal.architecture or _NOTHING)})
        client.finish(experiment, worker, lease.trial, lease.epoch, outcome=outcome)
        done.append(lease)
    return done
