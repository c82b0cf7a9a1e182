"""Who reads the keys from SSM: this program itself where it can, else AWS's client."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from bridge.aws import ssm

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SSMProvider
    from botocore.config import _RetryDict

HOPELESS = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidKeyId",
        "InvalidSignatureException",
        "UnrecognizedClientException",
        "ValidationException",
    }
)
"""Refusals of SSM that another try within seconds does not change."""


Reader = Callable[[], Mapping[str, str]]
"""Reads every parameter under the path, by the name that follows it; blocking."""


class ReadRefused(Exception):
    """SSM refuses the read and would refuse it again: nothing is gained by waiting."""


def ssm_reader(path: str, environ: Mapping[str, str] | None = None) -> Reader:
    """A reader of the SSM parameters under ``path``, decrypted, ten a call.

    Asks SSM itself where ``environ`` (by default the process's) says how, else through powertools,
    whose libraries are imported by its first call: they cost a third of a cold start, and nothing
    else needs them before.
    """
    root = "/" + path.strip("/")
    found = ssm.account(os.environ if environ is None else environ) if ssm.can_sign() else None
    return _powertools_reader(root) if found is None else partial(_signed_read, found, root)


def _signed_read(account: ssm.Account, root: str) -> Mapping[str, str]:
    try:
        return dict(ssm.parameters(account, root))
    except ssm.SSMError as error:
        if error.code in HOPELESS:
            raise ReadRefused(str(error)) from error
        raise


def _powertools_reader(root: str) -> Reader:
    provider: SSMProvider | None = None

    def read() -> Mapping[str, str]:
        nonlocal provider
        provider = provider or _provider()
        try:
            found = provider.get_multiple(root, decrypt=True, recursive=True, force_fetch=True)
        except Exception as error:
            # Powertools puts its own error around the one that says why.
            answer = getattr(error.__context__, "response", {})
            if answer.get("Error", {}).get("Code") in HOPELESS:
                raise ReadRefused(str(error)) from error
            raise
        return {name: str(value) for name, value in found.items()}

    return read


def _provider() -> SSMProvider:
    from aws_lambda_powertools.utilities.parameters import SSMProvider
    from botocore.config import Config

    # One more try, a second apart at most; what lasts longer is for BACKOFF.
    retries: _RetryDict = {"total_max_attempts": 2, "mode": "standard"}
    return SSMProvider(boto_config=Config(connect_timeout=1, read_timeout=2, retries=retries))
