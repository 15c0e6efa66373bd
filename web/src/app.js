// What a page does beyond reading. Without this file every figure, table, map and chart is still there.
import { watchMaps } from "./hover.js";
import { openDrawers } from "./drawer.js";
import { savePictures } from "./picture.js";
import { copyTexts } from "./copy.js";
import { walkRows } from "./walk.js";

const root = document.documentElement;
root.classList.add("js");

// A changed choice is sent at once; the button that does it without a script is hidden.
for (const field of document.querySelectorAll("select[data-send]")) {
  field.addEventListener("change", () => field.form.requestSubmit());
}

// Light and dark: the choice travels in a cookie, so that the next page is drawn right from the start.
for (const button of document.querySelectorAll("[data-theme-switch]")) {
  button.addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
    button.setAttribute("aria-pressed", String(!dark));
    document.dispatchEvent(new CustomEvent("themechange"));
  });
}

for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());

// "/" goes to the place search, as in an atlas's index.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = document.querySelector("[data-find]");
  if (field && field.offsetParent) {
    event.preventDefault();
    field.focus();
  }
});

// The drawing of states is shown from the state at hand where it is wider than its box.
for (const state of document.querySelectorAll(".machine .here")) {
  const box = state.closest(".scroll");
  const at = state.getBoundingClientRect();
  const seen = box.getBoundingClientRect();
  box.scrollLeft += at.left + at.width / 2 - seen.left - seen.width / 2;
}

// A chart becomes a live one when it is pointed at or reached by keyboard; until then it is the drawing in the page.
for (const figure of document.querySelectorAll("[data-chart]")) {
  const wake = async () => {
    figure.removeEventListener("pointerenter", wake);
    figure.removeEventListener("focusin", wake);
    const { enliven } = await import("./chart.js");
    enliven(figure);
  };
  figure.addEventListener("pointerenter", wake);
  figure.addEventListener("focusin", wake);
}

// The map that moves is loaded when it is asked for.
for (const button of document.querySelectorAll("[data-map-open]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    try {
      const { openMap } = await import("./map.js");
      await openMap(button);
    } catch (error) {
      const box = button.closest(".mapbox");
      const note = document.createElement("p");
      note.className = "notice";
      note.setAttribute("role", "status");
      note.textContent = button.dataset.failed;
      box.after(note);
      console.warn(error);
    } finally {
      button.disabled = false;
      button.removeAttribute("aria-busy");
    }
  });
}

// The map of rasters is the page's picture: it comes alive as soon as the rest of the page stands.
for (const box of document.querySelectorAll("[data-raster-map]")) {
  const wake = async () => {
    try {
      const { openRaster } = await import("./raster.js");
      await openRaster(box);
    } catch (error) {
      const note = document.createElement("p");
      note.className = "notice";
      note.setAttribute("role", "status");
      note.textContent = JSON.parse(box.querySelector("script").textContent).words.failed;
      box.after(note);
      console.warn(error);
    }
  };
  if (document.readyState === "complete") wake();
  else addEventListener("load", wake, { once: true });
}

// A market comes alive where the page has one.
for (const box of document.querySelectorAll("[data-stream]")) {
  import("./exchange.js").then(({ watchMarket, watchTicket }) => {
    watchMarket(box);
    for (const form of box.querySelectorAll("[data-ticket]")) watchTicket(form);
  });
}

if (document.querySelector("[data-until]")) import("./exchange.js").then(({ countDown }) => countDown());

// A page of alerts follows them.
for (const mark of document.querySelectorAll("[data-live]")) {
  import("./live.js").then(({ follow }) => follow(mark));
}

watchMaps();
openDrawers();
savePictures();
copyTexts();
walkRows();
