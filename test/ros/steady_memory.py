"""Traced memory (bytes) after half and after all of as many frames as the argument says, through worker and outputs.

The folders of the tests are on PYTHONPATH.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc

from worker_bench import MESSAGES, PERIOD, active_worker

from hoi_perception.ros.outputs import Outputs


def main(frames: int) -> None:
    """Every frame is processed before the next is offered."""
    with active_worker() as bench:
        outputs = Outputs(MESSAGES, lambda topic, message: None, lambda topic: False, bench.config)
        start = bench.now() - frames * PERIOD
        bench.deliver = lambda result: (outputs.send(result), bench.pipeline.seen.clear())
        tracemalloc.start()
        for i in range(frames):
            bench.process(start + i * PERIOD)
            if i + 1 in (frames // 2, frames):
                gc.collect()
                print(tracemalloc.get_traced_memory()[0])  # noqa: T201
        assert bench.worker.status().counters.processed == frames
        outputs.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
