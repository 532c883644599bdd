/** Makes sure that an image is there before hosts are started in it, so that it is fetched once and not by each. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { InfrastructureError } from '../../base/errors.js';
import { ask, complaint, type Answer } from './ask.js';
import type { ContainerTool } from './plan.js';

export interface ImageWish {
  readonly tool: ContainerTool;
  readonly image: string;
  /** Paths of images are relative to it. */
  readonly projectRoot: string;
  /** Where images that were fetched are kept, if the tool keeps none itself. */
  readonly folder: string;
  readonly warn: (text: string) => void;
}

/** Looking for an image that is there takes moments. */
const LOOK_MS = 60_000;

/** The image as the tool takes it. Throws IMAGE_UNAVAILABLE. */
export async function provideImage(wish: ImageWish): Promise<string> {
  switch (wish.tool.name) {
    case 'podman':
    case 'docker':
      return await stored(wish);
    case 'apptainer':
      return await file(wish);
    case 'pyxis':
      return imported(wish);
  }
}

/** In the store of podman or docker. */
async function stored(wish: ImageWish): Promise<string> {
  const { tool, image } = wish;
  const address = image.replace(/^docker:\/\//, '');
  const look =
    tool.name === 'podman' ? ['image', 'exists', address] : ['image', 'inspect', '--format=ok', address];
  const looked = await ask(tool.program, look, LOOK_MS);
  if (looked.code === 0) return address;
  // Such a name says that it was made here: there is no registry to ask.
  if (address.startsWith('localhost/')) throw unavailable(wish, `${tool.name} has none of that name`);
  fetching(wish);
  const pulled = await ask(tool.program, ['pull', '--quiet', address], 0);
  if (pulled.code !== 0) throw refused(wish, pulled);
  return address;
}

/** A file, for apptainer: the user's, or made from what a registry has. */
async function file(wish: ImageWish): Promise<string> {
  const { tool, image, folder } = wish;
  if (isPath(image)) return there(wish, image);
  const address = WITH_SOURCE.test(image) ? image : `docker://${image}`;
  const kept = join(folder, `${createHash('sha256').update(address).digest('hex').slice(0, 32)}.sif`);
  if (existsSync(kept)) return kept;
  fetching(wish);
  mkdirSync(folder, { recursive: true });
  // Two may fetch it at a time: each makes a whole file, and the last rename stays.
  const partial = `${kept}.${randomBytes(6).toString('hex')}.partial`;
  const pulled = await ask(tool.program, ['pull', partial, address], 0);
  if (pulled.code !== 0) {
    rmSync(partial, { force: true });
    throw refused(wish, pulled);
  }
  renameSync(partial, kept);
  return kept;
}

/** Pyxis imports it for each host; a file is checked here. */
function imported(wish: ImageWish): string {
  const { image } = wish;
  if (isPath(image)) return there(wish, image);
  // There `#` stands between the registry and the image.
  const address = image.replace(/^docker:\/\//, '');
  return address.includes('#') ? address : address.replace(/^([^/]*[.:][^/]*|localhost)\//, '$1#');
}

/** It says where it comes from: `docker://`, `oras://`, `docker-archive:`. */
const WITH_SOURCE = /^[a-z][a-z0-9+-]*:\/\/|^(docker-daemon|docker-archive|oci|oci-archive):/;

/** Anything else is a name in a registry, also where a folder has it, too. */
function isPath(image: string): boolean {
  return /^(\.{0,2}\/|~\/)/.test(image) || (/\.(sif|sqsh|simg|img)$/.test(image) && !WITH_SOURCE.test(image));
}

function there(wish: ImageWish, image: string): string {
  const path = resolve(wish.projectRoot, image.replace(/^~(?=\/)/, homedir()));
  if (!existsSync(path)) throw unavailable(wish, `there is no ${path}`);
  return path;
}

function fetching({ tool, image, warn }: ImageWish): void {
  warn(`${tool.name} fetches the image ${image}, which may take minutes`);
}

function refused(wish: ImageWish, answer: Answer): InfrastructureError {
  return unavailable(wish, complaint(answer));
}

function unavailable({ tool, image }: ImageWish, why: string): InfrastructureError {
  return new InfrastructureError(
    'IMAGE_UNAVAILABLE',
    `expected the image ${image} for ${tool.name}: ${why}`,
    {
      hint: 'Set `cpu_image` (or `gpu_image`) to an image that is there or can be fetched, or `container: none`.',
    },
  );
}
