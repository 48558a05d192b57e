// The walk from noise to a picture (DDIM with eta = 0, as `pedesis.samplers.ddim`), given a denoiser.
//
//   x0 = clamp(E[x_0 | x_t], -1, 1)        eps = (x_t - alpha_t x0) / sigma_t
//   x_s = alpha_s x0 + sigma_s eps         at the last level alpha_s = 1 and sigma_s = 0

/** The states of a walk, {x, x0} at each level as they come; the last holds the finished picture twice. */
export async function* walk(x, levels, denoise) {
  for (let i = 0; i + 1 < levels.length; i++) {
    const now = levels[i], next = levels[i + 1];
    const x0 = (await denoise(x, now.log_snr)).map((value) => Math.min(1, Math.max(-1, value)));
    yield { x, x0 };
    x = x.map((value, j) => next.alpha * x0[j] + next.sigma * ((value - now.alpha * x0[j]) / now.sigma));
  }
  yield { x, x0: x };
}
