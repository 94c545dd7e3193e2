"""Which variables of the environment are nascore's own secrets: they stay with the process that they were given to.

Not here: secrets as values (``nascore.client.Secret``).
"""

from __future__ import annotations


def is_secret(variable: str) -> bool:
    """Whether a variable may hold a secret of nascore.

    Tokens and the files they are in, private keys, and addresses of databases, in which a password may stand; with any
    prefix that the command line gives them (``NASCORE_RUN_DATABASE``).
    """
    return variable.startswith("NASCORE_") and (
        "TOKEN" in variable or variable.endswith(("DATABASE", "TLS_KEY", "TLS_CERT"))
    )
