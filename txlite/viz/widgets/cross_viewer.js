// The cross-attention viewer: source words across, written words down; a click covers a word.

const bit = (number, i) => Math.floor(number / 2 ** i) % 2 === 1;
const allReal = (told) => tx.sum(told.real.map((real, i) => (real ? 2 ** i : 0)));

// What Python's CrossViewer.shown reads, for every choice of words: a row for each word in turn.
const unpack = ({ weights, probabilities }, { targets, options }) => {
  const [looks, sure] = [tx.nested(weights), tx.nested(probabilities)];
  let end = 0;
  return targets.map((target, n) => {
    const begin = end;
    end += target.length;
    return {
      target,
      weights: looks.slice(begin, end),
      options: options[n],
      probabilities: sure.slice(begin, end),
    };
  });
};

const lines = (model) => {
  const [sentence, visible, step] = ["sentence", "visible", "step"].map((name) => model.get(name));
  return [
    "from txlite.viz.widgets.cross_viewer import CrossViewer",
    "",
    "figure = CrossViewer.latest()  # carries what its model wrote for every choice of words",
    `figure.sentence, figure.visible = ${sentence}, ${visible}`,
    "shown = figure.shown()",
    "target, weights = shown.target, shown.weights",
    `step = min(${step}, len(target) - 1)`,
    "options = dict(zip(shown.options[step], shown.probabilities[step].tolist(), strict=True))",
  ].join("\n");
};

const sentenceOf = (target) => target.filter((w) => w !== "</s>").join(" ");
const best = (row) => row.indexOf(Math.max(...row));

const render = ({ model, el }) => {
  const length = () => variants[model.get("sentence")][model.get("visible")].target.length;
  const { controls, lead, stage, foot, status, watch } = tx.frame(el, model, {
    code: () => lines(model),
    play: {
      at: () => Math.min(model.get("step"), length() - 1),
      go: (step) => tx.push(model, { step }),
      last: () => length() - 1,
      pace: 1400,
      name: "word by word",
    },
    help: "Click a Chinese word to cover it. Choose an English word to see where the writer looked for it, and what else was possible.",
  });
  const told = model.get("sentences");
  const numbers = tx.tensors(model.get("numbers"));
  const variants = told.map((sentence, i) => unpack(tx.part(numbers, `${i}.`), sentence));
  const name = ({ source, real }) => source.filter((w, i) => real[i] && w !== "</s>").join("");
  const choice = tx.select({
    label: "Sentence",
    options: told.map((t, i) => ({ value: i, label: name(t) })),
    value: model.get("sentence"),
    oninput: (v) =>
      tx.push(model, { step: 0, visible: allReal(told[Number(v)]), sentence: Number(v) }),
  });
  const now = () => told[model.get("sentence")];
  const right = tx.button({
    label: "as it should be",
    onclick: () => tx.push(model, { visible: allReal(now()) }),
  });
  const none = tx.button({
    label: "cover everything",
    onclick: () => tx.push(model, { visible: 0 }),
  });
  const words = tx.html(
    "div",
    { class: "tx-control", role: "group", "aria-label": "The words that may be seen" },
    right.root,
    none.root,
  );
  controls.append(choice.root);
  lead.prepend(words);
  tx.rove(words);
  const twin = tx.twin();
  foot.append(twin.root);

  const written = tx.html("p", { class: "cv-written", lang: "en" });
  const table = tx.html("table", { class: "cv-table" }, tx.html("thead"), tx.html("tbody"));
  const holder = tx.html("div", { class: "cv-board" }, table);
  [table.tHead, table.tBodies[0]].forEach((part) => tx.rove(part));
  const asked = tx.html("p", { class: "cv-ask" });
  const bars = tx.html("div", { class: "cv-bars" });
  stage.append(written, holder, tx.html("div", { class: "cv-panel" }, asked, bars));

  const head = (t, visible) =>
    tx.html(
      "tr",
      {},
      tx.html("td", {}),
      t.source.map((word, i) => {
        const shown = word || "padding";
        const button = tx.html(
          "button",
          {
            type: "button",
            class: `cv-word${t.real[i] ? "" : " cv-blank"}`,
            "aria-pressed": String(bit(visible, i)),
            "aria-label": `${shown}, may be seen`,
            "data-source": i,
            onclick: () =>
              tx.push(model, { visible: visible + (bit(visible, i) ? -1 : 1) * 2 ** i }),
          },
          word || tx.html("small", {}, "padding"),
        );
        return tx.html("th", { scope: "col" }, button);
      }),
    );

  const line = (shown, step, before, visible) => (word, t) => {
    const button = tx.html(
      "button",
      {
        type: "button",
        class: before.includes(word) ? "cv-said" : "cv-said cv-new",
        "aria-pressed": String(t === step),
        "data-step": t,
        onclick: () => tx.push(model, { step: t }),
      },
      word,
    );
    const cells = shown.weights[t].map((a, i) => {
      const covered = !bit(visible, i);
      const cell = tx.html(
        "td",
        { class: covered ? "cv-cell cv-covered" : "cv-cell", "data-value": a },
        covered ? "" : tx.number(a, 2).replace(/^0/, ""),
      );
      cell.style.setProperty("--share", a);
      return cell;
    });
    return tx.html(
      "tr",
      { class: t === step ? "cv-row cv-chosen" : "cv-row" },
      tx.html("th", { scope: "row" }, button),
      cells,
    );
  };

  const draw = () => {
    const t = now();
    const [i, visible] = [model.get("sentence"), model.get("visible")];
    const shown = variants[i][visible];
    const full = variants[i][allReal(t)];
    const step = Math.min(model.get("step"), shown.target.length - 1);
    choice.value = i;
    right.input.disabled = visible === allReal(t);
    none.input.disabled = visible === 0;
    const focus = holder.contains(document.activeElement) ? document.activeElement.dataset : null;
    holder.style.setProperty("--cv-n", t.source.length);
    table.tHead.replaceChildren(head(t, visible));
    table.tBodies[0].replaceChildren(...shown.target.map(line(shown, step, full.target, visible)));
    const named = t.source.map((word) => word || "padding");
    twin.update({
      caption: "Where the writer looked for each word",
      columns: ["written", ...named],
      rows: shown.target.map((word, n) => [word, ...shown.weights[n]]),
    });
    if (focus) {
      const key =
        focus.source != null ? `[data-source="${focus.source}"]` : `[data-step="${focus.step}"]`;
      holder.querySelector(key)?.focus();
    }
    written.replaceChildren(
      ...shown.target
        .filter((w) => w !== "</s>")
        .flatMap((word) => [full.target.includes(word) ? word : tx.html("mark", {}, word), " "]),
    );
    asked.textContent = `Instead of “${shown.target[step]}” it could have been`;
    bars.replaceChildren(
      ...shown.options[step].map((word, a) => {
        const p = shown.probabilities[step][a];
        return tx.html(
          "div",
          { class: "cv-option", "data-word": word, "data-value": p },
          tx.html("span", {}, word),
          tx.html(
            "span",
            { class: "cv-rail" },
            tx.html("span", { class: "cv-bar", style: `width: ${100 * p}%` }),
          ),
          tx.html("span", { class: "cv-value" }, tx.percent(p)),
        );
      }),
    );
    const covered = t.source.filter((w, j) => t.real[j] && !bit(visible, j)).map((w) => w);
    const extra = t.real.some((real, j) => !real && bit(visible, j));
    const hidden = covered.length ? `covered: ${covered.join(" ")}` : "all words visible";
    const looks = visible
      ? `; for “${shown.target[step]}” it looks most at ${t.source[best(shown.weights[step])] || "the padding"}`
      : "";
    status(
      `“${sentenceOf(shown.target)}” (${hidden}${extra ? "; padding is read as if it were a word" : ""})${looks}.`,
    );
  };
  return watch(draw);
};

export default { render };
