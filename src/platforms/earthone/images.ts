/** Which image tasks run in: one of the vendor's, for there are no others; historical ones by their Python version. */
import { JobError } from '../../base/errors.js';
import { resolveImage, shortImage } from '../../config/images.js';

/** Minor versions of Python 3 that have an image now. Older ones had one once, newer ones may get one. */
const OLDEST = 10;
const NEWEST = 14;
const OLDEST_EVER = 8;

const VENDOR = /^python3\.(?<minor>\d{1,3}):[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
/** Those of Tasks, whatever their tag. */
const HISTORICAL =
  /^us\.gcr\.io\/dl-ci-cd\/images\/tasks\/public\/py(?<major>\d)(?:\.(?<minor>\d+))?(?:-gpu)?\/default(?::.*)?$/;

export interface EarthOneImage {
  readonly image: string;
  /** Something that the user should know; null: it is the image that was asked for. */
  readonly notice: string | null;
}

/** Throws EARTHONE_UNSUPPORTED for an image that is not the vendor's. `asked`: an address, or a key of the setting. */
export function earthOneImage(asked: string): EarthOneImage {
  const vendor = VENDOR.exec(asked)?.groups;
  if (vendor !== undefined && Number(vendor['minor']) >= OLDEST_EVER) return { image: asked, notice: null };
  const address = resolveImage(asked);
  const old = HISTORICAL.exec(address)?.groups;
  if (old === undefined) {
    throw new JobError('EARTHONE_UNSUPPORTED', `image: expected one of EarthOne's, got \`${asked}\``, {
      hint:
        `Set cpu_image to \`${tag(OLDEST)}\` ... \`${tag(NEWEST)}\`; ` +
        'what your image has besides goes into `requirements`. Jobs with images of your own run on slurm.',
    });
  }
  const { major = '3', minor } = old;
  const nearest =
    major === '3' && minor !== undefined ? Math.min(Math.max(Number(minor), OLDEST), NEWEST) : OLDEST;
  const version = `${major}.${minor ?? (major === '2' ? '7' : 'x')}`;
  return {
    image: tag(nearest),
    notice:
      `image: ${shortImage(address)} (Python ${version}) is an image of Tasks, which EarthOne has not: tasks run on ` +
      `Python 3.${nearest} (${tag(nearest)}); set cpu_image to choose`,
  };
}

function tag(minor: number): string {
  return `python3.${minor}:latest`;
}
