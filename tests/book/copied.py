"""What each figure shows, by the names that its copied code gives to it.

``SHOWN[figure](page)`` reads the page; a test runs the code and compares what has these names.
"""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

Shown = dict[str, Any]
READ = "(nodes, name) => nodes.map((node) => node.dataset[name])"


def numbers(page: Page, selector: str, name: str = "value") -> list[float]:
    """Return a number from every element that a selector finds."""
    return [float(text) for text in page.locator(selector).evaluate_all(READ, name)]


def of_root(page: Page, *names: str) -> Shown:
    """Return what the figure's outermost element says, as JSON."""
    data = page.evaluate("({ ...document.querySelector('.tx-widget').dataset })")
    return {name: json.loads(data[name]) for name in names}


def _long_memory(page: Page) -> Shown:
    cards = page.locator(".lm-card")
    kinds = cards.evaluate_all(READ, "model")
    chances = [json.loads(text) for text in cards.evaluate_all(READ, "chances")]
    return {"chances": dict(zip(kinds, chances, strict=True))}


def _head_viewer(page: Page) -> Shown:
    heads = page.locator("thead th[data-head]").count()
    flat = numbers(page, 'td[data-kind="weight"]')
    best = numbers(page, "tr[data-question]", "probability")
    return {
        "weights": [flat[h::heads] for h in range(heads)],
        "probabilities.amax(-1)": best,
    }


def _living_map(page: Page) -> Shown:
    if page.locator(".tx-play").count() == 0:
        words = page.locator(".tx-words li").evaluate_all(
            "nodes => nodes.map((n) => n.textContent)"
        )
        return {"'\\n'.join(drawings.model().words())": "\n".join(words)}
    weights = page.locator("rect[data-weight]")
    if weights.count():
        return {"weights.flatten()": numbers(page, "rect[data-weight]", "weight")}
    if page.locator(".tx-fill").count():
        likeliest = numbers(page, ".tx-bars [data-word]")
        row = page.evaluate("model.get('row')")
        return {f"probabilities.sort(descending=True).values[{row}, :8]": likeliest}
    last = page.locator("figure[data-title]").last.get_attribute("data-title")
    name = {"Q": "query", "K": "key", "V": "value", "Z": "z", "p": "position", "h": "hidden"}
    values = page.locator("figure[data-title]").last.locator("rect[data-value]")
    name["x"] = "total" if page.locator("figure[data-title]").count() == 3 else "x"
    return {
        f"{name.get(str(last), last)}.flatten()": [
            float(x) for x in values.evaluate_all(READ, "value")
        ]
    }


def _beam_tree(page: Page) -> Shown:
    return {
        "[c.log_prob for step in steps for c in step]": numbers(page, ".tx-node", "logProb"),
    }


def _sampling_filters(page: Page) -> Shown:
    shown = numbers(page, ".tx-tokens li:not([data-rank=rest])", "after")
    return {f"left[logits_order][:{len(shown)}]": shown}


def _writer(page: Page) -> Shown:
    stage = page.evaluate("({ ...document.querySelector('.tx-stage').dataset })")
    ids = [n for n in page.locator(".tx-tokens li").evaluate_all(READ, "token") if n]
    return {
        "tokens[0].tolist()": json.loads(stage["tokens"]),
        "text": stage["text"],
        "attention": json.loads(stage["weights"]),
        f"expected[[{', '.join(ids)}]]": numbers(page, ".tx-tokens li", "before")[: len(ids)],
    }


def _fill_in(page: Page) -> Shown:
    place = page.locator(".tx-stage").get_attribute("data-place")
    if place is None:
        return {}  # nothing is hidden
    column = f'.fi-column:has([data-hidden="{place}"]) li:not([data-token=""])'
    names = page.locator(f"{column} .tx-name").all_text_contents()
    return {
        "'\\n'.join(fillings)": "\n".join(names),
        "likeliest.values": numbers(page, column, "after"),
        "attention": json.loads(page.locator(".tx-stage").get_attribute("data-weights") or ""),
    }


def _emoji_search(page: Page) -> Shown:
    tiles = page.locator(".es-tile")
    found: Shown = {}
    if tiles.count():
        found["pictures.indices.double()"] = numbers(page, ".es-tile", "picture")
        found["pictures.values"] = numbers(page, ".es-tile", "score")
    if page.evaluate("model.get('picked')") >= 0:
        lists = page.locator(".es-words")
        for n, code in enumerate(page.evaluate("Object.keys(model.get('names'))")):
            rows = lists.nth(n).locator("li")
            scores = [float(score) for score in rows.evaluate_all(READ, "score")]
            found[f"words[{code!r}].values"] = scores
    return found


def _digit_pad(page: Page) -> Shown:
    stage = page.evaluate("({ ...document.querySelector('.tx-stage').dataset })")
    if "weights" not in stage:
        return {}  # nothing is drawn
    return {
        "counts.flatten()": json.loads(stage["counts"]),
        "probabilities": numbers(page, ".dp-bars li", "after"),
        "attention": json.loads(stage["weights"]),
    }


def _cart_pole(page: Page) -> Shown:
    stage = page.evaluate("({ ...document.querySelector('.tx-stage').dataset })")
    return {
        "actions": [int(action) for action in stage["actions"]],
        "logits": json.loads(stage["logits"]),
        "attention": json.loads(stage["weights"]),
    }


def _scene_detector(page: Page) -> Shown:
    stage = page.evaluate("({ ...document.querySelector('.tx-stage').dataset })")
    names = {"probabilities": "probabilities", "boxes": "boxes", "weights": "attention"}
    told = {name: json.loads(stage[shown]) for shown, name in names.items()}
    return {
        "probabilities.flatten()": [x for row in told["probabilities"] for x in row],
        "boxes.flatten()": [x for row in told["boxes"] for x in row],
        "attention": told["attention"],
    }


def _spectrogram_player(page: Page) -> Shown:
    share = page.locator(".sp-board").get_attribute("data-share") or ""
    return {
        "word": page.locator(".sp-word[aria-pressed=true]").inner_text(),
        "share": json.loads(share),
    }


def _fan_chart(page: Page) -> Shown:
    stage = page.evaluate("({ ...document.querySelector('.tx-stage').dataset })")
    here, means = json.loads(stage["here"]), json.loads(stage["means"])
    return {
        "quantiles.flatten()": [x for row in json.loads(stage["quantiles"]) for x in row],
        "attention": json.loads(stage["weights"]),
        "[s.here for s in scores.values()]": here,
        "[s.mean for s in scores.values()]": means,
    }


def _expert_map(page: Page) -> Shown:
    stage = page.evaluate("({ ...document.querySelector('.tx-stage').dataset })")
    told = {name: json.loads(stage[name]) for name in ("shares", "rows", "dropped", "bits")}
    at = stage["byte"]
    return {
        "experts.double()": [float(x) for x in json.loads(stage["experts"])],
        "placed.double()": [float(x) for x in json.loads(stage["placed"])],
        f"probabilities[{at}]": json.loads(stage["probabilities"]),
        f"gates[{at}]": max(json.loads(stage["probabilities"])),
        **told,
    }


def _leak_lab(page: Page) -> Shown:
    stage = page.evaluate("({ ...document.querySelector('.tx-stage').dataset })")
    names = ("sharpe", "low", "high", "deflated", "poisoned")
    return {name: float(stage[name]) for name in names}


SHOWN: dict[str, Callable[[Page], Shown]] = {
    "long_memory": _long_memory,
    "attention_calculator": lambda page: {
        "weights.flatten()": numbers(page, ".tx-map .tx-heat"),
    },
    "mask_painter": lambda page: {
        "weights.flatten()": numbers(page, ".mp-grid tbody button", "weight"),
        "allowed.flatten().double()": numbers(page, ".mp-grid tbody button", "allowed"),
    },
    "head_viewer": _head_viewer,
    "position_explorer": lambda page: {"similarity": numbers(page, "[data-alike]", "alike")},
    "rotary_clock": lambda page: {
        "products": numbers(page, "[data-name=product]"),
        "score": numbers(page, "[data-name=score]")[0],
    },
    "gradient_depth": lambda page: of_root(page, "signal", "gradient", "weights", "step"),
    "layer_walk": lambda page: of_root(page, "entering", "normed", "hidden", "branch", "out"),
    "layer_viewer": lambda page: {
        "shares": numbers(page, ".lv-word", "share"),
        "answers": numbers(page, ".lv-answer"),
    },
    "cross_viewer": lambda page: {
        "weights.flatten()": numbers(page, ".cv-cell"),
        "list(options.values())": numbers(page, ".cv-option"),
    },
    "living_map": _living_map,
    "training_explorer": lambda page: of_root(
        page, "peak", "inverse_sqrt", "cosine", "wanted", "given", "loss"
    ),
    "power_cut": lambda page: of_root(page, "first", "largest", "last"),
    "beam_tree": _beam_tree,
    "sampling_filters": _sampling_filters,
    "translator": lambda page: {"translation": page.locator(".tx-answer").inner_text()},
    "writer": _writer,
    "fill_in": _fill_in,
    "emoji_search": _emoji_search,
    "scene_detector": _scene_detector,
    "digit_pad": _digit_pad,
    "cart_pole": _cart_pole,
    "spectrogram_player": _spectrogram_player,
    "fan_chart": _fan_chart,
    "leak_lab": _leak_lab,
    "expert_map": _expert_map,
    "patch_viewer": lambda page: {
        "attention": json.loads(page.locator(".tx-stage").get_attribute("data-weights") or ""),
    },
}
