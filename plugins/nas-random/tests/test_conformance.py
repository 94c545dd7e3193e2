"""Random search keeps the contract, over gRPC and in process."""

from nascore.testing import tuner_conformance

test_random_search_keeps_the_contract = tuner_conformance("random")
