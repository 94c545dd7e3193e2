#!/usr/bin/env node
// A whole tuner that knows nothing of nascore but its .proto files: regularised evolution (Real et al., AAAI 2019).
// Started by `--tuner "exec:node tuner.mjs"`, or as a service by `node tuner.mjs --listen 127.0.0.1:50051`.
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const PROTOS = process.env.NASCORE_PROTOS ?? fileURLToPath(new URL("../../../protos", import.meta.url));
const READING = { includeDirs: [PROTOS], keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };
const definition = protoLoader.loadSync("nascore/v1/tuner.proto", READING);
const { TunerService } = grpc.loadPackageDefinition(definition).nascore.v1;

const whole = (usual, description) => ({ type: "integer", minimum: 1, default: usual, description });
const SETTINGS = {
  population: whole(20, "Members: the last completed trials."),
  sample: whole(5, "Members drawn; the best of them is the parent."),
};
const schema = JSON.stringify({ type: "object", additionalProperties: false, properties: SETTINGS });

function generator(seed) { // sfc32, from the 64 bits of the proposal's seed, where all randomness comes from
  const bits = BigInt.asUintN(64, BigInt(seed));
  let [a, b, c, d] = [Number(bits & 0xffffffffn) | 0, Number(bits >> 32n) | 0, 0x9e3779b9 | 0, 1];
  const next = () => {
    const sum = (((a + b) | 0) + d) | 0;
    [a, b, d] = [b ^ (b >>> 9), (c + (c << 3)) | 0, (d + 1) | 0];
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4294967296;
  };
  for (let i = 0; i < 15; i += 1) next();
  return { next, below: (count) => Math.floor(next() * count), pick: (list) => list[Math.floor(next() * list.length)] };
}

const escaped = (text) => text.replace(/[%/[\]]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
const keysOf = (spec) => spec.candidates.filter((each) => !each.search_only).map((each) => each.key);
function picked(keys, spec, random) {
  const count = spec.min_chosen + random.below(spec.max_chosen - spec.min_chosen + 1);
  const left = [...keys];
  const one = () => (spec.with_replacement ? random.pick(keys) : left.splice(random.below(left.length), 1)[0]);
  const taken = Array.from({ length: count }, one);
  return spec.ordered ? taken : taken.sort((a, b) => keys.indexOf(a) - keys.indexOf(b));
}

function choice(kind, spec, random) { // one decision at random
  if (kind === "one_of") return { candidate: random.pick(keysOf(spec)) };
  if (kind === "some_of") return { candidates: { keys: picked(keysOf(spec), spec, random) } };
  if (kind === "repeat") return { integer: spec.min_count + random.below(spec.max_count - spec.min_count + 1) };
  const [low, high] = [Number(spec.low), Number(spec.high)];
  if (kind === "real") {
    const value = spec.log ? low * Math.exp(random.next() * Math.log(high / low)) : low + random.next() * (high - low);
    return { real: Math.min(Math.max(value, low), high) };
  }
  const step = Number(spec.step) || 1;
  return { integer: low + step * random.below(Math.floor((high - low) / step) + 1) };
}

// All active decisions below a scope, as { path, kind, spec, ...choice }; `decide` makes each.
function* decisions(nodes, scope, decide) {
  for (const node of nodes) {
    const [kind, path] = [node.kind, scope + escaped(node.label)];
    const spec = node[kind];
    if (kind === "group") { yield* decisions(spec.children, `${path}/`, decide); continue; }
    const decision = { path, kind, spec, ...decide(path, kind, spec) };
    yield decision;
    if (kind === "repeat") {
      const copies = Array.from({ length: Number(decision.integer) }, (_, copy) => `${path}[${copy}]/`);
      const scopes = spec.tied && copies.length > 0 ? [`${path}/`] : copies; // tied copies decide once
      for (const inner of scopes) yield* decisions(spec.body, inner, decide);
    }
    const chosen = decision.candidates?.keys ?? [decision.candidate];
    for (const { key, children } of spec.candidates ?? []) {
      if (chosen.includes(key)) yield* decisions(children, `${path}/${escaped(key)}/`, decide);
    }
  }
}
const drawn = (space, random) => [...decisions(space.nodes, "", (path, kind, spec) => choice(kind, spec, random))];
const valueOf = ({ candidate, candidates, integer, real }) =>
  JSON.stringify(candidate ?? candidates?.keys ?? real ?? Number(integer));

// The parent with exactly one decision changed, and drawn anew whatever that switches on.
function child(space, parent, random) {
  const known = new Map(parent.map((decision) => [decision.path, decision]));
  const active = [...decisions(space.nodes, "", (path) => known.get(path))];
  const changeable = active.filter(({ kind, spec }) => isOpen(kind, spec));
  if (changeable.length === 0) return parent;
  const { path: at } = random.pick(changeable);
  return [...decisions(space.nodes, "", (path, kind, spec) => {
    const before = known.get(path);
    if (before && path !== at) return before;
    let fresh = choice(kind, spec, random);
    while (before && valueOf(fresh) === valueOf(before)) fresh = choice(kind, spec, random);
    return fresh;
  })];
}

function isOpen(kind, spec) { // whether there is another value
  if (kind === "one_of") return keysOf(spec).length > 1;
  if (kind === "some_of") {
    const [count, keys] = [spec.max_chosen, keysOf(spec).length];
    const isFree = spec.with_replacement || spec.ordered ? keys > 1 : count < keys;
    return spec.min_chosen !== count || (count > 0 && isFree);
  }
  if (kind === "repeat") return spec.max_count > spec.min_count;
  return Number(spec.high) - Number(spec.low) >= (kind === "real" ? Number.MIN_VALUE : Number(spec.step) || 1);
}

const labels = (nodes) => nodes.flatMap(({ label, kind, [kind]: spec }) => {
  const inner = (spec.candidates ?? []).flatMap((candidate) => candidate.children);
  return [label, ...labels([...(spec.children ?? []), ...(spec.body ?? []), ...inner])];
});

const sessions = new Map(); // calls of a session come one at a time and in order
function cannotTune({ space, objectives }) {
  if (objectives.length !== 1) return "node-evolution optimises one objective.";
  if (space.constraints.length > 0) return "node-evolution keeps no constraints.";
  const names = labels(space.nodes);
  const twice = names.find((label, place) => names.indexOf(label) !== place);
  return twice === undefined ? "" : `node-evolution handles no label that comes twice, as ${twice} does.`;
}

function cannotSet(settings) { // nobody else looks at them
  const names = Object.keys(SETTINGS);
  const isOdd = ([name, value]) => !names.includes(name) || !Number.isInteger(value) || value < 1;
  const odd = Object.entries(settings).find(isOdd);
  return odd ? `${odd[0]} cannot be ${odd[1]}; ${names.join(" and ")} can be set, to whole numbers above 0.` : "";
}

function check(session, seq) { // whoever tells has told everything before
  if (Number(seq) <= session.seq) return session;
  throw { code: grpc.status.FAILED_PRECONDITION, details: `Outcomes after ${session.seq} are missing.` };
}

function take(session, outcomes) {
  const { metric, direction } = session.objective;
  for (const { seq, proposal, outcome } of outcomes) {
    if (Number(seq) <= session.seq) continue; // told before
    session.seq = Number(seq);
    const found = outcome.metrics.find(({ name }) => name === metric);
    if (outcome.status !== "OUTCOME_STATUS_COMPLETED" || !found || !proposal.architecture) continue;
    const score = direction === "DIRECTION_MINIMIZE" ? -found.value : found.value;
    session.members.push({ score, decisions: proposal.architecture.decisions });
    if (session.members.length > session.population) session.members.shift(); // the oldest, never the worst
  }
  return session;
}

function proposed(session, number, seed) {
  const random = generator(seed);
  const isBegun = session.members.length >= session.population;
  const rivals = Array.from({ length: isBegun ? session.sample : 0 }, () => random.pick(session.members));
  const parent = rivals.reduce((best, rival) => (best && best.score >= rival.score ? best : rival), null);
  const chosen = parent ? child(session.space, parent.decisions, random) : drawn(session.space, random);
  const plain = chosen.map(({ kind, spec, choice: _, ...decision }) => decision);
  plain.sort((one, other) => (codes(one.path) < codes(other.path) ? -1 : 1));
  return { number, architecture: { decisions: plain }, task: "TASK_EVALUATE" };
}

const codes = (text) => Buffer.from(text, "utf8").toString("hex"); // UTF-8 sorts as code points do, UTF-16 does not
function found(name) {
  if (sessions.has(name)) return sessions.get(name);
  throw { code: grpc.status.NOT_FOUND, details: `There is no session ${name}; open it first.` };
}

const served = {
  Describe: () => ({
    name: "node-evolution", version: "0.1.0", summary: "Regularised evolution, in Node.", settings_schema_json: schema,
    modes: ["MODE_MULTI_TRIAL"], determinism: "DETERMINISM_HISTORY",
    min_protocol: 1, max_protocol: 1, max_objectives: 1,
  }),
  Open: (request) => {
    const settings = JSON.parse(request.settings_json || "{}");
    const refusal = cannotTune(request) || cannotSet(settings);
    if (refusal) return { cannot_tune: refusal };
    const { session, space, objectives: [objective] } = request;
    sessions.set(session, { space, objective, population: 20, sample: 5, ...settings, members: [], seq: 0 });
    return {};
  },
  Ask: (request) => {
    const session = check(take(found(request.session), request.outcomes), request.told_through);
    const first = Number(request.first_number);
    return { proposals: request.seeds.map((seed, i) => proposed(session, first + i, seed)), status: "ASK_STATUS_OK" };
  },
  Tell: ({ session, outcomes, after_seq: seq }) => ({ told_through: take(check(found(session), seq), outcomes).seq }),
  Close: (request) => ({ closed: sessions.delete(request.session) }),
};

const wrong = ({ code = grpc.status.INTERNAL, details, message }) => ({ code, details: details ?? message });
const answering = (answer) => ({ request }, reply) => {
  try { reply(null, answer(request)); } catch (error) { reply(wrong(error)); }
};
const handlers = Object.fromEntries(Object.entries(served).map(([name, answer]) => [name, answering(answer)]));
const place = process.argv.indexOf("--listen");
const address = place > 0 ? process.argv[place + 1] : `unix:${process.env.NASCORE_TUNER_SOCKET}`;
const server = new grpc.Server({ "grpc.max_receive_message_length": 2 ** 22 });
server.addService(TunerService.service, handlers);
server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  console.log(`nascore-tuner v1 ${address}`); // the host waits for this line
});
process.on("SIGTERM", () => server.tryShutdown(() => process.exit(0)));
