// Fill in: words of a sentence are hidden by hand, the model in this page says what stood there, and
// what it attended to.

const SHOWN = 5; // fillings for a hidden word
const LONGEST_TYPED = 200; // characters
const HIDDEN = "[MASK]";

// What the model reads: { words, tokens, hidden, more, unknown }; a word may be typed as [MASK].
const readingOf = (model, vocabulary) => {
  const typed = [...model.get("sentence")].slice(0, LONGEST_TYPED).join("");
  const [all, marks] = [vocabulary.cut(typed), model.get("marks")];
  const words = model.get("room") > 0 ? all.slice(0, model.get("room")) : all;
  const chosen = new Set(model.get("hidden"));
  const ids = words.map((word) => vocabulary.id(word));
  const fixed = ids.map((id) => id === marks[HIDDEN]);
  const hidden = tx.range(words.length).filter((i) => fixed[i] || chosen.has(i));
  const read = ids.map((id, i) => (hidden.includes(i) ? marks[HIDDEN] : id));
  return {
    words,
    ids,
    fixed,
    hidden,
    tokens: [marks["[CLS]"], ...read, marks["[SEP]"]],
    more: all.length - words.length,
    unknown: [...new Set(words.filter((_, i) => ids[i] === marks["[UNK]"]))],
  };
};

// What the model expects at a position: its likeliest words, the one that stood there, and the rest.
const fillings = (logits, stood) => {
  const sure = tx.softmax(logits);
  const ranked = logits.map((_, i) => i).sort((i, j) => logits[j] - logits[i] || i - j);
  const top = ranked.slice(0, SHOWN);
  return {
    top: top.map((id) => ({ id, probability: sure[id] })),
    rest: 1 - tx.sum(top.map((id) => sure[id])),
    stood: stood === null ? null : { probability: sure[stood], rank: ranked.indexOf(stood) + 1 },
  };
};

// The same in Python, from the weights that the figure carries.
const lines = (model, { words, hidden }, place) => {
  const at = `${place + 1}`;
  return [
    "import torch",
    "",
    "from txlite.inspect import record_attention",
    "from txlite.models import BERTConfig, BERTForMaskedLM",
    "from txlite.viz.widgets.fill_in import FillIn",
    "",
    "figure = FillIn.latest()  # carries the trained model",
    "model = BERTForMaskedLM(BERTConfig(**figure.config)).double().eval()",
    "model.load_state_dict({n: x.double() for n, x in figure.weights.tensors.items()})",
    `tokens = figure.encode(${tx.python(words.join(" "))}, ${tx.python(hidden)})`,
    "with record_attention(model) as maps, torch.no_grad():",
    "    probabilities = model(torch.tensor([tokens]))[0].softmax(-1)",
    "attention = torch.cat([*maps.values()])  # layers, heads, queries, keys",
    `attention = ${tx.attendedCode(model.get("stack"), model.get("layer"), model.get("head"))}[${at}]`,
    `likeliest = probabilities[${at}].topk(${SHOWN})  # at position ${at}`,
    "fillings = [figure.tokens[n] for n in likeliest.indices.tolist()]",
  ].join("\n");
};

// A hidden word and what the model puts there: a heading that is pressed to see its attention.
const columnOf = (place, word, { top, rest, stood }, chosen, vocabulary, onchoose) => {
  const button = tx.html(
    "button",
    {
      type: "button",
      class: "tx-button fi-choose",
      "aria-pressed": String(chosen),
      "data-hidden": place,
      onclick: () => onchoose(place),
    },
    `word ${place + 1}`,
  );
  const original = stood
    ? ` was “${word}”, which has ${tx.share(stood.probability)} (rank ${stood.rank})`
    : "";
  const widest = Math.max(...top.map(({ probability }) => probability));
  const row = (name, probability, taken, id) =>
    tx.bar({ name, after: probability, widest, taken, data: { token: id } });
  return tx.html(
    "div",
    { class: "fi-column" },
    tx.html("p", { class: "fi-head" }, button, original),
    tx.html(
      "ol",
      { class: "tx-tokens" },
      top.map(({ id, probability }, n) =>
        row(vocabulary.piece(id), probability, stood?.rank === n + 1, id),
      ),
      row("all others", rest, false, ""),
    ),
  );
};

const render = async ({ model, el }) => {
  let [machine, reading, answer, pointed] = [null, null, null, null];
  const { controls, stage, foot, status, watch } = tx.frame(el, model, {
    code: () =>
      answer ? lines(model, reading, chosen()) : "# Nothing is hidden yet: press a word.",
    help: "Press a word to hide it: the model in this page says what stood there. Words are lit by how much the hidden one attends to them. Nothing you type leaves this page.",
  });
  const box = tx.textbox({
    label: "Sentence",
    value: model.get("sentence"),
    maxlength: LONGEST_TYPED,
    whole: true,
    oninput: (sentence) => tx.push(model, { sentence, word: -1 }),
  });
  let example = 0;
  const another = tx.button({
    label: "another sentence",
    onclick: () => {
      const all = model.get("examples");
      example = (example + 1) % all.length;
      tx.push(model, { sentence: all[example], word: -1 });
    },
  });
  const whose = tx.whoseAttention(model, model.get("stack"));
  controls.append(box.root, another.root);
  another.root.hidden = model.get("examples").length < 2;
  const doubt = tx.doubt();
  const text = tx.html("div", {
    class: "fi-words",
    role: "group",
    "aria-label": "The sentence: a pressed word is hidden",
    "data-control": "",
  });
  const columns = tx.html("div", { class: "fi-columns", "data-effect": "" });
  tx.rove(text, { items: ".fi-word" });
  tx.rove(columns, { items: ".fi-choose" });
  stage.append(doubt.root, text, columns, whose.root);
  const twin = tx.twin();
  foot.append(twin.root);

  const chosen = () =>
    reading.hidden.includes(model.get("word")) ? model.get("word") : reading.hidden[0];
  const choose = (word) => tx.push(model, { word });
  const hide = (i) => {
    const now = reading.hidden.filter((other) => other !== i && !reading.fixed[other]);
    const shown = reading.hidden.includes(i);
    tx.push(model, {
      hidden: shown ? now : [...now, i].sort((a, b) => a - b),
      word: shown ? -1 : i,
    });
  };
  const point = (i) => {
    pointed = i;
    if (answer) light();
  };

  // The marks and the words, made anew where the sentence has changed.
  let shown = null;
  const write = () => {
    const key = JSON.stringify([reading.words, reading.fixed]);
    if (key !== shown) {
      const mark = (name) => tx.html("span", { class: "fi-mark" }, name);
      const button = (_, i) =>
        tx.html("button", {
          type: "button",
          class: "fi-word",
          "data-word": i,
          disabled: reading.fixed[i],
          onclick: () => hide(i),
          onfocus: () => point(i),
          onblur: () => point(null),
          onpointerenter: ({ pointerType }) => pointerType === "mouse" && point(i),
          onpointerleave: () => point(null),
        });
      text.replaceChildren(mark("[CLS]"), ...reading.words.map(button), mark("[SEP]"));
      shown = key;
    }
    text.querySelectorAll(".fi-word").forEach((button, i) => {
      const hidden = reading.hidden.includes(i);
      button.textContent = hidden ? HIDDEN : reading.words[i];
      button.setAttribute("aria-pressed", String(hidden));
      button.classList.toggle("fi-unknown", reading.unknown.includes(reading.words[i]));
    });
  };
  // Light what a hidden word attends to: the one that is pointed at, or the chosen one.
  const light = () => {
    const place = reading.hidden.includes(pointed) ? pointed : chosen();
    const maps = answer.self.map((heads) => heads.map((map) => map[place + 1]));
    const weights = tx.attended(maps, model.get("layer"), model.get("head"));
    const most = Math.max(...weights);
    const names = ["[CLS]", ...reading.words, "[SEP]"].map((word, s) =>
      reading.hidden.includes(s - 1) ? HIDDEN : word,
    );
    [...text.children].forEach((node, s) => {
      node.style.setProperty("--share", weights[s] / most);
      node.dataset.weight = weights[s];
      node.classList.toggle("fi-looked", s === place + 1);
      if (node.localName === "button")
        node.setAttribute(
          "aria-label",
          `${reading.words[s - 1]}, ${tx.percent(weights[s])} of the attention`,
        );
    });
    const { top, stood } = answer.found.get(place);
    const best = `${machine.vocabulary.piece(top[0].id)} (${tx.percent(top[0].probability)})`;
    const right = stood?.rank === 1 ? ", which stood there" : "";
    const to = tx
      .mostAttended(weights)
      .map((s) => `${names[s]} (${tx.percent(weights[s])})`)
      .join(" and ");
    status(`Word ${place + 1}: most probably ${best}${right}. It attends most to ${to}.`);
    Object.assign(stage.dataset, { place, weights: JSON.stringify(weights) });
    return { names, weights, place };
  };
  const rest = () => {
    answer = null;
    columns.replaceChildren();
    for (const node of text.children) {
      node.style.setProperty("--share", 0);
      node.classList.remove("fi-looked");
      node.removeAttribute("aria-label");
    }
    twin.update({ caption: "Nothing is hidden", columns: ["position", "token"], rows: [] });
    status(reading.words.length ? "Press a word to hide it." : "Type a sentence of words.");
  };
  const warn = () =>
    doubt.say(
      reading.more ? `The model has no position for the last ${reading.more} words. ` : "",
      tx.tokens.doubted(reading.unknown, "[UNK]"),
    );
  const draw = () => {
    reading = readingOf(model, machine.vocabulary);
    if (box.value !== model.get("sentence")) box.value = model.get("sentence");
    whose.update();
    write();
    warn();
    stage.dataset.tokens = JSON.stringify(reading.tokens);
    if (!reading.hidden.length) return rest();
    const { logits, self } = machine.model(reading.tokens);
    const size = logits.length / reading.tokens.length;
    const unknown = model.get("marks")["[UNK]"];
    const found = new Map(
      reading.hidden.map((i) => {
        const stood = reading.fixed[i] || reading.ids[i] === unknown ? null : reading.ids[i];
        const row = Array.from(logits.slice((i + 1) * size, (i + 2) * size));
        return [i, fillings(row, stood)];
      }),
    );
    answer = { self, found };
    const focus = columns.contains(document.activeElement)
      ? document.activeElement.dataset.hidden
      : null;
    columns.replaceChildren(
      ...[...found].map(([i, told]) =>
        columnOf(i, reading.words[i], told, i === chosen(), machine.vocabulary, choose),
      ),
    );
    if (focus !== null) columns.querySelector(`[data-hidden="${focus}"]`)?.focus();
    const { names, weights, place } = light();
    return twin.update({
      caption: `What the hidden word ${place + 1} attends to`,
      columns: ["position", "token", "attention"],
      rows: weights.map((weight, s) => [String(s), names[s], weight]),
    });
  };

  machine = {
    vocabulary: tx.tokens.words(model.get("tokens"), model.get("marks")["[UNK]"]),
    model: tx.maskedLM(model.get("stack"), await tx.arrived(status, tx.weightsOf(model))),
  };
  return watch(draw);
};

export default { render };
