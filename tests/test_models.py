import pytest

from bridge.errors import ModelNotFound
from bridge.models import Catalog, Model

PLAIN = Model("plain", "up", "theirs")
FRANK = Model("frank", "up", "theirs", thinking=False)
REST = Model("*", "up", "*")


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
