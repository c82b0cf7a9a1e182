"""Settings come to what the operator wrote, or to one line that says what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridge.configuration import SettingsError
from bridge.keys import usable
from bridge.server.settings import check_secrets, read_settings
from bridge.server.variables import VARIABLES

URL = {"TOOLBRIDGE_UPSTREAM_URL": "http://127.0.0.1:1/v1"}
EXAMPLE = Path(__file__).parent.parent / "bridge.toml"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No file of the place where the tests run is read."""
    monkeypatch.chdir(tmp_path)


def written(tmp_path: Path, text: str, **environ: str) -> dict[str, str]:
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    return {"TOOLBRIDGE_CONFIG": "c.toml", **environ}


def served(settings) -> list[tuple[str, str, str]]:
    return [(model.id, model.upstream, model.name) for model in settings.models]


def test_nothing_configured_serves_the_embedded_model():
    settings = read_settings({"PATH": "/bin"})
    assert served(settings) == [
        ("qwen2.5-coder-1.5b", "default", "qwen2.5-coder-1.5b-instruct"),
    ]
    assert settings.upstreams["default"].values["kind"] == "llama"
    assert (settings.models[0].max_tokens, settings.models[0].repeat_guard) == (2048, 1)
    assert (settings.concurrency, settings.limits.body_bytes) == (100, 6 * 1024 * 1024)
    assert settings.api_keys == ()


SINGLE = [
    pytest.param(
        {"MODEL": "claude"}, ["claude", "qwen2.5-coder-1.5b"], "llama", id="alias-of-embedded"
    ),
    pytest.param({"MODEL_PATH": "/x/phi.gguf"}, ["phi"], "llama", id="own-file"),
    pytest.param({"EMBEDDED": "qwen2.5-coder-0.5b"}, ["qwen2.5-coder-0.5b"], "llama", id="small"),
    pytest.param({"EMBEDDED": "qwen2.5-coder-1.5b"}, ["qwen2.5-coder-1.5b"], "llama", id="by-name"),
    pytest.param({"EMBEDDED": "/x/phi.gguf"}, ["phi"], "llama", id="chosen-file"),
    pytest.param({"EMBEDDED": "a/b:q4/phi.gguf"}, ["phi"], "llama", id="file-of-the-hub"),
    pytest.param({"MODEL_PATH": "/x/phi.gguf", "MODEL": "phi"}, ["phi"], "llama", id="own-name"),
    pytest.param({"UPSTREAM_URL": "http://h/v1"}, ["*"], "openai_text", id="all-of-a-url"),
    pytest.param(
        {"UPSTREAM_URL": "http://h/v1", "UPSTREAM_MODEL": "q"},
        ["q"],
        "openai_text",
        id="own-name-of",
    ),
    pytest.param(
        {"UPSTREAM_URL": "http://h/v1", "UPSTREAM_KIND": "ui_stream", "MODEL": "a"},
        ["a"],
        "ui_stream",
        id="kind",
    ),
    pytest.param({"UPSTREAM_KIND": "bedrock", "MODEL": "a"}, ["a"], "bedrock", id="no-url"),
]


@pytest.mark.parametrize(("environ", "names", "kind"), SINGLE)
def test_the_environments_model(environ, names, kind):
    settings = read_settings({f"TOOLBRIDGE_{name}": value for name, value in environ.items()})
    assert [model.id for model in settings.models] == names
    assert settings.upstreams["default"].values["kind"] == kind
    assert settings.upstreams["default"].values["key"] == "default"


def test_a_limit_of_the_embedded_model_can_be_chosen():
    assert read_settings({"TOOLBRIDGE_MAX_TOKENS": "9"}).models[0].max_tokens == 9
    assert read_settings({"TOOLBRIDGE_REPEAT_GUARD": "0"}).models[0].repeat_guard == 0
    other = read_settings({**URL, "TOOLBRIDGE_MODEL": "m"}).models[0]
    assert (other.max_tokens, other.repeat_guard) == (None, 2)


def test_every_setting_of_the_model_has_a_variable():
    settings = read_settings(
        {
            **URL,
            "TOOLBRIDGE_MODEL": "public",
            "TOOLBRIDGE_UPSTREAM_MODEL": "theirs",
            "TOOLBRIDGE_DIALECT": "raw",
            "TOOLBRIDGE_TOOLS": "json-schema",
            "TOOLBRIDGE_THINKING": "no",
            "TOOLBRIDGE_HOLD": "0",
            "TOOLBRIDGE_RETRIES": "2",
            "TOOLBRIDGE_REPEAT_GUARD": "3",
            "TOOLBRIDGE_OPENS_THINKING": "true",
            "TOOLBRIDGE_PREFILL": "false",
            "TOOLBRIDGE_MAX_TOKENS": "100",
            "TOOLBRIDGE_CONCURRENCY": "3",
            "TOOLBRIDGE_REQUEST_SECONDS": "1.5",
            "TOOLBRIDGE_BODY_BYTES": "2000",
            "TOOLBRIDGE_CORS_ORIGINS": "https://a.example, https://b.example",
            "TOOLBRIDGE_ALLOWED_HOSTS": "box.lan, .example.com,*",
            "TOOLBRIDGE_KEYS_PATH": "/toolbridge/prod",
            "TOOLBRIDGE_KEYS_TTL": "5",
            "TOOLBRIDGE_API_KEYS": " one, two ,",
            "TOOLBRIDGE_UPSTREAM_KEY": "secret",
            "TOOLBRIDGE_HOLDS": "",
        }
    )
    (model,) = settings.models
    assert (model.id, model.name, model.dialect, model.tools) == (
        *("public", "theirs", "raw", "json-schema"),
    )
    assert (model.thinking, model.hold, model.retries, model.repeat_guard) == (False, 0, 2, 3)
    assert (model.opens_thinking, model.prefill, model.max_tokens) == (True, False, 100)
    assert (settings.concurrency, settings.request_seconds) == (3, 1.5)
    assert settings.limits.body_bytes == 2000
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.allowed_hosts == ("box.lan", ".example.com", "*")
    assert (settings.keys_path, settings.keys_ttl) == ("/toolbridge/prod", 5)
    assert settings.api_keys == ("one", "two")
    assert settings.upstream_keys == {"default": "secret"}


FILE = """
cors_origins = ["https://c.example"]
allowed_hosts = ["box.lan"]

[upstreams.house]
kind = "openai_text"
url = "https://chat.example.com/v1"
key = "my-house"

[upstreams.lab]
kind = "ui_stream"
url = "https://lab.example.com/chat"

[models."claude-sonnet-4.6"]
upstream = "house"
name = "their-name"
hold = 0

[models."*"]
upstream = "lab"

[limits]
tools = 5
concurrency = 7
"""


def test_a_file_has_many_models(tmp_path):
    environ = written(
        tmp_path, FILE, TOOLBRIDGE_UPSTREAM_KEY_MY_HOUSE="s3", TOOLBRIDGE_CONCURRENCY="8"
    )
    settings = read_settings(environ)
    assert served(settings) == [("claude-sonnet-4.6", "house", "their-name"), ("*", "lab", "*")]
    assert settings.models[0].hold == 0
    assert settings.upstream_keys == {"my-house": "s3"}
    assert (settings.limits.tools, settings.concurrency) == (5, 8)
    assert settings.cors_origins == ("https://c.example",)
    assert settings.allowed_hosts == ("box.lan",)
    check_secrets(settings)
    assert settings.catalog.find("claude-sonnet-4.6-thinking").think


def test_the_environments_model_joins_those_of_a_file(tmp_path):
    environ = written(tmp_path, FILE, **URL, TOOLBRIDGE_MODEL="claude-sonnet-4.6")
    assert served(read_settings(environ)) == [
        ("claude-sonnet-4.6", "default", "claude-sonnet-4.6"),
        ("*", "lab", "*"),
    ]


def test_the_default_file_is_read_where_it_is(tmp_path):
    (tmp_path / "bridge.toml").write_text(FILE, encoding="utf-8")
    assert read_settings({}).models[0].id == "claude-sonnet-4.6"


def test_one_upstream_need_not_be_named(tmp_path):
    text = '[upstreams.a]\nurl = "http://h"\n[models.m]\n'
    assert served(read_settings(written(tmp_path, text))) == [("m", "a", "m")]


@pytest.mark.parametrize("images", ["refuse", "note", "pass"])
def test_what_becomes_of_images(images):
    (model,) = read_settings({**URL, "TOOLBRIDGE_IMAGES": images, "TOOLBRIDGE_MODEL": "m"}).models
    assert (model.images, model.twin().images) == (images, images)


def test_images_are_passed_to_bedrock(tmp_path):
    text = '[upstreams.a]\nkind = "bedrock"\n[models.m]\nimages = "pass"\n'
    assert read_settings(written(tmp_path, text)).models[0].images == "pass"
    with pytest.raises(SettingsError, match=r"c\.toml: models\.m\.images: can be 'pass' only"):
        read_settings(written(tmp_path, text.replace("bedrock", "ui_stream")))


def test_secrets_do_not_show():
    settings = read_settings(
        {**URL, "TOOLBRIDGE_API_KEYS": "canary1", "TOOLBRIDGE_UPSTREAM_KEY": "canary2"}
    )
    assert usable(settings.api_keys[0])
    assert "canary" not in repr(settings)


WRONG_VARIABLES = [
    pytest.param({"MODLE": "x"}, "TOOLBRIDGE_MODLE: unknown variable; did you mean"
                 " 'TOOLBRIDGE_MODEL'?", id="unknown"),
    pytest.param({"HOLD": "much"}, "TOOLBRIDGE_HOLD: should be a valid integer", id="integer"),
    pytest.param({"HOLD": "-1"}, "TOOLBRIDGE_HOLD: should be greater than", id="range"),
    pytest.param({"THINKING": "perhaps"}, "TOOLBRIDGE_THINKING: should be a valid boolean",
                 id="boolean"),
    pytest.param({"DIALECT": "fense"}, "TOOLBRIDGE_DIALECT: must be one of fence, raw, hermes; did"
                 " you mean 'fence'?", id="dialect"),
    pytest.param({"TOOLS": "xml"}, "TOOLBRIDGE_TOOLS: should be 'signatures' or 'json-schema'",
                 id="tools"),
    pytest.param({"IMAGES": "see"}, "TOOLBRIDGE_IMAGES: should be 'refuse', 'note' or 'pass'",
                 id="images"),
    pytest.param({"IMAGES": "pass"}, "TOOLBRIDGE_IMAGES: can be 'pass' only for an upstream of kind"
                 " openai_text or bedrock", id="images-for-the-blind"),
    pytest.param({"CONCURRENCY": "0"}, "TOOLBRIDGE_CONCURRENCY: should be greater", id="limits"),
    pytest.param({"KEYS_PATH": "toolbridge"}, "TOOLBRIDGE_KEYS_PATH: ", id="path"),
    pytest.param({"KEYS_TTL": "7200"}, "TOOLBRIDGE_KEYS_TTL: ", id="ttl-longer-than-kept"),
    pytest.param({"API_KEYS": ",".join(["good", "my key"])},
                 "TOOLBRIDGE_API_KEYS: key 2 has spaces", id="key"),
    pytest.param({"API_KEYS": "ключ"}, "TOOLBRIDGE_API_KEYS: key 1 has spaces, or is not ASCII",
                 id="key-not-ascii"),
    pytest.param({"API_KEYS": "k" * 512 + "," + "k" * 513},
                 "TOOLBRIDGE_API_KEYS: key 2 is longer than 512 characters", id="key-too-long"),
    pytest.param({"API_KEYS": "sha256:zz"},  # pragma: allowlist secret
                 "TOOLBRIDGE_API_KEYS: key 1 is no hash", id="no-hash"),
    pytest.param({"API_KEYS": "sha256:" + "0" * 63},  # pragma: allowlist secret
                 "key 1 is no hash", id="short-hash"),
    pytest.param({"MODEL": "m" * 257}, "TOOLBRIDGE_MODEL: is no name", id="name-too-long"),
    pytest.param({"ALLOWED_HOSTS": "box.lan,http://a.b"}, "TOOLBRIDGE_ALLOWED_HOSTS.1: ",
                 id="url-for-a-host"),
    pytest.param({"ALLOWED_HOSTS": "box.lan:80"}, "TOOLBRIDGE_ALLOWED_HOSTS.0: ", id="host-port"),
    pytest.param({"CORS_ORIGINS": "https://a.example/"}, "TOOLBRIDGE_CORS_ORIGINS.0: ",
                 id="origin-with-a-path"),
    pytest.param({"CORS_ORIGINS": "a.example"}, "TOOLBRIDGE_CORS_ORIGINS.0: ", id="no-origin"),
    pytest.param({"MODEL": "a b"}, "TOOLBRIDGE_MODEL: is no name", id="name-with-space"),
    pytest.param({"EMBEDDED": "a.gguf", "MODEL_PATH": "b.gguf"}, "TOOLBRIDGE_EMBEDDED: cannot be",
                 id="two-files"),
    pytest.param({"UPSTREAM_MODEL": "x"}, "TOOLBRIDGE_UPSTREAM_MODEL: the embedded model has no",
                 id="name-of-embedded"),
    pytest.param({"CONFIG": "no.toml"}, "no.toml: No such file", id="no-file"),
    pytest.param({"CONFIG": "."}, ".: Is a directory", id="directory"),
]  # fmt: skip


@pytest.mark.parametrize(("environ", "words"), WRONG_VARIABLES)
def test_a_wrong_variable_is_named(environ, words):
    with pytest.raises(SettingsError) as caught:
        read_settings({f"TOOLBRIDGE_{name}": value for name, value in environ.items()})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


UP = '[upstreams.a]\nurl = "http://h"\n'
WRONG_FILES = [
    pytest.param("[models", "c.toml: Expected ']'", id="no-toml"),
    pytest.param("upstream = 1", "c.toml: upstream: unknown key; did you mean 'upstreams'?",
                 id="unknown-table"),
    pytest.param("models = 1", "c.toml: models: should be a valid dictionary", id="no-table"),
    pytest.param("[models]\na = 1", "c.toml: models.a: should be a valid dict", id="no-model"),
    pytest.param(UP, "c.toml: models: there are upstreams, but no model to serve", id="no-models"),
    pytest.param("[models.m]", "c.toml: models.m.upstream: must name an upstream (none",
                 id="no-upstream"),
    pytest.param(UP + '[models.m]\nupstream = "b"', "c.toml: models.m.upstream: must name an"
                 " upstream (a)", id="unknown-upstream"),
    pytest.param(UP + '[models."a.b"]\nholds = 1', "c.toml: models.\"a.b\".holds: unknown key; did"
                 " you mean 'hold'?", id="unknown-key"),
    pytest.param(UP + '[models."*"]\nname = "x"', 'c.toml: models."*".name: cannot be given',
                 id="name-of-all"),
    pytest.param(UP + '[models.""]', 'c.toml: models."": is no name', id="empty-name"),
    pytest.param(UP + "[models.x]\n[models.x-thinking]", "c.toml: models.x-thinking: is also the"
                 " name of the thinking twin of 'x'", id="twin"),
    pytest.param(UP + "[models.x]\n[limits]\nnesting = 1000", "c.toml: limits.nesting: should be",
                 id="limits"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), WRONG_FILES)
def test_a_wrong_file_is_named_with_the_key(text, words, tmp_path):
    with pytest.raises(SettingsError) as caught:
        read_settings(written(tmp_path, text))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "c.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"c\.toml: 'utf-8' codec"):
        read_settings({"TOOLBRIDGE_CONFIG": "c.toml"})


def test_model_settings_without_a_model_of_the_environment(tmp_path):
    with pytest.raises(SettingsError, match="TOOLBRIDGE_HOLD: there is no model"):
        read_settings(written(tmp_path, FILE, TOOLBRIDGE_HOLD="1"))


def test_a_thinking_twin_may_be_configured_where_there_is_none(tmp_path):
    text = UP + "[models.x]\nthinking = false\n[models.x-thinking]\nthinking = false"
    assert len(read_settings(written(tmp_path, text)).models) == 2


def test_a_secret_that_no_variable_has_is_named(tmp_path):
    settings = read_settings(written(tmp_path, FILE))
    with pytest.raises(SettingsError) as caught:
        check_secrets(settings)
    assert str(caught.value) == (
        "c.toml: upstreams.house.key: needs the variable TOOLBRIDGE_UPSTREAM_KEY_<NAME>,"
        " <NAME> being what stands here, in capitals with '_' for '-', '.'"
    )


@pytest.mark.parametrize("key", ["sk-proj-canary", "canary", "CANARY_1", "x" * 300 + "canary"])
def test_a_secret_in_the_place_of_its_name_does_not_show(key, tmp_path):
    settings = read_settings(written(tmp_path, FILE.replace("my-house", key)))
    with pytest.raises(SettingsError) as caught:
        check_secrets(settings)
    assert "canary" not in str(caught.value).lower()


def test_a_secret_that_is_called_as_its_upstream_is_named(tmp_path):
    settings = read_settings(written(tmp_path, FILE.replace("my-house", "house")))
    with pytest.raises(SettingsError, match=r"needs the variable TOOLBRIDGE_UPSTREAM_KEY_HOUSE$"):
        check_secrets(settings)


def test_a_value_is_never_told():
    with pytest.raises(SettingsError) as caught:
        read_settings({"TOOLBRIDGE_KEYS_TTL": "canary"})
    assert "canary" not in str(caught.value)


def test_the_example_configures_nothing_and_all_of_it_is_right(tmp_path):
    """As it is shipped it changes nothing; with every comment that is a setting taken away, it is
    read without a fault.
    """
    example = EXAMPLE.read_text(encoding="utf-8")
    assert read_settings(written(tmp_path, example)).models == read_settings({}).models
    lines = [line.removeprefix("# ") for line in example.splitlines()]
    settings = read_settings(
        written(tmp_path, "\n".join(line for line in lines if not line.startswith("#")))
    )
    assert len(settings.models) >= 3


def test_variables_are_told_once():
    names = [variable.name for variable in VARIABLES]
    assert len(names) == len(set(names))
    assert all(name.startswith("TOOLBRIDGE_") for name in names)


def test_the_environment_is_read_when_asked(monkeypatch):
    monkeypatch.setenv("TOOLBRIDGE_MODEL", "from-the-process")
    assert all(model.id != "from-the-process" for model in read_settings({}).models)
    assert read_settings(os.environ).models[0].id == "from-the-process"
