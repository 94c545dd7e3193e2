"""The tuners keep the contract of nascore: in this process, and where there is time for it over gRPC as well."""

from __future__ import annotations

import pytest
from nas_optuna import NsgaII, Tpe
from nascore.testing import tuner_conformance

test_tpe_keeps_the_contract = tuner_conformance(Tpe, settings={"n_startup_trials": 5})
test_nsgaii_keeps_the_contract = tuner_conformance(NsgaII, settings={"population_size": 5, "without_repetition": True})
test_tpe_keeps_it_everywhere = pytest.mark.slow(tuner_conformance("tpe", settings={"n_startup_trials": 5}))
test_nsgaii_keeps_it_everywhere = pytest.mark.slow(tuner_conformance("nsgaii", settings={"population_size": 5}))
test_cmaes_keeps_it_everywhere = pytest.mark.slow(tuner_conformance("cmaes", settings={"popsize": 4}))
# A fit takes seconds on a busy machine, and the kit asks for many in one call; fits are tried in test_gp.
test_gp_keeps_it_everywhere = pytest.mark.slow(
    tuner_conformance(
        "gp", settings={"n_startup_trials": 100}, skip={"memory": "It would be fitted thousands of times."}
    )
)
