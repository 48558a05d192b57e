"""A page that draws in the browser, without a server behind it: `python -m pedesis_zoo page --out DIR`.

    page(DIR)    DIR/*.html, *.css, *.js       the sources of this folder, as they are
                 DIR/models.json               what the models know: classes, words, levels, measured numbers
                 DIR/ort/                      ONNX Runtime for browsers, from npm, as the lock file has it
                 DIR/large/*.gz                the runtime's binary and the networks, with a digest in their names

Any host of static files serves DIR; nothing in it asks another host for anything.
"""

from pedesis_zoo.export.page.building import page

__all__ = ["page"]
