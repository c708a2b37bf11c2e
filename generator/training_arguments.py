"""Our settings in the words of the transformers Trainer."""

from pathlib import Path

from transformers import TrainingArguments

from generator.config import GeneratorConfig
from generator.precision import default_device

LOGGED_STEPS = 20  # optimizer steps between two points of the training curve
KEPT_CHECKPOINTS = 2  # the best and the last


def training_arguments(config: GeneratorConfig, checkpoints: Path, *, precision: str, seed: int) -> TrainingArguments:
    """The Trainer's arguments; making them joins the other processes of ``torchrun`` or ``accelerate launch``.

    Args:
        config: Resolved settings.
        checkpoints: Folder of checkpoints.
        precision: ``bf16`` or ``fp32``.
        seed: Of order and dropout.
    """
    moment = "steps" if config.evaluation_steps else "epoch"
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=config.warmup_steps,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_gradient_norm,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.evaluation_batch_size,
        gradient_accumulation_steps=config.accumulation_steps,
        bf16=precision == "bf16",
        use_cpu=default_device().type == "cpu",
        eval_strategy=moment,
        eval_steps=config.evaluation_steps or None,
        save_strategy=moment,
        save_steps=config.evaluation_steps or 500,  # not used with "epoch"
        save_total_limit=KEPT_CHECKPOINTS,
        load_best_model_at_end=True,
        metric_for_best_model="perplexity",
        greater_is_better=False,
        logging_steps=LOGGED_STEPS,
        report_to=[],
        remove_unused_columns=False,
        disable_tqdm=True,  # our own bar
        log_level_replica="error",  # the first process says what there is to say
        # Every weight takes part in every step; looking for those that do not costs a pass over the graph.
        ddp_find_unused_parameters=False,
        seed=seed,
    )
    # Several GPUs are used by torchrun or accelerate, one process each, never by threads of one process.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments
