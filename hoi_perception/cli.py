"""The command line: `hoi-perception COMMAND`. Thin: every command calls one function of the package."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from hoi_perception import node_command
from hoi_perception.config import Config, listed
from hoi_perception.evaluate_command import Evaluate
from hoi_perception.instruments_command import Instruments
from hoi_perception.node_command import Node
from hoi_perception.train_command import Train

if TYPE_CHECKING:
    from hoi_perception.io.instrument_poses import StatedPose
    from hoi_perception.io.run import Results
    from hoi_perception.io.sources import Source
    from hoi_perception.pipeline import Perception

BAD_INPUT, INTERRUPTED, NOBODY_READS = 2, 130, 141


@dataclass(frozen=True)
class Run:
    """Both hands of a video, an image folder, a camera or a ROS 2 bag in 3D."""

    source: tyro.conf.Positional[str]
    """A video, an image or a folder of images, the index of a camera, or a ROS 2 bag (folder, .mcap or .db3)."""
    out: Path
    """Folder for scene.mcap, overlay.webm, summary.json."""
    further: tyro.conf.Positional[tuple[str, ...]] = ()
    """The same of further synchronised cameras, in the order of --camera (docs/cameras.md)."""
    camera: Path | None = None
    """ROS calibration YAML of the camera, or of all cameras. It goes before the CameraInfo of a bag."""
    fov: float | None = None
    """Horizontal field of view in degrees, an assumption that marks every metric figure. 55 without --camera."""
    topic: str | None = None
    """Image topic of a bag that has several."""
    rectified: bool = False
    """The images are rectified: use P of the calibration, without distortion."""
    rate: float | None = None
    """Rate of an image folder in Hz."""
    video: bool = True
    """Write overlay.webm."""
    meshes: bool = False
    """Write one PLY per hand and frame."""
    copy_topics: bool = True
    """Copy the topics of a bag into scene.mcap, so that it plays as one recording; takes as much room as the bag."""
    instruments: Path | None = None
    """YAML file of instruments to follow, with a pose of each to begin from (docs/instruments.md)."""
    mask: Path | None = None
    """Folder with a PNG of labels for each frame, 0 where no instrument is (docs/starting.md)."""
    max_frames: int | None = None
    """Stop after that many frames."""
    max_hands: int | None = None
    """Hands tracked at most, the same as --detection.max-hands."""
    config: Path | None = None
    """YAML file of settings; flags go before it."""
    settings: Annotated[Config, tyro.conf.arg(name="")] = field(default_factory=Config)

    def execute(self) -> int:
        """Runs, and names the results."""
        from hoi_perception.io.instrument_poses import read_instrument_poses
        from hoi_perception.io.run import RunOptions

        source = self.open_source()
        poses = read_instrument_poses(self.instruments) if self.instruments is not None else []
        config = self.perception_config()
        options = RunOptions(
            video=self.video,
            meshes=self.meshes,
            copy_topics=self.copy_topics,
            max_frames=self.max_frames,
            instrument_folders=tuple(listed(config.instrument_folders)),
        )
        results = run_with_progress(source, config, self.out, options, poses=poses, masks=self.mask)
        print_results(results, source)
        return 0

    def open_source(self) -> Source:
        """The source with its camera, before any network is loaded."""
        from hoi_perception.io.calibration_file import read_camera_file
        from hoi_perception.io.camera_choice import CameraChoice
        from hoi_perception.io.input_error import InputError
        from hoi_perception.io.sources import open_source

        for flag, count in (("--max-frames", self.max_frames), ("--max-hands", self.max_hands)):
            if count is not None and count < 1:
                raise InputError(f"{flag} {count}: give 1 or more, or leave it out")
        if self.camera is not None and self.fov is not None:
            raise InputError("--camera and --fov exclude each other: a calibration is no assumption; leave out one")
        if self.further:
            return self._open_all()
        camera = read_camera_file(self.camera, rectified=self.rectified) if self.camera is not None else None
        choice = CameraChoice(camera, self.fov)
        return open_source(self.source, choice, topic=self.topic, rectified=self.rectified, rate_hz=self.rate)

    def _open_all(self) -> Source:
        """All sources as one, with the cameras of their calibration file."""
        from hoi_perception.camera_rig import read_rig
        from hoi_perception.io.input_error import InputError
        from hoi_perception.io.synchronised import open_sources

        if self.camera is None:
            raise InputError(
                f"{1 + len(self.further)} sources: say where their cameras stand, with --camera FILE (docs/cameras.md)"
            )
        if self.topic is not None or self.rectified:
            raise InputError("--topic and --rectified are for one source: leave them out")
        return open_sources([self.source, *self.further], read_rig(self.camera), self.camera, self.rate)

    def perception_config(self) -> Config:
        """Settings with the shorthands put in, checked."""
        from hoi_perception.io.config_file import checked_config

        if self.max_hands is None:
            return checked_config(self.settings)
        return checked_config(
            replace(self.settings, detection=replace(self.settings.detection, max_hands=self.max_hands))
        )


@dataclass(frozen=True)
class Demo:
    """Renders a clip of two hands in motion, runs it, and tells the error against the known truth."""

    out: Path = Path("out/demo")
    """Folder for the clip and its results."""
    frames: int = 90
    """Length of the clip, at 30 frames a second."""
    video: bool = True
    """Write overlay.webm."""

    def execute(self) -> int:
        """Runs the demo, and names the results."""
        from hoi_perception.io.demo import print_errors, run_demo
        from hoi_perception.io.input_error import InputError

        if self.frames < 1:
            raise InputError(f"--frames {self.frames}: give 1 or more")
        print(f"rendering {self.frames} frames", file=sys.stderr)
        errors, results, source = run_demo(self.out, run_with_progress, frames=self.frames, video=self.video)
        print_results(results, source)
        print_errors(errors)
        return 0


@dataclass(frozen=True)
class Models:
    """`models fetch`: the palm and landmark networks, checked against pinned sums."""

    action: tyro.conf.Positional[Literal["fetch"]]
    """Fetch what is missing."""
    directory: Path | None = None
    """Folder for the networks; the user's cache by default."""
    wheel: Path | None = None
    """The wheel that holds them, downloaded elsewhere."""

    def execute(self) -> int:
        """Fetches what is missing."""
        from hoi_perception.hands.models import fetch_models

        for path in fetch_models(self.directory, self.wheel):
            print(path)
        return 0


@dataclass(frozen=True)
class HandFiles:
    """`hand convert`: an official MANO file (.pkl) to .npz, without executing anything in it."""

    action: tyro.conf.Positional[Literal["convert"]]
    """Convert the file."""
    source: tyro.conf.Positional[Path]
    """MANO_RIGHT.pkl or MANO_LEFT.pkl."""
    target: tyro.conf.Positional[Path | None] = None
    """The .npz; beside the source by default."""

    def execute(self) -> int:
        """Converts, and names the file."""
        from hoi_perception.hands.mano_file import convert_hand_file

        print(convert_hand_file(self.source, self.target))
        return 0


@dataclass(frozen=True)
class Doctor:
    """Tells what is missing on this machine and how to get it."""

    def execute(self) -> int:
        """0 if everything that is needed is there, else 2."""
        from hoi_perception.doctor import examine, print_findings

        return 0 if print_findings(examine()) else BAD_INPUT


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, 2 on bad input with one line that says what and why, 130 on Ctrl-C."""
    # FFmpeg's complaints about damaged files would drown the one line that counts.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    command: Any = None
    try:
        command = parse(arguments)
        return int(command.execute())
    except KeyboardInterrupt:
        print(f"hoi-perception: interrupted, {left_by(command)}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    except Exception as error:
        if not isinstance(error, told_errors()):
            raise
        print(f"hoi-perception: {one_line(error)}", file=sys.stderr)
        return BAD_INPUT


def left_by(command: Run | Demo | Node | Instruments | Models | HandFiles | Evaluate | Train | Doctor | None) -> str:
    """What lies on the disk when a command was interrupted: files are there whole or not at all."""
    if isinstance(command, Demo):
        return f"files that were whole by then stay in {command.out}"
    if isinstance(command, Models):
        return "networks that were whole by then stay"
    if isinstance(command, Evaluate) and command.root is not None:
        return "sequences that were finished stay, the same command goes on from there"
    if isinstance(command, Train):
        return f"the last checkpoint stays in {command.folder}, the same command goes on from there"
    return "nothing was written"


def parse(arguments: Sequence[str]) -> Any:
    """The command that the arguments name, settings from --config or --params-file below the flags."""
    live = list(arguments[:1]) == ["node"]
    default = Run(source=tyro.MISSING, out=tyro.MISSING, settings=Config() if live else settings_of(arguments))
    node = Node(settings=node_command.settings_of(arguments)) if live else Node()
    commands: Any = (
        Annotated[Run, tyro.conf.subcommand("run", default=default)]
        | Annotated[Demo, tyro.conf.subcommand("demo")]
        | Annotated[Node, tyro.conf.subcommand("node", default=node)]
        | Annotated[tyro.conf.OmitSubcommandPrefixes[Instruments], tyro.conf.subcommand("instruments")]
        | Annotated[Models, tyro.conf.subcommand("models")]
        | Annotated[HandFiles, tyro.conf.subcommand("hand")]
        | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
        | Annotated[Train, tyro.conf.subcommand("train")]
        | Annotated[Doctor, tyro.conf.subcommand("doctor")]
    )
    description = "Real-time 3D perception of hands and surgical instruments."
    return tyro.cli(commands, prog="hoi-perception", description=description, args=list(arguments))


def settings_of(arguments: Sequence[str]) -> Config:
    """Settings of the file named by --config, the defaults without one."""
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--config" and (equals or index + 1 < len(arguments)):
            from hoi_perception.io.config_file import read_config

            return read_config(Path(value if equals else arguments[index + 1]))
    return Config()


def run_with_progress(
    source: Source,
    config: Config,
    out: Path,
    options: Any,
    on_frame: Any = None,
    poses: Sequence[StatedPose] = (),
    masks: Path | None = None,
) -> Results:
    """`io.run.run` with a progress bar on stderr; Ctrl-C ends a live source with its results kept."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from hoi_perception.io.instrument_poses import WithInstruments
    from hoi_perception.io.mask_folder import WithMasks
    from hoi_perception.io.run import run

    perception: Any = load_perception(config)
    if poses:
        perception = WithInstruments(perception, poses)
    if masks is not None:
        perception = WithMasks(perception, masks, source)
    stop = threading.Event()
    if source.live:
        signal.signal(signal.SIGINT, lambda *_: _stop_once(stop))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    console = Console(stderr=True)
    unseen = not console.is_terminal
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=unseen) as progress:
        total = options.max_frames or source.frame_count
        task = progress.add_task(Path(source.name).name, total=total, rate="")

        def advance(scene: Any) -> None:
            progress.advance(task)
            speed = progress.tasks[0].finished_speed or progress.tasks[0].speed
            progress.update(task, rate=f"{speed:.1f} frames/s" if speed else "")
            if on_frame is not None:
                on_frame(scene)

        return run(source, perception, out, options, on_frame=advance, should_stop=stop.is_set)


def load_perception(config: Config) -> Perception:
    """The pipeline with its networks, without Warp's and LiteRT's remarks on what this machine has not got."""
    from hoi_perception.io.native_noise import quiet_stderr, start_warp

    start_warp()
    with quiet_stderr():
        from hoi_perception.pipeline import Perception

        return Perception(config)


def _stop_once(stop: threading.Event) -> None:
    """The first Ctrl-C asks for the end, a second one forces it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    stop.set()


def print_results(results: Results, source: Source) -> None:
    """What was found, on what assumptions, and where it lies."""
    s = results.summary
    print(f"{s.frames} frames at {s.fps:.1f} frames/s, {s.hands_per_frame:.2f} hands a frame, {s.tracks} tracks")
    if s.landmark_residual_rel_median is not None:
        print(f"fit: median residual {100 * s.landmark_residual_rel_median:.1f} % of the hand's box")
    if s.assumed:
        print(f"every length rests on: {next(iter(s.assumed.values()))}")
    for skip in source.skipped[:5]:
        print(f"skipped: {skip.reason}")
    if len(source.skipped) > 5:
        print(f"skipped: {len(source.skipped) - 5} more, see summary.json")
    for note in source.notes:
        print(f"note: {note}")
    for path in results.files:
        print(path)


def told_errors() -> tuple[type[Exception], ...]:
    """Errors whose text is meant for the user."""
    from hoi_perception.camera import CameraError
    from hoi_perception.hands.inert_pickle import HandFileError
    from hoi_perception.hands.models import ModelFileError
    from hoi_perception.instruments.errors import InstrumentError
    from hoi_perception.io.input_error import InputError
    from hoi_perception.pipeline import FrameError
    from hoi_perception.ros.conversions import MessageError
    from hoi_perception.ros.dds.names import NodeSetupError
    from hoi_perception.settings import SettingsError

    ours = (InputError, SettingsError, NodeSetupError, CameraError, FrameError, HandFileError, ModelFileError)
    return *ours, InstrumentError, MessageError, OSError


def one_line(error: Exception) -> str:
    """The error's text in one line; an error of the system gets its remedy."""
    if isinstance(error, OSError) and error.strerror:
        remedy = {
            errno.ENOSPC: "free some space or choose another --out",
            errno.EEXIST: "choose another --out",
            errno.ENOTDIR: "a file stands where a folder should, choose another --out",
            errno.EACCES: "check its permissions",
            errno.EROFS: "choose a folder that can be written to",
        }.get(error.errno or 0, "check the path")
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror.lower()}: {remedy}"
    return " ".join(str(error).split())


if __name__ == "__main__":
    sys.exit(main())
