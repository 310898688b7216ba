// The page: pictures in, one card for each. Text enters only as text, never as HTML.
"use strict";

const SHOWN = 5; // labels of a card; the rest can be opened
const PREVIEW = 900; // pixels, the longer side of a picture on its card
const PAUSE = 250; // milliseconds between two guesses of the camera

const { labels } = tellapart;
const byId = (id) => document.getElementById(id);
const words = (label) => label.replaceAll("_", " ");
const percent = (score) => `${(100 * score).toFixed(score > 0.9995 || score < 0.0005 ? 0 : 1)} %`;
const breath = () => new Promise((resume) => setTimeout(resume));

const engine = startEngine();
let queue = engine; // one picture after the other
let camera = null; // the stream while it runs

engine.then(
  () => byId("state").remove(),
  (error) => {
    const text = `The model could not be started: ${error.message ?? error}`;
    say(text);
    console.error(text);
  },
);

function say(text) {
  byId("state").textContent = text;
}

function make(kind, name, text = "") {
  const element = document.createElement(kind);
  element.className = name;
  element.textContent = text;
  return element;
}

// --- cards ---------------------------------------------------------------------------------

function addCard(name) {
  const card = make("article", "card waiting");
  const frame = make("div", "frame");
  const answer = make("div", "answer");
  card.append(frame, answer);
  answer.append(make("p", "name", name));
  document.body.classList.add("begun");
  return card;
}

function addPicture(file) {
  const card = addCard(file.name || "a pasted picture");
  byId("cards").prepend(card);
  queue = queue.catch(() => null).then(async () => {
    try {
      const session = await engine;
      const pixels = await readPicture(file);
      showPicture(card, pixels.canvas);
      await breath();
      showAnswer(card, await classify(session, pixels));
    } catch (error) {
      const known = error instanceof Error && error.message.startsWith("too large");
      const reason = known ? error.message : "not a picture that this browser can read";
      card.classList.add("unreadable");
      card.lastChild.append(make("p", "reason", reason));
    }
    card.classList.remove("waiting");
  });
  return queue;
}

function showPicture(card, canvas) {
  const scale = Math.min(1, PREVIEW / Math.max(canvas.width, canvas.height));
  const small = make("canvas", "picture");
  small.width = Math.max(1, Math.round(canvas.width * scale));
  small.height = Math.max(1, Math.round(canvas.height * scale));
  const brush = small.getContext("2d");
  brush.imageSmoothingQuality = "high";
  brush.drawImage(canvas, 0, 0, small.width, small.height);
  small.setAttribute("role", "img");
  small.setAttribute("aria-label", card.querySelector(".name").textContent);
  card.querySelector(".frame").replaceChildren(boxOf(small, canvas.width / canvas.height));
}

// What holds a picture and its evidence, both of one shape.
function boxOf(picture, ratio) {
  const box = make("div", "box");
  box.style.setProperty("--ratio", ratio);
  box.append(picture);
  return box;
}

function showAnswer(card, { scores, evidence, grid, unknown }) {
  const ranked = labels
    .map((label, index) => ({ label, index, score: scores[index] }))
    .sort((a, b) => b.score - a.score);
  const answer = card.querySelector(".answer");
  const rows = make("ol", "rows");
  rows.append(...ranked.slice(0, SHOWN).map(row));
  const closest = words(ranked[0].label);
  const verdict = make("h2", "verdict", unknown ? "none of these" : closest);
  const parts = [verdict, rows];
  if (unknown) {
    const score = ranked[0].score.toFixed(2);
    verdict.append(" ", make("small", "closest", `(closest: ${closest}, score = ${score})`));
  }
  card.classList.toggle("unknown", unknown);
  if (ranked.length > SHOWN) {
    const rest = make("details", "rest");
    const more = make("ol", "rows");
    more.append(...ranked.slice(SHOWN).map(row));
    rest.append(make("summary", "", `${ranked.length - SHOWN} more`), more);
    rest.open = answer.querySelector("details")?.open ?? false;
    parts.push(rest);
  }
  answer.replaceChildren(...parts, answer.querySelector(".name"));
  showEvidence(card.querySelector(".box"), evidence, grid, ranked[0].index);
}

function row({ label, index, score }) {
  const line = make("li", "row");
  line.dataset.label = index;
  const number = make("data", "score", percent(score));
  number.value = String(score);
  const bar = make("div", "bar");
  const fill = make("div", "fill");
  fill.style.width = `${100 * score}%`;
  bar.append(fill);
  line.append(make("span", "label", words(label)), number, bar);
  return line;
}

// Lights up the places that speak more for the first label than for the mean of all.
function showEvidence(box, evidence, [down, across], first) {
  const cells = down * across;
  const values = Array.from({ length: cells }, (_, cell) => {
    let mean = 0;
    for (let label = 0; label < labels.length; label++) {
      mean += evidence[label * cells + cell] / labels.length;
    }
    return Math.max(0, evidence[first * cells + cell] - mean);
  });
  const highest = Math.max(...values, 1e-9);
  const map = box.querySelector(".evidence") ?? make("canvas", "evidence");
  map.width = across;
  map.height = down;
  const brush = map.getContext("2d");
  const image = brush.createImageData(across, down);
  values.forEach((value, cell) => {
    image.data.set([8, 10, 16, 215 * (1 - value / highest)], 4 * cell); // dark where nothing spoke
  });
  brush.putImageData(image, 0, 0);
  map.setAttribute("aria-hidden", "true");
  box.append(map);
}

// --- the camera ----------------------------------------------------------------------------

async function startCamera() {
  const card = addCard("the camera, now");
  const video = make("video", "picture");
  Object.assign(video, { muted: true, playsInline: true, autoplay: true });
  try {
    camera = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment" },
      audio: false,
    });
  } catch (error) {
    const missing = error.name === "NotFoundError";
    byId("camera-state").textContent = missing
      ? "No camera was found."
      : "The camera may not be used: this page was not allowed to, or another program has it.";
    return;
  }
  byId("camera-state").textContent = "";
  byId("camera").textContent = "Stop the camera";
  video.srcObject = camera;
  await video.play();
  card.classList.add("live");
  card.querySelector(".frame").append(boxOf(video, video.videoWidth / video.videoHeight));
  byId("cards").prepend(card);
  watch(card, video, camera);
}

async function watch(card, video, stream) {
  const session = await engine;
  while (camera === stream && stream.active) {
    if (video.videoWidth) {
      const pixels = pixelsOf(video, video.videoWidth, video.videoHeight);
      const turn = queue.catch(() => null).then(() => classify(session, pixels));
      queue = turn;
      showAnswer(card, await turn);
      card.classList.remove("waiting");
    }
    await new Promise((resume) => setTimeout(resume, PAUSE));
  }
  if (camera === stream) stopCamera(); // it was unplugged
  card.remove();
}

function stopCamera() {
  camera?.getTracks().forEach((track) => track.stop());
  camera = null;
  byId("camera").textContent = "Use the camera";
}

// --- what people do ------------------------------------------------------------------------

byId("choose").addEventListener("click", () => byId("files").click());
byId("files").addEventListener("change", (event) => {
  [...event.target.files].forEach(addPicture);
  event.target.value = "";
});
byId("camera").addEventListener("click", () => (camera ? stopCamera() : startCamera()));
byId("camera").hidden = !navigator.mediaDevices;
byId("evidence").addEventListener("change", (event) => {
  document.body.classList.toggle("explained", event.target.checked);
});

addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  [...event.dataTransfer.files].forEach(addPicture);
});
addEventListener("paste", (event) => [...event.clipboardData.files].forEach(addPicture));
