"""The model of a sweep: saving, loading, prediction.

    from experiment.model import load

    model = load("artifacts/sweeps/latest/model.npz")
    model.predict(frame_or_array)

It needs neither Prefect nor W&B.
"""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.data.drift import check_scale, outliers
from experiment.data.files import check_images, without_channel
from experiment.data.scaling import FORMULAS, Scaling, filled, logits
from experiment.data.schema import Schema
from experiment.errors import DataError
from softmax.loss import softmax

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    Examples = pd.DataFrame | NDArray[np.generic]

FORMAT = 2  # of model.npz


class Model(NamedTuple):
    """A trained model, with all that a prediction needs."""

    W: NDArray[np.float32]  # (m, c)
    b: NDArray[np.float32]  # (c,)
    scaling: Scaling
    class_names: tuple[str, ...]  # c of them
    table: Schema | None  # the columns of the table it was trained on; None: arrays
    picture: tuple[int, int] | None  # height and width, if the examples are pictures

    def predict(self, examples: "Examples") -> NDArray[np.str_]:
        """The most probable class of each example, by name; parameters as for `probabilities`."""
        chosen = self.probabilities(examples).argmax(axis=1)
        return np.array([self.class_names[k] for k in chosen])

    def probabilities(self, examples: "Examples") -> NDArray[np.float32]:
        """softmax(scaled(x) W + b), (n, c): finite for features of any size.

        Values far outside the range of the training rows cause a warning.

        `examples`: a DataFrame with the columns trained on, found by name; or an array (n, m), for pictures also
        (n, height, width), with categories one-hot in the order of `table.names`.
        DataError: features differ from those trained on, are not finite or beyond float32; pictures on another scale.
        """
        features = self.features(examples)
        for warning in self.concerns(features):
            warnings.warn(warning, stacklevel=2)
        return self.of_features(features)

    def table_of(self, features: NDArray[np.generic], first: int = 0) -> "pd.DataFrame":
        """A table of the most probable class and all probabilities, (n, 1 + c); parameters as for `logits`."""
        import pandas as pd

        probabilities = self.of_features(features, first)
        table = pd.DataFrame(probabilities, columns=list(self.class_names))
        chosen = [self.class_names[k] for k in probabilities.argmax(axis=1)]
        table.insert(0, "class", chosen, allow_duplicates=True)  # a class may be called "class"
        return table

    def of_features(self, features: NDArray[np.generic], first: int = 0) -> NDArray[np.float32]:
        """The probabilities (n, c) of features (n, m); parameters as for `logits`."""
        return np.asarray(softmax(logits(self.W, self.b, self.scaling, features, first)), np.float32)

    def features(self, examples: "Examples", where: str = "the examples") -> NDArray[Any]:
        """The features of the examples, as trained on: (n, m)."""
        if not isinstance(examples, np.ndarray):
            examples = self.table.features(examples, where) if self.table else np.asarray(examples)
        m, examples = len(self.W), without_channel(examples)
        if examples.shape in (self.picture, (m,)):
            examples = examples.reshape(1, m)
        shape, features = examples.shape[1:], check_images(filled(examples, self.scaling.fill), where)
        if features.shape[1] != m or (len(shape) == 2 and self.picture not in (None, shape)):
            given = f"{features.shape[1]} features" if len(shape) == 1 else f"pictures of {shape[0]} × {shape[1]}"
            wanted = f"pictures of {self.picture[0]} × {self.picture[1]}" if self.picture else str(m)
            raise DataError(f"{where}: {given}, but the model was trained on {wanted}; give the same features")
        return features

    def concerns(self, features: NDArray[np.generic], where: str = "the examples") -> tuple[str, ...]:
        """Warnings about features unlike those trained on; DataError for pictures on another scale."""
        if self.picture:
            check_scale(self.scaling.extremes, features, where)
            return ()
        return outliers(self.scaling.extremes, features, where, self.table.names if self.table else ())

    def to_sklearn(self) -> "Pipeline":
        """The same model as a scikit-learn Pipeline, fitted; it takes unscaled features (n, m), categories one-hot."""
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        shift_and_scale = {"grey-levels": (127.5, 255.0), "unit": (0.5, 1.0), "none": (0.0, 1.0)}
        m, c = self.W.shape
        mean, scale = np.broadcast_to(
            self.scaling.statistics if self.scaling.statistics is not None
            else np.array(shift_and_scale[self.scaling.kind])[:, None], (2, m)
        )  # fmt: skip
        varies = np.isfinite(scale)
        W, scale = np.where(varies[:, None], self.W, 0), np.where(varies, scale, 1)
        scaler, classifier = StandardScaler(), LogisticRegression()
        scaler.mean_, scaler.scale_, scaler.var_ = mean.copy(), scale, scale**2
        classifier.classes_ = np.array(self.class_names)
        # For two classes scikit-learn keeps the difference only.
        classifier.coef_ = W.T if c > 2 else W[:, [1]].T - W[:, [0]].T
        classifier.intercept_ = self.b if c > 2 else self.b[[1]] - self.b[[0]]
        scaler.n_features_in_ = classifier.n_features_in_ = m
        if self.scaling.fill is None:
            return make_pipeline(scaler, classifier)
        return make_pipeline(SimpleImputer().fit(self.scaling.fill[None]), scaler, classifier)


def packed(model: Model, more: Mapping[str, Any]) -> bytes:
    """The model and further entries as an `.npz` file."""
    scaling = model.scaling._asdict()
    values: dict[str, Any] = {
        "W": model.W,
        "b": model.b,
        "class_names": np.array(model.class_names),
        "feature_names": np.array(model.table.names if model.table else (), dtype=str),
        "table": model.table.model_dump_json() if model.table else "",
        "picture": np.array(model.picture or (), dtype=int),
        "scaling": scaling.pop("kind"),
        "format": FORMAT,
    } | {f"scaling_{name}": array for name, array in scaling.items() if array is not None}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **values, **more)
    return buffer.getvalue()


def load(path: Path | str) -> Model:
    """The model in a sweep's `model.npz`; DataError if it is missing, truncated, altered, or of another version."""
    try:
        with np.load(path, allow_pickle=False) as file:
            entries = {name: file[name] for name in file.files}
    except Exception as error:  # zipfile and NumPy raise many kinds
        raise DataError(f"{path}: cannot be read as a model ({error}); give a sweep's model.npz") from error
    if {"W", "b", "scaling"} <= entries.keys() and entries.get("format") != FORMAT:
        raise DataError(f"{path}: a model of another version of this program; run its sweep again with this version")
    try:
        kind, extremes = str(entries["scaling"]), entries["scaling_extremes"]
        scaling = Scaling(kind, entries.get("scaling_statistics"), extremes, entries.get("scaling_fill"))  # type: ignore[arg-type]
        model = Model(
            W=entries["W"],
            b=entries["b"],
            scaling=scaling,
            class_names=tuple(map(str, entries["class_names"])),
            table=Schema.model_validate_json(table) if (table := str(entries["table"])) else None,
            picture=tuple(entries["picture"].tolist()) or None,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path}: not a model of this program ({error}); give a sweep's model.npz") from error
    m, c = model.W.shape if model.W.ndim == 2 else (0, 0)
    consistent = (
        model.b.shape == (c,)
        and len(model.class_names) == c > 1
        and scaling.kind in FORMULAS
        and (scaling.statistics is not None) == (scaling.kind == "standardize")
        and (scaling.statistics is None or scaling.statistics.shape == (2, m))
        and scaling.extremes.shape == (2, m)
        and (scaling.fill is None or scaling.fill.shape == (m,))
        and (model.picture is None or (len(model.picture) == 2 and model.picture[0] * model.picture[1] == m))
        and (model.table is None or len(model.table.names) == m)
        and bool(np.isfinite(model.W).all() and np.isfinite(model.b).all())
    )
    if not consistent:
        raise DataError(f"{path}: its arrays do not fit together, so it has been altered; give a sweep's model.npz")
    return model
