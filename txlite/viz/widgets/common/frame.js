// Needs: elements, model, rove, address, play.
// The frame of every figure: what it is called, its controls, its picture, the number it comes to;
// a button to start again, one to play where there are steps, the state as code and as an address.

// The figure's name on this page: its own, with a number behind it where there is another one.
tx.figureName = (stem) => {
  const taken = (name) => document.getElementById(name) !== null;
  let name = `fig-${stem}`;
  for (let n = 2; taken(name); n += 1) name = `fig-${stem}-${n}`;
  return name;
};

tx.copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // no clipboard for scripts here: the old way
    const box = tx.html("textarea", { style: "position: fixed; opacity: 0" }, text);
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
};

// The line that is read aloud: seen at once, spoken when the hand rests.
const statusLine = () => {
  const line = tx.html("p", { class: "tx-status", role: "status" });
  let waiting = 0;
  const status = (text) => {
    line.setAttribute("aria-busy", "true");
    line.textContent = text;
    clearTimeout(waiting);
    waiting = setTimeout(() => line.removeAttribute("aria-busy"), 400);
  };
  return { line, status };
};

// The buttons that every figure has, in one tab stop.
const commonBar = ({ again, code, link }) => {
  const told = tx.html("span", { class: "tx-told", "aria-live": "polite" });
  const panel = tx.html("pre", {
    class: "tx-code",
    id: tx.id("code"),
    tabindex: 0,
    role: "region",
    "aria-label": "The same in Python",
    hidden: true,
  });
  const button = (label, onclick, more = {}) =>
    tx.html("button", { type: "button", class: "tx-button", onclick, ...more }, label);
  const copied = async (text, what) => {
    const done = await tx.copy(text);
    told.textContent = done ? `${what} copied` : `${what}: copy it by hand`;
  };
  const show = () => {
    if (!panel.hidden) panel.textContent = code();
  };
  const asCode =
    code &&
    button(
      "copy as code",
      () => {
        panel.hidden = false;
        asCode.setAttribute("aria-expanded", "true");
        show();
        copied(panel.textContent, "code");
      },
      { "aria-expanded": "false", "aria-controls": panel.id },
    );
  const asLink = link && button("copy link", () => copied(link(), "link"));
  const buttons = tx.html(
    "div",
    { class: "tx-common", role: "toolbar", "aria-label": "This figure" },
    button("start again", again),
    asCode || null,
    asLink || null,
  );
  tx.rove(buttons);
  return { nodes: [tx.html("div", { class: "tx-tools" }, buttons, told), panel], show };
};

// Text in a picture that is drawn smaller than it was made stays large enough to read.
const legible = (root) => {
  for (const picture of root.querySelectorAll("svg[viewBox]")) {
    const zoom = picture.getBoundingClientRect().width / picture.viewBox.baseVal.width;
    if (zoom > 0) picture.style.setProperty("--tx-zoom", Math.min(1, zoom).toFixed(3));
  }
};

// help: a sentence or two. code(): the lines of Python that compute what is shown. play: see
// tx.player. again(): what else begins anew, beside the traits.
tx.frame = (el, model, { help = "", code = null, play = null, again = null } = {}) => {
  const about = { name: "figure", choices: {}, beginning: {}, ...model.get("frame") };
  const name = tx.figureName(about.name);
  const title = tx.html("p", { class: "tx-title", id: tx.id("title") }, model.get("title"));
  const controls = tx.html("div", { class: "tx-controls" });
  const stage = tx.html("div", { class: "tx-stage" });
  const lead = tx.html("div", { class: "tx-lead-control" });
  const { line, status } = statusLine();
  const foot = tx.html("div", { class: "tx-foot" });
  const note = help ? tx.html("p", { class: "tx-help" }, help) : null;
  const root = tx.html(
    "div",
    { class: "tx-widget", role: "group", id: name, "aria-labelledby": title.id },
    title,
    note,
    controls,
    stage,
  );
  const onPage = el.closest?.(".anywidget-lite") != null; // elsewhere the address is the host's
  const get = (trait) => model.get(trait);
  const player = play && tx.player(root, play);
  let draw = () => {};
  const bar = commonBar({
    code,
    again: () => {
      player?.stop();
      again?.();
      tx.push(model, about.beginning);
      draw();
    },
    link: onPage && (() => location.href.split("#")[0] + tx.addressOf(name, about, get)),
  });
  if (player) lead.append(player.root);
  root.append(tx.html("div", { class: "tx-dock" }, lead, line), ...bar.nodes, foot);
  el.replaceChildren(root);

  let [waiting, touched] = [0, false];
  const write = () => {
    if (onPage && touched && root.isConnected)
      tx.writeAddress(name, tx.addressOf(name, about, get));
  };
  const settle = () => {
    // after every drawing
    legible(root);
    bar.show();
    clearTimeout(waiting);
    waiting = setTimeout(write, 300);
  };
  const arrive = () => {
    const found = onPage ? tx.readAddress(name, about) : null;
    if (found === null) return;
    try {
      tx.push(model, { ...about.beginning, ...found });
    } catch {
      // an address that no one can have copied from here
      tx.push(model, about.beginning);
    }
    touched = true;
    root.scrollIntoView({ block: "start" });
  };
  // Draw now, and whenever one of the traits changes that the reader chooses; returns what ends it. A
  // drawing that must wait for something returns a promise of when it is whole.
  const watch = (paint, names = Object.keys(about.choices)) => {
    draw = () => {
      const whole = paint();
      settle();
      whole?.then?.(settle);
    };
    const ends = tx.watch(model, names, draw);
    for (const event of ["pointerdown", "keydown", "input"])
      root.addEventListener(event, () => {
        touched = true;
      });
    const watcher = new ResizeObserver(() => legible(root));
    watcher.observe(stage);
    if (onPage) {
      arrive();
      window.addEventListener("hashchange", arrive);
    }
    return () => {
      ends();
      player?.stop();
      watcher.disconnect();
      clearTimeout(waiting);
      window.removeEventListener("hashchange", arrive);
    };
  };
  const room = () => Math.max(240, stage.clientWidth || el.clientWidth - 48 || 640);
  return { root, controls, stage, lead, foot, status, watch, room, name };
};

// A list in Python over as many lines as it needs: tx.assigned("names", [1, 2, 3])
tx.assigned = (name, items, { call = "torch.tensor", more = "" } = {}) => {
  const short = `${name} = ${call}(${tx.python(items)}${more})`;
  if (short.length <= 79) return short;
  const lines = [];
  for (const item of items.map((x) => `${tx.python(x)},`)) {
    if (lines.length && `${lines.at(-1)} ${item}`.length <= 79)
      lines.push(`${lines.pop()} ${item}`);
    else lines.push(`    ${item}`);
  }
  return `${name} = ${call}([\n${lines.join("\n")}\n]${more})`;
};

// What stands in Python for a value of the page.
tx.python = (value) => {
  if (Array.isArray(value)) return `[${value.map(tx.python).join(", ")}]`;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value == null) return "None";
  return Number.isFinite(value)
    ? String(value)
    : `float("${value > 0 ? "inf" : value < 0 ? "-inf" : "nan"}")`;
};
