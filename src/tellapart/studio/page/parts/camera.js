// A camera: opened, told of by name, and let go. Knows no component and no words.
import { QUALITY, sizeOf } from "./frames.js";

const AGAIN = 400; // milliseconds until a camera that could not be had is asked for once more

// What a browser calls it when a camera cannot be had -> the key of our sentence.
const reasons = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "busy",
  AbortError: "busy",
};

/** Whether pages of this address may use a camera at all: browsers allow it on this computer and by https. */
export const allowed = () => Boolean(window.isSecureContext && navigator.mediaDevices);

/** The key of the sentence for an error of `open`. */
export const reasonOf = (error) => (allowed() ? reasons[error.name] || "busy" : "insecure");

/** The stream of a camera: the one with this id if it is there, or whichever the browser takes. */
export async function open(id) {
  if (!allowed()) throw new Error("insecure");
  try {
    return await asked(id);
  } catch (error) {
    if (reasonOf(error) === "refused" || (reasonOf(error) === "none" && !id)) throw error;
    await new Promise((later) => setTimeout(later, AGAIN)); // whoever had it may just let it go
    return asked(reasonOf(error) === "none" ? "" : id);
  }
}

function asked(id) {
  const which = id ? { deviceId: { exact: id } } : { facingMode: "user" };
  const video = { ...which, width: { ideal: 640 }, height: { ideal: 480 } };
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

export const close = (stream) => stream && stream.getTracks().forEach((track) => track.stop());

/** All cameras as [id, name]; they have names once one was allowed. */
export async function cameras() {
  const found = await navigator.mediaDevices.enumerateDevices();
  return found.filter((one) => one.kind === "videoinput" && one.deviceId).map((one) => [one.deviceId, one.label]);
}

export const idOf = (stream) => stream.getVideoTracks()[0].getSettings().deviceId || "";

const canvas = document.createElement("canvas");
const brush = canvas.getContext("2d", { alpha: false, willReadFrequently: true });

/** What a video shows now, as {blob: JPEG, time}; null while it shows nothing. */
export async function frameOf(video) {
  if (!video.videoWidth) return null;
  const time = new Date();
  [canvas.width, canvas.height] = sizeOf(video.videoWidth, video.videoHeight);
  brush.drawImage(video, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
  return blob && { blob, time };
}
