"""The public test suite of JSON Schema, and where we differ from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridge.checks import check_schema, fault_of

SUITE = Path(__file__).parent / "json_schema"
DRAFTS = ("draft4", "draft7", "draft2019-09", "draft2020-12")

FETCHED = "another document"
"""A schema that refers to the metaschema or to a document that only the suite's server has."""
REFUSED = {
    "definitions: validate definition against metaschema": FETCHED,
    "defs: validate definition against metaschema": FETCHED,
    "ref: remote ref, containing refs itself": FETCHED,
    "dynamicRef: strict-tree schema, guards against misspelled properties": FETCHED,
    "dynamicRef: tests for implementation dynamic anchor and reference link": FETCHED,
    "dynamicRef: $ref and $dynamicAnchor are independent of order - $defs first": FETCHED,
    "dynamicRef: $ref and $dynamicAnchor are independent of order - $ref first": FETCHED,
    "dynamicRef: $ref to $dynamicRef finds detached $dynamicAnchor": FETCHED,
}
"""Groups whose schema is refused, and words of the refusal."""

ALONE = "up to draft 7, what stands beside a $ref is left out; here it is applied"
DYNAMIC = "where a dynamic reference depends on the way to it, anything goes"
DIFFERENT = {
    "ref: ref overrides any sibling keywords": ALONE,
    "ref: $ref prevents a sibling $id from changing the base uri": ALONE,
    "dynamicRef: multiple dynamic paths to the $dynamicRef keyword": DYNAMIC,
    "dynamicRef: after leaving a dynamic scope, it is not used by a $dynamicRef": DYNAMIC,
    "dynamicRef: $dynamicRef skips over intermediate resources - direct reference": DYNAMIC,
    "recursiveRef: multiple dynamic paths to the $recursiveRef keyword": DYNAMIC,
    "recursiveRef: dynamic $recursiveRef destination (not predictable at schema compile time)":
        DYNAMIC,
    "vocabulary: schema that uses custom metaschema with with no validation vocabulary":
        "$schema is not read",
}  # fmt: skip
"""Groups of which some test comes out differently, and why."""


def groups(draft):
    for line in (SUITE / f"{draft}.jsonl").read_text("utf-8").splitlines():
        group = json.loads(line)
        name = f"{group['file']}: {group['description']}"
        if draft != "draft4" or '"id":' not in line:  # there it is an annotation, as in any draft
            yield pytest.param(name, group["schema"], group["tests"], id=f"{draft}-{name}")


@pytest.mark.parametrize(
    ("name", "schema", "tests"), [group for draft in DRAFTS for group in groups(draft)]
)
def test_the_public_suite(name, schema, tests):
    if not isinstance(schema, dict):
        schema = {"allOf": [schema]}
    if name in REFUSED:
        assert REFUSED[name] in (check_schema(schema) or "")
        return
    assert check_schema(schema) is None
    found = [fault_of(json.dumps(value), schema) is None for _, value, _ in tests]
    wanted = [valid for _, _, valid in tests]
    assert (found == wanted) is (name not in DIFFERENT)
