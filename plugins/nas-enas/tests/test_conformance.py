"""Every tuner of this package keeps the contract: in process, and one of them over gRPC, as all are hosted alike.

With small controllers and frequent updates, so that the policy has learnt when it is looked at.
"""

import pytest
from nas_enas import Enas, Ppo, Reinforce
from nascore.testing import tuner_conformance

QUICK = {"samples": 4, "learning_rate": 0.05}
LSTM = {**QUICK, "hidden": 4}

test_reinforce_keeps_the_contract = tuner_conformance(Reinforce, settings=QUICK)
test_reinforce_keeps_the_contract_over_grpc = pytest.mark.slow(tuner_conformance("reinforce", settings=QUICK))
test_enas_keeps_the_contract = pytest.mark.slow(tuner_conformance(Enas, settings=LSTM))
test_ppo_keeps_the_contract = pytest.mark.slow(tuner_conformance(Ppo, settings={**LSTM, "passes": 2}))
