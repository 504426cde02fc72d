"""Wrong answers as a reader would write them, in other words than the banks."""


def earns(check, answer, name):
    """Assert that an answer is told, by name, the mistake that it makes."""
    verdict = check(answer)
    assert not verdict
    assert verdict.mistake == name
