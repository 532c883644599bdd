/** Small packages of Python and npm, made by hand, so that tests install without a network. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32, gzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';

/** pip finds packages only where the test says. */
export const OFFLINE = {
  PIP_NO_INDEX: '1',
  PIP_FIND_LINKS: undefined,
  PIP_INDEX_URL: undefined,
  PIP_EXTRA_INDEX_URL: undefined,
  PIP_CONFIG_FILE: '/dev/null',
} as const;

/** Writes a file, and the folders that it lies in. */
export function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** A wheel of pure Python: `modules` by their file names. */
export function wheel(
  name: string,
  version: string,
  modules: Readonly<Record<string, string>>,
  needs: readonly string[] = [],
): Buffer {
  const info = `${name}-${version}.dist-info`;
  return zip({
    ...modules,
    [`${info}/METADATA`]: [
      'Metadata-Version: 2.1',
      `Name: ${name}`,
      `Version: ${version}`,
      ...needs.map((need) => `Requires-Dist: ${need}`),
      '',
    ].join('\n'),
    [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    [`${info}/RECORD`]: '',
  });
}

/** The file name of such a wheel. */
export function wheelName(name: string, version: string): string {
  return `${name}-${version}-py3-none-any.whl`;
}

/** A ZIP archive without compression. */
function zip(files: Readonly<Record<string, string>>): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const [path, data] = [Buffer.from(name), Buffer.from(text)];
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(0x00210000, 6);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(path.length, 22);
    const body = Buffer.concat([Buffer.from('PK\x03\x04'), common, path, data]);
    const end = Buffer.alloc(14);
    end.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, end, path]));
    bodies.push(body);
    offset += body.length;
  }
  const listed = Buffer.concat(directory);
  const last = Buffer.alloc(18);
  last.writeUInt16LE(bodies.length, 4);
  last.writeUInt16LE(bodies.length, 6);
  last.writeUInt32LE(listed.length, 8);
  last.writeUInt32LE(offset, 12);
  return Buffer.concat([...bodies, listed, Buffer.from('PK\x05\x06'), last]);
}

/** What `npm pack` makes of a package that exports `value`. */
export function tarball(
  name: string,
  version: string,
  value: unknown,
  dependencies: Readonly<Record<string, string>> = {},
): Buffer {
  const manifest = JSON.stringify({ name, version, main: 'index.js', dependencies });
  const inside = Object.keys(dependencies)
    .map((needed) => `require(${JSON.stringify(needed)})`)
    .join(', ');
  return gzipSync(
    tar({
      'package/package.json': manifest,
      'package/index.js': `exports.value = ${JSON.stringify(value)};\nexports.inside = [${inside}];\n`,
    }),
  );
}

function tar(files: Readonly<Record<string, string>>): Buffer {
  const blocks = Object.entries(files).flatMap(([name, text]) => {
    const data = Buffer.from(text);
    const head = Buffer.alloc(512);
    head.write(name, 0);
    head.write('0000644\0', 100);
    head.write('0000000\0', 108);
    head.write('0000000\0', 116);
    head.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
    head.write('00000000000\0', 136);
    head.write('        ', 148);
    head.write('0', 156);
    head.write('ustar\x0000', 257);
    const sum = head.reduce((total, byte) => total + byte, 0);
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [head, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export interface Registry {
  readonly url: string;
  /** Names of packages and archives that were asked for. */
  readonly asked: string[];
}

/** A registry of npm packages, by `name@version`, until the test ends. */
export async function registry(packages: Readonly<Record<string, Buffer>>): Promise<Registry> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').slice(1));
    asked.push(path);
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    const archive = packages[path.replace(/\.tgz$/, '')];
    if (path.endsWith('.tgz') && archive !== undefined) {
      response.end(archive);
      return;
    }
    const versions = Object.entries(packages).filter(([id]) => id.slice(0, id.lastIndexOf('@')) === path);
    if (versions.length === 0) response.statusCode = 404;
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        name: path,
        'dist-tags': { latest: versions.at(-1)?.[0].split('@').at(-1) },
        versions: Object.fromEntries(
          versions.map(([id, bytes]) => {
            const version = id.slice(id.lastIndexOf('@') + 1);
            const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
            return [version, { name: path, version, dist: { tarball: `${url}/${id}.tgz`, integrity } }];
          }),
        ),
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked };
}
