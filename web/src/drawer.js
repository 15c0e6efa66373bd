// A figure's mark leads to its pedigree page. With a script the same page opens beside the one being read.

let dialog = null;

function frame(words) {
  const made = document.createElement("dialog");
  made.className = "drawer";
  made.setAttribute("aria-label", words.title);
  made.addEventListener("click", (event) => {
    if (event.target === made) made.close();
  });
  document.body.append(made);
  return made;
}

async function open(link) {
  const words = document.body.dataset;
  const answer = await fetch(link.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const main = page.querySelector("main");
  dialog ??= frame({ title: words.drawerTitle });
  const close = document.createElement("button");
  close.className = "plain close";
  close.textContent = words.drawerClose;
  close.addEventListener("click", () => dialog.close());
  const content = document.createElement("div");
  content.append(...main.childNodes);
  content.querySelectorAll("[id]").forEach((node) => node.removeAttribute("id"));
  content.querySelectorAll(".foot").forEach((node) => node.remove());
  const heading = content.querySelector("h1");
  if (heading) {
    heading.tabIndex = -1;
    heading.setAttribute("autofocus", "");
  }
  dialog.replaceChildren(close, content);
  dialog.scrollTop = 0;
  if (!dialog.open) dialog.showModal();
}

export function openDrawers() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-drawer]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(link).catch(() => location.assign(link.href));
  });
}
