"""The salt of the words in the prompt's markers."""

from __future__ import annotations

import logging
import stat

from bridge.dialects.key import key_for
from bridge.keys import ClientKeys
from bridge.server.salt import SALT_BYTES, local_salt


def words(salt):
    """The words of the client whose key everyone knows."""
    return key_for(ClientKeys({"a": "0000"}, salt).match("0000").seed)


def test_a_key_that_everyone_knows_gives_the_words_away_to_no_one():
    salted = {words(bytes([number]) * SALT_BYTES) for number in range(50)}
    assert len(salted) > 45
    assert words(b"") not in salted


def test_the_words_are_the_same_at_each_start(tmp_path):
    environ = {"XDG_STATE_HOME": str(tmp_path / "state")}
    salt = local_salt(environ)
    assert len(salt) == SALT_BYTES
    assert local_salt(environ) == salt
    (file,) = (tmp_path / "state" / "toolbridge").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_half_a_file_is_made_anew(tmp_path):
    file = tmp_path / "toolbridge" / "salt"
    file.parent.mkdir()
    file.write_bytes(b"half")
    salt = local_salt({"XDG_STATE_HOME": str(tmp_path)})
    assert len(salt) == SALT_BYTES
    assert file.read_bytes() == salt


def test_where_nothing_can_be_kept_it_is_made_for_this_run(tmp_path, caplog):
    (tmp_path / "toolbridge").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        salt = local_salt({"XDG_STATE_HOME": str(tmp_path)})
    assert len(salt) == SALT_BYTES
    assert local_salt({"XDG_STATE_HOME": str(tmp_path)}) != salt
    assert "for this run alone" in caplog.text
