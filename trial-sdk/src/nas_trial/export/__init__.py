"""A searched architecture as a stand-alone PyTorch file: readable, with the choices made and the SDK gone."""

from nas_trial.export.document import export_source
from nas_trial.export.failure import ExportError
from nas_trial.export.request import ExportTask, run_export
from nas_trial.export.verify import verify

__all__ = ["ExportError", "ExportTask", "export_source", "run_export", "verify"]
