import pytest

from bridge.errors import ModelNotFound
from bridge.models import Catalog, Model

PLAIN = Model("plain", "up", "theirs")
FRANK = Model("frank", "up", "theirs", thinking=False)
REST = Model("*", "up", "*")


NO_NAMES = ["a\nPOST /v1/chat/completions 200", "a\x1b[2J", "a\u2028b", "m" * 3_000_000, "m" * 257]


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_is_none_is_passed_to_no_upstream(name):
    """A line of the log and each chunk of an answer repeat it."""
    catalog = Catalog([REST])
    with pytest.raises(ModelNotFound) as caught:
        catalog.find(name)
    assert len(caught.value.message) < 200
    names = [model.id for model in catalog.listed([name, "a", "b c"])]
    assert names == ["a", "a-thinking", "b c", "b c-thinking"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("plain", ("plain", "theirs", False), id="configured"),
        pytest.param("plain-thinking", ("plain-thinking", "theirs", True), id="twin"),
        pytest.param("other", ("other", "other", False), id="passed-through"),
        pytest.param("other-thinking", ("other-thinking", "other", True), id="its-twin"),
    ],
)
def test_names_that_are_served(name, found):
    model = Catalog([PLAIN, FRANK, REST]).find(name)
    assert (model.id, model.name, model.think) == found


@pytest.mark.parametrize(
    "name",
    ["", "*", "*-thinking", "frank-thinking", "plain-thinking-thinking", "x-thinking-thinking"],
)
def test_names_that_are_not(name):
    with pytest.raises(ModelNotFound, match="does not exist"):
        Catalog([PLAIN, FRANK, REST]).find(name)


def test_without_a_pattern_only_configured_models_are_served():
    with pytest.raises(ModelNotFound):
        Catalog([PLAIN]).find("other")
    with pytest.raises(ModelNotFound):
        Catalog([PLAIN, Model("*", "up", "*", thinking=False)]).find("other-thinking")


def test_the_list_has_every_model_once_with_its_twin():
    listed = Catalog([PLAIN, FRANK, REST]).listed(["plain", "other"])
    names = [model.id for model in listed]
    assert names == ["plain", "plain-thinking", "frank", "other", "other-thinking"]
