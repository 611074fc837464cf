"""W&B artifacts: data and models with versions, and which was made from which.

An array is recorded only by its digest and never sent; a file is sent. W&B makes no second version of the same content,
so steps and runs that are repeated add none.
"""

import hashlib
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from execution.config import RunContext
from execution.storage import arrays
from experiment.values import ArrayRef, Artifact

if TYPE_CHECKING:
    import wandb

LONGEST = 128  # characters of a name


def keep_artifacts(run: "wandb.Run", portable: bool) -> None:
    """Make a run write its artifacts, including those of its tables, to its own file, as offline runs do.

    By default an online run gives them only to the server, so a run that ends offline would lose them; and for each it
    first asks the server for up to 20 s whether its type is correct.

    `portable` : the files are copied into an offline run's folder, since another machine will send it
    """

    def publish(artifact: "wandb.Artifact", aliases: list[str] | None = None, **about: Any) -> "wandb.Artifact":
        artifact.finalize()
        if portable and run.offline:
            take_along(run, artifact)
        flags = {name: about.get(name, False) for name in ("is_user_created", "use_after_commit")}
        run._interface.publish_artifact(run, artifact, ["latest"] if aliases is None else aliases, **flags)  # type: ignore[union-attr]
        return artifact

    # Runs and tables log by this method, which has no setting for either.
    run._log_artifact = publish  # type: ignore[method-assign,assignment]


def take_along(run: "wandb.Run", artifact: "wandb.Artifact") -> None:
    """Copy an artifact's files into its run's folder, and refer to the copies.

    Paths are relative to the folder of all runs, where `flows sync` runs the client.
    """
    folder = Path(run.dir).parent / "artifacts"
    for entry in artifact.manifest.entries.values():
        if entry.local_path:
            folder.mkdir(exist_ok=True)
            taken = folder / hashlib.sha256(f"{artifact.name} {entry.path}".encode()).hexdigest()[:16]
            shutil.copyfile(entry.local_path, taken)
            entry.local_path = f"offline-run-{run.id}/artifacts/{taken.name}"


def version_of(execution: RunContext, artifact: Artifact) -> "wandb.Artifact":
    """The artifact as an object of W&B's client."""
    import wandb
    from wandb.sdk.artifacts.artifact_manifest_entry import ArtifactManifestEntry

    name = re.sub(r"[^\w.-]+", "-", artifact.name, flags=re.ASCII)[:LONGEST]
    version = wandb.Artifact(name, artifact.kind, metadata=artifact.about)
    for called, ref in artifact.contents.items():
        if isinstance(ref, ArrayRef):
            # `add_reference` does the same, but warns of an unknown scheme.
            version.manifest.add_entry(ArtifactManifestEntry(path=called, ref=ref.digest, digest=ref.digest))
        else:
            path = arrays.verified(execution.storage, arrays.key_of(ref.digest))
            version.add_file(str(path), called, policy="immutable", skip_cache=True)  # without a copy
    return version
