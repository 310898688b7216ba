"""`tellapart demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Quality, Quiet


def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to put the pictures and the model.")
    ] = Path("tellapart-demo"),
    quality: Annotated[Quality, typer.Option(help="As in train.")] = Quality.fast,
    quiet: Quiet = False,
) -> None:
    """See everything at work on pictures that tellapart draws itself.

    \b
    tellapart demo

    Draws two invented characters, a Dark Knight and an Ice Queen, learns to tell them apart, tests
    itself on pictures it kept back, sorts a folder, and says what to type next.
    """
    from ...assess.testing import evaluate
    from ...demo.walk import PICTURES, check_own, draw_demo
    from ...model.classifier import load
    from ...sorting import sort as sorting
    from ...sorting.journal import STATE
    from ...text import shown
    from ...training.options import Watch
    from ...training.train import train as run
    from ..terminal import console as terminal
    from ..terminal.sorting import print_sort
    from ..terminal.testing import print_test
    from ..terminal.training import print_found, print_written

    say = terminal.stdout().print
    model, destination = folder / "model", folder / "sorted"
    check_own(folder)
    say("Can you tell the Dark Knight from the Ice Queen?\n")
    with terminal.progress_bar("Drawing pictures", quiet):
        pictures = draw_demo(folder / PICTURES)
    say(f"Drew pictures of both in {shown(pictures.folder)}: they are drawings, not photos.")
    terminal.say_command("train", pictures.photos, "-o", model, "--quality", quality.value)
    with terminal.progress_bar("Reading pictures", quiet) as progress:
        result = run(pictures.photos, quality=quality.value, watch=Watch(progress, progress.doing))
    print_found(result)
    with terminal.progress_bar("Writing the model and its report", quiet):
        result.save(model, replace=True)  # a demo's own, as was seen
    print_written(model)
    terminal.say_command("test", model, pictures.kept_back)
    classifier = load(model)
    with terminal.progress_bar("Testing", quiet) as progress:
        tested = evaluate(classifier, pictures.kept_back, progress=progress)
    print_test(tested)
    hard = {path.name for path in pictures.hard}
    if any(Path(mistake.name).name in hard for mistake in tested.evaluation.mistakes):
        say(
            "\nNo training picture shows a dress from behind without a face, or a helmet alone:\n"
            "a model is only as good as the pictures behind it."
        )
    if (destination / STATE).is_dir():
        sorting.undo(destination)
    terminal.say_command("sort", model, pictures.inbox, destination)
    with terminal.progress_bar("Sorting", quiet) as progress:
        done = sorting.sort(classifier, pictures.inbox, destination, progress=progress)
    print_sort(done)
    say("\nNow with your own pictures, one folder a label:")
    say(f"  {terminal.command('train', 'photos/', '-o', 'mine')}")
