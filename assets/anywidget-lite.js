// Draws anywidgets on a static page, straight from the state that the notebook saved.
// There is no kernel, no RequireJS and no network: a widget is the module it carries (_esm), its
// style (_css) and its numbers. Works over http and from file://. A widget that cannot start says
// so in its own place. jslink and jsdlink between widgets are honoured; messages to Python are not
// sent, because nobody is there to answer.
//
// A view waits until it comes near the window, and only then asks for its state: a file of its own,
// loaded by a script element so that it opens from a disk too. A light one is asked for at once, and
// drawn then. What stands apart in a file of its own is fetched when a module asks for it. A file
// that does not arrive is asked for anew by the next who wants it, a reader or a module. The loader
// waits for nothing, neither for the end of the page nor for other scripts. txLive.wake() starts
// every view at once, and so does a figure's address.
(() => {
  "use strict";
  const STATE = "application/vnd.jupyter.widget-state+json";
  const VIEW = "application/vnd.jupyter.widget-view+json";
  const REFERENCE = "IPY_MODEL_";

  class Model {
    constructor(state, find) {
      this.state = state;
      this.listeners = new Map();
      // anywidget's model lets a module find its neighbours.
      this.widget_manager = { get_model: async (id) => find(id.replace(REFERENCE, "")) };
    }
    get(name) {
      return this.state[name];
    }
    set(name, value) {
      const changes = typeof name === "object" ? Object.entries(name) : [[name, value]];
      const changed = changes.filter(([key, next]) => !Object.is(this.state[key], next));
      for (const [key, next] of changed) this.state[key] = next;
      for (const [key, next] of changed) this.emit(`change:${key}`, this, next, {});
      if (changed.length > 0) this.emit("change", this, {});
    }
    emit(event, ...values) {
      for (const listener of [...(this.listeners.get(event) ?? [])]) listener(...values);
    }
    on(events, listener) {
      for (const event of events.split(/\s+/)) {
        if (!this.listeners.has(event)) this.listeners.set(event, new Set());
        this.listeners.get(event).add(listener);
      }
    }
    off(events, listener) {
      if (events == null) return this.listeners.clear();
      for (const event of events.split(/\s+/)) {
        if (listener == null) this.listeners.delete(event);
        else this.listeners.get(event)?.delete(listener);
      }
    }
    save_changes() {}
    send() {}
  }

  const octets = (base64) => {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64); // ten times as fast
    const text = atob(base64);
    const made = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) made[i] = text.charCodeAt(i);
    return made;
  };

  const bytes = ({ data, encoding }) => {
    const made =
      encoding === "hex"
        ? Uint8Array.from(data.match(/../g) ?? [], (h) => parseInt(h, 16))
        : octets(data);
    return new DataView(made.buffer);
  };

  // Binary values are saved beside the state, each with the path to where it belongs.
  const restore = ({ state, buffers = [] }) => {
    for (const buffer of buffers) {
      const last = buffer.path.length - 1;
      const parent = buffer.path.slice(0, last).reduce((node, key) => node[key], state);
      parent[buffer.path[last]] = bytes(buffer);
    }
    return state;
  };

  const link = (state, all, both) => {
    const [source, from] = state.source;
    const [target, to] = state.target;
    const a = all.get(source.replace(REFERENCE, ""));
    const b = all.get(target.replace(REFERENCE, ""));
    if (!a || !b) return;
    a.on(`change:${from}`, () => b.set(to, a.get(from)));
    if (both) b.on(`change:${to}`, () => a.set(from, b.get(to)));
    b.set(to, a.get(from));
  };

  const load = async (source) => {
    if (/^\s*https?:\/\/\S+\s*$/.test(source)) {
      throw new Error("its code lies on another machine, and this page fetches nothing");
    }
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    try {
      const module = await import(url);
      const face = module.default ?? module; // the older form exports render by name
      return typeof face === "function" ? await face() : face;
    } finally {
      URL.revokeObjectURL(url);
    }
  };

  const styles = new Set();
  const dress = (css) => {
    if (!css || styles.has(css)) return;
    styles.add(css);
    document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
  };

  class Lost extends Error {}

  // `again` is called by a button where trying again may help.
  const refuse = (host, reason, again = null) => {
    const note = document.createElement("p");
    note.className = "tx-widget-error";
    note.setAttribute("role", "alert");
    note.textContent =
      `This live figure could not start: ${reason}. ` +
      "The notebook behind this page draws it too: download it with the button at the top. ";
    if (again) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Try again";
      button.addEventListener("click", again);
      note.append(button);
    }
    host.replaceChildren(note);
    host.dataset.txState = "failed";
  };

  // One module and one initialize per model, however many views show it.
  const started = new Map();
  const start = (id, model) => {
    if (!started.has(id)) {
      started.set(
        id,
        load(model.get("_esm")).then(async (widget) => {
          await widget.initialize?.({ model, signal: new AbortController().signal });
          return widget;
        }),
      );
      started.get(id).catch(() => started.delete(id));
    }
    return started.get(id);
  };

  const draw = async (host, id, { saved, all }) => {
    host.replaceChildren();
    const model = all.get(id);
    if (!model) throw new Error("its saved state is missing from this page");
    if (saved[id].model_module !== "anywidget") {
      throw new Error(`a ${saved[id].model_name} needs a running kernel`);
    }
    host.txModel = model;
    dress(model.get("_css"));
    const widget = await start(id, model);
    await widget.render?.({ model, el: host, signal: new AbortController().signal });
    host.dataset.txState = "ready";
  };

  // The models of one saved state; their links hold from the start. An entry that stands apart names
  // the file beside this one that holds it.
  const revive = (saved, address = "") => {
    const all = new Map();
    const find = async (id) => {
      const { apart } = saved[id] ?? {};
      if (!apart) return all.get(id);
      return (await from(address.replace(/[^/]*$/, `${apart}.js`))).all.get(id);
    };
    for (const [id, entry] of Object.entries(saved))
      if (!entry.apart) all.set(id, new Model(restore(entry), find));
    for (const { model_name: name, state } of Object.values(saved)) {
      if (name === "LinkModel" || name === "DirectionalLinkModel") {
        link(state, all, name === "LinkModel");
      }
    }
    return { saved, all };
  };

  // A state that the page holds itself: all views of the page share it.
  let held = null;
  const within = () => {
    if (held === null) {
      const saved = {};
      for (const holder of document.querySelectorAll(`script[type="${STATE}"]`)) {
        Object.assign(saved, JSON.parse(holder.textContent).state);
      }
      held = revive(saved);
    }
    return held;
  };

  const inflate = async (base64) => {
    const stream = new Blob([octets(base64)]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  };

  // A state in a file: it calls txLive.deliver(name, state) with an object, or with gzip as base64.
  const parcels = new Map();
  const receive = (name) => {
    if (!parcels.has(name)) {
      let deliver;
      const arrived = new Promise((resolve) => {
        deliver = resolve;
      });
      parcels.set(name, { arrived, deliver });
    }
    return parcels.get(name);
  };
  const fetched = new Map();
  const from = (address) => {
    if (!fetched.has(address)) {
      const name = address.replace(/^.*\//, "").replace(/\.js$/, "");
      // Its figure is near, or soon will be: it does not wait until the page has been read.
      const script = Object.assign(document.createElement("script"), {
        src: address,
        async: true,
        fetchPriority: "high",
      });
      const lost = new Promise((_, reject) => {
        script.addEventListener("error", () => {
          script.remove();
          fetched.delete(address);
          reject(new Lost("its numbers could not be loaded"));
        });
      });
      document.head.append(script);
      const state = Promise.race([receive(name).arrived, lost]);
      fetched.set(
        address,
        state
          .then((parcel) => (typeof parcel === "string" ? inflate(parcel) : parcel))
          .then((parcel) => revive(parcel.state, address)),
      );
    }
    return fetched.get(address);
  };

  const waiting = new Map();
  const wake = (host) => {
    const begin = waiting.get(host);
    waiting.delete(host);
    near.unobserve(host);
    return begin?.();
  };
  // A window's height before it is seen.
  const near = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) wake(target);
    },
    { rootMargin: "100% 0px" },
  );

  const found = new WeakSet();
  const look = () => {
    for (const script of document.querySelectorAll(`script[type="${VIEW}"]`)) {
      if (found.has(script)) continue;
      let id;
      try {
        id = JSON.parse(script.textContent).model_id;
      } catch (error) {
        if (document.readyState === "loading") continue; // the rest of it has not arrived yet
        throw error;
      }
      found.add(script);
      const address = script.dataset.txState;
      const host = document.createElement("div");
      host.className = "anywidget-lite";
      host.dataset.txState = address ? "waiting" : "loading";
      script.after(host);
      const begin = async () => {
        host.dataset.txState = "loading";
        try {
          await draw(host, id, address ? await from(address) : within());
        } catch (error) {
          console.error(error);
          refuse(host, error.message, error instanceof Lost ? begin : null);
        }
      };
      waiting.set(host, begin);
      if (script.dataset.txLight != null) from(address).catch(() => {}); // begin() will say it
      if (address) near.observe(host);
    }
  };
  const begin_held = () => {
    for (const host of [...waiting.keys()]) if (host.dataset.txState === "loading") wake(host);
  };

  window.txLive = {
    deliver: (name, state) => receive(name).deliver(state),
    wake: () => Promise.all([...waiting.keys()].map(wake)),
  };
  window.addEventListener("beforeprint", window.txLive.wake);

  // An address that names a figure waits for none to come near: it is drawn, and then scrolled to.
  const called = () => {
    if (/^#fig-[\w-]+(\?|$)/.test(location.hash)) window.txLive.wake();
  };
  window.addEventListener("hashchange", called);

  // Views are found while the page is still arriving; a state within the page may stand at its end.
  const watcher = new MutationObserver(look);
  const whole = () => {
    watcher.disconnect();
    look();
    begin_held();
    called();
  };
  if (document.readyState === "loading") {
    watcher.observe(document, { childList: true, subtree: true });
    document.addEventListener("DOMContentLoaded", whole);
    look();
  } else {
    whole();
  }
})();
