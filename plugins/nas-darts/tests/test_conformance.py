"""Every tuner of this package keeps the contract: in process, and one of them over gRPC, as all are hosted alike."""

from nas_darts import Darts, DirectGrad, DrNas, Gdas, PcDarts, Proxyless, Snas
from nascore.testing import tuner_conformance

SECOND_ORDER = {"order": 2}

test_darts_keeps_the_contract = tuner_conformance("darts")
test_darts_of_the_second_order_keeps_the_contract = tuner_conformance(Darts, settings=SECOND_ORDER)
test_directgrad_keeps_the_contract = tuner_conformance(DirectGrad)
test_drnas_keeps_the_contract = tuner_conformance(DrNas)
test_gdas_keeps_the_contract = tuner_conformance(Gdas)
test_pc_darts_keeps_the_contract = tuner_conformance(PcDarts)
test_proxyless_keeps_the_contract = tuner_conformance(Proxyless)
test_snas_keeps_the_contract = tuner_conformance(Snas)
