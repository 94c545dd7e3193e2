"""Regularised evolution keeps the contract, over gRPC and in process; its population is full when it is looked at."""

from nascore.testing import tuner_conformance

test_regularized_evolution_keeps_the_contract = tuner_conformance(
    "regularized-evolution", settings={"population_size": 10, "sample_size": 4}
)
