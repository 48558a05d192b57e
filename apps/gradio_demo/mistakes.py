"""What goes wrong becomes one sentence. Every event of the page passes through here, so this is the one place where
errors meet the page, which would show their words as HTML.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

import gradio as gr
from api import described
from words import in_html

LONGEST = 600  # letters of a sentence


class Page(gr.Blocks):
    """Blocks whose events fail with a sentence for the visitor, and print nothing that a visitor sent."""

    async def process_api(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Run an event. Raises gr.Error with its words escaped."""
        try:
            return await super().process_api(*args, **options)
        except (gr.Error, ValueError) as error:
            sentence = str(error.message if isinstance(error, gr.Error) else error)
        except Exception as error:
            where = [
                f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
            ]
            print(f"error: {type(error).__name__} at {' < '.join(reversed(where[-4:]))}", file=sys.stderr)
            sentence = "something went wrong here, and not by your mistake; please try again"
        raise gr.Error(in_html(sentence[:LONGEST]), print_exception=False) from None

    def get_api_info(self, *args: Any, **options: Any) -> Any:
        """The endpoints, with the range of every parameter."""
        info = super().get_api_info(*args, **options)
        return {**info, "named_endpoints": described(info["named_endpoints"])}

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **options: Any) -> list[Any]:
        """Read what was sent; what is left out at the end is None. Raises gr.Error where it cannot be read."""
        takes = len(block_fn.inputs)
        if len(inputs) > takes:
            raise gr.Error(f"/{block_fn.api_name} takes {takes} values; got {len(inputs)}")
        inputs = [*inputs, *[None] * (takes - len(inputs))]
        try:
            return list(await super().preprocess_data(block_fn, inputs, *args, **options))
        except gr.Error:
            raise
        except FileNotFoundError:
            raise gr.Error("this file is not here any more; upload it, or draw it, once more") from None
        except Exception:
            raise gr.Error("a value of this request cannot be read; the API page says what it takes") from None
