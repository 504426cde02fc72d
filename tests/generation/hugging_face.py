"""Tiny models of Hugging Face with redrawn weights, in txlite's calling convention."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

VOCABULARY, PAD = 17, 3  # a padding of 0 would make Hugging Face pad with the end token
Model = Callable[..., Tensor]


class Peer(NamedTuple):
    """A model of Hugging Face, the same model as txlite calls it, and what it reads."""

    theirs: Any
    ours: Model
    prompt: Tensor
    keep: Tensor
    source: Tensor | None
    eos: int


def marian(seed: int, batch: int = 3) -> Peer:
    from transformers import MarianConfig, MarianMTModel

    config = MarianConfig(
        vocab_size=VOCABULARY,
        d_model=8,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=12,
        decoder_ffn_dim=12,
        max_position_embeddings=64,
        pad_token_id=PAD,
        decoder_start_token_id=PAD,
        forced_eos_token_id=None,
    )
    return _two_sided(MarianMTModel(config), seed, batch, std=0.42)


def t5(seed: int, batch: int = 3) -> Peer:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=VOCABULARY,
        d_model=8,
        d_kv=4,
        d_ff=12,
        num_layers=1,
        num_heads=2,
        pad_token_id=PAD,
        decoder_start_token_id=PAD,
    )
    return _two_sided(T5ForConditionalGeneration(config), seed, batch, std=0.9)


def gpt2(seed: int, batch: int = 3) -> Peer:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=64,
        n_embd=8,
        n_layer=1,
        n_head=2,
        pad_token_id=PAD,
    )
    return _one_sided(GPT2LMHeadModel(config), seed, batch, std=0.4)


def llama(seed: int, batch: int = 3) -> Peer:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=8,
        intermediate_size=12,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        pad_token_id=PAD,
    )
    return _one_sided(LlamaForCausalLM(config), seed, batch, std=0.7)


def mistral(seed: int, batch: int = 3) -> Peer:
    """A Llama whose positions attend to four, so that most of a text is out of reach."""
    from transformers import MistralConfig, MistralForCausalLM

    config = MistralConfig(
        vocab_size=VOCABULARY,
        hidden_size=8,
        intermediate_size=12,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=2,
        max_position_embeddings=64,
        sliding_window=4,
        pad_token_id=PAD,
    )
    return _one_sided(MistralForCausalLM(config), seed, batch, std=0.7)


def _one_sided(theirs: nn.Module, seed: int, batch: int, std: float) -> Peer:
    theirs = _redrawn(theirs, seed, std)
    prompt, keep = _sentences(batch, left=True)

    def ours(tokens: Tensor, *, keep: Tensor | None = None) -> Tensor:
        keep = torch.ones_like(tokens, dtype=torch.bool) if keep is None else keep
        positions = (keep.long().cumsum(-1) - 1).clamp(min=0)
        return _logits(
            theirs(tokens, attention_mask=keep.long(), position_ids=positions, use_cache=False)
        )

    return _ending(Peer(theirs, ours, prompt, keep, None, 0))


def _two_sided(theirs: nn.Module, seed: int, batch: int, std: float) -> Peer:
    theirs = _redrawn(theirs, seed, std)
    source, keep = _sentences(batch, left=False)

    def ours(
        source: Tensor, target: Tensor, *, source_keep: Tensor, target_keep: Tensor | None = None
    ) -> Tensor:
        return _logits(
            theirs(
                input_ids=source,
                attention_mask=source_keep.long(),
                decoder_input_ids=target,
                use_cache=False,
            )
        )

    return _ending(Peer(theirs, ours, torch.full((batch, 1), PAD), keep, source, 0))


def _redrawn(model: nn.Module, seed: int, std: float) -> nn.Module:
    """At the usual 0.02 every token is as good as the next, and every search finds the same."""
    torch.manual_seed(seed)
    for name, p in model.named_parameters():
        if "embed_positions" not in name:
            nn.init.normal_(p, std=std)
    return model.double().eval()


def _ending(peer: Peer) -> Peer:
    """Call the end what the model finds likely everywhere, so that it is reached."""
    mean = torch.zeros(VOCABULARY, dtype=torch.float64)
    with torch.no_grad():
        for token in range(VOCABULARY):
            prompt = torch.cat([peer.prompt, torch.full_like(peer.prompt[:, :1], token)], dim=1)
            mean += peer.ours(*_sequences(peer, prompt), **_keep(peer))[:, -1].softmax(-1).sum(0)
    mean[PAD] = 0
    return peer._replace(eos=int(mean.argsort(descending=True)[1]))


def _sentences(batch: int, *, left: bool) -> tuple[Tensor, Tensor]:
    tokens, keep = torch.randint(4, VOCABULARY, (batch, 6)), torch.ones(batch, 6, dtype=torch.bool)
    for row in range(1, batch):  # every row but the first is padded
        keep[row, slice(None, row) if left else slice(-row, None)] = False
    return tokens.masked_fill(~keep, PAD), keep


def _logits(output: Any) -> Tensor:
    logits: Tensor = output.logits
    return logits


def _sequences(peer: Peer, tokens: Tensor) -> tuple[Tensor, ...]:
    return (tokens,) if peer.source is None else (peer.source, tokens)


def _keep(peer: Peer) -> dict[str, Any]:
    return {} if peer.source is None else {"source_keep": peer.keep}


def theirs_generate(peer: Peer, **settings: Any) -> Any:
    """What Hugging Face's ``generate`` returns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return peer.theirs.generate(
            input_ids=peer.prompt if peer.source is None else peer.source,
            attention_mask=peer.keep.long(),
            return_dict_in_generate=True,
            output_scores=True,
            use_cache=False,
            **{"do_sample": False, "eos_token_id": peer.eos, **settings},
        )


def reading(peer: Peer) -> dict[str, Any]:
    """The arguments by which txlite reads the same."""
    what = {"prompt_keep": peer.keep} if peer.source is None else {"source": peer.source}
    return {**what, **_keep(peer), "eos_id": peer.eos, "pad_id": PAD, "use_cache": False}
