"""Models that leave Python: ONNX files that hold everything.

from pedesis_zoo import export
export.onnx("heroes-student", "heroes.onnx")        # words -> pictures, all steps in one file
export.onnx("fashion-mnist", "denoiser.onnx")       # (x_t, log_snr, condition) -> x0, eps
"""

from pedesis_zoo.export.onnx_files import onnx

__all__ = ["onnx"]
