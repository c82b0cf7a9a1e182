"""The environment variables that are read, as data: for reading them and for telling of them."""

from __future__ import annotations

import msgspec

PREFIX = "TOOLBRIDGE_"
UPSTREAM_KEY = "TOOLBRIDGE_UPSTREAM_KEY"
"""The key of the environment's upstream; with ``_<NAME>``, the secret of that name."""


class Variable(msgspec.Struct, frozen=True):
    """One variable: the key it sets in which table, what it means, and its default, in words.

    Variables of no table are read by themselves. ``many``: values separated by commas. ``option``
    is that of the command line which sets the variable.
    """

    name: str
    table: str
    key: str
    meaning: str
    default: str = ""
    many: bool = False
    option: str | None = None


def _variable(
    name: str,
    place: str,
    meaning: str,
    default: str = "",
    *,
    many: bool = False,
    option: str | None = None,
) -> Variable:
    table, _, key = place.partition(".")
    return Variable(PREFIX + name, table, key, meaning, default, many, option)


VARIABLES: tuple[Variable, ...] = (
    _variable("HOST", "", "address to listen on", "127.0.0.1", option="--host"),
    _variable("PORT", "", "port to listen on", "8002", option="--port"),
    _variable(
        "UPSTREAM_URL",
        "upstream.url",
        "base URL of the upstream, as http://127.0.0.1:11434/v1",
        "none: the embedded model",
        option="--upstream",
    ),
    _variable(
        "UPSTREAM_MODEL",
        "model.name",
        "the upstream's name for the model",
        "the public name; without either, every model of the upstream",
        option="--model",
    ),
    _variable(
        "MODEL", "model.id", "public name of the model", "the upstream's name", option="--public"
    ),
    _variable(
        "UPSTREAM_KIND",
        "upstream.kind",
        "openai_text, ui_stream, bedrock, llama or scripted",
        "openai_text with a URL, else llama, the embedded model",
        option="--kind",
    ),
    _variable(
        "MODEL_PATH",
        "",
        "GGUF file to run in place of the embedded model",
        "fetched once",
        option="--model-path",
    ),
    _variable(
        "EMBEDDED",
        "upstream.embedded",
        "model to run in this process: qwen2.5-coder-1.5b, qwen2.5-coder-0.5b, a GGUF file, or"
        " repository:file of the Hugging Face hub",
        "qwen2.5-coder-1.5b",
        option="--embedded",
    ),
    _variable(
        "CONFIG",
        "",
        "configuration file, for several models",
        "bridge.toml, if there is one",
        option="--config",
    ),
    _variable("API_KEYS", "", "client keys, separated by commas", "one made at each start"),
    _variable("UPSTREAM_KEY", "", "the upstream's key; …_KEY_<NAME> is the secret of that name"),
    _variable("KEYS_PATH", "shared.keys_path", "SSM path of all keys, as /toolbridge/prod"),
    _variable("KEYS_TTL", "shared.keys_ttl", "seconds until SSM is read again", "60"),
    _variable(
        "DIALECT", "model.dialect", "how tools and calls are written", "fence", option="--dialect"
    ),
    _variable(
        "TOOLS",
        "model.tools",
        "how tools are told: signatures or json-schema",
        "signatures",
        option="--tools",
    ),
    _variable(
        "THINKING",
        "model.thinking",
        "whether there is a -thinking twin",
        "true",
        option="--thinking",
    ),
    _variable(
        "HOLD",
        "model.hold",
        "bytes of a call that are held until it is whole",
        "2048",
        option="--hold",
    ),
    _variable(
        "RETRIES",
        "model.retries",
        "how often a model that broke a promise is asked again",
        "1",
        option="--retries",
    ),
    _variable(
        "REPEAT_GUARD",
        "model.repeat_guard",
        "ask again at a call that brought the same result so often in a row; 0: never",
        "2; 1 embedded",
    ),
    _variable(
        "OPENS_THINKING",
        "model.opens_thinking",
        "whether the model's replies start inside thinking",
        "not known",
    ),
    _variable(
        "ALTERNATION",
        "upstream.alternation",
        "user and assistant turns go up in strict alternation, as most chat templates want them",
        "true",
        option="--alternation",
    ),
    _variable("PREFILL", "model.prefill", "start replies for the model", "if the upstream can"),
    _variable(
        "MAX_TOKENS",
        "model.max_tokens",
        "most tokens of a reply",
        "the upstream's own; 2048 embedded",
    ),
    _variable(
        "IMAGES",
        "model.images",
        "what becomes of images: refuse, note (in their place) or pass (on)",
        "refuse",
        option="--images",
    ),
    _variable("CONCURRENCY", "limits.concurrency", "chat requests that run at once", "100"),
    _variable("REQUEST_SECONDS", "limits.request_seconds", "longest time of a request", "900"),
    _variable("BODY_BYTES", "limits.body_bytes", "largest request body", "6291456"),
    _variable(
        "CORS_ORIGINS",
        "shared.cors_origins",
        "web pages' origins that may call, separated by commas, or *",
        "none",
        many=True,
    ),
    _variable(
        "ALLOWED_HOSTS",
        "shared.allowed_hosts",
        "names that the local server goes by, separated by commas: box.lan, .lan or *",
        "loopback's, addresses, and that of --host",
        many=True,
        option="--allowed-hosts",
    ),
)
