"""The page “One skeleton”: what makes one model of the family another, written by the build.

::

    ```{skeleton-choices} BERT GPT  how the switches of some of the models stand, or of all
    ```{skeleton-proof} BERT GPT    that the skeleton is each of them
    ```{skeleton-beside}            what of a model is no skeleton
    ```{skeleton-code}              the skeleton itself, folded
    ```{skeleton-distances} BERT    how many switches lie between any two of them
    ```{skeleton-sizes} BERT GPT    parameters of published presets
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
