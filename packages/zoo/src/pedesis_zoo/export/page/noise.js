// Noise as docs/noise.md specifies it: the same bits as `pedesis.utils.philox` in Python.
//
//   words    philox4x32-10: key = the two halves of the seed, counter = (block, stream, 0, 0)
//   normal   AS 241 of (word + 1/2) / 2^32, rounded to float32
//
// Only + - * / and the square root are used, which every engine rounds alike; Math.log is not among them.

const LN2 = 0.6931471805599453;
const SQRT_HALF = 0.7071067811865476;
const TERMS = 11;

const CENTER = [
  [2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
    13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608],
  [5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
    5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0],
];
const SIDE = [
  [7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
    3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734],
  [1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
    0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0],
];

/** The upper 32 bits of the product of two 32-bit words. */
function upper(a, b) {
  const aLow = a & 0xffff, aHigh = a >>> 16, bLow = b & 0xffff, bHigh = b >>> 16;
  const first = aHigh * bLow + Math.floor((aLow * bLow) / 65536);
  const second = aLow * bHigh + (first % 65536);
  return (aHigh * bHigh + Math.floor(first / 65536) + Math.floor(second / 65536)) >>> 0;
}

/** Four words for a counter of four and a key of two. */
export function philox([a, b, c, d], [low, high]) {
  for (let round = 0; round < 10; round++) {
    const one = upper(0xd2511f53, a), two = upper(0xcd9e8d57, c);
    [a, b, c, d] = [(two ^ b ^ low) >>> 0, Math.imul(0xcd9e8d57, c) >>> 0, (one ^ d ^ high) >>> 0, Math.imul(0xd2511f53, a) >>> 0];
    low = (low + 0x9e3779b9) >>> 0;
    high = (high + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** ln x for 0 < x < sqrt 2, by a series of fixed length. */
function logarithm(x) {
  let m = x, e = 0;
  while (m < SQRT_HALF) {
    m *= 2;
    e -= 1;
  }
  const z = (m - 1) / (m + 1), square = z * z;
  let total = 0;
  for (let k = TERMS; k >= 0; k--) total = total * square + 1 / (2 * k + 1);
  return e * LN2 + 2 * z * total;
}

function ratio(x, [above, below]) {
  let a = 0, b = 0;
  for (let i = 0; i < above.length; i++) {
    a = a * x + above[i];
    b = b * x + below[i];
  }
  return a / b;
}

/** The standard normal quantile of 1e-10 < p < 1 - 1e-10 (Wichura 1988, AS 241). */
export function inverseNormal(p) {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(0.180625 - q * q, CENTER);
  const side = ratio(Math.sqrt(-logarithm(Math.min(p, 1 - p))) - 1.6, SIDE);
  return q < 0 ? -side : side;
}

/** The first `count` standard normal numbers of a seed (a whole number from 0 to 2^53 - 1), a Float32Array. */
export function normal(seed, count, stream = 0) {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`a seed is a whole number from 0 to 2^53 - 1; got ${seed}`);
  const key = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i += 4) {
    const words = philox([i / 4, stream, 0, 0], key);
    for (let j = 0; j < 4 && i + j < count; j++) numbers[i + j] = inverseNormal((words[j] + 0.5) / 2 ** 32);
  }
  return numbers;
}
