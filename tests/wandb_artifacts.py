"""Artifacts as the stand-in for the W&B server keeps them.

An artifact is a version once it is committed, and whoever brings a content that its collection has gets the artifact
that has it. The client's source says so of committed ones; that two who bring the same content at the same time get one
artifact, too, is a guess.
"""

import base64
import json
from dataclasses import dataclass, field
from urllib.parse import quote

from tests.wandb_runs import Json


@dataclass
class Version:
    id: str
    collection: str
    type: str
    digest: str
    committed: bool = False
    metadata: Json = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
    made_by: list[str] = field(default_factory=list)  # runs
    used_by: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)  # uploaded ones, the manifest among them

    @property
    def manifest(self) -> Json:
        manifest: Json = json.loads(self.files["wandb_manifest.json"])
        return manifest


class Artifacts:
    def __init__(self) -> None:
        self.begun: list[Version] = []
        self.refuse = ""  # the operation that is refused

    def versions(self, type: str = "") -> list[Version]:
        return [version for version in self.begun if version.committed and type in ("", version.type)]

    def answer(self, operation: str, given: Json, url: str) -> Json | None:
        """Return what the server at `url` says to a GraphQL operation; None if it knows none of that name."""
        if operation == self.refuse:
            return None
        match operation:
            case "CreateArtifact":
                return {"createArtifact": {"artifact": self._create(given["input"])}}
            case "CreateArtifactManifest":
                version = self._of(given["artifactID"])
                link = self._link(version, given["name"], url) if given["includeUpload"] else {}
                file = {"id": "RmlsZQ==", **link}
                return {"createArtifactManifest": {"artifactManifest": {"id": f"M{version.id}", "file": file}}}
            case "CreateArtifactFiles":
                nodes = [self._file(spec, url) for spec in given["input"]["artifactFiles"]]
                return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}
            case "CommitArtifact":
                version = self._of(given["artifactID"])
                version.committed = True
                return {"commitArtifact": {"artifact": {"id": version.id, "digest": version.digest}}}
            case "UseArtifact":
                version = self._of(given["input"]["artifactID"])
                version.used_by.append(given["input"]["runName"])
                return {"useArtifact": {"artifact": {"id": version.id}}}
        return None

    def _of(self, id: str) -> Version:
        return next(version for version in self.begun if version.id == id)

    def _create(self, given: Json) -> Json:
        same = (
            version
            for version in self.begun
            if (version.collection, version.digest) == (given["artifactCollectionName"], given["digest"])
        )
        version = next(same, None)
        if version is None:
            id = base64.b64encode(f"Artifact:{len(self.begun)}".encode()).decode()
            collection, type = given["artifactCollectionName"], given["artifactTypeName"]
            version = Version(id, collection, type, given["digest"], metadata=json.loads(given.get("metadata") or "{}"))
            self.begun.append(version)
        version.aliases += [alias["alias"] for alias in given.get("aliases") or []]
        version.made_by += [given["runName"]] if given.get("runName") else []
        state = "COMMITTED" if version.committed else "PENDING"
        sequence = {"id": "U2VxdWVuY2U=", "latestArtifact": None}
        return {"id": version.id, "state": state, "artifactSequence": sequence}

    def _file(self, spec: Json, url: str) -> Json:
        version = self._of(spec["artifactID"])
        about = {"name": spec["name"], "storagePath": None, "uploadMultipartUrls": None, "artifact": {"id": version.id}}
        return about | self._link(version, spec["name"], url)

    def _link(self, version: Version, name: str, url: str) -> Json:
        return {"uploadUrl": f"{url}/artifacts/{self.begun.index(version)}/{quote(name)}", "uploadHeaders": []}
