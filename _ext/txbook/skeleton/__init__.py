"""The page “One skeleton”: what makes one model of the family another, written by the build.

::

    ```{skeleton-choices}           how the switches of all five stand
    ```{skeleton-proof}             that the skeleton is each of the five
    ```{skeleton-code}              the skeleton itself, folded
    ```{skeleton-distances}         how many switches lie between any two
    ```{skeleton-sizes}             parameters of published presets
    ```{skeleton-steps} BERT GPT    from one to the next, a switch at a time
    ```{skeleton-config} BERT GPT   what differs in their configs
    ```{skeleton-wiring} BERT GPT   what differs in their code
    ```{schematic} gpt              a drawing of txlite.viz.drawings
"""

from typing import Any

from txbook.skeleton import directives


def connect(app: Any) -> None:
    """Connect the directives to Sphinx."""
    for name, directive in directives.NAMED.items():
        app.add_directive(name, directive)
