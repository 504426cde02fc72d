// What every page does: it marks the section that is being read, remembers which chapters were read,
// and keeps the site for times without a network. What it remembers stays on the reader's machine.
(() => {
  "use strict";

  // --- the contents on the right: the last heading that has passed the upper part of the window ----
  const contents = document.getElementById("tx-page-toc");
  const LINE = 0.3; // of the window's height, below which a section is not yet being read
  if (contents) {
    const entries = [...contents.querySelectorAll('a[href^="#"]')]
      .map((link) => {
        const section = document.getElementById(decodeURIComponent(link.hash.slice(1)));
        return { link, heading: section?.querySelector(":is(h1, h2, h3, h4, h5, h6)") ?? section };
      })
      .filter(({ heading }) => heading);
    let marked = null;
    let chosen = null; // by a click: it stays until the reader scrolls on
    const current = () => {
      const end = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
      const tops = entries.map(({ heading }) => heading.getBoundingClientRect().top);
      if (chosen) {
        const top = chosen.heading.getBoundingClientRect().top;
        if (top >= -2 && top < innerHeight && Math.abs(scrollY - chosen.scroll) < 3) return chosen;
        chosen = null;
      }
      if (end && scrollY > 0) {
        return entries.findLast((_, i) => tops[i] < innerHeight);
      }
      return entries.findLast((_, i) => tops[i] <= innerHeight * LINE);
    };
    const mark = () => {
      const entry = current() ?? null;
      if (entry?.link === marked) return;
      marked = entry?.link ?? null;
      for (const { link } of entries) {
        link.classList.toggle("active", link === marked);
        if (link === marked) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
      for (const item of contents.querySelectorAll(".toc-entry")) {
        item.classList.toggle("active", marked !== null && item.contains(marked));
      }
      const box = contents.closest(".bd-sidebar-secondary");
      if (marked && box && box.scrollHeight > box.clientHeight) {
        const { top, bottom } = marked.getBoundingClientRect();
        const frame = box.getBoundingClientRect();
        if (top < frame.top || bottom > frame.bottom) {
          box.scrollTop += top - frame.top - frame.height / 3;
        }
      }
    };
    const choose = () => {
      const entry = entries.find(({ link }) => link.hash === location.hash);
      if (!entry) return;
      requestAnimationFrame(() => {
        chosen = { ...entry, scroll: scrollY };
        mark();
      });
    };
    let asked = false;
    const later = () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        mark();
      });
    };
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later);
    addEventListener("hashchange", choose);
    later(); // not before the first picture: where a section stands is not known yet
    choose();
  }

  // --- what is wider or higher than its place can be reached, and moved, by keyboard ----------------
  // A box is judged once the browser has laid it out, and again when its size changes, or that of what
  // is in it. Whoever asks earlier, or asks all of them, lays out a whole page of which a window is seen.
  const FORMULAS = "div.math, p .math, li .math, dd .math";
  const BOXES = `pre, .cell_output > .output, .pst-scrollable-table-container, ${FORMULAS}`;
  const scrolls = (box) =>
    (box.scrollWidth > box.clientWidth + 1 ||
      (!box.matches(FORMULAS) && box.scrollHeight > box.clientHeight + 1)) &&
    getComputedStyle(box).overflowX !== "visible";
  const judge = (boxes) => {
    const found = boxes.map((box) => [box, scrolls(box)]); // all are asked before any is changed
    for (const [box, moves] of found) {
      const named = box.matches(FORMULAS)
        ? { role: "group", "aria-label": "formula, wider than the page" }
        : {};
      for (const [name, value] of Object.entries({ tabindex: "0", ...named })) {
        if (moves) box.setAttribute(name, value);
        else box.removeAttribute(name);
      }
    }
  };
  const laid = new ResizeObserver((entries) => {
    const boxes = new Set(entries.map(({ target }) => target.closest(BOXES)));
    boxes.delete(null); // what has left its box, as a formula does that has been set
    judge([...boxes]);
  });
  const judged = [...document.querySelectorAll(`main :is(${BOXES})`)].filter(
    (box) => !box.closest(".anywidget-lite, .tx-widget"),
  );
  for (const box of judged) {
    laid.observe(box);
    if (box.firstElementChild) laid.observe(box.firstElementChild);
  }
  // A formula set in the font that stands in until its own arrives may be wider, or narrower, in a box
  // that keeps its size.
  document.fonts.addEventListener("loadingdone", () => {
    judge(judged.filter((box) => box.matches(FORMULAS)));
  });

  // --- the chapters that were read ------------------------------------------------------------------
  const KEY = "txlite-read";
  const read = () => {
    try {
      return new Set(JSON.parse(localStorage.getItem(KEY) ?? "[]"));
    } catch {
      return new Set();
    }
  };
  const name = (url) => url.pathname.replace(/^.*\/chapters\//, "").replace(/\.html$/, "");
  const show = () => {
    const known = read();
    for (const link of document.querySelectorAll(".bd-links a[href], .tx-road a[href]")) {
      const url = new URL(link.href, location.href);
      const here = link.getAttribute("href") === "#" ? new URL(location.href) : url;
      const seen = /\/chapters\//.test(here.pathname) && known.has(name(here));
      link.classList.toggle("tx-read", seen);
      link.title = seen ? "You have read this chapter" : "";
      if (!seen) link.removeAttribute("title");
    }
    for (const part of document.querySelectorAll(".tx-here a[data-chapters]")) {
      const stems = part.dataset.chapters.split(" ").filter(Boolean);
      part.classList.toggle("tx-read", stems.length > 0 && stems.every((stem) => known.has(stem)));
    }
  };
  const end = document.querySelector(".prev-next-footer");
  if (end && /\/chapters\//.test(location.pathname)) {
    // Read is what was open to its end, and not only jumped to: the reader has stayed a while.
    const opened = performance.now();
    new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting) || performance.now() - opened < 3000)
        return;
      try {
        localStorage.setItem(KEY, JSON.stringify([...read().add(name(new URL(location.href)))]));
      } catch {
        return;
      } // a browser that keeps nothing
      show();
    }).observe(end);
  }
  show();

  // --- without a network ------------------------------------------------------------------------------
  if ("serviceWorker" in navigator && /^https?:$/.test(location.protocol)) {
    const manifest = document.createElement("link");
    const root = new URL(document.documentElement.dataset.content_root || "./", location.href);
    Object.assign(manifest, { rel: "manifest", href: new URL("manifest.webmanifest", root) });
    document.head.append(manifest); // from a disk a browser would refuse it aloud
    addEventListener("load", () => {
      navigator.serviceWorker
        .register(new URL("worker.js", root), { scope: root.pathname })
        .catch(() => {}); // a browser that forbids it shows the site all the same
    });
  }
})();
