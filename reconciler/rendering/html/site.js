"use strict";
(() => {
  const root = document.documentElement;
  const store = {
    get(key) { try { return localStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, value); } catch { /* files may have no storage */ } },
  };

  const zones = document.getElementById("zone");
  const theme = document.getElementById("theme");
  const local = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const formats = new Map();
  let zone = "UTC";

  function format(name) {
    if (!formats.has(name)) {
      formats.set(name, new Intl.DateTimeFormat("en-GB", {
        timeZone: name, weekday: "short", year: "numeric", month: "2-digit", day: "2-digit",
        hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short",
      }));
    }
    return formats.get(name);
  }

  function parts(seconds) {
    const part = {};
    for (const { type, value } of format(zone).formatToParts(new Date(seconds * 1000))) part[type] = value;
    part.date = `${part.year}-${part.month}-${part.day}`;
    part.clock = `${part.hour}:${part.minute}${part.second === "00" ? "" : `:${part.second}`}`;
    return part;
  }
  function moment(seconds, withZone) {
    const part = parts(seconds);
    const text = `${part.weekday} ${part.date} ${part.clock}`;
    return withZone ? `${text} ${part.timeZoneName}` : text;
  }
  // The end of something whose beginning was said before: only what differs.
  function until(seconds, after) {
    const [part, before] = [parts(seconds), parts(after)];
    const days = Math.abs(Date.parse(part.date) - Date.parse(before.date)) / 86400000;
    const day = days === 0 ? "" : days < 7 ? `${part.weekday} ` : `${part.weekday} ${part.date} `;
    return `${day}${part.clock} ${part.timeZoneName}`;
  }

  function show(scope) {
    for (const element of scope.querySelectorAll("time")) {
      const seconds = Date.parse(element.dateTime) / 1000, after = element.dataset.after;
      element.textContent = after ? until(seconds, Date.parse(after) / 1000) : moment(seconds, !element.hasAttribute("data-bare"));
    }
  }

  const listeners = [];
  window.site = { moment, until, show, zone: () => zone, onZone: (listener) => listeners.push(listener) };

  function use(name) {
    zone = name;
    show(document);
    for (const listener of listeners) listener();
  }

  if (zones) {
    const names = [...new Set(["UTC", zones.dataset.zone || "UTC", local])];
    zones.replaceChildren(...names.map((name) => {
      const option = document.createElement("option");
      option.value = name;
      option.textContent = name === "UTC" ? "UTC" : name === local ? `Local (${name})` : name;
      return option;
    }));
    const kept = store.get("zone");
    zones.value = names.includes(kept) ? kept : "UTC";
    zone = zones.value;
    zones.addEventListener("change", () => { store.set("zone", zones.value); use(zones.value); });
  }

  function paint(name) {
    if (name) root.dataset.theme = name; else delete root.dataset.theme;
    const dark = name ? name === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    if (theme) { theme.textContent = dark ? "Light" : "Dark"; theme.setAttribute("aria-label", `Switch to ${dark ? "light" : "dark"} colours`); }
    return dark;
  }
  let dark = paint(store.get("theme"));
  if (theme) theme.addEventListener("click", () => { store.set("theme", dark ? "light" : "dark"); dark = paint(store.get("theme") || (dark ? "light" : "dark")); });

  // What depends on the time at which the page is looked at.
  const OVERDUE = 26 * 3600;
  function ago(seconds) {
    const units = [["d", 86400, 1e9], ["h", 3600, 24], ["min", 60, 60]];
    const said = units.map(([unit, size, most]) => [Math.floor(seconds / size) % most, unit]).filter(([number]) => number);
    return said.length ? `${said.slice(0, 2).map((one) => one.join(" ")).join(" ")} ago` : "just now";
  }
  function look() {
    for (const beat of document.querySelectorAll("[data-beat]")) {
      const age = (Date.now() - Date.parse(beat.dataset.beat)) / 1000;
      const late = age > OVERDUE || age < -300;
      let badge = beat.querySelector(".badge");
      if (!badge) {
        badge = document.createElement("span");
        badge.style.whiteSpace = "normal"; // the age of a run may need two lines on a phone
        beat.prepend(badge, " ");
      }
      badge.className = `badge ${late ? "bad" : "good"}`;
      badge.textContent = age < -300 ? "in the future" : late ? `${ago(age)}, overdue` : ago(age);
    }
    for (const note of document.querySelectorAll("[data-from]")) note.hidden = Date.now() < Date.parse(note.dataset.from);
  }
  setInterval(look, 60000);

  document.addEventListener("DOMContentLoaded", () => { use(zone); look(); });
})();
