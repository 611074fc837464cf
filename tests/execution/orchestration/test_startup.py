"""What is looked at before the flow begins."""

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from execution.orchestration.startup import check_api
from experiment.errors import InputError


def test_an_address_that_is_not_prefects_api_is_refused(prefect_server):
    check_api()
    with (
        temporary_settings({PREFECT_API_URL: prefect_server.removesuffix("/api")}),
        pytest.raises(InputError, match=r"^PREFECT_API_URL: .*http://host:4200/api$"),
    ):
        check_api()
