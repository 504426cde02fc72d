"""How the translator meets the command line."""

from txlite.cli._family import Family
from txlite.cli.translator.folder import FORMAT
from txlite.cli.translator.info import PRESETS, describe
from txlite.cli.translator.train import train
from txlite.cli.translator.translate import draw_translations, translate

__all__ = ["TRANSLATOR"]

TRANSLATOR = Family(
    format=FORMAT,
    commands={"train": train, "translate": translate},
    describe=describe,
    draw=draw_translations,
    presets=PRESETS,
)
