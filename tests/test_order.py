from bridge.completion import ChunkWriter, Heading
from bridge.server.order import InOrder


def test_a_choice_waits_until_those_before_it_have_begun():
    heading = Heading("chatcmpl-x", 1, "m")
    writers = [ChunkWriter(heading, index, lambda: "call_x") for index in range(3)]
    order = InOrder()
    indices = []
    for index in (2, 1, 2, 0, 1, 2):
        chunks = order.take(writers[index].text("x"))
        indices += [chunk.choices[0].index for chunk in chunks]
    assert indices == [0, 1, 1, 2, 2, 2, 0, 1, 2]
