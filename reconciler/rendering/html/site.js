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

  function moment(seconds, withZone) {
    const part = {};
    for (const { type, value } of format(zone).formatToParts(new Date(seconds * 1000))) part[type] = value;
    const odd = part.second === "00" ? "" : `:${part.second}`;
    const text = `${part.weekday} ${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}${odd}`;
    return withZone ? `${text} ${part.timeZoneName}` : text;
  }

  function show(scope) {
    for (const element of scope.querySelectorAll("time")) {
      element.textContent = moment(Date.parse(element.dateTime) / 1000, !element.hasAttribute("data-bare"));
    }
  }

  const listeners = [];
  window.site = { moment, show, zone: () => zone, onZone: (listener) => listeners.push(listener) };

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

  document.addEventListener("DOMContentLoaded", () => use(zone));
})();
