"""The policy: one study of Vizier's, answered by a tuner.

It keeps nothing of its own. What the tuner was asked and told is kept in the study's metadata, which Vizier writes
together with the suggestions, and each suggestion carries its number; so a policy can be made anew for each request.
"""

from __future__ import annotations

from nascore.errors import NascoreError
from nascore.tuner.retellings import Retellings
from nascore.tuner.retold import Retold
from vizier import pythia, pyvizier

from nas_vizier.background import Background
from nas_vizier.study import CHRONICLE, NAMESPACE, Study, read_study
from nas_vizier.trials import read_trials, suggestion


class NascorePolicy(pythia.Policy):  # type: ignore[misc]  # Vizier has no types
    """Suggests what a tuner proposes.

    Args:
        supporter: Where the study's trials come from.
        retellings: The tuners.
        background: Where they are spoken to.
    """

    def __init__(self, supporter: pythia.PolicySupporter, retellings: Retellings, background: Background) -> None:
        self._supporter = supporter
        self._retellings = retellings
        self._background = background

    @property
    def name(self) -> str:
        """What the policy is called where it is watched."""
        return "nascore"

    def suggest(self, request: pythia.SuggestRequest) -> pythia.SuggestDecision:
        """Suggest trials, as many as are wanted: Vizier 0.1.24 never ends an operation that gets fewer.

        Raises:
            TemporaryPythiaError: The tuner waits for trials to end, or crashed; asking again may help.
            InactivateStudyError: The study cannot be tuned, or nothing more can be proposed; the message says why.
        """
        try:
            study = read_study(request.study_config, request.study_guid)
            trials = self._supporter.GetTrials(include_intermediate_measurements=False)
            answer = self._background.run(self._answer(study, request, trials))
            answer.require(request.count)
        except NascoreError as error:
            kind = pythia.TemporaryPythiaError if error.is_retryable else pythia.InactivateStudyError
            raise kind(str(error)) from error
        metadata = pyvizier.MetadataDelta()
        metadata.on_study.ns(NAMESPACE)[CHRONICLE] = answer.chronicle
        return pythia.SuggestDecision([suggestion(each, study) for each in answer.proposals], metadata)

    def early_stop(self, request: pythia.EarlyStopRequest) -> pythia.EarlyStopDecisions:
        """Stop nothing: reports of running trials do not reach the tuner here."""
        return pythia.EarlyStopDecisions()

    async def _answer(self, study: Study, request: pythia.SuggestRequest, trials: list[pyvizier.Trial]) -> Retold:
        known = read_trials(trials, study)
        async with self._retellings.use(request.study_guid, study.setup, study.settings) as retelling:
            return await retelling.propose(request.count, trials=known, chronicle=study.chronicle)
