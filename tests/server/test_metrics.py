from __future__ import annotations

from fakekube.server.health import Health
from fakekube.server.metrics import Metrics

POD = 'group="",resource="pods",subresource="",verb="GET",version="v1"'


def lines(metrics: Metrics) -> list[str]:
    return metrics.render().body.decode().split("\n")


def test_requests_are_counted_by_code_and_timed_without() -> None:
    metrics = Metrics()

    for code, seconds in ((200, 0.001), (200, 0.03), (404, 100.0)):
        metrics.observe("GET", "pods", "", "v1", "", code, seconds)

    text = lines(metrics)
    assert f'apiserver_request_total{{code="200",{POD}}} 2.0' in text
    assert f'apiserver_request_total{{code="404",{POD}}} 1.0' in text
    buckets = [line.split()[1] for line in text if line.startswith("apiserver_request_duration_seconds_bucket")]
    assert buckets[:3] == ["1.0", "1.0", "2.0"]
    assert buckets[-2:] == ["2.0", "3.0"]


def test_gauges_are_read_when_asked() -> None:
    objects = {"pods": 1}
    metrics = Metrics(lambda: objects, lambda: {("apps", "v1", "Deployment"): 2})
    objects["pods"] = 5
    metrics.in_flight["mutating"] += 1

    text = lines(metrics)

    assert 'apiserver_storage_objects{resource="pods"} 5.0' in text
    assert 'apiserver_registered_watchers{group="apps",kind="Deployment",version="v1"} 2.0' in text
    assert 'apiserver_current_inflight_requests{request_kind="mutating"} 1.0' in text


def test_two_servers_in_one_process_do_not_share_counters() -> None:
    first, second = Metrics(), Metrics()

    first.observe("GET", "pods", "", "v1", "", 200, 0.1)

    assert not any("pods" in line for line in lines(second))
    assert any("pods" in line for line in lines(first))


def test_the_content_type_is_that_of_prometheus() -> None:
    assert Metrics().render().content_type == b"text/plain; version=0.0.4; charset=utf-8; escaping=underscores"


def test_health_is_a_metric_too() -> None:
    health = Health()
    health.failed["shutdown"] = "going"

    text = Metrics().render_service_level_indicators(health).body.decode()

    assert 'kubernetes_healthcheck{name="ping",type="readyz"} 1.0' in text
    assert 'kubernetes_healthcheck{name="shutdown",type="readyz"} 0.0' in text
