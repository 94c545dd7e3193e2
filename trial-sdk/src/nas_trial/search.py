"""``nas.search``: a whole search in this process, for notebooks and small problems.

One trial runs at a time, and a crash of native code ends everything; ``nascore run`` has neither limit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from nascore.errors import StateError
from nascore.record import (
    ExperimentRecord,
    ExperimentSpec,
    JsonValue,
    Limits,
    Objective,
    OneShot,
    TrialRecord,
    TunerLimits,
)

from nas_trial.annotated.declared import declare
from nas_trial.embedded import Embedded, EmbeddedPost
from nas_trial.environment import core_count
from nas_trial.extract import extract
from nas_trial.in_process import work_in_process
from nas_trial.live_table import LiveTable
from nas_trial.profile.demands import Demands
from nas_trial.trial import Trial, check_trial


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found.

    Attributes:
        best: The best trial; ``None`` if none succeeded.
        front: With one objective the best trial alone, with several all that none surpasses.
        trials: All trials, by number.
        experiment: The experiment and its numbers.
        folder: Its folder, with the log of every trial and the weights.
    """

    best: TrialRecord | None
    front: tuple[TrialRecord, ...]
    trials: tuple[TrialRecord, ...]
    experiment: ExperimentRecord
    folder: Path


def search(
    trial: Trial,
    *,
    tuner: str = "evolution",
    trials: int = 50,
    settings: Mapping[str, JsonValue] | None = None,
    objectives: Sequence[Objective] = (Objective("accuracy"),),
    maxima: Mapping[str, float] | None = None,
    seed: int | None = None,
    max_duration_s: float | None = None,
    home: str | Path | None = None,
    one_shot: OneShot | None = None,
    tuner_limits: TunerLimits | None = None,
) -> SearchResult:
    """Search in this process, and show a table of how it goes; Ctrl-C ends it, and what was found is returned.

    Args:
        trial: What is searched, and how it is trained.
        tuner: Name of an installed tuner, or its address.
        trials: Number of trials.
        settings: The tuner's settings.
        objectives: What is optimised; the first decides the best. The figures of networks (``params``, ``macs``,
            ``activation_bytes``, ``latency_ms``) are metrics as well.
        maxima: The most that a figure may be, such as ``{"params": 3e6}``; a network above it is not trained.
        seed: Seed of everything random; the same one gives the same trials on a CPU.
        max_duration_s: Seconds after which no further trial begins.
        home: Folder of all experiments; ``NASCORE_HOME`` or ``~/.nascore`` if not given.
        one_shot: For a one-shot tuner, how long it searches and what its result is held against; ``trials`` is then the
            most that it may take. Its defaults if not given.
        tuner_limits: How long the tuner may take for an answer, how much memory, and after how many deaths it is given
            up; `nas.TunerLimits`.

    Raises:
        InvalidInputError: ``trial`` is no ``nas.Trial``.
        SpaceError: The choices of the model do not make a space.
        NotFoundError: There is no such tuner.
        SettingsError: A setting, limit or objective is not valid.
    """
    # Imported here and not above: it imports gRPC, which a worker must not before it has forked.
    from nascore.experiment import home_folder  # noqa: PLC0415

    check_trial(trial, "nas.search")
    declare(trial)
    torch.set_num_threads(core_count())
    spec = ExperimentSpec(
        tuner=tuner,
        settings=settings or {},
        objectives=tuple(objectives),
        limits=Limits(max_trials=trials, max_duration_s=max_duration_s),
        seed=seed,
        space=extract(trial.build),
        one_shot=one_shot,
    )
    demands = Demands(maxima or {})
    place = (home_folder(os.environ) if home is None else Path(home)).absolute()
    with Embedded(spec, home=place, tuner_limits=tuner_limits or TunerLimits()) as embedded:
        _work(trial, embedded, demands)
        return _result(embedded)


def _result(embedded: Embedded) -> SearchResult:
    engine = embedded.engine
    front = engine.best()
    return SearchResult(
        best=front[0] if front else None,
        front=front,
        trials=engine.trials(),
        experiment=engine.record(),
        folder=embedded.folder,
    )


def _work(trial: Trial, embedded: Embedded, demands: Demands) -> None:
    post = EmbeddedPost(embedded)
    post.demands = demands
    engine = embedded.engine
    with LiveTable(engine.record().spec) as table:
        try:
            post.register(extract(trial.build), devices=(trial.device,))
            work_in_process(
                trial, post, folder=embedded.folder, shown=lambda: table.show_now_and_then(engine.record, engine.best)
            )
        except KeyboardInterrupt:
            post.give_back()
            # It may have ended by itself a moment ago.
            with suppress(StateError):
                embedded.stop()
        table.show(engine.record(), engine.best(5))
