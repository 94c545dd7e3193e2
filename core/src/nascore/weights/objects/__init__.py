"""Checkpoints in object storage: S3-compatible, or whatever else fsspec reaches."""

from nascore.weights.objects.store import ObjectStore

__all__ = ["ObjectStore"]
