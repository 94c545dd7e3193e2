"""Any nascore tuner as a suggestion service of Kubeflow Katib."""

from nas_katib.server import HEALTH_SERVICES, PORT, serving
from nas_katib.service import SuggestionServicer

__all__ = ["HEALTH_SERVICES", "PORT", "SuggestionServicer", "serving"]
