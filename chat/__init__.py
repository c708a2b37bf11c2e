"""Where a person talks with a trained system: in the terminal, on a web page, or in a study of two systems."""

import os

# The libraries behind the page look at these when they are imported: without them they would report their use and
# store what people write.
os.environ |= {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SHARE": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
