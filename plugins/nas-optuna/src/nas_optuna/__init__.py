"""Optuna's samplers as tuners of nascore, and nascore's tuners as samplers of Optuna."""

from nas_optuna.cmaes import CmaEs, CmaEsSettings
from nas_optuna.conversion import space_of
from nas_optuna.gp import GaussianProcess, GpSettings
from nas_optuna.nsgaii import NsgaII, NsgaIISettings
from nas_optuna.sampled import SampledSettings, SampledTuner
from nas_optuna.sampler import ExhaustedTunerError, NascoreSampler
from nas_optuna.suggesting import suggest
from nas_optuna.tpe import Tpe, TpeSettings

__all__ = [
    "CmaEs",
    "CmaEsSettings",
    "ExhaustedTunerError",
    "GaussianProcess",
    "GpSettings",
    "NascoreSampler",
    "NsgaII",
    "NsgaIISettings",
    "SampledSettings",
    "SampledTuner",
    "Tpe",
    "TpeSettings",
    "space_of",
    "suggest",
]
