"""A searched architecture as a stand-alone PyTorch file: readable, with the choices made and the SDK gone."""

from nas_trial.export.document import export_source
from nas_trial.export.failure import ExportError
from nas_trial.export.onnx_file import ONNX_TOLERANCE, export_onnx
from nas_trial.export.request import ExportTask, run_export
from nas_trial.export.verify import verify

__all__ = ["ONNX_TOLERANCE", "ExportError", "ExportTask", "export_onnx", "export_source", "run_export", "verify"]
