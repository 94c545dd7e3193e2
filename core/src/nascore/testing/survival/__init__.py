"""The survival kit: whether a tuner goes on after any kill as if nothing had happened."""

from nascore.testing.survival.kills import check_host_survival
from nascore.testing.survival.rehearsal import check_survival
from nascore.testing.survival.script import Act, Step, scripts

__all__ = ["Act", "Step", "check_host_survival", "check_survival", "scripts"]
