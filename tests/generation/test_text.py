"""Text in pieces: joined, it is what the tokens decode to, up to the first stop."""

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import one_hot

from txlite.generation import TextStream, generate, stream_text


def from_bytes(tokens: list[int]) -> str:
    return bytes(tokens).decode("utf-8", errors="replace")


def spoken(words: list[str]) -> Callable[[list[int]], str]:
    return lambda tokens: "".join(words[t] for t in tokens)


def pieces(stream: TextStream, tokens: list[int], cuts: list[int]) -> list[str]:
    ends = sorted({min(c, len(tokens)) for c in cuts} | {0, len(tokens)})
    given_out = [stream.push(tokens[a:b]) for a, b in pairwise(ends) if a < b]
    return [*given_out, stream.finish()]


def first_stop(text: str, stops: list[str]) -> str:
    """The text before the first stop, found character by character."""
    for end in range(len(text) + 1):
        begins = [end - len(s) for s in stops if text[:end].endswith(s)]
        if begins:
            return text[: min(begins)]
    return text


# ----------------------------------------------------------------------------- the field's cases


@pytest.mark.parametrize(
    ("words", "stops", "want"),
    [
        (["alpha beta ga", "mma delta"], ["beta gamma"], ["alpha ", "", ""]),
        (["..."], ["."], ["", ""]),
        (["stop!"], ["stop"], ["", ""]),
        (["a ", "half", " st"], [" stop"], ["a", " half", "", " st"]),
        (["one two", " three"], ["three", "two"], ["one ", "", ""]),
        (["one two", " three"], ["tw", "two"], ["one ", "", ""]),
        (["xab", "c"], ["abd", "bc"], ["x", "a", ""]),
        (["a", "b", "c"], [], ["a", "b", "c", ""]),
        (["abcd"], ["abcd", "bc"], ["a", ""]),
        (["abcd"], ["bcd", "cd"], ["a", ""]),
    ],
    ids=str,
)  # fmt: skip
def test_a_text_ends_before_its_first_stop(
    words: list[str], stops: list[str], want: list[str]
) -> None:
    stream = TextStream(spoken(words), stops)
    given_out = [stream.push(token) for token in range(len(words))]
    assert [*given_out, stream.finish()] == want
    assert stream.text == "".join(want) == first_stop("".join(words), stops)
    assert (stream.stopped in stops) == (stream.text != "".join(words))


def test_a_character_of_several_tokens_comes_whole() -> None:
    llama = list("🦙".encode())
    stream = TextStream(from_bytes)
    assert [stream.push(llama[:2]), stream.push(llama[2:]), stream.finish()] == ["", "🦙", ""]
    cut = TextStream(from_bytes)
    assert [cut.push(b) for b in (*b"ab", *llama[:3])] == ["a", "b", "", "", ""]
    assert cut.finish() == from_bytes([*b"ab", *llama[:3]])[2:] == "\ufffd"


# ----------------------------------------------------------------------------- any text, any cut


@given(st.text(max_size=24), st.lists(st.integers(0, 90), max_size=12), st.integers(0, 60))
@example("a\ufffdb\ufffd", [3, 4], 60)
def test_pieces_of_any_text_join(text: str, cuts: list[int], end: int) -> None:
    tokens = list(text.encode("utf-8", errors="replace"))[:end]  # perhaps within a character
    stream = TextStream(from_bytes)
    assert "".join(pieces(stream, tokens, cuts)) == from_bytes(tokens) == stream.text
    assert stream.stopped is None


@given(st.binary(max_size=20), st.lists(st.integers(0, 20), max_size=8))
def test_pieces_of_any_bytes_join(raw: bytes, cuts: list[int]) -> None:
    assert "".join(pieces(TextStream(from_bytes), list(raw), cuts)) == from_bytes(list(raw))


@given(
    st.text("ab€", max_size=14),
    st.lists(st.text("ab€", min_size=1, max_size=4), min_size=1, max_size=3),
    st.lists(st.integers(0, 40), max_size=10),
)
@example("abcabd"[:5], ["bd", "abd"], [4])
def test_the_stop_does_not_depend_on_the_cut(text: str, stops: list[str], cuts: list[int]) -> None:
    stream = TextStream(from_bytes, stops)
    out = pieces(stream, list(text.encode()), cuts)
    assert "".join(out) == first_stop(text, stops) == stream.text
    assert (stream.stopped is not None) == any(s in text for s in stops)


@given(st.text("ab ", min_size=1, max_size=12), st.text("ab ", min_size=1, max_size=4))
def test_no_more_is_held_back_than_a_stop_could_need(text: str, stop: str) -> None:
    stream = TextStream(from_bytes, stop)
    for i, token in enumerate(text.encode()):
        stream.push(token)
        if stream.stopped is not None:
            break
        held = text[len(stream.text) : i + 1]
        assert len(held) < len(stop)
        assert stop.startswith(held)


def test_real_tokenizers_stream_what_they_decode() -> None:
    """Byte-level pieces, and SentencePiece's: its first blank belongs to no word."""
    tokenizers = pytest.importorskip("tokenizers")
    text = "héllo wörld, 🦙🦙 says “naïve” — 東京! " * 2
    for level in ("byte", "meta"):
        made = tokenizers.Tokenizer(tokenizers.models.BPE())
        if level == "byte":
            made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
            made.decoder = tokenizers.decoders.ByteLevel()
            alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
        else:
            made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
            made.decoder = tokenizers.decoders.Metaspace()
            alphabet = []
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=300, initial_alphabet=alphabet, show_progress=False
        )
        made.train_from_iterator([text], trainer)
        tokens = made.encode(text).ids
        for end in range(1, len(tokens) + 1):
            stream = TextStream(made.decode)
            out = [stream.push(t) for t in tokens[:end]]
            assert "".join([*out, stream.finish()]) == made.decode(tokens[:end])
        assert sum(map(bool, out)) > 10


# ----------------------------------------------------------------------------- in generate


def parrot(*rows: list[int]) -> Callable[[Tensor], Tensor]:
    """A model that writes these rows after a prompt of one token."""
    table = torch.tensor(rows)

    def model(tokens: Tensor) -> Tensor:
        following = table[:, : tokens.shape[1]]
        return one_hot(following, 9).double()

    return model


WORDS = ["<end>", "alpha beta ga", "mma delta", "stop!", ".", "a", "b", "c", "d"]


def test_a_row_ends_by_its_stop_and_the_others_go_on() -> None:
    model = parrot([1, 2, 5, 5], [4, 4, 4, 4], [5, 6, 7, 8], [0, 5, 6, 6])
    prompt = torch.full((4, 1), 8)
    out = generate(
        model,
        prompt,
        max_new_tokens=4,
        eos_id=0,
        stop=["beta gamma", "."],
        decode=spoken(WORDS),
        pad_id=3,
        use_cache=False,
        details=True,
    )
    assert out.tokens[:, 1:].tolist() == [[1, 2, 3, 3], [4, 3, 3, 3], [5, 6, 7, 8], [0, 3, 3, 3]]
    assert out.reasons == ["stop", "stop", "length", "eos"]
    assert out.texts == ["alpha ", "", "abcd", ""]
    assert out.lengths.tolist() == [2, 1, 4, 1]


def test_a_row_that_met_its_stop_has_not_met_its_end() -> None:
    model, prompt = parrot([4, 4, 4], [5, 6, 0]), torch.full((2, 1), 8)
    out = generate(
        model,
        prompt,
        max_new_tokens=3,
        eos_id=0,
        pad_id=0,
        stop=".",
        decode=spoken(WORDS),
        use_cache=False,
        details=True,
    )
    assert out.tokens[:, 1:].tolist() == [[4, 0, 0], [5, 6, 0]]
    assert out.reasons == ["stop", "eos"]
    assert out.texts == ["", "ab"]


def test_text_streams_up_to_its_stop() -> None:
    def run(row: list[int], **settings: object) -> list[str]:
        options = {"max_new_tokens": 3, "use_cache": False, "decode": spoken(WORDS), **settings}
        return list(stream_text(parrot(row), torch.tensor([[8]]), **options))  # type: ignore[arg-type]

    assert run([1, 2, 5], stop="beta gamma") == ["alpha "]
    assert run([5, 1, 7], stop="beta gamma") == ["a", "alpha ", "beta gac"]
    assert run([5, 1, 7], stop="gac!") == ["a", "alpha beta ", "gac"]  # half a stop, at the end
    assert run([5, 6, 0], eos_id=0) == ["a", "b"]


# ----------------------------------------------------------------------------- what is refused


def finished() -> object:
    stream = TextStream(from_bytes)
    stream.finish()
    return stream.push(1)


def tidy(tokens: list[int]) -> str:
    return "".join(WORDS[t] for t in tokens).replace("ab", "x")


def tidied() -> object:
    stream = TextStream(tidy)
    return stream.push(5), stream.push(6)


ROW, ROWS = torch.tensor([[8]]), torch.tensor([[8], [8]])
PLAIN = parrot([5, 6, 7])
MESSAGES: dict[str, tuple[Callable[[], object], str]] = {
    "an empty stop": (
        lambda: TextStream(from_bytes, ["a", ""]),
        "stop should hold texts of at least one character, got ''",
    ),
    "a stop of tokens": (
        lambda: TextStream(from_bytes, [3]),  # type: ignore[list-item]
        "stop should hold texts of at least one character, got 3",
    ),
    "no decoder": (
        lambda: TextStream("utf-8"),  # type: ignore[arg-type]
        "decode should be a function, from token numbers to text, got 'utf-8'",
    ),
    "after the end": (finished, "push should come before finish, got tokens after it"),
    "a decoder that takes back": (
        tidied,
        "decode should only add to the text that it gave, 'a', got 'x'; switch off what cleans",
    ),
    "a stop without a decoder": (
        lambda: generate(PLAIN, ROW, max_new_tokens=1, use_cache=False, stop="a"),
        "decode should be given with stop='a', got none",
    ),
    "text without a decoder": (
        lambda: stream_text(PLAIN, ROW, max_new_tokens=1, use_cache=False),
        "decode should be given, from token numbers to text, got none",
    ),
    "two texts at once": (
        lambda: stream_text(PLAIN, ROWS, max_new_tokens=1, use_cache=False, decode=from_bytes),
        "prompt should be a single row, got N=2 to write",
    ),
}


@pytest.mark.plain
@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_names_what_is_wrong(name: str) -> None:
    ask, message = MESSAGES[name]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()
