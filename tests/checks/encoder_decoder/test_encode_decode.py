import functools

import torch

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


def test_two_towers_side_by_side_are_named():
    def answer(source, target, keep, encoder_layers, decoder_layers):
        for encoder, decoder in zip(encoder_layers, decoder_layers, strict=True):
            source = encoder(source, keep)
            target = decoder(target, source, keep)
        return target

    assert check(answer).mistake == "each decoder layer reads its own encoder layer"


def test_a_forgotten_mask_is_named():
    def answer(source, target, keep, encoder_layers, decoder_layers):
        everything = torch.ones_like(keep)
        for layer in encoder_layers:
            source = layer(source, keep)
        for layer in decoder_layers:
            target = layer(target, source, everything)
        return target

    assert check(answer).mistake == "no mask in the decoder"


def test_each_layer_from_the_start_is_named():
    def answer(source, target, keep, encoder_layers, decoder_layers):
        for layer in encoder_layers:
            source = layer(source, keep)
        for layer in decoder_layers:
            out = layer(target, source, keep)
        return out

    assert check(answer).mistake == "each decoder layer starts anew"


def test_the_layers_are_shown_as_text():
    message = " ".join(check(lambda s, t, *_: t).message.split())
    assert "[tanh(c·x + mean of kept x)], f(x, keep), c = [0.5, 2.0]" in message
    assert "f(y, memory, keep), c = [1.0, -0.5]" in message
