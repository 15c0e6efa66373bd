// The raster map that moves: tiles from this server, one layer or two with a divider between them, and the pixel that was
// asked for. What the pixel holds is said by the server; the same page without a script says the same.
import { Map, Marker, NavigationControl, ScaleControl } from "maplibre-gl";
import { style, token } from "./map.js";
import { readAt } from "./drawer.js";

const dark = () => {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};
const tiles = (side) => [`${location.origin}${side.tiles}${dark() ? "dark" : "light"}`];
const NOTHING = { type: "FeatureCollection", features: [] };

function look(side, places) {
  return {
    version: 8,
    sources: {
      cells: { type: "raster", tiles: tiles(side), tileSize: 256, minzoom: side.zooms[0], maxzoom: side.zooms[1], bounds: side.bounds },
      places: { type: "geojson", data: places },
      pixel: { type: "geojson", data: NOTHING },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": token("--paper") } },
      { id: "cells", type: "raster", source: "cells", paint: { "raster-resampling": "nearest", "raster-fade-duration": 0 } },
      { id: "halo", type: "line", source: "places", paint: { "line-color": token("--paper"), "line-width": 3, "line-opacity": 0.7 } },
      { id: "lines", type: "line", source: "places", paint: { "line-color": token("--ink-2"), "line-width": 1 } },
      { id: "pixel", type: "line", source: "pixel", paint: { "line-color": token("--ink"), "line-width": 2 } },
    ],
  };
}

function draw(box, about, side, places, first) {
  const pane = document.createElement("div");
  pane.className = first ? "pane" : "pane over";
  box.append(pane);
  const { words } = about;
  const map = new Map({
    container: pane,
    style: look(side, places),
    ...(about.at ? { center: about.at.slice(0, 2), zoom: about.at[2] } : { bounds: about.box, fitBoundsOptions: { padding: 0 } }),
    minZoom: Math.max(0, side.zooms[0]),
    maxZoom: side.zooms[1] + 3,
    renderWorldCopies: false,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 0,
    locale: { "Map.Title": side.name, "NavigationControl.ZoomIn": words.zoom_in, "NavigationControl.ZoomOut": words.zoom_out },
  });
  map.touchZoomRotate.disableRotation();
  if (first) {
    map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    map.addControl(new ScaleControl({ unit: "metric" }), "bottom-right");
  } else {
    map.getCanvas().tabIndex = -1; // one stop for the Tab key: both maps move together
  }
  document.addEventListener("themechange", () => {
    map.getSource("cells")?.setTiles(tiles(side));
    for (const [layer, name, colour] of [["ground", "background-color", "--paper"], ["halo", "line-color", "--paper"], ["lines", "line-color", "--ink-2"], ["pixel", "line-color", "--ink"]]) {
      map.setPaintProperty(layer, name, token(colour));
    }
  });
  return map;
}

/** Both maps show the same place at the same zoom. */
function together(maps) {
  let leading = false;
  for (const map of maps) {
    map.on("move", () => {
      if (leading) return;
      leading = true;
      for (const other of maps) if (other !== map) other.jumpTo({ center: map.getCenter(), zoom: map.getZoom() });
      leading = false;
    });
  }
}

/** The divider: a native slider, so that keyboard, touch and speech work as for any other. */
function divide(stage, about) {
  const over = stage.querySelector(".pane.over");
  const line = document.createElement("div");
  line.className = "divider";
  const slider = document.createElement("input");
  slider.type = "range";
  slider.className = "swipe";
  slider.min = 0;
  slider.max = 100;
  slider.step = 1;
  slider.value = 50;
  slider.setAttribute("aria-label", about.words.swipe);
  const names = about.sides.map((side, i) => {
    const name = document.createElement("span");
    name.className = `sidename ${i ? "right" : "left"}`;
    name.textContent = side.name;
    return name;
  });
  const set = () => {
    const at = Number(slider.value);
    over.style.clipPath = `inset(0 0 0 ${at}%)`;
    stage.style.setProperty("--at", `${at}%`);
    slider.setAttribute("aria-valuetext", `${about.sides[0].name} ${at} %, ${about.sides[1].name} ${100 - at} %`);
  };
  slider.addEventListener("input", set);
  stage.append(line, ...names, slider);
  // the slider's own track lets the map be dragged; only its handle and the line hold on to the pointer
  const drag = (event) => {
    const edge = stage.getBoundingClientRect();
    slider.value = Math.round(((event.clientX - edge.left) / edge.width) * 100);
    set();
  };
  line.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    line.setPointerCapture(event.pointerId);
    line.addEventListener("pointermove", drag);
    slider.focus({ preventScroll: true });
  });
  for (const end of ["pointerup", "pointercancel"]) line.addEventListener(end, () => line.removeEventListener("pointermove", drag));
  set();
}

// ---- the address holds the state -----------------------------------------------------------------------------------

/** Puts values into the address, the links of the languages and exports, and the forms; an empty value takes one out. */
function remember(values) {
  const put = (href) => {
    const url = new URL(href, location.href);
    for (const [name, value] of Object.entries(values)) {
      if (value) url.searchParams.set(name, value);
      else url.searchParams.delete(name);
    }
    return url;
  };
  readAt(put(location.href).href.replaceAll("%2C", ","));
  for (const link of document.querySelectorAll("a[hreflang], .foot a, table.layers a, .rail .tree a")) {
    if (link.pathname.includes("/zone/raster")) link.href = put(link.href).href;
  }
  for (const form of document.querySelectorAll(".rasterpicks, [data-pixel-form], .rail form")) {
    for (const [name, value] of Object.entries(values)) {
      let field = form.elements.namedItem(name);
      if (!field) {
        field = document.createElement("input");
        field.type = "hidden";
        field.name = name;
        form.append(field);
      }
      if (field.type === "hidden") field.value = value;
    }
  }
}

/** While the server works on an account of the pixel, it is asked again. */
let following = 0;
function follow() {
  clearTimeout(following);
  if (document.querySelector("[data-pixel] [data-working]")) following = setTimeout(() => ask({}).catch(() => {}), 2_000);
}

/** Asks the server for the page at this pixel and takes over what it says of it. */
async function ask(values) {
  remember(values);
  const parts = ["[data-pixel-card]", "[data-pixel]"].map((name) => [name, document.querySelector(name)]);
  for (const [, part] of parts) part.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(120_000) });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const [name, part] of parts) part.replaceChildren(...page.querySelector(name).childNodes);
    follow();
  } finally {
    for (const [, part] of parts) part.removeAttribute("aria-busy");
  }
}

function ring(card) {
  const cell = card.querySelector("[data-cell]");
  if (!cell) return NOTHING;
  const corners = JSON.parse(cell.dataset.cell);
  return { type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: [...corners, corners[0]] } };
}

function cross() {
  const made = document.createElement("div");
  made.className = "cross";
  made.setAttribute("aria-hidden", "true");
  return made;
}

export async function openRaster(box) {
  const about = JSON.parse(box.querySelector("script[type='application/json']").textContent);
  const [answer] = await Promise.all([fetch(about.places, { signal: AbortSignal.timeout(20_000) }), style()]);
  if (!answer.ok) throw new Error(`places: ${answer.status}`);
  const places = await answer.json();
  const stage = document.createElement("div");
  stage.className = "live";
  box.append(stage);
  const maps = about.sides.map((side, i) => draw(stage, about, side, places, i === 0));
  together(maps);
  if (maps.length > 1) divide(stage, about);
  const [card, section] = [document.querySelector("[data-pixel-card]"), document.querySelector("[data-pixel]")];
  const markers = maps.map(() => new Marker({ element: cross() }));
  const show = () => {
    const at = card.querySelector("[data-at]")?.dataset.at.split(",").map(Number);
    maps.forEach((map, i) => {
      if (at) markers[i].setLngLat(at).addTo(map);
      else markers[i].remove();
      map.getSource("pixel")?.setData(ring(card));
    });
    return at;
  };
  const choose = async (lon, lat, { focus = false, move = false } = {}) => {
    try {
      await ask({ lon: String(lon), lat: String(lat) });
    } catch {
      location.reload(); // the address already names the pixel
      return;
    }
    const at = show();
    if (at && move) maps[0].easeTo({ center: at, duration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 200 });
    if (focus) (at ? section : card.querySelector("[aria-invalid]") ?? section).focus();
  };
  const round = (value) => Math.round(value * 1e6) / 1e6;
  for (const map of maps) map.on("click", (event) => choose(round(event.lngLat.lng), round(event.lngLat.lat)));
  maps[0].getCanvas().addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const { lng, lat } = maps[0].getCenter();
    choose(round(lng), round(lat), { focus: true });
  });
  // another account of the same pixel: only the page's own part is asked for anew
  section.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-account]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    ask({ account: link.dataset.account }).then(() => section.querySelector("details[open] summary")?.focus({ preventScroll: true }), () => location.assign(link.href));
  });
  card.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-pixel-form]");
    if (!form) return;
    event.preventDefault();
    choose(form.elements.lon.value, form.elements.lat.value, { focus: true, move: true });
  });
  await Promise.all(maps.map((map) => new Promise((done) => map.once("idle", done))));
  show();
  follow();
  maps[0].on("moveend", () => {
    const { lng, lat } = maps[0].getCenter();
    remember({ at: `${lng.toFixed(5)},${lat.toFixed(5)},${maps[0].getZoom().toFixed(2)}` });
  });
  box.dataset.live = "ready";
}
