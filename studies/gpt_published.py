"""GPT, published: what SmolLM2 scores on a piece of the text that the chapter holds out.

There is no chance in it. A page that has no room for the weights shows these numbers instead.
"""

import torch

from studies._gpt import corpus
from txlite import interop
from txlite.data.weights import weights_file
from txlite.generation import generate
from txlite.training import score_text

PROMPT, WANTED = "The capital of France is", " Paris"
WINDOW, SHORT = 256, 2_000  # tokens; characters, as on the page


def measure(seed: int) -> dict[str, float]:
    """Return its numbers, which are those of every seed."""
    file = weights_file("smollm2")
    model, tokens = interop.load(file), interop.load_tokenizer(file)
    prompt = torch.tensor([tokens.encode(PROMPT)])
    new = generate(model, prompt, max_new_tokens=1)[0, prompt.shape[1] :]
    texts = corpus().texts["test"]
    begin = tokens.token_id("<|endoftext|>")

    score = score_text(
        model,
        [max(texts, key=len)[:SHORT]],
        encode=tokens.encode,
        bos_id=begin,
        vocabulary="SmolLM2's tokens",
        window=WINDOW,
        batch_size=2,
    )
    return {
        "Paris": float(tokens.decode(new.tolist()) == WANTED),
        "short: bits": score.bits_per_character,
        "short: perplexity": score.perplexity,
        "parameters": float(sum(p.numel() for p in model.parameters())),
    }
