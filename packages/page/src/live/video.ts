import { PageError } from "../messages/page-error.js";

/** A video that plays. */
export interface Video {
  readonly element: HTMLVideoElement;
  close(): void;
}

/** What a camera is asked for: what is to be enlarged is small. */
const CAMERA: MediaTrackConstraints = {
  width: { ideal: 640 },
  height: { ideal: 480 },
  facingMode: { ideal: "environment" },
};

/** @throws PageError where there is no camera, or it may not be used */
export async function openCamera(): Promise<Video> {
  const stream = await navigator.mediaDevices?.getUserMedia({ video: CAMERA, audio: false }).catch((error: unknown) => {
    const { name } = error as DOMException;
    throw new PageError(
      name === "NotAllowedError"
        ? "the browser doesn't let this page use the camera; allow it in the address bar"
        : `there is no camera to use (${name})`,
    );
  });
  if (!stream) throw new PageError("the browser gives cameras to pages behind https alone");
  const element = document.createElement("video");
  element.srcObject = stream;
  return playing(element, () => {
    for (const track of stream.getTracks()) track.stop();
  });
}

/** @throws PageError where the browser can't play the file */
export async function openVideo(file: Blob): Promise<Video> {
  const element = document.createElement("video");
  const url = URL.createObjectURL(file);
  element.src = url;
  element.loop = true;
  return playing(element, () => URL.revokeObjectURL(url));
}

async function playing(element: HTMLVideoElement, release: () => void): Promise<Video> {
  const close = () => {
    element.pause();
    release();
  };
  element.muted = true;
  element.playsInline = true;
  try {
    await element.play();
    if (element.videoWidth > 0) return { element, close };
    throw new Error("it has no pictures");
  } catch (error) {
    close();
    throw new PageError(`the browser can't play this video (${(error as Error).message})`);
  }
}

/** Ends when the video has a picture that wasn't seen yet. */
export function nextFrame(element: HTMLVideoElement): Promise<void> {
  return new Promise((resolve) => {
    if ("requestVideoFrameCallback" in element) element.requestVideoFrameCallback(() => resolve());
    else requestAnimationFrame(() => resolve());
  });
}
