// A button that copies what it names: a command, a citation. The page also shows the text, so nothing is lost without it.

export function copyTexts(root = document) {
  root.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      return; // no permission: the text stands beside the button
    }
    button.textContent = button.dataset.done;
    button.setAttribute("aria-live", "polite");
    setTimeout(() => {
      button.textContent = said;
    }, 1_500);
  });
}
