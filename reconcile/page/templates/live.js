
const label = document.getElementById("refresh");
const box = label.firstElementChild;
const told = document.getElementById("refreshed");
label.hidden = false;
box.checked = sessionStorage.getItem("refresh") !== "off";
box.addEventListener("change", () => sessionStorage.setItem("refresh", box.checked ? "on" : "off"));

function isBusy() {
  const focused = document.activeElement;
  const isElsewhere = focused && focused !== document.body && focused !== box;
  return document.hidden || isElsewhere || document.querySelector("details[open]") || String(getSelection());
}

setInterval(async () => {
  if (!box.checked || isBusy()) return;
  try {
    if ((await fetch("/healthz")).ok) location.reload();
  } catch {
    told.textContent = "The server does not answer: this is how things were before.";
  }
}, 30000);
