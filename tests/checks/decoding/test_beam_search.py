import torch

from txlite import checks
from txlite.generation import BeamStep, beam_search

extend, score = checks.extend_beams, checks.finished_score


def test_the_exercises_are_what_beam_search_does():
    table = torch.randn(6, 6, generator=torch.Generator().manual_seed(2)).double()
    record: list[BeamStep] = []
    result = beam_search(
        lambda tokens: table[tokens],
        torch.zeros(1, 1, dtype=torch.long),
        num_beams=3,
        max_new_tokens=4,
        eos_id=None,
        length_penalty=0.7,
        num_return_sequences=3,
        use_cache=False,
        record=record,
    )
    before = record[0]
    beams = before.tokens[0, before.survivors[0]]
    pairs = extend.reference(before.scores[0, before.survivors[0]], table[beams].log_softmax(-1))
    after = record[1]
    assert pairs.tolist() == torch.stack([after.parents[0, :3], after.tokens[0, :3]], 1).tolist()
    each = table[result.tokens[:, :-1]].log_softmax(-1)
    log_probs = each.gather(-1, result.tokens[:, 1:, None])[..., 0]
    torch.testing.assert_close(
        score.reference(log_probs, result.tokens[:, 1:], 9, 0.7), result.scores
    )
