"""In which mode an experiment goes, and whether its tuner can: what was asked for, and what the tuner claims."""

from __future__ import annotations

from nascore.errors import SettingsError, UnsupportedError
from nascore.record import ExperimentSpec, Mode
from nascore.tuner import Description
from nascore.tuner.suitability import why_not_together


def chosen_mode(spec: ExperimentSpec, description: Description) -> Mode:
    """Return the mode: the one asked for; else the tuner's only one; else multi-trial.

    Raises:
        SettingsError: The tuner does not know it, or a one-shot search is described for one that is to try networks.
        UnsupportedError: The tuner does not optimise so many objectives together.
    """
    if reason := why_not_together(description, spec.objectives):
        raise UnsupportedError(
            reason, hint="Give fewer objectives, or choose another tuner; `nascore tuners` lists them."
        )
    modes = description.modes or frozenset({Mode.MULTI_TRIAL})
    wants_search = spec.mode is None and spec.one_shot is not None and Mode.ONE_SHOT in modes
    default = Mode.ONE_SHOT if wants_search or modes == {Mode.ONE_SHOT} else Mode.MULTI_TRIAL
    mode = spec.mode or default
    if mode not in modes:
        known = " and ".join(sorted(modes))
        raise SettingsError(
            f"mode: tuner {description.name} does not search in the mode {mode.value}; it knows {known}.",
            hint="`nascore tuners` shows the modes of all tuners.",
        )
    if mode is Mode.MULTI_TRIAL and spec.one_shot is not None:
        raise SettingsError(
            f"mode: a one-shot search is described, but tuner {description.name} only knows multi-trial searches.",
            hint="Leave the one-shot settings out, or choose another tuner; `nascore tuners` shows their modes.",
        )
    return mode
