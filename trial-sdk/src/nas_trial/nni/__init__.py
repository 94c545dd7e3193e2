"""NNI's trial API, for scripts that were written for NNI: ``import nas_trial.nni as nni``.

``python -m nas_trial.nni script.py`` runs a script with ``import nni`` in it without any edit.
"""

from nas_trial.nni.reports import (
    get_experiment_id,
    get_next_parameter,
    get_sequence_id,
    get_trial_id,
    report_final_result,
    report_intermediate_result,
)

__all__ = [
    "get_experiment_id",
    "get_next_parameter",
    "get_sequence_id",
    "get_trial_id",
    "report_final_result",
    "report_intermediate_result",
]
