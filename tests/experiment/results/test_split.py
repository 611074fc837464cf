import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import log_loss

from experiment.results.split import class_frequencies


def test_the_baseline_is_scikit_learns():
    rng = np.random.default_rng(0)
    trained_on, labels = rng.choice(4, 200, p=[0.1, 0.2, 0.3, 0.4]), rng.integers(0, 4, 50)
    model = DummyClassifier(strategy="prior").fit(np.zeros((200, 1)), trained_on)
    found = class_frequencies(trained_on, labels)
    assert found.accuracy == model.score(np.zeros((50, 1)), labels)
    assert found.cross_entropy == pytest.approx(log_loss(labels, model.predict_proba(np.zeros((50, 1)))))
