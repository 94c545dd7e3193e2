"""ENAS and other policy-gradient search for nascore."""

from nas_enas.enas import Enas, EnasSettings
from nas_enas.ppo import Ppo, PpoSettings
from nas_enas.reinforce import Reinforce, ReinforceSettings

__all__ = ["Enas", "EnasSettings", "Ppo", "PpoSettings", "Reinforce", "ReinforceSettings"]
