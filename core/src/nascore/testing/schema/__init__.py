"""The care of the contract: a schema frozen as text, what a change of it would break, and messages made from it.

For the tests of nascore, and for authors of tuners and workers who want to speak an older or newer schema on purpose.
"""

from nascore.testing.schema.breaking import breaking_changes
from nascore.testing.schema.frozen import FrozenFile, read, written
from nascore.testing.schema.full import full_messages, message_names
from nascore.testing.schema.pool import Schema

__all__ = ["FrozenFile", "Schema", "breaking_changes", "full_messages", "message_names", "read", "written"]
