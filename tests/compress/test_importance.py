"""Which heads matter: slopes of gates, against differences; and who is chosen."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.compress import small
from txlite.compress import head_importance, least_important, random_heads


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
    scores = model(batch[0])
    return nn.functional.cross_entropy(scores, batch[1], reduction="sum"), len(scores)


def batches() -> list[tuple[Tensor, Tensor]]:
    return [(small.tokens(), torch.randint(6, (small.B,))) for _ in range(2)]


def turned(model: nn.Module, path: str, head: int, gate: float, batch: Any) -> float:
    """Return the loss where what one head gathers is multiplied by a gate."""

    def hook(module: nn.Module, given: Any, sums: Tensor) -> Tensor:
        factors = torch.ones(sums.shape[1], 1, 1, dtype=sums.dtype)
        factors[head] = gate
        return sums * factors

    with model.get_submodule(path).attend.register_forward_hook(hook):  # type: ignore[union-attr,operator]
        return loss(model, batch)[0].item()


@pytest.mark.kills(
    "importance: examples cancel each other",
    "compress/importance.py",
    "slope.abs().flatten(1).sum(0)",
    "slope.flatten(1).sum(0).abs()",
)
def test_it_is_the_mean_of_each_examples_slope() -> None:
    model, data = small.classifier(), batches()
    found = head_importance(model, data, loss, normalise=False)
    assert list(found) == [f"bert.encoder.layers.{i}.attention" for i in range(small.L)]
    for path in found:
        for head in range(small.H):
            slopes = []
            for tokens, labels in data:
                for b in range(small.B):
                    one = tokens[b : b + 1], labels[b : b + 1]
                    up, down = (turned(model, path, head, 1 + e, one) for e in (1e-5, -1e-5))
                    slopes.append(abs(up - down) / 2e-5)
            want = sum(slopes) / len(slopes)
            assert found[path][head].item() == pytest.approx(want, rel=1e-4, abs=1e-7)


def test_nothing_of_the_model_changes() -> None:
    model = small.classifier().train()
    for p in model.parameters():
        p.requires_grad_(False)
    found = head_importance(model, batches(), loss)
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    for x in found.values():
        assert x.norm().item() == pytest.approx(1.0)
        assert not x.requires_grad


def test_one_layer_in_many_places_has_one_gate() -> None:
    model = small.classifier(share_layers=True, num_layers=3)
    data = batches()[:1]
    tokens, labels = data[0][0][:1], data[0][1][:1]
    path = "bert.encoder.layers.0.attention"
    found = head_importance(model, [(tokens, labels)], loss, normalise=False)
    up, down = (turned(model, path, 2, 1 + e, (tokens, labels)) for e in (1e-5, -1e-5))
    assert found[path][2].item() == pytest.approx(abs(up - down) / 2e-5, rel=1e-4, abs=1e-7)


@pytest.mark.plain
def test_the_least_important_go_and_one_stays_in_each() -> None:
    importance = {"a": torch.tensor([0.3, 0.1, 0.2]), "b": torch.tensor([0.9, 0.8])}
    assert least_important(importance, 0) == {}
    assert least_important(importance, 2) == {"a": [1, 2]}
    assert least_important(importance, 3) == {"a": [1, 2], "b": [1]}  # 0.3 stays, alone in a
    with pytest.raises(ValueError, match=r"count should be at most 3, which leaves one head each"):
        least_important(importance, 4)


def test_random_heads_are_drawn_from_all_of_them() -> None:
    model, chance = small.bert(), torch.Generator().manual_seed(3)
    counts: dict[tuple[str, int], int] = {}
    for _ in range(400):
        chosen = random_heads(model, 3, generator=chance)
        assert sum(map(len, chosen.values())) == 3
        for path, numbers in chosen.items():
            for head in numbers:
                counts[path, head] = counts.get((path, head), 0) + 1
    assert len(counts) == small.H * small.L
    assert min(counts.values()) > 110  # 150 each, give or take four times 9.7
    again = [random_heads(model, 3, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.plain
def test_without_examples_there_is_no_mean() -> None:
    with pytest.raises(ValueError, match=r"batches should hold at least one example"):
        head_importance(small.classifier(), [], loss)
