"""The function's handler: found by its name, and its lifespan started."""

from __future__ import annotations

import importlib

from mangum import Mangum
from mangum.protocols import LifespanCycle

from bridge.aws.runtime.messages import InitError


def load(name: str) -> Mangum:
    """Import the object that ``_HANDLER`` names (``module.object``).

    Raises ``InitError``, or whatever the module raises when it is imported.
    """
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        raise InitError("Runtime.MalformedHandlerName", f"Bad handler '{name}': no module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise InitError("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        raise InitError("Runtime.UserCodeSyntaxError", message) from error
    found = getattr(module, attribute, None)
    if not isinstance(found, Mangum):
        message = f"Handler '{attribute}' of module '{module_name}' is {found!r}, no Mangum object"
        raise InitError("Runtime.HandlerNotFound", message)
    return found


def start_lifespan(adapter: Mangum) -> LifespanCycle | None:
    """Run the application's startup on the current event loop, as the adapter has it set.

    Keep what is returned: its task goes on for the life of the application and asyncio itself
    holds it weakly. Raises Mangum's ``LifespanFailure`` or ``UnexpectedMessage``.
    """
    if adapter.lifespan == "off":
        return None
    lifespan = LifespanCycle(adapter.app, adapter.lifespan)
    lifespan.__enter__()
    if lifespan.exception:
        raise lifespan.exception
    return lifespan
