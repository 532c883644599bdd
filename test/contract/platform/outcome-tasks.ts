/** A task that ends in each way there is, in both languages. */

export const TEXT = 'ü日本🎉 "quoted" \\ \u2028 two\nlines';

/** Each leaves a letter in the mark `try-<i>` when it begins; `large` takes so many MB. */
export const typescript = (large: number): string => `
  import { appendFileSync, readFileSync } from 'node:fs';
  const kept: unknown[] = [];
  export async function act({ i, kind }: { i: number; kind: string }): Promise<unknown> {
    await null;
    const mark = (process.env.SIDE_DIR ?? '.') + '/try-' + i;
    appendFileSync(mark, 'x');
    switch (kind) {
      case 'print':
        console.log('out ' + i + ' ü日本');
        console.error('err ' + i);
        process.stdout.write('no line end');
        return { i, kind };
      case 'text': return ${JSON.stringify(TEXT)};
      case 'nothing': return undefined;
      case 'numbers': return { i, nan: NaN, big: -1.5e-7 };
      case 'json': return '{"i":' + i + ',"text":"json"}';
      case 'list': return [{ i, part: 0 }, 'ERROR: part 1 is bad', { ERROR: 'part 2', own: [2] }, { i, part: 3 }];
      case 'throw':
        console.log('throwing ' + i);
        throw new RangeError('thrown by ' + i + '\\nin two lines');
      case 'returned': return { ERROR: 'returned by ' + i, own: { i } };
      case 'said': return 'ERROR said by ' + i;
      case 'invalid': return { deep: [{ big: 10n }] };
      case 'exit':
        console.log('exiting ' + i);
        process.exit(7);
      case 'signal': process.kill(process.pid, 'SIGSEGV'); await new Promise((r) => setTimeout(r, 60_000)); return null;
      case 'hang': for (;;);
      case 'large':
        for (let n = 0; n < ${large}; n++) kept.push(Buffer.alloc(1 << 20, 1));
        // Not done before somebody has looked.
        await new Promise((r) => setTimeout(r, 60_000));
        return null;
      case 'fragile': if (readFileSync(mark, 'utf8').length === 1) process.exit(1); return { i, kind };
    }
    return { i, kind };
  }`;

export const python = (large: number): string => `
import json, os, signal, sys, time

def act(arg):
    i, kind = arg["i"], arg["kind"]
    mark = os.path.join(os.environ.get("SIDE_DIR", "."), "try-%d" % i)
    with open(mark, "a") as file:
        file.write("x")
    if kind == "print":
        print("out %d ü日本" % i)
        print("err %d" % i, file=sys.stderr)
        sys.stdout.write("no line end")
    elif kind == "text":
        return json.loads(${JSON.stringify(JSON.stringify(TEXT))})
    elif kind == "nothing":
        return None
    elif kind == "numbers":
        return {"i": i, "nan": float("nan"), "big": -1.5e-7}
    elif kind == "json":
        return '{"i":%d,"text":"json"}' % i
    elif kind == "list":
        return [{"i": i, "part": 0}, "ERROR: part 1 is bad", {"ERROR": "part 2", "own": [2]}, {"i": i, "part": 3}]
    elif kind == "throw":
        print("throwing %d" % i)
        raise ValueError("thrown by %d\\nin two lines" % i)
    elif kind == "returned":
        return {"ERROR": "returned by %d" % i, "own": {"i": i}}
    elif kind == "said":
        return "ERROR said by %d" % i
    elif kind == "invalid":
        return {"deep": [{"big": object()}]}
    elif kind == "exit":
        print("exiting %d" % i, flush=True)
        os._exit(7)
    elif kind == "signal":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif kind == "hang":
        time.sleep(1000)
    elif kind == "large":
        kept = [bytearray(b"x") * (1 << 20) for _ in range(${large})]
        time.sleep(60)
    elif kind == "fragile" and os.stat(mark).st_size == 1:
        os._exit(1)
    return {"i": i, "kind": kind}
`;
