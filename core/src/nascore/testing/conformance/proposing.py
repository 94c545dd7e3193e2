"""Checks of the proposals: they fit the space, whatever space, and come from their seeds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from random import Random

from nascore.errors import ConstraintError, UnsupportedError
from nascore.record import Outcome, OutcomeStatus, Proposal
from nascore.space import SearchSpace
from nascore.testing.conformance.bench import Bench
from nascore.testing.conformance.breach import BreachError, NeedlessError
from nascore.testing.conformance.search import Search
from nascore.testing.conformance.stage import METRIC, ODD_STATUSES, Stage, ended, odd_every, stage_of
from nascore.testing.spaces import search_spaces
from nascore.tuner.session import AskStatus
from nascore.tuner.suitability import node_kinds

_TURNS = 12
_GENERATED_TURNS = 4
_EXTREMES = (1.7e308, -1.7e308, 0.0, -0.0, 5e-324, 1.0, 1.0)


def check_known_spaces(bench: Bench) -> None:
    """On each known space its proposals fit, or it refuses the space."""
    accepted = 0
    for name, space in bench.spaces().items():
        for mode in sorted(bench.description.modes):
            accepted += _fits(bench, stage_of(name, space, mode=mode, seed=bench.seed), _TURNS)
    if not accepted:
        raise BreachError("It refuses every known space.")


def check_generated_spaces(bench: Bench) -> None:
    """The same on nested spaces that nobody thought of."""
    try:
        # hypothesis comes with the extra "testing", and only those who test need it.
        import hypothesis  # noqa: PLC0415  # heavy and optional, see above
    except ModuleNotFoundError:
        raise UnsupportedError(
            "Generated spaces need hypothesis, which is not installed.", hint="pip install 'nascore[testing]'."
        ) from None

    @hypothesis.seed(bench.seed)
    @hypothesis.settings(
        max_examples=15 if bench.is_quick else 80,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
    )
    @hypothesis.given(search_spaces(with_reals=True))
    def propose(space: SearchSpace) -> None:
        try:
            space.sample(Random(0))
        except ConstraintError:  # Nothing fits, so there is nothing to propose.
            return
        for mode in sorted(bench.description.modes):
            _fits(bench, stage_of("a generated space", space, mode=mode, seed=bench.seed), _GENERATED_TURNS)
        bench.clear()

    propose()


def _fits(bench: Bench, stage: Stage, turns: int) -> bool:
    """Whether it accepts a space; the session itself looks at every proposal."""
    refusal = bench.refusal(stage.setup)
    claimed = bench.description.node_kinds
    foreign = [kind for _, kind in node_kinds(stage.setup.space) if claimed and kind not in claimed]
    if foreign and not refusal:
        raise BreachError(f"It accepts {stage.name} with {foreign[0]} nodes, which it does not claim to handle.")
    if not refusal:
        bench.searched(stage, turns)
    return not refusal


def check_seeds(bench: Bench) -> None:
    """Another seed of the experiment gives other proposals, and one experiment does not repeat one of them for ever."""
    stage = bench.trial_stage
    first, second = (bench.searched(stage.with_seed(seed), _TURNS) for seed in (bench.seed, bench.seed + 1))
    drawn = [
        [_decisions(proposal) for turn in turns for proposal in turn.answer.proposals] for turns in (first, second)
    ]
    if len({str(one) for one in drawn[0]}) == 1 and len(drawn[0]) > 1:
        raise BreachError(f"All of {len(drawn[0])} proposals are the same.")
    if drawn[0] == drawn[1]:
        raise BreachError(f"Two experiments with different seeds got the same {len(drawn[0])} proposals.")


def _decisions(proposal: Proposal) -> dict[str, object]:
    return dict(proposal.architecture or {})


def check_failures(bench: Bench) -> None:
    """Trials that fail in every way do not stop it, not even if all do."""
    stage = bench.trial_stage
    always = [partial(_always, status) for status in ODD_STATUSES]
    for outcome_of in (partial(odd_every, 2), *always):
        search = bench.begun(replace(stage, outcome_of=outcome_of))
        search.run(_TURNS)
        if search.is_over and len(search.turns) < _TURNS:
            raise BreachError(f"It gave up after {len(search.proposals)} proposals because trials had failed.")


def _always(status: OutcomeStatus, _proposal: Proposal) -> Outcome:
    return ended(status)


def check_extreme_values(bench: Bench) -> None:
    """The largest finite numbers, zeros and ties do not stop it."""
    stage = replace(bench.trial_stage, outcome_of=_extreme)
    bench.searched_far(stage, 2 * _TURNS)


def _extreme(proposal: Proposal) -> Outcome:
    value = _EXTREMES[proposal.number % len(_EXTREMES)]
    return Outcome(OutcomeStatus.COMPLETED, {METRIC: value, "loss": -value})


def check_foreign_architectures(bench: Bench) -> None:
    """It learns from architectures that it never proposed, of whatever outcome."""
    stage = bench.trial_stage
    search = bench.begun(stage)
    generator = Random(bench.seed)
    for _ in range(_TURNS):
        search.put_in(Proposal(search.next_number, stage.setup.space.sample(generator)))
        search.turn()


def check_exhaustion(bench: Bench) -> None:
    """In a little space it ends at some time or goes on for ever; once exhausted, it stays so."""
    spaces = bench.spaces(("little choice", "little nested", "little constrained"))
    ended = 0
    for name, space in spaces.items():
        stage = stage_of(name, space, mode=bench.trial_stage.setup.mode, seed=bench.seed)
        if bench.refusal(stage.setup):
            continue
        search = Search(bench.open(stage), stage)
        search.run(40)
        if search.is_over:
            ended += 1
            _check_stays_over(search)
    if not ended:
        raise NeedlessError("It never ends, not even in a space of two architectures.")


def _check_stays_over(search: Search) -> None:
    for _ in range(3):
        turn = search.turn()
        if turn.answer.status is not AskStatus.EXHAUSTED or turn.answer.proposals:
            raise BreachError(f"It was exhausted, and answers {turn.answer.status.value} after the next outcomes.")
