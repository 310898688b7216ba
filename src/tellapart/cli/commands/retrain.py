"""`tellapart retrain`."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import AsJson, complain, show


def retrain(
    flags: Annotated[
        list[str], typer.Argument(metavar="--FLAG VALUE...", help="The flags of retrain.py.")
    ],
    as_json: AsJson = False,
) -> None:
    """Train with the command line of TensorFlow's retrain.py (2016-2019).

    \b
    tellapart retrain --image_dir photos --how_many_training_steps 500
    tellapart retrain --image_dir=photos --output_graph=graph.pb --output_labels=labels.txt

    It takes these flags of retrain.py: image_dir, output_graph, intermediate_output_graphs_dir,
    intermediate_store_frequency, output_labels, summaries_dir, how_many_training_steps,
    learning_rate, testing_percentage, validation_percentage, eval_step_interval,
    train_batch_size, test_batch_size, validation_batch_size,
    print_misclassified_test_images, model_dir, bottleneck_dir, final_tensor_name,
    flip_left_right, random_crop, random_scale, random_brightness, architecture,
    tfhub_module, saved_model_dir, checkpoint_path, logging_verbosity. Two flags are new:
    output_model says where the tellapart model goes; without it, that is beside the graph.
    replace_model replaces a model of other pictures there, and keeps the old one beside it.

    TensorFlow writes the graph. Without TensorFlow you get a model and no graph; retrain then
    exits with 1 if you asked for output_graph.
    """
    from ...to_json.results import Json
    from ...to_json.training import trained
    from ...training.options import Watch
    from ..retrain import run as original
    from ..terminal import console as terminal

    retraining = original.read_flags(flags)
    level = retraining.flags.logging_verbosity
    say = terminal.stderr().print
    for note in retraining.notes if level in ("DEBUG", "INFO", "WARN") else ():
        say(note)
    logs = level in ("DEBUG", "INFO") and not as_json
    with terminal.progress_bar("Reading pictures", as_json) as progress:
        watch = Watch(
            progress,
            progress.doing,
            (lambda step: say("\n".join(original.step_lines(step)))) if logs else None,
        )
        done = original.retrain(retraining, watch)
    lines = original.final_lines(done)
    summary: dict[str, Json] = {
        **trained(done.result, str(retraining.model), done.changed),
        "written": [str(path) for path in done.written],
        "missing": str(done.missing) if done.missing else None,
    }
    show(summary, as_json, lambda: typer.echo("\n".join(lines)))
    if done.missing:
        message, hint = done.missing.said
        complain(f"The graph was not written. {message}", hint)
        raise typer.Exit(1 if "output_graph" in retraining.asked else 0)
