// A whole tuner in C++ that knows nothing of nascore but its protocol: random search, then local search.
//
// The first architectures are drawn at random; each further one is the best so far with exactly one decision changed.
// All randomness comes from the seeds of the proposals, so equal history and seeds give equal proposals.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nascore/v1/tuner.grpc.pb.h"

namespace v1 = nascore::v1;
using Decisions = std::map<std::string, v1::Decision>;  // sorted by path, byte by byte, as the protocol wants them
using Decide = std::function<v1::Decision(const std::string& path, const v1::Node& node)>;
template <typename T>
using Repeated = google::protobuf::RepeatedPtrField<T>;

class Random {  // splitmix64
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t mixed = (state_ += 0x9e3779b97f4a7c15ULL);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    return mixed ^ (mixed >> 31);
  }
  double Share() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  uint64_t Below(uint64_t count) { return static_cast<uint64_t>(Share() * static_cast<double>(count)); }

 private:
  uint64_t state_;
};

std::string Escaped(const std::string& text) {
  static const char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (unsigned char sign : text) {
    if (sign == '%' || sign == '/' || sign == '[' || sign == ']') {
      out += {'%', kDigits[sign >> 4], kDigits[sign & 15]};
    } else {
      out += static_cast<char>(sign);
    }
  }
  return out;
}

const Repeated<v1::Candidate>& CandidatesOf(const v1::Node& node) {
  return node.has_one_of() ? node.one_of().candidates() : node.some_of().candidates();
}

std::vector<std::string> KeysOf(const v1::Node& node) {
  std::vector<std::string> keys;
  for (const auto& candidate : CandidatesOf(node)) {
    if (!candidate.search_only()) keys.push_back(candidate.key());
  }
  return keys;
}

int64_t StepOf(const v1::Integer& range) { return range.step() > 0 ? range.step() : 1; }

void ChooseSome(const v1::Node& node, Random& random, v1::CandidateList* chosen) {
  const auto& spec = node.some_of();
  const auto keys = KeysOf(node);
  std::vector<size_t> left(keys.size()), taken;
  for (size_t i = 0; i < left.size(); ++i) left[i] = i;
  uint64_t count = spec.min_chosen() + random.Below(spec.max_chosen() - spec.min_chosen() + 1);
  while (count-- > 0) {
    const uint64_t place = random.Below(left.size());
    taken.push_back(left[place]);
    if (!spec.with_replacement()) left.erase(left.begin() + static_cast<std::ptrdiff_t>(place));
  }
  if (!spec.ordered()) std::sort(taken.begin(), taken.end());
  for (size_t index : taken) chosen->add_keys(keys[index]);
}

v1::Decision Choose(const std::string& path, const v1::Node& node, Random& random) {  // one decision at random
  v1::Decision decision;
  decision.set_path(path);
  if (node.has_one_of()) {
    const auto keys = KeysOf(node);
    decision.set_candidate(keys[random.Below(keys.size())]);
  } else if (node.has_some_of()) {
    ChooseSome(node, random, decision.mutable_candidates());
  } else if (node.has_repeat()) {
    const auto& spec = node.repeat();
    const uint64_t counts = spec.max_count() - spec.min_count() + 1;
    decision.set_integer(spec.min_count() + static_cast<int64_t>(random.Below(counts)));
  } else if (node.has_integer()) {
    const auto& spec = node.integer();
    const int64_t step = StepOf(spec), count = (spec.high() - spec.low()) / step + 1;
    decision.set_integer(spec.low() + step * static_cast<int64_t>(random.Below(static_cast<uint64_t>(count))));
  } else {
    const auto& spec = node.real();
    const double share = random.Share();
    const double value = spec.log() ? spec.low() * std::exp(share * std::log(spec.high() / spec.low()))
                                    : spec.low() + share * (spec.high() - spec.low());
    decision.set_real(std::clamp(value, spec.low(), spec.high()));
  }
  return decision;
}

bool HasAnother(const v1::Node& node) {  // whether a decision could have another value
  if (node.has_one_of()) return KeysOf(node).size() > 1;
  if (node.has_repeat()) return node.repeat().max_count() > node.repeat().min_count();
  if (node.has_real()) return node.real().high() > node.real().low();
  if (node.has_integer()) return node.integer().high() - node.integer().low() >= StepOf(node.integer());
  const auto& spec = node.some_of();
  const size_t keys = KeysOf(node).size();
  if (spec.min_chosen() != spec.max_chosen()) return true;
  const bool is_free = spec.ordered() || spec.with_replacement() ? keys > 1 : spec.max_chosen() < keys;
  return spec.max_chosen() > 0 && is_free;
}

// Adds all active decisions below a scope, each as `decide` makes it.
void Walk(const Repeated<v1::Node>& nodes, const std::string& scope, const Decide& decide, Decisions& into,
          std::map<std::string, const v1::Node*>* seen = nullptr) {
  for (const auto& node : nodes) {
    const std::string path = scope + Escaped(node.label());
    if (node.has_group()) {
      Walk(node.group().children(), path + "/", decide, into, seen);
      continue;
    }
    const v1::Decision& decision = into[path] = decide(path, node);
    if (seen != nullptr) (*seen)[path] = &node;
    if (node.has_repeat()) {
      const int64_t count = decision.integer();
      const auto& body = node.repeat().body();
      if (node.repeat().tied() && count > 0) Walk(body, path + "/", decide, into, seen);
      for (int64_t copy = 0; !node.repeat().tied() && copy < count; ++copy) {
        Walk(body, path + "[" + std::to_string(copy) + "]/", decide, into, seen);
      }
    } else if (node.has_one_of() || node.has_some_of()) {
      const auto& keys = decision.candidates().keys();
      for (const auto& candidate : CandidatesOf(node)) {
        const bool is_chosen = std::find(keys.begin(), keys.end(), candidate.key()) != keys.end();
        if (is_chosen || (node.has_one_of() && decision.candidate() == candidate.key())) {
          Walk(candidate.children(), path + "/" + Escaped(candidate.key()) + "/", decide, into, seen);
        }
      }
    }
  }
}

Decisions Drawn(const v1::SearchSpace& space, Random& random) {
  Decisions drawn;
  Walk(space.nodes(), "", [&](const auto& path, const auto& node) { return Choose(path, node, random); }, drawn);
  return drawn;
}

// The parent with exactly one decision changed; what that switches on is drawn.
Decisions Neighbour(const v1::SearchSpace& space, const Decisions& parent, Random& random) {
  std::map<std::string, const v1::Node*> nodes;
  Decisions same, changed;
  Walk(space.nodes(), "", [&](const auto& path, const auto&) { return parent.at(path); }, same, &nodes);
  std::vector<std::string> open;
  for (const auto& [path, node] : nodes) {
    if (HasAnother(*node)) open.push_back(path);
  }
  if (open.empty()) return parent;
  const std::string at = open[random.Below(open.size())];
  const Decide decide = [&](const auto& path, const auto& node) {
    const auto before = parent.find(path);
    if (before != parent.end() && path != at) return before->second;
    v1::Decision fresh = Choose(path, node, random);
    const std::string old = path == at ? before->second.SerializeAsString() : "";
    while (fresh.SerializeAsString() == old) fresh = Choose(path, node, random);
    return fresh;
  };
  Walk(space.nodes(), "", decide, changed);
  return changed;
}

bool HasTwice(const Repeated<v1::Node>& nodes, std::set<std::string>& labels, std::string& twice) {
  for (const auto& node : nodes) {
    if (!labels.insert(node.label()).second) {
      twice = node.label();
      return true;
    }
    if (HasTwice(node.group().children(), labels, twice) || HasTwice(node.repeat().body(), labels, twice)) return true;
    if (node.has_one_of() || node.has_some_of()) {
      for (const auto& candidate : CandidatesOf(node)) {
        if (HasTwice(candidate.children(), labels, twice)) return true;
      }
    }
  }
  return false;
}

struct Session {
  v1::OpenRequest opened;
  uint64_t random = 20;  // proposals before local search begins
  uint64_t told = 0;
  std::optional<double> score;
  Decisions best;
};

class LocalSearch final : public v1::TunerService::Service {
 public:
  grpc::Status Describe(grpc::ServerContext*, const v1::DescribeRequest*, v1::DescribeResponse* answer) override {
    answer->set_name("cpp-local-search");
    answer->set_version("0.1.0");
    answer->set_min_protocol(1);
    answer->set_max_protocol(1);
    answer->add_modes(v1::MODE_MULTI_TRIAL);
    answer->set_max_objectives(1);
    answer->set_determinism(v1::DETERMINISM_HISTORY);
    answer->set_summary("Random search, then local search, in C++.");
    answer->set_settings_schema_json(
        R"({"type": "object", "additionalProperties": false, "properties": {"random": {"type": "integer",)"
        R"( "minimum": 1, "default": 20, "description": "Random architectures before local search begins."}}})");
    return grpc::Status::OK;
  }

  grpc::Status Open(grpc::ServerContext*, const v1::OpenRequest* request, v1::OpenResponse* answer) override {
    const std::lock_guard<std::mutex> guard(lock_);
    std::set<std::string> labels;
    std::string twice;
    if (request->objectives_size() != 1) {
      answer->set_cannot_tune("cpp-local-search optimises one objective.");
    } else if (request->space().constraints_size() > 0) {
      answer->set_cannot_tune("cpp-local-search keeps no constraints.");
    } else if (HasTwice(request->space().nodes(), labels, twice)) {
      answer->set_cannot_tune("cpp-local-search handles no label that comes twice, as " + twice + " does.");
    } else {
      Session session;
      session.opened = *request;
      if (Set(request->settings_json(), session)) {
        sessions_[request->session()] = std::move(session);
      } else {
        answer->set_cannot_tune("cpp-local-search has one setting: random, a whole number above 0.");
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status Tell(grpc::ServerContext*, const v1::TellRequest* request, v1::TellResponse* answer) override {
    const std::lock_guard<std::mutex> guard(lock_);
    Session* session = Found(request->session());
    if (session == nullptr) return Unknown(request->session());
    if (request->after_seq() > session->told) return Missing(session->told);
    Take(*session, request->outcomes());
    answer->set_told_through(session->told);
    return grpc::Status::OK;
  }

  grpc::Status Ask(grpc::ServerContext*, const v1::AskRequest* request, v1::AskResponse* answer) override {
    const std::lock_guard<std::mutex> guard(lock_);
    Session* session = Found(request->session());
    if (session == nullptr) return Unknown(request->session());
    Take(*session, request->outcomes());
    if (request->told_through() > session->told) return Missing(session->told);
    for (int i = 0; i < request->seeds_size(); ++i) {
      Random random(request->seeds(i));
      const uint64_t number = request->first_number() + static_cast<uint64_t>(i);
      const auto& space = session->opened.space();
      const bool is_local = number >= session->random && session->score.has_value();
      auto* proposal = answer->add_proposals();
      proposal->set_number(number);
      proposal->set_task(v1::TASK_EVALUATE);
      proposal->mutable_architecture();  // set even where there is nothing to decide
      for (auto& [path, decision] : is_local ? Neighbour(space, session->best, random) : Drawn(space, random)) {
        *proposal->mutable_architecture()->add_decisions() = decision;
      }
    }
    answer->set_status(v1::ASK_STATUS_OK);
    return grpc::Status::OK;
  }

  grpc::Status Close(grpc::ServerContext*, const v1::CloseRequest* request, v1::CloseResponse*) override {
    const std::lock_guard<std::mutex> guard(lock_);
    sessions_.erase(request->session());
    return grpc::Status::OK;
  }

 private:
  Session* Found(const std::string& name) {
    const auto found = sessions_.find(name);
    return found == sessions_.end() ? nullptr : &found->second;
  }

  static grpc::Status Unknown(const std::string& name) {
    return {grpc::StatusCode::NOT_FOUND, "There is no session " + name + "; open it first."};
  }

  static grpc::Status Missing(uint64_t told) {
    return {grpc::StatusCode::FAILED_PRECONDITION, "Outcomes after " + std::to_string(told) + " are missing."};
  }

  static bool Set(const std::string& json, Session& session) {  // nobody else looks at the settings
    google::protobuf::Struct settings;
    if (!json.empty() && !google::protobuf::util::JsonStringToMessage(json, &settings).ok()) return false;
    for (const auto& [name, value] : settings.fields()) {
      const double number = value.kind_case() == google::protobuf::Value::kNumberValue ? value.number_value() : 0;
      if (name != "random" || number < 1 || number > 1e15 || number != std::floor(number)) return false;
      session.random = static_cast<uint64_t>(number);
    }
    return true;
  }

  static void Take(Session& session, const Repeated<v1::Told>& outcomes) {
    const auto& objective = session.opened.objectives(0);
    const double sign = objective.direction() == v1::DIRECTION_MINIMIZE ? -1.0 : 1.0;
    for (const auto& told : outcomes) {
      if (told.seq() <= session.told) continue;  // told before
      session.told = told.seq();
      if (told.outcome().status() != v1::OUTCOME_STATUS_COMPLETED || !told.proposal().has_architecture()) continue;
      for (const auto& metric : told.outcome().metrics()) {
        if (metric.name() != objective.metric()) continue;
        if (session.score.has_value() && sign * metric.value() < *session.score) continue;
        session.score = sign * metric.value();  // of equals the later one, so that it can cross a plain
        session.best.clear();
        for (const auto& each : told.proposal().architecture().decisions()) session.best[each.path()] = each;
      }
    }
  }

  std::mutex lock_;  // calls of a session come one at a time, but those of two sessions need not
  std::map<std::string, Session> sessions_;
};

int main(int argc, char** argv) {
  sigset_t signals;  // blocked before any thread begins, so that all of them leave it to sigwait
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const char* socket = std::getenv("NASCORE_TUNER_SOCKET");
  const bool listens = argc == 3 && std::string(argv[1]) == "--listen";
  if (!listens && socket == nullptr) {
    std::cerr << "Set NASCORE_TUNER_SOCKET, or give --listen HOST:PORT.\n";
    return 2;
  }
  const std::string address = listens ? argv[2] : std::string("unix:") + socket;
  LocalSearch service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  std::cout << "nascore-tuner v1 " << address << std::endl;  // the host waits for this line
  int signal = 0;
  sigwait(&signals, &signal);
  server->Shutdown();
  return 0;
}
