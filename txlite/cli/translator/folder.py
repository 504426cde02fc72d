"""A trained translator on the disk: config, weights and tokenizers in one folder.

The weights are safetensors, everything else is JSON; nothing in it is ever executed. The config
goes first and comes last: a folder that has one is whole, whenever the writer was killed.
"""

import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from txlite._atomic import whole
from txlite._checks import check_positive
from txlite.cli._files import CONFIG, read_config
from txlite.data.tokenizers import BPE
from txlite.models import Transformer, TransformerConfig

__all__ = ["FILES", "FORMAT", "Translator", "load_translator", "save_translator"]

FORMAT = "txlite translator"
WEIGHTS, TOKENIZERS = "model.safetensors", ("source.json", "target.json")
FILES = (WEIGHTS, *TOKENIZERS)  # beside the config
LONGEST = 80  # tokens of a translation at most, where a folder does not say


class Translator(NamedTuple):
    """A model with the tokenizers of its two languages.

    ``about`` says in plain data what it translates and how well: it is shown by ``txlite info``.
    ``longest`` is how many tokens a translation has at most, its end included.
    """

    model: Transformer
    source: BPE
    target: BPE
    about: dict[str, Any]
    longest: int = LONGEST


def save_translator(translator: Translator, folder: Path) -> None:
    """Write a translator; a folder that is there already keeps its other files.

    Parameters
    ----------
    translator : Translator
        What to keep.
    folder : Path
        Where; made if it is not there.
    """
    from safetensors.torch import save

    weights = {name: x.detach().cpu() for name, x in translator.model.state_dict().items()}
    config = asdict(translator.model.config)
    content = {"format": FORMAT, "model": "transformer", "config": config}
    told = {"longest": translator.longest, "about": translator.about}
    text = json.dumps({**content, **told}, ensure_ascii=False, indent=2)
    with ExitStack() as files:  # all are written before the first is renamed, the config last
        drafts = {name: files.enter_context(whole(folder / name)) for name in (CONFIG, *FILES)}
        drafts[WEIGHTS].write_bytes(save(weights))  # its save_file hides it from other users
        for name, tokenizer in zip(TOKENIZERS, (translator.source, translator.target), strict=True):
            tokenizer.save(drafts[name])
        drafts[CONFIG].write_text(f"{text}\n", encoding="utf-8")
        (folder / CONFIG).unlink(missing_ok=True)  # new weights never meet an old config


def load_translator(folder: Path) -> Translator:
    """Read a translator that ``save_translator`` wrote.

    Parameters
    ----------
    folder : Path
        Where it is.

    Returns
    -------
    Translator
        In evaluation mode, on the CPU.

    Raises
    ------
    ValueError
        If a file is missing or damaged, or the weights do not fit the config.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    content = read_config(folder, FORMAT)
    longest = content.get("longest", LONGEST)
    check_positive(f"longest in {folder / CONFIG}", longest)
    try:
        model = Transformer(TransformerConfig(**content["config"]))
        weights = load_file(folder / WEIGHTS)
    except (TypeError, KeyError) as error:
        raise ValueError(f"{folder / CONFIG} should describe a Transformer: {error}") from None
    except (SafetensorError, FileNotFoundError) as error:
        raise ValueError(f"{folder / WEIGHTS} should hold the weights: {error}") from None
    _check_names(folder, set(model.state_dict()), set(weights))
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{folder / WEIGHTS} does not fit its config: {error}") from None
    source, target = (_load_tokenizer(folder / name) for name in TOKENIZERS)
    sizes = (model.config.source_vocab_size or model.config.vocab_size, model.config.vocab_size)
    if (source.vocab_size, target.vocab_size) != sizes:
        raise ValueError(
            f"{folder} should have tokenizers of {sizes} tokens, as its config says, got "
            f"{(source.vocab_size, target.vocab_size)}"
        )
    return Translator(model.eval(), source, target, dict(content.get("about", {})), longest)


def _load_tokenizer(path: Path) -> BPE:
    if not path.is_file():
        raise ValueError(f"{path} should hold a tokenizer, and is not there")
    return BPE.load(path)


def _check_names(folder: Path, wanted: set[str], found: set[str]) -> None:
    missing, unexpected = sorted(wanted - found), sorted(found - wanted)
    if missing or unexpected:
        raise ValueError(
            f"{folder / WEIGHTS} should hold the model's weights; missing: {missing[:5]}, "
            f"unexpected: {unexpected[:5]}"
        )
