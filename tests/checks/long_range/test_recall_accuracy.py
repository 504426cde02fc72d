import torch

from txlite import checks

check = checks.recall_accuracy


def test_the_reference_on_a_case_counted_by_hand():
    logits = torch.tensor([[[0.0, 1], [1, 0], [1, 0]], [[0, 1], [0, 1], [1, 0]]])
    targets = torch.tensor([[1, 1, 0], [0, 1, 0]])  # right: yes no yes, no yes yes
    asked = torch.tensor([[True, True, True], [False, False, True]])
    assert float(check.reference(logits, targets, asked)) == 0.75  # 3 of the 4 asked


def test_right_answers_in_other_words_pass():
    def loop(logits, targets, asked):
        right = total = 0
        for b in range(len(asked)):
            for t in range(asked.shape[1]):
                if asked[b, t]:
                    total += 1
                    right += int(int(logits[b, t].argmax()) == int(targets[b, t]))
        return right / total

    check(loop).require()
    check(lambda x, y, a: (x.argmax(-1)[a] == y[a]).float().mean()).require()
    check(lambda x, y, a: (x.argmax(-1)[a] == y[a]).float().mean().item()).require()
    check(lambda x, y, a: (x.max(-1).indices[a] == y[a]).sum() / len(y[a])).require()


def test_natural_mistakes_are_named():
    assert check(lambda x, y, a: (x.argmax(-1) == y).float().mean()).mistake == (
        "counts every position"
    )
    assert check(lambda x, y, a: ((x.argmax(-1) == y) * a).sum(1).div(a.sum(1)).mean()).mistake == (
        "averages per sequence"
    )
    assert check(lambda x, y, a: (x.argmax(-1)[~a] == y[~a]).sum() / (~a).sum()).mistake == (
        "looks where nothing was asked"
    )


def test_one_accuracy_for_each_sequence_is_explained():
    verdict = check(lambda x, y, a: (x.argmax(-1) == y).float().mean(-1))
    assert "Your result has shape (1,); wanted is ()." in verdict.message
