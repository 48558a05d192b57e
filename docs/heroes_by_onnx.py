# Needs onnxruntime and numpy alone. `python -m pedesis_zoo export heroes-student --out heroes.onnx` wrote the model.
import json

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("heroes.onnx")
known = session.get_modelmeta().custom_metadata_map
words, length, shape = (json.loads(known[key]) for key in ("vocabulary", "length", "shape"))
prompt = "an orc woman in a red robe holding an axe"
tokens = [words.index(word) + 1 for word in prompt.split()]
condition = np.array([tokens + [0] * (length - len(tokens))] * 8)
noise = np.random.default_rng(0).standard_normal((8, *shape)).astype(np.float32)
(pictures,) = session.run(None, {"noise": noise, "condition": condition, "guidance": np.full(8, 3, np.float32)})
sheet = np.concatenate(pictures, axis=1).repeat(8, axis=0).repeat(8, axis=1)
with open("heroes.ppm", "wb") as file:
    file.write(b"P6 %d %d 255\n" % (sheet.shape[1], sheet.shape[0]) + sheet.tobytes())
