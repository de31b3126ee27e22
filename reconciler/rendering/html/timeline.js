"use strict";
(() => {
  const svg = document.getElementById("timeline");
  if (!svg) return;
  const NS = "http://www.w3.org/2000/svg";
  const MINUTE = 60, HOUR = 3600, DAY = 86400;
  const STEPS = [15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 364 * DAY];
  const full = [Number(svg.dataset.start), Number(svg.dataset.stop)];
  const height = Number(svg.dataset.height);
  const now = Number(svg.dataset.now);
  const bars = [...svg.querySelectorAll("[data-start]")];
  const names = [...svg.querySelectorAll("[data-at]")];
  const axis = svg.querySelector(".axis");
  const soon = [Math.max(full[0], now - DAY / 2), now + 21 * DAY];
  const crowded = full[1] - full[0] > 45 * DAY && bars.some((bar) => bar.dataset.start < soon[1] && bar.dataset.stop > soon[0]);
  let [start, stop] = crowded ? soon : full;
  let width = 1000;
  const edges = new Map(bars.filter((bar) => bar.classList.contains("bar")).map((bar) => {
    const edge = element("text", { class: "edge", y: Number(bar.getAttribute("y")) + 10 });
    bar.after(edge);
    return [bar, edge];
  }));

  function x(seconds) { return ((seconds - start) / (stop - start)) * width; }
  function offset(seconds) {
    const zone = window.site.zone();
    if (zone === "UTC") return 0;
    const part = {};
    for (const { type, value } of new Intl.DateTimeFormat("en-GB", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).formatToParts(new Date(seconds * 1000))) part[type] = value;
    return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) / 1000 - Math.floor(seconds);
  }
  function element(name, attributes, text) {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return made;
  }
  function ticks() {
    const most = Math.max(2, Math.floor(width / 84));
    const step = STEPS.find((size) => (stop - start) / size <= most) || STEPS.at(-1);
    const shift = offset(start);
    const monday = 4 * DAY;
    const first = Math.ceil((start + shift - monday) / step) * step + monday - shift;
    const made = [];
    for (let tick = first; tick < stop; tick += step) {
      const there = tick + shift - offset(tick);
      const [weekday, date, clock] = window.site.moment(there, false).split(" ");
      const text = step >= DAY || clock === "00:00" ? `${weekday} ${date.slice(5)}` : clock;
      made.push(element("line", { class: "grid", x1: x(there), x2: x(there), y1: 20, y2: height }));
      made.push(element("text", { x: x(there) + 3, y: 14 }, text));
    }
    if (now >= start && now <= stop) {
      made.push(element("line", { class: "now", x1: x(now), x2: x(now), y1: 4, y2: height }));
    }
    return made;
  }
  function draw() {
    width = Math.max(280, svg.parentElement.clientWidth);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    axis.replaceChildren(...ticks());
    for (const name of names) name.setAttribute("x", Math.max(x(Number(name.dataset.at)), 0) + 4);
    for (const bar of bars) {
      const left = Math.max(x(Number(bar.dataset.start)), -4);
      const right = Math.min(x(Number(bar.dataset.stop)), width + 4);
      bar.setAttribute("x", left);
      bar.setAttribute("width", Math.max(right - left, right < 0 || left > width ? 0 : 2));
      const edge = edges.get(bar);
      if (!edge) continue;
      edge.textContent = right < 0 ? "‹" : left > width ? "›" : "";
      edge.setAttribute("x", right < 0 ? 4 : width - 12);
    }
  }
  function move(from, to) {
    const longest = (full[1] - full[0]) * 4;
    if (to - from < HOUR || to - from > longest) return;
    [start, stop] = [from, to];
    draw();
  }
  function zoom(factor) { const middle = (start + stop) / 2, half = ((stop - start) * factor) / 2; move(middle - half, middle + half); }
  function pan(share) { const by = (stop - start) * share; move(start + by, stop + by); }
  const acts = {
    "zoom-in": () => zoom(0.5), "zoom-out": () => zoom(2), earlier: () => pan(-0.4), later: () => pan(0.4),
    fit: () => move(...full),
  };
  for (const [id, act] of Object.entries(acts)) document.getElementById(id).addEventListener("click", act);
  svg.parentElement.addEventListener("keydown", (event) => {
    const act = { "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", ArrowLeft: "earlier", ArrowRight: "later", 0: "fit" }[event.key];
    if (act) { event.preventDefault(); acts[act](); }
  });
  window.addEventListener("resize", draw);
  window.site.onZone(draw);
  document.addEventListener("DOMContentLoaded", draw);
})();
