"""Checkpoints that are really published: loaded, beside their reference, doing what they do."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.interop import chemistry
from txlite.data.weights import missing_weights, weights_file, weights_folder
from txlite.inspect import record_attention
from txlite.interop import PublishedTokenizer, load, load_tokenizer, save
from txlite.models import BERT, BERTForMaskedLM
from txlite.models.llama import Llama

pytestmark = pytest.mark.plain


def needs(name: str) -> Callable[[Any], Any]:
    """Skip where the weights are not installed, and say which command brings them."""
    missing = missing_weights(name)
    return pytest.mark.skipif(bool(missing), reason=missing)


def one_at_a_time(model: nn.Module, ids: list[int], mask: int, places: range) -> list[int]:
    """Mask each of some positions alone, and return what the model puts there."""
    rows = torch.tensor(ids).repeat(len(places), 1)
    rows[range(len(places)), list(places)] = mask
    with torch.no_grad():
        logits = model(rows)
    return [int(logits[i, place].argmax()) for i, place in enumerate(places)]


# ------------------------------------------------------------------ rxnmapper


REACTIONS = [  # those that its own tests leave as they are written
    "CC(C)S.CN(C)C=O.Fc1cccnc1F.O=C([O-])[O-].[K+].[K+]>>CC(C)Sc1ncccc1F",
    "C1COCCO1.CC(C)(C)OC(=O)CONC(=O)NCc1cccc2ccccc12.Cl>>O=C(O)CONC(=O)NCc1cccc2ccccc12",
    "C(C)O.BrC(C)>>CCOCC",
    "CCO.BrCFC>>CCOCFC",
    "[1*]C=C.O>>*CCO",
]


@cache
def rxnmapper() -> tuple[BERTForMaskedLM, PublishedTokenizer]:
    folder = weights_folder("rxnmapper")
    model = load(folder)
    assert isinstance(model, BERTForMaskedLM)
    return model, load_tokenizer(folder, pattern=chemistry.TOKEN)


def expected_maps() -> dict[str, tuple[str, float]]:
    """Read the maps and their confidences from the wheel's own tests, as text."""
    path = weights_file("rxnmapper", "/tests/test_mapper.py")
    text = path.read_text("utf-8")
    reactions = re.findall(r'^\s+(?:rxns = \[)?"([^"]+>>[^"]+)"', text, re.M)
    maps = re.findall(r'"mapped_rxn": "([^"]+)",\s+"confidence": ([\d.]+)', text)
    assert len(reactions) == len(maps)
    return {r: (m, float(c)) for r, (m, c) in zip(reactions, maps, strict=True)}


@needs("rxnmapper")
@pytest.mark.parametrize(("reaction", "right", "count"), [(0, 53, 54), (1, 80, 80)])
def test_masked_tokens_of_reactions(reaction: int, right: int, count: int) -> None:
    model, tokenizer = rxnmapper()
    ids = tokenizer.encode(REACTIONS[reaction])
    assert [tokenizer.tokens[i] for i in ids[1:-1]] == chemistry.tokens(REACTIONS[reaction])
    places = range(1, len(ids) - 1)
    assert len(places) == count
    found = one_at_a_time(model, ids, tokenizer.token_id("mask"), places)
    assert sum(a == ids[place] for a, place in zip(found, places, strict=True)) == right


def attention(model: BERTForMaskedLM, ids: list[int], layer: int = 10, head: int = 5) -> Tensor:
    with record_attention(model) as maps, torch.no_grad():
        model(torch.tensor([ids]))
    return maps[f"bert.encoder.layers.{layer}.attention"][0, head]


@needs("rxnmapper")
@pytest.mark.parametrize("reaction", REACTIONS)
def test_a_head_maps_atoms(reaction: str) -> None:
    """Layer 10, head 5: the maps and the confidences that the wheel's tests expect."""
    model, tokenizer = rxnmapper()
    told, confidence = expected_maps()[reaction]
    found, certain = chemistry.mapped(reaction, attention(model, tokenizer.encode(reaction)))
    assert_close(certain, confidence, rtol=1e-5, atol=1e-8)
    reactants, products = chemistry.sides(reaction)
    labels = [0] * len(reactants.elements)
    for atom, partner in enumerate(found):
        if partner >= 0:
            labels[partner] = atom + 1
    own = [atom + 1 if partner >= 0 else 0 for atom, partner in enumerate(found)]
    wanted, made = chemistry.sides(told)
    assert reactants.labelled(labels) == wanted.labelled()
    if 0 not in own:
        assert products.labelled(own) == made.labelled()


@needs("rxnmapper")
def test_another_head_maps_no_atoms() -> None:
    """The control: a head of the same layer, and the same head of a model with other weights."""
    model, tokenizer = rxnmapper()
    reaction = REACTIONS[1]
    ids = tokenizer.encode(reaction)
    want, certain = chemistry.mapped(reaction, attention(model, ids))
    found, less = chemistry.mapped(reaction, attention(model, ids, head=2))
    assert found != want
    assert less < certain / 2
    torch.manual_seed(0)
    untrained = BERTForMaskedLM(model.config).eval()
    found, less = chemistry.mapped(reaction, attention(untrained, ids))
    assert found != want
    assert less < certain / 2


@needs("rxnmapper")
def test_every_attention_map_equals_the_references() -> None:
    from transformers import AlbertModel

    model, tokenizer = rxnmapper()
    folder = weights_folder("rxnmapper")
    theirs = AlbertModel.from_pretrained(folder, attn_implementation="eager").eval()
    ids = torch.tensor([tokenizer.encode(REACTIONS[0])])
    with record_attention(model) as maps, torch.no_grad():
        hidden = model.bert(ids)
        out = theirs(ids, output_attentions=True)
    assert_close(hidden, out.last_hidden_state, rtol=0, atol=1e-4)
    assert len(out.attentions) == 12
    for layer, want in enumerate(out.attentions):
        got = maps[f"bert.encoder.layers.{layer}.attention"]
        assert_close(got, want, rtol=0, atol=1e-5, msg=lambda m, n=layer: f"layer {n}: {m}")


# ------------------------------------------------------------------ AntiBERTy


HEAVY = (
    "EVQLVQSGPEVKKPGTSVKVSCKASGFTFMSSAVQWVRQARGQRLEWIGWIVIGSGNTNYAQKFQERVTITRDMSTSTAYMELSSLRSEDTAVYYCAA"
    "PYCSSISCNDGFDIWGQGTMVTVS"
)
OTHER_HEADS = ["cls.species.*", "cls.chain.*", "cls.graft.*"]


@cache
def antiberty() -> tuple[BERTForMaskedLM, PublishedTokenizer]:
    folder = weights_folder("antiberty")
    model = load(folder, leave_out=OTHER_HEADS)
    assert isinstance(model, BERTForMaskedLM)
    return model, load_tokenizer(folder.parent, pattern="[A-Z]")


@needs("antiberty")
def test_antiberty_names_hidden_residues() -> None:
    model, tokenizer = antiberty()
    ids = tokenizer.encode(HEAVY)
    assert len(ids) == len(HEAVY) + 2
    places = range(1, len(ids) - 1)
    found = one_at_a_time(model, ids, tokenizer.token_id("mask"), places)
    right = sum(a == ids[place] for a, place in zip(found, places, strict=True))
    assert right == 113  # of 122: 92.6 %


@needs("antiberty")
def test_antiberty_equals_its_reference(tmp_path: Path) -> None:
    from transformers import BertForMaskedLM

    model, tokenizer = antiberty()
    theirs = BertForMaskedLM.from_pretrained(weights_folder("antiberty")).eval()
    ids = torch.tensor([tokenizer.encode(HEAVY[:60]), tokenizer.encode(HEAVY[-60:])])
    with torch.no_grad():
        assert_close(model(ids), theirs(ids).logits, rtol=0, atol=1e-4)


@needs("antiberty")
def test_heads_of_its_own_are_listed_and_not_dropped() -> None:
    with pytest.raises(ValueError, match=r"unexpected:\n    'cls\.chain\.bias'"):
        load(weights_folder("antiberty"))


# ------------------------------------------------------------------ MiniLM


SENTENCES = [
    "A man is eating food.", "Somebody has a meal.", "The girl is carrying a baby.",
    "Attention weighs every position of a sentence.", "Naïve façades, 2 × 3 = 6!",
]  # fmt: skip


@cache
def minilm() -> tuple[BERT, PublishedTokenizer]:
    folder = weights_folder("minilm")
    model = load(folder)
    assert isinstance(model, BERT)
    return model, load_tokenizer(folder)


def embedded(sentences: list[str]) -> Tensor:
    """The mean of a sentence's hidden states, of length one."""
    model, tokenizer = minilm()
    rows = [tokenizer.encode(sentence) for sentence in sentences]
    longest, pad = max(map(len, rows)), tokenizer.token_id("pad")
    tokens = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
    keep = torch.arange(longest) < torch.tensor([len(row) for row in rows])[:, None]
    with torch.no_grad():
        hidden = model(tokens, keep=keep)
    means = (hidden * keep[..., None]).sum(1) / keep.sum(1, keepdim=True)
    return nn.functional.normalize(means, dim=-1)


@needs("minilm")
def test_sentence_embeddings_equal_the_references() -> None:
    from transformers import AutoTokenizer, BertModel

    folder = weights_folder("minilm")
    theirs, tokenizer = (
        BertModel.from_pretrained(folder).eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    batch = tokenizer(SENTENCES, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = theirs(**batch).last_hidden_state
    keep = batch["attention_mask"][..., None]
    want = nn.functional.normalize((hidden * keep).sum(1) / keep.sum(1), dim=-1)
    assert_close(embedded(SENTENCES), want, rtol=0, atol=1e-5)
    _, ours = minilm()
    for sentence in SENTENCES:
        assert ours.encode(sentence) == tokenizer(sentence)["input_ids"]


@needs("minilm")
def test_what_means_the_same_is_near() -> None:
    first, *others = embedded(SENTENCES)
    near = torch.stack(others) @ first
    assert int(near.argmax()) == 0
    assert near[0] > near[2] + 0.3


# ------------------------------------------------------------------ SmolLM2


PROMPT = "The capital of France is"


@cache
def smollm2() -> tuple[Llama, PublishedTokenizer]:
    path = weights_file("smollm2")
    model = load(path)
    assert isinstance(model, Llama)
    return model, load_tokenizer(path)


def reference() -> Any:
    """Their model from the same file: the library's reader, and transformers' own processing."""
    import gguf
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.modeling_gguf_pytorch_utils import LlamaTensorProcessor

    reader = gguf.GGUFReader(weights_file("smollm2"))
    config = LlamaConfig(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
        num_attention_heads=9, num_key_value_heads=3, rms_norm_eps=1e-5, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 1e5}, max_position_embeddings=8192,
    )  # fmt: skip
    processor = LlamaTensorProcessor(config={"num_attention_heads": 9, "num_key_value_heads": 3})
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 30).mapping
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    found = {tensor.name: tensor for tensor in reader.tensors}
    state = {}
    for name, _ in model.named_parameters():
        stem, _, kind = name.rpartition(".")
        tensor = found[f"{names[stem][1]}.{kind}"]
        numbers = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        state[name] = torch.tensor(processor.process(numbers, name=tensor.name).weights)
    model = LlamaForCausalLM(config)
    model.load_state_dict(state, strict=False)
    model.tie_weights()
    return model.eval()


@needs("smollm2")
def test_smollm2_equals_its_reference() -> None:
    model, tokenizer = smollm2()
    assert sum(p.numel() for p in model.parameters()) == 134_515_008
    ids = torch.tensor([tokenizer.encode(f"{PROMPT} Paris. It has 2,102,650 inhabitants — naïve?")])
    with torch.no_grad():
        got, want = model(ids), reference()(ids).logits
    assert_close(got, want, rtol=0, atol=1e-4)


@needs("smollm2")
def test_smollm2_knows_the_capital_of_france() -> None:
    model, tokenizer = smollm2()
    with torch.no_grad():
        logits = model(torch.tensor([tokenizer.encode(PROMPT)]))
    assert tokenizer.decode([int(logits[0, -1].argmax())]) == " Paris"


@needs("smollm2")
@pytest.mark.parametrize("text", [PROMPT, "1234 + 5 = ?", "naïve 🦙\n\tdef f(x):", "<|im_end|>"])
def test_smollm2s_tokens_give_every_text_back(text: str) -> None:
    _, tokenizer = smollm2()
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert len(tokenizer.encode("1234")) == 4  # every digit alone
    assert tokenizer.encode("<|im_start|>", parse=True) == [1] == [tokenizer.token_id("bos")]
    assert tokenizer.encode("<|im_start|>") != [1]


@needs("smollm2")
def test_smollm2_is_saved_for_hugging_face(tmp_path: Path) -> None:
    from transformers import LlamaForCausalLM

    model, tokenizer = smollm2()
    save(model, tmp_path / "hf", extra={"bos_token_id": 1, "eos_token_id": 2})
    theirs = LlamaForCausalLM.from_pretrained(tmp_path / "hf", dtype="auto").eval()
    ids = torch.tensor([tokenizer.encode(PROMPT)])
    with torch.no_grad():
        assert_close(model(ids), theirs(ids).logits, rtol=0, atol=1e-4)
