// What a page of exercises does without a kernel: number boxes, drawn puzzles, detectives. A page
// holds no answer to read, only hashes; _ext/txbook/exercises/ writes them with the same arithmetic.
// What was solved is remembered on the reader's machine, where the browser allows it.
(() => {
  "use strict";

  // --- SHA-256: crypto.subtle is not there on every page that is opened from a disk ------------------
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const bits = (x) => ((x % 1) * 2 ** 32) | 0;
  const ROUND = primes.map((p) => bits(Math.cbrt(p)));
  const FIRST = primes.slice(0, 8).map((p) => bits(Math.sqrt(p)));
  const turn = (x, n) => (x >>> n) | (x << (32 - n));

  const sha = (text) => {
    const bytes = new TextEncoder().encode(text);
    const words = new Int32Array((((bytes.length + 8) >> 6) + 1) * 16);
    for (let i = 0; i <= bytes.length; i++)
      words[i >> 2] |= (bytes[i] ?? 128) << (24 - 8 * (i & 3));
    words[words.length - 1] = bytes.length * 8;
    const state = Int32Array.from(FIRST);
    const w = new Int32Array(64);
    for (let block = 0; block < words.length; block += 16) {
      let [a, b, c, d, e, f, g, h] = state;
      for (let i = 0; i < 64; i++) {
        const [x, y] = [w[i - 15], w[i - 2]];
        w[i] =
          i < 16
            ? words[block + i]
            : w[i - 16] +
              w[i - 7] +
              (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) +
              (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
        const sum = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
        const one = (h + sum + ((e & f) ^ (~e & g)) + ROUND[i] + w[i]) | 0;
        const two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
      }
      [a, b, c, d, e, f, g, h].forEach((x, i) => {
        state[i] += x;
      });
    }
    return [...state].flatMap((x) => [24, 16, 8, 0].map((n) => (x >>> n) & 255));
  };
  const hex = (bytes) => bytes.map((x) => x.toString(16).padStart(2, "0")).join("");
  const digest = (...parts) => hex(sha(parts.join("|"))).slice(0, 16);
  const unfold = (text, salt) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = [];
    while (stream.length < bytes.length) stream.push(...sha(`${salt}|fold|${stream.length}`));
    return new TextDecoder().decode(bytes.map((x, i) => x ^ stream[i]));
  };

  // --- numbers: the same readings and buckets as _ext/txbook/exercises/numbers.py --------------------
  const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/;
  const THOUSANDS = /^[+-]?\d{1,3}(?:,\d{3})+(?:e[+-]?\d+)?$/;
  const decimals = (text) => {
    const candidates = [text];
    if (text.includes(",") && text.includes(".")) {
      const mark = text.lastIndexOf(",") > text.lastIndexOf(".") ? "," : ".";
      candidates[0] = text.replaceAll(mark === "," ? "." : ",", "").replaceAll(mark, ".");
    } else if (text.includes(",")) {
      candidates[0] = text.replaceAll(",", ".");
      if (THOUSANDS.test(text)) candidates.push(text.replaceAll(",", ""));
    }
    return candidates
      .filter((one) => DECIMAL.test(one))
      .map(Number)
      .filter(Number.isFinite);
  };
  const readings = (written, suffix = "") => {
    const plain = (text) => text.replace(/\s/g, "").replaceAll("−", "-").toLowerCase();
    let [text, unit, share] = [plain(written), plain(suffix), 1];
    if (unit && text.endsWith(unit)) text = text.slice(0, -unit.length);
    else if (text.endsWith("%")) [text, share] = [text.slice(0, -1), 0.01];
    text = text.replace(/[·×*x]10\^/g, "e").replace(/^([+-]?)10\^/, "$11e");
    const [first, ...others] = text.split("/");
    if (others.length > 1) return [];
    let found = decimals(first);
    if (others.length) {
      const below = decimals(others[0]).filter((b) => b);
      found = found.flatMap((a) => below.map((b) => a / b));
    }
    return found.map((value) => value * share);
  };
  const bucket = (value, { width, origin, log }) => {
    if (!log) return String(Math.floor((value - origin) / width));
    if (!value) return null;
    return (value < 0 ? "-" : "+") + Math.floor((Math.log(Math.abs(value)) - origin) / width);
  };
  const accepts = (value, lock) => digest(lock.salt, bucket(value, lock)) === lock.key;
  window.txExercises = { digest, readings, bucket, accepts, unfold };

  // --- what all three share --------------------------------------------------------------------------
  const KEY = "txlite-solved";
  const stored = () => {
    try {
      return JSON.parse(localStorage.getItem(KEY)) ?? {};
    } catch {
      return {};
    }
  };
  const keep = (id, value) => {
    try {
      localStorage.setItem(KEY, JSON.stringify({ ...stored(), [id]: value }));
    } catch {
      // a browser that keeps nothing
    }
  };
  const make = (name, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(name), properties);
    node.append(...children);
    return node;
  };
  const button = (text, onclick) =>
    make("button", { type: "button", className: "tx-do", textContent: text, onclick });
  const counted = (n, one, more = `${one}s`) => `${n} ${n === 1 ? one : more}`;

  // A line that is read aloud, and the button that takes everything back.
  const frame = (root, startAgain) => {
    const status = make("p", { className: "tx-said", role: "status" });
    const again = button("Start again", () => {
      keep(root.id);
      delete root.dataset.txState;
      again.hidden = true;
      startAgain();
      mark();
    });
    again.hidden = true;
    root.querySelector(".tx-off")?.remove();
    const exercise = root.closest(".exercise");
    const mark = () => {
      const parts = [...exercise.querySelectorAll(".tx-box, .tx-puzzle, .tx-detective")];
      const whole = parts.every((part) => part.dataset.txState === "right");
      exercise.classList.toggle("tx-solved", whole);
      const line = exercise.querySelector(".tx-rung");
      line.querySelector(".tx-done")?.remove();
      if (whole) line.append(make("span", { className: "tx-done", textContent: "✓ solved" }));
    };
    let tries = 0;
    return {
      status,
      again,
      solved: (value, words) => {
        root.dataset.txState = "right";
        status.textContent = words;
        again.hidden = false;
        keep(root.id, value);
        mark();
      },
      wrong: (words) => {
        root.dataset.txState = "wrong";
        tries++;
        status.textContent = `Not yet. ${words} (${counted(tries, "try", "tries")} so far.)`;
        again.hidden = false;
        const hint = [...exercise.querySelectorAll(".tx-hint")].at(-1);
        if (tries < 3 || !hint || hint.open) return;
        const offer = button("Open the strongest hint", () => {
          hint.open = true;
          hint.querySelector("summary").focus();
          offer.remove();
        });
        status.append(" ", offer);
      },
      reset: () => {
        tries = 0;
        status.textContent = "";
      },
    };
  };

  // --- a number box ------------------------------------------------------------------------------------
  for (const root of document.querySelectorAll("[data-tx-box]")) {
    const lock = JSON.parse(root.dataset.txBox);
    const ask = root.querySelector(".tx-ask");
    ask.id = `${root.id}-ask`;
    const field = make("input", { type: "text", autocomplete: "off", spellcheck: false });
    field.setAttribute("aria-labelledby", ask.id);
    field.setAttribute("autocapitalize", "off");
    const inner = make("div", { hidden: true });
    const fold = make("details", { className: "tx-fold" });
    fold.append(make("summary", { textContent: "Show the answer" }), inner);
    fold.ontoggle = () => {
      inner.hidden = !fold.open;
      inner.textContent = fold.open ? unfold(lock.fold, lock.salt) : "";
    };
    const said = frame(root, () => {
      field.value = "";
      fold.open = false;
      said.reset();
      field.focus();
    });
    const check = () => {
      const found = readings(field.value, lock.unit);
      if (!found.length) {
        said.status.textContent = "This is no number yet: write 0.25, 1/4 or 2.5e-1, for example.";
      } else if (found.some((value) => accepts(value, lock))) said.solved(field.value, "Right.");
      else said.wrong("It is another number.");
    };
    const form = make("form", { className: "tx-tools" }, field);
    if (lock.unit) form.append(make("span", { textContent: lock.unit }));
    form.append(make("button", { className: "tx-do", textContent: "Check" }), said.again);
    form.onsubmit = (event) => {
      event.preventDefault();
      check();
    };
    root.append(form, said.status, fold);
    const before = stored()[root.id];
    if (typeof before === "string") {
      field.value = before;
      if (readings(before, lock.unit).some((value) => accepts(value, lock))) check();
    }
  }

  // --- a drawn puzzle: one tab stop for each board, arrows walk, space sets, a drag paints ------------
  for (const root of document.querySelectorAll("[data-tx-puzzle]")) {
    const { salt, kinds, axes, selector } = JSON.parse(root.dataset.txPuzzle);
    const boards = [...root.querySelectorAll("table")].map((table, number) => {
      const keys = JSON.parse(table.dataset.txKeys);
      const names = [...table.querySelectorAll("thead th")].slice(1).map((th) => th.textContent);
      const words = [...table.tBodies[0].rows].map((tr) => tr.cells[0].textContent);
      const rows = [...table.tBodies[0].rows].map((tr) => [...tr.cells].slice(1));
      const begin = rows.map((row) => row.map((td) => Number(td.dataset.kind)));
      const right = (i, j) => {
        if (selector) {
          const chosen = rows[i].findIndex((td) => td.dataset.kind === "1");
          return digest(salt, number, i, chosen).startsWith(keys[i]);
        }
        const key = keys[i].slice(8 * j, 8 * j + 8);
        return digest(salt, number, i, j, rows[i][j].dataset.kind).startsWith(key);
      };
      const name = (i, j, more = "") => {
        const word = kinds[rows[i][j].dataset.kind][1];
        rows[i][j].ariaLabel = `${axes[0]} ${words[i]}, ${axes[1]} ${names[j]}: ${word}${more}`;
      };
      const set = (i, j, kind) => {
        const cells = selector ? rows[i] : [rows[i][j]];
        for (const td of cells) {
          const value = td === rows[i][j] ? kind : 0;
          td.dataset.kind = value;
          td.textContent = kinds[value][0];
          td.ariaSelected = String(value > 0);
        }
        for (const [k, td] of rows[i].entries()) {
          if (!cells.includes(td)) continue;
          td.classList.remove("tx-unlike");
          name(i, k);
        }
      };
      const at = (node) => {
        const td = node?.closest?.("td");
        const i = rows.findIndex((row) => row.includes(td));
        return i < 0 ? null : [i, rows[i].indexOf(td)];
      };
      let [here, brush] = [[0, 0], null];
      const go = (i, j) => {
        rows[here[0]][here[1]].tabIndex = -1;
        here = [i, j];
        rows[i][j].tabIndex = 0;
        rows[i][j].focus({ preventScroll: brush !== null });
      };
      const next = (i, j) => (selector ? 1 : (Number(rows[i][j].dataset.kind) + 1) % kinds.length);
      table.setAttribute("role", "grid");
      rows.flat().forEach((td) => {
        td.setAttribute("role", "gridcell");
        td.tabIndex = -1;
      });
      rows[0][0].tabIndex = 0;
      table.onkeydown = (event) => {
        const place = at(event.target);
        if (!place || event.ctrlKey || event.metaKey || event.altKey) return;
        const [i, j] = place;
        const [down, across] = [rows.length - 1, rows[0].length - 1];
        const to = {
          ArrowUp: [Math.max(0, i - 1), j],
          ArrowDown: [Math.min(down, i + 1), j],
          ArrowLeft: [i, Math.max(0, j - 1)],
          ArrowRight: [i, Math.min(across, j + 1)],
          Home: [i, 0],
          End: [i, across],
        }[event.key];
        if (to) go(...to);
        else if (event.key === " " || event.key === "Enter") set(i, j, next(i, j));
        else return;
        event.preventDefault();
      };
      table.onpointerdown = (event) => {
        const place = at(event.target);
        if (!place || event.button) return;
        event.preventDefault();
        brush = next(...place);
        go(...place);
        set(...place, brush);
        event.target.releasePointerCapture?.(event.pointerId);
      };
      table.onpointermove = (event) => {
        const place =
          brush === null ? null : at(document.elementFromPoint(event.clientX, event.clientY));
        if (!place || String(place) === String(here)) return;
        go(...place);
        set(...place, brush);
      };
      for (const end of ["pointerup", "pointercancel"])
        addEventListener(end, () => {
          brush = null;
        });
      const each = (act) => rows.forEach((row, i) => row.forEach((_, j) => act(i, j)));
      const fill = (table) =>
        each((i, j) => (selector && !table[i][j] ? 0 : set(i, j, table[i][j])));
      each((i, j) => {
        rows[i][j].ariaSelected = String(begin[i][j] > 0); // the rest is in the page
        name(i, j);
      });
      return {
        fill,
        clear: () => each((i, j) => set(i, j, begin[i][j])),
        state: () => rows.map((row) => row.map((td) => Number(td.dataset.kind))),
        unlike: () => {
          let found = 0;
          each((i, j) => {
            const wrong = !right(i, j);
            found += selector ? Number(wrong && j === 0) : Number(wrong);
            rows[i][j].classList.toggle("tx-unlike", wrong);
            name(i, j, wrong ? ", unlike the target" : "");
          });
          return found;
        },
      };
    });
    const said = frame(root, () => {
      for (const board of boards) board.clear();
      said.reset();
    });
    const check = () => {
      const wrong = boards.reduce((sum, board) => sum + board.unlike(), 0);
      if (!wrong)
        said.solved(
          boards.map((board) => board.state()),
          "Right, every cell.",
        );
      else
        said.wrong(
          `${counted(wrong, selector ? "row is" : "cell is", selector ? "rows are" : "cells are")} unlike the target; their corners are marked.`,
        );
    };
    const legend = kinds.map(([sign, word]) => `${sign} ${word}`).join("   ");
    root.append(
      make("p", {
        className: "tx-legend",
        textContent: `${legend}. Click or drag; with the keyboard, arrows and space.`,
      }),
      make("div", { className: "tx-tools" }, button("Check", check), said.again),
      said.status,
    );
    const before = stored()[root.id];
    if (Array.isArray(before) && before.length === boards.length) {
      try {
        boards.forEach((board, k) => board.fill(before[k]));
        check();
      } catch {
        keep(root.id); // it was kept of an earlier puzzle
      }
      if (root.dataset.txState !== "right") said.again.click();
    }
  }

  // --- a detective: clues one by one, then a diagnosis, then the repair --------------------------------
  for (const root of document.querySelectorAll("[data-tx-detective]")) {
    const { salt, key } = JSON.parse(root.dataset.txDetective);
    const [clues, suspects] = ["clue", "suspect"].map((name) => [
      ...root.querySelectorAll(`.tx-${name}`),
    ]);
    const later = [...root.querySelectorAll(".tx-repair")];
    for (
      let node = root.closest(".exercise").nextElementSibling;
      node?.matches("div.cell");
      node = node.nextElementSibling
    )
      later.push(node);
    const [seen, named] = [new Set(), new Set()];
    const said = frame(root, () => {
      for (const fold of [...clues, ...suspects]) {
        fold.open = false;
        delete fold.dataset.txVerdict;
      }
      for (const set of [seen, named]) set.clear();
      show();
      said.reset();
    });
    const show = () => {
      const solved = root.dataset.txState === "right";
      clues.forEach((clue, i) => {
        clue.hidden = !solved && i > 0 && !seen.has(i - 1);
      });
      for (const node of later) node.classList.toggle("tx-waits", !solved);
    };
    const count = () =>
      `${counted(seen.size, "clue")} of ${clues.length} opened, ${counted(named.size, "diagnosis", "diagnoses")} made.`;
    clues.forEach((clue, i) => {
      clue.addEventListener("toggle", () => {
        if (clue.open) seen.add(i);
        show();
        if (root.dataset.txState !== "right" && clue.open) said.status.textContent = count();
      });
    });
    suspects.forEach((suspect, i) => {
      suspect.addEventListener("toggle", () => {
        if (!suspect.open || root.dataset.txState === "right") return;
        named.add(i);
        const right = digest(salt, i) === key;
        suspect.dataset.txVerdict = right ? "right" : "wrong";
        if (right) {
          said.solved(true, `That is it. ${count()}`);
          for (const node of later) if (node.matches("details")) node.open = true;
        } else said.wrong(count());
        show();
      });
    });
    root.append(make("div", { className: "tx-tools" }, said.again), said.status);
    if (stored()[root.id]) suspects.find((_, i) => digest(salt, i) === key).open = true;
    show();
  }
})();
