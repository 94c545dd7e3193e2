"""The service that Katib's controller speaks to.

It keeps nothing of its own: each request brings the experiment and its trials, and Katib keeps beside the suggestions
(in one update of one resource) what the tuner was asked and told. So it can be killed at any moment, and a request that
is repeated is answered as before.

Not here: Katib's ``EarlyStopping`` service. It gives out rules before a trial begins, and what a tuner says of a
running trial is no such rule; it needs the trial's reports, which Katib does not pass on.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message
from nascore.errors import InternalError, InvalidInputError, NascoreError
from nascore.tuner.retellings import Retellings
from nascore.tuner.retold import Retold

from nas_katib.experiment import CHRONICLE, Experiment, read_experiment
from nas_katib.settings import settings_of_texts
from nas_katib.trials import read_trials, suggestion
from nas_katib.v1beta1 import api_pb2, api_pb2_grpc

MOST_WANTED = 10_000
_DETAILS = 1500
"""Longest status message, in characters: gRPC drops trailers above 8 KiB, and percent-encodes them."""
ReplyT = TypeVar("ReplyT", bound=Message)
_Context: TypeAlias = "grpc.aio.ServicerContext[Message, Message]"

_LOG = logging.getLogger(__name__)


class SuggestionServicer(api_pb2_grpc.SuggestionServicer):
    """Answers for all experiments, each with a tuner of its own. Belongs to one event loop.

    Args:
        retellings: The tuners.
    """

    def __init__(self, retellings: Retellings) -> None:
        self._retellings = retellings

    async def GetSuggestions(  # noqa: N802  # Katib's name
        self, request: api_pb2.GetSuggestionsRequest, context: _Context
    ) -> api_pb2.GetSuggestionsReply:
        """Propose trials."""
        return await _answered(context, api_pb2.GetSuggestionsReply, lambda: self._suggested(request))

    async def ValidateAlgorithmSettings(  # noqa: N802  # Katib's name
        self, request: api_pb2.ValidateAlgorithmSettingsRequest, context: _Context
    ) -> api_pb2.ValidateAlgorithmSettingsReply:
        """Open the tuner for the experiment; what is wrong with it is the message of INVALID_ARGUMENT."""
        return await _answered(context, api_pb2.ValidateAlgorithmSettingsReply, lambda: self._validated(request))

    async def _validated(
        self, request: api_pb2.ValidateAlgorithmSettingsRequest
    ) -> api_pb2.ValidateAlgorithmSettingsReply:
        experiment = read_experiment(request.experiment)
        settings = settings_of_texts(experiment.settings, (await self._retellings.describe()).settings_schema_json)
        async with self._retellings.use(experiment.name, experiment.setup, settings):
            return api_pb2.ValidateAlgorithmSettingsReply()

    async def _suggested(self, request: api_pb2.GetSuggestionsRequest) -> api_pb2.GetSuggestionsReply:
        experiment = read_experiment(request.experiment)
        wanted = request.current_request_number
        if not 0 < wanted <= MOST_WANTED:
            raise InvalidInputError(f"current_request_number: {wanted} is not within 1 and {MOST_WANTED}.")
        settings = settings_of_texts(experiment.settings, (await self._retellings.describe()).settings_schema_json)
        trials = read_trials(request.trials, experiment.form, objective=experiment.setup.objectives[0].metric)
        given_out = max(0, request.total_request_number - wanted)
        async with self._retellings.use(experiment.name, experiment.setup, settings) as retelling:
            answer = await retelling.propose(wanted, trials=trials, chronicle=experiment.chronicle, given_out=given_out)
        answer.require(wanted)  # Katib takes no fewer.
        return _reply(answer, experiment, request.experiment.spec.algorithm.algorithm_name)


def _reply(answer: Retold, experiment: Experiment, algorithm: str) -> api_pb2.GetSuggestionsReply:
    kept = api_pb2.AlgorithmSetting(name=CHRONICLE, value=answer.chronicle)
    return api_pb2.GetSuggestionsReply(
        parameter_assignments=[
            suggestion(proposal, experiment.form, experiment=experiment.name) for proposal in answer.proposals
        ],
        algorithm=api_pb2.AlgorithmSpec(algorithm_name=algorithm, algorithm_settings=[kept]),
    )


async def _answered(context: _Context, reply_type: type[ReplyT], answer: Callable[[], Awaitable[ReplyT]]) -> ReplyT:
    try:
        return await answer()
    except NascoreError as error:
        failure = error
    except Exception as error:  # the border of the process: a defect is said, logged, and ends nothing
        _LOG.exception("A request could not be answered.")
        failure = InternalError(f"{type(error).__name__}: {error}")
    _LOG.warning("Refused: %s", failure)
    context.set_code(_code(failure))
    context.set_details(_message(failure))
    return reply_type()


def _code(error: NascoreError) -> grpc.StatusCode:
    """Return the status that the controller takes for what it is.

    It knows three: INVALID_ARGUMENT (and UNKNOWN) end an experiment before it begins, UNAVAILABLE is tried again, and
    UNIMPLEMENTED and all others pass for consent. So whatever a person has to mend is INVALID_ARGUMENT.
    """
    return grpc.StatusCode.UNAVAILABLE if error.is_retryable else grpc.StatusCode.INVALID_ARGUMENT


def _message(error: NascoreError) -> str:
    text = str(error)
    return text if len(text) <= _DETAILS else f"{text[: _DETAILS - 3]}..."
