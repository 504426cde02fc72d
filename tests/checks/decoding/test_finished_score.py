import torch

from txlite import checks

check = checks.finished_score


def test_right_answers_in_other_words_pass():
    def by_loop(log_probs, tokens, eos, penalty):
        scores = []
        for row, words in zip(log_probs, tokens.tolist(), strict=True):
            length = words.index(eos) + 1 if eos in words else len(words)
            scores.append(row[:length].sum() / length**penalty)
        return torch.stack(scores)

    check(by_loop).require()
