"""The fields of NNI's experiment files, of version 1 (v0.5 to v2.2) and of version 2 (v2.0 to v3.0).

Sources: NNI's experiment configuration references of v1.9 and v3.0. A field is carried over, or means nothing here and
is said to; every other word is a mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NAME = "experimentName"
PARALLEL = "trialConcurrency"
TRIALS = "maxTrialNumber"
DURATION = "maxExperimentDuration"
SPACE_FILE = "searchSpaceFile"
SPACE = "searchSpace"
COMMAND = "trialCommand"
FOLDER = "trialCodeDirectory"
GPU_NUMBER = "trialGpuNumber"
GPUS = "gpuIndices"
TUNER = "tuner"
ADVISOR = "advisor"
ANNOTATION = "useAnnotation"
PLATFORM = "trainingServicePlatform"
TRAINING_SERVICE = "trainingService"
TRIAL = "trial"
LOCAL = "localConfig"

CARRIED: Mapping[str, str] = MappingProxyType(
    {
        "experimentName": NAME,
        "trialConcurrency": PARALLEL,
        "maxTrialNum": TRIALS,
        "maxTrialNumber": TRIALS,
        "maxExecDuration": DURATION,
        "maxExperimentDuration": DURATION,
        "searchSpacePath": SPACE_FILE,
        "searchSpaceFile": SPACE_FILE,
        "searchSpace": SPACE,
        "trialCommand": COMMAND,
        "trialCodeDirectory": FOLDER,
        "trialGpuNumber": GPU_NUMBER,
        "tuner": TUNER,
        "advisor": ADVISOR,
        "useAnnotation": ANNOTATION,
        "trainingServicePlatform": PLATFORM,
        "trainingService": TRAINING_SERVICE,
        "trial": TRIAL,
        "localConfig": LOCAL,
    }
)
"""What each field of either version means, in the words of version 2."""

_ELSEWHERE = "trials run on this machine; `nascore serve` takes workers from anywhere"
_WATCHED = "the log of an experiment is shown by `nascore logs`"

LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "authorName": "an experiment has no author here",
        "description": "write it as a comment",
        "assessor": "a tuner stops bad trials itself",
        "logDir": "set NASCORE_HOME in the environment",
        "experimentWorkingDirectory": "set NASCORE_HOME in the environment",
        "logLevel": _WATCHED,
        "logCollection": _WATCHED,
        "debug": "use `nascore run --debug`",
        "versionCheck": "versions of server and workers need not be the same",
        "multiPhase": "a trial tries one architecture",
        "multiThread": "tuners answer in a process of their own",
        "nniManagerIp": "there is no manager to connect to",
        "machineList": _ELSEWHERE,
        "remoteConfig": _ELSEWHERE,
        "paiConfig": _ELSEWHERE,
        "paiYarnConfig": _ELSEWHERE,
        "kubeflowConfig": _ELSEWHERE,
        "frameworkcontrollerConfig": _ELSEWHERE,
        "amlConfig": _ELSEWHERE,
        "adlConfig": _ELSEWHERE,
        "dltsConfig": _ELSEWHERE,
        "dlcConfig": _ELSEWHERE,
        "hybridConfig": _ELSEWHERE,
        "sharedStorage": "weights are kept beside the experiment",
        "nasUi": "see `nascore show`",
        "maxTrialDuration": "a trial trains for the epochs that it or the tuner sets",
        "tunerGpuIndices": "tuners get no GPU",
    }
)
"""Fields that mean nothing here, and why."""

TRIAL_CARRIED: Mapping[str, str] = MappingProxyType({"command": COMMAND, "codeDir": FOLDER, "gpuNum": GPU_NUMBER})
"""Fields of ``trial`` in version 1."""

TRIAL_LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "nasMode": "the mode is chosen with the tuner: one that trains a supernet is a one-shot mode",
        **dict.fromkeys(("cpuNum", "memoryMB", "image", "shmMB", "virtualCluster", "authFile"), _ELSEWHERE),
        **dict.fromkeys(("outputDir", "dataDir", "jobConfig", "ps", "worker", "master", "taskRoles"), _ELSEWHERE),
    }
)

MACHINE_CARRIED: Mapping[str, str] = MappingProxyType({"gpuIndices": GPUS, "platform": PLATFORM})
"""Fields of ``localConfig`` (version 1) and ``trainingService`` (version 2)."""

MACHINE_LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "maxTrialNumPerGpu": "a GPU may be given to several workers by naming it twice",
        "maxTrialNumberPerGpu": "a GPU may be given to several workers by naming it twice",
        "useActiveGpu": "GPUs are used as they are",
        "debug": "use `nascore run --debug`",
    }
)
