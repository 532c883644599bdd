import { spawnSync } from 'node:child_process';

/** Ids of the GPUs that `nvidia-smi -L` lists, limited to CUDA_VISIBLE_DEVICES where that is set; none without a driver. */
export function findGpus(env: NodeJS.ProcessEnv = process.env): string[] {
  const visible = env['CUDA_VISIBLE_DEVICES'];
  if (visible !== undefined)
    return visible
      .split(',')
      .map((id) => id.trim())
      .filter((id) => id !== '' && id !== '-1');
  const listed = spawnSync('nvidia-smi', ['-L'], { encoding: 'utf8', timeout: 10_000 });
  return listed.status === 0 ? parseGpuList(listed.stdout) : [];
}

/** `GPU 0: NVIDIA H200 (UUID: GPU-…)` lines to ids. */
export function parseGpuList(text: string): string[] {
  return [...text.matchAll(/^GPU (\d+):/gm)].map((match) => match[1] as string);
}
