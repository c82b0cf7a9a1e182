"""``GET /v1/models`` and ``GET /v1/models/{id}``: what is served, thinking twins included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from bridge.answers import ModelList, ModelObject, encoded
from bridge.models import ANY, not_found
from bridge.server.auth import authenticate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from bridge.keys import KeyStore
    from bridge.models import Catalog, Model
    from bridge.upstream.base import Upstream

CREATED = 1_700_000_000
"""Nobody says when a served model was created; a constant keeps all copies of the service alike."""


class Models:
    """Both endpoints."""

    def __init__(self, catalog: Catalog, upstreams: Mapping[str, Upstream], keys: KeyStore) -> None:
        self._catalog = catalog
        self._upstreams = upstreams
        self._keys = keys

    async def list(self, request: Request) -> Response:
        """Every served model."""
        await authenticate(request.scope, self._keys)
        models = await served(self._catalog, self._upstreams)
        listing = ModelList(data=[_object(model) for model in models])
        return Response(encoded(listing), media_type="application/json")

    async def retrieve(self, request: Request) -> Response:
        """One model; raises ``ModelNotFound``."""
        await authenticate(request.scope, self._keys)
        name = request.path_params["model"]
        model = self._catalog.find(name)
        if model.id not in {each.id for each in await served(self._catalog, self._upstreams)}:
            raise not_found(name)
        return Response(encoded(_object(model)), media_type="application/json")


async def served(catalog: Catalog, upstreams: Mapping[str, Upstream]) -> list[Model]:
    """Every served model; those passed through are asked of their upstream."""
    pattern = catalog.models.get(ANY)
    names = await upstreams[pattern.upstream].models() if pattern is not None else []
    return catalog.listed(names)


def _object(model: Model) -> ModelObject:
    return ModelObject(id=model.id, created=CREATED, owned_by=model.owned_by)
