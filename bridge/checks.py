"""Schema checks: of the schemas that come with a request, and of what a model writes for them.

Draft 2020-12 unless the schema names another. Nothing here raises on what it is given, and
nothing runs away with it: depth, size, patterns and the work of one check are bounded.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from bridge.parts import Fault
from bridge.schema_shape import shape_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TOLD = 3
"""Faults in one message. A model mends the first ones best; more are often their consequence."""

MAX_EXAMINED = 50
"""Errors looked at for those: many of them say the same."""

_OBJECT = {"type": "object"}


def check_schema(schema: object) -> str | None:
    """What keeps ``schema`` from being a JSON Schema object that can be applied, or None."""
    return shape_of(schema).fault


def load_validator() -> None:
    """Import what the first check needs, 70 ms of a processor, before it is needed."""
    import bridge.expectations
    import bridge.validators  # noqa: F401  loading it is all that is wanted


def fault_of(
    value_json: str, schema: Mapping[str, Any] | None, root: str = "arguments"
) -> Fault | None:
    """What is wrong with a value by its schema (None: any object), or None.

    ``root`` is what the message calls the value. At most three faults are told, in the order in
    which the schema names what they break.
    """
    # See ``load_validator``: a request without calls need not pay for it.
    from referencing.exceptions import Unresolvable

    from bridge.expectations import told
    from bridge.validators import TooMuchWork, errors_in, loaded

    try:
        value = loaded(value_json)
    except (ValueError, RecursionError):
        return Fault("json", f"{root}: this is no JSON.")
    try:
        text = json.dumps(_OBJECT if schema is None else schema, ensure_ascii=False)
        errors = [told(error, root) for error in islice(errors_in(value, text), MAX_EXAMINED)]
    except (TooMuchWork, RecursionError, Unresolvable):
        return Fault("schema", f"{root}: cannot be checked against the schema.")
    if not errors:
        return None
    return Fault("schema", "; ".join(list(dict.fromkeys(errors))[:MAX_TOLD]) + ".")
