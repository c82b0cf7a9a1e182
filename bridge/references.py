"""Where the references of a JSON Schema document lead: into the document, and nowhere else.

A reference is a JSON Pointer (``#/$defs/a``), an anchor (``#here``), or the ``$id`` of a part of
the document with either behind it. A part with an ``$id`` is a resource of its own: pointers that
stand in it start there. Which draft a schema names makes no difference: ``$schema`` is not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote, urljoin

REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")

MAX_SCHEMAS = 10_000
"""Schemas in a document, each counted once. OpenAI takes 5,000 properties."""

MAX_URI = 1000
"""Characters of an ``$id`` and of what it is relative to; a longer one names nothing."""

_ONE = frozenset(
    {
        *("additionalItems", "additionalProperties", "contains", "else", "if", "not"),
        *("propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
    }
)
_MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})

WITH_SCHEMAS: Final = _ONE | _MANY | _NAMED | {"dependencies", "items"}
LISTS_OF_SCHEMAS: Final = _MANY
MAPS_OF_SCHEMAS: Final = _NAMED


def subschemas(keyword: str, value: object) -> Iterator[tuple[str | int | None, object]]:
    """What stands where a schema should, below a keyword, each with its name or index there."""
    if keyword in _ONE or (keyword == "items" and not isinstance(value, list)):
        yield None, value
    elif isinstance(value, list) and (keyword in _MANY or keyword == "items"):
        yield from enumerate(value)
    elif isinstance(value, Mapping) and keyword in _NAMED:
        yield from value.items()
    elif isinstance(value, Mapping) and keyword == "dependencies":
        yield from ((name, p) for name, p in value.items() if not isinstance(p, list))


class _Resource:
    """A part of a document with a URI of its own."""

    def __init__(self, root: object, uri: str = "") -> None:
        self.root = root
        self.uri = uri
        self.anchors: dict[str, object] = {}
        self.dynamic: dict[str, object] = {}


class References:
    """Resolves the references of one document."""

    def __init__(self, root: object) -> None:
        self._root = root

    def resolved(self, reference: object, holder: object, keyword: str = "$ref") -> object | None:
        """The part that the reference in ``holder`` names; None when there is none."""
        if not isinstance(reference, str):
            return None
        uri, _, fragment = reference.partition("#")
        around = self._holders.get(id(holder), self._main)
        whole = _joined(around.uri, uri)
        resource = around if not uri else self._resources.get(whole) if whole else None
        if resource is None:
            return None
        if not fragment or fragment.startswith("/"):
            target = pointed(resource.root, unquote(fragment))
        else:
            target = resource.anchors.get(unquote(fragment))
        plain = keyword == "$ref" or (keyword == "$dynamicRef" and fragment.startswith("/"))
        return (
            target if plain or not isinstance(target, Mapping) else self._dynamic(target, keyword)
        )

    def _dynamic(self, target: Mapping[str, Any], keyword: str) -> object:
        """What a dynamic reference means when the document is entered at its root.

        The outermost resource that has the anchor decides. Where that is not the root, it depends
        on the way there: then anything goes.
        """
        if keyword == "$recursiveRef":
            main = self._main.root
            outermost = isinstance(main, Mapping) and main.get("$recursiveAnchor") is True
            return main if target.get("$recursiveAnchor") is True and outermost else target
        name = target.get("$dynamicAnchor")
        if not isinstance(name, str):
            return target
        if name in self._main.dynamic:
            return self._main.dynamic[name]
        return target if self._dynamic_names[name] == 1 else True

    @cached_property
    def _main(self) -> _Resource:
        return self._all[0]

    @cached_property
    def _resources(self) -> dict[str, _Resource]:
        return {resource.uri: resource for resource in reversed(self._all)}

    @cached_property
    def _dynamic_names(self) -> Counter[str]:
        return Counter(name for resource in self._all for name in resource.dynamic)

    @cached_property
    def _holders(self) -> dict[int, _Resource]:
        """The resource of each schema that stands in one of its own, and not in the root's."""
        return self._walked[1]

    @property
    def _all(self) -> list[_Resource]:
        return self._walked[0]

    @cached_property
    def _walked(self) -> tuple[list[_Resource], dict[int, _Resource]]:
        """Every resource in the document, and what stands in all but the first."""
        resources = [_Resource(self._root)]
        holders: dict[int, _Resource] = {}
        waiting: list[tuple[object, _Resource]] = [(self._root, resources[0])]
        seen = 0
        while waiting and seen <= MAX_SCHEMAS:
            node, resource = waiting.pop()
            seen += 1
            if not isinstance(node, Mapping):
                continue
            resource = _resource_of(node, resource, resources)
            if resource is not resources[0]:
                holders[id(node)] = resource
            for keyword in ("$anchor", "$dynamicAnchor", "$id"):
                name = node.get(keyword)
                if isinstance(name, str) and (keyword != "$id" or name.startswith("#")):
                    resource.anchors.setdefault(name.removeprefix("#"), node)
            if isinstance(dynamic := node.get("$dynamicAnchor"), str):
                resource.dynamic.setdefault(dynamic, node)
            for keyword in WITH_SCHEMAS & node.keys():
                parts = islice(subschemas(keyword, node[keyword]), MAX_SCHEMAS)
                waiting.extend((part, resource) for _, part in parts)
        return resources, holders


def _resource_of(
    node: Mapping[str, Any], around: _Resource, resources: list[_Resource]
) -> _Resource:
    """The resource that a schema belongs to: a new one if it has an ``$id``."""
    own = node.get("$id")
    uri = _joined(around.uri, own.partition("#")[0]) if isinstance(own, str) else None
    if not uri or uri == around.uri:
        return around
    if node is resources[0].root:
        resources[0].uri = uri
        return resources[0]
    resources.append(_Resource(node, uri))
    return resources[-1]


def _joined(base: str, uri: str) -> str | None:
    try:
        return urljoin(base, uri) if uri and len(base) + len(uri) <= MAX_URI else None
    except ValueError:  # no URI at all
        return None


def pointed(root: object, pointer: str) -> object | None:
    """What a JSON Pointer (RFC 6901) names."""
    node = root
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping):
            node = node.get(name)
        elif isinstance(node, list) and name.isdecimal() and int(name[:9]) < len(node):
            node = node[int(name[:9])]
        else:
            return None
    return node
