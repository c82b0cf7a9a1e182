"""A fuzzer guided by coverage (atheris) on what a caller sends: bodies, schemas and their values.

    python -m tests.fuzzing.target schemas|made|requests [options of libFuzzer] [corpus folders]

An input for ``schemas`` is a schema, a line break and a value; for ``made`` it is what Hypothesis
makes both of, so that nearly every input is one.
"""

from __future__ import annotations

import json
import sys

import atheris
from hypothesis import given
from hypothesis import strategies as st

with atheris.instrument_imports(include=["bridge"]):
    from bridge.checks import SchemaChecks, check_schema
    from bridge.errors import BridgeError
    from bridge.json_body import load_object
    from bridge.keywords import APPLICATORS, TESTS
    from bridge.models import Model
    from bridge.plan import plan_of
    from bridge.schema_paths import place_of
    from bridge.turns import Capabilities
    from bridge.validation import Limits, parse_request
    from bridge.validators import MAX_STEPS, Budget

LIMITS = Limits()
MODEL = Model("m", "up", "theirs")
MOST = 8192
"""Characters of one value in an input; what it takes to read a larger one is no news."""


def check(schema: object, value: str) -> None:
    """No schema and no value makes a check raise, or go on when its budget is spent."""
    examined = check_schema(schema)
    if not isinstance(schema, dict):
        return
    budget = Budget()
    checks = SchemaChecks(budget)
    once = checks.fault_of(value, schema)
    place_of(schema)
    if budget.left < -MAX_STEPS - MOST:
        raise AssertionError(f"{-budget.left} steps too many")
    if examined is None and checks.fault_of(value, schema) != once and budget.left >= 0:
        raise AssertionError("two checks of one value do not agree")


def check_schemas(data: bytes) -> None:
    """As a client sends a schema and a model writes a value."""
    first, _, value = data.decode("utf-8", "replace").partition("\n")
    try:
        schema = load_object(first.encode(), nesting=LIMITS.nesting)
    except BridgeError:
        return
    check(schema, value)


NAMES = st.sampled_from(["a", "b", "$ref", "$id", ""])
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(
    [
        *("#", "#a", "#/$defs/a", "#/properties/a", "b", "b#a", "b#/$defs/a", "http://[bad", "x:y"),
        *("^(a+)+$", r"^\p{L}", "(", "(?=a)b", "^(?!a)(?=b)", r"\u00e9", "[^]", "string", "any"),
        *("http://json-schema.org/draft-03/schema#", "http://json-schema.org/draft-07/schema#"),
    ]
)
KEYWORDS = st.sampled_from(
    [
        *(
            *TESTS,
            *APPLICATORS,
            "then",
            "else",
            "minContains",
            "maxContains",
            "disallow",
            "extends",
        ),
        *("$defs", "$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$schema"),
    ]
)
SCHEMAS: st.SearchStrategy[object] = st.recursive(
    VALUES | WORDS,
    lambda inner: (
        st.lists(inner | WORDS, max_size=4)
        | st.dictionaries(KEYWORDS, inner | WORDS, max_size=5)
        | st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_leaves=24,
)


@given(st.dictionaries(KEYWORDS, SCHEMAS, max_size=6), VALUES)
def check_made(schema: object, value: object) -> None:
    """As they are made."""
    check(schema, json.dumps(value))


def check_requests(data: bytes) -> None:
    """Whatever the bytes, a request is planned or refused in words that can be sent."""
    try:
        request = parse_request(data, LIMITS)
    except BridgeError as error:
        json.dumps(str(error)).encode()
        return
    plan_of(request, MODEL, Capabilities(), b"seed")


TARGETS = {
    "made": check_made.hypothesis.fuzz_one_input,  # type: ignore[attr-defined]
    "requests": check_requests,
    "schemas": check_schemas,
}

if __name__ == "__main__":
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
