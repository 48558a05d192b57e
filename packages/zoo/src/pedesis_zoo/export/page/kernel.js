// The diffusion kernel of one number: q(x_t | x_0) = N(alpha x_0, sigma^2), alpha = cos(pi t / 2), sigma = sin(pi t / 2).

const DATA = [[-1.5, 0.3], [-0.4, 0.2], [1.1, 0.5]]; // values of x_0 and how often they come
const NARROWEST = 0.03; // a spike of no width could not be drawn
const HALF = 3.2; // of the axis

export function level(t) {
  const alpha = Math.cos((Math.PI * t) / 2), sigma = Math.sin((Math.PI * t) / 2);
  return { alpha, sigma, logSnr: 2 * Math.log(alpha / sigma) };
}

function bell(x, mean, sigma) {
  return Math.exp(-(((x - mean) / sigma) ** 2) / 2) / (sigma * Math.sqrt(2 * Math.PI));
}

/** Curves at time t on a grid of x: the kernel of each value times its share, and their sum p(x_t). */
export function densities(t, count = 400) {
  const { alpha, sigma } = level(t), x = Array.from({ length: count }, (_, i) => HALF * ((2 * i) / (count - 1) - 1));
  const kernels = DATA.map(([x0, share]) => x.map((at) => share * bell(at, alpha * x0, Math.max(sigma, NARROWEST))));
  return { x, kernels, total: x.map((_, i) => kernels.reduce((sum, curve) => sum + curve[i], 0)) };
}

/** Draw them in the colours of the page. */
function plot(canvas, t) {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  const pen = canvas.getContext("2d"), colours = getComputedStyle(canvas);
  pen.scale(ratio, ratio);
  const { x, kernels, total } = densities(t), top = Math.max(...total);
  const line = (curve) => {
    pen.beginPath();
    x.forEach((at, i) => pen.lineTo(((at + HALF) / (2 * HALF)) * width, height - 4 - (curve[i] / top) * (height - 16)));
  };
  pen.fillStyle = colours.getPropertyValue("--soft");
  line(total);
  pen.fill();
  for (const [curve, colour, thickness] of [...kernels.map((curve) => [curve, "--accent", 1.5]), [total, "--text", 2]]) {
    pen.strokeStyle = colours.getPropertyValue(colour);
    pen.lineWidth = thickness;
    line(curve);
    pen.stroke();
  }
}

/** Wire the toy: a slider of time. */
export function kernelToy(root) {
  const canvas = root.querySelector("canvas"), slider = root.querySelector("[name=time]");
  const draw = () => {
    const t = Number(slider.value), { alpha, sigma, logSnr } = level(t);
    plot(canvas, t);
    root.querySelector("output").value = t.toFixed(2);
    root.querySelector(".note").textContent =
      `α = ${alpha.toFixed(3)}, σ = ${sigma.toFixed(3)}, log SNR = ${t > 0 && t < 1 ? logSnr.toFixed(2) : t > 0 ? "−∞" : "∞"}`;
  };
  slider.addEventListener("input", draw);
  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
}
