// Saves the drawing that a page's `png` link names, as it looks now.

// Presentation attributes, not styles: the page's policy lets no style attribute through.
const kept = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linejoin", "font-family",
  "font-size", "font-weight", "text-anchor", "paint-order", "display", "visibility", "opacity", "vector-effect",
  "dominant-baseline",
];

function frozen(svg) {
  const copy = svg.cloneNode(true);
  const from = [svg, ...svg.querySelectorAll("*")];
  const to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((node, i) => {
    const look = getComputedStyle(node);
    if (node.matches(".leader")) to[i].setAttribute("d", ""); // the card it leads to is not part of the drawing
    for (const name of kept) to[i].setAttribute(name, look.getPropertyValue(name));
  });
  return copy;
}

/** The drawings as they stand on the page, under the title and over the source that the button names. */
async function paint(svgs, scale, words) {
  const boxes = svgs.map((svg) => svg.getBoundingClientRect());
  const left = Math.min(...boxes.map((b) => b.left));
  const top = Math.min(...boxes.map((b) => b.top));
  const width = Math.max(...boxes.map((b) => b.right)) - left;
  const height = Math.max(...boxes.map((b) => b.bottom)) - top;
  const margin = 20;
  const head = words.title ? 34 : 0;
  const foot = words.credit ? 24 : 0;
  const canvas = document.createElement("canvas");
  canvas.width = (width + 2 * margin) * scale;
  canvas.height = (height + 2 * margin + head + foot) * scale;
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(document.body).backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.scale(scale, scale);
  const { color, fontFamily } = getComputedStyle(document.body);
  pen.fillStyle = color;
  pen.font = `600 17px ${fontFamily}`;
  pen.fillText(words.title ?? "", margin, margin + 16);
  pen.font = `12px ${fontFamily}`;
  pen.fillText(words.credit ?? "", margin, height + 2 * margin + head + foot - 14);
  for (const [i, svg] of svgs.entries()) {
    const copy = frozen(svg);
    copy.setAttribute("width", boxes[i].width);
    copy.setAttribute("height", boxes[i].height);
    const picture = new Image();
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
    await picture.decode();
    pen.drawImage(picture, boxes[i].left - left + margin, boxes[i].top - top + margin + head, boxes[i].width, boxes[i].height);
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

export function savePictures() {
  for (const button of document.querySelectorAll("[data-png]")) {
    button.addEventListener("click", async () => {
      const svgs = [...document.querySelectorAll(button.dataset.png)].filter((svg) => svg.getBoundingClientRect().width);
      const blob = await paint(svgs, Math.max(2, devicePixelRatio), button.dataset);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = button.dataset.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
  }
}
