// The search of the book, without a server and from a disk too: the index that txbook/search.py wrote
// comes in parts, each a script that delivers itself. A word asks for the file of its first letter,
// a result for the text of its page. What a term of the glossary belongs to comes first.
(() => {
  "use strict";
  const CHINESE = /[\u3400-\u4dbf\u4e00-\u9fff]+/g;
  const WORD = /[a-z0-9_\u00c0-\u024f\u0370-\u03ff]+(?:['’-][a-z0-9_\u00c0-\u024f]+)*/g;
  const SHARDS = 16;
  const WEIGHT = { chapter: 3, page: 1, glossary: 0.8, reference: 0.5 };
  const PAGES = 12; // shown
  const PARTS = 3; // of a page

  // The same words as in search.py, except that a query keeps a compound whole.
  const root = (word) => {
    const bare = word.replace(/['’]s?$|['’-]/g, "");
    return bare.length > 3 && /[^suia]s$/.test(bare) ? bare.slice(0, -1) : bare;
  };
  const words = (text) => {
    const latin = (text.toLowerCase().match(WORD) ?? []).map(root);
    const pairs = (text.match(CHINESE) ?? []).flatMap((run) =>
      Array.from({ length: Math.max(1, run.length - 1) }, (_, i) => run.slice(i, i + 2)),
    );
    return [...latin, ...pairs].filter(Boolean);
  };
  const chinese = (word) => /^[\u3400-\u9fff]/.test(word);
  const shard = (word) => {
    if (chinese(word)) return `words-c${word.charCodeAt(0) % SHARDS}`;
    return `words-${/^[a-z]/.test(word) ? word[0] : "other"}`;
  };

  const list = document.getElementById("search-results");
  const count = document.getElementById("tx-search-count");
  const field = document.getElementById("tx-search-field");
  const folder = list.dataset.txIndex;

  const arriving = new Map();
  const part = (name) => {
    if (!arriving.has(name)) {
      const entry = {};
      entry.promise = new Promise((resolve) => {
        entry.resolve = resolve;
      });
      arriving.set(name, entry);
      const script = document.createElement("script");
      script.src = `${folder}/${name}.js`;
      script.onerror = () => entry.resolve({}); // no page has a word of this letter
      document.head.append(script);
    }
    return arriving.get(name).promise;
  };
  window.txSearch = { deliver: (name, data) => arriving.get(name)?.resolve(data) };

  // A part says a word that begins like the one that is sought; the word itself counts most.
  const said = (posted, word) => {
    const found = new Map();
    const exact = chinese(word) || word.length < 3;
    for (const [other, numbers] of Object.entries(posted)) {
      const close = other === word ? 1 : !exact && other.startsWith(word) ? 0.35 : 0;
      if (!close) continue;
      for (let i = 0; i < numbers.length; i += 2) {
        const score = close * (1 + Math.log(numbers[i + 1]));
        found.set(numbers[i], Math.max(found.get(numbers[i]) ?? 0, score));
      }
    }
    return found;
  };

  const within = (title, sought) => {
    const has = new Set(
      words(title).concat(
        title
          .toLowerCase()
          .split(/[^a-z0-9]+/)
          .map(root),
      ),
    );
    return sought.filter((word) => has.has(word)).length / sought.length;
  };

  // The parts in which every word is said, page by page.
  const match = async (index, sought) => {
    const posted = await Promise.all(sought.map((word) => part(shard(word))));
    const scores = sought.map((word, i) => said(posted[i], word));
    const pages = new Map();
    index.parts.forEach(([page, heading, anchor, length], number) => {
      const each = scores.map((score) => score.get(number) ?? 0);
      if (each.includes(0)) return;
      const [, title, kind] = index.pages[page];
      const sum = each.reduce((a, b) => a + b, 0) / Math.sqrt(1 + length / 1500);
      const score = WEIGHT[kind] * (sum + 4 * within(heading, sought) + 4 * within(title, sought));
      if (!pages.has(page)) pages.set(page, []);
      pages.get(page).push({ number, heading, anchor, score });
    });
    return pages;
  };

  const find = async (query) => {
    const sought = [...new Set(words(query))];
    if (sought.length === 0) return [];
    const index = await part("pages");
    const pages = await match(index, sought);
    const [lesson, english] = index.terms[sought.join(" ")] ?? lessonOf(index.terms, sought);
    const taught = index.pages.findIndex(([address]) => address === lesson);
    if (taught >= 0 && !pages.has(taught)) {
      // a Chinese word: the chapter says it in English
      const found = (await match(index, words(english))).get(taught);
      if (found) pages.set(taught, found);
    }
    return [...pages]
      .map(([page, parts]) => {
        parts.sort((a, b) => b.score - a.score);
        const best = parts.slice(0, PARTS);
        const bonus = page === taught ? 1000 : 0;
        const score =
          bonus +
          best.reduce((total, { score: s }, i) => total + s / (i + 1), 0) +
          Math.log(parts.length);
        return {
          page,
          address: index.pages[page][0],
          title: index.pages[page][1],
          parts: best,
          score,
        };
      })
      .sort((a, b) => b.score - a.score);
  };

  // A term that begins with the words, "causal" of "causal mask", if all such lead to one chapter.
  const lessonOf = (terms, sought) => {
    const start = `${sought.join(" ")} `;
    const found = Object.keys(terms)
      .filter((term) => term.startsWith(start))
      .map((t) => terms[t]);
    return new Set(found.map(([page]) => page)).size === 1 ? found[0] : [];
  };

  const excerpt = (text, sought) => {
    const lower = text.toLowerCase();
    const places = sought.map((word) => lower.indexOf(word)).filter((at) => at >= 0);
    const begin = Math.max(0, (places.length ? Math.min(...places) : 0) - 60);
    const cut = begin === 0 ? 0 : lower.indexOf(" ", begin) + 1;
    const quoted = document.createElement("p");
    const shown = text.slice(cut, cut + 220);
    const marks = sought
      .filter((word) => word.length > 1)
      .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const pattern = marks.length ? new RegExp(`(${marks.join("|")})`, "gi") : null;
    if (cut > 0) quoted.append("… ");
    for (const [i, piece] of (pattern ? shown.split(pattern) : [shown]).entries()) {
      if (i % 2 === 0) quoted.append(piece);
      else quoted.append(Object.assign(document.createElement("mark"), { textContent: piece }));
    }
    if (cut + 220 < text.length) quoted.append(" …");
    return quoted;
  };

  const link = (address, text) =>
    Object.assign(document.createElement("a"), { href: address, textContent: text });

  const show = async (query) => {
    list.replaceChildren();
    if (!query.trim()) {
      count.textContent = "";
      return;
    }
    count.textContent = "Searching …";
    const results = await find(query);
    if (field.value !== query) return; // the reader has typed on
    const pages = results.length === 1 ? "one page" : `${results.length} pages`;
    count.textContent = results.length
      ? `“${query}” in ${pages}${results.length > PAGES ? `, of which the best ${PAGES}` : ""}.`
      : `Nothing was found for “${query}”. Try a shorter word, or the glossary.`;
    const sought = words(query);
    for (const { page, address, title, parts } of results.slice(0, PAGES)) {
      const item = document.createElement("li");
      item.append(Object.assign(link(address, title), { className: "tx-search-page" }));
      for (const { number, heading, anchor } of parts) {
        const block = document.createElement("div");
        if (heading !== title) block.append(link(`${address}#${anchor}`, heading));
        item.append(block);
        part(`text-${page}`).then((texts) => {
          if (texts[number]) block.append(excerpt(texts[number], sought));
        });
      }
      list.append(item);
    }
    list.dataset.txShown = query;
  };

  let timer;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      history.replaceState(null, "", `?q=${encodeURIComponent(field.value)}`);
      show(field.value);
    }, 150);
  });
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(field.value);
  });
  field.value = new URLSearchParams(location.search).get("q") ?? "";
  field.focus();
  show(field.value);
})();
