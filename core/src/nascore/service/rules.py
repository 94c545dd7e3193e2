"""The one table of who may call what. A call that is not in it is refused for everybody.

A test reads the services that a real server serves and compares them with this table, so a new rpc cannot be forgotten:
it is closed until a line is written here. Not here: whose token it is (``nascore.service.keyring``), and asking for it
(``nascore.service.auth``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from nascore.service.grants import Grant, Scope
from nascore.v1 import experiment_pb2, trial_pb2, weights_pb2
from nascore.weights import OWN


class Reach(Enum):
    """What a call is about, which decides what a token that is kept to some experiments may do with it."""

    EXPERIMENT = "one experiment, which the request names"
    CONTENT = "checkpoints and blobs that the request names by their digest; whose they are, the store knows"
    SERVER = "the whole server"
    PROTOCOL = "the protocol, which is public"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call one rpc.

    Attributes:
        scopes: The scopes that open it; empty: nobody needs a token.
        reach: What it is about.
        is_audited: Whether each call that was let in is written down.
        request_type: Its request, or each of a stream of them.
        is_envelope: Whether the request only holds one of several others, in a oneof ``request``.
        also: Experiments that a token which is kept to others may name as well.
    """

    scopes: frozenset[Scope]
    reach: Reach = Reach.EXPERIMENT
    is_audited: bool = False
    request_type: type[Message] | None = None
    is_envelope: bool = False
    also: frozenset[str] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether it needs no token."""
        return not self.scopes

    def why_not(self, grant: Grant, raw: bytes) -> str:
        """Return why a request is outside of what a grant covers, or nothing if it is within.

        Experiments are compared by their full id only: what "last" or a name means could change under the grant.
        """
        if self.request_type is None or (self.reach is Reach.CONTENT and not self._names_whose_it_is):
            return ""
        try:
            request = self.request_type.FromString(raw)
        except DecodeError:
            return ""  # The servicer says what is wrong with it, and does nothing.
        if self.reach is Reach.CONTENT:
            return self._why_not_content(grant, request)
        if self.is_envelope and (inner := request.WhichOneof(_ENVELOPED)):
            request = getattr(request, inner)
            if "experiment" not in request.DESCRIPTOR.fields_by_name:
                return ""  # It goes on with what an earlier request of the stream, which was looked at, began.
        experiment, worker = getattr(request, "experiment", ""), getattr(request, "worker", "")
        if grant.experiments and experiment not in {*grant.experiments, *self.also}:
            return f"is kept to {', '.join(grant.experiments)}; {experiment!r:.60} is not its full id"
        if grant.workers and "worker" in request.DESCRIPTOR.fields_by_name and worker not in grant.workers:
            return f"speaks for {', '.join(grant.workers)} only, not for {worker!r:.60}"
        return ""

    @property
    def _names_whose_it_is(self) -> bool:
        fields = self.request_type.DESCRIPTOR.fields_by_name if self.request_type else {}
        return "experiment" in fields or "worker" in fields

    def _why_not_content(self, grant: Grant, request: Message) -> str:
        """What names neither experiment nor worker is let in: pieces of a stream after the first, or only a digest."""
        experiment, worker = getattr(request, "experiment", ""), getattr(request, "worker", "")
        if experiment and grant.experiments and experiment not in {*grant.experiments, *self.also}:
            return f"is kept to {', '.join(grant.experiments)}; {experiment!r:.60} is not its full id"
        if worker and grant.workers and worker not in grant.workers:
            return f"speaks for {', '.join(grant.workers)} only, not for {worker!r:.60}"
        return ""


_ENVELOPED = "request"
_OPEN = Rule(frozenset(), Reach.PROTOCOL)
_ANY = Rule(frozenset(Scope), Reach.PROTOCOL)
_WORK = Rule(frozenset({Scope.ADMIN, Scope.WORKER}))
_LOOK = Rule(frozenset({Scope.ADMIN, Scope.READ}))
# A worker looks up the trial whose weights its own begins with.
_LOOK_UP = Rule(frozenset({Scope.ADMIN, Scope.READ, Scope.WORKER}))
_LOOK_AT_ALL = Rule(frozenset({Scope.ADMIN, Scope.READ}), Reach.SERVER)
# To know a digest proves nothing: what a kept caller is shown is decided by nascore.service.weights.callers_store.
_SEND = Rule(frozenset({Scope.ADMIN, Scope.WORKER}), Reach.CONTENT)
# Weights that were put without saying whose they are, are everybody's to read.
_LOOK_THROUGH = replace(_LOOK_UP, also=frozenset({OWN}))
_FETCH = Rule(frozenset(Scope), Reach.CONTENT, also=frozenset({OWN}))
_CHANGE = Rule(frozenset({Scope.ADMIN}), Reach.SERVER, is_audited=True)


def _named(service: ServiceDescriptor, rules: Mapping[str, Rule]) -> dict[str, Rule]:
    requests = {name: service.methods_by_name[name].input_type for name in rules}
    return {
        f"/{service.full_name}/{name}": replace(
            rule,
            request_type=GetMessageClass(requests[name]),
            is_envelope=_ENVELOPED in requests[name].oneofs_by_name,
        )
        for name, rule in rules.items()
    }


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        **_named(
            trial_pb2.DESCRIPTOR.services_by_name["TrialService"],
            {
                "RegisterSpace": _WORK,
                "LeaseTrial": _WORK,
                "RenewLease": _WORK,
                "ReportMetrics": _WORK,
                "FinishTrial": _WORK,
                "ReturnLease": _WORK,
                "Work": _WORK,
                "ExchangeSamples": _WORK,
            },
        ),
        **_named(
            experiment_pb2.DESCRIPTOR.services_by_name["ExperimentService"],
            {
                "CreateExperiment": _CHANGE,
                "GetExperiment": _LOOK,
                "ListExperiments": _LOOK_AT_ALL,
                "UpdateExperiment": _CHANGE,
                "DeleteExperiment": _CHANGE,
                "GetTrial": _LOOK_UP,
                "ListTrials": _LOOK,
                "ListBest": _LOOK,
                "EnqueueArchitectures": _CHANGE,
                "WatchExperiment": _LOOK,
            },
        ),
        **_named(
            weights_pb2.DESCRIPTOR.services_by_name["WeightService"],
            {
                "StatBlobs": _SEND,
                "Upload": _SEND,
                "UploadDirect": _SEND,
                "Commit": _WORK,
                "GetManifest": _FETCH,
                "ListCheckpoints": _LOOK_THROUGH,
                "GetLineage": _FETCH,
                "Download": _FETCH,
                "DownloadDirect": _FETCH,
                "Inherit": _WORK,
                "ListNames": _LOOK_THROUGH,
                "RemoveName": _CHANGE,
                "Pin": _CHANGE,
                "Release": _CHANGE,
                # What is best is not the caller's to say.
                "Retain": _WORK,
                "SetQuota": _CHANGE,
                "GetUsage": _LOOK,
                "Collect": _CHANGE,
                "Verify": _CHANGE,
                "GetPlace": _FETCH,
                "OpenTable": _WORK,
                # Its first piece names the experiment, without which none is taken.
                "Push": _SEND,
                "Pull": _LOOK_UP,
                "SnapshotTable": _WORK,
                "DropTable": _WORK,
            },
        ),
        # What a server can do is no secret, but whoever asks shows a token.
        **_named(
            reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"],
            {"ServerReflectionInfo": _ANY},
        ),
        # The one exception: it says only "serving", and probes have no token.
        **_named(
            health_pb2.DESCRIPTOR.services_by_name["Health"],
            {"Check": _OPEN, "List": _OPEN, "Watch": _OPEN},
        ),
    }
)
"""Full name of each rpc, ``/package.Service/Method``, and its rule."""
