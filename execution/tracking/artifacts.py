"""What has versions at W&B: data and models, one version for each content, and which was made from which.

An array is recorded by its digest alone: it stays where it is, nothing is read or sent. A file is sent as it is. W&B
makes no second version of a content that it has, so a step that runs again and a run that is synced again add none.
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
    """Have a run write the artifacts that it logs, those of its tables too, into its own file, as offline ones do.

    By itself an online run hands them to the server alone: one that ends offline would have lost them. And for each it
    asks the server first, 20 s long, whether its type is right.

    `portable` : an offline run has their files with it, for it will be sent from another machine
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
    """Put an artifact's files into its run's folder, and have the run look for them there when it is sent.

    Not by a path of this machine, but from the folder that the runs are in, where `flows sync` has the client work.
    """
    folder = Path(run.dir).parent / "artifacts"
    for entry in artifact.manifest.entries.values():
        if entry.local_path:
            folder.mkdir(exist_ok=True)
            taken = folder / hashlib.sha256(f"{artifact.name} {entry.path}".encode()).hexdigest()[:16]
            shutil.copyfile(entry.local_path, taken)
            entry.local_path = f"offline-run-{run.id}/artifacts/{taken.name}"


def version_of(execution: RunContext, artifact: Artifact) -> "wandb.Artifact":
    """Return it as W&B's client has it."""
    import wandb
    from wandb.sdk.artifacts.artifact_manifest_entry import ArtifactManifestEntry

    name = re.sub(r"[^\w.-]+", "-", artifact.name, flags=re.ASCII)[:LONGEST]
    version = wandb.Artifact(name, artifact.kind, metadata=artifact.about)
    for called, ref in artifact.contents.items():
        if isinstance(ref, ArrayRef):
            # As `add_reference` does, which warns that it knows of no scheme like ours.
            version.manifest.add_entry(ArtifactManifestEntry(path=called, ref=ref.digest, digest=ref.digest))
        else:
            path = arrays.verified(execution.storage, arrays.key_of(ref.digest))
            version.add_file(str(path), called, policy="immutable", skip_cache=True)  # no copy: it never changes
    return version
