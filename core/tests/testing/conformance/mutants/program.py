"""A small tuner that keeps the contract, and with a fault as argument breaks it in exactly that way.

It speaks the protocol by itself: the host of nascore would mend several of these faults before anybody saw them. It
searches trial by trial, and one-shot on paths drawn at random.
"""

import hashlib
import json
import logging
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import grpc
from nascore.space import Architecture
from nascore.space.wire import architecture_to_message, space_from_message
from nascore.v1 import tuner_pb2 as wire
from nascore.v1.tuner_pb2_grpc import TunerServiceServicer, add_TunerServiceServicer_to_server

FAULT = sys.argv[1] if len(sys.argv) > 1 else ""
LATE = 20  # Number from which on a fault that comes late shows.
FORGETS_AFTER = 2
LEAKED = []
GLOBAL = {"steps": 0}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "remembered": {
            "type": "integer",
            "minimum": 1,
            "maximum": 10000,
            "default": 500,
            "description": "Answers kept.",
        }
    },
}
CLAIMED = {"claims nonsense": ["graph"], "refuses what it claims": ["repeat"]}


class Session:
    """Level L1: proposals depend on the seed, the sum of what was told and the number of questions."""

    def __init__(self, request):
        self.seed = request.seed
        self.is_one_shot = request.mode == wire.MODE_ONE_SHOT
        epochs = request.schedule.warmup_epochs + request.schedule.epochs
        self.batches = epochs * request.batches_per_epoch - (FAULT == "stops early")
        self.calls, self.turn, self.seen = 0, 0, []
        self.space = space_from_message(request.space)
        self.metric = request.objectives[0].metric
        self.remembered = json.loads(request.settings_json or "{}").get("remembered", 500)
        self.seq, self.steps, self.told, self.answers = 0, 0, "", {}
        self.generator = Random(request.seed)
        self.is_waiting = False
        if request.HasField("snapshot") and FAULT != "restores nothing":
            self.restore(request.snapshot)

    def restore(self, snapshot):
        state = json.loads(snapshot.state)
        self.steps, self.told = state["steps"], state["told"]
        self.answers = {int(number): bytes.fromhex(text) for number, text in state["answers"].items()}
        self.seq = snapshot.seq

    def saved(self):
        answers = {number: body.hex() for number, body in self.answers.items()}
        steps = 0 if FAULT == "forgets its generator" else self.steps
        state = json.dumps({"steps": steps, "told": self.told, "answers": answers}).encode()
        if FAULT == "saves with a trace":
            self.steps += 1
        return wire.Snapshot(state=state, seq=self.seq)

    def tell(self, outcomes):
        for told in outcomes:
            if told.seq <= self.seq and not self.is_counted_again(told):
                continue
            self.seen = [*self.seen, told.seq][-FORGETS_AFTER:]
            values = [metric.value for metric in told.outcome.metrics if metric.name == self.metric]
            if FAULT == "chokes on failures" or (FAULT == "chokes on lost samples" and self.is_one_shot):
                values[0]
            if FAULT == "remembers its own":
                self.answers[told.proposal.number]
            if FAULT == "squares" and values:
                int(values[0] * 10)
            self.told = hashlib.sha256(f"{self.told} {told.seq} {values}".encode()).hexdigest()
            self.seq = max(self.seq, told.seq)

    def is_counted_again(self, told):
        if FAULT == "double-counts":
            return True
        if FAULT == "double-counts late":
            return told.proposal.number >= LATE
        return FAULT == "forgets what it was told" and told.seq not in self.seen

    def ask(self, number, seed):
        if number in self.answers and FAULT != "counts questions":
            return wire.Proposal.FromString(self.answers[number])
        if FAULT == "hangs" and number == 3:
            time.sleep(600)
        if FAULT == "dies" and number == 3:
            os._exit(3)
        if FAULT == "swells" and number >= 3:
            LEAKED.append(b"x" * 2**28)
        if FAULT == "leaks":
            LEAKED.append(os.urandom(128 * 1024))
        self.steps += 1
        GLOBAL["steps"] += 1
        architecture = self.space.sample(self.generator_of(number, seed))
        if (FAULT == "proposes invalid" and number == 2) or (FAULT == "knows no escapes" and "%" in str(architecture)):
            architecture = Architecture({path: architecture[path] for path in list(architecture)[1:]})
        task = wire.TASK_TRAIN if self.is_one_shot else wire.TASK_EVALUATE
        proposal = wire.Proposal(number=number, architecture=architecture_to_message(architecture), task=task)
        self.answers[number] = proposal.SerializeToString()
        if len(self.answers) > self.remembered:
            del self.answers[min(self.answers)]
        return proposal

    def generator_of(self, number, seed):
        if FAULT == "ignores the seed":
            return Random(number)
        if FAULT == "repeats itself":
            return Random(1)
        if FAULT == "rolls dice":
            return Random()
        if FAULT == "keeps a generator":
            return self.generator
        if FAULT == "counts calls" and number >= LATE:
            return Random(f"{seed} {self.calls}")
        if FAULT == "draws a batch from its first seed":
            return Random(f"{self.turn} {number}")
        steps = GLOBAL["steps"] if FAULT == "shares state" else self.steps
        return Random(f"{seed} {self.told} {steps}")

    def derived(self, count):
        drawn = [self.space.sample(Random(f"{self.seed} {place}")) for place in range(count)]
        scores = range(count) if FAULT == "derives worst first" else range(count, 0, -1)
        return [
            wire.Derived(architecture=architecture_to_message(one), score=score)
            for one, score in zip(drawn, scores, strict=True)
        ]


class Mutant(TunerServiceServicer):
    def __init__(self):
        self.sessions = {}

    def Describe(self, request, context):
        if FAULT == "answers garbage":
            return b"\xff\xff\xff"
        schema = "no schema" if FAULT == "has no schema" else json.dumps(SCHEMA)
        newest = 7 if FAULT == "speaks newer" else 1
        return wire.DescribeResponse(
            name=f"mutant: {FAULT}" if FAULT else "well-behaved",
            version="1",
            min_protocol=newest,
            max_protocol=newest,
            modes=[wire.MODE_MULTI_TRIAL, wire.MODE_ONE_SHOT],
            node_kinds=["one_of", "integer", "real", "group", *CLAIMED.get(FAULT, ())],
            max_objectives=1,
            determinism=wire.DETERMINISM_REPLAY,
            settings_schema_json=schema,
            can_snapshot=True,
            can_derive=True,
        )

    def Open(self, request, context):
        if refusal := self.refusal(request):
            if FAULT == "crashes on what it cannot":
                raise RuntimeError("no")
            return wire.OpenResponse(cannot_tune="" if FAULT == "takes anything" else refusal)
        if FAULT == "resets not" and request.session in self.sessions:
            return wire.OpenResponse()
        try:
            self.sessions[request.session] = Session(request)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if FAULT == "resets silently" and request.HasField("snapshot"):
                request.ClearField("snapshot")
                self.sessions[request.session] = Session(request)
                return wire.OpenResponse()
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"The session cannot be opened: {error}")
        return wire.OpenResponse()

    def refusal(self, request):
        if len(request.objectives) != 1:
            return "The mutant takes one objective."
        if not self.is_setting(json.loads(request.settings_json or "{}")):
            return "The mutant takes a whole number from 1 to 10000 for remembered, and no other setting."
        text = str(request.space)
        return "The mutant takes neither some_of nor repeat." if "some_of {" in text or "repeat {" in text else ""

    def is_setting(self, settings):
        remembered = settings.get("remembered", 500)
        if FAULT == "overlooks unknown settings":
            settings = {}
        is_whole = isinstance(remembered, int) or FAULT == "overlooks types"
        is_within = not isinstance(remembered, int) or 1 <= remembered <= 10000 or FAULT == "overlooks bounds"
        return settings.keys() <= {"remembered"} and is_whole and is_within

    def found(self, name, context):
        if name not in self.sessions:
            if FAULT == "dies of strangers":
                os._exit(1)
            if FAULT == "opens by itself":
                context.abort(grpc.StatusCode.INTERNAL, "no idea")
            context.abort(grpc.StatusCode.NOT_FOUND, f"No session {name!r} is open.")
        return self.sessions[name]

    def Ask(self, request, context):
        session = self.found(request.session, context)
        session.tell(request.outcomes)
        self.check(session, request.told_through, context)
        session.calls += 1
        session.turn = request.seeds[0]
        self.stumble(session, context)
        if session.is_one_shot and FAULT != "never ends":
            return self.sampled(session, request)
        if FAULT == "takes back its end":
            few = min(6, session.space.size().high)
            if request.first_number >= few and request.first_number != few + 3 and not session.is_waiting:
                session.is_waiting = True
                return wire.AskResponse(status=wire.ASK_STATUS_EXHAUSTED)
            session.is_waiting = False
        proposals = [session.ask(number, seed) for number, seed in enumerate(request.seeds, request.first_number)]
        return wire.AskResponse(proposals=proposals, status=wire.ASK_STATUS_OK)

    def sampled(self, session, request):
        """Samples up to the end of the schedule, each of them one batch."""
        wanted = list(enumerate(request.seeds, request.first_number))
        proposals = [session.ask(number, seed) for number, seed in wanted if number < session.batches]
        is_over = len(proposals) < len(wanted)
        status = wire.ASK_STATUS_EXHAUSTED if is_over else wire.ASK_STATUS_OK
        return wire.AskResponse(proposals=proposals, status=status)

    def stumble(self, session, context):
        """Lose the thread when the caller is in a hurry or goes away."""
        if FAULT == "is put out by haste" and context.time_remaining() < 1:
            session.steps += 1
            context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "too late")
        if FAULT == "is put out by silence":
            time.sleep(0.05)
            session.steps += not context.is_active()

    def Derive(self, request, context):
        return wire.DeriveResponse(architectures=self.found(request.session, context).derived(request.count))

    def Tell(self, request, context):
        session = self.found(request.session, context)
        self.check(session, request.after_seq, context)
        session.tell(request.outcomes)
        return wire.TellResponse(told_through=session.seq)

    def check(self, session, seq, context):
        if seq > session.seq and FAULT != "overlooks gaps":
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"Outcomes after {session.seq} are missing.")

    def Snapshot(self, request, context):
        return wire.SnapshotResponse(snapshot=self.found(request.session, context).saved())

    def Close(self, request, context):
        self.sessions.pop(request.session, None)
        return wire.CloseResponse()


def main():
    logging.basicConfig()  # Without it gRPC keeps silent about exceptions.
    # What it leaves out is no fault of it.
    logging.getLogger("grpc._server").addFilter(lambda record: "not implemented" not in record.getMessage())
    if FAULT == "crashes on start":
        raise RuntimeError("it never worked")
    if FAULT == "greets oddly":
        print("hello", flush=True)  # noqa: T201 - on purpose
        time.sleep(600)
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    add_TunerServiceServicer_to_server(Mutant(), server)
    address = f"unix:{os.environ['NASCORE_TUNER_SOCKET']}"
    server.add_insecure_port(address)
    server.start()
    print(f"nascore-tuner v1 {address}", flush=True)  # noqa: T201 - the host waits for this line
    server.wait_for_termination()


if __name__ == "__main__":
    main()
