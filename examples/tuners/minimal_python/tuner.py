"""A whole tuner that knows nothing of nascore but its protocol: classes generated from protos/, and grpcio.
Each architecture is the best so far with one decision in four drawn anew; constraints and shared labels are refused.
"""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from random import Random
from types import SimpleNamespace

import grpc
from nascore.v1 import tuner_pb2 as wire
from nascore.v1.architecture_pb2 import Decision
from nascore.v1.tuner_pb2_grpc import TunerServiceServicer, add_TunerServiceServicer_to_server

ESCAPES = {ord(sign): f"%{ord(sign):02X}" for sign in "%/[]"}  # they have a meaning in paths


def choose(kind, spec, random):  # one decision at random; the answer fills Decision.choice
    keys = [candidate.key for candidate in getattr(spec, "candidates", ()) if not candidate.search_only]
    if kind == "one_of":
        return {"candidate": random.choice(keys)}
    if kind == "some_of":
        count = random.randint(spec.min_chosen, spec.max_chosen)
        picked = random.choices(keys, k=count) if spec.with_replacement else random.sample(keys, count)
        return {"candidates": {"keys": picked if spec.ordered else sorted(picked, key=keys.index)}}
    if kind == "real":
        return {"real": random.uniform(spec.low, spec.high)}
    numbers = (spec.min_count, spec.max_count, 1) if kind == "repeat" else (spec.low, spec.high, spec.step or 1)
    return {"integer": random.randrange(numbers[0], numbers[1] + 1, numbers[2])}


def draw(nodes, scope, random, best):  # all decisions below a scope; three in four as in `best`, a dict by path
    for node in nodes:
        kind = node.WhichOneof("kind")
        spec, path = getattr(node, kind), scope + node.label.translate(ESCAPES)
        if kind == "group":  # names a part and decides nothing itself
            yield from draw(spec.children, f"{path}/", random, best)
            continue
        decision = (random.random() < 0.75 and best.get(path)) or Decision(path=path, **choose(kind, spec, random))
        yield decision
        if kind == "repeat":  # copies decide for themselves as path[0], path[1], ...; tied ones once, as path
            copies = [f"{path}[{copy}]/" for copy in range(decision.integer)]
            for inner in [f"{path}/"] * min(1, decision.integer) if spec.tied else copies:
                yield from draw(spec.body, inner, random, best)
        for candidate in getattr(spec, "candidates", ()):  # only what was picked has decisions of its own
            if candidate.key in (decision.candidate, *decision.candidates.keys):
                yield from draw(candidate.children, f"{path}/{candidate.key.translate(ESCAPES)}/", random, best)


class Climber(TunerServiceServicer):
    sessions = {}  # noqa: RUF012 - name -> what is known; the host calls one at a time and in order

    def Describe(self, request, context):
        able = {"modes": [wire.MODE_MULTI_TRIAL], "max_objectives": 1, "determinism": wire.DETERMINISM_HISTORY}
        return wire.DescribeResponse(name="climber", version="1", min_protocol=1, max_protocol=1, **able)

    def Open(self, request, context):
        labels = re.findall(r'^ *label: "(.*)"$', str(request.space), re.MULTILINE)
        if request.space.constraints or len(labels) > len(set(labels)) or len(request.objectives) != 1:
            return wire.OpenResponse(cannot_tune="climber handles neither constraints, shared labels nor two goals.")
        self.sessions[request.session] = SimpleNamespace(opened=request, best={}, score=float("-inf"), seq=0)
        return wire.OpenResponse()

    def Tell(self, request, context):
        session = self.sessions.get(request.session) or context.abort(grpc.StatusCode.NOT_FOUND, "no such session")
        if getattr(request, "after_seq", 0) > session.seq:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"outcomes after {session.seq} are missing")
        objective = session.opened.objectives[0]
        for told in request.outcomes:
            for metric in told.outcome.metrics:  # a trial that failed has none
                score = metric.value if objective.direction == wire.DIRECTION_MAXIMIZE else -metric.value
                if metric.name == objective.metric and score > session.score and told.seq > session.seq:
                    session.score, session.best = score, {one.path: one for one in told.proposal.architecture.decisions}
            session.seq = max(session.seq, told.seq)
        return wire.TellResponse(told_through=session.seq)

    def Ask(self, request, context):
        if self.Tell(request, context).told_through < request.told_through:  # outcomes may come with the question
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "outcomes before this question are missing")
        session, answer = self.sessions[request.session], wire.AskResponse(status=wire.ASK_STATUS_OK)
        for number, seed in enumerate(request.seeds, request.first_number):  # all randomness comes from the seed
            drawn = sorted(draw(session.opened.space.nodes, "", Random(seed), session.best), key=lambda item: item.path)
            answer.proposals.add(number=number, architecture={"decisions": drawn}, task=wire.TASK_EVALUATE)
        return answer

    def Close(self, request, context):
        self.sessions.pop(request.session, None)
        return wire.CloseResponse()


if __name__ == "__main__":
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    add_TunerServiceServicer_to_server(Climber(), server)
    address = f"unix:{os.environ['NASCORE_TUNER_SOCKET']}"  # in a folder that is private to the host
    server.add_insecure_port(address)
    server.start()
    print(f"nascore-tuner v1 {address}", flush=True)  # noqa: T201 - the host waits for this line
    server.wait_for_termination()
