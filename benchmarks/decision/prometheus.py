"""A Prometheus of the run's own, with a past of what kube-state-metrics tells of users' pods."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which

from tools import end_process, free_port, is_listening, wait_until

METRIC = "kube_pod_container_resource_requests"


def is_there() -> bool:
    return which("prometheus") is not None and which("promtool") is not None


def write_past(path: Path, days_of: Sequence[tuple[str, int]]) -> None:
    """Each person's pod, two hours on each of so many days before today, a sample a minute."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with path.open("w") as file:
        file.write(f"# TYPE {METRIC} gauge\n")
        for name, days in days_of:
            labels = f'namespace="hub",pod="jupyter-{name}",container="notebook",node="node-1"'
            series = f'{METRIC}{{{labels},resource="memory",unit="byte"}} 512000000'
            for day in range(days, 0, -1):
                start = int((today - timedelta(days=day) + timedelta(hours=9)).timestamp())
                file.writelines(f"{series} {start + 60 * n}\n" for n in range(120))
        file.write("# EOF\n")


@contextmanager
def running(folder: Path, days_of: Sequence[tuple[str, int]]) -> Iterator[str]:
    """Its address. It ends with the block."""
    past, data = folder / "past.txt", folder / "data"
    write_past(past, days_of)
    subprocess.run(
        [
            "promtool",
            "tsdb",
            "create-blocks-from",
            "--max-block-duration=744h",
            "openmetrics",
            "--quiet",
            str(past),
            str(data),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    past.unlink()
    settings = folder / "prometheus.yml"
    settings.write_text("global: {scrape_interval: 60s, evaluation_interval: 60s}\n")
    port = free_port()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={settings}",
                f"--storage.tsdb.path={data}",
                "--storage.tsdb.retention.time=2y",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until(lambda: is_listening(port), seconds=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        end_process(process)
