"""The records of tasks that ended and were not sent yet: see src/contract/record.ts for their form."""

from math import log
from zlib import crc32

from _task import invalid
from _values import scalar_texts, to_json

# Longer values get a record of their own, and are not worth sending twice for a digest.
SHORT_VALUE = 256

GROWTH = log(1.05)


def bucket_of(ms):
    """As bucketOf of src/base/histogram.ts."""
    return 0 if ms <= 0.001 else min(599, 1 + int(log(ms / 0.001) / GROWTH))


class Records:
    """Consecutive plain tasks wait in `values`, and become one `ends` record when something else comes.

    The host's loop adds to `values` itself; `encoded` holds the JSON text of those, by position, that are no scalars.
    Moments are seconds of time.perf_counter.
    """

    def __init__(self, init):
        self.digests = init.get('digests', 'none')
        self.grouped = init['grouped']
        self.retries = init.get('retries') or 0
        self.retry_on = frozenset(init.get('retryOn') or ())
        # Hides secrets in the JSON text of a failure; None: there are none.
        self.mask = None
        self.values = []
        self.encoded = {}
        self.first = 0
        self.began = 0.0
        self.reset()

    def reset(self):
        self.lines = []
        self.count = 0
        self.size = 0
        self.results = []
        self.result_count = 0
        self.log = []
        # Positions within the batch of those that will be tried again.
        self.again = []
        self.durations = []
        self.digestible = self.digests != 'none'

    def begin(self, batch, epoch):
        """`epoch`: milliseconds since 1970 when time.perf_counter was 0."""
        self.batch_id = batch['id']
        self.ids = ',"r":%d,"a":%d' % (batch['round'], batch['attempt'])
        self.tried_again = self.retry_on if batch['attempt'] <= self.retries else ()
        self.epoch = epoch
        self.sent = 0

    def open(self, index, now):
        """The next value that is added to `values` is of task `index`, and the ones after it follow that."""
        self.first = index
        self.began = now

    def close(self, now):
        """Make records of `values`, the last of which ended at `now`."""
        values = self.values
        if not values:
            return
        texts = scalar_texts(values)
        if texts is None:
            texts = list(map(_text_or_error, values))
        for position, text in self.encoded.items():
            texts[position] = text
        first, began = self.first, self.began
        mean = (now - began) / len(values)
        values.clear()
        self.encoded.clear()
        if max(map(len, texts)) <= SHORT_VALUE:
            self.run(first, texts, began, mean)
            return
        start = 0
        for position, text in enumerate(texts):
            if len(text) > SHORT_VALUE:
                self.run(first + start, texts[start:position], began + start * mean, mean)
                failure = 'invalid' if type(text) is _Invalid else None
                self.add(first + position, failure, text, began + position * mean, mean, '')
                start = position + 1
        self.run(first + start, texts[start:], began + start * mean, mean)

    def run(self, first, texts, began, mean):
        """One record for consecutive tasks, of the mean duration `mean` each."""
        count = len(texts)
        if count < 2:
            if count:
                self.add(first, None, texts[0], began, mean, '')
            return
        lines = '\n'.join(texts)
        # No JSON text has a raw line break.
        self.seal(
            f'"v":1,"k":"ends","t":{first},"n":{count}{self.ids},"at":{int(self.epoch + began * 1000)},'
            f'"d":{_decimals(mean)},"values":[' + lines.replace('\n', ',') + ']}'
        )
        self.count += count
        if not self.digestible:
            return
        if not self.grouped and (lines[0] == '[' or '\n[' in lines):
            self.digestible = False
            return
        self.durations += (bucket_of(mean * 1000), count)
        logged = self.digests == 'results and log'
        if 'null' not in lines:
            self.results.append(lines)
            self.result_count += count
            if logged:
                self.log += [f'[{index}] RESULT {text}' for index, text in enumerate(texts, first)]
            return
        kept = [(index, text) for index, text in enumerate(texts, first) if text != 'null']
        self.results += [text for _, text in kept]
        self.result_count += len(kept)
        if logged:
            self.log += ['[%d] RESULT %s' % pair for pair in kept]

    def one(self, index, failure, text, began, took, more):
        """The record of one task, after those that wait. `failure` None: ok. `more`: further keys."""
        self.close(began)
        self.add(index, failure, text, began, took, more)

    def add(self, index, failure, text, began, took, more):
        if failure is None:
            status, key = '"ok"', 'value'
        else:
            status, key = f'"error","ft":"{failure}"', 'value' if failure == 'returned' else 'error'
            if failure in self.tried_again:
                status += ',"fin":false'
                self.again.append(self.sent + self.count)
            if self.mask is not None:
                text = self.mask(text)
        self.seal(
            f'"v":1,"k":"end","t":{index}{self.ids},"s":{status},"at":{int(self.epoch + began * 1000)},'
            f'"d":{_decimals(took)}{more},"{key}":{text}}}'
        )
        self.count += 1
        if not self.digestible:
            return
        is_list = not self.grouped and text[0] == '['
        if failure is not None or len(text) > SHORT_VALUE or is_list or ',"log":' in more:
            self.digestible = False
            return
        self.durations += (bucket_of(took * 1000), 1)
        if text != 'null':
            self.results.append(text)
            self.result_count += 1
            if self.digests == 'results and log':
                self.log.append(f'[{index}] RESULT {text}')

    def seal(self, line):
        # Lone surrogates, which UTF-8 cannot hold, become JSON escapes.
        data = line.encode('utf-8', 'backslashreplace')
        data = b'{"crc":"%08x",%b\n' % (crc32(data), data)
        self.lines.append(data)
        self.size += len(data)

    def take(self, now, busy, done):
        """The message of all that wait. `busy`: milliseconds."""
        self.close(now)
        body = b''.join(self.lines)
        digest = ''
        if self.digestible and self.count:
            results, logged = _lines(self.results), _lines(self.log)
            digest = ',"digest":{"results":%d,"count":%d,"log":%d,"durations":%s}' % (
                len(results),
                self.result_count,
                len(logged),
                str(self.durations).replace(' ', ''),
            )
            body += results + logged
        again = ',"again":%s' % str(self.again).replace(' ', '') if self.again else ''
        head = '{"type":"out","id":%d,"n":%d,"bytes":%d%s,"busy":%.3f%s%s}\n' % (
            self.batch_id,
            self.count,
            len(body),
            digest,
            busy,
            again,
            ',"done":true' if done else '',
        )
        self.sent += self.count
        self.reset()
        return head.encode('ascii') + body


def _lines(texts):
    return ('\n'.join(texts) + '\n').encode('utf-8', 'backslashreplace') if texts else b''


def _decimals(seconds):
    """Milliseconds with at most three decimals."""
    return '%.3f' % (seconds * 1000 if seconds > 0 else 0)


class _Invalid(str):
    """An error as JSON text, longer than any short value for the one who looks at lengths only."""

    def __len__(self):
        return 1 << 30


def _text_or_error(value):
    try:
        return to_json(value)
    except Exception as error:
        return _Invalid(invalid(error))
