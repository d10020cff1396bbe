"""MediaPipe's own hand tracker over a video, for `bench/speed.py`; runs in an environment that has mediapipe==0.10.21.

`PYTHON mediapipe_runner.py VIDEO --started SECONDS [--frames N]` prints one line of JSON. Model complexity 1, tracking
mode, thresholds 0.5, two hands at most. Frames are decoded ahead in a thread, as in hoi_perception's own runs. Nothing
of hoi_perception is imported: the environments exclude each other.
"""

from __future__ import annotations

import argparse
import json
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np
from numpy.typing import NDArray


def main() -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("video")
    parser.add_argument("--started", type=float, required=True)
    parser.add_argument("--frames", type=int, default=10**9)
    arguments = parser.parse_args()
    hands = mp.solutions.hands.Hands(
        static_image_mode=False,
        max_num_hands=2,
        model_complexity=1,
        min_detection_confidence=0.5,
        min_tracking_confidence=0.5,
    )
    first_s = None
    found, process_ms = 0, []
    begin = time.perf_counter()
    for image in decode_ahead(arguments.video, arguments.frames):
        start = time.perf_counter()
        result = hands.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        process_ms.append(1e3 * (time.perf_counter() - start))
        found += len(result.multi_hand_landmarks or ())
        first_s = first_s or time.time() - arguments.started
    seconds = time.perf_counter() - begin
    outcome = {
        "fps": len(process_ms) / seconds,
        "first_result_s": first_s,
        "peak_mb": peak_mb(),
        "hands_per_frame": found / len(process_ms),
        "stage_ms": {"process": process_ms},
    }
    print(json.dumps(outcome))


def decode_ahead(path: str, frames: int) -> Iterator[NDArray[np.uint8]]:
    """Frames of a video, decoded in a thread of its own."""
    images: queue.Queue[NDArray[np.uint8] | None] = queue.Queue(4)

    def decode() -> None:
        capture = cv2.VideoCapture(path)
        for _ in range(frames):
            ok, image = capture.read()
            if not ok:
                break
            images.put(image)
        images.put(None)

    threading.Thread(target=decode, daemon=True).start()
    while (image := images.get()) is not None:
        yield image


def peak_mb() -> float:
    """Largest resident memory so far. Not from getrusage, which counts the process that started this one too."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024.0


if __name__ == "__main__":
    main()
