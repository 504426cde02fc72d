"""What an answer earns that is written as a reader would write it, in other words than the bank."""


def earns(check, answer, name):
    """Assert that an answer is wrong, and that its mistake is known by exactly this name."""
    verdict = check(answer)
    assert not verdict
    assert verdict.mistake == name
