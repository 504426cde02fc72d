"""GPT, published: what SmolLM2 scores on the text on which the chapter's models are scored.

There is no chance in it. A page that has no room for the weights shows these numbers instead.
"""

from functools import cache

import torch

from studies.gpt import corpus
from txlite import interop
from txlite.data.weights import weights_file
from txlite.generation import generate
from txlite.training import score_text

PROMPT, WANTED = "The capital of France is", " Paris"
WINDOW, SHORT = 512, 2_000  # tokens; characters of a page's own score


@cache
def found() -> dict[str, float]:
    """Ask it once, whatever the seed."""
    file = weights_file("smollm2")
    model, tokens = interop.load(file), interop.load_tokenizer(file)
    prompt = torch.tensor([tokens.encode(PROMPT)])
    new = generate(model, prompt, max_new_tokens=1)[0, prompt.shape[1] :]
    texts = corpus().texts["test"]
    begin = tokens.token_id("<|endoftext|>")

    def bits(some: list[str]) -> tuple[float, float]:
        score = score_text(
            model,
            some,
            encode=tokens.encode,
            bos_id=begin,
            vocabulary="SmolLM2's tokens",
            window=WINDOW,
            batch_size=2,
        )
        return score.bits_per_character, score.perplexity

    whole, perplexity = bits(texts)
    return {
        "Paris": float(tokens.decode(new.tolist()) == WANTED),
        "test: bits": whole,
        "test: perplexity": perplexity,
        "short: bits": bits([max(texts, key=len)[:SHORT]])[0],
        "parameters": float(sum(p.numel() for p in model.parameters())),
    }


def measure(seed: int) -> dict[str, float]:
    """Return its numbers."""
    return {name: round(value, 4) for name, value in found().items()}
