from txlite import checks

check = checks.penalise_repetition


def test_right_answers_in_other_words_pass():
    def by_sets(logits, tokens, penalty):
        out = logits.clone()
        for row, words in zip(out, tokens.tolist(), strict=True):
            for token in set(words):
                row[token] = row[token] * penalty if row[token] < 0 else row[token] / penalty
        return out

    check(by_sets).require()


def test_a_loop_over_all_tokens_penalises_each_time():
    def answer(logits, tokens, penalty):
        out = logits.clone()
        for row, words in zip(out, tokens.tolist(), strict=True):
            for token in words:
                row[token] = row[token] * penalty if row[token] < 0 else row[token] / penalty
        return out

    assert check(answer).mistake == "once for every time"


def test_dividing_alone_is_named():
    def answer(logits, tokens, penalty):
        return logits.scatter(-1, tokens, logits.gather(-1, tokens) / penalty)

    assert check(answer).mistake == "negative logits divided"
