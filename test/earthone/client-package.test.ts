/** The client as who installed the package gets it. */
import { expect, test } from 'vitest';
import { repoRoot, runProcess } from '../support/project.js';
import { FUNCTION, jwt, serve, urls } from './client-support.js';

test('dl-jobs/earthone is the client alone, and knows the errors of dl-jobs', async () => {
  const server = await serve(({ path }, response) =>
    path.endsWith('f1') ? FUNCTION : void response.writeHead(404).end(),
  );
  const program = `
    import { DlJobsError } from 'dl-jobs';
    import { EarthOneClient, NotFoundError } from 'dl-jobs/earthone';
    const client = new EarthOneClient({ env: process.env });
    console.log((await client.functions.get('f1')).name);
    const error = await client.functions.get('f2').catch((error) => error);
    console.log(error instanceof NotFoundError, error instanceof DlJobsError, error.code);`;
  const { code, stdout, stderr } = await runProcess(
    process.execPath,
    ['--input-type=module', '-e', program],
    {
      cwd: repoRoot,
      env: { ...urls(server), EARTHONE_TOKEN: jwt(3600) },
    },
  );
  expect(stderr).toBe('');
  expect(stdout).toBe('go\ntrue true EARTHONE_REJECTED\n');
  expect(code).toBe(0);
});
