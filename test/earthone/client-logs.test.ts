/** Logs of jobs, line by line. */
import { expect, test } from 'vitest';
import { TransportError } from '../../src/earthone.js';
import { all, clientOf, failure, serve } from './client-support.js';

test('a log is read as it comes, in whatever pieces', async () => {
  const text = [
    '{"date":"2026-01-01T00:00:00.123456Z","log":"tést \\n \u{1F600}"}\r',
    '',
    '{"date":"2026-01-01T00:00:01","log":""}',
    'no JSON {',
    '{"other": 1}',
    '{"date":"never","log":"without end"}',
  ].join('\n');
  const server = await serve(async (_, response) => {
    for (const byte of Buffer.from(text)) {
      response.write(Buffer.from([byte]));
      if (byte % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  expect(await all(clientOf(server).jobs.log('j1'))).toEqual([
    { date: new Date('2026-01-01T00:00:00.123Z'), log: 'tést \n \u{1F600}' },
    { date: new Date('2026-01-01T00:00:01Z'), log: '' },
    { date: null, log: 'no JSON {' },
    { date: null, log: '{"other": 1}' },
    { date: null, log: 'without end' },
  ]);
});

test('of a huge log no more is taken than is read', async () => {
  const line = `${JSON.stringify({ date: '2026-01-01T00:00:00Z', log: 'x'.repeat(10_000) })}\n`;
  let written = 0;
  const server = await serve((_, response) => {
    const more = (): void => {
      while (!response.destroyed && written < 2e9) {
        written += line.length;
        if (!response.write(line)) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  let lines = 0;
  for await (const { log } of clientOf(server).jobs.log('j1')) {
    expect(log).toHaveLength(10_000);
    if (++lines === 500) break;
  }
  expect(written).toBeLessThan(200e6);
});

test('a log that breaks off goes on where it was, without a line twice', async () => {
  const lines = Array.from({ length: 10 }, (_, i) => `{"date":null,"log":"line ${i}"}\n`);
  const server = await serve((_, response, before) => {
    response.writeHead(200);
    const upTo = (before + 1) * 2;
    response.write(lines.slice(0, upTo).join(''));
    if (upTo >= lines.length) response.end();
    // In the middle of a line.
    else response.write('{"date":null,"log":"lin', () => setTimeout(() => response.destroy(), 20));
  });
  const given = await all(clientOf(server).jobs.log('j1'));
  expect(given.map(({ log }) => log)).toEqual(Array.from({ length: 10 }, (_, i) => `line ${i}`));
  // It took more requests than one gets tries, for each of them got further.
  expect(server.requests).toHaveLength(5);
});

test('one that gets no further is given up', async () => {
  const server = await serve((_, response) => {
    response.writeHead(200);
    response.write('{"log":"a"}\n{"lo', () => setTimeout(() => response.destroy(), 20));
  });
  const given: string[] = [];
  const error = await failure(
    (async () => {
      for await (const { log } of clientOf(server).jobs.log('j1')) given.push(log);
    })(),
  );
  expect(error).toBeInstanceOf(TransportError);
  expect(given).toEqual(['a']);
  expect(server.requests).toHaveLength(3);
});
