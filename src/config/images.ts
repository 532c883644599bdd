/** The names that stand for a container image's address. The addresses are historical. */
const ROOT = 'us.gcr.io/dl-ci-cd/images/tasks/public';

/** Addresses of the container images that have a key. */
export const IMAGES = {
  py27: `${ROOT}/py2/default:v2019.04.18-13-g565aebde`,
  py27_gpu: `${ROOT}/py2-gpu/default:v2019.04.18-13-g565aebde`,
  py36: `${ROOT}/py3.6/default:v2019.04.18-13-g565aebde`,
  py36_gpu: `${ROOT}/py3.6-gpu/default:v2019.04.18-13-g565aebde`,
  py37: `${ROOT}/py3.7/default:v2019.02.12`,
} as const;

/** A key of {@link IMAGES}. */
export type ImageKey = keyof typeof IMAGES;

/** True for one of the keys of {@link IMAGES}. */
export function isImageKey(text: string): text is ImageKey {
  return Object.hasOwn(IMAGES, text);
}

/** The address that `keyOrAddress` stands for: a key of {@link IMAGES}, or already an address. */
export function resolveImage(keyOrAddress: string): string {
  return isImageKey(keyOrAddress) ? IMAGES[keyOrAddress] : keyOrAddress;
}

/** The shorter way to write `address`: its key if it has one. */
export function shortImage(address: string): string {
  return Object.entries(IMAGES).find(([, known]) => known === address)?.[0] ?? address;
}
