from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "cronjobs.batch"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {
            "spec": {
                "schedule": "every minute",
                "jobTemplate": {
                    "spec": {
                        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
                    }
                },
            }
        },
        ['spec.schedule: Invalid value: "every minute": expected exactly 5 fields, found 2: [every minute]'],
    ),
    (
        {
            "spec": {
                "schedule": "60 * * * *",
                "jobTemplate": {
                    "spec": {
                        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
                    }
                },
            }
        },
        ['spec.schedule: Invalid value: "60 * * * *": end of range (60) above maximum (59): 60'],
    ),
    (
        {
            "spec": {
                "schedule": "@sometimes",
                "jobTemplate": {
                    "spec": {
                        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
                    }
                },
            }
        },
        ['spec.schedule: Invalid value: "@sometimes": unrecognized descriptor: @sometimes'],
    ),
    (
        {
            "spec": {
                "schedule": "0 22-2 * * *",
                "jobTemplate": {
                    "spec": {
                        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
                    }
                },
            }
        },
        ['spec.schedule: Invalid value: "0 22-2 * * *": beginning of range (22) beyond end of range (2): 22-2'],
    ),
    (
        {
            "spec": {
                "schedule": "*/0 * * * *",
                "jobTemplate": {
                    "spec": {
                        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
                    }
                },
            }
        },
        ['spec.schedule: Invalid value: "*/0 * * * *": step of range should be a positive number: */0'],
    ),
    (
        {
            "spec": {
                "schedule": "TZ=UTC 0 0 * * *",
                "jobTemplate": {
                    "spec": {
                        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
                    }
                },
            }
        },
        [
            'spec.schedule: Invalid value: "TZ=UTC 0 0 * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead'
        ],
    ),
    (
        {
            "spec": {
                "schedule": "@daily",
                "timeZone": "Nowhere/City",
                "concurrencyPolicy": "Maybe",
                "jobTemplate": {
                    "spec": {
                        "manualSelector": True,
                        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}},
                    }
                },
            }
        },
        [
            'spec.timeZone: Invalid value: "Nowhere/City": unknown time zone Nowhere/City',
            'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
            'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
        ],
    ),
    (
        {
            "metadata": {"name": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
            "spec": {
                "schedule": "@daily",
                "jobTemplate": {
                    "spec": {
                        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
                    }
                },
            },
        },
        [
            'metadata.name: Invalid value: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": must be no more than 52 characters'
        ],
    ),
    (
        {
            "spec": {
                "schedule": "*/5 0 1,15 JAN MON-FRI",
                "timeZone": "Europe/Berlin",
                "jobTemplate": {
                    "spec": {
                        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
                    }
                },
            }
        },
        [],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_schedule_that_cannot_be_is_refused(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts
