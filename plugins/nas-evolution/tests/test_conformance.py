"""The tuners keep the contract, over gRPC and in process; their populations are full when they are looked at."""

from nascore.testing import tuner_conformance

test_regularized_evolution_keeps_the_contract = tuner_conformance(
    "regularized-evolution", settings={"population_size": 10, "sample_size": 4}
)
test_morphism_keeps_the_contract = tuner_conformance(
    "morphism", settings={"population_size": 6, "sample_size": 3, "morphisms": 2, "starts": 2}
)
