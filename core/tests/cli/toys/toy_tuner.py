"""A tuner for the tests of the command line: draws at random, and has settings of several kinds."""

import random
from typing import Literal

from nascore.record import Proposal
from nascore.tuner import NoProposal, Settings, Tuner, hookimpl
from pydantic import Field

NASCORE_PLUGIN_API = 1


class ToySettings(Settings):
    population_size: int = Field(50, ge=1, description="Number of architectures kept.")
    uniform: Literal["decisions", "architectures"] = Field("decisions", description="What is drawn alike.")
    end_after: int = Field(0, ge=0, description="Proposals after which there are no more; 0 for no end.")


class ToyTuner(Tuner[ToySettings]):
    name = "toy"
    summary = "Draws architectures at random."
    settings_type = ToySettings
    max_objectives = 0

    @classmethod
    def cannot_tune(cls, setup, settings):
        return "node width: too wide for this tuner." if settings.uniform == "architectures" else ""

    def ask(self, number, seed):
        if self.settings.end_after and number >= self.settings.end_after:
            return NoProposal.EXHAUSTED
        return Proposal(number, architecture=self.space.sample(random.Random(seed)))

    def tell(self, proposal, outcome):
        pass


@hookimpl
def nascore_tuners():
    return {"toy": ToyTuner}
