from __future__ import annotations

import pytest

from fakekube.controllers import job_indexes


@pytest.mark.parametrize("text", ["", "0", "0,1", "0-2", "0,3-5", "0,1,3,7,8,10-12"])
def test_index_sets_are_written_as_they_are_read(text: str) -> None:
    assert job_indexes.text_of(job_indexes.parse(text)) == text
