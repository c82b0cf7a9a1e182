"""Schemas of tools that are not quite JSON Schema, in a form that can be applied.

They come from servers that the caller does not know, and one of fifty would end every request of a
session. What has one meaning is rewritten: the forms of drafts 3 and 4, a language's own names of
types, null for an absence, PHP's empty array for an empty object. What has none is left out, so
that anything may stand there: such a schema allows too much, never too little. That is why a schema
in which something was left out is not read as a negation anywhere either (see ``_relax``).
"""

from __future__ import annotations

from collections import deque
from typing import Any
from urllib.parse import unquote

from bridge.references import MAX_SCHEMAS, REFERENCES, pointed
from bridge.schema_shape import well_formed

DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"
BOOLEAN_BOUNDS = frozenset(
    {"http://json-schema.org/draft-03/schema", "http://json-schema.org/draft-04/schema"}
)
"""The drafts in which a boolean says whether a bound itself is allowed."""

TYPE_NAMES = {
    **dict.fromkeys(("str", "text"), "string"),
    **dict.fromkeys(("int", "long"), "integer"),
    **dict.fromkeys(("float", "double", "decimal"), "number"),
    "bool": "boolean",
    **dict.fromkeys(("dict", "map", "record"), "object"),
    **dict.fromkeys(("list", "tuple", "set"), "array"),
    **dict.fromkeys(("none", "nonetype", "nil"), "null"),
}
"""What languages and other schemas call the types; capitals do not count."""

OLDER_NAMES = {"divisibleBy": "multipleOf"}
"""Keywords of draft 3 that have another name now."""

ONE = (
    *("additionalItems", "additionalProperties", "contains", "else", "if", "items", "not"),
    *("propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
)
"""Keywords that hold a schema."""

MANY = ("allOf", "anyOf", "items", "oneOf", "prefixItems")
"""Keywords that hold, or may hold, a list of schemas."""

NAMED = (
    *("$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties"),
    "properties",
)
"""Keywords that hold schemas by name."""

NEGATIONS = ("not", "if", "maxContains", "unevaluatedItems", "unevaluatedProperties")
"""Keywords that refuse a value because a schema beside or below them allows it, or says nothing."""

REST = {
    "properties": "additionalProperties",
    "patternProperties": "additionalProperties",
    "prefixItems": "items",
}
"""Keywords, and those that speak of what they leave over."""

Node = dict[str, Any]


def mended_parameters(schema: Node) -> Node:
    """The schema of a tool's arguments that is meant by ``schema``, which has a fault.

    Arguments are an object whatever the schema says. What is too large or too deep stays so.
    """
    mended = _Mending(_copied(schema)).mended()
    kinds = mended.get("type", "object")
    return mended if kinds == "object" or "object" in kinds else {"type": "object"}


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(part) for name, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value


class _Mending:
    """Changes a schema document in place."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._waiting: deque[Node] = deque([root])
        self._nodes: dict[int, Node] = {}
        self._left_out = False
        """Whether something was, so that the schema allows more than it did."""
        declared = root.get("$schema")
        draft = declared.rstrip("#") if isinstance(declared, str) else None
        if draft is None or draft in BOOLEAN_BOUNDS:
            root.pop("$schema", None)  # what is mended is no longer of such a draft
        self._names_items_anew = draft == DRAFT_2020

    def mended(self) -> Node:
        while self._waiting and len(self._nodes) <= MAX_SCHEMAS:
            node = self._waiting.popleft()
            if id(node) not in self._nodes:
                self._nodes[id(node)] = node
                self._mend(node)
        self._leave_dangling_references_out()
        if self._left_out:
            for node in self._nodes.values():
                _relax(node)
            self._leave_dangling_references_out()
        return self._root

    def _mend(self, node: Node) -> None:
        for older, name in OLDER_NAMES.items():
            if older in node:
                node.setdefault(name, node.pop(older))
        _mend_bounds(node)
        if self._names_items_anew and isinstance(node.get("items"), list):
            node.setdefault("prefixItems", node.pop("items"))
            if "additionalItems" in node:
                node["items"] = node.pop("additionalItems")
        self._mend_type(node)
        self._mend_required(node)
        for keyword in list(node):
            if keyword in node:  # it may have gone with another
                self._mend_value(node, keyword)

    def _mend_type(self, node: Node) -> None:
        kinds = node.get("type")
        if kinds is None or well_formed("type", kinds):
            return
        names = [_type_name(kind) for kind in (kinds if isinstance(kinds, list) else [kinds])]
        if names and all(well_formed("type", name) for name in names):
            node["type"] = names if isinstance(kinds, list) else names[0]
        else:
            self._leave_out(node, "type")

    def _mend_required(self, node: Node) -> None:
        """Draft 3 says ``"required": true`` in the property itself."""
        if isinstance(node.get("required"), bool):
            del node["required"]
        members = node.get("properties")
        if (names := node.get("required")) is not None and not well_formed("required", names):
            self._left_out = True
            listed = names if isinstance(names, list) else [names]
            node["required"] = [name for name in listed if isinstance(name, str)]
        needed = [
            name
            for name, member in (members.items() if isinstance(members, dict) else ())
            if isinstance(member, dict) and member.get("required") is True
        ]
        if needed:
            node["required"] = [*(node.get("required") or ()), *needed]

    def _mend_value(self, node: Node, keyword: str) -> None:
        value = node[keyword]
        if value is None and keyword not in ("const", "default"):
            del node[keyword]
        elif keyword in MANY and isinstance(value, list) and value:
            node[keyword] = [self._schema(part) for part in value]
        elif keyword in ONE and not (keyword == "items" and value == []):
            self._mend_below(node, keyword)
        elif keyword in NAMED:
            self._mend_named(node, keyword)
        elif not well_formed(keyword, value):
            self._leave_out(node, keyword)
        elif keyword in REFERENCES and isinstance(target := self._resolved(value), dict):
            self._waiting.append(target)

    def _mend_below(self, node: Node, keyword: str) -> None:
        """One schema, or nothing in its place: ``not`` with anything below refuses everything."""
        value = node[keyword]
        if isinstance(value, dict | bool) or value == []:
            node[keyword] = self._schema(value)
        else:
            self._leave_out(node, keyword)

    def _mend_named(self, node: Node, keyword: str) -> None:
        members = node[keyword] or {}
        if not well_formed(keyword, members):
            self._leave_out(node, keyword)
            return
        node[keyword] = {
            # ``dependencies`` may hold lists of names as well.
            name: part if isinstance(part, list) and part and keyword == "dependencies"
            else self._schema(part)
            for name, part in members.items()
        }  # fmt: skip

    def _schema(self, value: Any) -> Any:
        """What stands where a schema must, or one that allows anything in its place."""
        if isinstance(value, bool):
            return value
        if not isinstance(value, dict):
            self._left_out |= value != []
            value = {}
        self._waiting.append(value)
        return value

    def _leave_out(self, node: Node, keyword: str) -> None:
        del node[keyword]
        self._left_out = True
        node.pop(REST.get(keyword, keyword), None)

    def _leave_dangling_references_out(self) -> None:
        nodes = self._nodes.values()
        anchors = {node.get(name) for node in nodes for name in ("$anchor", "$dynamicAnchor")}
        for node in nodes:
            for keyword in node.keys() & set(REFERENCES):
                if not self._leads_somewhere(node[keyword], anchors):
                    self._leave_out(node, keyword)

    def _resolved(self, reference: str) -> object:
        """The part of the document that a JSON Pointer names."""
        return pointed(self._root, unquote(reference[1:])) if reference.startswith("#") else None

    def _leads_somewhere(self, reference: str, anchors: set[Any]) -> bool:
        if reference[1:] and not reference.startswith("#/"):
            return reference.startswith("#") and reference[1:] in anchors
        return isinstance(self._resolved(reference), dict | bool)


def _type_name(kind: Any) -> Any:
    if not isinstance(kind, str):
        return kind
    return TYPE_NAMES.get(kind.lower(), kind.lower())


def _mend_bounds(node: Node) -> None:
    """Draft 4 says with a boolean whether a bound itself is allowed."""
    for name, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(node.get(name), bool):
            excluded = node.pop(name)
            if excluded and bound in node:
                node[name] = node.pop(bound)


def _relax(node: Node) -> None:
    """Take out what could refuse a value because another part of the schema allows more now."""
    for keyword in NEGATIONS:
        node.pop(keyword, None)
    if "oneOf" in node:
        node.setdefault("anyOf", node.pop("oneOf"))
