/** What the pages show of a cluster, on one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allPages, projectsOf } from '../docs/markdown.js';
import { runProject } from '../docs/run-project.js';
import { removeFolders } from '../docs/support.js';
import { requires } from '../support/requires.js';
import { startCluster, type Cluster } from '../support/slurm-cluster.js';

const needs = requires('slurm', 'python3');
const projects = allPages().flatMap(({ path, blocks }) =>
  [...projectsOf(blocks, 'slurm').values()].map((project) => ({
    title: `${path}, line ${project[0]?.line ?? 0}`,
    project,
  })),
);

describe('documented commands', needs, () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({
      nodes: 2,
      gpus: { a100: 2 },
      set: { DefMemPerCPU: '500' },
      // As the pages call it.
      lines: ['PartitionName=big Nodes=ALL State=UP'],
    });
  }, 300_000);
  afterAll(async () => {
    await cluster?.stop();
    removeFolders();
  });

  it('are there', () => {
    expect(projects.length).toBeGreaterThan(1);
  });

  describe.concurrent.each(projects)('of $title', ({ project }) => {
    it('do on a cluster what they show', { timeout: 300_000 }, () => runProject(project, cluster.env));
  });
});
