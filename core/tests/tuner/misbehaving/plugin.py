"""The tuner ``misbehaving``: does in a hook, at a trial, what its settings say; once only if there is a marker file."""

from pathlib import Path
from random import Random

from misbehaving.answering import ANSWERING
from misbehaving.deadly import DEADLY
from misbehaving.lingering import LINGERING
from misbehaving.raising import RAISING
from nascore.record import Proposal
from nascore.tuner import Determinism, Settings, Tuner, hookimpl

NASCORE_PLUGIN_API = 1
DEEDS = {**RAISING, **DEADLY, **LINGERING}

print("a greeting on standard output at import")  # noqa: T201  # on purpose


class MisbehavingSettings(Settings):
    deed: str = ""
    hook: str = "ask"
    at: int = 2
    marker: str = ""
    refusal: str = ""


class Misbehaving(Tuner[MisbehavingSettings]):
    name = "misbehaving"
    settings_type = MisbehavingSettings
    determinism = Determinism.REPLAY

    def __init__(self, setup, settings):
        super().__init__(setup, settings)
        self.steps = 0
        self.misbehave("opening", settings.at)

    @classmethod
    def cannot_tune(cls, setup, settings):
        return settings.refusal

    def ask(self, number, seed):
        self.misbehave("ask", number)
        self.steps += 1
        if number == self.settings.at and self.settings.deed in ANSWERING and self.is_due():
            return ANSWERING[self.settings.deed](number, self.space)
        return Proposal(number, self.space.sample(Random(seed + self.steps)), notes={"steps": self.steps})

    def tell(self, proposal, outcome):
        self.misbehave("tell", proposal.number)
        self.steps += 100

    def snapshot(self):
        self.misbehave("snapshot", self.settings.at)
        return b"%d" % self.steps

    def restore(self, state):
        self.steps = int(state)

    def misbehave(self, hook, number):
        chosen = self.settings
        if chosen.deed in DEEDS and hook == chosen.hook and number == chosen.at and self.is_due():
            DEEDS[chosen.deed]()

    def is_due(self):
        marker = self.settings.marker
        if marker and Path(marker).exists():
            return False
        if marker:
            Path(marker).touch()
        return True


@hookimpl
def nascore_tuners():
    return {"misbehaving": Misbehaving}
