"""JSON Schema validation that is bounded, whatever schema and value come from outside.

    Budget    the steps that all checks of one request may take together
    Checks    the schemas of one request, each read once
    Check     one value under one schema

Why not a library: none bounds its work. ``jsonschema`` picks another class wherever a ``$schema``
stands, and a compiled one (``jsonschema-rs``, 15 MB) follows an ``anyOf`` that doubles for twice as
long with each level. Here every keyword of every schema goes through
one place that counts, nothing is fetched, ``$schema`` is not read, and a value is checked once
against each schema that references lead to. The public test suite of JSON Schema is among the
tests.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from bridge.assertions import PREPARED
from bridge.evaluated import additional_names
from bridge.keywords import APPLICATORS, LAST, TESTS
from bridge.patterns import KEPT, MAX_COST, matcher
from bridge.references import References
from bridge.schema_shape import well_formed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set

    from bridge.assertions import Test
    from bridge.keywords import Applicator

MAX_STEPS = 40_000
"""Keywords applied to values in all checks of a request, the larger ones by their size: 20 ms."""

CHARACTERS_PER_STEP = 2
"""One more step for so many characters that are checked: reading them takes longer than that."""

PATTERN_COST = 100
"""Parts of a pattern times bytes of a text, in the time of a step."""

READING_STEPS = 50
"""What compiling a pattern counts, besides its parts."""

SEARCH_STEPS = 10
"""What a search counts besides."""

MAX_BRANCH = 8
"""Violations of one branch of ``anyOf`` that are looked at."""


class TooMuchWork(Exception):
    """A check was given up."""


class Budget:
    """What is left for the checks of one request: all its calls, choices and attempts."""

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.left = steps
        self._patterns: set[int] = set()

    def grant(self, characters: int) -> None:
        """A text of that length is about to be checked."""
        self.left += characters // CHARACTERS_PER_STEP

    def spend(self, steps: int) -> None:
        """Count; raises ``TooMuchWork``."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchWork

    def meets(self, pattern: str, size: int) -> None:
        """Count what reading a pattern takes, once; more of them than are kept are too many."""
        if (known := hash(pattern)) not in self._patterns:
            self._patterns.add(known)
            self.spend(READING_STEPS + size)
            if len(self._patterns) > KEPT:
                raise TooMuchWork


class Violation(msgspec.Struct, frozen=True):
    """A keyword that a value breaks, and where; ``keyword`` is None where nothing may stand."""

    keyword: str | None
    value: Any
    path: tuple[str | int, ...]
    schema: Mapping[str, Any]
    check: Check

    @property
    def wanted(self) -> Any:
        """What the keyword says."""
        return self.schema[self.keyword or ""]

    def extra(self) -> list[str]:
        """The members that are too many, for ``additionalProperties``."""
        return additional_names(self.check, self.value, self.schema)

    def branches(self) -> Iterator[list[Violation]]:
        """What breaks each branch of an ``anyOf`` or ``oneOf``."""
        for branch in self.wanted:
            yield list(islice(self.check.violations(branch, self.value, self.path), MAX_BRANCH))


class _Node:
    """A schema, ready to be applied; ``shared``: a reference leads here."""

    __slots__ = ("applied", "cost", "last", "schema", "shared", "tests")

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self.shared = False
        self.tests: list[tuple[str, Test, Any]] = []
        self.applied: list[tuple[Applicator, Any]] = []
        self.last: list[tuple[str, Test, Any]] = []
        for keyword, value in schema.items():
            if not well_formed(keyword, value):
                continue
            if (test := TESTS.get(keyword)) is not None:
                prepare = PREPARED.get(keyword)
                tests = self.last if keyword in LAST else self.tests
                tests.append((keyword, test, prepare(value) if prepare else value))
            if (applicator := APPLICATORS.get(keyword)) is not None:
                self.applied.append((applicator, value))
        self.cost = 1 + len(self.tests) + len(self.applied) + len(self.last)


class _Schema:
    """One schema document, read as far as values lead into it."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self._references = References(root)
        self._nodes: dict[int, _Node] = {}
        self._targets: dict[tuple[str, int], Any] = {}

    def node(self, schema: Mapping[str, Any]) -> _Node:
        """A part of the document, ready to be applied."""
        node = self._nodes.get(id(schema))
        if node is None:
            node = self._nodes[id(schema)] = _Node(schema)
        return node

    def target(self, keyword: str, schema: Mapping[str, Any]) -> Any:
        """The part that a reference leads to; anything when there is none."""
        key = keyword, id(schema)
        if key not in self._targets:
            target = self._references.resolved(schema[keyword], schema, keyword)
            if isinstance(target, dict):
                self.node(target).shared = True
            self._targets[key] = target if isinstance(target, dict) else target is not False
        return self._targets[key]


class Check:
    """One value under one schema."""

    def __init__(self, schema: _Schema, budget: Budget) -> None:
        self._schema = schema
        self._budget = budget
        self.spend = budget.spend
        self.target = schema.target
        self.seen: dict[tuple[int, int], Set[Any]] = {}
        self._passed: dict[tuple[int, int], bool] = {}
        self._entered: set[tuple[int, int]] = set()

    def found(self, pattern: str, text: str) -> bool | None:
        """Whether a pattern is found in a text; None when it is not applied."""
        compiled = matcher(pattern)
        if compiled is None:
            self._budget.meets(pattern, 1)
            return None
        self._budget.meets(pattern, compiled.size)
        self.spend(SEARCH_STEPS + min(compiled.cost(text), MAX_COST) // PATTERN_COST)
        return compiled.found(text)

    def valid(self, schema: Any, value: Any) -> bool:
        """Whether a value passes a part of the schema."""
        if not isinstance(schema, dict):
            self.spend(1)
            return schema is not False
        if _is_null_allowed(schema, value):
            return True
        node = self._schema.node(schema)
        return self._passes_once(node, value) if node.shared else self._passes(node, value)

    def _passes_once(self, node: _Node, value: Any) -> bool:
        # Values and nodes stay as long as the check: so do their ids.
        key = id(node), id(value)
        passed = self._passed.get(key)
        if passed is not None:
            self.spend(1)
            return passed
        if key in self._entered:  # it would never end
            raise TooMuchWork
        self._entered.add(key)
        passed = self._passed[key] = self._passes(node, value)
        self._entered.discard(key)
        return passed

    def _passes(self, node: _Node, value: Any) -> bool:
        self.spend(node.cost)
        schema = node.schema
        for _, test, wanted in node.tests:
            if not test(self, wanted, value, schema):
                return False
        for applicator, wanted in node.applied:
            for _, below, part in applicator(self, wanted, value, schema):
                if not self.valid(below, part):
                    return False
        return all(test(self, wanted, value, schema) for _, test, wanted in node.last)

    def violations(
        self, schema: Any, value: Any, path: tuple[str | int, ...] = ()
    ) -> Iterator[Violation]:
        """What a value breaks, in its own order where it has one."""
        if schema is False:
            yield Violation(None, value, path, {}, self)
        if not isinstance(schema, dict) or _is_null_allowed(schema, value):
            return
        node = self._schema.node(schema)
        if node.shared and self.valid(schema, value):
            return
        self.spend(node.cost)
        for keyword, test, wanted in node.tests:
            if not test(self, wanted, value, schema):
                yield Violation(keyword, value, path, schema, self)
        for applicator, wanted in node.applied:
            for step, below, part in applicator(self, wanted, value, schema):
                there = path if step is None else (*path, step)
                yield from self.violations(below, part, there)
        for keyword, test, wanted in node.last:
            if not test(self, wanted, value, schema):
                yield Violation(keyword, value, path, schema, self)


def _is_null_allowed(schema: Mapping[str, Any], value: Any) -> bool:
    """OpenAPI's way to allow null beside whatever else is said."""
    return value is None and schema.get("nullable") is True


class Checks:
    """The checks of one request, which share one budget."""

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self._schemas: dict[int, _Schema] = {}

    def of(self, value: Any, schema: Mapping[str, Any]) -> Iterator[Violation]:
        """What a value breaks of a schema that stays as it is.

        The check is given up with ``TooMuchWork`` or ``RecursionError``, here or on the way.
        """
        document = self._schemas.get(id(schema))
        if document is None:
            document = self._schemas[id(schema)] = _Schema(schema)
        check = Check(document, self.budget)
        return iter(()) if check.valid(schema, value) else check.violations(schema, value)
