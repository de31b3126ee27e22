"use strict";
(() => {
  const source = document.getElementById("rows-data");
  if (!source) return;
  const { kinds, labels, rows, facet, groups, now, preset } = JSON.parse(source.textContent);
  const table = document.querySelector(".rows");
  const at = (id) => document.getElementById(id);
  const [search, sort, by, ends, whole, clear] = ["search", "sort", "by", "ends", "whole", "clear"].map(at);
  const menus = [...document.querySelectorAll("[data-menu]")];
  const slug = (name) => name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const SIZE = 100, MOST = 5000, DAY = 86400;
  const keys = new Map(Object.keys(groups).map((key) => [slug(key), key]));
  let state, found = [], texts = null;

  // What the address says, and back: a link shows what its sender saw.
  function read() {
    const hash = location.hash.slice(1);
    const asked = new URLSearchParams(hash.includes("=") ? hash : "");
    state = { q: asked.get("q") || "", sort: asked.get("sort") || "", by: asked.has("by") ? keys.get(asked.get("by")) || "" : preset,
      ends: asked.get("ends") || "", whole: asked.has("whole"), page: Number(asked.get("page")) || 1, chosen: new Map() };
    if (hash && !hash.includes("=") && hash !== "main") state.q = decodeURIComponent(hash);
    for (const [name, key] of keys) if (asked.has(name)) state.chosen.set(key, new Set(asked.getAll(name)));
  }
  function write() {
    const said = new URLSearchParams();
    for (const [key, values] of state.chosen) for (const value of values) said.append(slug(key), value);
    for (const name of ["q", "ends", "sort"]) if (state[name]) said.set(name, state[name]);
    if (state.by !== preset) said.set("by", slug(state.by) || "nothing");
    if (state.whole) said.set("whole", "yes");
    if (state.page > 1) said.set("page", state.page);
    const hash = String(said);
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  function make(tag, name, text) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  }
  function time(seconds, bare) {
    const element = make("time");
    element.dateTime = new Date(seconds * 1000).toISOString();
    if (bare) element.setAttribute("data-bare", "");
    element.textContent = window.site.moment(seconds, !bare);
    return element;
  }
  function span(start, stop, into) {
    if (stop === null) { into.append("from ", time(start), ", no end"); return into; }
    const end = time(stop);
    end.dataset.after = new Date(start * 1000).toISOString();
    end.textContent = window.site.until(stop, start);
    into.append(time(start, true), " to ", end);
    return into;
  }
  function linked(line) {
    if (!Array.isArray(line)) return line;
    const link = make("a", "", line[0]);
    link.href = line[1];
    return link;
  }
  function path(dn) {
    const shown = make("span", "under mono");
    dn.split("\\").forEach((piece, index) => { if (index) shown.append("\\", make("wbr")); shown.append(piece); });
    return shown;
  }
  const draw = {
    badge: ([word, tone], cell) => cell.append(make("span", `badge ${tone}`, word)),
    ticket: ([name, dn, guid, href], cell) => {
      const title = make(href ? "a" : "span", "name", name);
      if (href) title.href = href;
      cell.append(title, " ", make("span", "guid", guid), path(dn));
    },
    move: ([before, after, when, warning, [start, stop], [oldStart, oldStop]], cell) => {
      cell.append(before);
      if (before !== after) cell.append(make("span", "arrow", "→"), make("strong", "", after));
      if (start !== null) cell.append(span(start, stop, make("span", "under")));
      if (when || warning) {
        const under = make("span", "under", when && warning ? `${when}, ` : when);
        if (warning) under.append(make("span", "late", warning));
        cell.append(under);
      }
      if (oldStart !== null) cell.append(span(oldStart, oldStop, make("span", "under was", "was ")));
    },
    time: (seconds, cell) => { if (seconds !== null) cell.append(time(seconds)); },
    lines: ([first, ...rest], cell) => {
      cell.append(linked(first || ""));
      for (const line of rest) if (line.length) { const under = make("span", "under"); under.append(linked(line)); cell.append(under); }
    },
    dated: ([end, tone, first, ...rest], cell) => {
      if (tone) cell.append(make("strong", "late", first)); else if (first) cell.append(first);
      draw.lines(["", ...rest], cell);
      if (end !== null) { const under = make("span", "under", "ends "); under.append(time(end)); cell.append(under); }
    },
  };
  function row(index) {
    const line = make("tr", rows[index][facet][1] === "alert" ? "alert" : "");
    rows[index].forEach((value, column) => {
      const cell = make("td", `c-${kinds[column]}`), two = make("div", "two");
      two.dataset.label = labels[column];
      draw[kinds[column]](value, two);
      cell.append(two);
      line.append(cell);
    });
    return line;
  }

  const value = (key, index) => groups[key].values[groups[key].of[index]];
  const words = (cell) => Array.isArray(cell) ? cell.map(words).join(" ") : cell === null ? "" : String(cell);
  const dated = kinds.indexOf("dated");
  function text(index) {
    texts ||= rows.map((cells, place) => `${words(cells)} ${[...keys.values()].map((key) => value(key, place)).join(" ")}`.toLowerCase());
    return texts[index];
  }
  function filters() {
    const asked = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const made = [...state.chosen].map(([key, values]) => [key, (index) => values.has(value(key, index))]);
    if (asked.length) made.push(["", (index) => asked.every((word) => text(index).includes(word))]);
    if (state.ends && dated >= 0) {
      const last = now + Number(state.ends) * DAY;
      made.push(["", (index) => rows[index][dated][0] !== null && rows[index][dated][0] < last]);
    }
    return made;
  }
  function matching(made, but) {
    const kept = made.filter(([key]) => !but || key !== but).map(([, passes]) => passes);
    return rows.map((_, index) => index).filter((index) => kept.every((passes) => passes(index)));
  }
  function sortKey(column) {
    if (kinds[column] === "badge") return (index) => groups[labels[facet]].of[index];
    return (index) => {
      const cell = rows[index][column];
      const first = kinds[column] === "move" ? cell[4][0] : Array.isArray(cell) ? cell[0] : cell;
      if (typeof first === "number" || first === null) return first;
      return (Array.isArray(first) ? first[0] : first).toLowerCase() || null;
    };
  }
  function ordered(list) {
    const column = labels.findIndex((label) => slug(label) === state.sort.replace(/^-/, ""));
    const direction = state.sort.startsWith("-") ? -1 : 1;
    const key = column < 0 ? null : sortKey(column);
    const group = state.by ? groups[state.by].of : null;
    return list.sort((one, two) => {
      if (group && group[one] !== group[two]) return group[one] - group[two];
      if (!key) return one - two;
      const [a, b] = [key(one), key(two)];
      if (a === b) return one - two;
      if (a === null || b === null) return a === null ? 1 : -1;
      return (a < b ? -1 : 1) * direction;
    });
  }

  function bodies(shown) {
    if (!state.by) { const body = make("tbody"); body.append(...shown.map(row)); return [body]; }
    const counts = new Map(), made = new Map();
    for (const index of found) counts.set(value(state.by, index), (counts.get(value(state.by, index)) || 0) + 1);
    for (const index of shown) {
      const name = value(state.by, index);
      if (!made.has(name)) {
        const head = make("tr", "group"), cell = make("th");
        cell.colSpan = labels.length;
        cell.scope = "rowgroup";
        cell.append(toggle(state.by, name, name, counts.get(name)));
        head.append(cell);
        made.set(name, make("tbody"));
        made.get(name).append(head);
      }
      made.get(name).append(row(index));
    }
    return [...made.values()];
  }
  function toggle(key, name, label, number) {
    const button = make("button", "", label);
    button.type = "button";
    Object.assign(button.dataset, { key, value: name });
    button.setAttribute("aria-pressed", Boolean(state.chosen.get(key)?.has(name)));
    button.append(make("span", "", number === undefined ? "×" : number.toLocaleString("en")));
    return button;
  }
  function rest() {
    const buttons = new Set([...document.querySelectorAll("[data-key]")].filter((one) => !one.closest(".rows, .extra")).map((one) => one.dataset.key));
    for (const old of document.querySelectorAll(".extra")) old.remove();
    for (const [key, values] of state.chosen) {
      if (buttons.has(key) || menus.some((menu) => menu.dataset.menu === key && values.size === 1)) continue;
      for (const name of values) { const item = make("li", "extra"); item.append(toggle(key, name, `${key}: ${name}`)); at("chips").append(item); }
    }
  }
  function counted(made) {
    for (const button of document.querySelectorAll("[data-key]")) {
      const { key, value: name } = button.dataset;
      button.setAttribute("aria-pressed", name ? Boolean(state.chosen.get(key)?.has(name)) : !state.chosen.has(key));
    }
    const chips = document.querySelectorAll("#chips li:not(.extra) button");
    const numbers = new Map();
    for (const index of matching(made, labels[facet])) numbers.set(value(labels[facet], index), (numbers.get(value(labels[facet], index)) || 0) + 1);
    for (const chip of chips) chip.querySelector("span").textContent = (numbers.get(chip.dataset.value) || 0).toLocaleString("en");
  }
  function heads() {
    for (const head of table.querySelectorAll("thead th")) {
      const name = slug(head.dataset.label), down = state.sort === `-${name}`;
      const on = down || state.sort === name;
      if (on) head.setAttribute("aria-sort", down ? "descending" : "ascending"); else head.removeAttribute("aria-sort");
    }
    sort.value = state.sort;
  }
  function show(all) {
    const pages = Math.max(1, Math.ceil(found.length / SIZE));
    state.page = Math.min(Math.max(state.page, 1), pages);
    const from = all ? 0 : (state.page - 1) * SIZE;
    const shown = found.slice(from, all ? MOST : from + SIZE);
    for (const body of [...table.tBodies]) body.remove();
    table.append(...bodies(shown));
    const n = (number) => number.toLocaleString("en");
    at("said").textContent = (found.length ? `${n(from + 1)} to ${n(from + shown.length)} of ${n(found.length)}` : "none")
      + (found.length === rows.length ? "" : ` (${n(rows.length)} in all)`);
    at("pager").hidden = pages === 1;
    at("back").disabled = state.page === 1;
    at("next").disabled = state.page === pages;
    at("none").hidden = found.length > 0;
  }
  function refresh() {
    const made = filters();
    found = ordered(matching(made));
    table.classList.toggle("whole", !whole || state.whole);
    search.value = state.q;
    if (by) { by.value = state.by; if (by.selectedIndex < 0) by.value = state.by = ""; }
    if (ends) ends.value = state.ends;
    if (whole) whole.setAttribute("aria-pressed", state.whole);
    for (const menu of menus) { const chosen = state.chosen.get(menu.dataset.menu); menu.value = chosen?.size === 1 ? [...chosen][0] : ""; }
    clear.hidden = !made.length;
    show();
    rest();
    counted(made);
    heads();
  }
  function change(values) { Object.assign(state, { page: 1 }, values); refresh(); write(); }
  function choose(key, name, only) {
    const chosen = new Set(only ? [] : state.chosen.get(key));
    if (name && state.chosen.get(key)?.has(name)) chosen.delete(name); else if (name) chosen.add(name);
    state.chosen.delete(key);
    if (chosen.size) state.chosen.set(key, chosen);
    change({});
  }
  function sorted(name) { change({ sort: state.sort === name ? `-${name}` : state.sort === `-${name}` ? "" : name }); }

  table.querySelectorAll("thead th").forEach((head, column) => {
    head.dataset.label = labels[column];
    const button = make("button", "", labels[column]);
    button.type = "button";
    button.addEventListener("click", () => sorted(slug(labels[column])));
    head.replaceChildren(button);
    for (const [sign, mark] of [["", "↑"], ["-", "↓"]]) sort.append(new Option(`${labels[column]} ${mark}`, sign + slug(labels[column])));
  });
  for (const menu of menus) {
    const names = groups[menu.dataset.menu].values;
    menu.append(...[...names].sort((a, b) => a.localeCompare(b, "en", { numeric: true })).map((name) => new Option(name, name)));
    menu.addEventListener("change", () => { state.chosen.delete(menu.dataset.menu); choose(menu.dataset.menu, menu.value, true); });
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-key]");
    if (button) choose(button.dataset.key, button.dataset.value, button.hasAttribute("data-only"));
  });
  search.addEventListener("input", () => change({ q: search.value }));
  sort.addEventListener("change", () => change({ sort: sort.value }));
  by?.addEventListener("change", () => change({ by: by.value }));
  ends?.addEventListener("change", () => change({ ends: ends.value }));
  whole?.addEventListener("click", () => change({ whole: !state.whole, page: state.page }));
  clear.addEventListener("click", () => change({ q: "", ends: "", chosen: new Map() }));
  at("back").addEventListener("click", () => change({ page: state.page - 1 }));
  at("next").addEventListener("click", () => change({ page: state.page + 1 }));
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName || "");
    if (event.key === "/" && !typing) { event.preventDefault(); search.focus(); }
    if (event.key === "Escape" && document.activeElement === search) change({ q: "" });
  });
  window.addEventListener("beforeprint", () => show(true));
  window.addEventListener("afterprint", () => show());
  window.addEventListener("hashchange", () => { read(); refresh(); });
  at("controls").hidden = false;
  read();
  document.addEventListener("DOMContentLoaded", refresh);
})();
