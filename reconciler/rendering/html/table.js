"use strict";
(() => {
  const source = document.getElementById("rows-data");
  if (!source) return;
  const { kinds, labels, rows, facet, sorts } = JSON.parse(source.textContent);
  const body = document.querySelector(".rows tbody");
  const search = document.getElementById("search");
  const sort = document.getElementById("sort");
  const said = document.getElementById("said");
  const back = document.getElementById("back");
  const next = document.getElementById("next");
  const empty = document.getElementById("none");
  const chips = [...document.querySelectorAll(".chips button")];
  const SIZE = 100;
  let page = 0;
  let found = rows;
  let texts = null;

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
  function span(start, stop) {
    const element = make("span");
    if (stop === null) element.append("from ", time(start), ", no end");
    else element.append(time(start, true), " to ", time(stop));
    return element;
  }
  function linked(line) {
    if (!Array.isArray(line)) return line;
    const link = make("a", "", line[0]);
    link.href = line[1];
    return link;
  }
  const draw = {
    badge: ([word, tone], cell) => cell.append(make("span", `badge ${tone}`, word)),
    ticket: ([name, dn, guid, href], cell) => {
      const title = make(href ? "a" : "span", "name", name);
      if (href) title.href = href;
      cell.append(title, make("span", "under mono", dn), make("span", "under mono", guid));
    },
    move: ([before, after, final], cell) => {
      if (before === after) cell.append(after);
      else cell.append(make("span", "", before), make("span", "arrow", "→"), make("strong", "", after));
      if (final) cell.append(make("span", "final", final));
    },
    when: ([start, stop, oldStart, oldStop, text], cell) => {
      if (oldStart !== null) { const old = make("span", "under was"); old.append(span(oldStart, oldStop)); cell.append(old); }
      if (start !== null) cell.append(span(start, stop)); else cell.append(text);
    },
    time: (seconds, cell) => { if (seconds !== null) cell.append(time(seconds)); },
    text: (text, cell) => cell.append(text),
    lines: ([first, ...rest], cell) => {
      cell.append(linked(first || ""));
      for (const line of rest) if (line) { const under = make("span", "under"); under.append(linked(line)); cell.append(under); }
    },
    dated: ([end, ...lines], cell) => {
      draw.lines(lines, cell);
      if (end !== null) { const under = make("span", "under"); under.append("ends ", time(end)); cell.append(under); }
    },
    mono: (text, cell) => cell.append(make("code", "", text)),
  };

  function row(values) {
    const line = make("tr");
    values.forEach((value, index) => {
      const cell = make("td", `c-${kinds[index]}`);
      cell.dataset.label = labels[index];
      draw[kinds[index]](value, cell);
      line.append(cell);
    });
    return line;
  }

  function words(value) { return Array.isArray(value) ? value.map(words).join(" ") : value === null ? "" : String(value); }
  function wanted() {
    const pressed = new Set(chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.word));
    const asked = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (asked.length && !texts) texts = new Map(rows.map((values) => [values, words(values).toLowerCase()]));
    let list = rows;
    if (pressed.size) list = list.filter((values) => pressed.has(values[facet][0]));
    if (asked.length) list = list.filter((values) => asked.every((word) => texts.get(values).includes(word)));
    const [column, direction] = (sorts[sort ? sort.value : ""] || []);
    if (column !== undefined) {
      const key = (values) => { const value = values[column]; return Array.isArray(value) ? value[0] : value; };
      list = [...list].sort((one, two) => {
        const [a, b] = [key(one), key(two)];
        if (a === b) return 0;
        if (a === null) return 1;
        if (b === null) return -1;
        return (a < b ? -1 : 1) * direction;
      });
    }
    return list;
  }
  function show(all) {
    const pages = Math.max(1, Math.ceil(found.length / SIZE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const shown = all ? found.slice(0, 5000) : found.slice(page * SIZE, (page + 1) * SIZE);
    body.replaceChildren(...shown.map(row));
    const first = found.length ? page * SIZE + 1 : 0;
    said.textContent = `${first.toLocaleString("en")} to ${(all ? shown.length : first + shown.length - (found.length ? 1 : 0)).toLocaleString("en")} of ${found.length.toLocaleString("en")}`
      + (found.length === rows.length ? "" : ` (${rows.length.toLocaleString("en")} in all)`);
    back.disabled = page === 0;
    next.disabled = page >= pages - 1;
    empty.hidden = found.length > 0;
  }
  function refresh() { found = wanted(); page = 0; show(); }

  for (const chip of chips) {
    chip.addEventListener("click", () => { chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") !== "true"); refresh(); });
  }
  search.addEventListener("input", refresh);
  if (sort) sort.addEventListener("change", refresh);
  back.addEventListener("click", () => { page -= 1; show(); });
  next.addEventListener("click", () => { page += 1; show(); });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName || "");
    if (event.key === "/" && !typing) { event.preventDefault(); search.focus(); }
    if (event.key === "Escape" && document.activeElement === search) { search.value = ""; refresh(); }
  });
  window.addEventListener("beforeprint", () => show(true));
  window.addEventListener("afterprint", () => show());
  const asked = decodeURIComponent(location.hash.slice(1));
  if (asked) search.value = asked;
  document.addEventListener("DOMContentLoaded", refresh);
})();
