"""The key: two common words that only the bridge and the model know.

It is derived from the caller's API key, so it needs no state, is the same on every instance and
in every turn (prompt caches hit), and is unknown to whoever writes a web page that a tool reads.
"""

from __future__ import annotations

import hashlib
import hmac

WORDS = tuple(
    """
    amber apple arrow aspen autumn badge basil beach birch bloom board bread breeze brick bridge
    brook brown cabin camel candle canvas carbon cedar chalk cherry circle clay clear cliff clock
    cloud clover coast cobalt copper coral corner cotton crane creek crisp crown daisy dawn delta
    desert dome draft dream drift dune eagle early earth east echo elm ember ever fable falcon
    fern field finch flame fleet flint floor flute forest fossil fox frost garden gentle giant
    ginger glass globe gold grain grand grape grass gravel green grove guitar harbor hazel heron
    hill hollow honey horizon island ivory jade jasper jolly kettle kite lake lantern laurel leaf
    lemon level light lily lime linen lion little lively lotus lunar magnet mango maple marble
    marsh meadow mellow melon metal mild mint mirror mist modern moon moss mountain music nest
    noble north novel oak oasis ocean olive onyx opal orange orbit orchid otter owl oyster paper
    patch peach pearl pebble pepper pilot pine planet plum pocket polar pond poppy prairie quartz
    quick quiet quill rabbit radio rain raven reef ribbon ridge river robin rocket rose ruby sage
    sail salt sand scarlet shadow shell shore silent silk silver simple sky slate smooth snow
    solar south spark spring spruce square stable star steel stone storm stream sugar summer sun
    swan swift table tall tango teal thistle thunder tide tiger timber topaz tower trail tulip
    valley velvet violet walnut warm water wave west wheat willow wind winter wood yellow zebra
    """.split()  # noqa: SIM905  a list of words is easier to read and to edit than of strings
)


def key_for(seed: bytes) -> str:
    """The two words for a client; ``seed`` is derived from its API key."""
    digest = hmac.new(seed, b"toolbridge dialect key", hashlib.sha256).digest()
    first = int.from_bytes(digest[:4], "big") % len(WORDS)
    second = int.from_bytes(digest[4:8], "big") % (len(WORDS) - 1)
    if second >= first:
        second += 1
    return f"{WORDS[first]} {WORDS[second]}"
