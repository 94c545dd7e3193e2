"""What a worker has to tell and the server has not acknowledged: kept on disk, so that it outlives the worker."""

from nascore.launch.spool.file import Spool, has_spool, spool_folder
from nascore.launch.spool.parcel import Parcel, ParcelKind

__all__ = ["Parcel", "ParcelKind", "Spool", "has_spool", "spool_folder"]
