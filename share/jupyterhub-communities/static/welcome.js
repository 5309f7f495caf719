// Copy and print for the return key. Without scripts the page does the same by hand.
const key = document.getElementById("return-key").textContent.trim();
const copy = document.getElementById("copy-key");
document.getElementById("key-tools").hidden = false;
document.getElementById("print-key").addEventListener("click", () => window.print());
if (navigator.clipboard) {
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(key);
    copy.textContent = copy.dataset.done;
  });
} else {
  copy.hidden = true;
}
