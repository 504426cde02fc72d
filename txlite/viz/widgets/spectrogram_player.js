// The spectrogram player: time across, pitch up; a word's attention over it, and its sound.

const TALL = 100; // of the layer that is drawn over the picture, whatever its size

// What Python's SpectrogramPlayer.shown computes.
const shownOf = (told, weights, word) => {
  const [begin, end] = told.times[word];
  const inside = weights.map((_, i) => {
    const middle = ((i + 0.5) * told.seconds) / weights.length;
    return middle >= begin && middle < end;
  });
  const total = tx.sum(weights);
  const own = tx.sum(weights.filter((_, i) => inside[i]));
  return {
    word: told.words[word],
    begin,
    end,
    share: total > 0 ? own / total : 0,
    evenly: inside.filter(Boolean).length / weights.length,
  };
};

// The picture as a mask: what is loud lets the ink of the page through, in either theme.
const maskOf = ({ shape: [bands, frames], data }) => {
  const canvas = tx.html("canvas", { width: frames, height: bands });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(frames, bands);
  for (let band = 0; band < bands; band += 1)
    for (let frame = 0; frame < frames; frame += 1)
      image.data[4 * ((bands - 1 - band) * frames + frame) + 3] = data[band * frames + frame];
  pen.putImageData(image, 0, 0);
  return canvas.toDataURL("image/png");
};

const lines = (model) =>
  [
    "from txlite.viz.widgets.spectrogram_player import SpectrogramPlayer",
    "",
    "figure = SpectrogramPlayer.latest()  # carries the sounds and what was written of them",
    `figure.sound, figure.word = ${model.get("sound")}, ${model.get("word")}`,
    "shown = figure.shown()",
    "word, share = shown.word, shown.share",
  ].join("\n");

// One sound at a time, made when it is first asked for: a page may not sound by itself.
const speaker = () => {
  let [context, source] = [null, null];
  const stop = () => {
    const old = source;
    source = null;
    if (old) old.onended = null;
    old?.stop();
  };
  const play = (samples, rate, ended) => {
    stop();
    context ??= new AudioContext();
    context.resume();
    const buffer = context.createBuffer(1, Math.max(1, samples.length), rate);
    buffer.copyToChannel(samples, 0);
    source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    source.onended = () => {
      source = null;
      ended();
    };
    source.start();
    const begin = context.currentTime;
    return () => (source ? context.currentTime - begin : null);
  };
  const close = () => {
    stop();
    context?.close();
  };
  return { play, stop, close };
};

const render = ({ model, el }) => {
  const { controls, lead, stage, foot, status, watch } = tx.frame(el, model, {
    code: () => lines(model),
    again: () => quiet(),
    help: "Choose a word to see where the attention was when it was written, and play it. Low pitches are at the bottom.",
  });
  const told = model.get("sounds");
  const numbers = tx.tensors(model.get("numbers"));
  const parts = told.map((_, i) => tx.part(numbers, `${i}.`));
  const masks = told.map(() => null);
  const weights = parts.map((part) => tx.nested(part.weights));
  const { play, stop, close } = speaker();

  const now = () => Math.min(model.get("sound"), told.length - 1);
  const chosen = () => Math.min(model.get("word"), told[now()].words.length - 1);
  const choice = tx.select({
    label: "Sound",
    options: told.map((t, i) => ({ value: i, label: t.name })),
    value: now(),
    oninput: (v) => {
      quiet();
      tx.push(model, { word: 0, sound: Number(v) });
    },
  });
  if (told.length > 1) controls.append(choice.root);

  const picture = tx.html("div", { class: "sp-picture" });
  const cursor = tx.html("div", { class: "sp-cursor", hidden: true });
  const span = tx.html("div", { class: "sp-span" });
  const line = tx.svg("path", { class: "sp-line", "vector-effect": "non-scaling-stroke" });
  const over = tx.svg(
    "svg",
    {
      viewBox: `0 0 1000 ${TALL}`,
      preserveAspectRatio: "none",
      class: "sp-over",
      "aria-hidden": "true",
    },
    line,
  );
  const board = tx.html("div", { class: "sp-board", role: "img" }, picture, span, over, cursor);
  const words = tx.html("div", {
    class: "sp-words",
    role: "group",
    "aria-label": "The words that were written",
  });
  const scale = tx.html("p", { class: "sp-scale", "aria-hidden": "true" });
  stage.append(board, scale, words);
  tx.rove(words);

  let [playing, frame] = ["", 0];
  const buttons = {
    word: tx.button({ label: "play the word", onclick: () => sounds("word") }),
    all: tx.button({ label: "play everything", onclick: () => sounds("all") }),
  };
  const labels = { word: "play the word", all: "play everything" };
  const set = (kind) => {
    playing = kind;
    for (const [name, button] of Object.entries(buttons))
      button.input.textContent = name === kind ? "stop" : labels[name];
    cursor.hidden = kind === "";
    board.dataset.playing = kind;
  };
  function quiet() {
    stop();
    cancelAnimationFrame(frame);
    set("");
  }
  const sounds = (kind) => {
    const again = playing === kind;
    quiet();
    if (again) return;
    const t = told[now()];
    const all = parts[now()].samples.data;
    const [begin, end] = kind === "word" ? t.times[chosen()] : [0, t.seconds];
    const [first, last] = [begin, end].map((x) => Math.round(x * t.rate));
    const piece = Float32Array.from(all.subarray(first, last), (x) => x / 32768);
    board.dataset.played = piece.length;
    set(kind);
    const elapsed = play(piece, t.rate, quiet);
    const walk = () => {
      const seconds = elapsed();
      if (seconds === null) return;
      cursor.style.left = `${Math.min(100, (100 * (begin + seconds)) / t.seconds)}%`;
      frame = requestAnimationFrame(walk);
    };
    walk();
  };
  const toolbar = tx.html(
    "div",
    { class: "tx-control", role: "group", "aria-label": "Play" },
    buttons.word.root,
    buttons.all.root,
  );
  lead.prepend(toolbar);
  tx.rove(toolbar);
  const twin = tx.twin();
  foot.append(twin.root);

  let drawn = -1;
  const table = (t, rows) =>
    twin.update({
      caption: "When each word was said, and its attention",
      columns: ["word", "begins (s)", "ends (s)", "share of its attention there", "spread evenly"],
      rows: t.words.map((word, i) => {
        const it = shownOf(t, rows[i], i);
        return [word, it.begin, it.end, it.share, it.evenly];
      }),
    });
  const lay = (i, t) => {
    if (drawn === i) return;
    drawn = i;
    masks[i] ??= maskOf(parts[i].picture);
    picture.style.setProperty("--sp-mask", `url(${masks[i]})`);
    scale.replaceChildren(
      tx.html("span", {}, "0 s"),
      tx.html("span", {}, `${tx.number(t.seconds, 1)} s`),
    );
    words.replaceChildren(
      ...t.words.map((word, n) =>
        tx.html(
          "button",
          {
            type: "button",
            class: "sp-word",
            "data-word": n,
            onclick: () => {
              quiet();
              tx.push(model, { word: n });
            },
          },
          word,
        ),
      ),
    );
    table(t, weights[i]);
  };

  const draw = () => {
    const i = now();
    const n = chosen();
    const t = told[i];
    choice.value = i;
    lay(i, t);
    for (const button of words.children)
      button.setAttribute("aria-pressed", String(Number(button.dataset.word) === n));
    const row = weights[i][n];
    const it = shownOf(t, row, n);
    const top = Math.max(...row) || 1;
    const points = row.map((w, k) => {
      const x = ((k + 0.5) * 1000) / row.length;
      return `${x.toFixed(1)},${((1 - w / top) * TALL).toFixed(2)}`;
    });
    line.setAttribute("d", `M0,${TALL}L${points.join("L")}L1000,${TALL}Z`);
    span.style.left = `${(100 * it.begin) / t.seconds}%`;
    span.style.width = `${(100 * (it.end - it.begin)) / t.seconds}%`;
    board.dataset.share = it.share;
    board.dataset.evenly = it.evenly;
    board.setAttribute(
      "aria-label",
      `Spectrogram of “${t.name}”; the attention of “${it.word}” over it`,
    );
    const [a, b] = [it.begin, it.end].map((x) => tx.number(x, 2));
    status(
      `“${it.word}”: ${a} to ${b} s; ${tx.percent(it.share)} of its attention lies there, ${tx.percent(it.evenly)} if it were spread evenly.`,
    );
  };
  const ends = watch(draw);
  return () => {
    close();
    cancelAnimationFrame(frame);
    ends();
  };
};

export default { render };
