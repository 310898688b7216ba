// Frames of a camera as files: how large, under which name, and with the time in them.
//
// A frame is encoded once, as the JPEG that is kept if somebody keeps it: so what is tested is
// what is learnt from. Its time is in its EXIF and its name counts on within its recording, by both
// of which `train` knows the pictures of one occasion and keeps them together.

export const SHORTER = 480; // pixels: more changes no answer (benchmarks/studio_webcam.py)
export const QUALITY = 0.92;

const two = (number, digits = 2) => String(number).padStart(digits, "0");

const dayOf = (time) => [two(time.getFullYear(), 4), two(time.getMonth() + 1), two(time.getDate())];
const hourOf = (time) => [two(time.getHours()), two(time.getMinutes()), two(time.getSeconds())];

/** `webcam-20261129-031500-007.jpg`: the seventh frame of the recording that began then. */
export function frameName(begun, number) {
  return `webcam-${dayOf(begun).join("")}-${hourOf(begun).join("")}-${two(number, 3)}.jpg`;
}

/** Width and height that a frame is kept with: its shorter side at most `SHORTER`. */
export function sizeOf(width, height) {
  const scale = Math.min(1, SHORTER / Math.min(width, height));
  return [Math.round(width * scale), Math.round(height * scale)];
}

/** How many of these moments, in milliseconds and in order, were in the second before `now`. */
export function perSecond(moments, now) {
  const recent = moments.filter((moment) => moment > now - 2000);
  if (recent.length < 2) return 0;
  return (1000 * (recent.length - 1)) / (recent.at(-1) - recent[0]);
}

/** A JPEG with the time it was taken at, as cameras write it: EXIF's DateTimeOriginal, local. */
export function withTime(jpeg, time) {
  const said = `${dayOf(time).join(":")} ${hourOf(time).join(":")}\0`;
  const fraction = `${two(time.getMilliseconds(), 3)}\0`;
  const text = new TextEncoder();
  const exif = new Uint8Array(6 + 8 + 18 + 30 + said.length);
  exif.set(text.encode("Exif\0\0MM\0*"));
  const view = new DataView(exif.buffer, 6); // offsets count from the "MM"
  view.setUint32(4, 8); // the first directory: one entry, where the next is
  view.setUint16(8, 1);
  entry(view, 10, 0x8769, 4, 1, 26);
  view.setUint16(26, 2); // the directory of EXIF: the time, and its fraction of a second
  entry(view, 28, 0x9003, 2, said.length, 56);
  entry(view, 40, 0x9291, 2, fraction.length, 0);
  exif.set(text.encode(fraction), 6 + 48); // four bytes stand in the entry itself
  exif.set(text.encode(said), 6 + 56);
  const out = new Uint8Array(jpeg.length + exif.length + 4);
  out.set(jpeg.subarray(0, 2)); // the start of the image, after which EXIF has to stand
  out.set([0xff, 0xe1, (exif.length + 2) >> 8, (exif.length + 2) & 255], 2);
  out.set(exif, 6);
  out.set(jpeg.subarray(2), 6 + exif.length);
  return out;
}

function entry(view, at, tag, kind, count, value) {
  view.setUint16(at, tag);
  view.setUint16(at + 2, kind);
  view.setUint32(at + 4, count);
  view.setUint32(at + 8, value);
}
