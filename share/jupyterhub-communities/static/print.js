// The browser's own printing by a button. Without scripts the page says what to do.
const button = document.getElementById("print");
if (button) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
