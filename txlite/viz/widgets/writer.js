// The writer: a text is begun, the model in this page writes on, and every token says what it
// attended to and what was expected after it. Needs `run` and `text`.

const SHOWN = 8; // bars
const LONGEST_TYPED = 400; // characters

const KINDS = { true: "Llama", false: "GPT" };

// The same in Python, from the weights that the figure carries.
const lines = (model, at, { prompt, cut, tokens }) => {
  const get = (name) => model.get(name);
  const kind = KINDS["rope_theta" in get("config")];
  const [layer, head, count] = [get("layer"), get("head"), Math.min(get("written"), tokens.length)];
  const drawn = get("temperature") > 0;
  const settings = [
    `max_new_tokens=${count}`,
    ...(get("eos") < 0 ? [] : [`eos_id=${get("eos")}`]),
    ...(drawn ? [`temperature=${get("temperature")}`] : []),
    ...(drawn && get("top_k") > 0 ? [`top_k=${get("top_k")}`] : []),
    ...(drawn && get("top_p") < 1 ? [`top_p=${get("top_p")}`] : []),
    ...(drawn ? [`generator=torch.Generator().manual_seed(${get("seed")})`] : []),
  ];
  const before = get("bos") < 0 ? "" : `${get("bos")}, `;
  const ids = `[${before}*bpe.encode(${tx.python(get("prompt"))})]${cut ? `[-${prompt.length}:]` : ""}`;
  return [
    ...tx.tokens.imports,
    ...(count ? ["from txlite.generation import generate"] : []),
    "from txlite.inspect import record_attention",
    `from txlite.models import ${kind}, ${kind}Config`,
    "from txlite.viz.widgets.writer import Writer",
    "",
    "figure = Writer.latest()  # carries the trained model",
    `bpe = ${tx.tokens.inPython("figure.tokenizer")}`,
    `model = ${kind}(${kind}Config(**figure.config)).double().eval()`,
    "model.load_state_dict({n: x.double() for n, x in figure.weights.tensors.items()})",
    `tokens = torch.tensor([${ids}])`,
    ...(count
      ? ["tokens = generate(", "    model, tokens,", ...settings.map((s) => `    ${s},`), ")"]
      : []),
    "text = bpe.decode(tokens[0].tolist())",
    "with record_attention(model) as maps, torch.no_grad():",
    "    logits = model(tokens)[0]",
    "attention = torch.cat([*maps.values()])  # layers, heads, queries, keys",
    `attention = ${tx.attendedCode(get("stack"), layer, head)}[${at}, :${at + 1}]`,
    `expected = logits[${at}].softmax(-1)  # of the token after that at position ${at}`,
  ].join("\n");
};

// The model is unpacked once.
const opened = async (model) => {
  const told = model.get("tokenizer");
  const bpe = tx.tokens.load(told);
  return {
    bpe: { ...bpe, unknownId: told.model.vocab[told.model.unk_token] },
    reader: readerOf(tx.transformer(model.get("stack"), await tx.weightsOf(model))),
  };
};

const settingOf = (model) => ({
  prompt: [...model.get("prompt")].slice(0, LONGEST_TYPED).join(""),
  temperature: model.get("temperature"),
  topK: model.get("top_k"),
  topP: model.get("top_p"),
  seed: model.get("seed"),
});

// The sliders, one tab stop, and whose attention is shown, another.
const panel = (model) => {
  const push = (values) => tx.push(model, values);
  const slider = (label, name, min, max, step, format) =>
    tx.slider({
      label,
      min,
      max,
      step,
      value: model.get(name),
      format,
      oninput: (v) => push({ [name]: v }),
    });
  const sliders = {
    temperature: slider("Temperature", "temperature", 0, 2, 0.05, (v) =>
      v === 0 ? "greedy" : tx.number(v),
    ),
    top_k: slider("Top-k", "top_k", 0, 50, 1, (v) => (v === 0 ? "all" : String(v))),
    top_p: slider("Top-p", "top_p", 0, 1, 0.01, (v) => tx.number(v)),
    seed: slider("Seed", "seed", 0, 99, 1, String),
  };
  const settings = tx.html(
    "div",
    { class: "tx-row", role: "group", "aria-label": "How a token is chosen" },
    Object.values(sliders).map(({ root }) => root),
  );
  tx.rove(settings);
  const attention = tx.whoseAttention(model, model.get("stack"));
  const update = () => {
    for (const [name, control] of Object.entries(sliders)) control.value = model.get(name);
    attention.update();
  };
  return { settings, attention: attention.root, update };
};

// The likeliest tokens after a position, and the one that stands there: rows for bars and table.
const candidates = ({ logits }, setting, next) => {
  const before = tx.softmax(logits);
  const after = tx.filtered(logits, setting);
  const ranked = logits.map((_, i) => i).sort((i, j) => logits[j] - logits[i] || i - j);
  const top = ranked.slice(0, SHOWN);
  if (next != null && !top.includes(next)) top.splice(-1, 1, next);
  const rest = ranked.filter((i) => !top.includes(i));
  const mass = (p) => tx.sum(rest.map((i) => p[i]));
  return {
    top: top.map((id) => ({ id, before: before[id], after: after[id] })),
    rest: { count: rest.length, before: mass(before), after: mass(after) },
    left: after.filter((p) => p > 0).length,
    of: logits.length,
  };
};

// A box of one line shows where lines end by a sign, which a reader can type too.
const inBox = (prompt) => prompt.replaceAll("\n", "↵");
const ofBox = (typed) => typed.replaceAll("↵", "\n");

const render = async ({ model, el }) => {
  let [machine, run, kept, pointed] = [null, null, null, null];
  const count = () => Math.min(model.get("written"), model.get("longest"));
  const last = () => (run?.ended ? run.tokens.length : model.get("longest"));
  const go = (written) => tx.push(model, { written, token: -1 });
  const { controls, lead, stage, foot, status, watch } = tx.frame(el, model, {
    code: () => (run?.prompt.length ? lines(model, chosen(), run) : "# There is no text yet."),
    play: { at: () => Math.min(count(), last()), go, last, pace: 220, name: "write on" },
    help: "Type a beginning and press play: the model in this page writes on. Choose a token to see what it attended to, and what was expected after it. Nothing you type leaves this page.",
  });
  const box = tx.textbox({
    label: "Beginning",
    value: inBox(model.get("prompt")),
    maxlength: LONGEST_TYPED,
    whole: true,
    oninput: (typed) => tx.push(model, { prompt: ofBox(typed), written: 0, token: -1 }),
  });
  const panels = panel(model);
  const step = tx.button({ label: "one token", onclick: () => go(Math.min(count() + 1, last())) });
  const back = tx.button({ label: "erase", onclick: () => go(0) });
  const steps = tx.html("div", { class: "tx-walk", role: "group", "aria-label": "Step by step" });
  steps.append(step.root, back.root);
  tx.rove(steps);
  lead.append(steps);
  controls.append(box.root, panels.settings);
  const doubt = tx.doubt();
  const text = textView({
    onchoose: (t) => {
      pointed = null; // a hand that rests on another token does not hold what is chosen by keys
      if (t !== chosen()) tx.push(model, { token: t });
      else paint();
    },
    onpoint: (t) => {
      pointed = t;
      if (run) paint();
    },
  });
  const head = tx.html("p", { class: "wr-after" });
  const bars = tx.html("ol", { class: "tx-tokens" });
  stage.append(
    doubt.root,
    text.root,
    tx.html("div", { class: "wr-side" }, head, bars),
    panels.attention,
  );
  const twin = tx.twin();
  foot.append(twin.root);

  const ids = () => [...run.prompt, ...run.tokens.slice(0, shown())];
  const shown = () => Math.min(count(), run.tokens.length);
  const chosen = () => {
    const end = run.prompt.length + shown() - 1;
    return model.get("token") < 0 ? end : Math.min(model.get("token"), end);
  };

  // What the token at a position attended to, and what was expected after it.
  const paint = () => {
    const all = ids();
    const at = Math.min(pointed ?? chosen(), all.length - 1);
    const next = all[at + 1] ?? null;
    const texts = textsOf(machine.bpe, all);
    const weights = tx.attended(
      machine.reader.rows[at].maps,
      model.get("layer"),
      model.get("head"),
    );
    const { top, rest, left, of } = candidates(machine.reader.rows[at], settingOf(model), next);
    text.light(at, weights);
    head.textContent = `Expected after ${spoken(texts[at])}`;
    // The others may hold more than any single token; their bar is cut off then.
    const widest = Math.max(...top.flatMap(({ before, after }) => [before, after]));
    const name = (id) => shownAs(textAfter(machine.bpe, all.slice(0, at + 1), id));
    bars.replaceChildren(
      ...top.map(({ id, before, after }) =>
        tx.bar({ name: name(id), before, after, widest, taken: id === next, data: { token: id } }),
      ),
      tx.bar({ name: `${rest.count} others`, ...rest, widest, data: { token: "" } }),
    );
    const most = tx
      .mostAttended(weights)
      .map((s) => `${spoken(texts[s])} (${tx.percent(weights[s])})`)
      .join(" and ");
    const found = next === null ? null : top.find(({ id }) => id === next);
    const told = found
      ? `; ${spoken(texts[at + 1])} came next, which had ${tx.share(found.before)}`
      : `; ${left} of ${of} tokens are left to draw from`;
    status(`${spoken(texts[at])} attends most to ${most}${told}.`);
    twin.update({
      caption: `What ${spoken(texts[at])}, at position ${at}, attended to`,
      columns: ["position", "token", "attention"],
      rows: weights.map((weight, s) => [String(s), shownAs(texts[s]), weight]),
    });
    Object.assign(stage.dataset, { at, weights: JSON.stringify(weights) });
  };
  const warn = () =>
    doubt.say(
      run.cut ? `The model has no position for the first ${run.cut} tokens. ` : "",
      tx.tokens.doubted(run.unknown, "“?”"),
      run.ended && run.prompt.length ? "The model has ended its text." : "",
    );
  const draw = () => {
    const setting = settingOf(model);
    const key = JSON.stringify(setting);
    if (key !== kept)
      run = begin(
        machine,
        { bos: model.get("bos"), eos: model.get("eos"), room: model.get("room") },
        setting,
      );
    kept = key;
    run.grow(count());
    panels.update();
    const typed = inBox(model.get("prompt"));
    if (box.value !== typed) box.value = typed;
    const all = ids();
    text.show(textsOf(machine.bpe, all), run.prompt.length);
    warn();
    step.input.disabled = count() >= last();
    back.input.disabled = count() === 0;
    Object.assign(stage.dataset, { tokens: JSON.stringify(all), text: machine.bpe.decode(all) });
    if (all.length) return paint();
    head.textContent = "";
    bars.replaceChildren();
    twin.update({ caption: "Nothing is written", columns: ["position", "token"], rows: [] });
    return status("Type a beginning: a model needs a token to begin with.");
  };

  machine = await tx.arrived(status, opened(model));
  return watch(draw);
};

export default { render };
