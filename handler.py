"""The Lambda function: settings → keys → upstreams → application → handler.

It answers whole under AWS's own Python runtime, and streams under ``bridge.aws.runtime``.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Literal

from mangum import Mangum

from bridge.aws import telemetry
from bridge.aws.key_reader import ssm_reader
from bridge.aws.parameters import ParameterKeys
from bridge.aws.runtime import snapstart
from bridge.aws.sam_local import completed, is_sam_local, lacks_upstream
from bridge.aws.telemetry import reporter, request_id, time_left
from bridge.checks import load_validator
from bridge.server.app import create_app
from bridge.server.auth import EnvironmentKeys
from bridge.server.settings import read_settings
from bridge.upstream.build import build_upstreams

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.keys import KeyStore
    from bridge.server.settings import Settings
    from bridge.upstream.base import Upstream

NO_MODEL_HERE = (
    "the embedded model does not run on Lambda: give the URL of an upstream, or choose another kind"
)


def compose(environ: Mapping[str, str]) -> Mangum:
    """The handler that these variables describe; raises ``SettingsError``."""
    scripted = is_sam_local(environ) and lacks_upstream(environ)
    if is_sam_local(environ):
        environ = completed(environ)
    # A bridge.toml that lies in the package is read only if the environment names it.
    settings = read_settings(environ, default_file=None)
    catalog = settings.catalog
    keys = key_store(settings)
    if isinstance(keys, ParameterKeys):
        snapstart.before_snapshot.append(keys.forget)
        snapstart.after_restore.append(keys.start)
    app = create_app(
        settings,
        catalog,
        scripted_upstreams(settings) if scripted else upstreams(settings, keys, environ),
        keys,
        report=reporter([model.id for model in catalog.listed()], environ),
        time_left=time_left,
        request_id=request_id,
        startup=[keys.start] if isinstance(keys, ParameterKeys) else [],
    )
    return Mangum(app, lifespan=lifespan(environ))


def key_store(settings: Settings) -> ParameterKeys | EnvironmentKeys:
    """SSM's keys where there is a path to them, else the environment's."""
    if settings.keys_path is None:
        return EnvironmentKeys(settings.api_keys, settings.upstream_keys)
    return ParameterKeys(ssm_reader(settings.keys_path), ttl=settings.keys_ttl)


def upstreams(
    settings: Settings, keys: KeyStore, environ: Mapping[str, str]
) -> dict[str, Upstream]:
    """The upstreams that are configured; raises ``SettingsError``."""
    for table in settings.upstreams.values():
        if table.values.get("kind") == "llama":
            raise table.error(NO_MODEL_HERE, "kind")
    return build_upstreams(settings.upstreams, keys, environ)


def scripted_upstreams(settings: Settings) -> dict[str, Upstream]:
    """One that says it is scripted: for ``sam local``, as long as no upstream is configured."""
    from bridge.upstream.demonstration import demonstration

    return dict.fromkeys(settings.upstreams, demonstration())


def lifespan(environ: Mapping[str, str]) -> Literal["on", "off"]:
    """Off under ``sam local``, where Mangum would end it at each event, and close the upstreams."""
    return "off" if is_sam_local(environ) else "on"


def quiet() -> None:
    """Leave one line a request: these libraries tell of each, paths and upstream URLs included."""
    for library in ("httpx", "mangum"):
        logging.getLogger(library).setLevel(logging.WARNING)


quiet()
snapstart.before_snapshot += [load_validator, telemetry.load]
handler = compose(os.environ)
