"""One skeleton: it is each of the models, each switch does something, and the page says what is."""

import ast
import builtins
import functools
import itertools
import re
from dataclasses import MISSING, fields, replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from browsing import ROOT
from docutils.parsers.rst import DirectiveError
from torch import nn
from txbook.skeleton import configs, directives, family, markup, plain, proof, wiring
from txbook.skeleton.assembled import Sizes, Skeleton, Switches
from txbook.skeleton.wiring import Line, Piece

from txlite.models import GPT, EncoderDecoder, GPTConfig

LINE = list(family.FAMILY)
BESIDE = [name for name, system in family.FAMILY.items() if system.beside]
SHARED = {name: [EncoderDecoder] for name in ("Transformer", "T5", "Whisper")}  # what they extend
STEPS = list(family.WAYS)
ALL = list(itertools.permutations(LINE, 2))
PAGE = (ROOT / "book" / "one_skeleton.md").read_text(encoding="utf-8")
pairwise = pytest.mark.parametrize(("before", "after"), ALL, ids=lambda name: name)

# ------------------------------------------------------------------ the skeleton is each of them


@pytest.mark.parametrize("name", LINE)
def test_the_skeleton_is_the_model(name: str) -> None:
    found = proof.prove(name)
    assert found.same_tensors
    assert found.difference == 0
    assert found.largest > 0.5


def test_two_skeletons_joined_are_a_clip() -> None:
    found = proof.prove_clip()
    assert found.same_tensors
    assert found.difference == 0
    assert found.largest > 0.5


@pytest.mark.parametrize("name", BESIDE)
def test_what_stands_beside_it_is_needed_and_no_more(name: str) -> None:
    """Each part beside changes the model's numbers, and no tensor of it is the skeleton's."""
    model = proof.made(name)
    given, skeleton = proof.sources(name), proof.assembled(model)
    wanted = proof.asked(name, model, given)
    for part in family.FAMILY[name].beside:
        assert not any(inner.partition(".")[0] == part for inner in skeleton.state_dict())
        kept = {n: p.clone() for n, p in model.state_dict().items()}
        with torch.no_grad():
            (last,) = [n for n, _ in model.named_parameters() if n.partition(".")[0] == part][-1:]
            p = model.get_parameter(last)
            p.add_(torch.randn_like(p).abs())  # a variance stays one
            moved = proof.through(model, skeleton, *given)
            assert moved.equal(proof.asked(name, model, given))  # the same parts, moved for both
        assert not torch.allclose(moved, wanted), part
        model.load_state_dict(kept)
    parts = family.beside(model)
    numbers = {n.partition(".")[0]: 0 for n, _ in model.named_parameters()}
    for n, p in model.named_parameters():
        numbers[n.partition(".")[0]] += p.numel()
    assert parts == {part: numbers[part] for part in parts}
    assert family.within(model) + sum(parts.values()) == family.count(model)


SWITCHES = [field.name for field in fields(Switches)]
stand = functools.cache(family.switches)  # builds a model: not while tests are collected


def others(name: str, switch: str) -> list[Any]:
    """Return how one switch of a model can stand as it does in another one."""
    own = stand(name)
    idle = {
        "theta": own.positions != "rotary",
        "scale_output": own.scores == "none",
        "causal": "decoder" not in own.stacks,
        "queries": "decoder" not in own.stacks,
        "decoder_norm": own.norm_first or "decoder" not in own.stacks,
        "unbiased_keys": not own.bias,
        "scale_embedding": own.source == "vectors" and (len(own.stacks) == 1 or own.queries),
    }
    if idle.get(switch):
        return []  # nothing follows from it
    found = {getattr(stand(other), switch) for other in LINE} - {getattr(own, switch)}
    return sorted(found, key=repr)


def test_every_switch_stands_otherwise_somewhere() -> None:
    flips = {(name, switch): others(name, switch) for name in LINE for switch in SWITCHES}
    assert sum(map(len, flips.values())) == 317
    assert {switch for (_, switch), found in flips.items() if found} == {*SWITCHES}


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("name", LINE)
def test_a_switch_that_stands_otherwise_is_noticed(name: str, switch: str) -> None:
    for other in others(name, switch):
        notices(name, switch, other)


def notices(name: str, switch: str, other: Any) -> None:
    """Fail where a model with another switch computes the same."""
    config = proof.small(name)
    right = family.read(family.FAMILY[name].build(config))
    torch.manual_seed(0)
    models = [
        Skeleton(switches, replace(family.sizes(config), vocab_size=proof.VOCABULARY))
        .double()
        .eval()
        for switches in (right, replace(right, **{switch: other}))
    ]
    if family.shapes(models[0]) != family.shapes(models[1]):
        return
    for part, p in models[0].named_parameters():
        nn.init.normal_(p, std=0.5)
        if part.endswith("variance"):
            p.detach().square_().add_(0.5)
    models[1].load_state_dict(
        dict(zip(models[1].state_dict(), models[0].state_dict().values(), strict=True))
    )
    a, b = (model(*texts(model)) for model in models)
    assert a.shape != b.shape or (a - b).abs().max() > 1e-9


def texts(skeleton: Skeleton) -> list[torch.Tensor]:
    """Return what a skeleton can read, always the same."""
    draw = torch.Generator().manual_seed(1)
    width, longest = skeleton.sizes.d_model, skeleton.sizes.max_len
    found = [
        torch.randint(proof.VOCABULARY, (2, min(n, longest)), generator=draw)
        for n in proof.LENGTHS[: len(skeleton.switches.stacks)]
    ]
    if skeleton.switches.source == "vectors":
        found[0] = torch.randn(*found[0].shape, width, generator=draw, dtype=torch.double)
    return found


def test_a_bias_of_keys_changes_nothing() -> None:
    """So that Whisper may leave it out: the scores of a query all move by one number."""
    torch.manual_seed(0)
    model = proof.assembled(proof.made("GPT"))
    given = texts(model)
    before = model(*given)
    for name, p in model.named_parameters():
        if name.endswith("key_proj.bias"):
            nn.init.normal_(p, std=3.0)
    assert (model(*given) - before).abs().max() < 1e-12


# ------------------------------------------------------------------ from one to the next


@functools.cache
def empty(name: str) -> nn.Module:
    """Return a published model without memory for its numbers."""
    with torch.device("meta"):
        return family.FAMILY[name].build(family.FAMILY[name].sized())


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), STEPS, ids=lambda name: name)
def test_the_steps_lead_from_the_one_model_to_the_other(before: str, after: str) -> None:
    here, found = family.switches(before), list(family.steps(before, after))
    size = family.sizes(family.FAMILY[before].sized())
    assert family.shapes(family.built(here, size)) == family.shapes(empty(before))
    for step in found[:-1]:
        assert getattr(here, step.name) == step.before != step.after
        last, here = here, replace(here, **{step.name: step.after})
        models = [family.built(one, size) for one in (last, here)]
        assert family.count(models[1]) == step.parameters
        changed = family.shapes(models[0]) != family.shapes(models[1])
        renamed = step.name == "stacks" and len(step.before) == len(step.after)
        assert (step.tensors != "none") == (changed and not renamed)
    assert found[-1].name == "sizes"
    goal = family.built(here, found[-1].after)
    assert family.shapes(goal) == family.shapes(empty(after))
    assert found[-1].parameters == family.within(empty(after))


def test_the_options_of_a_gpt_changed_one_by_one_give_the_tensors_of_a_llama() -> None:
    llama = family.FAMILY["Llama"].sized()
    config = GPTConfig.gpt2()
    wanted = {"norm": "rms", "norm_eps": 1e-5, "activation": "swiglu", "bias": False}
    wanted |= {"positions": "rotary", "num_kv_heads": 4, "max_len": llama.max_len}
    numbers = []
    for name, value in wanted.items():
        config = replace(config, **{name: value})
        with torch.device("meta"):
            numbers.append(family.count(GPT(config)))
    shown = [step.parameters for step in family.steps("GPT", "Llama")]
    assert numbers[-1] == shown[-2]
    texts_only = {field.name for field in fields(Sizes)} - {"max_source_len"}
    size = {name: getattr(llama, name) for name in texts_only}
    with torch.device("meta"):
        grown = GPT(replace(config, **size, num_kv_heads=llama.num_kv_heads))
    assert family.shapes(grown) == family.shapes(empty("Llama"))
    assert numbers != sorted(numbers)


def test_what_comes_of_a_step_is_counted_by_layer_and_stack() -> None:
    one = torch.Size([1])
    before = {f"encoder.layers.{i}.{part}": one for i in (0, 1) for part in ("a", "b")}
    after = {name: one for name in before if not name.endswith("b")} | {"encoder.norm": one}
    assert family.effect(before, after) == "−1 in each layer; +1 elsewhere"
    other = {name.replace("encoder", "decoder"): shape for name, shape in before.items()}
    assert family.effect(before, other) == "none"
    assert family.effect(before, before | other) == "+2 in each decoder layer"
    wider = {name: torch.Size([2]) if name.endswith("a") else one for name in before}
    assert family.effect(before, wider) == "changed 1 in each layer"


def test_published_models_have_as_many_parameters_as_their_authors_say() -> None:
    """In millions, from the papers' tables and, for SmolLM2 and Llama 3, from their names."""
    said = {
        ("Transformer", "base"): 65, ("Transformer", "big"): 213, ("BERT", "base"): 110,
        ("BERT", "large"): 340, ("GPT", "gpt2"): 124, ("GPT", "gpt2_xl"): 1558,
        ("Llama", "smollm2_135m"): 135, ("Llama", "llama3_8b"): 8030,
        ("T5", "base"): 220, ("T5", "small"): 60, ("ViT", "b_16"): 86, ("ViT", "l_16"): 307,
        ("Whisper", "tiny"): 39, ("Whisper", "base"): 74, ("CLIP-text", "b_32"): 63,
        ("DETR", "base"): 41, ("DETR", "resnet101"): 60,
    }  # fmt: skip
    # The paper on CLIP counts no tower of these: a layer of width D has 12 D² + 13 D parameters.
    for name, preset, layers, width in (
        ("CLIP-vision", "b_32", 12, 768), ("CLIP-vision", "l_14", 24, 1024),
        ("CLIP-text", "l_14", 12, 768),
    ):  # fmt: skip
        words = 49_408 * width if name == "CLIP-text" else 0
        said[name, preset] = (layers * (12 * width**2 + 13 * width) + words) / 1e6  # type: ignore[assignment]

    # Nor does that on the Decision Transformer: beside its layers stand a vector for each of 1000
    # steps, and maps of a few rows.
    layer = 12 * 128**2 + 13 * 128
    said["DecisionTransformer", "gym"] = (3 * layer + 1000 * 128) / 1e6  # type: ignore[assignment]
    # Nor does the paper on PatchTST: three layers of 128 and 256, and a head of all patches.
    for preset, patches in (("patchtst_42", 42), ("patchtst_64", 64)):
        layer = 4 * (128**2 + 128) + 2 * 128 * 256 + 256 + 128 + 2 * 4 * 128
        head = 128 * patches * 96 + 96
        said["Forecaster", preset] = (17 * 128 + 128 * patches + 3 * layer + head) / 1e6  # type: ignore[assignment]

    assert {(n, preset) for n, s in family.FAMILY.items() for preset in s.presets} == said.keys()
    for (name, preset), millions in said.items():
        layers, width, embedding, layer, all_of_them = family.counted(family.FAMILY[name], preset)
        assert all_of_them / 1e6 == pytest.approx(millions, rel=0.035), (name, preset)
        config = family.FAMILY[name].sized(preset)
        assert (layers, width) == (config.num_layers, config.d_model)
        if "vocab_size" in {field.name for field in fields(config)} and name != "Whisper":
            assert embedding == config.vocab_size * width
        assert embedding + layers * layer < all_of_them


# ------------------------------------------------------------------ configs


@pairwise
def test_fields_that_differ_are_listed_and_no_others(before: str, after: str) -> None:
    def defaults(name: str) -> dict[str, str]:
        found = fields(family.FAMILY[name].config)
        made = {f.name: f.default_factory for f in found if f.default_factory is not MISSING}
        told = {f.name: "required" if f.default is MISSING else repr(f.default) for f in found}
        return told | {name: type(factory()).__name__ for name, factory in made.items()}

    old, new = defaults(before), defaults(after)
    wanted = {
        name: (old.get(name, "absent"), new.get(name, "absent"))
        for name in old | new
        if old.get(name) != new.get(name)
    }
    found = configs.changes(before, after)
    assert {change.name: (change.before, change.after) for change in found} == wanted
    for change in found:
        assert re.fullmatch(r"(\S.*[^.:])\.", change.says), change
        assert ":`" not in change.says


def test_each_field_of_a_config_has_a_plain_sentence_and_no_other_has() -> None:
    known = {field.name for system in family.FAMILY.values() for field in fields(system.config)}
    assert plain.FIELDS.keys() == known
    for said in plain.FIELDS.values():
        assert re.fullmatch(r"[A-Z][^`_]*[^.]\.", said), said
        assert len(said.split()) <= 16, said
    with pytest.raises(ValueError, match="says what wheels is"):
        configs.sentence("wheels")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("One. Two.", "One."),
        ("About e.g. this\n  thing: more", "About e.g. this thing: more."),
        ("Up to 1.5 of it", "Up to 1.5 of it."),
        ("See :class:`a.B` and :math:`x`.", "See {py:class}`a.B` and {math}`x`."),
    ],
)
def test_a_first_sentence_ends_where_it_ends(text: str, wanted: str) -> None:
    assert configs.first(text) == wanted


def test_every_switch_has_its_sentence() -> None:
    said = configs.parameters(Switches)
    assert list(said) == [field.name for field in fields(Switches)]
    assert said["bias"] == "Whether maps and norms add a bias."


# ------------------------------------------------------------------ code


def code(name: str) -> dict[str, str]:
    """Return the code of each method as it stands on the page."""
    found = wiring.methods(family.FAMILY[name].model)
    return {key: "\n".join(line for one in lines for line in one) for key, lines in found.items()}


@pytest.mark.parametrize("name", LINE)
def test_the_code_on_the_page_is_the_model_s(name: str) -> None:
    """It parses, means what it meant, and asks for no name that a dropped line had set."""
    known: set[str] = set()
    methods: dict[str, ast.FunctionDef] = {}
    for kind in (family.FAMILY[name].model, *SHARED.get(name, ())):
        path = ROOT / "txlite" / "models" / f"{kind.__module__.rpartition('.')[2]}.py"
        tree = ast.parse(path.read_text(encoding="utf-8"))
        (model,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == kind.__name__]
        known |= {
            alias.asname or alias.name
            for node in tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        } | {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        methods = {n.name: n for n in model.body if isinstance(n, ast.FunctionDef)} | methods
    shown = code(name)
    assert shown.keys() == methods.keys()
    assert next(iter(shown)) == "__init__"
    for key, text in shown.items():
        printed = ast.parse(text)
        plain = ast.fix_missing_locations(wiring.Plain().visit(methods[key]))
        assert ast.dump(printed.body[0]) == ast.dump(ast.parse(ast.unparse(plain)).body[0])
        assert max(map(len, text.splitlines())) <= wiring.WIDTH
        names = [node for node in ast.walk(printed) if isinstance(node, ast.Name)]
        given = {node.arg for node in ast.walk(printed) if isinstance(node, ast.arg)}
        given |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
        asked = {node.id for node in names if isinstance(node.ctx, ast.Load)}
        assert asked <= given | known | set(dir(builtins))


def test_what_only_checks_is_left_out_and_nothing_else() -> None:
    source = '''def f(self, x: int, *, keep: bool | None = None) -> int:
    """Say it."""
    batch, length = check_shape("x", x, "B T").values()
    check_keep("keep", keep)
    if x is None:
        raise ValueError("no x")
    if keep is not None:
        check_keep("keep", keep)
        y: int = self.check(x)
    return y  # why
'''
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert wiring.statements(function) == [
        ("def f(self, x, *, keep=None):",),
        ("    if keep is not None:", "        y = self.check(x)"),
        ("    return y",),
    ]


def test_a_line_that_is_too_wide_is_broken_where_it_means_the_same() -> None:
    words = ", ".join(f"argument_{i}=value" for i in range(6))
    lines = wiring.broken(f"    x = call({words})")
    assert lines[0] == "    x = call("
    assert lines[1] == "        argument_0=value,"
    assert lines[-1] == "    )"
    choice = f"x = {'a' * 40}(y) if condition else {'b' * 40}(z)"
    assert wiring.broken(choice) == [
        "x = (",
        f"    {'a' * 40}(y)",
        "    if condition",
        f"    else {'b' * 40}(z)",
        ")",
    ]
    assert wiring.broken("x" * 200) == ["x" * 200]
    assert wiring.brackets("f(a, '(', b) + g(c)") == (1, 11, [3, 8])


@pairwise
def test_a_difference_gives_both_codes_back(before: str, after: str) -> None:
    old, new = code(before), code(after)
    seen: list[str] = []
    for pair in wiring.pairs(before, after):
        lines = [line for piece in pair.pieces for line in piece.lines]
        for side, signs, codes in ((pair.before, " -", old), (pair.after, " +", new)):
            text = "\n".join(line.text for line in lines if line.sign in signs)
            assert text == (codes[side.partition(".")[2]] if side else "")
        assert all(line.sign == " " for p in pair.pieces if p.folded for line in p.lines)
        seen += [side for side in (pair.before, pair.after) if side]
    both = [*(f"{before}.{key}" for key in old), *(f"{after}.{key}" for key in new)]
    assert sorted(seen) == sorted(both)


def test_what_is_the_same_is_found_before_what_sets_the_same_name() -> None:
    old = [("x = 1",), ("x = 2",), ("y = (", "    a", ")"), ("return x",)]
    new = [("x = 0",), ("y = (", "    b", ")"), ("x = 2",), ("return y",)]
    found = [line.sign + line.text for line in wiring.difference(old, new)]
    assert found == [
        *("-x = 1", "+x = 0", "+y = (", "+    b", "+)", " x = 2"),
        *("-y = (", "-    a", "-)", "-return x", "+return y"),
    ]
    found = [line.sign + line.text for line in wiring.difference(old[2:], new[1:2])]
    assert found == [" y = (", "-    a", "+    b", " )", "-return x"]


def test_methods_are_paired_by_what_they_do() -> None:
    paired = {pair.after: pair.before for pair in wiring.pairs("Transformer", "BERT")}
    assert paired["BERT.__init__"] == "Transformer.__init__"
    assert paired["BERT.forward"] == "Transformer.encode"
    assert paired["BERT.pool"] == ""


def test_what_is_the_same_is_folded_but_for_a_line_beside_each_change() -> None:
    code = [Line(" ", str(i)) for i in range(9)]
    code[4] = Line("+", "new")
    pieces = list(wiring.folded(code))
    assert [piece.folded for piece in pieces] == [True, False, True]
    assert [line.text for line in pieces[1].lines] == ["3", "new", "5"]
    (whole,) = wiring.folded(code[3:6])
    assert not whole.folded
    (same,) = wiring.folded(code[:4])
    assert same.folded


def test_a_line_has_its_sign_as_text_and_nothing_is_taken_for_markup() -> None:
    lines = (Line("-", "    a < b"), Line("+", "c"), Line(" ", "d"))
    html = markup.difference([wiring.Pair("A.f", "B.g", (Piece(lines),))], "A", "B")
    assert '<del style="--in: 4"><b>−     </b>a &lt; b\n</del>' in html
    assert '<ins style="--in: 0"><b>+ </b>c\n</ins>' in html
    assert "From <code>A.f</code> (−) to <code>B.g</code> (+): 2 of 3 lines change" in html
    gone = markup.difference([wiring.Pair("A.f", "", (Piece(lines[:1]),))], "A", "B")
    assert "<summary><code>A.f</code> is not there in B: 1 line</summary>" in gone


# ------------------------------------------------------------------ what the prose says


def steps(before: str, after: str) -> dict[str, family.Step]:
    return {step.name: step for step in family.steps(before, after)}


def test_the_page_shows_every_step_of_the_family() -> None:
    def shown(name: str) -> list[str]:
        return re.findall(rf"```\{{skeleton-{name}\}} (.+)\n", PAGE)

    ways = [f"{before} {after}" for before, after in STEPS]
    assert shown("steps") == ways
    differ = [way for way in ways if way != "ViT CLIP-vision"]  # one class, one config
    assert shown("config") == differ
    assert shown("wiring") == [way.replace("Llama T5", "Transformer T5") for way in differ]
    seen = [name for name in LINE if name not in (*family.TEXT, *family.NUMBERS)]
    groups = [" ".join(names) for names in (family.TEXT, seen, family.NUMBERS)]
    assert shown("choices") == shown("proof") == shown("sizes") == groups
    presets = [
        f"{'CLIPConfig' if s.tower else s.config.__name__}.{s.presets[0]}"
        for s in family.FAMILY.values()
    ]
    assert re.findall(r"\{py:meth\}`(\S+) <", PAGE) == list(dict.fromkeys(presets))


def test_no_two_are_nearer_than_the_transformer_and_gpt() -> None:
    stand = {name: family.switches(name) for name in family.TEXT}
    near = {
        pair: len(family.turned(*(stand[name] for name in pair)))
        for pair in itertools.combinations(family.TEXT, 2)
    }
    (nearest,) = [pair for pair, number in near.items() if number == min(near.values())]
    assert nearest == ("Transformer", "GPT")


def test_what_the_prose_says_of_the_steps_is_so() -> None:
    bert, gpt = steps("Transformer", "BERT"), steps("BERT", "GPT")
    llama, t5 = steps("GPT", "Llama"), steps("Llama", "T5")
    assert bert["segments"].after == 2
    assert bert["stacks"].after == ("encoder",)
    assert gpt["stacks"].tensors == "none"
    assert gpt["norm_first"].tensors == "+2 elsewhere"  # a norm: a scale and a shift
    assert gpt["scores"].tensors == "none"
    assert llama["positions"].tensors == "−1 elsewhere"
    assert llama["activation"].tensors == "+2 in each layer"  # a matrix, and yet its bias
    assert llama["queries_per_key"].tensors == "changed 2 in each layer"
    assert not llama.keys() & {"stacks", "segments", "embedding_norm", "scores", "norm_first"}
    assert t5["positions"].tensors == "+2 elsewhere"
    assert not t5["scaled_scores"].after
    assert family.FAMILY["Llama"].config(vocab_size=9).tied_output is False
    assert family.FAMILY["Llama"].sized().tied_output is True


def test_what_the_prose_says_of_pictures_and_sound_is_so() -> None:
    vit, whisper = steps("BERT", "ViT"), steps("Transformer", "Whisper")
    assert vit["source"].tensors == "−1 elsewhere"  # the embedding
    assert family.switches("ViT").positions == "learned"
    assert family.sizes(family.FAMILY["ViT"].sized()).max_len == 1 + (224 // 16) ** 2
    table = empty("Whisper").get_parameter("encoder_positions.added.table.weight")
    assert not table.requires_grad
    assert whisper["unbiased_keys"].tensors == "−1 in each encoder layer; −2 in each decoder layer"
    clip = steps("ViT", "CLIP-vision"), steps("GPT", "CLIP-text")
    assert clip[0]["embedding_norm"].after
    assert clip[1]["scores"].after == "none"
    assert family.switches("CLIP-text").causal
    assert family.switches("CLIP-text").stacks == ("decoder",)
    detr = family.switches("DETR")
    assert (detr.queries, detr.causal, detr.positions) == (True, False, "grid")
    beside = sum(family.beside(empty("DETR")).values())
    assert beside > family.count(empty("DETR")) / 2
    one = [
        line.text for p in wiring.pairs("ViT", "CLIP-vision") for x in p.pieces for line in x.lines
    ]
    assert one
    assert all(pair.changed == 0 for pair in wiring.pairs("ViT", "CLIP-vision"))


def test_what_the_prose_says_of_acting_is_so() -> None:
    acting = family.switches("DecisionTransformer")
    assert (acting.source, acting.positions, acting.scores) == ("vectors", "none", "none")
    assert acting.causal
    assert acting.stacks == ("decoder",)
    assert acting.embedding_norm
    assert family.beside(empty("DecisionTransformer"))["time_embedding"] == 1000 * 128


def test_llama_reads_as_gpt_does_and_t5_draws_its_queries_smaller() -> None:
    found = {pair.after: pair for pair in wiring.pairs("GPT", "Llama")}
    assert found["Llama.forward"].before == "GPT.forward"
    window = [line.text for piece in found["Llama.forward"].pieces for line in piece.lines]
    assert found["Llama.forward"].changed == 3  # the sliding window, where it has one
    assert sum("sliding_window" in text for text in window) == 2
    made = next(p for p in wiring.pairs("Transformer", "T5") if p.after == "T5.__init__")
    added = [line.text for piece in made.pieces for line in piece.lines if line.sign == "+"]
    assert any("module.query_proj.weight" in text for text in added)


# ------------------------------------------------------------------ directives


def paired(before: str, after: str) -> Any:
    directive = object.__new__(directives.Steps)
    directive.name, directive.arguments = "skeleton-steps", [before, after]
    directive.lineno = 3
    directive.state_machine = SimpleNamespace(reporter=None)
    return directive


@pytest.mark.parametrize(("before", "after"), [("GPT", "GPT"), ("GPT", "LSTM"), ("gpt", "T5")])
def test_two_models_are_named(before: str, after: str) -> None:
    assert paired("GPT", "T5").pair == ("GPT", "T5")
    with pytest.raises(DirectiveError) as caught:
        _ = paired(before, after).pair
    assert "should name two of Transformer, BERT, GPT, Llama, T5, ViT" in caught.value.msg
    assert f"got {before} {after}" in caught.value.msg


def test_some_or_all_are_named() -> None:
    directive = object.__new__(directives.Choices)
    directive.name, directive.lineno = "skeleton-choices", 3
    directive.state_machine = SimpleNamespace(reporter=None)
    directive.arguments = []
    assert directive.names == LINE
    directive.arguments = ["T5", "BERT"]
    assert directive.names == ["T5", "BERT"]
    directive.arguments = ["T5", "LSTM"]
    with pytest.raises(DirectiveError) as caught:
        _ = directive.names
    assert "should name some of Transformer, BERT" in caught.value.msg
    assert "got T5 LSTM" in caught.value.msg


def test_a_switch_has_a_row_where_one_of_the_models_differs_from_the_transformer() -> None:
    assert directives.switched([stand("Transformer")]) == []
    assert directives.switched([stand("GPT"), stand("DETR")]) == [
        name
        for name in SWITCHES
        if any(
            getattr(stand(m), name) != getattr(stand("Transformer"), name) for m in ("GPT", "DETR")
        )
    ]


def test_a_decoders_switch_says_nothing_of_an_encoder() -> None:
    assert directives.stands(stand("BERT"), "causal") == "–"
    assert directives.stands(stand("GPT"), "causal") == "yes"
    assert directives.stands(stand("DETR"), "causal") == "no"


@pytest.mark.parametrize(
    ("one", "wanted"),
    [
        (("encoder", "decoder"), "encoder + decoder"),
        (True, "yes"),
        (False, "no"),
        (None, "–"),
        ("rms", "rms"),
        (0, "0"),
        (1, "1"),
        (100_000.0, "100,000"),
        (1e-12, "1e-12"),
    ],
)
def test_a_switch_is_said_in_a_word(one: Any, wanted: str) -> None:
    assert directives.value(one) == wanted


def test_a_name_is_broken_at_its_underscores_only() -> None:
    assert directives.name("num_kv_heads").astext().count("<wbr>") == 2
    assert directives.name("'<s>'").astext() == '<code class="literal">&#x27;&lt;s&gt;&#x27;</code>'
    assert [directives.signed(n) for n in (1200, -3)] == ["+1,200", "−3"]
