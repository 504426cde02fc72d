from txlite.viz.palette import PALETTE, PALETTE_ON_DARK
from txlite.viz.theme import FIGURE_CSS, TABLE_CSS, variables


def test_every_color_is_defined_for_light_and_again_for_dark():
    css = variables(".x")
    light, dark = css.index(":where(.x)"), css.index(":where(:is(html[data-theme=dark]")
    for name, color in PALETTE.items():
        assert light < css.index(f"--tx-{name}: {color};") < dark
        assert css.index(f"--tx-{name}: {PALETTE_ON_DARK[name]};") > dark


def test_a_site_can_overrule_every_variable():
    rules = [line for line in variables(".x").splitlines() if ".x" in line]
    assert rules
    assert all(":where(" in line for line in rules)  # no specificity of its own


def test_nothing_but_figures_and_tables_is_styled():
    for css, name in [(FIGURE_CSS, ".tx-figure"), (TABLE_CSS, ".tx-table")]:
        selectors = [part.rpartition("\n")[2].rpartition("}")[2] for part in css.split("{")[:-1]]
        assert all(
            name in s or s.lstrip().startswith(("@supports", "@container")) for s in selectors
        ), selectors
