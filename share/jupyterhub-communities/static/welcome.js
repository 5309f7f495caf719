// Copy, print and picture for the return key. Without scripts the page says what to do by hand.
const key = document.getElementById("return-key").textContent.trim();
const copy = document.getElementById("copy-key");
const picture = document.getElementById("picture-key");
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

picture.addEventListener("click", () => {
  const { title, name, address } = picture.dataset;
  const url = draw([
    { text: title, size: 44, y: 110, colour: "#566070" },
    { text: name, size: 60, y: 210, direction: "auto" },
    { text: key, size: 76, y: 350, font: "ui-monospace, monospace", direction: "ltr" },
    { text: address, size: 40, y: 480, colour: "#566070", direction: "ltr" },
  ]);
  const link = document.createElement("a");
  link.href = url;
  link.download = "return-key.png";
  link.click();
  // Browsers inside other apps save no files: there a long press keeps the picture.
  const shown = document.getElementById("key-picture");
  shown.querySelector("img").src = url;
  shown.hidden = false;
});

// A card of lines in the middle, each as large as fits.
function draw(lines) {
  const canvas = document.createElement("canvas");
  canvas.width = 1080;
  canvas.height = 560;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.strokeStyle = "#b34700";
  pen.lineWidth = 6;
  pen.strokeRect(20, 20, canvas.width - 40, canvas.height - 40);
  pen.textAlign = "center";
  for (const { text, size, y, colour = "#1d232b", font = "system-ui, sans-serif", direction } of lines) {
    // As on the page: a name's own script decides its direction.
    pen.direction = direction === "auto" ? directionOf(text) : direction || document.dir || "ltr";
    let points = size;
    do pen.font = `600 ${points}px ${font}`;
    while (pen.measureText(text).width > canvas.width - 120 && --points > 18);
    pen.fillStyle = colour;
    pen.fillText(text, canvas.width / 2, y, canvas.width - 120);
  }
  return canvas.toDataURL("image/png");
}

function directionOf(text) {
  const first = text.match(/\p{L}/u);
  return first && /[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(first[0]) ? "rtl" : "ltr";
}
