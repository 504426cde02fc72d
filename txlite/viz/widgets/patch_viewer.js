// The patch viewer: a picture in patches, lit as one of them, or the class token, attends to it.

const SIDE = 16; // of a patch in the drawing
const LEVELS = 255;
const DARK = 0.78; // how dark a patch is that gets no attention
const LISTED = 10;

// The same in Python, from the maps that the figure carries.
const lines = (model) => {
  const sizes = { num_layers: model.get("layers").length, num_heads: model.get("heads") };
  return [
    "from txlite.viz.widgets.patch_viewer import PatchViewer",
    "",
    "figure = PatchViewer.latest()  # carries the maps",
    `attention = figure.attention(${pictureOf(model)})  # layers, heads, queries, keys`,
    `attention = ${tx.attendedCode(sizes, model.get("layer"), model.get("head"))}[${tokenOf(model)}]`,
  ].join("\n");
};
const lengthOf = (model) => model.get("before").length + model.get("rows") * model.get("columns");
const pictureOf = (model) => Math.min(model.get("picture"), model.get("pictures").length - 1);
const tokenOf = (model) => Math.min(model.get("token"), lengthOf(model) - 1);

// What a query attends to in each layer and head, [layer][head][key].
const rowsOf = ({ codes, most }, picture, token) => {
  const [layers, pictures, heads, length] = codes.shape;
  return tx.range(layers).map((n) =>
    tx.range(heads).map((h) => {
      const row = ((n * pictures + picture) * heads + h) * length + token;
      const [from, scale] = [row * length, most.data[row]];
      return Array.from(
        codes.data.subarray(from, from + length),
        (code) => scale * (code / LEVELS) ** 2,
      );
    }),
  );
};

// The picture and its patches: { root, show(picture), update(picture, weights, query) }.
const boardOf = (rows, columns, onchoose) => {
  const [width, height] = [columns * SIDE, rows * SIDE];
  const image = tx.svg("image", { width, height, preserveAspectRatio: "none" });
  const at = (p) => ({ x: (p % columns) * SIDE, y: Math.floor(p / columns) * SIDE });
  const square = (kind, p, inset = 0) => {
    const [{ x, y }, side] = [at(p), SIDE - 2 * inset];
    return tx.svg("rect", { class: kind, x: x + inset, y: y + inset, width: side, height: side });
  };
  const patches = tx.range(rows * columns).map((p) => square("pv-patch", p));
  const frames = tx.range(rows * columns).map((p) => square("pv-frame", p, 0.8));
  const query = tx.svg("g", { class: "pv-query" });
  for (const kind of ["pv-rim", "pv-line"])
    query.append(tx.svg("rect", { class: kind, width: SIDE, height: SIDE }));
  const line = (along, count) => tx.range(count - 1).map((n) => along((n + 1) * SIDE));
  const grid = tx.svg("path", {
    class: "pv-grid",
    d: [
      ...line((x) => `M${x} 0V${height}`, columns),
      ...line((y) => `M0 ${y}H${width}`, rows),
    ].join(""),
  });
  const root = tx.svg(
    "svg",
    {
      class: "pv-board",
      viewBox: `0 0 ${width} ${height}`,
      tabindex: 0,
      role: "application",
      "aria-roledescription": "picture in patches",
      "data-control": "",
      "data-effect": "",
    },
    image,
    patches,
    grid,
    frames,
    query,
  );
  let [chosen, pressed] = [-1, false];
  const under = ({ clientX, clientY }) => {
    const frame = root.getBoundingClientRect();
    const part = (v, count) => tx.clamp(Math.floor(v * count), 0, count - 1);
    const column = part((clientX - frame.left) / frame.width, columns);
    return part((clientY - frame.top) / frame.height, rows) * columns + column;
  };
  root.addEventListener("click", (event) => onchoose(under(event)));
  // A mouse may be drawn over the picture; a finger scrolls the page.
  root.addEventListener("pointerdown", ({ pointerType, button }) => {
    pressed = pointerType === "mouse" && button === 0;
  });
  root.addEventListener("pointermove", (event) => {
    pressed &&= event.buttons % 2 === 1;
    if (pressed && under(event) !== chosen) onchoose(under(event));
  });
  root.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = {
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      Home: [0, -columns],
      End: [0, columns],
      PageUp: [-rows, 0],
      PageDown: [rows, 0],
    }[event.key];
    if (!step) return;
    event.preventDefault();
    const begin = [rows >> 1, columns >> 1]; // from the class token into the middle
    const from = chosen < 0 ? begin : [Math.floor(chosen / columns), chosen % columns];
    const [row, column] = from.map((v, axis) =>
      chosen < 0 ? v : tx.clamp(v + step[axis], 0, [rows, columns][axis] - 1),
    );
    onchoose(row * columns + column);
  });
  const show = ({ url }) => {
    if (image.getAttribute("href") !== url) image.setAttribute("href", url);
    image.classList.toggle("pv-small", url.startsWith("data:image/png"));
  };
  const update = (picture, weights, p) => {
    show(picture);
    const most = Math.max(...weights);
    patches.forEach((patch, k) => {
      const light = Math.sqrt(weights[k] / most);
      patch.style.fillOpacity = DARK * (1 - light);
      frames[k].style.strokeOpacity = weights[k] / most;
    });
    chosen = p;
    query.classList.toggle("pv-none", p < 0);
    if (p >= 0) query.setAttribute("transform", `translate(${at(p).x} ${at(p).y})`);
    root.setAttribute(
      "aria-label",
      `${picture.name}, in ${rows} rows and ${columns} columns of patches. The arrow keys choose one.`,
    );
  };
  return { root, show, update };
};

const render = async ({ model, el }) => {
  const [rows, columns, before] = ["rows", "columns", "before"].map((name) => model.get(name));
  const [told, layers] = [model.get("pictures"), model.get("layers")];
  let maps = null;
  const { controls, stage, foot, status, watch } = tx.frame(el, model, {
    code: () => lines(model),
    play:
      layers.length > 1
        ? {
            at: () => model.get("layer"),
            go: (layer) => tx.push(model, { layer }),
            last: () => layers.length - 1,
            pace: 1400,
            name: "layer by layer",
          }
        : null,
    help: "Choose a patch: the others are lit by how much it attends to them. With a mouse pressed, or with the arrow keys, go from patch to patch.",
  });
  if (told.length > 1) {
    const choice = tx.select({
      label: "Picture",
      options: told.map(({ name }, n) => ({ value: n, label: name })),
      value: pictureOf(model),
      oninput: (v) => tx.push(model, { picture: Number(v) }),
    });
    controls.append(choice.root);
    controls.choice = choice;
  }
  const choose = (token) => tx.push(model, { token });
  const tokens = before.map((name, s) => {
    const share = tx.html("span", { class: "pv-share" });
    const button = tx.html(
      "button",
      { type: "button", class: "tx-button pv-token", onclick: () => choose(s) },
      tx.html("span", {}, name),
      share,
    );
    return { button, share };
  });
  const group = tx.html(
    "div",
    { class: "pv-tokens", role: "group", "aria-label": "Before the patches" },
    tokens.map(({ button }) => button),
  );
  tx.rove(group);
  const board = boardOf(rows, columns, (p) => choose(before.length + p));
  const legend = tx.html("p", { class: "pv-legend" });
  const sizes = { num_layers: layers.length, num_heads: model.get("heads") };
  const whose = tx.whoseAttention(model, sizes, layers);
  stage.append(
    tx.html("div", { class: "pv-picture" }, board.root, legend),
    tx.html("div", { class: "pv-side" }, group, whose.root),
  );
  if (before.length === 0) group.remove();
  const twin = tx.twin("The largest weights as a table");
  foot.append(twin.root);

  const spot = (p) => `row ${Math.floor(p / columns) + 1}, column ${(p % columns) + 1}`;
  const draw = () => {
    const [picture, token] = [pictureOf(model), tokenOf(model)];
    const weights = tx.attended(
      rowsOf(maps, picture, token),
      model.get("layer"),
      model.get("head"),
    );
    const patches = weights.slice(before.length);
    const named = (s) =>
      s === token ? "itself" : s < before.length ? `the ${before[s]}` : spot(s - before.length);
    if (controls.choice) controls.choice.value = picture;
    whose.update();
    tokens.forEach(({ button, share }, s) => {
      button.setAttribute("aria-pressed", String(s === token));
      button.style.setProperty("--share", Math.sqrt(weights[s] / Math.max(...weights)));
      share.textContent = tx.percent(weights[s]);
    });
    board.update(told[picture], patches, token - before.length);
    legend.textContent = `dark: 0\u00a0%, clear: ${tx.percent(Math.max(...patches), 1)}`;
    const most = tx.mostAttended(weights, LISTED);
    const [first, second] = most.map((s) => `${named(s)} (${tx.percent(weights[s], 1)})`);
    const who =
      token < before.length
        ? `The ${before[token]}`
        : `The patch in ${spot(token - before.length)}`;
    status(`${who} attends most to ${first}${second ? `, then to ${second}` : ""}.`);
    stage.dataset.weights = JSON.stringify(weights);
    twin.update({
      caption: `${who}: what it attends to most`,
      columns: ["position", "attention"],
      rows: most.map((s) => [named(s), weights[s]]),
    });
  };

  board.show(told[pictureOf(model)]);
  maps = await tx.arrived(status, tx.weightsOf(model, model.get("maps")));
  return watch(draw);
};

export default { render };
