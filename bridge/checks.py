"""Schema checks: of the schemas that come with a request, and of what a model writes for them.

Nothing here raises on what it is given, and nothing runs away with it: depth, size, patterns and
the work of all checks of a request are bounded. A value whose check would take more counts as one
with a fault, of kind ``unchecked``: it never leaves where a promise was made.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from bridge.parts import Fault
from bridge.schema_shape import fault_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.validators import Budget, Checks

MAX_TOLD = 3
"""Faults in one message. A model mends the first ones best; more are often their consequence."""

MAX_EXAMINED = 50
"""Violations looked at for those: many of them say the same."""

_OBJECT: Final[Mapping[str, Any]] = {"type": "object"}


def check_schema(schema: object) -> str | None:
    """What keeps ``schema`` from being a JSON Schema object that can be applied, or None."""
    return fault_in(schema)


def load_validator() -> None:
    """Import what the first check needs before it is needed: it takes 10 ms of a processor."""
    import bridge.expectations
    import bridge.validators  # noqa: F401  loading it is all that is wanted


class SchemaChecks:
    """The schema checks of one request: they share one budget, and each schema is read once."""

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget
        self._checks: Checks | None = None

    def fault_of(
        self, value_json: str, schema: Mapping[str, Any] | None, root: str = "arguments"
    ) -> Fault | None:
        """What is wrong with a value by its schema (None: any object), or None.

        ``root`` is what the message calls the value. At most three faults are told, in the order
        of the value. The schema must stay as it is as long as this object is used.
        """
        # See ``load_validator``: a request without calls need not pay for it.
        from bridge.expectations import told
        from bridge.json_values import loaded
        from bridge.validators import Checks, TooMuchWork

        if self._checks is None:
            self._checks = Checks(self._budget)
        try:
            value = loaded(value_json)
        except (ValueError, RecursionError):
            return Fault("json", f"{root}: this is no JSON.")
        self._checks.budget.grant(len(value_json))
        faults: dict[str, None] = {}
        try:
            found = self._checks.of(value, _OBJECT if schema is None else schema)
            for violation in islice(found, MAX_EXAMINED):
                faults[told(violation, root)] = None
                if len(faults) == MAX_TOLD:
                    break
        except (TooMuchWork, RecursionError):
            if not faults:
                return Fault("unchecked", f"{root}: cannot be checked against the schema.")
        return Fault("schema", "; ".join(faults) + ".") if faults else None


def fault_of(
    value_json: str, schema: Mapping[str, Any] | None, root: str = "arguments"
) -> Fault | None:
    """What is wrong with a value, by a check that is the only one of its request."""
    return SchemaChecks().fault_of(value_json, schema, root)
