"""A rehearsal that ``torchrun`` starts: a small decoder, cut, trains as one whole would.

``torchrun --nproc_per_node 2 -m txlite.distributed.rehearsal`` cuts every layer and the vocabulary
in two, takes a few steps, and prints how far the losses are from those of one process and how many
bytes were exchanged. On a machine with a GPU for each process it runs there.
"""

import os
import sys

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh

from txlite.distributed.recorder import record_collectives
from txlite.distributed.tensor_parallel import apply_tensor_parallel
from txlite.distributed.vocabulary import vocabulary_cross_entropy
from txlite.nn import Decoder, TokenEmbedding
from txlite.runtime import device as default_device

__all__ = ["rehearse_cut"]

VOCAB, WIDTH, HEADS, HIDDEN, LAYERS, BATCH, LENGTH, STEPS = 96, 48, 12, 96, 2, 6, 10, 3


class _Writer(nn.Module):
    """A decoder between an embedding and its scores, the smallest model that writes."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = TokenEmbedding(VOCAB, WIDTH)
        self.decoder = Decoder(LAYERS, WIDTH, HEADS, HIDDEN, cross_attention=False)

    def forward(self, tokens: Tensor) -> Tensor:
        scores: Tensor = self.embedding.logits(self.decoder(self.embedding(tokens)))
        return scores


def rehearse_cut() -> dict[str, float]:
    """Train the same model whole and cut, and compare, in processes that know each other.

    Returns
    -------
    dict of str to float
        ``"loss"`` of the last step, the largest ``"difference"`` of a loss, ``"messages"`` and
        their ``"bytes"`` in one step.
    """
    nccl = dist.get_backend() == "nccl"
    place = torch.device("cuda", torch.cuda.current_device()) if nccl else torch.device("cpu")
    mesh = init_device_mesh(place.type, (dist.get_world_size(),))
    tokens = (torch.arange(BATCH * (LENGTH + 1)) * 7 % VOCAB).view(BATCH, -1).to(place)
    torch.manual_seed(0)
    alone, torn = _Writer().double().to(place), _Writer().double().to(place)
    torn.load_state_dict(alone.state_dict())
    apply_tensor_parallel(torn, mesh, vocabulary=True)
    steps = [torch.optim.AdamW(model.parameters(), lr=1e-2) for model in (alone, torn)]
    found = {"difference": 0.0}
    for _ in range(STEPS):
        whole = nn.functional.cross_entropy(
            alone(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten()
        )
        with record_collectives() as traffic:
            loss = vocabulary_cross_entropy(torn(tokens[:, :-1]), tokens[:, 1:])
            loss.backward()  # type: ignore[no-untyped-call]
        whole.backward()  # type: ignore[no-untyped-call]
        for optimiser in steps:
            optimiser.step()
            optimiser.zero_grad()
        away = abs(loss.item() - whole.item())
        found |= {"loss": loss.item(), "difference": max(away, found["difference"])}
    return found | {"messages": float(traffic.calls()), "bytes": float(traffic.message())}


def _main() -> None:
    rank, here = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    enough = default_device().type == "cuda" and torch.cuda.device_count() >= here
    place = torch.device("cuda", rank) if enough else torch.device("cpu")
    if enough:
        torch.cuda.set_device(place)
    dist.init_process_group("nccl" if enough else "gloo")
    try:
        found = rehearse_cut()
        if dist.get_rank() == 0:
            sys.stdout.write(
                f"{dist.get_world_size()} processes on {place.type}: loss {found['loss']:.6f}, "
                f"{found['difference']:.1e} from one process; {found['messages']:.0f} messages, "
                f"{found['bytes']:.0f} bytes a step\n"
            )
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    _main()
