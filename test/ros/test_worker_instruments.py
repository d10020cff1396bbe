"""What is asked of the pipeline between two images."""

from __future__ import annotations

import pytest
from worker_bench import WorkerBench, active_worker

from hoi_perception.instruments.errors import InstrumentError
from hoi_perception.ros.worker import NoAnswerError


def test_the_pipeline_answers_between_images() -> None:
    with active_worker() as bench:
        assert bench.worker.camera_frame == ""
        bench.process()
        assert bench.worker.ask("adding", lambda perception: perception.add_instrument("cube")) == 1
        assert bench.pipeline.instruments == {1: "cube"} and bench.worker.camera_frame == "cam"


def test_what_the_pipeline_refuses_is_raised_and_nothing_is_called_failed() -> None:
    with active_worker() as bench:
        bench.pipeline.refusals["add_instrument"] = InstrumentError("there is no such thing")
        with pytest.raises(InstrumentError, match="no such thing"):
            bench.worker.ask("adding", lambda perception: perception.add_instrument("cube"))
        bench.process()
        assert not [line for level, line in bench.lines if level == "error"]


def test_no_answer_from_a_pipeline_that_is_not_there_or_too_busy() -> None:
    idle = WorkerBench()
    with pytest.raises(NoAnswerError, match="models are not loaded"):
        idle.worker.ask("adding", lambda perception: perception.add_instrument("cube"))
    with active_worker() as bench:
        bench.pipeline.gate.clear()
        bench.offer()
        assert bench.pipeline.entered.wait(5.0)
        with pytest.raises(NoAnswerError, match=r"no answer (with)?in 0\.05 s"):
            bench.worker.ask("adding", lambda perception: perception.add_instrument("cube"), timeout_s=0.05)
        bench.pipeline.gate.set()
