"""What goes over the Runtime API, as values, and how its refusals are told."""

from __future__ import annotations

import json
import re
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from bridge.aws.runtime.http1 import Response

ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY = "Lambda-Runtime-Function-Error-Body"


class RuntimeAPIError(Exception):
    """The Runtime API answered with a status that was not hoped for."""


class ContainerError(RuntimeAPIError):
    """Status 500: the execution environment cannot be saved, the runtime has to exit promptly."""


class InitError(Exception):
    """The function cannot be started; ``type`` is Lambda's name for the reason."""

    def __init__(self, type: str, message: str) -> None:
        super().__init__(message)
        self.type = type


def expect(statuses: Container[int], response: Response, call: str) -> None:
    """Raise ``ContainerError`` or ``RuntimeAPIError`` unless the status is one of ``statuses``."""
    if response.status not in statuses:
        kind = ContainerError if response.status == 500 else RuntimeAPIError
        raise kind(f"{call}: {response.status} {response.body[:500].decode(errors='replace')}")


@dataclass(frozen=True, slots=True)
class Invocation:
    """An event to answer: its request id, the headers that came with it (lower case), its bytes."""

    id: str
    headers: Mapping[str, str]
    payload: bytes

    @property
    def echo(self) -> dict[str, str]:
        """What answers have to carry back: on Managed Instances, the id of this one delivery."""
        delivery = self.headers.get("lambda-runtime-invocation-id")
        return {"Lambda-Runtime-Invocation-Id": delivery} if delivery else {}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no answer, or only a part of one.

    ``type`` is ``Runtime.…`` or ``Function.…``: Lambda replaces any other.
    """

    type: str
    message: str
    stack: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: BaseException) -> Fault:
        """Tell an exception, with its message and stack."""
        stack = tuple(traceback.format_tb(error.__traceback__))
        return cls(fault_type(error), str(error), stack)

    def json(self) -> bytes:
        """Lambda's error object."""
        body = {"errorType": self.type, "errorMessage": self.message, "stackTrace": self.stack}
        return json.dumps(body).encode()


def fault_type(error: BaseException) -> str:
    """The error's class as a type that Lambda lets through."""
    if isinstance(error, InitError):
        return error.type
    name = type(error).__name__
    return f"Function.{name}" if re.fullmatch("[A-Z][a-zA-Z]+", name) else "Function.Unknown"
