// From pixels to scores: unpacks the model and onnxruntime-web, and runs them. Touches no page.
"use strict";

const MAX_SIDE = 30000; // pixels: the limits that tellapart itself has
const MAX_PIXELS = 89478485;
const ENOUGH = 360; // a picture is halved while its shorter side stays at least this

// The bytes behind gzip and base64, as model.js and runtime.js hold them.
async function unpacked(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The two parts of onnxruntime-web that it would otherwise fetch by itself: [loader, program].
async function runtimeParts() {
  const { loader, program } = tellapart.runtime;
  if (loader.text) return Promise.all([unpacked(loader.text), unpacked(program.text)]);
  return Promise.all([loader, program].map(async ({ address, integrity }) => {
    const answer = await fetch(address, { integrity, referrerPolicy: "no-referrer" });
    return new Uint8Array(await answer.arrayBuffer());
  }));
}

async function startEngine() {
  const [model, [loader, program]] = await Promise.all([
    unpacked(tellapart.model),
    runtimeParts(),
  ]);
  // A page opened from a folder may not import its neighbours, but it may import a blob.
  const address = URL.createObjectURL(new Blob([loader], { type: "text/javascript" }));
  ort.env.wasm.wasmPaths = { mjs: address };
  ort.env.wasm.wasmBinary = program.buffer;
  ort.env.wasm.numThreads = 1; // more would need headers that a folder cannot send
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  delete tellapart.model;
  delete tellapart.runtime;
  return session;
}

// { scores: [K], evidence: [K * h * w], grid: [h, w], unknown } for RGB pixels; `unknown`: stranger
// than nearly all of the model's own kind, as `tellapart guess` has it.
async function classify(session, { data, width, height }) {
  const image = new ort.Tensor("uint8", data, [1, height, width, 3]);
  const wanted = ["scores", "evidence", "novelty"];
  const { scores, evidence, novelty } = await session.run({ image }, wanted);
  const unknown = novelty.data[0] > tellapart.unknownAbove;
  return { scores: scores.data, evidence: evidence.data, grid: evidence.dims.slice(2), unknown };
}

// Upright RGB pixels of a file, on white, and a canvas to show.
async function readPicture(file) {
  const bitmap = await createImageBitmap(file, {
    colorSpaceConversion: "default",
    premultiplyAlpha: "none",
    imageOrientation: "from-image",
  });
  try {
    const { width, height } = bitmap;
    if (Math.max(width, height) > MAX_SIDE || width * height > MAX_PIXELS) {
      throw new Error(`too large: ${width} x ${height} pixels`);
    }
    return pixelsOf(bitmap, width, height);
  } finally {
    bitmap.close();
  }
}

// Pixels of a bitmap or of a video's present picture.
function pixelsOf(source, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const brush = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  if (!brush) throw new Error("too large for this browser");
  brush.fillStyle = "#fff";
  brush.fillRect(0, 0, width, height);
  brush.drawImage(source, 0, 0);
  const { data } = brush.getImageData(0, 0, width, height);
  let factor = 1;
  while (Math.min(width, height) > (2 * ENOUGH - 1) * factor) factor *= 2;
  return { ...averaged(data, width, height, factor), canvas };
}

// RGB of RGBA, each pixel the mean of a square of `factor` by `factor`: as tellapart reads it, but
// for a JPEG, which it decodes at that size.
function averaged(data, width, height, factor) {
  const across = Math.ceil(width / factor);
  const down = Math.ceil(height / factor);
  const rgb = new Uint8Array(across * down * 3);
  let at = 0;
  for (let top = 0; top < height; top += factor) {
    const bottom = Math.min(top + factor, height);
    for (let left = 0; left < width; left += factor) {
      const right = Math.min(left + factor, width);
      let red = 0, green = 0, blue = 0;
      for (let y = top; y < bottom; y++) {
        for (let from = 4 * (y * width + left), to = 4 * (y * width + right); from < to; from += 4) {
          red += data[from];
          green += data[from + 1];
          blue += data[from + 2];
        }
      }
      const count = (bottom - top) * (right - left);
      rgb[at++] = Math.round(red / count);
      rgb[at++] = Math.round(green / count);
      rgb[at++] = Math.round(blue / count);
    }
  }
  return { data: rgb, width: across, height: down };
}
