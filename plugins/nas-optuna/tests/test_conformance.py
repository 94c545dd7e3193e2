"""The tuners keep the contract of nascore: in this process, and where there is time for it over gRPC as well."""

from __future__ import annotations

import pytest
from nas_optuna import NsgaII, Tpe
from nascore.testing import tuner_conformance
from nascore.testing.conformance import Examination, Way, examine

test_tpe_keeps_the_contract = tuner_conformance(Tpe, settings={"n_startup_trials": 5})
test_nsgaii_keeps_the_contract = tuner_conformance(NsgaII, settings={"population_size": 5, "without_repetition": True})
test_tpe_keeps_it_everywhere = pytest.mark.slow(tuner_conformance("tpe", settings={"n_startup_trials": 5}))
test_nsgaii_keeps_it_everywhere = pytest.mark.slow(tuner_conformance("nsgaii", settings={"population_size": 5}))
test_cmaes_keeps_it_everywhere = pytest.mark.slow(tuner_conformance("cmaes", settings={"popsize": 4}))
# A fit takes half a second, and the whole kit would need thousands; where it matters most, the next test lets it fit.
test_gp_keeps_it_everywhere = pytest.mark.slow(
    tuner_conformance(
        "gp", settings={"n_startup_trials": 100}, skip={"memory": "It would be fitted thousands of times."}
    )
)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_gp_keeps_it_where_it_is_fitted_to_extreme_values() -> None:
    examination = Examination(
        settings={"n_startup_trials": 30},
        is_quick=True,
        only=("extreme-values",),
        ways=(Way.WIRE,),
        timeout_s=300.0,
    )
    report = examine("gp", examination)
    assert report.conforms, report.broken
