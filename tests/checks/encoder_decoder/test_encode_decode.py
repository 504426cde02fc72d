import functools

import pytest

from tests.checks.written import earns
from txlite import checks

check = checks.encode_decode


def folded(source, target, keep, encoder_layers, decoder_layers):
    memory = functools.reduce(lambda x, layer: layer(x, keep), encoder_layers, source)
    return functools.reduce(lambda y, layer: layer(y, memory, keep), decoder_layers, target)


def by_index(source, target, keep, encoder_layers, decoder_layers):
    for i in range(len(encoder_layers)):
        source = encoder_layers[i](source, keep)
    for layer in decoder_layers[:]:
        target = layer(target, source, keep)
    return target


def test_right_answers_in_other_words_pass():
    check(folded).require()
    check(by_index).require()


def side_by_side(source, target, keep, encoder_layers, decoder_layers):
    for encoder, decoder in zip(encoder_layers, decoder_layers, strict=True):
        source = encoder(source, keep)
        target = decoder(target, source, keep)
    return target


def first_memory(source, target, keep, encoder_layers, decoder_layers):
    for layer in encoder_layers:
        memory = layer(source, keep)
        break
    for layer in decoder_layers:
        target = layer(target, memory, keep)
    return target


def bare_memory(source, target, keep, encoder_layers, decoder_layers):
    memory, x = source, source
    for layer in encoder_layers:
        x = layer(x, keep)
    for layer in decoder_layers:
        target = layer(target, memory, keep)
    return target


def returned_within_the_loop(source, target, keep, encoder_layers, decoder_layers):
    for layer in encoder_layers:
        source = layer(source, keep)
    for layer in decoder_layers:
        return layer(target, source, keep)
    return None


def from_the_start(source, target, keep, encoder_layers, decoder_layers):
    for layer in encoder_layers:
        source = layer(source, keep)
    for layer in decoder_layers:
        out = layer(target, source, keep)
    return out


def added_up(source, target, keep, encoder_layers, decoder_layers):
    for layer in encoder_layers:
        source = layer(source, keep)
    total = 0
    for layer in decoder_layers:
        target = layer(target, source, keep)
        total = total + target
    return total


def masked(source, target, keeps, encoder_layers, decoder_layers):
    """The two loops with a mask for each."""
    for layer in encoder_layers:
        source = layer(source, keeps[0])
    for layer in decoder_layers:
        target = layer(target, source, keeps[1])
    return target


WRITTEN = {
    "each decoder layer reads its own encoder layer": side_by_side,
    "memory of the first layer": first_memory,
    "memory is the bare embedding": bare_memory,
    "no mask in the decoder": lambda s, t, k, *layers: masked(s, t, (k, k | True), *layers),
    "no mask in the encoder": lambda s, t, k, *layers: masked(s, t, (k | True, k), *layers),
    "no mask at all": lambda s, t, k, *layers: folded(s, t, k | True, *layers),
    "mask turned round": lambda s, t, k, *layers: folded(s, t, k == 0, *layers),
    "encoder layers in reverse": lambda s, t, k, e, d: folded(s, t, k, list(reversed(e)), d),
    "decoder layers in reverse": lambda s, t, k, e, d: folded(s, t, k, e, list(reversed(d))),
    "one decoder layer": returned_within_the_loop,
    "the same encoder layer each time": lambda s, t, k, e, d: folded(s, t, k, [e[0] for _ in e], d),
    "the same decoder layer each time": lambda s, t, k, e, d: folded(s, t, k, e, [d[0] for _ in d]),
    "each decoder layer starts anew": from_the_start,
    "layers added up": added_up,
}


def test_a_mask_for_each_tower_is_right():
    check(lambda s, t, k, *layers: masked(s, t, (k, k), *layers)).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_the_layers_are_shown_as_text():
    message = " ".join(check(lambda s, t, *_: t).message.split())
    assert "[tanh(c·x + mean of kept x)], f(x, keep), c = [0.5, 2.0]" in message
    assert "f(y, memory, keep), c = [1.0, -0.5]" in message
