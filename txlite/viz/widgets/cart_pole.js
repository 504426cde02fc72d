// CartPole played in the page: the reader asks for a return and may push the pole, the model in this
// page moves the cart, and what it attended to is shown. Needs `world` and `picture`.

// The same in Python, from the weights that the figure carries.
const lines = (model, steps, hand) => {
  const get = (name) => model.get(name);
  const pushes = [...hand].filter(([step]) => step < steps);
  const told = pushes.map(([step, times]) => `${step}: ${times}`).join(", ");
  return [
    "import gymnasium",
    "import torch",
    "",
    "from txlite.inspect import record_attention",
    "from txlite.models import DecisionTransformer, DecisionTransformerConfig",
    `from txlite.viz.widgets.cart_pole import ${pushes.length ? "PUSH, " : ""}CartPole`,
    "",
    "figure = CartPole.latest()  # carries the trained model",
    "config = DecisionTransformerConfig(**figure.config)",
    "model = DecisionTransformer(config).double().eval()",
    "model.load_state_dict({n: x.double() for n, x in figure.weights.tensors.items()})",
    'world = gymnasium.make("CartPole-v1").unwrapped',
    `world.reset(seed=${get("seed")})`,
    "states, actions = [], []",
    ...(pushes.length
      ? [`pushes = {${told}}  # of the hand: steps, and how often to the right`]
      : []),
    `for step in range(${steps}):`,
    ...(pushes.length ? ["    world.state[3] += PUSH * pushes.get(step, 0)"] : []),
    "    states.append(world.state.tolist())",
    "    with record_attention(model) as maps, torch.no_grad():",
    `        said = model(*figure.reads(${get("asked")}, states, actions))`,
    "    logits = said.actions[0, -1]  # in the newest state",
    "    actions.append(int(logits.argmax()))",
    "    world.step(actions[-1])",
    "attention = torch.cat([*maps.values()])  # layers, heads, queries, keys",
    `attention = ${tx.attendedCode(get("stack"), get("layer"), get("head"))}[-2, :-1]  # of the newest state`,
  ].join("\n");
};

// What is asked and where it begins: sliders in one tab stop.
const panel = (model, count) => {
  const anew = (values) => tx.push(model, { ...values, step: 0, pushes: "" });
  const slider = (label, name, min, max, step) =>
    tx.slider({
      label,
      min,
      max,
      step,
      value: model.get(name),
      format: String,
      oninput: (v) => anew({ [name]: v }),
    });
  const sliders = {
    asked: slider("Asked for", "asked", 5, model.get("limit"), 5),
    seed: slider("Beginning", "seed", 0, count - 1, 1),
  };
  const root = tx.html(
    "div",
    { class: "tx-row", role: "group", "aria-label": "What is asked, and where it begins" },
    Object.values(sliders).map(({ root: one }) => one),
  );
  tx.rove(root);
  const update = () => {
    for (const [name, control] of Object.entries(sliders)) control.value = model.get(name);
  };
  return { root, update, anew };
};

// A hand on the pole does not end the play: what it does is not told to the frame.
const quietly = (root, act) => {
  root.addEventListener("pointerdown", (event) => event.stopPropagation());
  root.addEventListener("keydown", (event) => act(event) && event.stopPropagation());
};

const render = async ({ model, el }) => {
  const starts = tx.nested(tx.tensors(model.get("starts")).states);
  let [machine, run, kept] = [null, null, null];
  const reached = () => Math.min(model.get("step"), run ? run.states.length - 1 : 0);
  const last = () => (run?.over ? run.states.length - 1 : model.get("limit"));
  const go = (step) => tx.push(model, { step, ...(step < reached() ? { pushes: "" } : {}) });
  const { controls, lead, stage, foot, status, watch } = tx.frame(el, model, {
    code: () => (run ? lines(model, decided() + 1, run.hand()) : "# The model is on its way."),
    play: { at: reached, go, last, pace: 60, name: "the episode" },
    help: "Ask for a return and press play: the model in this page balances the pole for so many steps, or tries to. Push the pole, with the buttons or with the arrow keys where the cart is. Every step is worth one; the episode is over when the pole leans by 12 degrees or the cart leaves the track.",
  });
  const settings = panel(model, starts.length);
  controls.append(settings.root);
  const one = tx.button({ label: "one step", onclick: () => go(Math.min(reached() + 1, last())) });
  const other = tx.button({
    label: "another beginning",
    onclick: () => settings.anew({ seed: (model.get("seed") + 1) % starts.length }),
  });
  const walk = tx.html("div", { class: "tx-walk", role: "group", "aria-label": "Step by step" });
  walk.append(one.root, other.root);
  tx.rove(walk);
  lead.append(walk);

  const push = (side) => {
    if (!run || (run.over && reached() >= last())) return;
    const before = model
      .get("pushes")
      .split(".")
      .filter((part) => parseInt(part, 10) <= reached());
    tx.push(model, { step: reached(), pushes: [...before, `${reached()}${side}`].join(".") });
  };
  const scene = sceneOf();
  const hands = ["l", "r"].map((side, n) =>
    tx.button({
      label: `${n ? "" : "⇦ "}push ${NAMES[n]}${n ? " ⇨" : ""}`,
      onclick: () => push(side),
    }),
  );
  const buttons = tx.html(
    "div",
    { class: "cp-hands" },
    hands.map(({ root }) => root),
  );
  tx.rove(buttons);
  quietly(buttons, ({ key }) => ["Enter", " "].includes(key));
  const track = tx.html(
    "div",
    {
      tabindex: 0,
      role: "application",
      "aria-roledescription": "cart and pole",
      "aria-label": "The arrow keys left and right push the pole",
    },
    scene.root,
  );
  quietly(track, (event) => {
    const side = { ArrowLeft: "l", ArrowRight: "r" }[event.key];
    if (!side) return false;
    event.preventDefault();
    push(side);
    return true;
  });
  const rows = rowsOf(["return so far", "return-to-go", ...NAMES.map((name) => `cart ${name}`)]);
  const strip = stripOf(model.get("context"));
  const caption = tx.html("p", {});
  const whose = tx.whoseAttention(model, model.get("stack"));
  stage.append(
    tx.html("div", { class: "cp-world" }, track, buttons),
    rows.root,
    tx.html("div", { class: "cp-read" }, caption, strip.root),
    whose.root,
  );
  const twin = tx.twin("Attention as a table");
  foot.append(twin.root);

  // The step whose decision is shown: where the episode is over, the last one.
  const decided = () => Math.min(reached(), run.decisions.length - 1);
  const named = (s, from) => {
    const step = from + Math.floor(s / 3);
    return `${KINDS[s % 3]} of ${step === decided() ? "this step" : `step ${step}`}`;
  };
  const paint = () => {
    const [now, at] = [reached(), decided()];
    const over = now > at ? run.over : null;
    const asked = model.get("asked");
    const { logits, maps, from, action } = run.decisions[at];
    const probabilities = tx.softmax(logits);
    const weights = tx.attended(maps, model.get("layer"), model.get("head"));
    scene.update(run.states[now], {
      action: over ? null : action,
      push: run.pushed(now),
      fell: over !== null && over !== "cut off",
    });
    const most = Math.max(asked, now);
    rows.update([
      { part: now / most, text: String(now) },
      { part: (asked - now) / most, text: tx.number(asked - now, 0) },
      ...probabilities.map((p, n) =>
        over ? {} : { part: p, text: tx.share(p), best: n === action },
      ),
    ]);
    strip.update(weights, from, at);
    caption.textContent = `What the state of step ${at} attends to, when the action is chosen`;
    const [first, second] = tx
      .mostAttended(weights)
      .map((s) => `${named(s, from)} (${tx.percent(weights[s])})`);
    const where = weights.length > 1 ? `${first}, then to the ${second}` : first;
    const ended = {
      fallen: "The pole has fallen",
      "off the track": "The cart has left the track",
      "cut off": "The episode is cut off",
    };
    status(
      over
        ? `${ended[over]} after ${now} steps: ${asked} were asked for.`
        : `Step ${now}: the model pushes the cart to the ${NAMES[action]} (${tx.share(probabilities[action])}). The state attends most to the ${where}.`,
    );
    twin.update({
      caption: `What the state of step ${at} attends to`,
      columns: ["token", "attention"],
      rows: weights.map((weight, s) => [named(s, from), weight]),
    });
    for (const hand of hands) hand.input.disabled = over !== null;
    one.input.disabled = now >= last();
    Object.assign(stage.dataset, {
      step: now,
      over: over ?? "",
      state: JSON.stringify(run.states[now]),
      logits: JSON.stringify(logits),
      weights: JSON.stringify(weights),
      actions: run.decisions
        .slice(0, at + 1)
        .map(({ action: done }) => done)
        .join(""),
    });
  };
  const draw = () => {
    const setting = {
      asked: model.get("asked"),
      start: starts[Math.min(model.get("seed"), starts.length - 1)],
      limit: model.get("limit"),
      context: model.get("context"),
      scale: model.get("scale"),
    };
    const key = JSON.stringify(setting);
    if (key !== kept) run = begin(machine, setting);
    kept = key;
    run.push(model.get("pushes"));
    run.grow(Math.min(model.get("step"), model.get("limit")));
    settings.update();
    whose.update();
    paint();
  };

  machine = tx.decisions(model.get("stack"), await tx.arrived(status, tx.weightsOf(model)));
  return watch(draw);
};

export default { render };
